/**
 * The layer of Transformer-XL and XLNet — Dai et al. 2019 (1901.02860), §3.3; Vaswani et al. 2017 (1706.03762).
 * Idea   A post-norm Transformer layer whose attention asks for distances. What comes after the attention
 *        is the same for every stream of states that shares the layer.
 * Maths  y = LN(x + attended),  z = LN(y + FFN(y))
 * Axes   B batch · T positions · D model width
 * Differs from the paper: dropout comes after each branch and inside attention; the authors also drop
 *        inside the feed-forward network and in the vectors of the distances.
 * @module
 */
import type { Dropout } from "./attention.ts";
import {
  type Activation,
  feedForward,
  type FeedForwardDeclared,
  feedForwardParameters,
} from "./feed_forward.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "./layer_norm.ts";
import type { Parameters } from "./parameters.ts";
import {
  type RelativeAttentionDeclared,
  relativeAttentionParameters,
} from "./relative_attention.ts";
import { add, dropout, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of a layer. */
export interface RelativeLayerDeclared {
  /** By relative position. */
  attention: RelativeAttentionDeclared;
  /** Around the attention. */
  attentionNorm: LayerNormDeclared;
  /** Up and down. */
  feedForward: FeedForwardDeclared;
  /** Around the feed-forward network. */
  feedForwardNorm: LayerNormDeclared;
}

/** The parameters of a layer. */
export type RelativeLayerParameters = Parameters<RelativeLayerDeclared>;

/** The sizes of a layer. */
export interface RelativeLayerSizes {
  /** Model width, D. */
  width: number;
  /** Attention heads, H. */
  heads: number;
  /** Width of a head, K. */
  headWidth: number;
  /** Inner width of the feed-forward network, F. */
  inner: number;
}

/**
 * Declare a layer.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { relativeLayerParameters } from "@lineage/lineage/core/relative_layer";
 * import { assertEquals } from "@std/assert";
 * const sizes = { width: 8, heads: 2, headWidth: 4, inner: 16 };
 * const declared = relativeLayerParameters(sizes);
 * assertEquals(countParameters(declared.feedForward), 2 * 8 * 16 + 16 + 8);
 * ```
 */
export function relativeLayerParameters(sizes: RelativeLayerSizes): RelativeLayerDeclared {
  return {
    attention: relativeAttentionParameters(sizes),
    attentionNorm: layerNormParameters(sizes.width),
    feedForward: feedForwardParameters(sizes.width, sizes.inner),
    feedForwardNorm: layerNormParameters(sizes.width),
  };
}

/**
 * The rest of a layer, once its attention is computed.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { finishLayer, relativeLayerParameters } from "@lineage/lineage/core/relative_layer";
 * import { normal, randomKey, relu } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const sizes = { width: 8, heads: 2, headWidth: 4, inner: 16 };
 * const params = initialise(relativeLayerParameters(sizes), randomKey(1));
 * const [x, attended] = [2, 3].map((seed) => normal(randomKey(seed), "B T D", [1, 5, 8]));
 * const options = { activation: relu, epsilon: 1e-5 };
 * assertEquals(finishLayer(x, attended, params, options).shape, [1, 5, 8]);
 * ```
 */
export function finishLayer(
  x: Tensor<"B T D">,
  attended: Tensor<"B T D">,
  params: RelativeLayerParameters,
  { activation, epsilon, drop }: { activation: Activation; epsilon: number; drop?: Dropout },
): Tensor<"B T D"> {
  const after = (branch: Tensor<"B T D">, place: number) =>
    dropout(branch, drop?.rate ?? 0, drop?.key.derive(place));
  const y = layerNorm(add(x, after(attended, 0)), params.attentionNorm, epsilon);
  const thought = feedForward(y, params.feedForward, activation);
  return layerNorm(add(y, after(thought, 1)), params.feedForwardNorm, epsilon);
}
