/**
 * SpanBERT — Joshi et al. 2019 (1907.10529).
 * Idea   Hide whole spans, not single pieces, and let the two tokens at a span's edges name each token
 *        within it: so the edges learn what the span says. One long segment, no next sentence.
 * Maths  BERT's; L = masked LM + span boundary, summed over the tokens of the spans.
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; the segment table and the pooler stay, as in the published checkpoints.
 * @module
 */
import { BERT, BERT_BASE, BERT_LARGE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with one key changed. */
export const SPANBERT: ModelSpec = {
  ...BERT,
  name: "SpanBERT",
  paper: "1907.10529",
  objectives: ["spanMasking"], // was: maskedLM, nextSentence
};

/** SpanBERT-base: BERT-base with BERT's cased vocabulary. */
export const SPANBERT_BASE: Sizes = { ...BERT_BASE, vocabulary: 28996 };

/** SpanBERT-large: BERT-large with BERT's cased vocabulary. */
export const SPANBERT_LARGE: Sizes = { ...BERT_LARGE, vocabulary: 28996 };
