/**
 * A heat map: numbers as colours, such as the attention of each word to each other word.
 *
 * @module
 */
import { numberLabel } from "./axis.ts";
import { colourBar, colourScale, hex, isDark, scaleOver } from "./colour_scale.ts";
import type { ColourScale } from "./colour_scale.ts";
import { element, escapeText, INK, textWidth, words } from "./element.ts";
import { headHeight, picture, type PictureOptions } from "./picture.ts";
import type { Numbers } from "./series.ts";

/** How a heat map looks. */
export interface HeatMapOptions extends PictureOptions {
  /** A label for each row, such as the tokens that look. */
  rows?: readonly string[];
  /** A label for each column, such as the tokens that are looked at. */
  columns?: readonly string[];
  /** Name of the rows as a whole. */
  rowLabel?: string;
  /** Name of the columns as a whole. */
  columnLabel?: string;
  /** Numbers with the palest and the darkest colour; what the values span unless given. */
  range?: readonly [low: number, high: number];
  /** Write each number into its cell. */
  numbers?: boolean;
  /** Only the cells, for {@linkcode smallMultiples}. */
  bare?: boolean;
}

/**
 * Draw a matrix as coloured cells. Numbers on both sides of zero are red below and blue above it.
 *
 * @param values One list for each row, all of one length.
 * @returns The picture as SVG text.
 * @throws {RangeError} When rows differ in length, or there are not as many labels as cells.
 *
 * @example Three words looking at each other
 * ```ts
 * import { heatMap } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const tokens = ["the", "dog", "barks"];
 * const weights = [[1, 0, 0], [0.4, 0.6, 0], [0.1, 0.7, 0.2]];
 * const svg = heatMap(weights, { title: "Head 3", rows: tokens, columns: tokens, range: [0, 1] });
 * assertStringIncludes(svg, "barks");
 * ```
 */
export function heatMap(values: readonly Numbers[], options: HeatMapOptions): string {
  checkSizes(values, options);
  const scale = options.range ? colourScale(...options.range) : scaleOver(values);
  if (options.bare) return bareMap(values, options.title, scale);
  const { rows = [], columns = [], rowLabel, columnLabel } = options;
  const [across, down] = [values[0].length, values.length];
  const size = Math.max(4, Math.min(options.numbers ? 40 : 30, 460 / Math.max(across, down)));
  const head = headHeight(options, [], 0);
  const turned = widest(columns) > size - 4;
  const left = 24 + (rowLabel ? 20 : 0) + widest(rows);
  const top = head + (columnLabel ? 20 : 0) +
    (columns.length === 0 ? 6 : turned ? widest(columns) * 0.87 + 14 : 20);
  const [right, bottom] = [left + across * size, top + down * size];
  const overhang = Math.max(84, turned ? widest(columns) * 0.5 + 16 : 0);
  const place = `translate(${left.toFixed(1)} ${top.toFixed(1)}) scale(${size.toFixed(3)})`;
  const outline = { x: left, y: top, width: right - left, height: bottom - top, fill: "none" };
  return picture(
    {
      width: Math.max(right + overhang, textWidth(options.title, 15) + 40),
      height: Math.max(bottom + 20, top + 110),
    },
    options,
    [],
    inWords(values, options),
    columnLabel ? words((left + right) / 2, head + 12, columnLabel, MIDDLE) : "",
    rowLabel ? sideways(26, (top + bottom) / 2, rowLabel) : "",
    ...columns.map((label, i) => columnName(left + (i + 0.5) * size, top - 7, label, turned)),
    ...rows.map((label, i) => words(left - 7, top + (i + 0.5) * size + 4, label, END)),
    element("g", { transform: place }, squares(values, scale, size < 12 ? 1 : 1 - 1 / size)),
    element("rect", { ...outline, stroke: INK.axis }),
    options.numbers ? numbersIn(values, scale, left, top, size) : "",
    colourBar(scale, right + 20, top, Math.max(90, Math.min(160, down * size))),
  );
}

const MIDDLE = { "text-anchor": "middle" };
const END = { "text-anchor": "end" };

function widest(labels: readonly string[]): number {
  return labels.reduce((most, label) => Math.max(most, textWidth(label)), 0);
}

function checkSizes(values: readonly Numbers[], { rows, columns }: HeatMapOptions): void {
  const across = values[0]?.length ?? 0;
  if (across === 0) throw new RangeError("nothing to draw: the matrix is empty");
  const uneven = values.findIndex((row) => row.length !== across);
  if (uneven >= 0) {
    throw new RangeError(`row ${uneven} has ${values[uneven].length} values, row 0 has ${across}`);
  }
  checkLabels("row", rows, values.length);
  checkLabels("column", columns, across);
}

function checkLabels(what: string, labels: readonly string[] | undefined, size: number): void {
  if (labels === undefined || labels.length === size) return;
  throw new RangeError(`${labels.length} ${what} labels for ${size} ${what}s: give one for each`);
}

/** Squares on a grid of unit cells, all of one colour in one path. */
function squares(values: readonly Numbers[], scale: ColourScale, side: number): string {
  const paths = new Map<string, string>();
  const length = Number(side.toFixed(3));
  const outline = `h${length}v${length}h-${length}z`;
  values.forEach((row, y) =>
    Array.from(row).forEach((value, x) => {
      const fill = hex(scale.of(value));
      paths.set(fill, `${paths.get(fill) ?? ""}M${x} ${y}${outline}`);
    })
  );
  return [...paths].map(([fill, d]) => element("path", { fill, d })).join("");
}

function numbersIn(
  values: readonly Numbers[],
  scale: ColourScale,
  left: number,
  top: number,
  size: number,
): string {
  return values.flatMap((row, i) =>
    Array.from(
      row,
      (value, j) =>
        words(left + (j + 0.5) * size, top + (i + 0.5) * size + 4, numberLabel(value, 1), {
          ...MIDDLE,
          "font-size": 11,
          fill: isDark(scale.of(value)) ? "#ffffff" : undefined,
        }),
    )
  ).join("");
}

function bareMap(values: readonly Numbers[], title: string, scale: ColourScale): string {
  const [width, height] = [values[0].length, values.length];
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width: width * 8,
      height: height * 8,
      viewBox: `0 0 ${width} ${height}`,
      "shape-rendering": "crispEdges",
    },
    element("title", {}, escapeText(title)),
    squares(values, scale, 1),
  );
}

function columnName(x: number, y: number, label: string, turned: boolean): string {
  return turned
    ? words(x, y, label, { transform: `rotate(-60 ${x.toFixed(1)} ${y.toFixed(1)})` })
    : words(x, y, label, MIDDLE);
}

function sideways(x: number, y: number, content: string): string {
  return words(x, y, content, { ...MIDDLE, transform: `rotate(-90 ${x} ${y.toFixed(1)})` });
}

/** For each row, the column with the largest number. */
function inWords(values: readonly Numbers[], { rows, columns }: HeatMapOptions): string {
  return values.map((row, i) => {
    const best = Array.from(row).reduce((at, value, j, all) => value > all[at] ? j : at, 0);
    const column = columns?.[best] ?? `column ${best}`;
    return `${rows?.[i] ?? `row ${i}`}: most at ${column} (${numberLabel(row[best])})`;
  }).join("\n");
}
