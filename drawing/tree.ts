/**
 * A tree: what may come next, and after each of that what may come next, with probabilities.
 *
 * @module
 */
import { element, INK, seriesColour, textWidth, words } from "./element.ts";
import { headHeight, picture, type PictureOptions } from "./picture.ts";

/** A branch: a label, how likely it is after what stands before it, and what may follow. */
export interface Branch {
  /** Written at the branch. */
  label: string;
  /** From 0 to 1, given its parent; the width of the line. */
  probability: number;
  /** What may follow. */
  children?: readonly Branch[];
  /** Drawn in another colour: the way that was taken. */
  taken?: boolean;
}

const ROW = 24;
const GAP = 58;

/** A branch and its place. */
interface Placed {
  branch: Branch;
  depth: number;
  y: number;
  children: Placed[];
}

/**
 * Draw a tree from left to right; lines are as wide as their branch is likely.
 *
 * @param root What stands before all; its probability is not drawn.
 * @returns The picture as SVG text.
 *
 * @example Two words that may follow
 * ```ts
 * import { tree } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const children = [{ label: "boat", probability: 0.7 }, { label: "ship", probability: 0.2 }];
 * const svg = tree({ label: "the", probability: 1, children }, { title: "What comes next" });
 * assertStringIncludes(svg, "70 %");
 * ```
 */
export function tree(root: Branch, options: PictureOptions): string {
  const top = headHeight(options, [], 0), rows = { next: 0 };
  const placed = place(root, 0, rows), all = flat(placed);
  const columns: number[] = [];
  for (const { branch, depth } of all) {
    columns[depth] = Math.max(columns[depth] ?? 0, widthOf(branch, depth));
  }
  const left = [16];
  columns.forEach((width, depth) => left.push(left[depth] + width + GAP));
  const y = (at: number) => top + 14 + at * ROW;
  return picture(
    {
      width: Math.max(left.at(-1)!, textWidth(options.title, 16) + 40),
      height: y(rows.next) + 8,
    },
    options,
    [],
    summary(root, ""),
    ...all.flatMap((from) => from.children.map((to) => line(from, to, left, y))),
    ...all.map(({ branch, depth, y: at }) => name(branch, depth, left[depth], y(at) + 4)),
  );
}

/** The label, and how likely it is; at the root there is no question of it. */
function name({ label, probability }: Branch, depth: number, x: number, y: number): string {
  const share = { fill: INK.quiet, "font-size": 10 };
  const beside = x + textWidth(label) + 6;
  return words(x, y, label) + (depth ? words(beside, y, percent(probability), share) : "");
}

const widthOf = ({ label, probability }: Branch, depth: number) =>
  textWidth(label) + (depth ? 6 + textWidth(percent(probability), 10) : 0);

/** Leaves stand below each other, a parent in the middle of its children. */
function place(branch: Branch, depth: number, rows: { next: number }): Placed {
  const children = (branch.children ?? []).map((child) => place(child, depth + 1, rows));
  const y = children.length ? (children[0].y + children.at(-1)!.y) / 2 : rows.next++;
  return { branch, depth, y, children };
}

const flat = (placed: Placed): Placed[] => [placed, ...placed.children.flatMap(flat)];

const percent = (share: number) => `${Math.round(100 * share)} %`;

function line(
  from: Placed,
  to: Placed,
  left: readonly number[],
  y: (at: number) => number,
): string {
  const { probability, taken } = to.branch;
  const start = left[from.depth] + widthOf(from.branch, from.depth) + 5, end = left[to.depth] - 5;
  const bend = end - GAP / 2, [a, b] = [y(from.y), y(to.y)];
  return element("path", {
    d: `M${start} ${a}H${end - GAP + 10}C${bend} ${a} ${bend} ${b} ${end} ${b}`,
    fill: "none",
    stroke: seriesColour(taken ? 1 : 0),
    "stroke-opacity": taken ? 0.9 : 0.45,
    "stroke-width": 1 + 9 * probability,
  });
}

/** One line for each leaf: all the labels on the way to it. */
function summary(branch: Branch, before: string): string {
  const here = `${before}${branch.label}`;
  if (!branch.children?.length) return here;
  return branch.children.map((child) =>
    summary({ ...child, label: `${child.label} (${percent(child.probability)})` }, `${here} `)
  ).join("\n");
}
