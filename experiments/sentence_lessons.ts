/**
 * Lessons from single sentences: the quickest way for a small model to learn what stands beside what.
 * Idea   In a text of twelve tokens half of what decides a hidden word is next to it. A model of width 64
 *        leaves the bare frequencies of words within a hundred steps, where pairs keep it there for thousands.
 * Maths  L = 1/n Σ −log p(hidden token), as for masked LM
 * Axes   B sentences · T positions · V vocabulary
 * Differs from the paper: BERT (1810.04805) never sees less than a pair; the rate may be four times as high.
 * Trap   15 % of ten tokens is one or two: longer names are never hidden whole. Raise the rate then.
 * @module
 */
import type { Key } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import type { Document, Sentence } from "../data/mod.ts";
import { BERT } from "../models/bert.ts";
import { type Heads, type ModelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type Sizes } from "../models/spec.ts";
import { maskedLM, maskedLMLoss, type MaskedTargets } from "../objectives/masked_language_model.ts";
import { atPlaces, draws, type ModelInputs } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";
import { type Lessons, type MicroWorld, pretrain, type Shape } from "./micro_bert.ts";

/** Sentences in a batch, and tokens in a sentence. */
export const sentenceShape: Shape = { batch: 32, length: 16 };

/** The highest learning rate that single sentences bear. */
export const sentencePeak = 4e-3;

/** How sentences are encoded. */
export const sentenceFit = {
  maxLength: sentenceShape.length,
  padTo: sentenceShape.length,
  truncation: "longest_first",
} as const;

/** Sentences with something hidden. */
export interface HiddenInSentences {
  /** For the model. */
  readonly inputs: ModelInputs;
  /** What is hidden. */
  readonly targets: MaskedTargets;
}

/** Hides something in sentences. */
export type HideIn = (sentences: readonly Sentence[], key: Key) => HiddenInSentences;

/** Hides words as masked LM does. */
export function hideWords(
  tokenizer: Tokenizer,
  options?: Parameters<typeof maskedLM>[1],
): HideIn {
  const { corrupt } = maskedLM(tokenizer.vocabulary, options);
  return (sentences, key) =>
    corrupt(encodeBatch(tokenizer, sentences.map(({ text }) => text), sentenceFit), key);
}

/** One sentence of each document, of those that are `wanted`. */
export function drawSentences(
  documents: readonly Document[],
  key: Key,
  wanted: (sentence: Sentence) => boolean = () => true,
): Sentence[] {
  const draw = draws(key), lists = documents.map(({ sentences }) => sentences.filter(wanted));
  return lists.filter((list) => list.length > 0).map((list) => list[draw(list.length)]);
}

/** The loss of a BERT that names what is hidden. */
export function namingLoss(
  sizes: Sizes,
  params: ModelParameters,
  { inputs, targets }: HiddenInSentences,
  key?: Key,
): ReturnType<typeof maskedLMLoss> {
  const { last } = encode(BERT, sizes, params.encoder, inputs, key);
  return maskedLMLoss(nameTokens(BERT, sizes, params, atPlaces(last, targets.places)), targets);
}

/** Lessons from one sentence of each document, hidden in as `hide` does. */
export function sentenceLessons(
  sizes: Sizes,
  hide: HideIn,
  wanted?: (sentence: Sentence) => boolean,
): Lessons<HiddenInSentences> {
  return {
    make: (documents, key) => hide(drawSentences(documents, key.derive(0), wanted), key.derive(1)),
    loss: (params, lesson, key) => namingLoss(sizes, params, lesson, key),
  };
}

/** What reads single sentences, and for how long. */
export interface SentenceRecipe {
  /** The model's sizes. */
  readonly sizes: Sizes;
  /** How many steps. */
  readonly steps: number;
  /** Of parameters and batches. */
  readonly seed: number;
  /** Heads that are wanted later (default: masked LM alone). */
  readonly heads?: Heads;
}

/** A BERT that has learned from single sentences. */
export function learnSentences(
  lessons: Lessons<HiddenInSentences>,
  { heads = { maskedLM: true }, ...recipe }: SentenceRecipe,
  micro: MicroWorld,
  report: Report,
): Promise<Pretrained> {
  const shapes = [sentenceShape, sentenceShape] as const, peak = sentencePeak;
  return pretrain(
    { ...recipe, spec: BERT, heads, shapes, lessons: () => lessons, peak },
    micro,
    report,
  );
}
