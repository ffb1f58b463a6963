/**
 * Distilled masked LM — Sanh et al. 2019, DistilBERT (1910.01108), §2 and §3.
 * Idea   Student and teacher read the same masked text. The student is to give the probabilities that
 *        the teacher gives, to name the hidden tokens, and to have states that point the same way.
 * Maths  L = 5 · tau² · mean KL(teacher‖student) + 2 · L(masked LM) + 1 · mean (1 − cos(h, h'))
 *        with means over all tokens, but for the masked LM's, which is over the hidden ones
 * Axes   B batch · T positions · V vocabulary · D width, the same for both
 * Differs from the paper: nothing. Weights and tau = 2 are those of the authors' script. All tokens
 *        count for KL and cosine, hidden or not, padding excepted, as there.
 * Trap   The teacher must read the masked text, too. If it sees what was hidden, it is sure of what
 *        nobody could know, and the student is punished for doubt.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import {
  add,
  divide,
  type Key,
  multiply,
  scalar,
  scale,
  sum,
  type Tensor,
} from "../core/tensor/mod.ts";
import { checkTemperature, cosineDistance, divergence } from "./distillation.ts";
import {
  maskedLM,
  maskedLMLoss,
  type MaskedLMOptions,
  type MaskedTargets,
} from "./masked_language_model.ts";
import type { Objective } from "./objective.ts";

/** How much each of the three losses weighs, and the temperature. */
export interface DistillationOptions extends MaskedLMOptions {
  /** The temperature of the soft targets (default 2). */
  readonly tau?: number;
  /** Of soft targets, masked LM and cosine (default 5, 2 and 1). */
  readonly weights?: { readonly soft: number; readonly hard: number; readonly cosine: number };
}

/** What a model makes of the masked text. */
export interface MadeOf {
  /** Scores of all tokens at every position. */
  readonly logits: Tensor<"B T V">;
  /** The last layer's states. */
  readonly states: Tensor<"B T D">;
}

/** What both models make of it. */
export interface DistillationOutputs {
  /** The one that learns. */
  readonly student: MadeOf;
  /** The one that is copied; no gradient reaches it. */
  readonly teacher: MadeOf;
}

/** Which positions count: those of the masked LM, and all of them. */
export interface DistillationTargets {
  /** The hidden tokens. */
  readonly masked: MaskedTargets;
  /** All tokens: 1 where a token is, and how many there are. */
  readonly tokens: { readonly mask: Tensor<"B T">; readonly count: number };
}

/** DistilBERT's weights. */
export const distilBertWeights = { soft: 5, hard: 2, cosine: 1 };

/**
 * The objective of a student that reads with its teacher.
 *
 * Its `corrupt` throws as masked LM's does; its `loss` an AxisError where student and teacher differ
 * in vocabulary or width.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1, a temperature that is not above 0, or a
 * weight below 0.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { full, randomKey, read, zeros } from "@lineage/lineage/core/tensor";
 * import { distilledMaskedLM } from "@lineage/lineage/objectives/distilled_masked_lm";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const objective = distilledMaskedLM(tokenizer.vocabulary);
 * const { targets } = objective.corrupt(encodeBatch(tokenizer, ["a b a b"]), randomKey(1));
 * const same = { logits: zeros("B T V", [1, 6, 7]), states: full("B T D", [1, 6, 2], 1) };
 * const [loss] = await read(objective.loss({ student: same, teacher: same }, targets));
 * assertAlmostEquals(loss, 2 * Math.log(7), 1e-5); // only the hidden tokens are still unknown
 * ```
 */
export function distilledMaskedLM(
  vocabulary: Vocabulary,
  options: DistillationOptions = {},
): Objective<EncodedBatch, DistillationOutputs, DistillationTargets> {
  const { tau = 2, weights = distilBertWeights, ...masking } = options;
  checkTemperature(tau);
  for (const [name, weight] of Object.entries(weights)) {
    if (weight >= 0 && weight < Infinity) continue;
    throw new RangeError(`distillation: the weight of ${name} is ${weight}; give 0 or more`);
  }
  const objective = maskedLM(vocabulary, masking);
  const corrupt = (original: EncodedBatch, key: Key) => {
    const corrupted = objective.corrupt(original, key);
    const count = original.mask.reduce((sum, real) => sum + real, 0);
    const tokens = { mask: corrupted.inputs.mask, count };
    return { ...corrupted, targets: { masked: corrupted.targets, tokens } };
  };
  const loss = ({ student, teacher }: DistillationOutputs, targets: DistillationTargets) => {
    const { mask, count } = targets.tokens;
    const overTokens = (x: Tensor<"B T">) => divide(sum(multiply(x, mask)), scalar(count));
    const soft = overTokens(divergence(student.logits, teacher.logits, "V", tau));
    const cosine = overTokens(cosineDistance(student.states, teacher.states, "D"));
    const hard = maskedLMLoss(student.logits, targets.masked);
    const ofTeacher = add(scale(soft, weights.soft * tau ** 2), scale(cosine, weights.cosine));
    return add(ofTeacher, scale(hard, weights.hard));
  };
  return { name: "distilledMaskedLM", corrupt, loss };
}
