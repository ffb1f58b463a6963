/**
 * Batches for real GPUs: BERT-base over 8 × 512 tokens, forward and trained to fill masks; GPT-2 small
 * trained on 8 × 256. Any size can be told, such as `layers=2,length=32`, to try it elsewhere.
 *
 * Idea   Weights and ids follow from formulas, so that every library must find the same output and the
 *        same losses. Every seventh token of BERT's texts is masked, and it is asked for those.
 * Maths  operations of N tokens: layers · N · (8D² + 4DF + 4TD) forward, 2NDV to name tokens; a step of
 *        training is three times both. What a library does beside that does not count.
 * @module
 */
import { duration, median, report } from "../measured.ts";
import { shapes as bertShapes } from "./bert.ts";
import { GPT } from "./gpt.ts";
import { shapes as gpt2Shapes } from "./gpt2.ts";
import { timeSteps } from "./steps.ts";
import { type ModelSizes, normShapes, randomWeight, type Weight, weightsOf } from "./weight.ts";

/** Sizes of a model and of its batches. */
export interface Sizes extends ModelSizes {
  batch: number;
  length: number;
}

/** BERT-base over a batch. */
export const BERT_BATCH = {
  batch: 8,
  length: 512,
  layers: 12,
  width: 768,
  heads: 12,
  inner: 3072,
  vocabulary: 30522,
};

/** GPT-2 small over a batch. */
export const GPT2_BATCH = { ...BERT_BATCH, length: 256, vocabulary: 50257, positions: 1024 };

/** All weights of BERT, with those of the head that fills masks. */
export const bertWeights = (sizes: Sizes): Record<string, Weight> =>
  weightsOf([
    ...bertShapes(sizes),
    ["maskedLM.transform.weight", [sizes.width, sizes.width]],
    ["maskedLM.transform.bias", [sizes.width]],
    ...normShapes("maskedLM.norm", sizes.width),
    ["maskedLM.bias", [sizes.vocabulary]],
  ], randomWeight);

/** All weights of GPT-2. */
export const gpt2Weights = (sizes: typeof GPT2_BATCH): Record<string, Weight> =>
  weightsOf(gpt2Shapes(sizes), randomWeight);

/** How both are trained. */
export const ADAMW = { ...GPT, learningRate: 1e-4 };

/** The sizes with those changed that the command line tells. */
export function changed<S extends Sizes>(sizes: S, told = ""): S {
  const changes = told.split(",").filter((part) => part).map((part) => {
    const [name, value] = part.split("="), size = Number(value);
    if (name in sizes && Number.isInteger(size) && size > 0) return [name, size];
    throw new Error(`"${part}" changes no size; there are ${Object.keys(sizes).join(", ")}`);
  });
  return { ...sizes, ...Object.fromEntries(changes) };
}

/** Ids of a step, and the id that follows each. */
export function idsAndNext({ batch, length, vocabulary }: Sizes, step: number) {
  const from = step * batch * length;
  const ids = (shift: number) =>
    Int32Array.from(
      { length: batch * length },
      (_, i) => ((from + i + shift) * 7919 + 101) % vocabulary,
    );
  return { ids: ids(0), labels: ids(1) };
}

/** Which tokens of a step are masked, as 1 and 0. */
export const masked = ({ batch, length }: Sizes): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: batch * length }, (_, i) => +(i % 7 === 3));

/** Ids of a step with masks in it, and what stood there. */
export function idsAndHidden(sizes: Sizes, step: number) {
  const { ids: labels } = idsAndNext(sizes, step), hidden = masked(sizes);
  return { ids: labels.map((id, i) => hidden[i] ? 103 % sizes.vocabulary : id), labels };
}

const layersFlops = ({ layers, batch, length, width, inner }: Sizes) =>
  layers * batch * length * (8 * width ** 2 + 4 * width * inner + 4 * length * width);

const namingFlops = ({ batch, length, width, vocabulary }: Sizes) =>
  2 * batch * length * width * vocabulary;

/** Report how fast steps are. `step(i, waits)` gives the loss of the step where `waits`, else anything. */
export const timeBatches = (
  sizes: Sizes,
  step: (i: number, waits: boolean) => Promise<number>,
): Promise<void> =>
  timeSteps(step, {
    steps: 15,
    tokens: sizes.batch * sizes.length,
    flops: 3 * (layersFlops(sizes) + namingFlops(sizes)),
  });

/**
 * Report how fast forward passes are. `run(times)` does so many, waits for the last and gives the mean
 * absolute value of its output.
 */
export async function timeForwards(
  sizes: Sizes,
  run: (times: number) => Promise<number>,
): Promise<void> {
  await run(2);
  const once = await duration(() => run(1)), times = once > 250 ? 1 : 4, found: number[] = [];
  let mean = NaN;
  for (let i = 0; i < 5; i++) {
    found.push(await duration(async () => mean = await run(times)) / times);
  }
  const ms = median(found), tokens = sizes.batch * sizes.length;
  report({ name: "forward", value: tokens / ms * 1000, unit: "tokens/s", check: { mean } });
  report({ name: "forward", value: layersFlops(sizes) / ms / 1e6, unit: "GFLOP/s" });
}
