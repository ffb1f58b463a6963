/**
 * GPT-2 — Radford et al. 2019 (Language Models are Unsupervised Multitask Learners).
 * Idea   The same, larger, on more text, and no fine-tuning: a task is put into words, and the model goes
 *        on writing. Norms move into the branches, so that a deep stack can be trained.
 * Maths  y = x + Attn(LN(x)),  z = y + FFN(LN(y));  one more norm after the last layer.
 * Axes   as in spec.ts.
 * Differs from the paper: which starts the weights into the residual stream smaller, by 1/√(2L); here
 *        they start as BERT's do. The numbers are those of Hugging Face's GPT2Model.
 * Trap   A pre-norm stack without the last norm trains, but its states grow with depth.
 * @module
 */
import { preNorm } from "../core/transformer_layer.ts";
import { GPT, GPT_BASE } from "./gpt.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** GPT with two keys changed. */
export const GPT2: ModelSpec = {
  ...GPT,
  name: "GPT-2",
  paper: "Radford et al. 2019",
  layout: "gpt2",
  layer: preNorm, // was: postNorm
  finalNorm: true, // was: false
};

/** GPT-2 small: 124M parameters. */
export const GPT2_SMALL: Sizes = { ...GPT_BASE, vocabulary: 50257, positions: 1024 };

/** GPT-2 medium: 355M parameters. */
export const GPT2_MEDIUM: Sizes = {
  ...GPT2_SMALL,
  width: 1024,
  heads: 16,
  inner: 4096,
  layers: 24,
};

/** GPT-2 large: 774M parameters. */
export const GPT2_LARGE: Sizes = { ...GPT2_SMALL, width: 1280, heads: 20, inner: 5120, layers: 36 };

/** GPT-2 XL: 1.5B parameters. */
export const GPT2_XL: Sizes = { ...GPT2_SMALL, width: 1600, heads: 25, inner: 6400, layers: 48 };

/** A GPT-2 that trains in minutes on a laptop; the vocabulary is that of its text. */
export const GPT2_TINY: Sizes = {
  ...GPT2_SMALL,
  vocabulary: 1000,
  positions: 128,
  width: 128,
  heads: 4,
  inner: 512,
  layers: 4,
};
