/**
 * BART — Lewis et al. 2019 (1910.13461), §2; and MASS — Song et al. 2019 (1905.02450), §3.
 * Idea   BART takes any noise: a document is spoilt (spans become one mask each, sentences change places, the text is
 *        turned to begin elsewhere) and the decoder writes it as it was. MASS hides one half of a
 *        sentence from the encoder, and the decoder writes that half alone: what one half lacks the
 *        other has, so both must work. The model is the same: the Transformer of Vaswani et al.
 * Maths  BART:  L = −Σ_t log p(x_t | x₍<t₎, noise(x))       MASS:  L = −Σ_t log p(x_t | x₍u≤·<t₎, x without u…v)
 * Axes   as in encoder_decoder.ts
 * Differs from the paper: dropout is where T5 has it. MASS is told of in §4.1 as a Transformer; that it has GELU and
 *        learned places is its authors' code's.
 * @module
 */
import { centredNorm, normLast } from "../core/sublayers.ts";
import { gelu } from "../core/tensor/mod.ts";
import type { EncoderDecoderSizes, EncoderDecoderSpec, Output } from "./encoder_decoder.ts";
import { places } from "./stack_positions.ts";

/** The word vectors again. */
export const tied: Output = { own: false, factor: () => 1 };

/** BART. */
export const BART: EncoderDecoderSpec = {
  name: "BART",
  paper: "1910.13461",
  layout: "bart",
  positions: places,
  norm: centredNorm,
  order: normLast,
  biases: true,
  scaled: true,
  gated: false,
  activation: gelu,
  output: tied,
  objectives: ["textInfilling", "sentencePermutation", "documentRotation"],
};

/** MASS. */
export const MASS: EncoderDecoderSpec = {
  ...BART,
  name: "MASS",
  paper: "1905.02450",
  layout: "mass",
  objectives: ["maskedSequenceToSequence"], // was: noise on documents
};

/** BART-base. */
export const BART_BASE: EncoderDecoderSizes = {
  vocabulary: 50265,
  width: 768,
  heads: 12,
  headWidth: 64,
  inner: 3072,
  encoderLayers: 6,
  decoderLayers: 6,
  positions: 1026, // 1,024 and two before them
  furthest: 1024,
  epsilon: 1e-5,
  padding: 1,
  start: 2,
  end: 2,
  dropout: 0.1,
};

/** BART-large. */
export const BART_LARGE: EncoderDecoderSizes = {
  ...BART_BASE,
  width: 1024,
  heads: 16,
  inner: 4096,
  encoderLayers: 12,
  decoderLayers: 12,
};
