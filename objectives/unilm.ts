/**
 * UniLM's mixture — Dong et al. 2019 (1905.03197), §2.3.
 * Idea   One masked language model, four sights. A hidden word is guessed from both sides, from what
 *        comes before it, from what comes after, or, in a target, from the source and what comes before:
 *        the mask alone says which. So one set of weights learns to understand and to generate.
 * Maths  L = masked LM; each text: both sides 1/3, sequence to sequence 1/3, left to right 1/6,
 *        right to left 1/6
 * Axes   B batch · T positions · Tq,Tk query,key positions · V vocabulary · M hidden places
 * Differs from the paper: whether a text follows another is asked by next_sentence.ts, not here; words are
 *        hidden one by one, not sometimes two or three together. Segments are the authors' code's: each
 *        sight has its own.
 * Trap   With the words of both sides hidden behind [MASK] but the mask of attention forgotten, "left to
 *        right" is BERT again, and its loss is too good to be true.
 * @module
 */
import { leftToRight, mask, rightToLeft, sequenceToSequence } from "../core/masks.ts";
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import {
  add,
  broadcast,
  full,
  type Key,
  multiply,
  rename,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { maskedLM, type MaskedLMOptions, type MaskedTargets } from "./masked_language_model.ts";
import { type Corrupted, type ModelInputs, type Objective } from "./objective.ts";

/** What a hidden word is guessed from. */
export type SightName = "bothSides" | "leftToRight" | "rightToLeft" | "sequenceToSequence";

/** How often each sight is drawn; they need not sum to one. */
export type Shares = Readonly<Partial<Record<SightName, number>>>;

/** The paper's shares. */
export const paperShares: Shares = {
  bothSides: 1 / 3,
  sequenceToSequence: 1 / 3,
  leftToRight: 1 / 6,
  rightToLeft: 1 / 6,
};

/** The first of the segments that texts under each sight have; two where a text has two parts. */
const firstSegment = { bothSides: 0, leftToRight: 2, rightToLeft: 3, sequenceToSequence: 4 };
const sights = Object.keys(firstSegment) as SightName[];

/** What a model takes: the masks of attention come with the batch. */
export interface SightedInputs extends Omit<ModelInputs, "mask"> {
  /** 1 where a query may look. */
  readonly mask: Tensor<"B Tq Tk">;
}

/** A batch with hidden words, each text under a sight. */
export interface Sighted extends Omit<Corrupted<EncodedBatch, MaskedTargets>, "inputs"> {
  /** For the model. */
  readonly inputs: SightedInputs;
  /** The sight of each text. */
  readonly sights: readonly SightName[];
}

/** The objective. */
export interface UniLMObjective
  extends Pick<Objective<never, Tensor<"B T V">, MaskedTargets>, "name" | "loss"> {
  /** Hide words and draw a sight for each text. */
  corrupt(batch: EncodedBatch, key: Key): Sighted;
}

/**
 * The inputs of a batch under given sights: masks, and the segments that go with them.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { underSights } from "@lineage/lineage/objectives/unilm";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const { mask, segments } = underSights(encodeBatch(tokenizer, ["boat"]), ["leftToRight"]);
 * assertEquals([...await read(mask)], [1, 0, 0, 1, 1, 0, 1, 1, 1]);
 * assertEquals([...await read(segments)], [2, 2, 2]);
 * ```
 */
export function underSights(batch: EncodedBatch, chosen: readonly SightName[]): SightedInputs {
  const [B, T] = batch.shape, parts = tensor("B T", batch.segments, batch.shape);
  const segments = Float32Array.from(batch.segments, (segment, i) => {
    const sight = chosen[Math.floor(i / T)],
      one = sight === "leftToRight" || sight === "rightToLeft";
    return firstSegment[sight] + (one ? 0 : segment);
  });
  const masks: Record<SightName, Tensor> = {
    bothSides: full("Tq Tk", [T, T], 1),
    leftToRight: mask(leftToRight, T),
    rightToLeft: mask(rightToLeft, T),
    sequenceToSequence: sequenceToSequence(parts),
  };
  const visible = sights.map((sight) => {
    const has = tensor("B", chosen.map((one) => one === sight ? 1 : 0));
    return multiply(broadcast(masks[sight], "B Tq Tk", { B, Tq: T, Tk: T }), has);
  }).reduce((sum, one) => add(sum, one));
  const tokens = tensor("B T", batch.mask, batch.shape);
  return {
    ids: tensor("B T", batch.ids, batch.shape),
    segments: tensor("B T", segments, batch.shape),
    mask: multiply(visible, rename(tokens, "B T -> B Tk")),
  };
}

/**
 * The objective for the texts of a vocabulary; a model for it has six segments.
 *
 * @throws {RangeError} for shares that are below 0 or all 0.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { uniLM } from "@lineage/lineage/objectives/unilm";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\nship\n"));
 * const objective = uniLM(tokenizer.vocabulary, { rightToLeft: 1 });
 * const { sights } = objective.corrupt(encodeBatch(tokenizer, ["boat ship"]), randomKey(1));
 * assertEquals(sights, ["rightToLeft"]);
 * ```
 */
export function uniLM(
  vocabulary: Vocabulary,
  shares: Shares = paperShares,
  options: MaskedLMOptions = {},
): UniLMObjective {
  const weights = sights.map((sight) => shares[sight] ?? 0), words = maskedLM(vocabulary, options);
  const whole = weights.reduce((a, b) => a + b, 0);
  if (!(whole > 0 && weights.every((weight) => weight >= 0))) {
    throw new RangeError(
      `UniLM: the shares ${weights} are below 0 or all 0; give some sight a share`,
    );
  }
  const draw = (number: number): SightName => {
    let left = number * whole;
    return sights.find((_, i) => (left -= weights[i]) < 0) ??
      sights[weights.findIndex((w) => w > 0)];
  };
  const corrupt = (original: EncodedBatch, key: Key): Sighted => {
    const { batch, targets } = words.corrupt(original, key.derive(0)), drawn = key.derive(1);
    const chosen = Array.from({ length: batch.shape[0] }, (_, b) => draw(drawn.number(b)));
    return { original, batch, inputs: underSights(batch, chosen), targets, sights: chosen };
  };
  return { name: "uniLM", corrupt, loss: words.loss };
}
