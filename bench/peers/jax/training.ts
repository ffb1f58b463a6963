/** Steps of the small GPT by jax-js. Usage: deno run -A bench/peers/jax/training.ts wasm|webgpu */
import { nn, numpy as np } from "@jax-js/jax";
import { batchOf, firstWeights, GPT, readLetters, timeTraining } from "../../workloads/gpt.ts";
import { type Arrays, grid, layerNorm, linear, onDevice, oneHot, rows, stepsOf } from "./parts.ts";

const name = await onDevice();
const { layers, width, heads, length, batch, vocabulary, epsilon } = GPT;

/** The mean surprise about the next letter. */
function lossOf(p: Arrays, ids: np.Array, next: np.Array): np.Array {
  const norm = (x: np.Array, norm: string) => layerNorm(x, p, norm, epsilon);
  let x = rows(p.word, ids, name).add(p.position);
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`;
    const all = linear(
      norm(x.ref, `${layer}.attentionNorm`),
      p,
      `${layer}.attention.queryKeyValue`,
    );
    const a = all.reshape([batch, length, 3, heads, width / heads]);
    const [q, k, v] = [a.ref.slice([], [], 0), a.ref.slice([], [], 1), a.slice([], [], 2)];
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true });
    x = x.add(linear(mixed.reshape([batch, length, width]), p, `${layer}.attention.output`));
    const inner = nn.gelu(
      linear(norm(x.ref, `${layer}.feedForwardNorm`), p, `${layer}.feedForward.up`),
    );
    x = x.add(linear(inner, p, `${layer}.feedForward.down`));
  }
  const logits = np.matmul(norm(x, "norm"), p.head);
  const chosen = nn.logSoftmax(logits, -1).mul(oneHot(next, vocabulary));
  return chosen.sum().mul(-1 / (batch * length));
}

const letters = readLetters(Deno.args[1]), shape = [batch, length];
const batchFor = (i: number): [np.Array, np.Array] => {
  const { x, y } = batchOf(letters, i);
  return [grid(x, shape), grid(y, shape)];
};
await timeTraining(stepsOf(firstWeights(), batchFor, lossOf, GPT));
Deno.exit();
