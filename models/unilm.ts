/**
 * UniLM — Dong et al. 2019 (1905.03197).
 * Idea   BERT, told for every text who may look at whom: both sides, one side, or a source and what is
 *        written so far. Nothing in the network differs; the masks come with the batch.
 * Maths  the stack of spec.ts; masks in core/masks.ts, drawn by objectives/unilm.ts.
 * Axes   as in spec.ts.
 * Differs from the paper: nothing. Six segments, one or two for each sight, are the authors' code's.
 * Trap   It cannot keep keys and values while it writes: a word is guessed at a [MASK], which is then
 *        replaced, so a cache would hold the [MASK].
 * @module
 */
import { BERT, BERT_LARGE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with one key changed. */
export const UNILM: ModelSpec = {
  ...BERT,
  name: "UniLM",
  paper: "1905.03197",
  objectives: ["uniLM", "nextSentence"], // was: maskedLM, nextSentence
};

/** UniLM-large: BERT-large with a cased vocabulary and six segments, 334M parameters. */
export const UNILM_LARGE: Sizes = { ...BERT_LARGE, vocabulary: 28996, segments: 6 };
