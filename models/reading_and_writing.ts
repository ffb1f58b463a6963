/**
 * Reading a source and writing an answer — Vaswani et al. 2017 (1706.03762), §3.
 * Idea   The encoder reads the whole source, every place looking at every other. The decoder writes: at each place it
 *        looks back at what was written, then into what was read, and says what may come next.
 * Maths  p(y | x) = Π_t softmax(W · write(y₍<t₎, read(x)))[y_t]
 * Axes   B batch · T positions · V vocabulary · D model width · H heads · P rows of the positions' table
 * Differs from the paper: nothing; with a cache the answer goes on where it was left.
 * Trap   The decoder is given the answer shifted right: at position t it sees y up to t − 1. Given y itself it has
 *        nothing to learn, and its loss falls to 0.
 * @module
 */
import { keysAndValues } from "../core/cross_attention.ts";
import { type KeysAndValues, type KeyValueCache, partsOf } from "../core/key_value_cache.ts";
import { lookUp } from "../core/look_up.ts";
import { type AttentionBias, leftToRight, paddingBias, visibleBias } from "../core/masks.ts";
import { sublayers } from "../core/sublayers.ts";
import {
  add,
  broadcast,
  concat,
  dropout,
  einsum,
  equal,
  ignored,
  indices,
  type Key,
  scalar,
  scale,
  slice,
  type Tensor,
} from "../core/tensor/mod.ts";
import type {
  EncoderDecoderParameters,
  EncoderDecoderSizes,
  EncoderDecoderSpec,
} from "./encoder_decoder.ts";

/** A source text. */
export interface SourceTokens {
  /** Which token stands where. */
  ids: Tensor<"B T">;
  /** 1 where a token is, 0 where padding is; without it all are visible. */
  mask?: Tensor<"B T">;
}

/** What was read: states of the source, and which of them are padding. */
export interface ReadSource {
  /** The encoder's last state. */
  last: Tensor<"B T D">;
  /** As in the source. */
  mask?: Tensor<"B T">;
}

/** What a stack gives. */
export interface StackOutput {
  /** The embedding, then the output of each layer; the last is normalised where the order says so. */
  states: Tensor<"B T D">[];
  /** Who looked at whom in the own text, in each layer. */
  attentions: Tensor<"B H Tq Tk">[];
  /** The last state. */
  last: Tensor<"B T D">;
}

/** What the decoder gives. */
export interface DecoderOutput extends StackOutput {
  /** Who looked where in the source, in each layer. */
  crossAttentions: Tensor<"B H Tq Tk">[];
  /** Keys and values of each layer: what a cache is to hold from now on. */
  cached: KeysAndValues[];
}

/** What the decoder is given. */
export interface Written {
  /** The answer so far, the start token first. */
  ids: Tensor<"B T">;
  /** 1 where a token is; without it all are visible. */
  mask?: Tensor<"B T">;
  /** Where the tokens stand, if not at 0, 1, 2, …; for models that have vectors for places. */
  places?: Tensor<"B T">;
  /** What was written before these ids. */
  cache?: KeyValueCache;
  /** Keys and values of the source, from `sourceKeys`, to spare making them again. */
  source?: readonly KeysAndValues[];
}

/**
 * Read a source. With a key, dropout is on: that is training; without, off.
 *
 * @throws {RangeError} where an id is not in the vocabulary, or the text is empty or longer than the places.
 *
 * @example
 * ```ts
 * import { keep, randomKey, read, tensor } from "@lineage/lineage/core/tensor";
 * import { readSource } from "@lineage/lineage/models/reading_and_writing";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(startT5(T5, T5_TINY, randomKey(1)));
 * const { last } = readSource(T5, T5_TINY, params, { ids: tensor("B T", [[5, 6, 1]]) });
 * assertEquals(last.shape, [1, 3, T5_TINY.width]);
 * ```
 */
