/**
 * Preference tuning — DPO: Rafailov et al. 2023 (2305.18290), eq. 7; what it replaces: Ouyang et al. 2022 (2203.02155), §3.5.
 * Idea   InstructGPT lets the model write, asks the reward model, and makes what was rewarded likelier (PPO),
 *        without straying far from where it began. The best model for a given reward can be written
 *        down; turned round, the model itself says what the reward was. So pairs of answers are enough: make
 *        the chosen one likelier than it was, compared with the rejected one.
 * Maths  reward(y) = β·(log π(y|x) − log π₀(y|x));  L = −mean log σ(reward(chosen) − reward(rejected))
 * Axes   B answers: the first half the chosen ones, the second half the rejected · T positions · V vocabulary
 * Differs from the paper: nothing of DPO's. It differs from InstructGPT's, which trains a reward model
 *        (reward_model.ts) and then by PPO (policy_optimization.ts); both pull towards the same model, this
 *        one in one step.
 * Trap   The probabilities are those of whole answers, sums over tokens, not means; and π₀ must not learn.
 * @module
 */
import {
  crossEntropy,
  mean,
  negate,
  scale,
  subtract,
  sum,
  type Tensor,
} from "../core/tensor/mod.ts";
import type { TokenTargets } from "./left_to_right.ts";
import { halves, surpriseAt } from "./reward_model.ts";

/**
 * The logarithm of each answer's probability: the sum over its tokens.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { tokenTargets } from "@lineage/lineage/objectives/left_to_right";
 * import { answerLogProbabilities } from "@lineage/lineage/objectives/preference_tuning";
 * import { assertAlmostEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[0, 0], [0, 0], [7, 0]]]);
 * const targets = tokenTargets(Float32Array.of(1, 0, -100), [1, 3]);
 * const [log] = await read(answerLogProbabilities(logits, targets));
 * assertAlmostEquals(log, -2 * Math.LN2, 1e-6);
 * ```
 */
export function answerLogProbabilities(
  logits: Tensor<"B T V">,
  { labels }: Pick<TokenTargets, "labels">,
): Tensor<"B"> {
  return negate(sum(crossEntropy(logits, labels, "V"), "T"));
}

/**
 * How surprised the model's own rewards are by the choices, in nats; ln 2 where nothing was learnt yet.
 * `before` are the log-probabilities under the model that it started from, as numbers; β, `beta`, is how
 * dearly straying from it is paid.
 *
 * @throws {RangeError} where there is an odd number of answers, or beta is not above 0.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { preferenceLoss } from "@lineage/lineage/objectives/preference_tuning";
 * import { assertAlmostEquals } from "@std/assert";
 * const now = tensor("B", [-2, -5]), before = tensor("B", [-3, -3]);
 * const [loss] = await read(preferenceLoss(now, before, 0.5));
 * assertAlmostEquals(loss, Math.log(1 + Math.exp(-0.5 * (1 - -2))), 1e-6);
 * ```
 */
export function preferenceLoss(
  now: Tensor<"B">,
  before: Tensor<"B">,
  beta = 0.1,
): Tensor<""> {
  if (!(beta > 0)) {
    throw new RangeError(`beta is ${beta}, not above 0: straying would cost nothing`);
  }
  const { chosen, rejected } = halves(scale(subtract(now, before), beta));
  return mean(surpriseAt(subtract(chosen, rejected)));
}
