/**
 * Replaced tokens — Clark et al. 2020, ELECTRA (2003.10555), §2.
 * Idea   A small generator fills in the [MASK]s; a discriminator looks at the result and says of every
 *        token whether it is the one that stood there. So it learns from all tokens, not from 15 %,
 *        and never sees a [MASK]. Only the discriminator is kept.
 * Maths  L = L(masked LM of the generator) + 50 · 1/n Σ −log P(label), over all n tokens
 *        P(replaced) = sigmoid(score);  label 1 where a token is not the original one
 *        token ∼ softmax(logits):  argmax(logits + Gumbel noise), noise = −log(−log u)
 * Axes   B batch · T positions · V vocabulary · M places
 * Differs from the paper: nothing. All that is chosen becomes [MASK]; in the authors' code 15 % of it
 *        stays as it was.
 * Trap   A token that the generator guesses right is an original: labels come from comparing tokens,
 *        not from where the [MASK]s were. And its samples carry no gradient back to the generator,
 *        which does not learn to deceive.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import {
  add,
  at,
  broadcast,
  crossEntropy,
  divide,
  equal,
  ignored,
  indices,
  type Key,
  less,
  log,
  max,
  maximum,
  multiply,
  negate,
  rearrange,
  rename,
  scalar,
  scale,
  scatterAdd,
  stopGradient,
  subtract,
  sum,
  type Tensor,
  tensor,
  uniform,
  where,
} from "../core/tensor/mod.ts";
import {
  type Choose,
  maskedLM,
  maskedLMLoss,
  type MaskedTargets,
} from "./masked_language_model.ts";
import { atPlaces, type ModelInputs, type Objective } from "./objective.ts";

/** How much is replaced, where, and how much the discriminator's loss weighs. */
export interface ReplacedTokensOptions {
  /** The chosen part of each text's tokens (default 0.15). */
  readonly rate?: number;
  /** Which (default `anywhere`). */
  readonly choose?: Choose;
  /** The weight of the discriminator's loss (default 50). */
  readonly weight?: number;
}

/** What is to be compared with what the discriminator sees. */
export interface DetectionTargets {
  /** The original tokens. */
  readonly ids: Tensor<"B T">;
  /** 1 where a token is, 0 where padding is. */
  readonly mask: Tensor<"B T">;
  /** What the sum of the losses is divided by: the number of tokens. */
  readonly count: number;
}

/** What both models are to guess. */
export interface ReplacedTokensTargets {
  /** The hidden tokens. */
  readonly generator: MaskedTargets;
  /** Which tokens are replaced. */
  readonly discriminator: DetectionTargets;
}

/** What both models say, and what the second one was shown. */
export interface ReplacedTokensOutputs {
  /** Scores of the hidden tokens: of the whole batch, or `atPlaces`. */
  readonly generator: Tensor<"B T V">;
  /** The ids that `discriminatorInputs` made of them. */
  readonly seen: Tensor<"B T">;
  /** A score for each token: above 0 where it seems replaced. */
  readonly discriminator: Tensor<"B T">;
}

/**
 * The objective: `corrupt` makes the generator's inputs, `discriminatorInputs` the discriminator's.
 *
 * Its `corrupt` throws a RangeError where no text has a token to choose.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1, or a weight below 0.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read, zeros } from "@lineage/lineage/core/tensor";
 * import { discriminatorInputs, replacedTokens } from "@lineage/lineage/objectives/replaced_tokens";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const objective = replacedTokens(tokenizer.vocabulary), key = randomKey(1);
 * const { inputs, targets } = objective.corrupt(encodeBatch(tokenizer, ["a b a b"]), key);
 * const generator = zeros("B T V", [1, 6, 7]); // undecided
 * const { ids: seen } = discriminatorInputs(inputs, targets, generator, key.derive(1));
 * const loss = objective.loss({ generator, seen, discriminator: zeros("B T", [1, 6]) }, targets);
 * assertAlmostEquals((await read(loss))[0], Math.log(7) + 50 * Math.LN2, 1e-4);
 * ```
 */
export function replacedTokens(
  vocabulary: Vocabulary,
  options: ReplacedTokensOptions = {},
): Objective<EncodedBatch, ReplacedTokensOutputs, ReplacedTokensTargets> {
  const { rate, choose, weight = 50 } = options, { mask } = vocabulary.special;
  if (!(weight >= 0)) throw new RangeError(`replaced tokens: the weight ${weight} is below 0`);
  const masking = maskedLM(vocabulary, { rate, choose, replace: (ids) => ids.map(() => mask) });
  const corrupt = (original: EncodedBatch, key: Key) => {
    const corrupted = masking.corrupt(original, key), { inputs, targets } = corrupted;
    const discriminator = {
      ids: tensor("B T", original.ids, original.shape),
      mask: inputs.mask,
      count: original.mask.reduce((sum, real) => sum + real, 0),
    };
    return { ...corrupted, targets: { generator: targets, discriminator } };
  };
  const loss = (outputs: ReplacedTokensOutputs, targets: ReplacedTokensTargets) => {
    const ofGenerator = maskedLMLoss(outputs.generator, targets.generator);
    const found = detectionLoss(outputs.discriminator, outputs.seen, targets.discriminator);
    return add(ofGenerator, scale(found, weight));
  };
  return { name: "replacedTokens", corrupt, loss };
}