export function readSource(
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  params: EncoderDecoderParameters,
  { ids, mask }: SourceTokens,
  key?: Key,
): StackOutput & ReadSource {
  const { positions } = params.encoder, T = ids.size("T");
  checkLength(spec, sizes, T);
  const hidden = mask && paddingBias(mask);
  const bias = both(spec.positions.bias(positions, T, T, sizes, true), hidden);
  const first = spec.positions.add(lookUp(params.words, ids), positions, sizes);
  return { ...run(spec, sizes, params.encoder, first, { bias }, key), mask };
}

/**
 * Write: the states of an answer so far, from which the next tokens are scored.
 *
 * @throws {RangeError} where an id is not in the vocabulary, the answer is longer than the places, or the
 * cache is not of this model.
 *
 * @example
 * ```ts
 * import { keep, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { readSource, writeAnswer } from "@lineage/lineage/models/reading_and_writing";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(startT5(T5, T5_TINY, randomKey(1)));
 * const source = readSource(T5, T5_TINY, params, { ids: tensor("B T", [[5, 6, 1]]) });
 * const { crossAttentions } = writeAnswer(T5, T5_TINY, params, source, { ids: tensor("B T", [[0, 7]]) });
 * assertEquals(crossAttentions[0].shape, [1, T5_TINY.heads, 2, 3]);
 * ```
 */
export function writeAnswer(
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  params: EncoderDecoderParameters,
  source: ReadSource,
  { ids, mask, places, cache, source: known }: Written,
  key?: Key,
): DecoderOutput {
  const { positions } = params.decoder, [batch, T] = ids.shape, start = cache?.length ?? 0;
  checkLength(spec, sizes, start + T);
  const caches = cache && partsOf(cache, cacheSizes(sizes), batch, T);
  const room = caches ? caches[0].keys.size("Tk") : T;
  const from = caches ? caches[0].start : scalar(0);
  const sight = leftToRight(add(indices("Tq", T), from), indices("Tk", room), 0);
  const distances = spec.positions.bias(positions, T, room, sizes, false, start);
  const standing = places ??
    (caches && broadcast(add(indices("T", T), from), "B T", { B: batch }));
  const first = spec.positions.add(lookUp(params.words, ids), positions, sizes, standing);
  const options = {
    bias: both(distances, visibleBias(sight, mask)),
    sourceBias: source.mask && paddingBias(source.mask),
  };
  const seen = known ?? sourceKeys(sizes, params, source);
  return run(spec, sizes, params.decoder, first, options, key, { caches, seen });
}

function checkLength(
  { name, positions }: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  T: number,
) {
  const most = positions.longest(sizes);
  if (T === 0) throw new RangeError("a text without a token; give it the one that ends a text");
  if (T <= most) return;
  throw new RangeError(`a text of ${T} tokens is longer than the ${most} places of this ${name}`);
}

/**
 * The sizes of the decoder's cache.
 *
 * @example
 * ```ts
 * import { emptyCache } from "@lineage/lineage/core/key_value_cache";
 * import { cacheSizes } from "@lineage/lineage/models/reading_and_writing";
 * import { T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const { layers } = await emptyCache(cacheSizes(T5_TINY), 16);
 * assertEquals(layers.length, T5_TINY.decoderLayers);
 * ```
 */
export const cacheSizes = ({ decoderLayers, heads, headWidth }: EncoderDecoderSizes): {
  layers: number;
  heads: number;
  width: number;
} => ({ layers: decoderLayers, heads, width: heads * headWidth });

/**
 * Keys and values of a source for every layer of the decoder: the same for all that is written from it.
 *
 * @example
 * ```ts
 * import { keep, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { readSource, sourceKeys } from "@lineage/lineage/models/reading_and_writing";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(startT5(T5, T5_TINY, randomKey(1)));
 * const source = readSource(T5, T5_TINY, params, { ids: tensor("B T", [[5, 6, 1]]) });
 * assertEquals(sourceKeys(T5_TINY, params, source).length, T5_TINY.decoderLayers);
 * ```
 */
export function sourceKeys(
  { heads }: EncoderDecoderSizes,
  { decoder }: EncoderDecoderParameters,
  { last }: ReadSource,
): KeysAndValues[] {
  return decoder.layers.map((layer) => keysAndValues(last, layer.cross!, heads));
}

