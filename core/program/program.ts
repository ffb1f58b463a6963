/**
 * Programs: what a graph of tensors becomes, and all that a device has to understand.
 *
 * Idea   A program is a list of steps over numbered buffers. There are three kinds of step: a loop
 *        (element-wise work and reductions, fused), a contraction (a batch of matrix products, with the
 *        bias and the activation after it), and a scatter (rows added where ids say). Softmax, LayerNorm,
 *        an optimiser: all are loops.
 * Axes   are gone here: a loop has *outer* dimensions, one row each, and *inner* dimensions, the
 *        elements of a row that its reductions run over. Strides and offsets count elements.
 * Differs from the paper: there is none.
 * @module
 */
import type { Expression } from "./expression.ts";

/** Where a loop finds a value: a buffer walked by strides, or (buffer -1) the loop's own position. */
export interface Load {
  /** Index into `Program.buffers`; -1: the value is the position offset + Σ stride·index itself. */
  buffer: number;
  /** First element. */
  offset: number;
  /** Elements to move for a step in each outer dimension. */
  outer: number[];
  /** Elements to move for a step in each inner dimension. */
  inner: number[];
  /** A row chosen by an id: adds `stride` · clamp(value of load number `by`, 0, size - 1). */
  lookup?: { by: number; stride: number; size: number };
}

/** Where a loop puts a value: once for each element, or (inner null) once for each row. */
export interface Store {
  /** Index into `Program.buffers`. */
  buffer: number;
  /** First element. */
  offset: number;
  /** Elements to move for a step in each outer dimension. */
  outer: number[];
  /** Elements to move for a step in each inner dimension; null: one value a row. */
  inner: number[] | null;
}

/** One pass over the row: fold it into one number (the next `result`), or write it out. */
export type Stage =
  | { kind: "reduce"; by: "sum" | "max"; value: Expression }
  | { kind: "store"; value: Expression; to: Store };

/**
 * For each row: the stages, in order. In their expressions `input(i)` is load number i and
 * `result(k)` the k-th reduction of this row. A loop without inner dimensions has rows of one element.
 */
export interface Loop {
  /** Which step this is. */
  kind: "loop";
  /** Sizes of the outer dimensions. */
  outer: number[];
  /** Sizes of the inner dimensions: what a reduction folds. */
  inner: number[];
  /** Values read. A load may name a buffer that an earlier stage of the same row stores, at the same place. */
  loads: Load[];
  /** The passes. */
  stages: Stage[];
}

/** One matrix of a contraction: a buffer, its batch strides, and the strides of its two dimensions. */
export interface Matrix {
  /** Index into `Program.buffers`. */
  buffer: number;
  /** First element. */
  offset: number;
  /** Elements to move for a step in each batch dimension. */
  batch: number[];
  /** Elements between rows. */
  row: number;
  /** Elements between columns. */
  column: number;
}

/** c[z, i, j] = Σ_k a[z, i, k] · b[z, k, j] for every batch index z. Any k of 0 gives zeros. */
export interface Contraction {
  /** Which step this is. */
  kind: "contraction";
  /** Sizes of the batch dimensions. */
  batch: number[];
  /** Rows of a and c. */
  m: number;
  /** Columns of b and c. */
  n: number;
  /** Columns of a, rows of b. */
  k: number;
  /** Left factor, m × k. */
  a: Matrix;
  /** Right factor, k × n. */
  b: Matrix;
  /** Product, m × n. */
  c: Matrix;
  /**
   * What becomes of c, piece by piece while it is near: a loop over [...batch, m, n] without inner
   * dimensions that reads c at its own place only, and whose last stage overwrites it. Of the dimension
   * along which c lies in memory there are a multiple of 4.
   */
  epilogue?: Loop;
}

/** to[v, :] = Σ over r with ids[r] = v of from[r, :]; the order of the sum is that of r. All contiguous. */
export interface Scatter {
  /** Which step this is. */
  kind: "scatter";
  /** Number of ids and of rows in `from`. */
  rows: number;
  /** Elements in a row. */
  width: number;
  /** Number of rows in `to`; ids are clamped to 0 … size - 1. */
  size: number;
  /** Buffer of the ids. */
  ids: number;
  /** Buffer of the rows. */
  from: number;
  /** Buffer of the sums. */
  to: number;
}

/** One step of a program. */
export type Step = Loop | Contraction | Scatter;

/** A buffer: bound to a storage given at every run, or scratch in a slot that others use, too. */
export interface BufferPlan {
  /** Number of elements. */
  elements: number;
  /** Index into the storages of a run, or -1 for scratch. */
  binding: number;
  /** Index into `Program.slots` for scratch, or -1. */
  slot: number;
  /** Whether the storage was allocated for halves: no step writes to it. */
  half?: boolean;
}

/** Steps in order, over buffers. Every step's outputs are complete before the next step begins. */
export interface Program {
  /** The steps. */
  steps: Step[];
  /** The buffers that the steps name by index. */
  buffers: BufferPlan[];
  /** Sizes in elements of the scratch slots; buffers whose lives do not overlap share one. */
  slots: number[];
  /** How many storages a run must be given. */
  bindings: number;
}

/** Where a loop loads, then where it stores. */
export function placesOf({ loads, stages }: Loop): (Load | Store)[] {
  return [...loads, ...stages.flatMap((s) => s.kind === "store" ? [s.to] : [])];
}

/** A loop whose outer dimensions are taken in another way: new sizes, and new strides from old ones. */
export function walked(
  loop: Loop,
  outer: number[],
  strides: (outer: number[]) => number[],
): Loop {
  const turn = <T extends { outer: number[] }>(x: T): T => ({ ...x, outer: strides(x.outer) });
  const stages = loop.stages.map((s) => s.kind === "store" ? { ...s, to: turn(s.to) } : s);
  return { ...loop, outer, loads: loop.loads.map(turn), stages };
}

/** The same product the other way round: (a b)ᵀ = bᵀ aᵀ. */
export function transposed(step: Contraction): Contraction {
  const { m, n, a, b, c, epilogue } = step;
  const turn = (x: Matrix): Matrix => ({ ...x, row: x.column, column: x.row });
  const swap = (list: number[]) => [...list.slice(0, -2), ...list.slice(-2).reverse()];
  const after = epilogue && walked(epilogue, swap(epilogue.outer), swap);
  return { ...step, m: n, n: m, a: turn(b), b: turn(a), c: turn(c), epilogue: after };
}

/** The buffers that a step reads and writes. */
export function touched(step: Step): { reads: number[]; writes: number[] } {
  if (step.kind === "contraction") {
    const { reads, writes } = step.epilogue ? touched(step.epilogue) : { reads: [], writes: [] };
    const c = step.c.buffer, others = reads.filter((b) => b !== c);
    return { reads: [step.a.buffer, step.b.buffer, ...others], writes: [c, ...writes] };
  }
  if (step.kind === "scatter") return { reads: [step.ids, step.from], writes: [step.to] };
  const writes = step.stages.flatMap((s) => s.kind === "store" ? [s.to.buffer] : []);
  return { reads: step.loads.map((l) => l.buffer).filter((b) => b >= 0), writes };
}

/** Number of elements of a shape. */
export const elementsOf = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1);
