/**
 * Document rotation — Lewis et al. 2019, BART (1910.13461), §2.2.
 * Idea   A text is turned like a ring until another of its tokens comes first, and the decoder writes it from its
 *        true beginning. To do so it has to know what beginnings look like.
 * Maths  source: x_u … x_n x_1 … x_{u−1},  u any token;  answer: x_1 … x_n and the end
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: nothing; u = 1, which leaves the text as it is, is as likely as any other.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { asInputs, draws, type Objective, rowOf } from "./objective.ts";
import {
  answerLoss,
  type AnswerTargets,
  asAnswers,
  endOf,
  ownTokens,
  rewritten,
} from "./text_to_text.ts";

/**
 * The objective for the texts of a vocabulary.
 *
 * Its `corrupt` throws a RangeError where a text has no token of its own, or no end token.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { documentRotation } from "@lineage/lineage/objectives/document_rotation";
 * import { assert, assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n"));
 * const { corrupt } = documentRotation(tokenizer.vocabulary);
 * const { batch, targets } = corrupt(encodeBatch(tokenizer, ["a b c"]), randomKey(1));
 * assert(["2,5,6,7,3", "2,6,7,5,3", "2,7,5,6,3"].includes(batch.ids.join()));
 * assertEquals([...await read(targets.answer)].slice(0, 4), [5, 6, 7, 3]);
 * ```
 */
export function documentRotation(
  vocabulary: Vocabulary,
): Objective<EncodedBatch, Tensor<"B T V">, AnswerTargets> {
  const corrupt = (original: EncodedBatch, key: Key) => {
    const [B, T] = original.shape, all = Array.from({ length: B }, (_, b) => b);
    const turned = all.map((b) => turn(original, b, draws(key.derive(b))));
    const batch = rewritten(original, turned, vocabulary.special.pad);
    const answers = all.map((b) => wholeText(original, b, vocabulary));
    return { original, batch, inputs: asInputs(batch), targets: asAnswers(answers, T) };
  };
  return { name: "documentRotation", corrupt, loss: answerLoss };
}

function turn(batch: EncodedBatch, row: number, draw: (size: number) => number) {
  const own = ownTokens(batch, row), { mask } = rowOf(batch, row);
  if (own.length === 0) {
    throw new RangeError(
      `document rotation: row ${row} has no token of its own to begin with; leave it out`,
    );
  }
  const u = draw(own.length), ring = [...own.slice(u), ...own.slice(0, u)];
  const moved = new Map(own.map((t, i) => [t, ring[i]]));
  return [...mask.keys()].filter((t) => mask[t] === 1).map((t) => ({ from: moved.get(t) ?? t }));
}

/**
 * A text as an answer: its own tokens and its end.
 *
 * @throws {RangeError} where it has no end token.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { wholeText } from "@lineage/lineage/objectives/document_rotation";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"));
 * assertEquals(wholeText(encodeBatch(tokenizer, ["a"]), 0, tokenizer.vocabulary), [5, 3]);
 * ```
 */
export function wholeText(batch: EncodedBatch, row: number, { special }: Vocabulary): number[] {
  const { ids } = rowOf(batch, row);
  return [...ownTokens(batch, row).map((t) => ids[t]), endOf(batch, row, special)];
}
