/**
 * T5, the text-to-text transfer Transformer — Raffel et al. 2019 (1910.10683), §2; v1.1: its authors' code, 2020.
 * Idea   Every task is text in, text out: classes, tags, summaries and translations are written down. So one
 *        encoder–decoder with one loss learns them all. It is pre-trained to write what spans of a text,
 *        replaced by sentinels, have held.
 * Maths  L = mean over the answer's tokens of −log p(token | tokens before it, source)
 * Axes   as in encoder_decoder.ts
 * Differs from the paper: nothing. Version 1.1 (the authors' release notes; 2002.05202 for its network) has a gated
 *        GELU, an output layer of its own, and no dropout in pre-training.
 * Trap   With tied vectors the last state is multiplied by D^−½ before it meets them; version 1.1 does not.
 *        And its scores are not divided by √K: with a common start of the weights attention begins too sharp.
 * @module
 */
import { instantiate } from "../core/parameters.ts";
import { normFirst, scaledNorm } from "../core/sublayers.ts";
import { full, geluTanh, type Key, normal, relu } from "../core/tensor/mod.ts";
import {
  type EncoderDecoderParameters,
  encoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
  type Output,
} from "./encoder_decoder.ts";
import { distances } from "./stack_positions.ts";

/** The word vectors again, for states made smaller. */
export const tiedSmaller: Output = { own: false, factor: (width) => width ** -0.5 };

/** An output layer of its own. */
export const ownOutput: Output = { own: true, factor: () => 1 };

/** T5 as it was published. */
export const T5: EncoderDecoderSpec = {
  name: "T5",
  paper: "1910.10683",
  layout: "t5",
  positions: distances,
  norm: scaledNorm,
  order: normFirst,
  biases: false,
  scaled: false,
  gated: false,
  activation: relu,
  output: tiedSmaller,
  objectives: ["spanCorruption"],
};

/** Version 1.1. */
export const T5_1_1: EncoderDecoderSpec = {
  ...T5,
  name: "T5 v1.1",
  gated: true, // was: one way up
  activation: geluTanh, // was: relu
  output: ownOutput, // was: tied
};

/** T5-small. */
export const T5_SMALL: EncoderDecoderSizes = {
  vocabulary: 32128,
  width: 512,
  heads: 8,
  headWidth: 64,
  inner: 2048,
  encoderLayers: 6,
  decoderLayers: 6,
  positions: 32,
  furthest: 128,
  epsilon: 1e-6,
  padding: 0,
  start: 0,
  end: 1,
  dropout: 0.1,
};

/** T5-base. */
export const T5_BASE: EncoderDecoderSizes = {
  ...T5_SMALL,
  width: 768,
  heads: 12,
  inner: 3072,
  encoderLayers: 12,
  decoderLayers: 12,
};

/** T5-large. */
export const T5_LARGE: EncoderDecoderSizes = {
  ...T5_BASE,
  width: 1024,
  heads: 16,
  inner: 4096,
  encoderLayers: 24,
  decoderLayers: 24,
};

/** Small enough to train in a minute. */
export const T5_TINY: EncoderDecoderSizes = {
  ...T5_SMALL,
  vocabulary: 1500,
  width: 96,
  heads: 4,
  headWidth: 24,
  inner: 256,
  encoderLayers: 2,
  decoderLayers: 2,
  dropout: 0,
};

/**
 * The first values of a T5, each with the deviation that its authors' code gives it: the scores' missing
 * 1/√K is in the queries' weights. `keep` before use.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const params = startT5(T5, T5_TINY, randomKey(1));
 * assertEquals(params.words.shape, [T5_TINY.vocabulary, T5_TINY.width]);
 * ```
 */
export function startT5(
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
  key: Key,
): EncoderDecoderParameters {
  const { width, heads, headWidth, inner } = sizes;
  const deviation = (path: string) => {
    if (path === "words" || path.startsWith("output")) return 1;
    if (path.includes("query")) return (width * headWidth) ** -0.5;
    if (path.includes("output")) return (heads * headWidth) ** -0.5;
    return (path.includes("down") ? inner : width) ** -0.5;
  };
  let made = 0;
  return instantiate(
    encoderDecoderParameters(spec, sizes),
    ({ axes, shape, start }, path) =>
      start === "normal"
        ? normal(key.derive(made++), axes, shape, deviation(path))
        : full(axes, shape, start === "ones" ? 1 : 0),
  );
}
