/**
 * Policy optimization (PPO) — Schulman et al. 2017 (1707.06347), eq. 7; InstructGPT, third step: Ouyang et al. 2022 (2203.02155), §3.5, eq. 2.
 * Idea   The model writes answers, and what is rewarded above the usual becomes likelier. Writing is dear, so
 *        several steps learn from the same answers: once a token's probability has moved by the share ε, the
 *        way it should, there is nothing more to gain. Straying from where the model began has a price
 *        (Ziegler et al. 2019, 1909.08593), else it would write whatever fools the reward model.
 * Maths  R = r − β Σ_t (log π_then − log π₀);  A = (R − mean R) / deviation of R;  ρ = π_now / π_then
 *        L = −1/n Σ over the n written tokens of min(ρ·A, clip(ρ, 1 − ε, 1 + ε)·A)
 *        PPO-ptx: L + γ · tokenLoss of texts as before (left_to_right.ts), so that they are not unlearnt
 * Axes   B answers · T positions · V vocabulary
 * Differs from the paper: which pays the price token by token, and trains a value function to say after each
 *        token what reward is to be expected (1506.02438). Here an answer is one deed: R is eq. 2's, the usual
 *        is the mean of the batch, and A is the same at all tokens of an answer. That is noisier, the more so
 *        the longer the answers are, but there is nothing else to train.
 * Trap   The price belongs into the reward, as a number. Added to the loss, log π_now − log π₀ of the written
 *        tokens does nothing: over all that π may write, its gradient is 0 on average (2512.21852).
 *        And answers must be drawn from all of π, at temperature 1: with top-k the price can fall below 0,
 *        and straying is rewarded (huggingface/trl#736).
 * @module
 */
import {
  crossEntropy,
  divide,
  exp,
  less,
  maximum,
  minimum,
  multiply,
  negate,
  scalar,
  scale,
  standardize,
  stopGradient,
  subtract,
  sum,
  type Tensor,
} from "../core/tensor/mod.ts";
import type { TokenTargets } from "./left_to_right.ts";

/**
 * The logarithm of each written token's probability; 0 where no token is to be named.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { tokenTargets } from "@lineage/lineage/objectives/left_to_right";
 * import { tokenLogProbabilities } from "@lineage/lineage/objectives/policy_optimization";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[0, 0], [7, 0]]]);
 * const logs = tokenLogProbabilities(logits, tokenTargets(Float32Array.of(1, -100), [1, 2]));
 * const [one, other] = await read(logs);
 * assertAlmostEquals(one, -Math.LN2, 1e-6);
 * assertEquals(other, 0);
 * ```
 */
export function tokenLogProbabilities(
  logits: Tensor<"B T V">,
  { labels }: Pick<TokenTargets, "labels">,
): Tensor<"B T"> {
  return negate(crossEntropy(logits, labels, "V"));
}

/**
 * The rewards of answers, less the price for straying. `then` are their tokens' log-probabilities under the
 * model that wrote them, `before` under the one that it started from; β, `beta`, is the paper's.
 *
 * @throws {RangeError} where beta is below 0.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { penalisedReward } from "@lineage/lineage/objectives/policy_optimization";
 * import { assertAlmostEquals } from "@std/assert";
 * const then = tensor("B T", [[-1, -2]]), before = tensor("B T", [[-3, -1]]);
 * const [reward] = await read(penalisedReward(tensor("B", [5]), then, before, 0.1));
 * assertAlmostEquals(reward, 5 - 0.1 * (2 - 1), 1e-6);
 * ```
 */
export function penalisedReward(
  rewards: Tensor<"B">,
  then: Tensor<"B T">,
  before: Tensor<"B T">,
  beta = 0.02,
): Tensor<"B"> {
  if (!(beta >= 0)) throw new RangeError(`beta is ${beta}, below 0: straying would be rewarded`);
  return subtract(rewards, scale(sum(subtract(then, before), "T"), beta));
}

/**
 * How much better than usual each answer of a batch was, in deviations from their mean; 0 where all are alike.
 * Let many answer the same questions: an easy question is no merit of its answer.
 *
 * @throws {RangeError} where there is one answer only.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { advantagesOf } from "@lineage/lineage/objectives/policy_optimization";
 * import { assertAlmostEquals } from "@std/assert";
 * const [good, bad] = await read(advantagesOf(tensor("B", [7, 3])));
 * assertAlmostEquals(good, 1, 1e-4);
 * assertAlmostEquals(bad, -1, 1e-4);
 * ```
 */
export function advantagesOf(rewards: Tensor<"B">): Tensor<"B"> {
  const tiny = 1e-4; // else what rounding leaves of equal rewards would be blown up
  if (rewards.size("B") > 1) return standardize(rewards, "B", tiny);
  throw new RangeError("one answer is neither better nor worse than usual: give at least two");
}

/**
 * What is left to gain from answers that were written. `now` are their tokens' log-probabilities under the model
 * that learns, `then` under the same model when it wrote them, as numbers; ε, `clip`, is how far a
 * token's probability may move for them.
 *
 * @throws {RangeError} where clip is not above 0.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { tokenTargets } from "@lineage/lineage/objectives/left_to_right";
 * import { clippedLoss } from "@lineage/lineage/objectives/policy_optimization";
 * import { assertAlmostEquals } from "@std/assert";
 * const targets = tokenTargets(Float32Array.of(4, 2), [1, 2]), advantages = tensor("B", [3]);
 * const then = tensor("B T", [[-1, -1]]), now = tensor("B T", [[-0.5, -2]]); // ratios 1.65, 0.37
 * const [loss] = await read(clippedLoss(now, then, advantages, targets));
 * assertAlmostEquals(loss, -3 * (1.2 + Math.exp(-1)) / 2, 1e-6);
 * ```
 */
export function clippedLoss(
  now: Tensor<"B T">,
  then: Tensor<"B T">,
  advantages: Tensor<"B">,
  { labels, count }: TokenTargets,
  clip = 0.2,
): Tensor<""> {
  if (!(clip > 0)) throw new RangeError(`clip is ${clip}, not above 0: nothing could be learnt`);
  const ratio = exp(subtract(now, stopGradient(then))), worth = stopGradient(advantages);
  const near = minimum(maximum(ratio, 1 - clip), 1 + clip);
  const gain = minimum(multiply(ratio, worth), multiply(near, worth));
  const written = less(negate(labels), 1);
  return negate(divide(sum(multiply(gain, written)), scalar(count)));
}
