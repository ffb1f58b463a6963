/**
 * XLNet — Yang et al. 2019 (1906.08237).
 * Idea   BERT sees both sides but is trained on [MASK]s that no later text has; GPT sees real words but
 *        one side. XLNet guesses the words of a text in a random order: each from those that come earlier
 *        in it, on whichever side they stand. The rest is Transformer-XL: relative positions, memory.
 * Maths  L = −E over orders z of Σ over the last places n of z of log p(x[z[n]] | x[z[<n]])
 * Axes   B batch · T positions · Tq,Tk query,key positions · M predicted positions · D model width ·
 *        H heads · V vocabulary
 * Differs from the paper: nothing; the numbers are those of Hugging Face's XLNetLMHeadModel.
 * Trap   [CLS] stands at the end, and padding at the beginning: with relative positions it does not
 *        matter where a text begins.
 * @module
 */
import { hide } from "../core/masks.ts";
import { declare, type Declared, type Parameters } from "../core/parameters.ts";
import { afterMemory, type Memory, memoryLength, remember } from "../core/recurrence.ts";
import {
  contextOf,
  type RelativeOptions,
  relativeSelfAttention,
} from "../core/relative_attention.ts";
import {
  finishLayer,
  type RelativeLayerDeclared,
  relativeLayerParameters,
  type RelativeLayerSizes,
} from "../core/relative_layer.ts";
import { relativePositions } from "../core/relative_positions.ts";
import {
  differentSegments,
  type RelativeSegmentsDeclared,
  relativeSegmentsParameters,
  segmentScores,
} from "../core/relative_segments.ts";
import {
  add,
  at,
  broadcast,
  concat,
  dropout,
  einsum,
  equal,
  full,
  gather,
  gelu,
  indices,
  type Key,
  maximum,
  multiply,
  rename,
  type Tensor,
} from "../core/tensor/mod.ts";
import { queryStream } from "../core/two_stream.ts";

/** The sizes of an XLNet. */
export interface XLNetSizes extends RelativeLayerSizes {
  /** Tokens, V. */
  vocabulary: number;
  /** Layers, L. */
  layers: number;
  /** Positions that each layer remembers; all that it has read, where it is left out. */
  memory?: number;
  /** The largest distance that is told from others; all are, where it is left out. */
  clamp?: number;
  /** ε of the layer norms. */
  epsilon: number;
  /** Id of the padding token. */
  padding: number;
  /** Dropout while training. */
  dropout: number;
}

/** XLNet-base: 12 layers of width 768, 117M parameters. */
export const XLNET_BASE: XLNetSizes = {
  vocabulary: 32000,
  width: 768,
  heads: 12,
  headWidth: 64,
  inner: 3072,
  layers: 12,
  epsilon: 1e-12,
  padding: 5,
  dropout: 0.1,
};

/** XLNet-large: 24 layers of width 1024, 360M parameters. */
export const XLNET_LARGE: XLNetSizes = {
  ...XLNET_BASE,
  width: 1024,
  heads: 16,
  inner: 4096,
  layers: 24,
};

/** An XLNet that trains in minutes; the vocabulary is that of its text. */
export const XLNET_TINY: XLNetSizes = {
  ...XLNET_BASE,
  vocabulary: 1000,
  width: 128,
  heads: 4,
  headWidth: 32,
  inner: 512,
  layers: 2,
  padding: 0,
  dropout: 0,
};

/** The declared parameters of a layer. */
export interface XLNetLayerDeclared extends RelativeLayerDeclared {
  /** Whether two tokens are in the same segment. */
  segments: RelativeSegmentsDeclared;
}

/** The declared parameters. */
export interface XLNetDeclared {
  /** The table of words, which is the output layer, too. */
  word: Declared<"V D">;
  /** Where every query stream begins. */
  query: Declared<"B T D">;
  /** From bottom to top. */
  layers: XLNetLayerDeclared[];
  /** Of the scores of words, if the model names them. */
  bias?: Declared<"V">;
}

/** The parameters. */
export type XLNetParameters = Parameters<XLNetDeclared>;

/** A batch for an XLNet. */
export interface XLNetInput {
  /** Which token stands where. */
  ids: Tensor<"B T">;
  /** In which segment; without it, segments are not looked at. */
  segments?: Tensor<"B T">;
  /** 1 where a token is, 0 where padding is. */
  mask?: Tensor<"B T">;
  /** 1 where a guess may look (`permutationMasks(…).query`); contents also see themselves. */
  visible?: Tensor<"B Tq Tk">;
  /** Which positions are to be guessed (`targetMapping`); without it there is no query stream. */
  targets?: Tensor<"B M T">;
  /** Of the segments before. */
  memory?: Memory;
}

/** One state of each stream. */
export interface Streams {
  /** Of all positions, which know their words. */
  content: Tensor<"B T D">;
  /** Of the positions to be guessed, which do not. */
  query?: Tensor<"B T D">;
}

