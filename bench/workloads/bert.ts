/**
 * The encoder of BERT-base over one text of 128 tokens: sizes, weights and ids for every contender.
 *
 * Idea   The weights are no trained ones, but follow from a formula, so that every library must find the
 *        same output: its mean absolute value is compared.
 * @module
 */
import { duration, median, report } from "../measured.ts";
import {
  layerShapes,
  type ModelSizes,
  normShapes,
  type Weight,
  weightOf,
  weightsOf,
} from "./weight.ts";

/** Sizes of the encoder. */
export const BERT_BASE = {
  layers: 12,
  width: 768,
  heads: 12,
  inner: 3072,
  length: 128,
  vocabulary: 30522,
  epsilon: 1e-12,
} as const;

/** Names and shapes of all weights. */
export const shapes = (
  { layers, width, inner, length, vocabulary }: ModelSizes & { length: number },
): [string, number[]][] => [
  ["embedding.word", [vocabulary, width]],
  ["embedding.position", [length, width]],
  ...normShapes("embedding.norm", width),
  ...Array.from({ length: layers }, (_, i) => layerShapes(`layers.${i}`, width, inner)).flat(),
];

/** All weights by name. */
export const weights = (): Record<string, Weight> => weightsOf(shapes(BERT_BASE), weightOf);

const { width, length, vocabulary } = BERT_BASE;

/** The ids of the text. */
export const ids = (): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length }, (_, i) => (i * 7919 + 101) % vocabulary);

/** Report how long a forward pass takes, from ids to the numbers of the last layer on the host. */
export async function timeForward(forward: () => Promise<ArrayLike<number>>): Promise<void> {
  let output = await forward();
  const times: number[] = [];
  for (let i = 0; i < 6; i++) times.push(await duration(async () => output = await forward()));
  let sum = 0;
  for (let i = 0; i < output.length; i++) sum += Math.abs(output[i]);
  const value = median(times.slice(1)); // the first may still prepare something
  report({ name: "forward", value, unit: "ms", check: { mean: sum / (length * width) } });
}
