/**
 * The encoder of BERT by jax-js.
 *
 * @module
 */
import { nn, numpy as np } from "@jax-js/jax";
import type { ModelSizes } from "../../workloads/weight.ts";
import { type Arrays, layerNorm, linear } from "./parts.ts";

/** From the rows of the word table, of one text or of a batch, to the last states. */
export function encode(
  rows: np.Array,
  p: Arrays,
  { layers, width, heads }: ModelSizes,
  epsilon: number,
): np.Array {
  const shape = rows.shape.slice(0, -1);
  let x = layerNorm(rows.add(p["embedding.position"]), p, "embedding.norm", epsilon);
  for (let i = 0; i < layers; i++) {
    const layer = `layers.${i}`;
    const [q, k, v] = ["query", "key", "value"].map((part) =>
      linear(x.ref, p, `${layer}.attention.${part}`).reshape([...shape, heads, width / heads])
    );
    const mixed = nn.dotProductAttention(q, k, v).reshape([...shape, width]);
    const attended = x.add(linear(mixed, p, `${layer}.attention.output`));
    x = layerNorm(attended, p, `${layer}.attentionNorm`, epsilon);
    const inner = nn.gelu(linear(x.ref, p, `${layer}.feedForward.up`), { approximate: false });
    const thought = x.add(linear(inner, p, `${layer}.feedForward.down`));
    x = layerNorm(thought, p, `${layer}.feedForwardNorm`, epsilon);
  }
  return x;
}