/** What an XLNet gives. */
export interface XLNetOutput {
  /** The embedding, then the output of each layer. */
  states: Streams[];
  /** Attention probabilities of each layer; keys are memory, then text. */
  attentions: { content: Tensor<"B H Tq Tk">; query?: Tensor<"B H Tq Tk"> }[];
  /** The last state: of the positions to be guessed, if there are any, else of all. */
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
 * import { XLNET_BASE, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(xlnetParameters(XLNET_BASE, false)), 116_718_336);
 * ```
 */
export function xlnetParameters(sizes: XLNetSizes, namesWords = true): XLNetDeclared {
  const { vocabulary, width, layers } = sizes;
  return {
    word: declare("V D", [vocabulary, width]),
    query: declare("B T D", [1, 1, width]), // with a batch's axes, as it is stored
    layers: Array.from({ length: layers }, () => ({
      ...relativeLayerParameters(sizes),
      segments: relativeSegmentsParameters(sizes),
    })),
    ...namesWords && { bias: declare("V", [vocabulary], "zeros") },
  };
}

/**
 * Run both streams, or the content stream alone. With a key, dropout is on.
 *
 * @throws {AxisError} where an id is not in the vocabulary or the memory is of another batch or model.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { permutationMasks, targetMapping } from "@lineage/lineage/core/permutation";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { xlnet, XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(xlnetParameters(XLNET_TINY), randomKey(1));
 * const order = [2, 0, 1];
 * const { last } = xlnet(XLNET_TINY, params, {
 *   ids: tensor("B T", [[7, 8, 9]]),
 *   visible: permutationMasks([order]).query,
 *   targets: targetMapping([[1]], 3), // guess the last of the order
 * });
 * assertEquals(last.shape, [1, 1, 128]);
 * ```
 */
export function xlnet(
  sizes: XLNetSizes,
  params: XLNetParameters,
  input: XLNetInput,
  key?: Key,
): XLNetOutput {
  const { ids, targets, memory } = input, { dropout: rate, epsilon, width, clamp } = sizes;
  const queries = ids.size("T"),
    past = memoryLength(memory, params.layers.length),
    keys = past + queries;
  const positions = relativePositions({ queries, keys, future: true, clamp }, width);
  const biases = biasesOf(input, past),
    segments = input.segments &&
      differentSegments(input.segments, past);
  const states = [begin(params, ids, targets, rate, key?.derive(0))];
  const attentions = params.layers.map((layer, i) => {
    const { content, query } = states[i], own = key?.derive(i + 1);
    const context = contextOf(afterMemory(memory?.[i], content), positions, layer.attention);
    const also: RelativeOptions["also"] = segments &&
      ((q) => segmentScores(q, layer.segments, segments));
    const drop = (place: number) => own && { rate, key: own.derive(place) };
    const finish = (x: Tensor<"B T D">, out: Tensor<"B T D">, place: number) =>
      finishLayer(x, out, layer, { activation: gelu, epsilon, drop: drop(place) });
    const h = relativeSelfAttention(content, context, layer.attention, {
      bias: biases?.content,
      also,
      drop: drop(0),
    });
    const g = query && queryStream(query, targets!, context, layer.attention, {
      bias: biases?.query,
      also,
      drop: drop(1),
    });
    states.push({
      content: finish(content, h.out, 2),
      ...g && { query: finish(query, g.out, 3) },
    });
    return { content: h.weights, ...g && { query: g.weights } };
  });
  const { content, query } = states.at(-1)!;
  const last = dropout(query ?? content, rate, key?.derive(params.layers.length + 1));
  const came = states.slice(0, -1).map((s) => s.content);
  return { states, attentions, last, memory: remember(memory, came, sizes.memory) };
}

/** The words, and the query stream's common beginning at each position to be guessed. */
function begin(
  { word, query }: XLNetParameters,
  ids: Tensor<"B T">,
  targets: Tensor<"B M T"> | undefined,
  rate: number,
  key?: Key,
): Streams {
  const content = dropout(gather(word, ids), rate, key?.derive(0));
  if (!targets) return { content };
  const [B, T] = targets.shape, start = at(at(query, "B", 0), "T", 0);
  const all = broadcast(start, "B T D", { B, T, D: start.size("D") });
  return { content, query: dropout(all, rate, key?.derive(1)) };
}

/** Who may look at whom, in each stream: all at the memory, contents also at themselves. */
function biasesOf({ ids, mask, visible }: XLNetInput, past: number) {
  if (!mask && !visible) return undefined;
  const [B, T] = ids.shape;
  const everyone = visible ?? full("B Tq Tk", [B, T, T], 1);
  const query = mask ? multiply(everyone, rename(mask, "B T -> B Tk")) : everyone;
  const itself = equal(
    broadcast(indices("Tq", T), "Tq Tk", { Tq: T, Tk: T }),
    indices("Tk", T),
  );
  const bias = (mask: Tensor<"B Tq Tk">) =>
    hide(past ? concat([full("B Tq Tk", [B, T, past], 1), mask], "Tk") : mask);
  return { content: bias(maximum(query, itself)), query: bias(query) };
}

/**
 * A score for every token of the vocabulary at every position of a last state.
 *
 * @throws {Error} where the model does not name words.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { nameWords, xlnet, XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(xlnetParameters(XLNET_TINY), randomKey(1));
 * const { last } = xlnet(XLNET_TINY, params, { ids: tensor("B T", [[7, 8, 9]]) });
 * assertEquals(nameWords(params, last).shape, [1, 3, 1000]);
 * ```
 */
export function nameWords(
  { word, bias }: XLNetParameters,
  last: Tensor<"B T D">,
): Tensor<"B T V"> {
  if (!bias) throw new Error("this XLNet has no bias to name words with; declare it with one");
  return add(einsum("B T D, V D -> B T V", last, word), bias);
}
