/**
 * Models as records of concepts.
 *
 * Idea   A model is a record: which embedding, which kind of layer, how the layers are stacked, what
 *        comes out on top. A descendant is its parent with a few keys changed, so the family's
 *        history is a list of differences (`differences`).
 * Maths  a stack: x₀ = embed(ids), xᵢ₊₁ = layer(xᵢ).
 * Axes   B batch · T positions · D model width · H heads
 * Differs from the paper: there is none for the record; each model's file names its own paper.
 * @module
 */
import type { Embedding, EmbeddingDeclared, Tokens } from "../core/embedding.ts";
import type { Activation } from "../core/feed_forward.ts";
import type { Stack } from "../core/layer_sharing.ts";
import { type KeysAndValues, type KeyValueCache, partsOf } from "../core/key_value_cache.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "../core/layer_norm.ts";
import { bothSides, type Sight, visibleBias } from "../core/masks.ts";
import type { Parameters } from "../core/parameters.ts";
import {
  lastToken,
  pool,
  type PoolerDeclared,
  poolerParameters,
  type Pooling,
} from "../core/pooler.ts";
import type { Positions } from "../core/positions.ts";
import { add, broadcast, indices, type Key, type Tensor, withAxes } from "../core/tensor/mod.ts";
import { type Layer, type LayerDeclared, layerParameters } from "../core/transformer_layer.ts";

/** The sizes of a model. */
export interface Sizes {
  /** Tokens in the vocabulary, V. */
  vocabulary: number;
  /** Vectors for positions, P. */
  positions: number;
  /** Segments, S. */
  segments: number;
  /** Model width, D. */
  width: number;
  /** Embedding width, E, where it is not D. */
  embedding?: number;
  /** Attention heads, H; they share D among them. */
  heads: number;
  /** Inner width of the feed-forward network, F. */
  inner: number;
  /** Layers, L. */
  layers: number;
  /** ε of the layer norms. */
  epsilon: number;
  /** Id of the padding token, whose lookup learns nothing; without it every lookup learns. */
  padding?: number;
  /** Dropout of sums and of attention while training. */
  dropout: { hidden: number; attention: number };
}

/** A model: its concepts by name. */
export interface ModelSpec {
  /** What people call it. */
  name: string;
  /** The arXiv number of its paper. */
  paper: string;
  /** The family of checkpoints it is stored with: Hugging Face's `model_type`. */
  layout: string;
  /** How tokens become the first state, and in which width they are named again. */
  embed: Embedding;
  /** How positions are counted. */
  positions: Positions;
  /** Whether there are vectors for segments. */
  segmented: boolean;
  /** Which positions a position may see. */
  sight: Sight;
  /** The kind of layer. */
  layer: Layer;
  /** Whose parameters the layers have. */
  stack: Stack;
  /** Whether the last state is normalised once more, as pre-norm layers need it. */
  finalNorm: boolean;
  /** Between the linear layers of the feed-forward network. */
  activation: Activation;
  /** In the masked-LM head, if it is another. */
  headActivation?: Activation;
  /** How one position, mostly the first, becomes the vector of the text. */
  pooled: Pooling;
  /** What it is pre-trained on: names of functions in objectives/. */
  objectives: readonly string[];
}

/** The declared parameters of an encoder. */
export interface EncoderDeclared {
  /** Tokens, positions, segments. */
  embedding: EmbeddingDeclared;
  /** From bottom to top; shared layers are the same record. */
  layers: LayerDeclared[];
  /** Of the last state. */
  norm?: LayerNormDeclared;
  /** On the first position. */
  pooler?: PoolerDeclared;
}

/** The parameters of an encoder. */
export type EncoderParameters = Parameters<EncoderDeclared>;

/** A batch for an encoder. */
export interface EncoderInput extends Tokens {
  /**
   * 1 where a token is, 0 where padding is; or who may look at whom; without it all are visible. With a
   * cache it is about all places of the cache.
   */
  mask?: Tensor<"B T"> | Tensor<"B Tq Tk">;
  /** What the model remembers of the text so far: the ids go on from there. */
  cache?: KeyValueCache;
}

/** What an encoder gives. */
export interface EncoderOutput {
  /** The embedding, then the output of each layer. */
  states: Tensor<"B T D">[];
  /** Attention probabilities of each layer. */
  attentions: Tensor<"B H Tq Tk">[];
  /** The last state. */
  last: Tensor<"B T D">;
  /** The vector of the text, if the model has a pooler. */
  pooled?: Tensor<"B D">;
  /** With a cache: what its layers are to hold from now on. */
  cached?: KeysAndValues[];
}

/**
 * Declare the encoder of a model; nothing is allocated.
 *
 * @throws {RangeError} where the heads do not divide the width.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_BASE } from "@lineage/lineage/models/bert";
 * import { encoderParameters } from "@lineage/lineage/models/spec";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(encoderParameters(BERT, BERT_BASE)), 109_482_240);
 * ```
 */
