/** BERT-base over a batch by jax-js. Usage: deno run -A bench/peers/jax/bert_batch.ts wasm|webgpu [layers=2,…] */
import { blockUntilReady, jit, nn, numpy as np, tree } from "@jax-js/jax";
import {
  ADAMW,
  BERT_BATCH,
  bertWeights,
  changed,
  idsAndHidden,
  idsAndNext,
  masked,
  timeBatches,
  timeForwards,
} from "../../workloads/batches.ts";
import { BERT_BASE } from "../../workloads/bert.ts";
import { encode } from "./encoder.ts";
import {
  type Arrays,
  arraysOf,
  grid,
  layerNorm,
  linear,
  onDevice,
  oneHot,
  rows,
  stepsOf,
} from "./parts.ts";

const name = await onDevice(), { epsilon } = BERT_BASE;
const told = changed(BERT_BATCH, Deno.args[1]), shape = [told.batch, told.length];

const forward = jit((p: Arrays, ids: np.Array) =>
  np.mean(np.abs(encode(p["embedding.word"].slice(ids), p, told, epsilon)))
);
const params = arraysOf(bertWeights(told)), text = grid(idsAndNext(told, 0).ids, shape);
await timeForwards(told, async (times) => {
  const several = Array.from({ length: times }, () => forward(tree.ref(params), text.ref));
  await blockUntilReady(several);
  several.slice(1).forEach((one) => one.dispose());
  return (await several[0].data())[0];
});
tree.dispose(params);

const hidden = masked(told), count = hidden.reduce((sum, one) => sum + one);

/** The mean surprise about the hidden tokens. */
function lossOf(p: Arrays, ids: np.Array, labels: np.Array): np.Array {
  const word = p["embedding.word"];
  const x = encode(rows(word.ref, ids, name), p, told, epsilon);
  const bent = nn.gelu(linear(x, p, "maskedLM.transform"), { approximate: false });
  const ready = layerNorm(bent, p, "maskedLM.norm", epsilon);
  const logits = np.matmul(ready, np.transpose(word)).add(p["maskedLM.bias"]);
  const chosen = nn.logSoftmax(logits, -1).mul(oneHot(labels, told.vocabulary)).sum(-1);
  return chosen.mul(np.array(hidden, { shape })).sum().mul(-1 / count);
}

const batchOf = (i: number): [np.Array, np.Array] => {
  const { ids, labels } = idsAndHidden(told, i);
  return [grid(ids, shape), grid(labels, shape)];
};
await timeBatches(told, stepsOf(bertWeights(told), batchOf, lossOf, ADAMW));
Deno.exit();
