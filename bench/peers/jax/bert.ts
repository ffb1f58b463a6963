/** The encoder of BERT-base by jax-js. Usage: deno run -A bench/peers/jax/bert.ts wasm|webgpu */
import { defaultDevice, type Device, init, jit, nn, numpy as np, tree } from "@jax-js/jax";
import { BERT_BASE, ids, timeForward, weights } from "../../workloads/bert.ts";

type Arrays = Record<string, np.Array>;

const name = Deno.args[0] as Device;
await init(name);
defaultDevice(name);
const { layers, width, heads, length, epsilon } = BERT_BASE;

const layerNorm = (x: np.Array, p: Arrays, norm: string) =>
  nn.standardize(x, -1, { epsilon }).mul(p[`${norm}.gain`]).add(p[`${norm}.bias`]);
const linear = (x: np.Array, p: Arrays, layer: string) =>
  np.matmul(x, p[`${layer}.weight`]).add(p[`${layer}.bias`]);

const forward = jit((p: Arrays, text: np.Array) => {
  const placed = p["embedding.word"].slice(text).add(p["embedding.position"]);
  let x = layerNorm(placed, p, "embedding.norm");
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`;
    const [q, k, v] = ["query", "key", "value"].map((part) =>
      linear(x.ref, p, `${layer}.attention.${part}`).reshape([length, heads, width / heads])
    );
    const mixed = nn.dotProductAttention(q, k, v).reshape([length, width]);
    const attended = x.add(linear(mixed, p, `${layer}.attention.output`));
    x = layerNorm(attended, p, `${layer}.attentionNorm`);
    const inner = nn.gelu(linear(x.ref, p, `${layer}.feedForward.up`), { approximate: false });
    const thought = x.add(linear(inner, p, `${layer}.feedForward.down`));
    x = layerNorm(thought, p, `${layer}.feedForwardNorm`);
  }
  return x;
});

const params: Arrays = Object.fromEntries(
  Object.entries(weights()).map(([key, { values, shape }]) => [key, np.array(values, { shape })]),
);
const text = np.array(ids(), { dtype: np.int32 });
await timeForward(async () =>
  await forward(tree.ref(params), text.ref).data() as Float32Array<ArrayBuffer>
);
Deno.exit();
