/**
 * BERT — Devlin et al. 2018 (1810.04805).
 * Idea   One encoder that sees both sides, pre-trained by filling masks and telling whether two
 *        sentences follow one another; then a small head on top for each task.
 * Maths  the stack of spec.ts with post-norm layers; heads in heads.ts.
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; the numbers are those of Hugging Face's BertModel.
 * @module
 */
import { table } from "../core/embedding.ts";
import { eachItsOwn } from "../core/layer_sharing.ts";
import { bothSides } from "../core/masks.ts";
import { counted } from "../core/positions.ts";
import { gelu, tanh } from "../core/tensor/mod.ts";
import { postNorm } from "../core/transformer_layer.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** The model, without sizes. */
export const BERT: ModelSpec = {
  name: "BERT",
  paper: "1810.04805",
  layout: "bert",
  embed: table,
  positions: counted,
  segmented: true,
  sight: bothSides,
  layer: postNorm,
  stack: eachItsOwn,
  finalNorm: false,
  activation: gelu,
  pooled: { activation: tanh, pretrained: true },
  objectives: ["maskedLM", "nextSentence"],
};

/** BERT-base: 12 layers of width 768, 110M parameters. */
export const BERT_BASE: Sizes = {
  vocabulary: 30522,
  positions: 512,
  segments: 2,
  width: 768,
  heads: 12,
  inner: 3072,
  layers: 12,
  epsilon: 1e-12,
  padding: 0,
  dropout: { hidden: 0.1, attention: 0.1 },
};

/** BERT-large: 24 layers of width 1024, 340M parameters. */
export const BERT_LARGE: Sizes = {
  ...BERT_BASE,
  width: 1024,
  heads: 16,
  inner: 4096,
  layers: 24,
};

/** A BERT that trains in minutes on a laptop; the vocabulary is that of its text. */
export const BERT_TINY: Sizes = {
  ...BERT_BASE,
  vocabulary: 1000,
  positions: 128,
  width: 128,
  heads: 4,
  inner: 512,
  layers: 2,
};
