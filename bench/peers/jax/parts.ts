/**
 * What models by jax-js are put together from: norms, linear layers, and training steps with AdamW.
 *
 * @module
 */
import {
  defaultDevice,
  type Device,
  init,
  jit,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import type { AdamWSettings } from "../../workloads/steps.ts";
import type { Weight } from "../../workloads/weight.ts";

/** Parameters by name. */
export type Arrays = Record<string, np.Array>;

/** The device that the command line names, from now on. */
export async function onDevice(): Promise<Device> {
  const name = Deno.args[0] as Device;
  await init(name);
  defaultDevice(name);
  return name;
}

/** Weights on the device. */
export const arraysOf = (weights: Record<string, Weight>): Arrays =>
  Object.fromEntries(
    Object.entries(weights).map(([key, { values, shape }]) => [key, np.array(values, { shape })]),
  );

/** A batch on the device. */
export const grid = (values: Int32Array, shape: number[]): np.Array =>
  np.array(values as Int32Array<ArrayBuffer>, { shape, dtype: np.int32 });

/** A layer norm by its name. */
export const layerNorm = (x: np.Array, p: Arrays, norm: string, epsilon: number): np.Array =>
  nn.standardize(x, -1, { epsilon }).mul(p[`${norm}.gain`]).add(p[`${norm}.bias`]);

/** A linear layer by its name. */
export const linear = (x: np.Array, p: Arrays, layer: string): np.Array =>
  np.matmul(x, p[`${layer}.weight`]).add(p[`${layer}.bias`]);

/** Rows with a 1 at the ids' places. nn.oneHot would write a whole square of the vocabulary first. */
export const oneHot = (ids: np.Array, vocabulary: number): np.Array =>
  np.equal(np.arange(vocabulary), ids.reshape([...ids.shape, 1])).astype(np.float32);

/** Rows of a table. On WebGPU its gather has no gradient: there a product with one-hot rows. */
export const rows = (table: np.Array, ids: np.Array, name: Device): np.Array =>
  name === "wasm" ? table.slice(ids) : np.matmul(oneHot(ids, table.shape[0]), table);

/** A function for steps: `step(i, waits)` gives the loss where `waits`, else NaN. */
export function stepsOf(
  weights: Record<string, Weight>,
  batchOf: (i: number) => [np.Array, np.Array],
  lossOf: (p: Arrays, ids: np.Array, labels: np.Array) => np.Array,
  { learningRate, beta1, beta2, adamEpsilon, weightDecay }: AdamWSettings,
): (i: number, waits: boolean) => Promise<number> {
  /** One step of AdamW; `correct1` and `correct2` are 1 − βᵗ. */
  const trainStep = jit((
    p: Arrays,
    mean: Arrays,
    square: Arrays,
    ids: np.Array,
    labels: np.Array,
    correct1: np.Array,
    correct2: np.Array,
  ) => {
    const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(p), ids, labels) as [np.Array, Arrays];
    const out: [Arrays, Arrays, Arrays] = [{}, {}, {}];
    for (const [key, g] of Object.entries(gradients)) {
      const m = mean[key].mul(beta1).add(g.ref.mul(1 - beta1));
      const v = square[key].mul(beta2).add(np.square(g).mul(1 - beta2));
      const swing = np.sqrt(v.ref.div(correct2.ref)).add(adamEpsilon);
      const direction = m.ref.div(correct1.ref).div(swing);
      const decayed = p[key].mul(1 - learningRate * weightDecay);
      [decayed.sub(direction.mul(learningRate)), m, v].forEach((x, i) => out[i][key] = x);
    }
    correct1.dispose();
    correct2.dispose();
    return [...out, loss] as [Arrays, Arrays, Arrays, np.Array];
  });

  const zeros = () =>
    Object.fromEntries(
      Object.entries(weights).map(([key, { shape }]) => [key, np.zeros(shape)]),
    );
  let params = arraysOf(weights), mean: Arrays = zeros(), square: Arrays = zeros();
  return async (i, waits) => {
    const [correct1, correct2] = [beta1, beta2].map((beta) => np.array(1 - beta ** (i + 1)));
    const given = [...batchOf(i), correct1, correct2] as const;
    let loss: np.Array;
    [params, mean, square, loss] = trainStep(params, mean, square, ...given);
    if (waits) return (await loss.data())[0];
    await loss.blockUntilReady(); // until then it holds all memory of the step
    loss.dispose();
    return NaN;
  };
}
