/**
 * The encoder of BERT-base over one text of 128 tokens: sizes, weights and ids for every contender.
 *
 * Idea   The weights are no trained ones, but follow from a formula, so that every library must find the
 *        same output: its mean absolute value is compared.
 * @module
 */
import { duration, median, report } from "../measured.ts";
import { layerShapes, type ModelSizes, normShapes, type Weight, weightOf } from "./weight.ts";

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

/** All weights by name, for a text or many; with `filling`, those of the head that fills masks, too. */
export function weights(
  { layers, width, inner, length, vocabulary }: ModelSizes & { length: number } = BERT_BASE,
  filling = false,
): Record<string, Weight> {
  const head: [string, number[]][] = [
    ["maskedLM.transform.weight", [width, width]],
    ["maskedLM.transform.bias", [width]],
    ...normShapes("maskedLM.norm", width),
    ["maskedLM.bias", [vocabulary]],
  ];
  const all: [string, number[]][] = [
    ["embedding.word", [vocabulary, width]],
    ["embedding.position", [length, width]],
    ...normShapes("embedding.norm", width),
    ...Array.from({ length: layers }, (_, i) => layerShapes(`layers.${i}`, width, inner)).flat(),
    ...filling ? head : [],
  ];
  return Object.fromEntries(all.map(([name, shape], i) => [name, weightOf(name, shape, i)]));
}

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
