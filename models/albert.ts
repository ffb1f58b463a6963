/**
 * ALBERT — Lan et al. 2019 (1909.11942).
 * Idea   BERT's parameters are used wastefully: in a table as wide as the model, and in layers that do
 *        much the same. A narrow table, one layer for all, and a harder task about sentences.
 * Maths  BERT's, with the embedding of core/factorized_embedding.ts and the stack of
 *        core/layer_sharing.ts.
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; its GELU is BERT's. The second release of the checkpoints, which
 *        Hugging Face's default follows, has GELU's tanh form and no dropout: config.json says so, and
 *        loading heeds it.
 * Trap   18 times fewer parameters than BERT-large are not 18 times less work: each of the 24 layers
 *        still runs.
 * @module
 */
import { factorized } from "../core/factorized_embedding.ts";
import { oneForAll } from "../core/layer_sharing.ts";
import { BERT, BERT_BASE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with three keys changed. */
export const ALBERT: ModelSpec = {
  ...BERT,
  name: "ALBERT",
  paper: "1909.11942",
  layout: "albert",
  embed: factorized, // was: table
  stack: oneForAll, // was: eachItsOwn
  objectives: ["maskedLM", "sentenceOrder"], // was: maskedLM, nextSentence
};

/** ALBERT-base: 12M parameters. */
export const ALBERT_BASE: Sizes = { ...BERT_BASE, vocabulary: 30000, embedding: 128 };

/** ALBERT-large: 18M parameters. */
export const ALBERT_LARGE: Sizes = {
  ...ALBERT_BASE,
  width: 1024,
  heads: 16,
  inner: 4096,
  layers: 24,
};

/** ALBERT-xlarge: 59M parameters. */
export const ALBERT_XLARGE: Sizes = { ...ALBERT_LARGE, width: 2048, heads: 16, inner: 8192 };

/**
 * ALBERT-xxlarge: twice as wide again, half as deep, trained without dropout. 223M parameters; the
 * paper's table has 235M, which its own arithmetic does not give.
 */
export const ALBERT_XXLARGE: Sizes = {
  ...ALBERT_BASE,
  width: 4096,
  heads: 64,
  inner: 16384,
  dropout: { hidden: 0, attention: 0 },
};
