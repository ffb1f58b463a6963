/**
 * What every picture has: a white ground, a title, a note, a legend, and a text for those who
 * cannot see it.
 *
 * @module
 */
import { type Attributes, element, INK, textWidth, words } from "./element.ts";

/** What can be said about any picture. */
export interface PictureOptions {
  /** Written above the picture. */
  title: string;
  /** A second, quieter line below the title. */
  note?: string;
}

/** One entry of a legend: a name beside a stroke or a dot in a colour. */
export interface LegendEntry {
  /** Name of the series. */
  name: string;
  /** Colour of the series. */
  colour: string;
  /** How the series is drawn. */
  mark: "line" | "dashes" | "points";
}

const MARGIN = 16;
const FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans CJK SC', sans-serif";

/** Height that title, note and legend take above the drawing. */
export function headHeight(options: PictureOptions, legend: LegendEntry[], width: number): number {
  const rows = legendPlaces(legend, width).at(-1)?.row ?? -1;
  return 38 + (options.note ? 18 : 0) + (rows + 1) * 20;
}

/**
 * A whole picture: the drawing in `body`, with head and legend above it. `summary` says in words
 * what the drawing shows.
 */
export function picture(
  size: { width: number; height: number },
  options: PictureOptions,
  legend: LegendEntry[],
  summary: string,
  ...body: string[]
): string {
  const { width, height } = size;
  const attributes: Attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${Math.round(width)} ${Math.round(height)}`,
    role: "img",
    "font-family": FONT,
    "font-size": 12,
    fill: INK.text,
  };
  return element(
    "svg",
    { ...attributes, width: Math.round(width), height: Math.round(height) },
    plain("title", options.title),
    plain("desc", summary),
    element("rect", { width: "100%", height: "100%", fill: "#ffffff" }),
    words(MARGIN, 24, options.title, { "font-size": 15, "font-weight": 600 }),
    options.note ? words(MARGIN, 42, options.note, { fill: INK.quiet }) : "",
    ...legendMarks(legend, width, options.note ? 60 : 42),
    ...body,
  );
}

/**
 * Title and description of a picture, read back from it.
 *
 * @example
 * ```ts
 * import { barChart, pictureText } from "@lineage/lineage/drawing/svg";
 * import { assertEquals } from "@std/assert";
 * const svg = barChart([{ name: "BERT", value: 0.8 }], { title: "Scores", valueLabel: "share" });
 * assertEquals(pictureText(svg), { title: "Scores", summary: "BERT: 0.8" });
 * ```
 */
export function pictureText(svg: string): { title: string; summary: string } {
  const inside = (name: string) => svg.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1] ?? "";
  return { title: unescapeText(inside("title")), summary: unescapeText(inside("desc")) };
}

function plain(name: string, text: string): string {
  return words(0, 0, text).replace(/^<text[^>]*>/, `<${name}>`).replace(/<\/text>$/, `</${name}>`);
}

function unescapeText(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

function legendMarks(legend: LegendEntry[], width: number, top: number): string[] {
  return legendPlaces(legend, width).map(({ x, row, name, colour, mark }) => {
    const y = top + row * 20;
    const sign = mark === "points"
      ? element("circle", { cx: x + 9, cy: y, r: 4, fill: colour })
      : element("line", {
        x1: x,
        y1: y,
        x2: x + 18,
        y2: y,
        stroke: colour,
        "stroke-width": 2.5,
        "stroke-dasharray": mark === "dashes" ? "5 3" : undefined,
      });
    return sign + words(x + 24, y + 4, name);
  });
}

/** Entries stand side by side and go on in the next row where the width ends. */
function legendPlaces(legend: LegendEntry[], width: number) {
  let x = MARGIN;
  let row = 0;
  return legend.map((entry) => {
    const needed = 24 + textWidth(entry.name) + 18;
    if (x > MARGIN && x + needed > width) [x, row] = [MARGIN, row + 1];
    const place = { ...entry, x, row };
    x += needed;
    return place;
  });
}
