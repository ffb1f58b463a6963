/**
 * Making a batch of matrix products out of named axes.
 *
 * Idea   An axis of both factors and of the product is a batch; of the left factor and the product,
 *        rows; of the right factor and the product, columns; of both factors alone, summed. Axes of
 *        one kind that lie side by side in memory become one dimension; what cannot be joined to the
 *        rows or columns becomes a batch along which the other factor stands still.
 * Differs from the paper: there is none.
 * @module
 */
import type { Node, Operand } from "./lower.ts";
import { type Contraction, type Loop, type Matrix, placesOf, walked } from "../program/program.ts";

/** An axis, or several that are walked as one: its size and its stride in each of the three tensors. */
interface Dimension {
  size: number;
  a: number;
  b: number;
  c: number;
  /** Which axis of c it is, or the last of several. */
  at: number;
}

/** The contraction of a and b into c; the dimensions of an epilogue are the axes of c. */
export function contract(
  a: Operand,
  b: Operand,
  c: Operand,
  bufferOf: (node: Node) => number,
  epilogue?: Loop,
): Contraction {
  const walks = epilogue ? placesOf(epilogue).map((x) => x.outer) : [];
  const dimensions = (kept: (axis: string) => boolean, order: readonly string[]) =>
    join(order.filter(kept).map((axis) => dimension(axis, a, b, c)), walks);
  const inA = (x: string) => a.axes.includes(x), inB = (x: string) => b.axes.includes(x);
  const inC = (x: string) => c.axes.includes(x);
  const batch = dimensions((x) => inA(x) && inB(x) && inC(x), c.axes);
  const rows = dimensions((x) => inA(x) && !inB(x), c.axes);
  const columns = dimensions((x) => inB(x) && !inA(x), c.axes);
  const [summed = one] = dimensions((x) => !inC(x), a.axes);
  const m = largest(rows), n = largest(columns);
  const loose = [...rows.filter((d) => d !== m), ...columns.filter((d) => d !== n)];
  const outer = [...batch, ...loose], all = [...outer, m, n];
  const matrix = (
    x: Operand,
    which: "a" | "b" | "c",
    row: Dimension,
    column: Dimension,
  ): Matrix => ({
    buffer: bufferOf(x.source),
    offset: x.offset,
    batch: outer.map((d) => d[which]),
    row: row[which],
    column: column[which],
  });
  return {
    kind: "contraction",
    batch: outer.map((d) => d.size),
    m: m.size,
    n: n.size,
    k: summed.size,
    a: matrix(a, "a", m, summed),
    b: matrix(b, "b", summed, n),
    c: matrix(c, "c", m, n),
    epilogue: epilogue &&
      walked(epilogue, all.map((d) => d.size), (list) => all.map((d) => list[d.at] ?? 0)),
  };
}

const one: Dimension = { size: 1, a: 0, b: 0, c: 0, at: -1 };

const largest = (list: Dimension[]): Dimension =>
  list.reduce((best, d) => d.size > best.size ? d : best, list[0] ?? one);

function dimension(axis: string, a: Operand, b: Operand, c: Operand): Dimension {
  const stride = (x: Operand) => x.strides[x.axes.indexOf(axis)] ?? 0;
  const owner = [a, b, c].find((x) => x.axes.includes(axis))!;
  const size = owner.shape[owner.axes.indexOf(axis)];
  return { size, a: stride(a), b: stride(b), c: stride(c), at: c.axes.indexOf(axis) };
}

/** Join neighbours that are walked as one in all three tensors and by all `walks`; sizes of 1 vanish. */
function join(list: Dimension[], walks: readonly number[][]): Dimension[] {
  const joined: Dimension[] = [];
  for (const d of list) {
    const before = joined.at(-1);
    if (d.size === 1) continue;
    const whole = before && (["a", "b", "c"] as const).every((x) => before[x] === d[x] * d.size) &&
      (d.at < 0 || walks.every((walk) => walk[before.at] === walk[d.at] * d.size));
    if (whole) joined[joined.length - 1] = { ...d, size: before.size * d.size };
    else joined.push(d);
  }
  return joined;
}
