/**
 * A small T5 trained on pairs of texts, and its answers: what the experiments with encoder–decoders have in common.
 * Idea   Every step has pairs of every task, in parts: one of short texts, one of long ones, so that no sentence is
 *        padded to the length of a day. Tasks that take turns instead pull the model to and fro.
 * Maths  L = Σ over the parts of their mean loss, which is that of objectives/text_to_text.ts
 * Axes   B texts · T positions, of the source or of the answer
 * Differs from the paper: AdamW where T5's authors take Adafactor; and no pre-training, for the micro-world has as many
 *        examples as one likes.
 *        T5's word vectors start with a deviation of 1, and meet the last state divided by √D. Here they start
 *        with 1/2√D, and meet it doubled: the scores are the same, the steps are not.
 * Trap   Adafactor's steps grow with the weights, Adam's do not: T5's word vectors, as large as they start, hardly move;
 *        and at a rate at which they do, attention never settles.
 * @module
 */
import { add, keep, type Key, mapNested, randomKey, scale } from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { greedyAnswers, type Writer } from "../generation/answers.ts";
import {
  type EncoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
} from "../models/encoder_decoder.ts";
import { readSource, scoreTokens, shiftRight, writeAnswer } from "../models/reading_and_writing.ts";
import { startT5, T5, T5_TINY } from "../models/t5.ts";
import { answerLoss, asPairs, type TextPair, type TextPairs } from "../objectives/text_to_text.ts";
import type { Report } from "./experiment.ts";

/** How long sources and answers are. */
export interface Lengths {
  /** Tokens of a source. */
  readonly source: number;
  /** Tokens of an answer. */
  readonly answer: number;
}

/** T5 for Adam: words that start small, and are made larger on their way to the scores. */
export const MICRO_T5: EncoderDecoderSpec = {
  ...T5,
  name: "micro-T5",
  output: { own: false, factor: () => 2 },
};

/** First values for it: word vectors of a deviation of 1 / 2√D, and little from each branch. */
function startMicroT5(sizes: EncoderDecoderSizes, key: Key): EncoderDecoderParameters {
  return mapNested(startT5(MICRO_T5, sizes, key), (x, path) => {
    if (path === "words") return scale(x, sizes.width ** -0.5 / 2);
    return /output|down/.test(path) ? scale(x, 0.15) : x;
  });
}

/** Sizes that train in a minute, for the tokens of a tokenizer. */
export const microT5Sizes = (
  { vocabulary: { tokens, special } }: Tokenizer,
  changed: Partial<EncoderDecoderSizes> = {},
): EncoderDecoderSizes => ({
  ...T5_TINY,
  width: 64,
  headWidth: 16,
  inner: 128,
  decoderLayers: 1,
  furthest: 64,
  vocabulary: tokens.length,
  padding: special.pad,
  start: special.pad,
  end: special.sep,
  ...changed,
});

/** The loss of a batch of pairs. */
export function pairsLoss(
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  params: EncoderDecoderParameters,
  { inputs, targets }: TextPairs,
  key?: Key,
): ReturnType<typeof answerLoss> {
  const source = readSource(spec, sizes, params, inputs, key?.derive(0));
  const ids = shiftRight(targets.answer, sizes);
  const { last } = writeAnswer(spec, sizes, params, source, { ids }, key?.derive(1));
  return answerLoss(scoreTokens(spec, params, last), targets);
}

/** What is learned from, and for how long. */
export interface TextRecipe {
  /** The model's sizes. */
  readonly sizes: EncoderDecoderSizes;
  /** For all texts. */
  readonly tokenizer: Tokenizer;
  /** The parts of a step; each has the same lengths and as many pairs in every step. */
  readonly parts: (key: Key) => { pairs: readonly TextPair[]; lengths: Lengths }[];
  /** Steps, of which a twentieth is warm-up. */
  readonly steps: number;
  /** Of parameters and batches. */
  readonly seed: number;
  /** The highest learning rate (default 3e-3). */
  readonly peak?: number;
}

/** Train a T5 from nothing. */
export async function trainOnPairs(
  { sizes, tokenizer, parts, steps, seed, peak = 3e-3 }: TextRecipe,
  report: Report,
): Promise<Writer> {
  const spec = MICRO_T5, params = await keep(startMicroT5(sizes, randomKey(seed)));
  const running = train(await startTraining(params, seed), {
    steps,
    reportEvery: Math.ceil(steps / 4),
    batch: (key) => [parts(key).map(({ pairs, lengths }) => asPairs(tokenizer, pairs, lengths))],
    loss: (params, batches: TextPairs[], key) =>
      batches.map((pairs, i) => pairsLoss(spec, sizes, params, pairs, key.derive(i)))
        .reduce((sum, loss) => add(sum, loss)),
    rate: linear({ peak, warmup: Math.ceil(steps / 20), steps }),
    adamw: { decay: 0, beta2: 0.98 },
  });
  for await (const { step, loss } of running) {
    await report(`${spec.name}, step ${step} of ${steps}, loss ${loss.toFixed(2)}`);
  }
  return { spec, sizes, params };
}

/** The answers to some sources, as token ids. */
export async function answersTo(
  model: Writer,
  tokenizer: Tokenizer,
  pairs: readonly TextPair[],
  lengths: Lengths,
): Promise<number[][]> {
  const answers: number[][] = [], size = 64;
  for (let from = 0; from < pairs.length; from += size) {
    const some = pairs.slice(from, from + size);
    const filled = [...some, ...Array<TextPair>(size - some.length).fill(some[0])]; // one shape for all
    const { inputs } = asPairs(tokenizer, filled, lengths);
    const found = await greedyAnswers(model, inputs, { room: lengths.answer });
    answers.push(...found.slice(0, some.length));
  }
  return answers;
}

/** The share of answers that are right to the last token. */
export async function rightAnswers(
  model: Writer,
  tokenizer: Tokenizer,
  pairs: readonly TextPair[],
  lengths: Lengths,
): Promise<number> {
  const answers = await answersTo(model, tokenizer, pairs, lengths);
  const right = pairs.filter(({ answer }, i) =>
    tokenizer.encode(answer).map(({ id }) => id).join() === answers[i].join()
  );
  return right.length / pairs.length;
}
