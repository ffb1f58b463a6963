/** The encoder of BERT-base by tfjs. Usage: deno run -A bench/peers/tfjs/bert.ts wasm|webgpu */
import * as tf from "@tensorflow/tfjs";
import { BERT_BASE, ids, timeForward, weights } from "../../workloads/bert.ts";
import { layerNorm, start } from "./backend.ts";

await start(Deno.args[0]);
const { layers, width, heads, length, epsilon } = BERT_BASE, share = width / heads;
const p: Record<string, tf.Tensor> = Object.fromEntries(
  Object.entries(weights()).map(([name, { values, shape }]) => [name, tf.tensor(values, shape)]),
);
const norm = (x: tf.Tensor, name: string) =>
  layerNorm(x, p[`${name}.gain`], p[`${name}.bias`], epsilon);
const linear = (x: tf.Tensor, name: string) =>
  tf.matMul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
const gelu = (x: tf.Tensor) => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));

const text = tf.tensor1d(ids(), "int32");
const forward = () => {
  let x = norm(p["embedding.word"].gather(text).add(p["embedding.position"]), "embedding.norm");
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`;
    const [q, k, v] = ["query", "key", "value"].map((part) =>
      linear(x, `${layer}.attention.${part}`).reshape([length, heads, share]).transpose([1, 0, 2])
    );
    const shares = tf.softmax(tf.matMul(q, k, false, true).mul(share ** -0.5));
    const mixed = tf.matMul(shares, v).transpose([1, 0, 2]).reshape([length, width]);
    x = norm(x.add(linear(mixed, `${layer}.attention.output`)), `${layer}.attentionNorm`);
    const inner = gelu(linear(x, `${layer}.feedForward.up`));
    x = norm(x.add(linear(inner, `${layer}.feedForward.down`)), `${layer}.feedForwardNorm`);
  }
  return x;
};
await timeForward(async () => {
  const last = tf.tidy(forward), values = await last.data();
  last.dispose();
  return values;
});
Deno.exit();
