/**
 * GPT-2 small naming the next token: after 256 tokens that it remembers, and after 128 that it reads at once.
 *
 * Idea   Weights, ids and what is remembered follow from formulas, so that every library must find the same
 *        scores: their mean absolute value is compared.
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

/** Sizes of the model, tokens that are remembered, and tokens that are read at once. */
export const GPT2_SMALL = {
  layers: 12,
  width: 768,
  heads: 12,
  inner: 3072,
  vocabulary: 50257,
  positions: 1024,
  epsilon: 1e-5,
  past: 256,
  length: 128,
} as const;

/** Names and shapes of all weights; the word table names the tokens again. */
export const shapes = (
  { layers, width, inner, vocabulary, positions }: ModelSizes & { positions: number },
): [string, number[]][] => [
  ["embedding.word", [vocabulary, width]],
  ["embedding.position", [positions, width]],
  ...Array.from({ length: layers }, (_, i) => layerShapes(`layers.${i}`, width, inner)).flat(),
  ...normShapes("norm", width),
];

/** All weights by name. */
export const weights = (): Record<string, Weight> => weightsOf(shapes(GPT2_SMALL), weightOf);

const { width, heads, vocabulary, past } = GPT2_SMALL;

/** What a layer remembers, between −1 and 1: a head after the other, a position after the other. */
export function remembered(layer: number, part: "keys" | "values"): Weight {
  const { shape, values } = weightOf(part, [heads, past, width / heads], layer);
  return { shape, values: values.map((x) => 25 * x) };
}

/** Some ids. */
export const ids = (count: number): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: count }, (_, i) => (i * 7919 + 101) % vocabulary);

/** Report how long it takes from ids to the scores of the next token on the host. */
export async function timeScores(
  work: "token" | "text",
  scores: () => Promise<ArrayLike<number>>,
): Promise<void> {
  let found = await scores();
  const times: number[] = [], count = work === "token" ? 21 : 6;
  for (let i = 0; i < count; i++) times.push(await duration(async () => found = await scores()));
  let sum = 0;
  for (let i = 0; i < found.length; i++) sum += Math.abs(found[i]);
  const name = work === "token" ? `a token after ${past}` : `${GPT2_SMALL.length} tokens at once`;
  const value = median(times.slice(1)); // the first may still prepare something
  report({ name, value, unit: "ms", check: { [work]: sum / found.length } });
}
