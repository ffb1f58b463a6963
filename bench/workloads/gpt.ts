/**
 * A small GPT to train: sizes, first weights and batches, the same for every contender.
 *
 * Idea   Weights and batches follow from formulas, so that every library must find the same losses:
 *        with the text of the GPL, version 3, the loss falls from 4.2123 to 3.265 in 40 steps.
 * @module
 */
import { timeSteps } from "./steps.ts";
import { uniforms, type Weight } from "./weight.ts";

/** Sizes of the model and of its training. */
export const GPT = {
  layers: 4,
  width: 128,
  heads: 4,
  inner: 512,
  length: 64,
  batch: 16,
  vocabulary: 65,
  epsilon: 1e-5,
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  adamEpsilon: 1e-8,
  weightDecay: 0.01,
  steps: 40,
} as const;

const { layers, width, inner, length, batch, vocabulary } = GPT;

/** Names and shapes, in the order in which the random numbers are drawn. */
function shapes(): [string, number[]][] {
  const layer = (i: number) =>
    Object.entries({
      "attentionNorm.gain": [width],
      "attentionNorm.bias": [width],
      "attention.queryKeyValue.weight": [width, 3 * width],
      "attention.queryKeyValue.bias": [3 * width],
      "attention.output.weight": [width, width],
      "attention.output.bias": [width],
      "feedForwardNorm.gain": [width],
      "feedForwardNorm.bias": [width],
      "feedForward.up.weight": [width, inner],
      "feedForward.up.bias": [inner],
      "feedForward.down.weight": [inner, width],
      "feedForward.down.bias": [width],
    }).map(([name, shape]): [string, number[]] => [`layers.${i}.${name}`, shape]);
  return [
    ["word", [vocabulary, width]],
    ["position", [length, width]],
    ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    ["norm.gain", [width]],
    ["norm.bias", [width]],
    ["head", [width, vocabulary]],
  ];
}

/** The first weights: matrices normal with deviation 0.02, gains 1, biases 0. */
export function firstWeights(): Record<string, Weight> {
  const draw = normals(12345);
  return Object.fromEntries(
    shapes().map(([name, shape]) => {
      const values = new Float32Array(shape.reduce((n, s) => n * s));
      if (shape.length === 2) values.forEach((_, i) => values[i] = 0.02 * draw());
      else if (name.endsWith("gain")) values.fill(1);
      return [name, { shape, values }];
    }),
  );
}

/** Normal numbers by Box and Muller. */
function normals(seed: number): () => number {
  const uniform = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * A text as ids of its letters: the 64 most frequent have their own, the others share the last.
 * Without a path the GPL, version 3, where Debian keeps it.
 */
export function readLetters(path = "/usr/share/common-licenses/GPL-3"): Uint8Array {
  const bytes = read(path).filter((byte) => byte !== 13);
  const count = new Map<number, number>();
  for (const byte of bytes) count.set(byte, (count.get(byte) ?? 0) + 1);
  const frequent = [...count].sort((a, b) => b[1] - a[1]).slice(0, vocabulary - 1);
  const ids = new Map(frequent.map(([byte], id) => [byte, id]));
  return bytes.map((byte) => ids.get(byte) ?? vocabulary - 1);
}

function read(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    const remedy = "give the text of the GPL, version 3, with --text FILE";
    throw new Error(`there is no text to train on at ${path}: ${remedy}`, { cause });
  }
}

/** The batch of a step: windows of the text, and the same one letter on. */
export function batchOf(letters: Uint8Array, step: number): { x: Int32Array; y: Int32Array } {
  const x = new Int32Array(batch * length), y = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) {
    const from = ((step * batch + row) * 7919) % (letters.length - length - 1);
    x.set(letters.subarray(from, from + length), row * length);
    y.set(letters.subarray(from + 1, from + 1 + length), row * length);
  }
  return { x, y };
}

/** Train and report. `step(i, waits)` gives the loss of the step where `waits`, else anything. */
export const timeTraining = (step: (i: number, waits: boolean) => Promise<number>): Promise<void> =>
  timeSteps(step, { steps: GPT.steps, tokens: batch * length });
