/**
 * The layer of an encoder–decoder as its sub-layers — Vaswani et al. 2017 (1706.03762), §3.1, figure 1.
 * Idea   Look around in one's own text; in the decoder look into the source as well; think. Each sub-layer adds
 *        to what came in, and normalises before (T5) or after (BART). Who normalises before needs one norm
 *        more at the end of the stack, who normalises after has one at its beginning.
 * Maths  first:  y = x + f(N(x))      last:  y = N(x + f(x));      f: self-attention, cross-attention, FFN
 * Axes   B batch · T positions · D model width · H heads
 * Differs from the paper: dropout is where T5 has it: on attention weights, inside the feed-forward network, and
 *        after each sub-layer.
 * @module
 */
import type { Dropout } from "./attention.ts";
import {
  crossAttention,
  keysAndValues,
  type ProjectionsDeclared,
  type ProjectionsParameters,
} from "./cross_attention.ts";
import type { Activation } from "./feed_forward.ts";
import { type GatedDeclared, gatedFeedForward } from "./gated_feed_forward.ts";
import type { KeysAndValues, LayerCache } from "./key_value_cache.ts";
import { layerNorm, layerNormParameters } from "./layer_norm.ts";
import type { AttentionBias } from "./masks.ts";
import type { Declared, Parameters } from "./parameters.ts";
import { rmsNorm, rmsNormParameters } from "./rms_norm.ts";
import { add, dropout, type Key, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of a norm. */
export interface NormDeclared {
  /** Scale of each dimension. */
  gain: Declared<"D">;
  /** Shift of each dimension, if the norm has one. */
  bias?: Declared<"D">;
}

/** A kind of norm. */
export interface Norm {
  /** What it declares. */
  parameters(width: number): NormDeclared;
  /** What it computes. */
  apply(x: Tensor<"B T D">, params: Parameters<NormDeclared>, epsilon: number): Tensor<"B T D">;
}

/** Scale and shift: `layerNorm`. */
export const centredNorm: Norm = {
  parameters: layerNormParameters,
  apply: (x, { gain, bias }, epsilon) => layerNorm(x, { gain, bias: bias! }, epsilon),
};

/** Scale only: `rmsNorm`. */
export const scaledNorm: Norm = { parameters: rmsNormParameters, apply: rmsNorm };

/** A function of states. */
export type StateMap = (x: Tensor<"B T D">) => Tensor<"B T D">;

/** Where the norm of a sub-layer stands. */
export interface Order {
  /** What the branch gets of x. */
  enter(x: Tensor<"B T D">, norm: StateMap): Tensor<"B T D">;
  /** x and what the branch made of it. */
  leave(x: Tensor<"B T D">, made: Tensor<"B T D">, norm: StateMap): Tensor<"B T D">;
  /** Where the stack has one norm more. */
  readonly extra: "begin" | "end";
}

/** T5's order: each branch is normalised, the sum never is until the end. */
export const normFirst: Order = {
  enter: (x, norm) => norm(x),
  leave: (x, made) => add(x, made),
  extra: "end",
};

/** BART's order, the first Transformer's: each sum is normalised. */
export const normLast: Order = {
  enter: (x) => x,
  leave: (x, made, norm) => norm(add(x, made)),
  extra: "begin",
};

/** The declared parameters of a layer. */
export interface SublayersDeclared {
  /** Looking around in its own text. */
  attention: ProjectionsDeclared;
  /** Around it. */
  attentionNorm: NormDeclared;
  /** Looking into the source: the decoder's. */
  cross?: ProjectionsDeclared;
  /** Around it. */
  crossNorm?: NormDeclared;
  /** Thinking. */
  feedForward: GatedDeclared;
  /** Around it. */
  feedForwardNorm: NormDeclared;
}

/** The parameters of a layer. */
export type SublayersParameters = Parameters<SublayersDeclared>;

/** What the layers of a stack have in common. */
export interface SublayersOptions {
  /** Number of attention heads. */
  heads: number;
  /** ε of the norms. */
  epsilon: number;
  /** Which norm. */
  norm: Norm;
  /** Where it stands. */
  order: Order;
  /** In the feed-forward network. */
  activation: Activation;
  /** What scores are multiplied by (default 1/√K). */
  factor?: number;
  /** Who may look at whom in the own text, and how far apart they are. */
  bias?: AttentionBias;
  /** Which positions of the source may be looked at. */
  sourceBias?: AttentionBias;
  /** While training. */
  dropout?: { rate: number; key: Key };
}

/** What a layer looks at besides its input. */
export interface Sources {
  /** Keys and values of the source, for a layer that looks there. */
  source?: KeysAndValues;
  /** What was written so far of the own text. */
  cache?: LayerCache;
}

/** What a layer gives. */
export interface SublayersOutput {
  /** What goes to the next layer. */
  out: Tensor<"B T D">;
  /** Who looked at whom in the own text. */
  weights: Tensor<"B H Tq Tk">;
  /** Who looked where in the source. */
  crossWeights?: Tensor<"B H Tq Tk">;
  /** Keys and values of the own text: what a cache is to hold from now on. */
  own: KeysAndValues;
}

/**
 * A layer: its two sub-layers, or three where there is a source.
 *
 * @example
 * ```ts
 * import { gatedParameters } from "@lineage/lineage/core/gated_feed_forward";
 * import { projectionsParameters } from "@lineage/lineage/core/cross_attention";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { normFirst, scaledNorm, sublayers } from "@lineage/lineage/core/sublayers";
 * import { normal, randomKey, relu } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = initialise({
 *   attention: projectionsParameters(8, 12, false),
 *   attentionNorm: scaledNorm.parameters(8),
 *   feedForward: gatedParameters(8, 16, { gated: false, biases: false }),
 *   feedForwardNorm: scaledNorm.parameters(8),
 * }, randomKey(1));
 * const x = normal(randomKey(2), "B T D", [2, 3, 8]);
 * const options = { heads: 4, epsilon: 1e-6, norm: scaledNorm, order: normFirst, activation: relu };
 * assertEquals(sublayers(x, params, options).weights.shape, [2, 4, 3, 3]);
 * ```
 */
export function sublayers(
  x: Tensor<"B T D">,
  params: SublayersParameters,
  options: SublayersOptions,
  { source, cache }: Sources = {},
): SublayersOutput {
  const { heads, activation, order } = options;
  const [ofOwn, ofSource, ofThought] = normsOf(params, options);
  let y = order.enter(x, ofOwn);
  const own = keysAndValues(y, params.attention, heads, cache);
  const { out, weights } = look(y, own, params.attention, options, options.bias, 0);
  let z = order.leave(x, out, ofOwn), crossWeights: Tensor<"B H Tq Tk"> | undefined;
  if (params.cross && source) {
    y = order.enter(z, ofSource);
    const found = look(y, source, params.cross, options, options.sourceBias, 2);
    z = order.leave(z, found.out, ofSource);
    crossWeights = found.weights;
  }
  y = order.enter(z, ofThought);
  const thought = gatedFeedForward(y, params.feedForward, activation, within(options, 4));
  return { out: order.leave(z, after(thought, options, 5), ofThought), weights, crossWeights, own };
}

/** The norms around own text, source and thought. */
const normsOf = (params: SublayersParameters, { norm, epsilon }: SublayersOptions): StateMap[] =>
  [params.attentionNorm, params.crossNorm, params.feedForwardNorm]
    .map((gains) => (x) => norm.apply(x, gains!, epsilon));

/** Attention with dropout inside and after. */
function look(
  x: Tensor<"B T D">,
  seen: KeysAndValues,
  params: ProjectionsParameters,
  options: SublayersOptions,
  bias: AttentionBias | undefined,
  place: number,
) {
  const { heads, factor } = options, dropout = within(options, place);
  const { out, weights } = crossAttention(x, seen, params, heads, { bias, factor, dropout });
  return { out: after(out, options, place + 1), weights };
}

const within = ({ dropout: drop }: SublayersOptions, place: number): Dropout | undefined =>
  drop && { rate: drop.rate, key: drop.key.derive(place) };

const after = (x: Tensor<"B T D">, { dropout: drop }: SublayersOptions, place: number) =>
  dropout(x, drop?.rate ?? 0, drop?.key.derive(place));