/** Run a stack from its first state. */
function run(
  { norm, order, scaled, activation }: EncoderDecoderSpec,
  { heads, epsilon, dropout: rate }: EncoderDecoderSizes,
  stack: EncoderDecoderParameters["encoder"],
  first: Tensor<"B T D">,
  biases: { bias?: AttentionBias; sourceBias?: AttentionBias },
  key?: Key,
  from: { caches?: ReturnType<typeof partsOf>; seen?: readonly KeysAndValues[] } = {},
): DecoderOutput {
  const drop = (x: Tensor<"B T D">, place: number) => dropout(x, rate, key?.derive(place));
  const extra = (x: Tensor<"B T D">) => norm.apply(x, stack.norm, epsilon);
  const states = [drop(order.extra === "begin" ? extra(first) : first, 0)];
  const layers = stack.layers.map((layer, i) => {
    const options = {
      ...{ heads, epsilon, norm, order, activation, ...biases },
      ...!scaled && { factor: 1 },
      dropout: key && { rate, key: key.derive(i + 2) },
    };
    const found = sublayers(states.at(-1)!, layer, options, {
      source: from.seen?.[i],
      cache: from.caches?.[i],
    });
    states.push(found.out);
    return found;
  });
  if (order.extra === "end") states.push(drop(extra(states.pop()!), 1));
  return {
    states,
    attentions: layers.map(({ weights }) => weights),
    crossAttentions: layers.flatMap(({ crossWeights }) => crossWeights ?? []),
    last: states.at(-1)!,
    cached: layers.map(({ own }) => own),
  };
}

/** Distances and what is hidden, added up. */
function both(distances?: Tensor<"H Tq Tk">, hidden?: AttentionBias): AttentionBias | undefined {
  if (!distances || !hidden) return distances ?? hidden;
  const [axis] = hidden.axes, ofText = { B: hidden.shape[0] };
  if (axis !== "B") return add(distances, hidden as Tensor<"Tq Tk">);
  return add(broadcast(distances, "B H Tq Tk", ofText), hidden as Tensor<"B Tq Tk">);
}

/**
 * Scores of every token as the next one, from states of the decoder.
 *
 * @example
 * ```ts
 * import { keep, normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { scoreTokens } from "@lineage/lineage/models/reading_and_writing";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(startT5(T5, T5_TINY, randomKey(1)));
 * const last = normal(randomKey(2), "B T D", [1, 2, T5_TINY.width]);
 * assertEquals(scoreTokens(T5, params, last).shape, [1, 2, T5_TINY.vocabulary]);
 * ```
 */
export function scoreTokens(
  { output }: EncoderDecoderSpec,
  params: EncoderDecoderParameters,
  last: Tensor<"B T D">,
): Tensor<"B T V"> {
  const factor = output.factor(last.size("D")), x = factor === 1 ? last : scale(last, factor);
  return einsum("B T D, V D -> B T V", x, params.output?.weight ?? params.words);
}

/**
 * What the decoder is given to learn an answer: the answer moved one to the right, after the start token;
 * what is `ignored` in it becomes padding.
 *
 * @example
 * ```ts
 * import { ignored, read, tensor } from "@lineage/lineage/core/tensor";
 * import { shiftRight } from "@lineage/lineage/models/reading_and_writing";
 * import { assertEquals } from "@std/assert";
 * const answer = tensor("B T", [[7, 8, 1], [9, 1, ignored]]);
 * assertEquals([...await read(shiftRight(answer, { start: 0, padding: 0 }))], [0, 7, 8, 0, 9, 1]);
 * ```
 */
export function shiftRight(
  answer: Tensor<"B T">,
  { start, padding }: Pick<EncoderDecoderSizes, "start" | "padding">,
): Tensor<"B T"> {
  const first = broadcast(scalar(start), "B T", { B: answer.size("B"), T: 1 });
  const known = add(answer, scale(equal(answer, ignored), padding - ignored));
  return concat([first, slice(known, "T", 0, answer.size("T") - 1)], "T");
}
