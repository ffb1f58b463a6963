/**
 * ERNIE of Baidu — Sun et al. 2019 (1904.09223).
 * Idea   Knowledge comes in units: hide a whole phrase or a whole name, and the rest of the sentence must
 *        be understood to bring it back. Dialogues take the place of next sentences.
 * Maths  BERT's; L = masked LM over tokens, phrases and entities in turn + dialogue.
 * Axes   as in spec.ts.
 * Differs from the paper: the paper says nothing of the activation; the released model has ReLU.
 *        The dialogue task has no module here.
 * Trap   Not the ERNIE of Tsinghua (1905.07129), which fuses vectors of a knowledge graph.
 * @module
 */
import { relu } from "../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with two keys changed. */
export const ERNIE: ModelSpec = {
  ...BERT,
  name: "ERNIE",
  paper: "1904.09223",
  layout: "ernie",
  activation: relu, // was: gelu
  objectives: ["entityMasking", "dialogue"], // was: maskedLM, nextSentence
};

/** ERNIE 1.0 for Chinese: BERT-base with 18,000 characters and one position more. */
export const ERNIE_BASE: Sizes = {
  ...BERT_BASE,
  vocabulary: 18000,
  positions: 513,
  epsilon: 1e-5,
};
