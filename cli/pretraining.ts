/**
 * Pre-training a BERT: what `tour` and `train` have in common.
 *
 * Idea   A batch is a handful of documents. Next sentence makes pairs of them, masked LM hides words in
 *        the pairs, and the model has to undo both.
 * Maths  L = L(masked LM) + L(next sentence)
 * Axes   B pairs · T positions · V vocabulary · C classes
 * Differs from the paper: the batch is drawn anew at each step, and words are hidden anew; BERT's authors
 *        hid the words of their text ten times over beforehand.
 * @module
 */
import { add, type Key, randomKey, read, type Tensor } from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { classifyText } from "../models/heads.ts";
import { type ModelParameters, nameTokens } from "../models/model.ts";
import { encode, type ModelSpec, type Sizes } from "../models/spec.ts";
import { maskedLM, type MaskedTargets } from "../objectives/masked_language_model.ts";
import { type ClassTargets, nextSentence, type Sentences } from "../objectives/next_sentence.ts";
import { atPlaces, draws, type ModelInputs } from "../objectives/objective.ts";

/** A corrupted batch: what goes in, and what is to be found out. */
export interface Lesson {
  /** For the model. */
  inputs: ModelInputs;
  /** The hidden words. */
  words: MaskedTargets;
  /** Whether the second part followed. */
  order: ClassTargets;
}

/** The losses of a lesson, in nats. */
export interface LessonLoss {
  /** Of the hidden words. */
  maskedLM: Tensor<"">;
  /** Of the order. */
  nextSentence: Tensor<"">;
  /** Their sum. */
  total: Tensor<"">;
}

/** How lessons are made and judged. */
export interface Pretraining {
  /** A lesson from documents drawn with a key. */
  lesson: (documents: readonly Sentences[], key: Key) => Lesson;
  /** The losses of a model; with a key, with dropout. */
  loss: (params: ModelParameters, lesson: Lesson, key?: Key) => LessonLoss;
  /** The mean losses over `count` lessons from documents that were not trained on. */
  judge: (
    params: ModelParameters,
    documents: readonly Sentences[],
    count?: number,
  ) => Promise<{ maskedLM: number; nextSentence: number }>;
}

/** Pre-training of a model on texts of a tokenizer, in batches of `batch` pairs of `length` tokens. */
export function pretraining(
  spec: ModelSpec,
  sizes: Sizes,
  tokenizer: Tokenizer,
  { batch, length }: { batch: number; length: number },
): Pretraining {
  const words = maskedLM(tokenizer.vocabulary),
    order = nextSentence(tokenizer, { maxLength: length });
  const lesson = (documents: readonly Sentences[], key: Key): Lesson => {
    const pairs = order.corrupt(drawSome(documents, batch, draws(key.derive(0))), key.derive(1));
    const hidden = words.corrupt(pairs.batch, key.derive(2));
    return { inputs: hidden.inputs, words: hidden.targets, order: pairs.targets };
  };
  const loss = (params: ModelParameters, lesson: Lesson, key?: Key): LessonLoss => {
    const { last, pooled } = encode(spec, sizes, params.encoder, lesson.inputs, key);
    const chosen = atPlaces(last, lesson.words.places);
    const maskedLM = words.loss(nameTokens(spec, sizes, params, chosen), lesson.words);
    const scores = classifyText(pooled!, params.nextSentence!);
    const nextSentence = order.loss(scores, lesson.order);
    return { maskedLM, nextSentence, total: add(maskedLM, nextSentence) };
  };
  const judge: Pretraining["judge"] = async (params, documents, count = 8) => {
    const sums = { maskedLM: 0, nextSentence: 0 };
    for (let i = 0; i < count; i++) {
      const { maskedLM, nextSentence } = loss(params, lesson(documents, randomKey(i, 1)));
      const [ofWords, ofOrder] = await read([maskedLM, nextSentence]);
      sums.maskedLM += ofWords[0] / count;
      sums.nextSentence += ofOrder[0] / count;
    }
    return sums;
  };
  return { lesson, loss, judge };
}

/**
 * Different documents, or all of them over again where there are too few. Only the places that are taken are
 * noted: the list of all documents may be long, and this is done at every step.
 */
function drawSome<T>(from: readonly T[], count: number, draw: (size: number) => number): T[] {
  let taken: number[] = []; // in ascending order
  return Array.from({ length: count }, () => {
    if (taken.length === from.length) taken = [];
    let place = draw(from.length - taken.length);
    for (const other of taken) if (other <= place) place++;
    taken.push(place);
    taken.sort((a, b) => a - b);
    return from[place];
  });
}
