/**
 * Argmax: from scores to a choice.
 * Idea   A model scores every class, or every token. What it says is the place of the highest score; the
 *        scores themselves need not be probabilities, for softmax keeps their order.
 * Maths  argmax s = min { i : s_i ≥ s_j for all j }
 * Axes   none: one row of scores, on the host
 * Differs from the paper: there is none. Of equal scores the first is taken, so that runs can be repeated.
 * @module
 */

/**
 * The place of the largest number; of several the first.
 *
 * @example
 * ```ts
 * import { argmax } from "@lineage/lineage/core/argmax";
 * import { assertEquals } from "@std/assert";
 * assertEquals(argmax([1, 5, 5]), 1);
 * ```
 */
export function argmax(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}
