/**
 * Loops as kernels: which threads do what.
 *
 * Idea   A thread takes a row of the loop. Four neighbours are computed at once: four elements of the row
 *        where rows are contiguous, or four rows where those lie side by side. On a real GPU a team of
 *        threads shares a row and folds its partial results in a tree; so does, on any, a long row.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder, input } from "../../program/expression.ts";
import { type BufferPlan, elementsOf, type Load, type Loop } from "../../program/program.ts";
import { type Kernel, MOST_TURNS, tooLong } from "./kernel.ts";
import { LoopWriter } from "./loop_writer.ts";

/** Where the four neighbours lie: in the last outer dimension, in the last inner one, or nowhere. */
export type Axis = "outer" | "inner" | null;

/** Where a loop loads or stores. */
export type Access = Omit<Load, "inner"> & { inner: number[] | null };

/** How a loop is divided. */
export interface Division {
  axis: Axis;
  /** Number of rows, or of fours of rows. */
  rows: number;
  /** Number of elements of a row, or of fours of them. */
  units: number;
  /** A workgroup has so many rows (or fours), with so many threads for each. */
  team: { rows: number; members: number };
}

/** The kernel of a loop; null if there is nothing to do. `trees`: a real GPU's way to reduce. */
export function loopKernel(
  loop: Loop,
  plans: readonly BufferPlan[],
  trees: boolean,
): Kernel | null {
  if (loop.outer.includes(0)) return null;
  const axis = chooseAxis(loop, trees);
  const rows = elementsOf(loop.outer) / (axis === "outer" ? 4 : 1);
  const units = elementsOf(loop.inner) / (axis === "inner" ? 4 : 1);
  const passes = loop.stages.filter((s) => s.kind === "reduce" || s.to.inner).length;
  const chosen = chooseTeam(rows, units, axis, trees);
  const team = trees ? chosen : largeEnough(chosen, units * passes);
  if (!team) throw tooLong(`a row of ${elementsOf(loop.inner)} elements`);
  return new LoopWriter(loop, plans, { axis, rows, units, team }).kernel();
}

/** Whether four neighbours of an access are one aligned four. */
export function isAligned(a: Access, axis: Axis): boolean {
  if (axis === null || a[axis]?.at(-1) !== 1) return false;
  const { outer, inner }: Access = { ...a, [axis]: a[axis]!.slice(0, -1) };
  return [a.offset, a.lookup?.stride ?? 0, ...outer, ...inner ?? []].every((s) => s % 4 === 0);
}

/** The loads that an expression reads, and those that find their places. */
export function loadsOf(loop: Loop, ...es: Expression[]): Load[] {
  return inOrder(...es).flatMap((x) => {
    if (x.operator !== "input") return [];
    const load = loop.loads[x.value];
    return load.lookup ? [load, ...loadsOf(loop, input(load.lookup.by))] : [load];
  });
}

/** Every place that a loop loads from or stores to. */
export function accessesOf(loop: Loop): Access[] {
  const stores = loop.stages.flatMap((s) => s.kind === "store" ? [s.to] : []);
  return [...loadsOf(loop, ...loop.stages.map((s) => s.value)), ...stores];
}

function chooseAxis(loop: Loop, trees: boolean): Axis {
  const possible = (sizes: number[]) => sizes.length > 0 && sizes.at(-1)! % 4 === 0;
  const fitting = (axis: Axis) => accessesOf(loop).filter((a) => isAligned(a, axis)).length;
  const [outer, inner] = [possible(loop.outer), possible(loop.inner)];
  const [byRow, inRow] = [outer ? fitting("outer") : 0, inner ? fitting("inner") : 0];
  if (inRow > 0 && inRow >= byRow) return "inner";
  if (outer && (byRow > 0 || !trees || loop.inner.length === 0)) return "outer";
  return inner ? "inner" : null;
}

function chooseTeam(rows: number, units: number, axis: Axis, trees: boolean) {
  if (!trees) {
    const few = rows <= 16 && units >= 512;
    if (few) return axis === "outer" ? { rows: 8, members: 8 } : { rows: 1, members: 64 };
    return { rows: rows > 512 ? 64 : 8, members: 1 };
  }
  if (axis === "outer") return units < 32 ? { rows: 64, members: 1 } : { rows: 16, members: 16 };
  const members = Math.min(256, 2 ** Math.ceil(Math.log2(Math.max(1, units))));
  return { rows: Math.max(1, 64 / members), members };
}

/** A software adapter's team with so many threads for a row that none makes too many turns, if there is one. */
function largeEnough(team: Division["team"], turns: number): Division["team"] | undefined {
  const members = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((count) =>
    count >= team.members && Math.ceil(turns / count) <= MOST_TURNS
  );
  return members === undefined ? undefined : { rows: Math.min(team.rows, 256 / members), members };
}
