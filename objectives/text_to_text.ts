/**
 * Text to text — Raffel et al. 2019 (1910.10683), §2.4: a text goes in, a text is to come out.
 * Idea   Whatever the task, the answer is written down, and each of its tokens is guessed from those before it
 *        and the source. Classes are words, tags are words, and one loss serves all. The objectives of
 *        encoder–decoders differ only in how source and answer are made from a text.
 * Maths  L = 1/n Σ over the n tokens of all answers of −log p(token | tokens before it, source)
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: nothing.
 * Trap   Padding of the answers must not count: a model that has learned to write padding has learned nothing,
 *        and its loss looks fine.
 * @module
 */
import { encodeBatch, type EncodedBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import {
  crossEntropy,
  divide,
  ignored,
  scalar,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { asInputs, type ModelInputs, rowOf } from "./objective.ts";

/** What is to be written. */
export interface AnswerTargets {
  /** The answers' tokens; `ignored` after their ends. */
  readonly answer: Tensor<"B T">;
  /** What the sum of the losses is divided by: how many tokens there are. */
  readonly count: number;
  /** Where in the source the answer's tokens have stood, for objectives that tell. */
  readonly places?: Tensor<"B T">;
}

/**
 * The mean surprise at the tokens of the answers, in nats.
 *
 * @example
 * ```ts
 * import { ignored, read, tensor } from "@lineage/lineage/core/tensor";
 * import { answerLoss } from "@lineage/lineage/objectives/text_to_text";
 * import { assertAlmostEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[0, 0], [9, 0]]]), answer = tensor("B T", [[1, ignored]]);
 * assertAlmostEquals((await read(answerLoss(logits, { answer, count: 1 })))[0], Math.LN2, 1e-6);
 * ```
 */
export function answerLoss(logits: Tensor<"B T V">, { answer, count }: AnswerTargets): Tensor<""> {
  return divide(sum(crossEntropy(logits, answer, "V")), scalar(count));
}

/**
 * Answers as targets, filled up to a length.
 *
 * @throws {RangeError} where there is nothing to write, or an answer is longer than the length.
 *
 * @example
 * ```ts
 * import { asAnswers } from "@lineage/lineage/objectives/text_to_text";
 * import { assertEquals } from "@std/assert";
 * const { answer, count } = asAnswers([[7, 8, 1], [9, 1]], 4);
 * assertEquals([answer.shape, count], [[2, 4], 5]);
 * ```
 */
export function asAnswers(rows: readonly (readonly number[])[], length: number): AnswerTargets {
  const count = rows.reduce((sum, row) => sum + row.length, 0);
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  if (count === 0) throw new RangeError("text to text: there is nothing to be written");
  if (longest > length) {
    throw new RangeError(`text to text: an answer of ${longest} tokens has room for ${length}`);
  }
  const flat = rows.flatMap((row) => [...row, ...Array(length - row.length).fill(ignored)]);
  return { answer: tensor("B T", flat, [rows.length, length]), count };
}

/** A source and what is to be written from it. */
export interface TextPair {
  /** The task and its text: `sentiment: The soup was great.` */
  readonly source: string;
  /** `good` */
  readonly answer: string;
}

/** A batch of pairs. */
export interface TextPairs {
  /** The sources. */
  readonly inputs: ModelInputs;
  /** The answers. */
  readonly targets: AnswerTargets;
}

/**
 * Pairs of texts as a batch; an answer ends with the token that ends a text.
 *
 * @throws {RangeError} where a text is too long for its length, or texts of the tokenizer have no end.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { asPairs } from "@lineage/lineage/objectives/text_to_text";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const { targets } = asPairs(tokenizer, [{ source: "a b", answer: "b" }], { source: 4, answer: 3 });
 * assertEquals([...await read(targets.answer)], [6, 3, -100]); // b [SEP]
 * ```
 */
export function asPairs(
  tokenizer: Tokenizer,
  pairs: readonly TextPair[],
  lengths: { source: number; answer: number },
): TextPairs {
  const { source: maxLength } = lengths;
  const sources = encodeBatch(tokenizer, pairs.map(({ source }) => source), {
    maxLength,
    padTo: maxLength,
  });
  const rows = pairs.map(({ answer }, b) => [
    ...tokenizer.encode(answer).map(({ id }) => id),
    endOf(sources, b, tokenizer.vocabulary.special),
  ]);
  return { inputs: asInputs(sources), targets: asAnswers(rows, lengths.answer) };
}

/**
 * The token that a text ends with.
 *
 * @throws {RangeError} where it is no special one.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { endOf } from "@lineage/lineage/objectives/text_to_text";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"));
 * assertEquals(endOf(encodeBatch(tokenizer, ["a"]), 0, tokenizer.vocabulary.special), 3);
 * ```
 */
export function endOf(
  batch: EncodedBatch,
  row: number,
  special: Readonly<Record<string, number>>,
): number {
  const { ids, mask } = rowOf(batch, row), last = mask.lastIndexOf(1);
  if (last >= 0 && Object.values(special).includes(ids[last])) return ids[last];
  throw new RangeError(
    `text to text: row ${row} does not end with a special token, so nobody could tell when an answer` +
      " is over; take a tokenizer whose template has one, or do not cut it off",
  );
}

/** A token of a rewritten text: one that was there, or a new one in the place of one. */
export interface Rewritten {
  /** Where the token that it is, or stands for, was. */
  readonly from: number;
  /** The id of a new token. */
  readonly id?: number;
}

/**
 * A batch whose texts were rewritten: tokens left out, moved, or replaced. It keeps its shape.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { rewritten } from "@lineage/lineage/objectives/text_to_text";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const batch = encodeBatch(tokenizer, ["a b"]); // [CLS] a b [SEP]
 * const rows = [[{ from: 0 }, { from: 2, id: 4 }, { from: 3 }]];
 * assertEquals([...rewritten(batch, rows, 0).ids], [2, 4, 3, 0]);
 * ```
 */
export function rewritten(
  batch: EncodedBatch,
  rows: readonly (readonly Rewritten[])[],
  padding: number,
): EncodedBatch {
  const [B, T] = batch.shape;
  const column = (old: Int32Array, filling: number, fresh?: (token: Rewritten) => number) => {
    const flat = new Int32Array(B * T).fill(filling);
    rows.forEach((row, b) =>
      row.forEach((token, t) => {
        const isNew = token.id !== undefined && fresh;
        flat[b * T + t] = isNew ? fresh(token) : old[b * T + token.from];
      })
    );
    return flat;
  };
  return {
    shape: batch.shape,
    ids: column(batch.ids, padding, ({ id }) => id!),
    segments: column(batch.segments, 0),
    mask: column(batch.mask, 0),
    words: column(batch.words, -1, () => -1),
    starts: column(batch.starts, 0),
    ends: column(batch.ends, 0),
  };
}

/**
 * The positions of a text that hold tokens of its own, none that a template added.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { ownTokens } from "@lineage/lineage/objectives/text_to_text";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"));
 * assertEquals(ownTokens(encodeBatch(tokenizer, ["a a"]), 0), [1, 2]);
 * ```
 */
export function ownTokens(batch: EncodedBatch, row: number): number[] {
  const { mask, words } = rowOf(batch, row);
  return [...mask.keys()].filter((t) => mask[t] === 1 && words[t] >= 0);
}
