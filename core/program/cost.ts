/**
 * What a step costs: operations on numbers, and bytes moved.
 *
 * Idea   A kernel is limited by its arithmetic or by its memory; the ratio of the two tells which.
 * Maths  FLOPs: 2·m·n·k for a product; in a loop one for each operator of its formulas and one for
 *        each addend, at each element. Bytes moved: what is read and written, each place once.
 * Axes   are gone; sizes are left.
 * Differs from the paper: Williams et al. 2009 ("Roofline") count what the hardware does; here it is
 *        what the program asks for.
 * @module
 */
import { type Expression, inOrder } from "./expression.ts";
import {
  type BufferPlan,
  elementsOf,
  type Loop,
  type Matrix,
  type Program,
  type Step,
} from "./program.ts";

/** Operations on numbers that a step asks for. */
export function flopsOf(step: Step): number {
  if (step.kind === "scatter") return step.rows * step.width;
  if (step.kind === "contraction") {
    const { batch, m, n, k, epilogue } = step;
    return 2 * elementsOf(batch) * m * n * k + (epilogue ? flopsOf(epilogue) : 0);
  }
  const rows = elementsOf(step.outer), row = elementsOf(step.inner);
  return step.stages.reduce((sum, stage) => {
    if (stage.kind === "reduce") return sum + rows * row * (operators(stage.value) + 1);
    return sum + rows * (stage.to.inner ? row : 1) * operators(stage.value);
  }, 0);
}

const operators = (e: Expression): number =>
  inOrder(e).filter(({ operands }) => operands.length > 0).length;

/** Bytes that a step reads and writes; `bytesOf` tells those of a number in one of its program's buffers. */
export function bytesMoved(
  step: Step,
  { buffers }: Program,
  bytesOf: (plan: BufferPlan) => number,
): number {
  const { reads, writes } = step.kind === "loop" ? ofLoop(step) : ofOther(step);
  const total = (touches: Touch[]) =>
    [...Map.groupBy(touches, ([buffer]) => buffer)].reduce((sum, [buffer, same]) => {
      const touched = same.reduce((n, [, elements]) => n + elements, 0);
      return sum + Math.min(touched, buffers[buffer].elements) * bytesOf(buffers[buffer]);
    }, 0);
  return total(reads) + total(writes);
}

type Touch = [buffer: number, elements: number];
type Touches = { reads: Touch[]; writes: Touch[] };

/** Elements that a walk reaches: a dimension along which every stride is 0 is no walk. */
const reached = (sizes: readonly number[], ...walks: (readonly number[])[]): number =>
  elementsOf(sizes.filter((_, d) => walks.some((strides) => strides[d])));

function ofLoop({ outer, inner, loads, stages }: Loop): Touches {
  const sizes = [...outer, ...inner];
  const walk = (x: { outer: number[]; inner: number[] | null }) => [...x.outer, ...x.inner ?? []];
  const reads = loads.filter(({ buffer }) => buffer >= 0).map((load): Touch => {
    const chosen = load.lookup ? walk(loads[load.lookup.by]) : [];
    return [load.buffer, reached(sizes, walk(load), chosen)];
  });
  const writes = stages.flatMap((stage): Touch[] =>
    stage.kind === "store" ? [[stage.to.buffer, reached(sizes, walk(stage.to))]] : []
  );
  return { reads, writes };
}

function ofOther(step: Exclude<Step, Loop>): Touches {
  if (step.kind === "scatter") {
    const { rows, width, size, ids, from, to } = step;
    return { reads: [[ids, rows], [from, rows * width]], writes: [[to, size * width]] };
  }
  const { batch, m, n, k, a, b, c, epilogue } = step;
  const after = epilogue ? ofLoop(epilogue) : { reads: [], writes: [] };
  const elsewhere = ([buffer]: Touch) => buffer !== c.buffer;
  const touch = (x: Matrix, elements: number): Touch => [
    x.buffer,
    reached(batch, x.batch) * elements,
  ];
  return {
    reads: [touch(a, m * k), touch(b, k * n), ...after.reads.filter(elsewhere)],
    writes: [touch(c, m * n), ...after.writes.filter(elsewhere)],
  };
}
