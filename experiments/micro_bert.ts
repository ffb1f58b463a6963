/**
 * A small BERT, pre-trained in seconds: what the experiments about pre-training have in common.
 * Idea   Short pairs of sentences first, then short pairs and whole documents in turn. Without the short
 *        ones a small model learns how often words are, and little else, for thousands of steps.
 * Maths  L = L(hidden words) + L(order of the parts), the second of whole documents only
 * Axes   B pairs · T positions · V vocabulary · C classes
 * Differs from the paper: BERT (1810.04805, A.2) has short sequences first and long ones last; here they
 *        alternate, and what an experiment changes is a value of the recipe.
 * @module
 */
import { deviationFor, initialise } from "../core/parameters.ts";
import { add, keep, type Key, randomKey, read, type Tensor } from "../core/tensor/mod.ts";
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { createWorld, type Document, documents, type Language, type World } from "../data/mod.ts";
import { BERT_TINY } from "../models/bert.ts";
import { classifyText } from "../models/heads.ts";
import { type Heads, type ModelParameters, modelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type ModelSpec, type Sizes } from "../models/spec.ts";
import { maskedLM, type MaskedTargets } from "../objectives/masked_language_model.ts";
import { type ClassTargets, nextSentence, type Sentences } from "../objectives/next_sentence.ts";
import { atPlaces, draws, type ModelInputs, type Objective } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";

/** A world, documents that tell of it, and a tokenizer whose vocabulary is theirs. */
export interface MicroWorld {
  /** The facts. */
  readonly world: World;
  /** To learn from. */
  readonly told: readonly Document[];
  /** To be judged by. */
  readonly unseen: readonly Document[];
  /** Cuts whole words, nearly always: the vocabulary has room for all of them. */
  readonly tokenizer: Tokenizer;
}

const worlds = new Map<string, MicroWorld>();

/** The world of a seed, told in a language; made once, then remembered. */
export function microWorld(seed: number, language: Language = "en"): MicroWorld {
  const name = `${seed} ${language}`, known = worlds.get(name);
  if (known) return known;
  const world = createWorld(seed);
  const told = [...documents(world, { seed, count: 4000, language })];
  const unseen = [...documents(world, { seed: seed + 1_000_000, count: 256, language })];
  const settings = { vocabSize: 2000, minFrequency: 1, lowerCase: true };
  const vocabulary = trainWordPiece(told.flatMap(textsOf), settings);
  const made = { world, told, unseen, tokenizer: wordPiece(vocabulary, { lowerCase: true }) };
  worlds.set(name, made);
  return made;
}

/** The sentences of a document. */
export const textsOf = ({ sentences }: Document): string[] => sentences.map((s) => s.text);

/** How many texts there are in a batch, and how long they are. */
export interface Shape {
  /** Rows. */
  readonly batch: number;
  /** Positions. */
  readonly length: number;
}

/** Pairs of sentences. */
export const short: Shape = { batch: 28, length: 20 };
/** Whole documents. */
export const long: Shape = { batch: 8, length: 64 };

/** Sizes that train in seconds, for the tokens of a tokenizer. */
export const microSizes = ({ vocabulary }: Tokenizer, changed: Partial<Sizes> = {}): Sizes => ({
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: long.length,
  width: 64,
  heads: 2,
  inner: 256,
  dropout: { hidden: 0, attention: 0 }, // one pass over the documents: nothing to over-fit
  ...changed,
});

/** How batches are made of documents, and what a model loses on them. */
export interface Lessons<Lesson> {
  /** A batch from some documents. */
  make(documents: readonly Document[], key: Key): Lesson;
  /** In nats; with a key, with dropout. */
  loss(params: ModelParameters, lesson: Lesson, key?: Key): Tensor<"">;
}

/** What is pre-trained, on what, for how long. */
export interface Recipe<Lesson> {
  /** The model. */
  readonly spec: ModelSpec;
  /** Its sizes. */
  readonly sizes: Sizes;
  /** Its heads. */
  readonly heads: Heads;
  /** The lessons of a shape. */
  readonly lessons: (shape: Shape) => Lessons<Lesson>;
  /** The first alone for a third of the steps, then both in turn (default: short, long). */
  readonly shapes?: readonly [Shape, Shape];
  /** Steps, of which a twentieth is warm-up. */
  readonly steps: number;
  /** Of parameters and batches. */
  readonly seed: number;
  /** First parameters, which are copied (default: drawn from the seed). */
  readonly from?: ModelParameters;
  /** The highest learning rate (default 1.5e-3). */
  readonly peak?: number;
}

