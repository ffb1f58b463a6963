/**
 * A BERT as small as it can be: for experiments that pre-train several models for every seed.
 * Idea   Whole words as tokens, pairs of sentences as texts, a few dimensions. Twice as many words are hidden
 *        as in BERT: more to learn from in every step, and in so few steps that is what counts.
 * Maths  as in micro_bert.ts, with 30 % of the tokens hidden; judged with 15 %
 * Axes   as in micro_bert.ts
 * Differs from the papers in size, in the share of hidden words, and in that nothing longer than a pair of
 *        sentences is ever read; the order of the pair is not asked for.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { randomKey, read } from "../core/tensor/mod.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { vocabularyOf } from "../data/mod.ts";
import { type Heads, type ModelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type ModelSpec, type Sizes } from "../models/spec.ts";
import { maskedLM } from "../objectives/masked_language_model.ts";
import { atPlaces } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";
import {
  hiddenWords,
  judgeBy,
  microSizes,
  type MicroWorld,
  microWorld,
  pretrain,
  type Shape,
} from "./micro_bert.ts";
import { accuracy, microTask, scoresOf, tune } from "./micro_tasks.ts";

/** Pairs of sentences, many in a batch: at this size a step of many costs little more than one of few. */
export const pairsOnly: Shape = { batch: 64, length: 20 };

/** The part of the tokens that is hidden while learning. */
export const hidden = 0.3;

/** The world of a seed, each of its words a token. */
export function worldInWords(seed: number): MicroWorld {
  const micro = microWorld(seed);
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...vocabularyOf(micro.world)];
  const tokenizer = wordPiece(parseVocabulary(tokens.join("\n")), { lowerCase: true });
  return { ...micro, tokenizer };
}

/** Sizes for pairs of sentences. */
export const smallSizes = (micro: MicroWorld, layers: number, width: number): Sizes =>
  microSizes(micro.tokenizer, { positions: 24, layers, width, heads: 2, inner: 4 * width });

/** What is pre-trained, and for how long. */
export interface SmallRecipe {
  /** The model. */
  readonly spec: ModelSpec;
  /** Its sizes. */
  readonly sizes: Sizes;
  /** How many steps. */
  readonly steps: number;
  /** Of parameters and batches. */
  readonly seed: number;
  /** The highest learning rate. */
  readonly peak: number;
  /** First parameters (default: drawn from the seed). */
  readonly from?: ModelParameters;
}

/** Pre-train a small model to name hidden words. */
export function pretrainSmall(
  recipe: SmallRecipe,
  micro: MicroWorld,
  report: Report,
): Promise<Pretrained> {
  const { spec, sizes } = recipe, { tokenizer } = micro, heads: Heads = { maskedLM: true };
  const words = maskedLM(tokenizer.vocabulary, { rate: hidden });
  const lessons = (shape: Shape) => hiddenWords(spec, sizes, tokenizer, shape, { words });
  return pretrain({ ...recipe, heads, lessons, shapes: [pairsOnly, pairsOnly] }, micro, report);
}

/** The mean surprise at hidden words (15 %) of documents that were not learned from, in nats. */
export function lossOfSmall(
  { spec, sizes, params }: Pretrained,
  micro: MicroWorld,
): Promise<number> {
  const lessons = hiddenWords(spec, sizes, micro.tokenizer, pairsOnly);
  return judgeBy(lessons, params, micro.unseen, { count: 16, batch: pairsOnly.batch });
}

/** The share of hidden words (15 %) of documents not learned from that the model guesses at once. */
export async function firstGuesses(model: Pretrained, micro: MicroWorld): Promise<number> {
  const { spec, sizes, params } = model, { tokenizer, unseen } = micro;
  const { make } = hiddenWords(spec, sizes, tokenizer, pairsOnly);
  let right = 0, asked = 0;
  for (let i = 0; i + pairsOnly.batch <= unseen.length; i += pairsOnly.batch) {
    const { inputs, words } = make(unseen.slice(i, i + pairsOnly.batch), randomKey(i, 1));
    const { last } = encode(spec, sizes, params.encoder, inputs);
    const scores = nameTokens(spec, sizes, params, atPlaces(last, words.places));
    const [guesses, labels] = await read([scores, words.labels]);
    for (let m = 0; m < words.count; m++) {
      const row = guesses.subarray(m * sizes.vocabulary, (m + 1) * sizes.vocabulary);
      right += argmax(row) === labels[m] ? 1 : 0;
    }
    asked += words.count;
  }
  return right / asked;
}

/** How a small model is fine-tuned. */
export interface SmallTask {
  /** Which task. */
  readonly kind: Parameters<typeof microTask>[0];
  /** Examples to learn from. */
  readonly told: number;
  /** Steps. */
  readonly steps: number;
  /** Texts a step. */
  readonly batch: number;
  /** The highest learning rate. */
  readonly rate: number;
}

/** The accuracy of a small model after fine-tuning, on examples that it was not told. */
export async function scoreOfSmall(
  model: Pretrained,
  micro: MicroWorld,
  { kind, told, ...options }: SmallTask,
  seed: number,
): Promise<number> {
  const task = microTask(kind, micro.world, { told, seed }), length = 16;
  const tuned = await tune(model, micro.tokenizer, task, { ...options, seed, length });
  return accuracy(await scoresOf(tuned, micro.tokenizer, task.unseen, { length }), task.unseen);
}

/** The accuracy of whoever always names the most frequent class. */
export function majorityOfSmall(
  { world }: MicroWorld,
  { kind, told }: SmallTask,
  seed: number,
): number {
  const { unseen, labels } = microTask(kind, world, { told, seed });
  const counts = labels.map((_, label) =>
    unseen.filter((example) => example.label === label).length
  );
  return Math.max(...counts) / unseen.length;
}
