/**
 * Lessons from pairs, after single sentences: hidden words, and a question about the two parts or none.
 * Idea   A model that knows sentences already is given pairs of them. What is asked about a pair, next
 *        sentence, order, nothing, is a value; everything else stays the same.
 * Maths  L = L(hidden words) + L(question)
 * Axes   B pairs · T positions · C the two classes
 * Differs from the paper: BERT (1810.04805) begins with pairs at once.
 * @module
 */
import { add, type Tensor } from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { BERT } from "../models/bert.ts";
import { classifyText } from "../models/heads.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type Sizes } from "../models/spec.ts";
import { maskedLM } from "../objectives/masked_language_model.ts";
import type { ClassTargets, Sentences } from "../objectives/next_sentence.ts";
import type { Objective } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";
import { type Lessons, type MicroWorld, textsOf } from "./micro_bert.ts";
import {
  type HiddenInSentences,
  hideWords,
  learnSentences,
  namingLoss,
  sentenceLessons,
} from "./sentence_lessons.ts";

/** An objective about pairs. */
export type PairsObjective = Objective<readonly Sentences[], Tensor<"B C">, ClassTargets>;

/** Pairs with hidden words, and the answers to the question about them. */
export interface AskedPairs extends HiddenInSentences {
  /** What is right. */
  readonly answers: ClassTargets;
}

/** What a model does with pairs. */
export interface PairOptions {
  /** Whether the next-sentence head is asked about the pair (default true). */
  readonly asked?: boolean;
  /** How words are hidden (default: masked LM). */
  readonly words?: ReturnType<typeof maskedLM>;
}

/** Lessons from pairs as an objective makes them. */
export function pairLessons(
  sizes: Sizes,
  { vocabulary }: Tokenizer,
  pairs: PairsObjective,
  { asked = true, words = maskedLM(vocabulary) }: PairOptions = {},
): Lessons<AskedPairs> {
  return {
    make(documents, key) {
      const pair = pairs.corrupt(documents.map(textsOf), key.derive(0));
      return { ...words.corrupt(pair.batch, key.derive(1)), answers: pair.targets };
    },
    loss(params, lesson, key) {
      const named = namingLoss(sizes, params, lesson, key);
      if (!asked) return named;
      const { pooled } = encode(BERT, sizes, params.encoder, lesson.inputs, key);
      return add(named, pairs.loss(classifyText(pooled!, params.nextSentence!), lesson.answers));
    },
  };
}

/** A BERT that has read single sentences for some steps, three words in ten hidden, and can be asked about pairs. */
export function readSentences(
  sizes: Sizes,
  micro: MicroWorld,
  { steps, seed }: { steps: number; seed: number },
  report: Report,
): Promise<Pretrained> {
  const lessons = sentenceLessons(sizes, hideWords(micro.tokenizer, { rate: 0.3 }));
  const heads = { maskedLM: true, nextSentence: true };
  return learnSentences(lessons, { sizes, heads, steps, seed }, micro, report);
}
