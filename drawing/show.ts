/**
 * Show pictures and tables wherever the code runs: drawn in a notebook, described in a terminal.
 *
 * @module
 */
import { currentNotebook, type Media } from "./notebook.ts";
import { pictureText } from "./picture.ts";
import { htmlTable, plainTable, type Row } from "./table.ts";

export type { Media, Row };

/** Something that a notebook draws when it is the last value of a cell, or given to {@linkcode show}. */
export interface Displayable {
  /** The same contents in several media types; `text/plain` is what a terminal prints. */
  media: Media;
}

/**
 * A picture that shows in every notebook viewer: an image inside of HTML, because viewers refuse
 * or blank a bare SVG. Its plain text is the picture's title and description.
 *
 * @example
 * ```ts
 * import { svgImage } from "@lineage/lineage/drawing/show";
 * import { barChart } from "@lineage/lineage/drawing/svg";
 * import { assertEquals } from "@std/assert";
 *
 * const svg = barChart([{ name: "BERT", value: 0.9 }], { title: "Score", valueLabel: "accuracy" });
 * assertEquals(svgImage(svg).media["text/plain"], "Score\nBERT: 0.9");
 * ```
 */
export function svgImage(svg: string): Displayable {
  const { title, summary } = pictureText(svg);
  const data = base64(svg);
  const alternative = title.replace(/["&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return displayable({
    "text/html": `<img alt="${alternative}" src="data:image/svg+xml;base64,${data}">`,
    "text/plain": `${title}\n${summary}`,
  });
}

/**
 * HTML with a plain twin for terminals.
 *
 * @example
 * ```ts
 * import { html, show } from "@lineage/lineage/drawing/show";
 *
 * await show(html("<b>bold</b>", "bold"));
 * ```
 */
export function html(markup: string, plain: string): Displayable {
  return displayable({ "text/html": markup, "text/plain": plain });
}

/**
 * A table: HTML in a notebook, aligned columns in a terminal.
 *
 * @param rows The first row's names become the heading.
 * @throws {RangeError} When there is no row.
 *
 * @example
 * ```ts
 * import { show, table } from "@lineage/lineage/drawing/show";
 *
 * await show(table([{ model: "BERT-base", layers: 12 }, { model: "DistilBERT", layers: 6 }]));
 * ```
 */
export function table(rows: readonly Row[], caption?: string): Displayable {
  return html(htmlTable(rows, caption), plainTable(rows, caption));
}

/**
 * Show a picture or a table now. A terminal gets its plain text.
 *
 * @param content SVG text as the functions of `drawing/svg` return it, or a {@linkcode Displayable}.
 *
 * @example
 * ```ts
 * import { show } from "@lineage/lineage/drawing/show";
 * import { heatMap } from "@lineage/lineage/drawing/svg";
 *
 * await show(heatMap([[1, 0], [1, 1]], { title: "Causal mask" }));
 * ```
 */
export async function show(content: string | Displayable): Promise<void> {
  const { media } = typeof content === "string" ? svgImage(content) : content;
  const notebook = currentNotebook();
  if (notebook) await notebook.display(media, { raw: true });
  else console.log(media["text/plain"]);
}

function displayable(media: Media): Displayable {
  return Object.assign({ media }, { [Symbol.for("Jupyter.display")]: () => media });
}

function base64(text: string): string {
  return btoa(
    new TextEncoder().encode(text).reduce((bytes, byte) => bytes + String.fromCharCode(byte), ""),
  );
}
