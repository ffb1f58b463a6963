/**
 * Many small pictures in a grid: every head of every layer at one glance.
 *
 * @module
 */
import { element, INK, textWidth, words } from "./element.ts";
import { headHeight, picture, type PictureOptions, pictureText } from "./picture.ts";

/** How a grid of pictures looks. */
export interface SmallMultiplesOptions extends PictureOptions {
  /** Names at the left of the rows. */
  rows?: readonly string[];
  /** Names above the columns. */
  columns?: readonly string[];
  /** Width of each picture in pixels; chosen to fill 720 unless given. */
  panelWidth?: number;
}

/**
 * Put pictures side by side and below each other. Use one colour range for all of them.
 *
 * @param panels Rows of pictures, as SVG text; rows may be of unequal length.
 * @returns One picture as SVG text.
 * @throws {RangeError} When there is no picture, or one is not SVG text of this library.
 *
 * @example Two layers of two heads
 * ```ts
 * import { heatMap, smallMultiples } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const head = (weights: number[][]) =>
 *   heatMap(weights, { title: "head", bare: true, range: [0, 1] });
 * const svg = smallMultiples([
 *   [head([[1, 0], [0.5, 0.5]]), head([[0, 1], [1, 0]])],
 *   [head([[0.2, 0.8], [0.5, 0.5]]), head([[0.9, 0.1], [0.1, 0.9]])],
 * ], { title: "Attention", rows: ["layer 1", "layer 2"], columns: ["head 1", "head 2"] });
 * assertStringIncludes(svg, "layer 2");
 * ```
 */
export function smallMultiples(
  panels: readonly (readonly string[])[],
  options: SmallMultiplesOptions,
): string {
  const { rows = [], columns = [] } = options;
  const across = panels.reduce((most, row) => Math.max(most, row.length), 0);
  if (across === 0) throw new RangeError("nothing to draw: there is no picture in the grid");
  const left = 20 + rows.reduce((most, name) => Math.max(most, textWidth(name) + 10), 0);
  const width = options.panelWidth ?? Math.min(240, (720 - left) / across - 10);
  const tallest = panels.flat().map((svg) => shape(svg)).reduce((a, b) => Math.max(a, b));
  const height = width * tallest;
  const top = headHeight(options, [], 0) + (columns.length > 0 ? 22 : 6);
  const corner = (i: number, j: number) => [left + j * (width + 10), top + i * (height + 10)];
  return picture(
    {
      width: Math.max(left + across * (width + 10) + 10, textWidth(options.title, 15) + 40),
      height: top + panels.length * (height + 10) + 8,
    },
    options,
    [],
    panels.flat().map((svg) => pictureText(svg).title).join(", "),
    ...columns.map((name, j) =>
      words(corner(0, j)[0] + width / 2, top - 7, name, {
        "text-anchor": "middle",
        fill: INK.quiet,
      })
    ),
    ...rows.map((name, i) =>
      words(left - 10, corner(i, 0)[1] + height / 2 + 4, name, {
        "text-anchor": "end",
        fill: INK.quiet,
      })
    ),
    ...panels.flatMap((row, i) => row.map((svg, j) => placed(svg, corner(i, j), width))),
  );
}

const ROOT = /^<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>/;

/** Height of a picture divided by its width. */
function shape(svg: string): number {
  const [, width, height] = ROOT.exec(svg) ?? [];
  if (width) return Number(height) / Number(width);
  throw new RangeError(`not a picture of this library: "${svg.slice(0, 40)}"`);
}

function placed(svg: string, [x, y]: number[], width: number): string {
  const height = width * shape(svg);
  const place = { x, y, width, height };
  const root = (tag: string) => {
    const kept = tag.replace(/ (width|height)="[^"]*"/g, "");
    return element("svg", place, "").replace("></svg>", kept.slice("<svg".length));
  };
  return svg.replace(ROOT, root) + element("rect", { ...place, fill: "none", stroke: INK.axis });
}