/**
 * The batch for the discriminator: the original one with tokens drawn by the generator in the chosen
 * places.
 *
 * @param logits Of the whole batch, or `atPlaces`.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { ignored, randomKey } from "@lineage/lineage/core/tensor";
 * import { discriminatorInputs } from "@lineage/lineage/objectives/replaced_tokens";
 * import { assertEquals } from "@std/assert";
 *
 * const ids = tensor("B T", [[1, 0]]), mask = tensor("B T", [[1, 1]]);
 * const places = tensor("M", [1, 0]), labels = tensor("M", [0, ignored]);
 * const generator = { places, labels, count: 1, shape: [1, 2] as const };
 * const targets = { generator, discriminator: { ids, mask, count: 2 } };
 * const sure = tensor("B T V", [[[0, 0, 99], [0, 0, 99]]]); // always token 2
 * const filled = discriminatorInputs({ ids, segments: ids, mask }, targets, sure, randomKey(1));
 * assertEquals([...await read(filled.ids)], [1, 2]);
 * ```
 */
export function discriminatorInputs(
  inputs: ModelInputs,
  { generator, discriminator }: ReplacedTokensTargets,
  logits: Tensor<"B T V">,
  key: Key,
): ModelInputs {
  const { places, labels, shape: [B, T] } = generator;
  const arePicked = logits.size("B") === 1 && logits.size("T") === places.size("M");
  const picked = at(arePicked ? logits : atPlaces(logits, places), "B", 0);
  const drawn = sampleTokens(rename(picked, "T V -> M V"), key);
  const isChosen = equal(less(labels, 0), 0);
  const change = where(isChosen, subtract(drawn, labels), 0);
  const changes = scatterAdd(change, places, "B·T", B * T, []);
  const moved = rearrange(changes as Tensor<"B·T">, "(B T) -> B T", { B });
  return { ...inputs, ids: add(discriminator.ids, moved) };
}

/**
 * A token for each place, drawn from the softmax of its scores. No gradient passes.
 *
 * @example
 * ```ts
 * import { randomKey, read, tensor } from "@lineage/lineage/core/tensor";
 * import { sampleTokens } from "@lineage/lineage/objectives/replaced_tokens";
 * import { assert } from "@std/assert";
 * const scores = tensor("M V", Array(1000).fill([0, Math.log(3)]));
 * const drawn = await read(sampleTokens(scores, randomKey(1)));
 * assert(Math.abs([...drawn].filter((v) => v === 1).length - 750) < 70);
 * ```
 */
export function sampleTokens(scores: Tensor<"M V">, key: Key): Tensor<"M"> {
  const u = uniform(key, "M V", scores.shape);
  // u may be 0, and the logarithm of almost 1 may come out as 0: neither must make infinite noise.
  const least = 2 ** -25, logOf = (x: Tensor<"M V">) => log(maximum(x, least));
  const noisy = subtract(stopGradient(scores), logOf(negate(logOf(u))));
  // The largest of a row may come out a little smaller where it is computed a second time.
  const nearTop = subtract(max(noisy, "V"), 1e-4);
  const isLargest = less(subtract(negate(noisy), negate(nearTop)), 0);
  const places = broadcast(indices("V", scores.size("V")), "M V", { M: scores.size("M") });
  return max(where(isLargest, places, 0), "V");
}

/**
 * The mean surprise at which tokens are replaced, in nats: two classes with the scores 0 and x, so
 * P(replaced) = sigmoid(x).
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { detectionLoss } from "@lineage/lineage/objectives/replaced_tokens";
 * import { assertAlmostEquals } from "@std/assert";
 * const ids = tensor("B T", [[5, 6, 0]]), mask = tensor("B T", [[1, 1, 0]]);
 * const seen = tensor("B T", [[5, 9, 0]]); // the second is replaced, and judged with P = 3/4
 * const scores = tensor("B T", [[0, Math.log(3), 50]]);
 * const loss = detectionLoss(scores, seen, { ids, mask, count: 2 });
 * assertAlmostEquals((await read(loss))[0], (Math.LN2 + Math.log(4 / 3)) / 2, 1e-6);
 * ```
 */
export function detectionLoss(
  scores: Tensor<"B T">,
  seen: Tensor<"B T">,
  { ids, mask, count }: DetectionTargets,
): Tensor<""> {
  const isReplaced = equal(equal(seen, ids), 0);
  const labels = where(mask, isReplaced, ignored);
  const classes = multiply(broadcast(scores, "B T C", { C: 2 }), indices("C", 2));
  return divide(sum(crossEntropy(classes, labels, "C")), scalar(count));
}
