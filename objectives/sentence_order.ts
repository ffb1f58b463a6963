/**
 * Sentence order — Lan et al. 2019, ALBERT (1909.11942), §3.1.
 * Idea   Two stretches of one document that follow each other, half the time the wrong way round.
 *        Both speak of the same things, so topic does not help as it does for next sentence: what
 *        counts is which leads to which.
 * Maths  L = 1/B Σ_b −log softmax(scores[b])[label],  label 0: in order, label 1: swapped
 * Axes   B pairs · T positions · C the two classes
 * Differs from the paper: nothing. As for next sentence A and B are runs of whole sentences that fill
 *        the length, none is kept short on purpose, and what is too long is cut at its end.
 * Trap   For documents of one stretch the authors' code takes a stretch of another document and calls
 *        that swapped (google-research/albert#234): then topic tells after all. Here such documents
 *        are refused.
 * @module
 */
import { encode, encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { type Key, type Tensor, tensor } from "../core/tensor/mod.ts";
import { classLoss, type ClassTargets, type Sentences } from "./next_sentence.ts";
import { asInputs, draws, type Objective } from "./objective.ts";

/** The first part comes first. */
export const inOrder = 0;
/** The second part comes first. */
export const swapped = 1;

/**
 * The objective for pairs of `maxLength` tokens, special ones included. Its batch is a list of
 * documents, and its row b is from document b.
 *
 * Its `corrupt` throws a RangeError where there is no document, or one has fewer than two sentences.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { sentenceOrder } from "@lineage/lineage/objectives/sentence_order";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const objective = sentenceOrder(tokenizer, { maxLength: 5 });
 * const { batch, targets } = objective.corrupt([["a", "b"]], randomKey(1));
 * const [label] = await read(targets.labels);
 * assertEquals([...batch.ids], label === 0 ? [2, 5, 3, 6, 3] : [2, 6, 3, 5, 3]);
 * ```
 */
export function sentenceOrder(
  tokenizer: Tokenizer,
  { maxLength }: { maxLength: number },
): Objective<readonly Sentences[], Tensor<"B C">, ClassTargets> {
  const fitted = { maxLength, truncation: "longest_first", padTo: maxLength } as const;
  const corrupt = (original: readonly Sentences[], key: Key) => {
    const documents = original.map((sentences) => sentences.filter((s) => s.trim() !== ""));
    checkDocuments(documents);
    const room = maxLength - encode(tokenizer, ["", ""]).ids.length;
    const pairs = documents.map((sentences, b) => {
      const draw = draws(key.derive(b));
      const { first, second } = drawPair(sentences, tokenizer, room, draw), label = draw(2);
      const texts: [string, string] = label === inOrder ? [first, second] : [second, first];
      return { texts, label };
    });
    const batch = encodeBatch(tokenizer, pairs.map(({ texts }) => texts), fitted);
    const labels = tensor("B", pairs.map(({ label }) => label));
    return { original, batch, inputs: asInputs(batch), targets: { labels, count: pairs.length } };
  };
  return { name: "sentenceOrder", corrupt, loss: classLoss };
}

function checkDocuments(documents: readonly Sentences[]): void {
  if (documents.length === 0) throw new RangeError("sentence order: give one document at least");
  const short = documents.findIndex((sentences) => sentences.length < 2);
  if (short < 0) return;
  throw new RangeError(
    `sentence order: document ${short} has ${
      documents[short].length
    } sentences, and an order needs` +
      " two; leave it out, or split it into sentences",
  );
}

/** A run of sentences of at most `room` tokens, but of two sentences at least, cut in two somewhere. */
function drawPair(
  sentences: Sentences,
  tokenizer: Tokenizer,
  room: number,
  draw: (size: number) => number,
): { first: string; second: string } {
  const start = draw(sentences.length - 1);
  let end = start, used = 0;
  while (end < sentences.length) {
    used += tokenizer.encode(sentences[end]).length;
    if (used > room && end >= start + 2) break;
    end++;
  }
  const cut = start + 1 + draw(end - start - 1);
  const joined = (from: number, to: number) => sentences.slice(from, to).join(" ");
  return { first: joined(start, cut), second: joined(cut, end) };
}
