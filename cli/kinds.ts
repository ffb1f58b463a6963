/**
 * What `deno task train` can train: a BERT or a GPT, from the same documents.
 *
 * Idea   A kind says how it begins (vocabulary, sizes, first weights), what a step's batch and loss are, and
 *        how it is judged on text that was held back. The loop is the same.
 * Maths  none here: pretraining.ts and language_modelling.ts
 * Axes   none
 * Differs from the paper: the sizes are those that learn most in minutes on a processor.
 * @module
 */
import { deviationFor, initialise } from "../core/parameters.ts";
import { keep, type Key, randomKey, type Tensor } from "../core/tensor/mod.ts";
import { byteBPE } from "../core/text/byte_bpe.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { type AdamWOptions, exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { generate } from "../generation/generate.ts";
import { BERT, BERT_BASE } from "../models/bert.ts";
import { GPT2, GPT2_SMALL } from "../models/gpt2.ts";
import { type Heads, type ModelParameters, modelParameters } from "../models/model.ts";
import { countNGrams, surprise } from "../models/n_gram.ts";
import type { Pretrained } from "../models/pretrained.ts";
import type { ModelSpec, Sizes } from "../models/spec.ts";
import type { Sentences } from "../objectives/next_sentence.ts";
import {
  drawWindows,
  judgeText,
  tokensOf,
  windowLoss,
  type Windows,
} from "./language_modelling.ts";
import { type Lesson, pretraining } from "./pretraining.ts";

/** What a person chooses of a run. */
export interface Chosen {
  /** Steps in all. */
  steps: number;
  /** Most tokens in the vocabulary. */
  vocabulary: number;
  /** Tokens in a text. */
  length: number;
  /** Layers of the model. */
  layers: number;
  /** Its width. */
  width: number;
  /** Its heads. */
  heads: number;
  /** Texts in a step. */
  batch: number;
  /** The highest learning rate. */
  rate: number;
  /** Of first weights, batches and dropout. */
  seed: number;
}

/** Batch, loss and optimiser of a step, as the loop of training takes them. */
export interface Lessons {
  /** The batch of a step, from its key. */
  batch(key: Key): readonly unknown[];
  /** The loss of a part of it. */
  loss(params: ModelParameters, part: unknown, key: Key): Tensor<"">;
  /** How it is stepped. */
  adamw: Omit<AdamWOptions, "rate" | "step" | "guard">;
}

/** A kind of model that is trained from plain text. */
export interface Kind {
  /** What is chosen where a person does not choose. */
  usual: Chosen;
  /** A model that has learnt nothing yet. */
  begin: (documents: readonly Sentences[], chosen: Chosen) => Promise<Pretrained>;
  /** What it is taught. */
  lessons: (model: Pretrained, documents: readonly Sentences[], batch: number) => Lessons;
  /** A line about documents that it was not taught; `told` are those that it was. */
  judge: (
    model: Pretrained,
    unseen: readonly Sentences[],
    told: readonly Sentences[],
  ) => Promise<string>;
  /** A text of its own, where it can write one. */
  write?: (model: Pretrained, seed: number) => Promise<string>;
}

async function fresh(
  spec: ModelSpec,
  base: Sizes,
  tokenizer: Tokenizer,
  { length, layers, width, heads: count, seed }: Chosen,
  heads: Heads,
  deviation?: number,
): Promise<Pretrained> {
  const vocabulary = tokenizer.vocabulary.tokens.length;
  const own = { vocabulary, positions: length, layers, width, heads: count, inner: 4 * width };
  const sizes = { ...base, ...own };
  const declared = modelParameters(spec, sizes, heads);
  const params = await keep(initialise(declared, randomKey(seed), deviation));
  return { spec, sizes, heads, params, tokenizer };
}

