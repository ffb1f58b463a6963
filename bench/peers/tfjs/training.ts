/** Steps of the small GPT by tfjs. Usage: deno run -A bench/peers/tfjs/training.ts wasm|webgpu [TEXT] */
import * as tf from "@tensorflow/tfjs";
import { batchOf, firstWeights, GPT, readLetters, timeTraining } from "../../workloads/gpt.ts";
import { layerNorm, start } from "./backend.ts";

await start(Deno.args[0]);
const { layers, width, heads, length, batch, vocabulary, epsilon } = GPT, share = width / heads;
const { learningRate, beta1, beta2, adamEpsilon, weightDecay } = GPT;
const p: Record<string, tf.Variable> = Object.fromEntries(
  Object.entries(firstWeights()).map(([name, { values, shape }]) => [
    name,
    tf.variable(tf.tensor(values, shape), true, name),
  ]),
);
const norm = (x: tf.Tensor, name: string) =>
  layerNorm(x, p[`${name}.gain`], p[`${name}.bias`], epsilon);
const linear = (x: tf.Tensor, name: string) =>
  tf.matMul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
const gelu = (x: tf.Tensor) => {
  const bend = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(bend.tanh().add(1));
};
const hidden = Array.from(
  { length: length ** 2 },
  (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0,
);
const causal = tf.tensor2d(hidden, [length, length]);

/** The mean surprise about the next letter. Its WASM gather has no gradient: one-hot rows instead. */
function lossOf(ids: tf.Tensor1D, next: tf.Tensor1D): tf.Scalar {
  const words = tf.matMul(tf.oneHot(ids, vocabulary).cast("float32"), p.word);
  let x = words.reshape([batch, length, width]).add(p.position).reshape([batch * length, width]);
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`;
    const all = linear(norm(x, `${layer}.attentionNorm`), `${layer}.attention.queryKeyValue`);
    const split = all.reshape([batch, length, 3, heads, share]).transpose([2, 0, 3, 1, 4]);
    const [q, k, v] = tf.unstack(split).map((t) => t.reshape([batch * heads, length, share]));
    const scores = tf.matMul(q, k, false, true).mul(share ** -0.5);
    const shares = tf.softmax(scores.add(causal));
    const mixed = tf.matMul(shares, v).reshape([batch, heads, length, share]);
    const merged = mixed.transpose([0, 2, 1, 3]).reshape([batch * length, width]);
    x = x.add(linear(merged, `${layer}.attention.output`));
    const inner = gelu(linear(norm(x, `${layer}.feedForwardNorm`), `${layer}.feedForward.up`));
    x = x.add(linear(inner, `${layer}.feedForward.down`));
  }
  const chosen = tf.logSoftmax(tf.matMul(norm(x, "norm"), p.head)).mul(tf.oneHot(next, vocabulary));
  return chosen.sum().mul(-1 / (batch * length));
}

const letters = readLetters(Deno.args[1]);
const adam = tf.train.adam(learningRate, beta1, beta2, adamEpsilon);
await timeTraining(async (i, waits) => {
  const { x, y } = batchOf(letters, i);
  const loss = tf.tidy(() => {
    const ids = tf.tensor1d(x, "int32"), next = tf.tensor1d(y, "int32");
    const { value, grads } = tf.variableGrads(() => lossOf(ids, next));
    for (const w of Object.values(p)) w.assign(w.mul(1 - learningRate * weightDecay));
    adam.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
    return value;
  });
  const value = waits ? (await loss.data())[0] : NaN;
  loss.dispose();
  return value;
});
Deno.exit();
