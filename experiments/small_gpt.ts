/**
 * A GPT that is as small as it can be, trained on rows of tokens: for experiments on what it reads and writes.
 * Idea   A row is a list of ids and the places at which the next one counts. So a lesson can be a text, an
 *        answer to a question, or a puzzle, and the loop is the same.
 * Maths  L = mean over the places that count of −log p(next | those before it)
 * Axes   B rows · T positions · V vocabulary
 * Differs from the papers: in size. Without dropout, as no row comes twice or few do.
 * @module
 */
import { deviationFor, initialise } from "../core/parameters.ts";
import { ignored, keep, type Key, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { modelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type Sizes } from "../models/spec.ts";
import { tokenLoss, tokenTargets } from "../objectives/left_to_right.ts";
import { draws } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";

/** A row of tokens. */
export interface Row {
  /** What is read. */
  readonly ids: readonly number[];
  /** Whether the token at a position is to be named by the position before. */
  readonly counts: (position: number) => boolean;
}

/** A GPT-2 of these sizes that has learnt nothing. */
export async function freshGPT(more: Partial<Sizes>, seed: number): Promise<Pretrained> {
  const own = { ...GPT2_TINY, dropout: { hidden: 0, attention: 0 }, ...more };
  const sizes = { ...own, inner: 4 * own.width }, heads = { languageModel: true };
  const declared = modelParameters(GPT2, sizes, heads);
  const deviation = deviationFor(sizes.width);
  const params = await keep(initialise(declared, randomKey(seed), deviation));
  return { spec: GPT2, sizes, heads, params };
}

/** How long, how many at a time, how fast. */
export interface Recipe {
  /** Steps of training. */
  steps: number;
  /** Rows in a step. */
  batch: number;
  /** The highest learning rate. */
  peak: number;
  /** Of rows. */
  seed: number;
}

/** Rows as tensors: ids, and what is named at each position. */
function lessonOf(rows: readonly Row[], length: number) {
  const ids = new Float32Array(rows.length * length), labels = ids.slice().fill(ignored);
  rows.forEach((row, b) =>
    row.ids.slice(0, length).forEach((id, t) => {
      ids[b * length + t] = id;
      if (t > 0 && row.counts(t)) labels[b * length + t - 1] = id;
    })
  );
  const shape = [rows.length, length];
  return { ids: tensor("B T", ids, shape), targets: tokenTargets(labels, shape) };
}

/** Teach a model rows that are drawn one by one. */
export async function teach(
  model: Pretrained,
  row: (draw: (size: number) => number) => Row,
  { steps, batch, peak, seed }: Recipe,
  report: Report,
): Promise<void> {
  const { spec, sizes } = model, training = await startTraining(model.params, seed);
  const rows = (key: Key) => {
    const draw = draws(key);
    return lessonOf(Array.from({ length: batch }, () => row(draw)), sizes.positions);
  };
  const every = Math.ceil(steps / 5);
  for await (
    const { step, loss } of train(training, {
      steps,
      batch: (key) => [rows(key)],
      loss: (params, { ids, targets }) => {
        const { last } = encode(spec, sizes, params.encoder, { ids });
        return tokenLoss(nameTokens(spec, sizes, params, last), targets);
      },
      rate: linear({ peak, warmup: Math.ceil(steps / 20), steps }),
      adamw: { decays: exceptBiasesAndNorms },
    })
  ) {
    if (step % every === 0) await report(`step ${step} of ${steps}: loss ${loss.toFixed(3)}`);
  }
}

/** Whether the model names each token of the rows at the position before: a list for each row. */
export async function named(model: Pretrained, rows: readonly Row[]): Promise<boolean[][]> {
  const { spec, sizes, params } = model, { vocabulary: V, positions: T } = sizes;
  const found: boolean[][] = [];
  for (let at = 0; at < rows.length; at += 32) {
    const some = rows.slice(at, at + 32), { ids } = lessonOf(some, T);
    const { last } = encode(spec, sizes, params.encoder, { ids });
    const scores = await read(nameTokens(spec, sizes, params, last));
    some.forEach((row, b) =>
      found.push(row.ids.map((id, t) => {
        if (t === 0) return false;
        const start = (b * T + t - 1) * V;
        for (let v = 0; v < V; v++) if (scores[start + v] > scores[start + id]) return false;
        return true;
      }))
    );
  }
  return found;
}