export function encoderParameters(
  spec: ModelSpec,
  sizes: Sizes,
  pooled: boolean = spec.pooled.pretrained,
): EncoderDeclared {
  if (sizes.width % sizes.heads !== 0) {
    throw new RangeError(
      `${sizes.heads} heads do not divide the width ${sizes.width}; give a width that is a multiple`,
    );
  }
  return {
    embedding: spec.embed.parameters({ ...sizes, segments: spec.segmented ? sizes.segments : 0 }),
    layers: spec.stack(() => layerParameters(sizes.width, sizes.inner), sizes.layers),
    ...spec.finalNorm && { norm: layerNormParameters(sizes.width) },
    ...pooled && { pooler: poolerParameters(sizes.width) },
  };
}

/**
 * Run an encoder. With a key, dropout is on: that is training; without, off.
 *
 * @throws {RangeError} where the text is longer than the positions, an id is not in the vocabulary, or
 * the cache is not of this model.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey, read, tensor } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { encode, encoderParameters } from "@lineage/lineage/models/spec";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(initialise(encoderParameters(BERT, BERT_TINY), randomKey(1)));
 * const { last } = encode(BERT, BERT_TINY, params, { ids: tensor("B T", [[1, 2, 3]]) });
 * assertEquals(last.axes, ["B", "T", "D"]);
 * assertEquals((await read(last)).length, 3 * BERT_TINY.width);
 * ```
 */
export function encode(
  spec: ModelSpec,
  sizes: Sizes,
  params: EncoderParameters,
  input: EncoderInput,
  key?: Key,
): EncoderOutput {
  const { heads, epsilon, padding } = sizes, { positions, activation } = spec;
  const { tokens, queries, keys, caches } = placed(spec, sizes, input);
  const drop = key && { rate: sizes.dropout.hidden, key: key.derive(0) };
  const first = { epsilon, padding, positions, dropout: drop };
  const states = [spec.embed.embed(tokens, params.embedding, first)];
  const seen = params.layers.map((layer, i) => {
    const bias = visibleBias(spec.sight(queries, keys, i), input.mask);
    const dropout = key && { ...sizes.dropout, key: key.derive(i + 1) };
    const options = { heads, activation, epsilon, bias, dropout, cache: caches?.[i] };
    const { out, ...others } = spec.layer(states.at(-1)!, layer, options);
    states.push(out);
    return others;
  });
  if (params.norm) states.push(layerNorm(states.pop()!, params.norm, epsilon));
  const last = states.at(-1)!;
  const pooled = params.pooler && poolText(spec, params.pooler, last, input.mask);
  const attentions = seen.map(({ weights }) => weights);
  return { states, attentions, last, pooled, cached: caches && seen.map((s) => s.cached!) };
}

/** The vector of a text, from the position that speaks for it. */
function poolText(
  { pooled: { activation, reads } }: ModelSpec,
  pooler: Parameters<PoolerDeclared>,
  last: Tensor<"B T D">,
  mask: EncoderInput["mask"],
): Tensor<"B D"> {
  if (reads !== "last") return pool(last, pooler, activation);
  const ofTokens = mask?.axes.length === 2 ? withAxes(mask, "B T") : undefined;
  return pool(last, pooler, activation, lastToken(last, ofTokens));
}

/** Where the tokens stand: from 0 on, or after what the cache holds. */
function placed(spec: ModelSpec, sizes: Sizes, { cache, ...tokens }: EncoderInput) {
  const [batch, length] = tokens.ids.shape, fresh = indices("Tq", length);
  if (!cache) return { tokens, queries: fresh, keys: indices("Tk", length) };
  if (spec.sight === bothSides) {
    throw new RangeError(
      `a ${spec.name} sees both sides: what is new changes all, nothing can be cached`,
    );
  }
  const caches = partsOf(cache, sizes, batch, length), { start } = caches[0];
  if (cache.length + length > sizes.positions) {
    throw new RangeError(
      `${cache.length} positions are written and ${length} follow: more than the` +
        ` ${sizes.positions} positions of this ${spec.name}`,
    );
  }
  const from = broadcast(add(indices("T", length), start), "B T", { B: batch });
  const keys = indices("Tk", cache.layers[0].keys.size("Tk"));
  return { tokens: { places: from, ...tokens }, queries: add(fresh, start), keys, caches };
}

/**
 * The keys in which a model differs from its parent; name, paper and layout aside.
 *
 * @example
 * ```ts
 * import { BERT } from "@lineage/lineage/models/bert";
 * import { differences } from "@lineage/lineage/models/spec";
 * import { assertEquals } from "@std/assert";
 * assertEquals(differences(BERT, { ...BERT, segmented: false }), ["segmented"]);
 * ```
 */
export function differences(parent: ModelSpec, child: ModelSpec): string[] {
  const keys = Object.keys(child) as (keyof ModelSpec)[];
  const same = (a: unknown, b: unknown) =>
    Array.isArray(a) && Array.isArray(b) ? a.join() === b.join() : a === b;
  const isConcept = (key: string) => !["name", "paper", "layout"].includes(key);
  return keys.filter((key) => isConcept(key) && !same(parent[key], child[key]));
}
