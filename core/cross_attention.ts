/**
 * Attention from one text to another — Vaswani et al. 2017 (1706.03762), §3.2.3.
 * Idea   The decoder asks, the encoder's states answer: queries come from the text being written, keys and
 *        values from the text that was read. Where both are the same text this is self-attention. Keys
 *        and values are made apart from the queries, so that a writer makes those of the source once.
 * Maths  A = softmax(QKᵀ · factor + M),  out = AV Wo;  Q = xWq,  K = yWk,  V = yWv
 * Axes   B batch · T positions (Tq of x, Tk of y) · H heads · K head width · D model width · H·K may be other than D
 * Differs from the paper: biases are there or not (T5 has none), and so is the factor 1/√K: T5 starts Wq smaller
 *        by it instead.
 * @module
 */
import { attention, type Dropout } from "./attention.ts";
import { type KeysAndValues, type LayerCache, written } from "./key_value_cache.ts";
import type { AttentionBias } from "./masks.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, einsum, rearrange, rename, type Tensor } from "./tensor/mod.ts";

/** A linear layer from D to the heads, with or without bias. */
export type HeadsDeclared = { weight: Declared<"H·K D">; bias?: Declared<"H·K"> };

/** The declared parameters of attention between two texts; those of `attentionParameters` fit. */
export interface ProjectionsDeclared {
  /** Wq */
  query: HeadsDeclared;
  /** Wk */
  key: HeadsDeclared;
  /** Wv */
  value: HeadsDeclared;
  /** Wo */
  output: { weight: Declared<"D H·K">; bias?: Declared<"D"> };
}

/** The parameters of attention between two texts. */
export type ProjectionsParameters = Parameters<ProjectionsDeclared>;

/** How to look. */
export interface LookOptions {
  /** Added to the scores: masks and relative positions. */
  bias?: AttentionBias;
  /** What the scores are multiplied by (default 1/√K). */
  factor?: number;
  /** While training. */
  dropout?: Dropout;
}

/**
 * Declare the four linear layers; all heads side by side are `inner` wide.
 *
 * @example
 * ```ts
 * import { projectionsParameters } from "@lineage/lineage/core/cross_attention";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(projectionsParameters(8, 12, false)), 4 * 8 * 12);
 * ```
 */
export function projectionsParameters(
  width: number,
  inner: number,
  biases: boolean,
): ProjectionsDeclared {
  const toHeads = (): HeadsDeclared => ({
    weight: declare("H·K D", [inner, width]),
    ...biases && { bias: declare("H·K", [inner], "zeros") },
  });
  return {
    query: toHeads(),
    key: toHeads(),
    value: toHeads(),
    output: {
      weight: declare("D H·K", [width, inner]),
      ...biases && { bias: declare("D", [width], "zeros") },
    },
  };
}

/**
 * The keys and values of a text; with a cache, of all that it remembers and the text.
 *
 * @example
 * ```ts
 * import { keysAndValues, projectionsParameters } from "@lineage/lineage/core/cross_attention";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(projectionsParameters(8, 12, false), randomKey(1));
 * const { keys } = keysAndValues(normal(randomKey(2), "B T D", [2, 5, 8]), params, 4);
 * assertEquals(keys.shape, [2, 4, 5, 3]);
 * ```
 */
export function keysAndValues(
  y: Tensor<"B T D">,
  { key, value }: Pick<ProjectionsParameters, "key" | "value">,
  heads: number,
  cache?: LayerCache,
): KeysAndValues {
  const all = (layer: Parameters<HeadsDeclared>, old?: Tensor<"B H Tk K">) => {
    const fresh = toHeads(y, layer, heads);
    return cache && old ? written(old, fresh, cache.start) : rename(fresh, "B H T K -> B H Tk K");
  };
  return { keys: all(key, cache?.keys), values: all(value, cache?.values) };
}

/**
 * Look from x at keys and values, wherever those are from.
 *
 * @throws {AxisError} where the heads do not divide the inner width.
 *
 * @example
 * ```ts
 * import { crossAttention, keysAndValues, projectionsParameters } from "@lineage/lineage/core/cross_attention";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(projectionsParameters(8, 8, true), randomKey(1));
 * const read = normal(randomKey(2), "B T D", [2, 5, 8]), written = normal(randomKey(3), "B T D", [2, 3, 8]);
 * const { out, weights } = crossAttention(written, keysAndValues(read, params, 4), params, 4);
 * assertEquals([out.shape, weights.shape], [[2, 3, 8], [2, 4, 3, 5]]);
 * ```
 */
export function crossAttention(
  x: Tensor<"B T D">,
  { keys, values }: KeysAndValues,
  { query, output }: Pick<ProjectionsParameters, "query" | "output">,
  heads: number,
  { bias, factor, dropout }: LookOptions = {},
): { out: Tensor<"B T D">; weights: Tensor<"B H Tq Tk"> } {
  const q = rename(toHeads(x, query, heads), "B H T K -> B H Tq K");
  const { out, weights } = attention(q, keys, values, bias, dropout, factor);
  const merged = rearrange(rename(out, "B H Tq K -> B H T K"), "B H T K -> B T (H K)");
  const back = einsum("B T H·K, D H·K -> B T D", merged, output.weight);
  return { out: output.bias ? add(back, output.bias) : back, weights };
}

function toHeads(
  x: Tensor<"B T D">,
  { weight, bias }: Parameters<HeadsDeclared>,
  heads: number,
): Tensor<"B H T K"> {
  const y = einsum("B T D, H·K D -> B T H·K", x, weight);
  return rearrange(bias ? add(y, bias) : y, "B T (H K) -> B H T K", { H: heads });
}
