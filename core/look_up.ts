/**
 * Looking up rows — Bengio et al. 2003 (JMLR 3, 1137), §2: the table that they call C.
 * Idea   A vector for each token is a row of a table. Only the rows that were looked up learn from it.
 *        Padding stands for nothing, so its row learns nothing.
 * Maths  y[i] = table[ids[i]];   ∂L/∂table[v] = Σ over i with ids[i] = v of ∂L/∂y[i],  0 for v = padding
 * Axes   `lookUp(table: "V E", ids: "B T")` is "B T E".
 * Differs from the paper: the rule for padding is that of the published models (PyTorch's `padding_idx`).
 * Trap   The rule is the lookup's alone: with a tied output layer the padding token's row still learns,
 *        as one of the wrong answers at every position.
 * @module
 */
import { equal, gather, multiply, subtract, type Tensor, withGradient } from "./tensor/mod.ts";
import type { Both, Rest } from "./tensor/mod.ts";

/**
 * The rows that the ids name; no gradient passes back to the row of the padding.
 *
 * @throws {RangeError} where an id is not a row of the table, if the ids are given data.
 *
 * @example
 * ```ts
 * import { lookUp } from "@lineage/lineage/core/look_up";
 * import { gradients, read, sum, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("V E", [[0, 0], [1, 2], [3, 4]]), ids = tensor("B T", [[2, 1, 0]]);
 * const rows = lookUp(table, ids, 0);
 * assertEquals([...await read(rows)], [3, 4, 1, 2, 0, 0]);
 * assertEquals([...await read(gradients(sum(rows), { table }).table)], [0, 0, 1, 1, 1, 1]);
 * ```
 */
export function lookUp<S extends string, I extends string>(
  table: Tensor<S>,
  ids: Tensor<I>,
  padding?: number,
): Tensor<Both<I, Rest<S>>> {
  const rows = gather(table, ids);
  if (padding === undefined) return rows;
  const isPadding: Tensor = equal(ids, padding);
  return withGradient(rows, [rows], (g) => [subtract(g, multiply(g, isPadding))]);
}
