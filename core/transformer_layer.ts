/**
 * The Transformer layer — Vaswani et al. 2017 (1706.03762), §3.1; pre-norm: Xiong et al. 2020 (2002.04745).
 * Idea   Mix positions (attention), think per position (feed-forward), each time adding what came in.
 *        Where the normalisation stands is the whole difference between BERT and GPT-2: on the sum
 *        (post-norm) or on the branch (pre-norm, which keeps a clean path from bottom to top).
 * Maths  post:  y = LN(x + Attn(x)),      z = LN(y + FFN(y))
 *        pre:   y = x + Attn(LN(x)),      z = y + FFN(LN(y))
 * Axes   B batch · T positions · D model width · H heads
 * Differs from the paper: nothing; dropout comes after each branch and inside attention, as in BERT.
 * @module
 */
import {
  type AttentionDeclared,
  attentionParameters,
  type Dropout,
  selfAttention,
} from "./attention.ts";
import {
  type Activation,
  feedForward,
  type FeedForwardDeclared,
  feedForwardParameters,
} from "./feed_forward.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "./layer_norm.ts";
import type { KeysAndValues, LayerCache } from "./key_value_cache.ts";
import type { AttentionBias } from "./masks.ts";
import type { Parameters } from "./parameters.ts";
import { add, dropout, type Key, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of a layer. */
export interface LayerDeclared {
  /** Queries, keys, values and their way back. */
  attention: AttentionDeclared;
  /** Around the attention. */
  attentionNorm: LayerNormDeclared;
  /** Up and down. */
  feedForward: FeedForwardDeclared;
  /** Around the feed-forward network. */
  feedForwardNorm: LayerNormDeclared;
}

/** The parameters of a layer. */
export type LayerParameters = Parameters<LayerDeclared>;

/** What a layer needs to know besides its parameters. */
export interface LayerOptions {
  /** Number of attention heads. */
  heads: number;
  /** Between the two linear layers of the feed-forward network. */
  activation: Activation;
  /** Of the layer norms. */
  epsilon: number;
  /** Who may look at whom. */
  bias?: AttentionBias;
  /** While training: rates of dropout and a key of this layer's own. */
  dropout?: { hidden: number; attention: number; key: Key };
  /** What the layer remembers of earlier positions. */
  cache?: LayerCache;
}

/** A layer's output, and who looked at whom. */
export interface LayerOutput {
  /** What goes to the next layer. */
  out: Tensor<"B T D">;
  /** Attention probabilities. */
  weights: Tensor<"B H Tq Tk">;
  /** With a cache: what it is to hold from now on. */
  cached?: KeysAndValues;
}

/** A kind of layer: what it declares and what it computes. */
export type Layer = (
  x: Tensor<"B T D">,
  params: LayerParameters,
  options: LayerOptions,
) => LayerOutput;

/**
 * Declare a layer.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { layerParameters } from "@lineage/lineage/core/transformer_layer";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(layerParameters(768, 3072)), 7_087_872); // one layer of BERT-base
 * ```
 */
export function layerParameters(width: number, inner: number): LayerDeclared {
  return {
    attention: attentionParameters(width),
    attentionNorm: layerNormParameters(width),
    feedForward: feedForwardParameters(width, inner),
    feedForwardNorm: layerNormParameters(width),
  };
}

/**
 * BERT's layer: normalise each sum.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { gelu, normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { layerParameters, postNorm } from "@lineage/lineage/core/transformer_layer";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(layerParameters(8, 16), randomKey(1));
 * const x = normal(randomKey(2), "B T D", [2, 3, 8]);
 * const { out } = postNorm(x, params, { heads: 2, activation: gelu, epsilon: 1e-12 });
 * assertEquals(out.shape, [2, 3, 8]);
 * ```
 */
export const postNorm: Layer = (x, params, options): LayerOutput => {
  const { epsilon } = options, { attend, think } = branches(params, options);
  const { out, ...seen } = attend(x);
  const y = layerNorm(add(x, out), params.attentionNorm, epsilon);
  return { out: layerNorm(add(y, think(y)), params.feedForwardNorm, epsilon), ...seen };
};

/**
 * GPT-2's layer: normalise each branch.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { gelu, normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { layerParameters, preNorm } from "@lineage/lineage/core/transformer_layer";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(layerParameters(8, 16), randomKey(1));
 * const x = normal(randomKey(2), "B T D", [2, 3, 8]);
 * const { weights } = preNorm(x, params, { heads: 2, activation: gelu, epsilon: 1e-5 });
 * assertEquals(weights.shape, [2, 2, 3, 3]);
 * ```
 */
export const preNorm: Layer = (x, params, options): LayerOutput => {
  const { epsilon } = options, { attend, think } = branches(params, options);
  const { out, ...seen } = attend(layerNorm(x, params.attentionNorm, epsilon));
  const y = add(x, out);
  return { out: add(y, think(layerNorm(y, params.feedForwardNorm, epsilon))), ...seen };
};

/** The two branches of a layer, with dropout at their ends. */
function branches(params: LayerParameters, options: LayerOptions) {
  const { heads, activation, bias, dropout: drop, cache } = options;
  const inAttention: Dropout | undefined = drop &&
    { rate: drop.attention, key: drop.key.derive(0) };
  const after = (x: Tensor<"B T D">, place: number) =>
    dropout(x, drop?.hidden ?? 0, drop?.key.derive(place));
  return {
    attend(x: Tensor<"B T D">): LayerOutput {
      const { out, ...seen } = selfAttention(x, params.attention, heads, bias, inAttention, cache);
      return { out: after(out, 1), ...seen };
    },
    think: (x: Tensor<"B T D">) => after(feedForward(x, params.feedForward, activation), 2),
  };
}
