/**
 * GPT — Radford et al. 2018 (Improving Language Understanding by Generative Pre-Training).
 * Idea   Read from left to right and guess the next word: all text is its own teacher. What the network
 *        learns on the way serves other tasks, with a few new tokens and little further training.
 * Maths  p(x) = Π over t of p(xₜ | x₀ … xₜ₋₁);  the stack of spec.ts, whose positions see what was written;
 *        the output layer is the word table.
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; the numbers are those of Hugging Face's OpenAIGPTModel. Its
 *        config.json says "gelu" and means the tanh form. GPT came before BERT; that it is written
 *        as a difference from BERT is the order of this house, not of history.
 * Trap   Without the sight the next word is read off the input: a loss near 0 that means nothing.
 * @module
 */
import { plainTable } from "../core/embedding.ts";
import { leftToRight } from "../core/masks.ts";
import { geluTanh, tanh } from "../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "./bert.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with six keys changed. */
export const GPT: ModelSpec = {
  ...BERT,
  name: "GPT",
  paper: "Radford et al. 2018",
  layout: "openai-gpt",
  embed: plainTable, // was: table, which has a norm
  segmented: false, // was: true
  sight: leftToRight, // was: bothSides
  activation: geluTanh, // was: gelu
  pooled: { activation: tanh, pretrained: false, reads: "last" }, // was: pretrained, the first
  objectives: ["nextToken"], // was: maskedLM, nextSentence
};

/** GPT: 117M parameters. */
export const GPT_BASE: Sizes = {
  vocabulary: 40478,
  positions: 512,
  segments: 0,
  width: 768,
  heads: 12,
  inner: 3072,
  layers: 12,
  epsilon: 1e-5,
  dropout: BERT_BASE.dropout,
};
