/**
 * Multi-head attention — Vaswani et al. 2017 (1706.03762), §3.2, eq. 1.
 * Idea   Each query takes a weighted average of the values. A weight is high where query and key
 *        point the same way. Several heads do so side by side, each in its own K dimensions. The
 *        mask alone decides who sees whom (masks.ts).
 * Maths  A = softmax(QKᵀ/√K + M),  out = AV;  Q = xWq + bq and so on, heads merged by Wo.
 * Axes   B batch · H heads · Tq,Tk query,key positions · K head width · D model width · H·K = D
 * Differs from the paper: nothing; `weights` is returned so that it can be drawn.
 * Trap   Dividing by √D instead of √K trains, but worse: scores become too small by √H.
 * @module
 */
import { type KeysAndValues, type LayerCache, written } from "./key_value_cache.ts";
import type { AttentionBias } from "./masks.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import {
  add,
  dropout,
  einsum,
  type Key,
  rearrange,
  rename,
  scale,
  softmax,
  type Tensor,
} from "./tensor/mod.ts";

/** Dropout during training: how much, and from which key. Without it nothing is dropped. */
export interface Dropout {
  /** Probability of an element to be dropped. */
  rate: number;
  /** Where the randomness comes from. */
  key: Key;
}

/** One linear layer from D to the heads. */
export type ToHeads = { weight: Declared<"H·K D">; bias: Declared<"H·K"> };

/** The declared parameters of an attention block. */
export interface AttentionDeclared {
  /** Wq, bq */
  query: ToHeads;
  /** Wk, bk */
  key: ToHeads;
  /** Wv, bv */
  value: ToHeads;
  /** Wo, bo */
  output: { weight: Declared<"D H·K">; bias: Declared<"D"> };
}

/** The parameters of an attention block. */
export type AttentionParameters = Parameters<AttentionDeclared>;

/**
 * Declare the four linear layers of an attention block of width D.
 *
 * @example
 * ```ts
 * import { attentionParameters } from "@lineage/lineage/core/attention";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(attentionParameters(8)), 4 * (8 * 8 + 8));
 * ```
 */
export function attentionParameters(width: number): AttentionDeclared {
  const toHeads = (): ToHeads => ({
    weight: declare("H·K D", [width, width]),
    bias: declare("H·K", [width], "zeros"),
  });
  return {
    query: toHeads(),
    key: toHeads(),
    value: toHeads(),
    output: { weight: declare("D H·K", [width, width]), bias: declare("D", [width], "zeros") },
  };
}

/**
 * Scaled dot-product attention. `bias` is added to the scores: 0 where a query may look. T5 leaves the
 * scores as they are: its `factor` is 1.
 *
 * @example
 * ```ts
 * import { attention } from "@lineage/lineage/core/attention";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const q = tensor("B H Tq K", [[[[0, 0]]]]);
 * const k = tensor("B H Tk K", [[[[1, 0], [0, 1]]]]), v = tensor("B H Tk K", [[[[2, 0], [4, 2]]]]);
 * const { out, weights } = attention(q, k, v); // a query of zeros looks everywhere alike
 * assertEquals([...await read(weights)], [0.5, 0.5]);
 * assertEquals([...await read(out)], [3, 1]);
 * ```
 */
export function attention(
  q: Tensor<"B H Tq K">,
  k: Tensor<"B H Tk K">,
  v: Tensor<"B H Tk K">,
  bias?: AttentionBias,
  drop?: Dropout,
  factor: number = 1 / Math.sqrt(q.size("K")),
): { out: Tensor<"B H Tq K">; weights: Tensor<"B H Tq Tk"> } {
  const dots = einsum("B H Tq K, B H Tk K -> B H Tq Tk", q, k);
  const scores = scale(dots, factor);
  const weights = softmax(bias ? add(scores, bias) : scores, "Tk"); // rows over Tk sum to 1
  const used = dropout(weights, drop?.rate ?? 0, drop?.key);
  return { out: einsum("B H Tq Tk, B H Tk K -> B H Tq K", used, v), weights };
}

/**
 * Self-attention with several heads: queries, keys and values all come from x. With a cache, what it
 * remembers is attended to as well, and what it is to remember from now on comes back.
 *
 * @throws {AxisError} where the number of heads does not divide the width.
 *
 * @example
 * ```ts
 * import { attentionParameters, selfAttention } from "@lineage/lineage/core/attention";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(attentionParameters(8), randomKey(1));
 * const x = normal(randomKey(2), "B T D", [2, 5, 8]);
 * const { out, weights } = selfAttention(x, params, 4);
 * assertEquals(out.axes, ["B", "T", "D"]);
 * assertEquals(weights.shape, [2, 4, 5, 5]);
 * ```
 */
export function selfAttention(
  x: Tensor<"B T D">,
  params: AttentionParameters,
  heads: number,
  bias?: AttentionBias,
  drop?: Dropout,
  cache?: LayerCache,
): { out: Tensor<"B T D">; weights: Tensor<"B H Tq Tk">; cached?: KeysAndValues } {
  const split = ({ weight, bias }: AttentionParameters["query"]) => {
    const y = add(einsum("B T D, H·K D -> B T H·K", x, weight), bias);
    return rearrange(y, "B T (H K) -> B H T K", { H: heads });
  };
  const q = rename(split(params.query), "B H T K -> B H Tq K");
  const all = (fresh: Tensor<"B H T K">, old?: Tensor<"B H Tk K">) =>
    cache && old ? written(old, fresh, cache.start) : rename(fresh, "B H T K -> B H Tk K");
  const k = all(split(params.key), cache?.keys), v = all(split(params.value), cache?.values);
  const { out, weights } = attention(q, k, v, bias, drop);
  const merged = rearrange(rename(out, "B H Tq K -> B H T K"), "B H T K -> B T (H K)");
  const { output } = params;
  return {
    out: add(einsum("B T H·K, D H·K -> B T D", merged, output.weight), output.bias),
    weights,
    ...cache && { cached: { keys: k, values: v } },
  };
}
