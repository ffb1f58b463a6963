/** Training steps of GPT-2 small by jax-js. Usage: deno run -A bench/peers/jax/gpt2_batch.ts wasm|webgpu [layers=2,…] */
import { nn, numpy as np } from "@jax-js/jax";
import {
  ADAMW,
  changed,
  GPT2_BATCH,
  gpt2Weights,
  idsAndNext,
  timeBatches,
} from "../../workloads/batches.ts";
import { GPT2_SMALL } from "../../workloads/gpt2.ts";
import { type Arrays, grid, layerNorm, linear, onDevice, oneHot, rows, stepsOf } from "./parts.ts";

const name = await onDevice(), { epsilon } = GPT2_SMALL;
const told = changed(GPT2_BATCH, Deno.args[1]);
const { batch, length, layers, width, heads, vocabulary } = told, shape = [batch, length];

/** The mean surprise about the next token. */
function lossOf(p: Arrays, ids: np.Array, next: np.Array): np.Array {
  const norm = (x: np.Array, norm: string) => layerNorm(x, p, norm, epsilon);
  const word = p["embedding.word"];
  let x = rows(word.ref, ids, name).add(p["embedding.position"].slice([0, length]));
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`, y = norm(x.ref, `${layer}.attentionNorm`);
    const [q, k, v] = ["query", "key", "value"].map((part) =>
      linear(y.ref, p, `${layer}.attention.${part}`).reshape([...shape, heads, width / heads])
    );
    y.dispose();
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([...shape, width]);
    x = x.add(linear(mixed, p, `${layer}.attention.output`));
    const inner = linear(norm(x.ref, `${layer}.feedForwardNorm`), p, `${layer}.feedForward.up`);
    x = x.add(linear(nn.gelu(inner), p, `${layer}.feedForward.down`));
  }
  const logits = np.matmul(norm(x, "norm"), np.transpose(word));
  const chosen = nn.logSoftmax(logits, -1).mul(oneHot(next, vocabulary));
  return chosen.sum().mul(-1 / (batch * length));
}

const batchOf = (i: number): [np.Array, np.Array] => {
  const { ids, labels } = idsAndNext(told, i);
  return [grid(ids, shape), grid(labels, shape)];
};
await timeBatches(told, stepsOf(gpt2Weights(told), batchOf, lossOf, ADAMW));
Deno.exit();