/** Pre-train a model, from nothing unless told otherwise. */
export async function pretrain<Lesson>(
  { spec, sizes, heads, lessons, steps, seed, from, shapes = [short, long], peak = 1.5e-3 }: Recipe<
    Lesson
  >,
  { told }: MicroWorld,
  report: Report,
): Promise<Pretrained> {
  const declared = modelParameters(spec, sizes, heads);
  const drawn = () => initialise(declared, randomKey(seed), deviationFor(sizes.width));
  const params = await keep(from ?? drawn());
  const kinds = shapes.map((shape) => ({ shape, of: lessons(shape) }));
  const kind = (step: number) => kinds[step < steps / 3 || step % 2 ? 0 : 1];
  const running = train(await startTraining(params, seed), {
    steps,
    reportEvery: Math.ceil(steps / 4),
    batch: (key, step) => {
      const { shape, of } = kind(step), chosen = drawSome(told, shape.batch, key.derive(0));
      return [{ lesson: of.make(chosen, key.derive(1)), of }];
    },
    loss: (params, { lesson, of }, key) => of.loss(params, lesson, key),
    rate: linear({ peak, warmup: Math.ceil(steps / 20), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
  for await (const { step, loss } of running) {
    await report(`${spec.name}, step ${step} of ${steps}, loss ${loss.toFixed(2)}`);
  }
  return { spec, sizes, heads, params };
}

/** A mean loss over `count` lessons from documents that were not learned from. */
export async function judgeBy<Lesson>(
  { make, loss }: Lessons<Lesson>,
  params: ModelParameters,
  documents: readonly Document[],
  { count = 16, batch = long.batch }: { count?: number; batch?: number } = {},
): Promise<number> {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const key = randomKey(i, 1), chosen = drawSome(documents, batch, key.derive(0));
    sum += (await read(loss(params, make(chosen, key.derive(1)))))[0];
  }
  return sum / count;
}

function drawSome<T>(from: readonly T[], count: number, key: Key): T[] {
  const draw = draws(key), chosen = new Set<number>();
  while (chosen.size < Math.min(count, from.length)) chosen.add(draw(from.length));
  return [...chosen].map((i) => from[i]);
}

/** Two parts of documents with hidden words. */
export interface HiddenWords {
  /** For the model. */
  readonly inputs: ModelInputs;
  /** What is hidden. */
  readonly words: MaskedTargets;
  /** Which order the parts have. */
  readonly order: ClassTargets;
}

/** What is hidden, and what is asked of the parts. */
export interface HiddenWordsOptions {
  /** Makes pairs (default: next sentence). */
  readonly pairs?: Objective<readonly Sentences[], Tensor<"B C">, ClassTargets>;
  /** Hides words (default: masked LM). */
  readonly words?: Objective<EncodedBatch, Tensor<"B T V">, MaskedTargets>;
  /** The head that is asked about the pair (default: none; short pairs never are). */
  readonly asks?: "nextSentence" | "sentenceOrder";
}

/** BERT's lessons: pairs with hidden words, and a question about the pair. */
export function hiddenWords(
  spec: ModelSpec,
  sizes: Sizes,
  tokenizer: Tokenizer,
  { length }: Shape,
  options: HiddenWordsOptions = {},
): Lessons<HiddenWords> {
  const { pairs = nextSentence(tokenizer, { maxLength: length }) } = options;
  const { words = maskedLM(tokenizer.vocabulary), asks } = options;
  return {
    make(documents, key) {
      const pair = pairs.corrupt(documents.map(textsOf), key.derive(0));
      const { inputs, targets } = words.corrupt(pair.batch, key.derive(1));
      return { inputs, words: targets, order: pair.targets };
    },
    loss(params, lesson, key) {
      const { last, pooled } = encode(spec, sizes, params.encoder, lesson.inputs, key);
      const chosen = atPlaces(last, lesson.words.places);
      const ofWords = words.loss(nameTokens(spec, sizes, params, chosen), lesson.words);
      if (!asks || length < long.length) return ofWords; // short pairs hold too little to tell
      return add(ofWords, pairs.loss(classifyText(pooled!, params[asks]!), lesson.order));
    },
  };
}
