/**
 * An arc diagram: boxes of words below each other, and arcs from each to those that need it.
 *
 * @module
 */
import { line } from "./axis.ts";
import { element, INK, seriesColour, textWidth, words } from "./element.ts";
import { headHeight, picture, type PictureOptions } from "./picture.ts";

/** One box. */
export interface ArcBox {
  /** First line. */
  title: string;
  /** Further lines. */
  lines: readonly string[];
  /** Written small, at the right of the title. */
  note: string;
  /** Boxes of one group have one colour. */
  group: string;
}

/** How an arc diagram looks. */
export interface ArcDiagramOptions extends PictureOptions {
  /** All groups there may be, in the order in which they are given colours. */
  groups: readonly string[];
}

const LINE = 17;
const GAP = 8;
const LONGEST = 84;

/**
 * Draw boxes in order, with an arc on their right for each arrow.
 *
 * @param boxes Each of one of the groups; long lines are cut.
 * @param arrows Pairs of places in `boxes`.
 * @returns The picture as SVG text.
 */
export function arcDiagram(
  boxes: readonly ArcBox[],
  arrows: readonly (readonly [from: number, to: number])[],
  options: ArcDiagramOptions,
): string {
  const colour = (group: string) => seriesColour(options.groups.indexOf(group));
  const legend = options.groups.filter((name) => boxes.some(({ group }) => group === name))
    .map((name) => ({ name, colour: colour(name), mark: "points" as const }));
  const shown = boxes.map((box) => ({ ...box, lines: box.lines.map(shortened) }));
  const width = shown.reduce((most, box) => Math.max(most, boxWidth(box)), 280);
  const right = 16 + width, whole = Math.max(right + 90, textWidth(options.title, 16) + 40);
  const tops = [headHeight(options, legend, whole) + 4];
  for (const { lines } of shown) tops.push(tops.at(-1)! + (lines.length + 1) * LINE + 9 + GAP);
  return picture(
    { width: whole, height: tops.at(-1)! + 8 },
    options,
    legend,
    shown.map(({ group, title }) => `${group} ${title}`).join("\n"),
    ...shown.map((box, i) => drawBox(box, tops[i], width, colour(box.group))),
    ...arrows.map(([from, to]) => {
      const reach = 80 * (1 - 1 / (1.25 + (to - from) / 4));
      return arc(right, tops[from] + 17, tops[to] + 9, reach, colour(boxes[from].group));
    }),
  );
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function boxWidth({ title, lines, note, group }: ArcBox): number {
  const head = textWidth(`${group} ${title}`) + textWidth(note, 11) + 50;
  return Math.max(head, ...lines.map((text) => textWidth(text) + 30));
}

function drawBox(box: ArcBox, top: number, width: number, colour: string): string {
  const height = (box.lines.length + 1) * LINE + 9;
  const frame = { x: 16, y: top, width, height, rx: 4, fill: colour, "fill-opacity": 0.08 };
  return element("rect", { ...frame, stroke: colour }) +
    words(26, top + LINE, `${box.group} ${box.title}`, { "font-weight": 600 }) +
    words(6 + width, top + LINE, box.note, {
      "text-anchor": "end",
      "font-size": 11,
      fill: INK.quiet,
    }) +
    box.lines.map((text, i) => words(36, top + LINE * (i + 2), text)).join("");
}

/** A bow from one height down to another, with an arrow's head. */
function arc(x: number, from: number, to: number, reach: number, stroke: string): string {
  const d = `M${x} ${from}C${x + reach} ${from} ${x + reach} ${to} ${x + 3} ${to}`;
  return element("path", { d, fill: "none", stroke, "stroke-opacity": 0.7 }) +
    line(x + 2, to, x + 8, to - 4, stroke) + line(x + 2, to, x + 8, to + 3, stroke);
}
