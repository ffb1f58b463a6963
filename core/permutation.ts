/**
 * Permutation masks — Yang et al. 2019 (XLNet, 1906.08237), §2.2 and appendix A.
 * Idea   A text may be guessed in any order, not only from left to right. An order of its positions
 *        decides who sees whom: those that come earlier in the order, wherever they stand. The words
 *        stay where they are; only the mask changes. Over many orders every word sees both sides.
 * Maths  content: i sees j where rank[j] ≤ rank[i];  query: where rank[j] < rank[i]
 *        rank[order[n]] = n;  the first `given` of an order all have rank 0, and see each other
 * Axes   B batch · Tq,Tk query,key positions · M positions to be predicted · T positions
 * Differs from the paper: it gives each position its own rank; in the authors' code those that are not
 *        predicted see each other in both directions, as `given` has it here.
 * Trap   A mask of 1 means visible here; Hugging Face's `perm_mask` has 1 for hidden.
 * @module
 */
import { type Tensor, tensor } from "./tensor/mod.ts";

/** Who sees whom in each stream. */
export interface PermutationMasks {
  /** A position may see itself: it knows its own word. */
  content: Tensor<"B Tq Tk">;
  /** A position may not: its word is what it is to guess. */
  query: Tensor<"B Tq Tk">;
}

/**
 * The place of each position in an order.
 *
 * @throws {RangeError} where the order does not name each position from 0 once.
 *
 * @example
 * ```ts
 * import { ranks } from "@lineage/lineage/core/permutation";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(ranks([2, 0, 1]), [1, 2, 0]);
 * assertThrows(() => ranks([2, 0, 2]), RangeError, "names 2 twice");
 * ```
 */
export function ranks(order: readonly number[]): number[] {
  const length = order.length, rank = new Array<number>(length).fill(-1);
  order.forEach((position, n) => {
    const known = Number.isInteger(position) && position >= 0 && position < length;
    if (known && rank[position] < 0) return rank[position] = n;
    const problem = known ? `names ${position} twice` : `has no position ${position} to name`;
    throw new RangeError(
      `the order ${order} is no permutation: it ${problem}; name each of 0 … ${length - 1} once`,
    );
  });
  return rank;
}

/**
 * The masks of an order of positions for each text of a batch.
 *
 * @throws {RangeError} where an order is no permutation, or the orders differ in length.
 *
 * @example
 * ```ts
 * import { permutationMasks } from "@lineage/lineage/core/permutation";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const { content, query } = permutationMasks([[2, 0, 1]]); // position 2 first, then 0, then 1
 * assertEquals([...await read(query)], [0, 0, 1, 1, 0, 1, 0, 0, 0]);
 * assertEquals([...await read(content)], [1, 0, 1, 1, 1, 1, 0, 0, 1]);
 * ```
 */
export function permutationMasks(
  orders: readonly (readonly number[])[],
  given = 0,
): PermutationMasks {
  const length = orders[0]?.length ?? 0;
  const odd = orders.find((order) => order.length !== length);
  if (odd) {
    throw new RangeError(
      `an order of ${odd.length} positions beside one of ${length}; give all texts as many`,
    );
  }
  const ranked = orders.map((order) => ranks(order).map((n) => n < given ? 0 : n));
  const mask = (sees: (mine: number, other: number, itself: boolean) => boolean) => {
    const rows = ranked.map((rank) =>
      rank.map((mine, i) => rank.map((other, j) => sees(mine, other, i === j) ? 1 : 0))
    );
    return tensor("B Tq Tk", rows.flat(2), [orders.length, length, length]);
  };
  return {
    content: mask((mine, other) => other <= mine),
    query: mask((mine, other, itself) => !itself && (other < mine || given > 0 && other === 0)),
  };
}

/**
 * Which position each prediction is about, as rows of one 1 each: XLNet's `target_mapping`. Where a text
 * has fewer targets than another, rows without a 1 fill up: predictions about nothing.
 *
 * @throws {RangeError} where a target is no position.
 *
 * @example
 * ```ts
 * import { targetMapping } from "@lineage/lineage/core/permutation";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(targetMapping([[2, 0]], 3))], [0, 0, 1, 1, 0, 0]);
 * ```
 */
export function targetMapping(
  targets: readonly (readonly number[])[],
  length: number,
  count: number = Math.max(0, ...targets.map((row) => row.length)),
): Tensor<"B M T"> {
  const values = new Float32Array(targets.length * count * length);
  targets.forEach((row, b) =>
    row.forEach((t, m) => {
      if (!(Number.isInteger(t) && t >= 0 && t < length)) {
        throw new RangeError(`the target ${t} is not a position of a text of ${length} tokens`);
      }
      values[(b * count + m) * length + t] = 1;
    })
  );
  return tensor("B M T", values, [targets.length, count, length]);
}
