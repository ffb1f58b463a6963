/**
 * Transformer-XL — Dai et al. 2019 (1901.02860).
 * Idea   A language model from left to right that reads a text segment by segment and remembers: each
 *        layer also looks at what it was given in the segments before. Positions are relative, else a
 *        memory would have none.
 * Maths  h[l+1] = layer(h[l]; keys and values from [memory[l] ; h[l]]),  p = adaptive softmax(h[L])
 * Axes   B batch · T positions · Tq,Tk query,key positions · D model width · H heads · V vocabulary
 * Differs from the paper: nothing; the numbers are those of Hugging Face's TransfoXLLMHeadModel, which
 *        begins with a memory of zeros (`emptyMemory`). Without a memory nothing stands before the text.
 * @module
 */
import {
  type AdaptiveDeclared,
  adaptiveEmbedding,
  adaptiveLogProbabilities,
  adaptiveParameters,
  type AdaptiveSizes,
  adaptiveSurprise,
} from "../core/adaptive_softmax.ts";
import { hide, leftToRight } from "../core/masks.ts";
import type { Parameters } from "../core/parameters.ts";
import {
  afterMemory,
  maskAfterMemory,
  type Memory,
  memoryLength,
  remember,
} from "../core/recurrence.ts";
import { contextOf, relativeSelfAttention } from "../core/relative_attention.ts";
import {
  finishLayer,
  type RelativeLayerDeclared,
  relativeLayerParameters,
  type RelativeLayerSizes,
} from "../core/relative_layer.ts";
import { relativePositions } from "../core/relative_positions.ts";
import { banded } from "../core/sparse_attention.ts";
import { dropout, type Key, relu, slice, type Tensor } from "../core/tensor/mod.ts";

/** The sizes of a Transformer-XL. */
export interface TransformerXLSizes extends AdaptiveSizes, RelativeLayerSizes {
  /** Layers, L. */
  layers: number;
  /** Positions that each layer remembers. */
  memory: number;
  /** Whether no one looks further back than the memory is long, so that all see equally far. */
  sameLength: boolean;
  /** The largest distance that is told from others; all are, where it is left out. */
  clamp?: number;
  /** ε of the layer norms. */
  epsilon: number;
  /** Dropout of sums and of attention while training. */
  dropout: { hidden: number; attention: number };
}

/** The model trained on WikiText-103: 18 layers; 285M parameters, where the paper says 257M. */
export const TRANSFORMER_XL_WT103: TransformerXLSizes = {
  vocabulary: 267735,
  cutoffs: [20000, 40000, 200000],
  embedding: 1024,
  division: 4,
  tied: [false, true, true, true],
  width: 1024,
  heads: 16,
  headWidth: 64,
  inner: 4096,
  layers: 18,
  memory: 1600,
  sameLength: true,
  clamp: 1000,
  epsilon: 1e-5,
  dropout: { hidden: 0.1, attention: 0 },
};

/** A Transformer-XL that trains in minutes: one cluster of words, a memory of one short segment. */
export const TRANSFORMER_XL_TINY: TransformerXLSizes = {
  vocabulary: 1000,
  cutoffs: [],
  embedding: 128,
  division: 2,
  tied: [true],
  width: 128,
  heads: 4,
  headWidth: 32,
  inner: 512,
  layers: 2,
  memory: 32,
  sameLength: false,
  epsilon: 1e-5,
  dropout: { hidden: 0, attention: 0 },
};

/** The declared parameters. */
export interface TransformerXLDeclared {
  /** Words on their way in and out. */
  words: AdaptiveDeclared;
  /** From bottom to top. */
  layers: RelativeLayerDeclared[];
}

/** The parameters. */
export type TransformerXLParameters = Parameters<TransformerXLDeclared>;

/** What a Transformer-XL gives. */
export interface TransformerXLOutput {
  /** The embedding, then the output of each layer. */
  states: Tensor<"B T D">[];
  /** Attention probabilities of each layer; keys are memory, then text. */
  attentions: Tensor<"B H Tq Tk">[];
  /** The last state. */
  last: Tensor<"B T D">;
  /** For the next segment. */
  memory: Memory;
}

/**
 * Declare a model; nothing is allocated.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { TRANSFORMER_XL_TINY, transformerXLParameters } from "@lineage/lineage/models/transformer_xl";
 * import { assert } from "@std/assert";
 * assert(countParameters(transformerXLParameters(TRANSFORMER_XL_TINY)) < 1e6);
 * ```
 */
