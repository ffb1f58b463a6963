/**
 * Reward model — Bradley & Terry 1952; InstructGPT, second step: Ouyang et al. 2022 (2203.02155), §3.5, eq. 1.
 * Idea   People cannot say how good an answer is, but which of two is better. A model that gives each answer
 *        a number is trained so that the better one's is higher; the number then stands in for the people.
 * Maths  p(chosen ≻ rejected) = σ(r₊ − r₋);  L = −mean log σ(r₊ − r₋)
 * Axes   B answers: the first half the chosen ones, the second half the rejected, in the same order
 * Differs from the paper: which ranks four to nine answers at a time and takes all their pairs; here a
 *        pair is a pair. The number is read off the last token, which alone has seen all.
 * Trap   Only differences count: r and r + 5 are the same model. Reward is not comparable between prompts.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import {
  abs,
  add,
  exp,
  log,
  maximum,
  mean,
  negate,
  slice,
  subtract,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";

/**
 * The place of the last token of each text: where a model that reads from left to right has seen all.
 *
 * @throws {RangeError} where a text is all padding.
 *
 * @example
 * ```ts
 * import { read } from "@lineage/lineage/core/tensor";
 * import { lastPlaces } from "@lineage/lineage/objectives/reward_model";
 * import { assertEquals } from "@std/assert";
 * const places = lastPlaces({ mask: Int32Array.of(1, 1, 0, 1, 0, 0), shape: [2, 3] });
 * assertEquals([...await read(places)], [1, 3]);
 * ```
 */
export function lastPlaces({ mask, shape }: Pick<EncodedBatch, "mask" | "shape">): Tensor<"M"> {
  const [B, T] = shape;
  return tensor(
    "M",
    Array.from({ length: B }, (_, b) => {
      const last = mask.subarray(b * T, (b + 1) * T).lastIndexOf(1);
      if (last < 0) throw new RangeError(`text ${b} of the batch has no token; leave it out`);
      return b * T + last;
    }),
  );
}

/**
 * Both halves of a batch of chosen and rejected answers.
 *
 * @throws {RangeError} where there is an odd number of answers.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { halves } from "@lineage/lineage/objectives/reward_model";
 * import { assertEquals } from "@std/assert";
 * const { rejected } = halves(tensor("B", [1, 2, 3, 4]));
 * assertEquals([...await read(rejected)], [3, 4]);
 * ```
 */
export function halves(x: Tensor<"B">): { chosen: Tensor<"B">; rejected: Tensor<"B"> } {
  const B = x.size("B");
  if (B % 2 !== 0) {
    throw new RangeError(`${B} answers are no pairs: give as many rejected as chosen, after them`);
  }
  return { chosen: slice(x, "B", 0, B / 2), rejected: slice(x, "B", B / 2, B) };
}

/**
 * −log σ(x), which stays finite: max(−x, 0) + log(1 + e^−|x|).
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { surpriseAt } from "@lineage/lineage/objectives/reward_model";
 * import { assertAlmostEquals } from "@std/assert";
 * const [even, far] = await read(surpriseAt(tensor("B", [0, -200])));
 * assertAlmostEquals(even, Math.LN2, 1e-6);
 * assertAlmostEquals(far, 200, 1e-4);
 * ```
 */
export function surpriseAt(logOdds: Tensor<"B">): Tensor<"B"> {
  const tail = log(add(exp(negate(abs(logOdds))), 1));
  return add(maximum(negate(logOdds), 0), tail);
}

/**
 * How surprised the rewards are by the choices, in nats.
 *
 * @throws {RangeError} where there is an odd number of answers.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { rewardLoss } from "@lineage/lineage/objectives/reward_model";
 * import { assertAlmostEquals } from "@std/assert";
 * const [loss] = await read(rewardLoss(tensor("B", [2, 2]))); // cannot tell them apart
 * assertAlmostEquals(loss, Math.LN2, 1e-6);
 * ```
 */
export function rewardLoss(rewards: Tensor<"B">): Tensor<""> {
  const { chosen, rejected } = halves(rewards);
  return mean(surpriseAt(subtract(chosen, rejected)));
}