/** Masked words and next sentences. */
const bert: Kind = {
  usual: {
    steps: 1000,
    vocabulary: 4000,
    length: 64,
    layers: 4,
    width: 128,
    heads: 4,
    batch: 16,
    rate: 5e-4,
    seed: 1,
  },
  begin(documents, chosen) {
    const vocabulary = trainWordPiece(documents.flat(), { vocabSize: chosen.vocabulary });
    const base = { ...BERT_BASE, padding: vocabulary.special.pad };
    const heads = { maskedLM: true, nextSentence: true };
    return fresh(BERT, base, wordPiece(vocabulary), chosen, heads);
  },
  lessons({ spec, sizes, tokenizer }, documents, batch) {
    const shape = { batch, length: sizes.positions };
    const { lesson, loss } = pretraining(spec, sizes, tokenizer!, shape);
    return {
      batch: (key) => [lesson(documents, key)],
      loss: (params, part: Lesson, key) => loss(params, part, key).total,
      adamw: { decays: exceptBiasesAndNorms },
    };
  },
  async judge({ spec, sizes, tokenizer, params }, unseen) {
    const { judge } = pretraining(spec, sizes, tokenizer!, { batch: 16, length: sizes.positions });
    const { maskedLM, nextSentence } = await judge(params, unseen);
    return `masked LM ${maskedLM.toFixed(3)} nats, next sentence ${nextSentence.toFixed(3)} nats`;
  },
};

/** Tokens that the n-grams look at. */
const orders = [3, 5];

/** Beyond so many readings of its text a GPT learns it by heart, if nothing hinders it. */
const manyReadings = 15;

/**
 * The next token. A small model, small batches and a high rate make the most of minutes; a strong decay keeps
 * it from learning a text of some hundred thousand words by heart, and where it reads a shorter one again and
 * again, dropout does. First weights are as wide as the model is narrow.
 */
const gpt: Kind = {
  usual: {
    steps: 4000,
    vocabulary: 3000,
    length: 64,
    layers: 2,
    width: 128,
    heads: 4,
    batch: 8,
    rate: 3e-3,
    seed: 1,
  },
  begin(documents, chosen) {
    const texts = documents.map((sentences) => sentences.join(" "));
    const tokenizer = byteBPE(trainByteBPE(texts, { vocabSize: chosen.vocabulary }));
    const read = chosen.steps * chosen.batch * chosen.length;
    const again = read / tokensOf(tokenizer, documents).length > manyReadings;
    const rate = again ? 0.2 : 0;
    const base = { ...GPT2_SMALL, dropout: { hidden: rate, attention: rate } };
    const deviation = deviationFor(chosen.width);
    return fresh(GPT2, base, tokenizer, chosen, { languageModel: true }, deviation);
  },
  lessons(model, documents, batch) {
    const ids = tokensOf(model.tokenizer!, documents), { positions: length } = model.sizes;
    return {
      batch: (key) => [drawWindows(ids, { batch, length }, key)],
      loss: (params, windows: Windows, key) => windowLoss(model, params, windows, key),
      adamw: { decays: exceptBiasesAndNorms, decay: 0.5, beta2: 0.99 },
    };
  },
  async judge(model, unseen, told) {
    const [ids, learnt] = [unseen, told].map((texts) => tokensOf(model.tokenizer!, texts));
    const { vocabulary } = model.sizes, nats = (x: number) => `${x.toFixed(3)} nats a token`;
    const counted = orders.map((order) => {
      const found = surprise(countNGrams(learnt, { order, vocabulary }), [...ids]);
      return `a ${order}-gram (Kneser–Ney) ${nats(found)}`;
    });
    return [
      nats(await judgeText(model, ids)),
      ...counted,
      `ln V ${Math.log(vocabulary).toFixed(3)}`,
    ]
      .join("; ");
  },
  async write(model, seed) {
    const { sep } = model.tokenizer!.vocabulary.special, ids: number[] = [];
    for await (const id of generate(model, [sep], { topP: 0.9, end: [sep], seed })) ids.push(id);
    return model.tokenizer!.decode(ids, { cleanUp: false });
  },
};

/** The kinds by name. */
export const kinds = { bert, gpt } as const;