export function transformerXLParameters(sizes: TransformerXLSizes): TransformerXLDeclared {
  return {
    words: adaptiveParameters(sizes),
    layers: Array.from({ length: sizes.layers }, () => relativeLayerParameters(sizes)),
  };
}

/**
 * Read a segment, with what is remembered of the segments before. With a key, dropout is on.
 *
 * @throws {RangeError} where an id is not in the vocabulary.
 * @throws {AxisError} where the memory is of another batch or model.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import * as xl from "@lineage/lineage/models/transformer_xl";
 * import { assertEquals } from "@std/assert";
 * const sizes = xl.TRANSFORMER_XL_TINY;
 * const params = initialise(xl.transformerXLParameters(sizes), randomKey(1));
 * const { memory } = xl.transformerXL(sizes, params, tensor("B T", [[1, 2, 3]]));
 * const { attentions } = xl.transformerXL(sizes, params, tensor("B T", [[4, 5]]), memory);
 * assertEquals(attentions[0].shape, [1, 4, 2, 5]); // two queries look at three keys and two
 * ```
 */
export function transformerXL(
  sizes: TransformerXLSizes,
  params: TransformerXLParameters,
  ids: Tensor<"B T">,
  memory?: Memory,
  key?: Key,
): TransformerXLOutput {
  const { width, clamp, epsilon, dropout: rates } = sizes;
  const queries = ids.size("T"),
    past = memoryLength(memory, params.layers.length),
    keys = past + queries;
  const sight = sizes.sameLength ? banded(sizes.memory) : leftToRight;
  const bias = hide(maskAfterMemory(sight, past, queries)!);
  const positions = relativePositions({ queries, keys, future: false, clamp }, width);
  const words = adaptiveEmbedding(ids, params.words);
  const states = [dropout(words, rates.hidden, key?.derive(0))];
  const attentions = params.layers.map((layer, i) => {
    const x = states[i], own = key?.derive(i + 1);
    const context = contextOf(afterMemory(memory?.[i], x), positions, layer.attention);
    const drop = own && { rate: rates.attention, key: own.derive(0) };
    const { out, weights } = relativeSelfAttention(x, context, layer.attention, { bias, drop });
    const after = own && { rate: rates.hidden, key: own.derive(1) };
    states.push(finishLayer(x, out, layer, { activation: relu, epsilon, drop: after }));
    return weights;
  });
  const last = dropout(states.at(-1)!, rates.hidden, key?.derive(params.layers.length + 1));
  return { states, attentions, last, memory: remember(memory, states.slice(0, -1), sizes.memory) };
}

/**
 * The logarithm of every token's probability to come next, at each position.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import * as xl from "@lineage/lineage/models/transformer_xl";
 * import { assertEquals } from "@std/assert";
 * const sizes = xl.TRANSFORMER_XL_TINY;
 * const params = initialise(xl.transformerXLParameters(sizes), randomKey(1));
 * const { last } = xl.transformerXL(sizes, params, tensor("B T", [[1, 2, 3]]));
 * assertEquals(xl.nextWords(params, last).shape, [1, 3, 1000]);
 * ```
 */
export function nextWords(
  { words }: TransformerXLParameters,
  last: Tensor<"B T D">,
): Tensor<"B T V"> {
  return adaptiveLogProbabilities(last, words);
}

/**
 * −log p of each token after the first, in nats, from the last states of the same tokens.
 *
 * @throws {AxisError} where the text has no second token.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import * as xl from "@lineage/lineage/models/transformer_xl";
 * import { assertEquals } from "@std/assert";
 * const sizes = xl.TRANSFORMER_XL_TINY, ids = tensor("B T", [[1, 2, 3]]);
 * const params = initialise(xl.transformerXLParameters(sizes), randomKey(1));
 * const { last } = xl.transformerXL(sizes, params, ids);
 * assertEquals(xl.nextWordSurprise(params, last, ids).shape, [1, 2]);
 * ```
 */
export function nextWordSurprise(
  { words }: TransformerXLParameters,
  last: Tensor<"B T D">,
  ids: Tensor<"B T">,
): Tensor<"B T"> {
  const length = ids.size("T");
  return adaptiveSurprise(slice(last, "T", 0, length - 1), slice(ids, "T", 1, length), words);
}
