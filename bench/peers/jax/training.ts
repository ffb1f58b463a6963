/** Steps of the small GPT by jax-js. Usage: deno run -A bench/peers/jax/training.ts wasm|webgpu */
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
import { batchOf, firstWeights, GPT, readLetters, timeTraining } from "../../workloads/gpt.ts";

type Arrays = Record<string, np.Array>;

const name = Deno.args[0] as Device;
await init(name);
defaultDevice(name);
const { layers, width, heads, length, batch, vocabulary, epsilon } = GPT;
const { learningRate, beta1, beta2, adamEpsilon, weightDecay } = GPT;

const layerNorm = (x: np.Array, p: Arrays, norm: string) =>
  nn.standardize(x, -1, { epsilon }).mul(p[`${norm}.gain`]).add(p[`${norm}.bias`]);
const linear = (x: np.Array, p: Arrays, layer: string) =>
  np.matmul(x, p[`${layer}.weight`]).add(p[`${layer}.bias`]);

/** The mean surprise about the next letter. On WebGPU its gather has no gradient: one-hot rows there. */
function lossOf(p: Arrays, ids: np.Array, next: np.Array): np.Array {
  let x = name === "wasm" ? p.word.slice(ids) : np.matmul(nn.oneHot(ids, vocabulary), p.word);
  x = x.add(p.position);
  for (let i = 0; i < layers; i++) {
    const a = linear(
      layerNorm(x.ref, p, `layers.${i}.attentionNorm`),
      p,
      `layers.${i}.attention.queryKeyValue`,
    )
      .reshape([batch, length, 3, heads, width / heads]);
    const [q, k, v] = [a.ref.slice([], [], 0), a.ref.slice([], [], 1), a.slice([], [], 2)];
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true });
    x = x.add(linear(mixed.reshape([batch, length, width]), p, `layers.${i}.attention.output`));
    const inner = nn.gelu(
      linear(layerNorm(x.ref, p, `layers.${i}.feedForwardNorm`), p, `layers.${i}.feedForward.up`),
    );
    x = x.add(linear(inner, p, `layers.${i}.feedForward.down`));
  }
  const logits = np.matmul(layerNorm(x, p, "norm"), p.head);
  const chosen = nn.logSoftmax(logits, -1).mul(nn.oneHot(next, vocabulary));
  return chosen.sum().mul(-1 / (batch * length));
}

/** One step of AdamW; `correct1` and `correct2` are 1 − βᵗ. */
const trainStep = jit((
  p: Arrays,
  mean: Arrays,
  square: Arrays,
  ids: np.Array,
  next: np.Array,
  correct1: np.Array,
  correct2: np.Array,
) => {
  const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(p), ids, next) as [np.Array, Arrays];
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

const letters = readLetters(Deno.args[1]), weights = Object.entries(firstWeights());
const arrays = (make: (values: Float32Array<ArrayBuffer>, shape: number[]) => np.Array): Arrays =>
  Object.fromEntries(weights.map(([key, { values, shape }]) => [key, make(values, shape)]));
let params = arrays((values, shape) => np.array(values, { shape }));
let mean = arrays((_, shape) => np.zeros(shape)), square = arrays((_, shape) => np.zeros(shape));

await timeTraining(async (i, waits) => {
  const { x, y } = batchOf(letters, i);
  const [ids, next] = [x, y].map((v) =>
    np.array(v as Int32Array<ArrayBuffer>, { shape: [batch, length], dtype: np.int32 })
  );
  const [correct1, correct2] = [beta1, beta2].map((beta) => np.array(1 - beta ** (i + 1)));
  let loss: np.Array;
  [params, mean, square, loss] = trainStep(params, mean, square, ids, next, correct1, correct2);
  if (waits) return (await loss.data())[0];
  await loss.blockUntilReady();
  loss.dispose();
  return NaN;
});
Deno.exit();
