/**
 * A small XLNet, trained on pairs of sentences in random orders or from left to right.
 * Idea   The same words are guessed either way; only the mask says from what. So what differs between the
 *        two models is what they could look at.
 * Maths  L = mean over guesses of −log p(word | what its order lets it see)
 * Axes   B texts · T positions · M guesses
 * Differs from the paper: texts of two sentences; one of three words is guessed, not one of six; judged is one
 *        guess in a text, all other words given.
 * @module
 */
import { permutationMasks } from "../core/permutation.ts";
import { deviationFor, initialise } from "../core/parameters.ts";
import { keep, type Key, randomKey, read, type Tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import type { Document } from "../data/mod.ts";
import {
  nameWords,
  xlnet,
  XLNET_TINY,
  type XLNetParameters,
  xlnetParameters,
  type XLNetSizes,
} from "../models/xlnet.ts";
import { draws } from "../objectives/objective.ts";
import { tokenLoss } from "../objectives/left_to_right.ts";
import { permutationLM, type Permuted } from "../objectives/permutation_lm.ts";
import type { Report } from "./experiment.ts";
import { type MicroWorld, textsOf } from "./micro_bert.ts";

/** What a guess may be made from. */
export type Order = "anyOrder" | "leftToRight";

const batch = 28, length = 20;

/** One of how many words is guessed: while training, and while judged, when all others are given. */
const training = 3, judging = length;

/** Sizes that train in seconds, for the tokens of a tokenizer. */
export const xlnetSizes = ({ vocabulary }: Tokenizer): XLNetSizes => ({
  ...XLNET_TINY,
  vocabulary: vocabulary.tokens.length,
  width: 64,
  heads: 2,
  inner: 256,
  padding: vocabulary.special.pad,
});

/** Pairs of sentences with guesses to be made; left to right, the guesses stay and the masks change. */
export function guesses(
  documents: readonly Document[],
  { vocabulary, ...tokenizer }: Tokenizer,
  order: Order,
  key: Key,
  part: number = training,
): Permuted {
  const draw = draws(key.derive(0));
  const pairs = Array.from({ length: batch }, (): [string, string] => {
    const texts = textsOf(documents[draw(documents.length)]), first = draw(texts.length - 1);
    return [texts[first], texts[first + 1]];
  });
  const fit = { maxLength: length, padTo: length, truncation: "longest_first" } as const;
  const texts = encodeBatch({ vocabulary, ...tokenizer }, pairs, fit);
  const drawn = permutationLM(vocabulary, part).corrupt(texts, key.derive(1));
  if (order === "anyOrder") return drawn;
  const inTurn = Array.from({ length }, (_, t) => t);
  const { query } = permutationMasks(Array(batch).fill(inTurn));
  return { ...drawn, inputs: { ...drawn.inputs, visible: query } };
}

/** The mean surprise at the guesses, in nats. */
export function guessLoss(
  sizes: XLNetSizes,
  params: XLNetParameters,
  { inputs, targets }: Permuted,
): Tensor<""> {
  const { last } = xlnet(sizes, params, inputs);
  return tokenLoss(nameWords(params, last), targets);
}

/** Train an XLNet to guess in some order. */
export async function trainXLNet(
  order: Order,
  { told, tokenizer }: MicroWorld,
  { steps, seed, peak = 3e-3 }: { steps: number; seed: number; peak?: number },
  report: Report,
): Promise<XLNetParameters> {
  const sizes = xlnetSizes(tokenizer);
  const drawn = initialise(xlnetParameters(sizes), randomKey(seed), deviationFor(sizes.width));
  const run = await startTraining(await keep(drawn), seed);
  const running = train(run, {
    steps,
    reportEvery: Math.ceil(steps / 4),
    batch: (key) => [guesses(told, tokenizer, order, key)],
    loss: (params, one) => guessLoss(sizes, params, one),
    rate: linear({ peak, warmup: Math.ceil(steps / 20), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
  for await (const { step, loss } of running) {
    await report(`${order}, step ${step} of ${steps}, loss ${loss.toFixed(2)}`);
  }
  return run.params;
}

/** The mean surprise over some batches of documents that were not learned from. */
export async function judgeXLNet(
  params: XLNetParameters,
  { unseen, tokenizer }: MicroWorld,
  order: Order,
  count = 24,
): Promise<number> {
  const sizes = xlnetSizes(tokenizer);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const one = guesses(unseen, tokenizer, order, randomKey(i, 1), judging);
    sum += (await read(guessLoss(sizes, params, one)))[0];
  }
  return sum / count;
}
