/**
 * RoBERTa — Liu et al. 2019 (1907.11692).
 * Idea   BERT was not trained enough. Ten times the text, bigger batches, a new mask each time a text is
 *        seen, no next-sentence task, and bytes for words: the same network, much better.
 * Maths  BERT's; positions are counted from the ids, after the padding's id (core/positions.ts).
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; the numbers are those of Hugging Face's RobertaModel. The single
 *        segment vector, added everywhere, is left from BERT's code.
 * Trap   Chinese "RoBERTa-wwm-ext" is a BERT in every key but its training: load it as a BERT, with
 *        WordPiece and BERT's positions, or every number is wrong.
 * @module
 */
import { countedAfterPadding } from "../core/positions.ts";
import { BERT, BERT_BASE, BERT_LARGE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with two keys changed. */
export const ROBERTA: ModelSpec = {
  ...BERT,
  name: "RoBERTa",
  paper: "1907.11692",
  layout: "roberta",
  positions: countedAfterPadding, // was: counted
  objectives: ["maskedLM"], // was: maskedLM, nextSentence; and masks that stay
};

/** What RoBERTa's sizes have in common: byte pairs, and 514 rows for 512 positions. */
const sizes = { vocabulary: 50265, positions: 514, segments: 1, epsilon: 1e-5, padding: 1 };

/** RoBERTa-base: 125M parameters. */
export const ROBERTA_BASE: Sizes = { ...BERT_BASE, ...sizes };

/** RoBERTa-large: 355M parameters. */
export const ROBERTA_LARGE: Sizes = { ...BERT_LARGE, ...sizes };

/** Chinese RoBERTa-wwm-ext — Cui et al. 2019 (1906.08101): BERT with one key changed. */
export const CHINESE_ROBERTA: ModelSpec = {
  ...BERT,
  name: "Chinese RoBERTa-wwm",
  paper: "1906.08101",
  objectives: ["wholeWordMasking"], // was: maskedLM, nextSentence
};

/** Its sizes: BERT-base with the 21,128 pieces of Chinese BERT. */
export const CHINESE_ROBERTA_BASE: Sizes = { ...BERT_BASE, vocabulary: 21128 };
