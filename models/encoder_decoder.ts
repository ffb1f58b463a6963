/**
 * Encoder–decoders as records of concepts — Vaswani et al. 2017 (1706.03762), §3.
 * Idea   One stack reads the source, looking both ways; the other writes the answer from left to right and looks
 *        into what was read at every layer (reading_and_writing.ts). T5, BART and MASS are records of how that
 *        is done: which norm and where, how positions are told, biases or none, a gate or none.
 * Maths  parameters = words + 2 · positions + layers that read + layers that write, with their norms
 * Axes   V vocabulary · D model width · P rows of the positions' table · H heads
 * Differs from the paper: there is none for the record; each model's file names its own paper.
 * @module
 */
import { type ProjectionsDeclared, projectionsParameters } from "../core/cross_attention.ts";
import type { Activation } from "../core/feed_forward.ts";
import { gatedParameters } from "../core/gated_feed_forward.ts";
import { declare, type Declared, type Parameters } from "../core/parameters.ts";
import type { Norm, NormDeclared, Order, SublayersDeclared } from "../core/sublayers.ts";
import type { StackPositions } from "./stack_positions.ts";

/** The sizes of an encoder–decoder. */
export interface EncoderDecoderSizes {
  /** Tokens in the vocabulary, V. */
  vocabulary: number;
  /** Model width, D. */
  width: number;
  /** Attention heads, H. */
  heads: number;
  /** Width of a head, K; H·K need not be D. */
  headWidth: number;
  /** Inner width of the feed-forward network, F. */
  inner: number;
  /** Layers that read. */
  encoderLayers: number;
  /** Layers that write. */
  decoderLayers: number;
  /** Rows of the table of positions, P: buckets of distances, or places. */
  positions: number;
  /** The distance from which on all share a bucket. */
  furthest: number;
  /** ε of the norms. */
  epsilon: number;
  /** Id of the padding token. */
  padding: number;
  /** Id of the token that an answer begins after. */
  start: number;
  /** Id of the token that ends an answer. */
  end: number;
  /** Rate of dropout while training. */
  dropout: number;
}

/** Where the scores of tokens come from. */
export interface Output {
  /** Whether the output layer has weights of its own; if not, those are the word vectors. */
  own: boolean;
  /** What the last state is multiplied by. */
  factor(width: number): number;
}

/** An encoder–decoder: its concepts by name. */
export interface EncoderDecoderSpec {
  /** What people call it. */
  name: string;
  /** The arXiv number of its paper. */
  paper: string;
  /** The family of checkpoints it is stored with: Hugging Face's `model_type`. */
  layout: string;
  /** How a stack tells positions apart. */
  positions: StackPositions;
  /** The kind of norm. */
  norm: Norm;
  /** Where the norms stand. */
  order: Order;
  /** Whether linear layers have biases. */
  biases: boolean;
  /** Whether scores are divided by √K. */
  scaled: boolean;
  /** Whether the feed-forward network has a gate. */
  gated: boolean;
  /** In the feed-forward network. */
  activation: Activation;
  /** From the last state to scores. */
  output: Output;
  /** What it is pre-trained on: names of functions in objectives/. */
  objectives: readonly string[];
}

/** The declared parameters of a stack. */
export interface StackDeclared {
  /** Of distances or places. */
  positions: Declared<"P H"> | Declared<"P D">;
  /** From bottom to top. */
  layers: SublayersDeclared[];
  /** Of the first state or of the last: `Order.extra` says of which. */
  norm: NormDeclared;
}

/** The declared parameters of an encoder–decoder. */
export interface EncoderDecoderDeclared {
  /** A vector for each token, for both stacks. */
  words: Declared<"V D">;
  /** Reads. */
  encoder: StackDeclared;
  /** Writes. */
  decoder: StackDeclared;
  /** The output layer, if it is not the word vectors. */
  output?: { weight: Declared<"V D"> };
}

/** The parameters of an encoder–decoder. */
export type EncoderDecoderParameters = Parameters<EncoderDecoderDeclared>;

/**
 * Declare an encoder–decoder; nothing is allocated.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { encoderDecoderParameters } from "@lineage/lineage/models/encoder_decoder";
 * import { T5, T5_SMALL } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(encoderDecoderParameters(T5, T5_SMALL)), 60_506_624);
 * ```
 */
export function encoderDecoderParameters(
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
): EncoderDecoderDeclared {
  const { vocabulary, width } = sizes, table = () => declare("V D", [vocabulary, width]);
  return {
    words: table(),
    encoder: stackParameters(spec, sizes, sizes.encoderLayers, false),
    decoder: stackParameters(spec, sizes, sizes.decoderLayers, true),
    ...spec.output.own && { output: { weight: table() } },
  };
}

function stackParameters(
  { positions, norm, biases, gated }: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  layers: number,
  writes: boolean,
): StackDeclared {
  const { width, heads, headWidth, inner } = sizes;
  const attention = (): ProjectionsDeclared =>
    projectionsParameters(width, heads * headWidth, biases);
  const layer = (): SublayersDeclared => ({
    attention: attention(),
    attentionNorm: norm.parameters(width),
    ...writes && { cross: attention(), crossNorm: norm.parameters(width) },
    feedForward: gatedParameters(width, inner, { gated, biases }),
    feedForwardNorm: norm.parameters(width),
  });
  return {
    positions: positions.declare(sizes),
    layers: Array.from({ length: layers }, layer),
    norm: norm.parameters(width),
  };
}

/**
 * The keys in which an encoder–decoder differs from its parent; name, paper and layout aside.
 *
 * @example
 * ```ts
 * import { changes } from "@lineage/lineage/models/encoder_decoder";
 * import { T5, T5_1_1 } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * assertEquals(changes(T5, T5_1_1), ["gated", "activation", "output"]);
 * ```
 */
export function changes(parent: EncoderDecoderSpec, child: EncoderDecoderSpec): string[] {
  const keys = Object.keys(child) as (keyof EncoderDecoderSpec)[];
  const same = (a: unknown, b: unknown) =>
    Array.isArray(a) && Array.isArray(b) ? a.join() === b.join() : a === b;
  const isConcept = (key: string) => !["name", "paper", "layout"].includes(key);
  return keys.filter((key) => isConcept(key) && !same(parent[key], child[key]));
}
