/**
 * Sentence permutation — Lewis et al. 2019, BART (1910.13461), §2.2.
 * Idea   The sentences of a document are shuffled, and the decoder writes it in order. What follows from what, who
 *        "she" is, when it is evening: all this tells, and nothing else does.
 * Maths  source: s_π(1) … s_π(m), π any order;  answer: s_1 … s_m and the end
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: nothing. Sentences are given as such; the paper cuts a document at its full stops.
 * @module
 */
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { wholeText } from "./document_rotation.ts";
import type { Sentences } from "./next_sentence.ts";
import { asInputs, type Objective, shuffled } from "./objective.ts";
import { answerLoss, type AnswerTargets, asAnswers } from "./text_to_text.ts";

/**
 * The objective for documents of up to `maxLength` tokens, special ones included. Sentences at the end of a
 * document that do not fit are left out, of source and answer alike.
 *
 * Its `corrupt` throws a RangeError where there is no document, or one has no sentence that fits.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { sentencePermutation } from "@lineage/lineage/objectives/sentence_permutation";
 * import { assert, assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const { corrupt } = sentencePermutation(tokenizer, { maxLength: 4 });
 * const { batch, targets } = corrupt([["a", "b"]], randomKey(1));
 * assert(["2,5,6,3", "2,6,5,3"].includes(batch.ids.join()));
 * assertEquals([...await read(targets.answer)].slice(0, 3), [5, 6, 3]);
 * ```
 */
export function sentencePermutation(
  tokenizer: Tokenizer,
  { maxLength, gap = " " }: { maxLength: number; gap?: string },
): Objective<readonly Sentences[], Tensor<"B T V">, AnswerTargets> {
  const fitted = { maxLength, padTo: maxLength };
  const asBatch = (documents: readonly Sentences[]) =>
    encodeBatch(tokenizer, documents.map((sentences) => sentences.join(gap)), fitted);
  const corrupt = (original: readonly Sentences[], key: Key) => {
    const documents = original.map((sentences, b) => whatFits(tokenizer, sentences, maxLength, b));
    const batch = asBatch(documents.map((sentences, b) => shuffled(sentences, key.derive(b))));
    const whole = asBatch(documents);
    const answers = documents.map((_, b) => wholeText(whole, b, tokenizer.vocabulary));
    return { original, batch, inputs: asInputs(batch), targets: asAnswers(answers, maxLength) };
  };
  return { name: "sentencePermutation", corrupt, loss: answerLoss };
}

function whatFits(tokenizer: Tokenizer, sentences: Sentences, maxLength: number, row: number) {
  let room = maxLength - encodeBatch(tokenizer, [""]).shape[1];
  const over = sentences.findIndex((s) => (room -= tokenizer.encode(s).length) < 0);
  const fitting = sentences.slice(0, over < 0 ? sentences.length : over);
  if (fitting.length > 0) return fitting;
  throw new RangeError(
    `sentence permutation: document ${row} has no sentence that fits into ${maxLength} tokens; leave it` +
      " out, or raise maxLength",
  );
}
