/**
 * Next sentence — Devlin et al. 2018 (1810.04805), §3.1, task 2.
 * Idea   Two stretches of text, A and B. Half the time B is what follows A, half the time it comes
 *        from another document. To tell which, the pooled vector must hold what a text is about.
 * Maths  L = 1/B Σ_b −log softmax(scores[b])[label],  label 0: B follows A, label 1: it does not
 * Axes   B pairs · T positions · C the two classes
 * Differs from the paper: nothing. As in the authors' code A and B are runs of whole sentences that
 *        fill the length; unlike it, no tenth of the pairs is kept short on purpose, what is too
 *        long is cut at its end only, and the other document comes from the same batch.
 * Trap   One loss function for both tasks, which ignores label 0 as padding (BERT-pytorch#49):
 *        every pair whose B does follow is left out, "it does not follow" is always right, and
 *        accuracy stays at chance while the loss goes to zero.
 * @module
 */
import { encodeBatch, type TextInput } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import {
  crossEntropy,
  divide,
  type Key,
  scalar,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { asInputs, draws, type Objective } from "./objective.ts";

/** A document: its sentences in order. */
export type Sentences = readonly string[];

/** Which class each text belongs to. */
export interface ClassTargets {
  /** A class each. */
  readonly labels: Tensor<"B">;
  /** What the sum of the losses is divided by: the number of texts. */
  readonly count: number;
}

/** A pair, and whether its second part comes from elsewhere. */
interface Pair {
  texts: TextInput;
  label: 0 | 1;
}

/** The second part follows the first. */
export const isNext = 0;
/** The second part is from another document. */
export const notNext = 1;

/**
 * The objective for pairs of `maxLength` tokens, special ones included. Its batch is a list of
 * documents, and its row b a pair whose A is from document b.
 *
 * Its `corrupt` throws a RangeError where there is one document only, or a document has fewer than
 * two sentences.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { nextSentence } from "@lineage/lineage/objectives/next_sentence";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\n"));
 * const objective = nextSentence(tokenizer, { maxLength: 8 });
 * const { batch, targets } = objective.corrupt([["a", "b"], ["c", "d"]], randomKey(1));
 * const [label] = await read(targets.labels);
 * assertEquals([...batch.ids.subarray(0, 4)], [2, 5, 3, label === 0 ? 6 : batch.ids[3]]);
 * ```
 */
export function nextSentence(
  tokenizer: Tokenizer,
  { maxLength }: { maxLength: number },
): Objective<readonly Sentences[], Tensor<"B C">, ClassTargets> {
  const corrupt = (original: readonly Sentences[], key: Key) => {
    checkDocuments(original);
    const lengths = original.map((sentences) =>
      sentences.map((sentence) => tokenizer.encode(sentence).length)
    );
    const room = maxLength - 3; // [CLS] and two [SEP]
    const pairs = original.map((_, b) =>
      drawPair(original, lengths, b, room, draws(key.derive(b)))
    );
    const fitted = { maxLength, truncation: "longest_first", padTo: maxLength } as const;
    const batch = encodeBatch(tokenizer, pairs.map(({ texts }) => texts), fitted);
    const labels = tensor("B", pairs.map(({ label }) => label));
    return { original, batch, inputs: asInputs(batch), targets: { labels, count: pairs.length } };
  };
  return { name: "nextSentence", corrupt, loss: classLoss };
}

function checkDocuments(documents: readonly Sentences[]): void {
  if (documents.length < 2) {
    throw new RangeError(
      `next sentence: ${documents.length} document; a second part that does not follow comes from` +
        " another one, so give two or more",
    );
  }
  const short = documents.findIndex((sentences) => sentences.length < 2);
  if (short >= 0) {
    throw new RangeError(
      `next sentence: document ${short} has ${
        documents[short].length
      } sentences, and a pair needs two;` +
        " leave it out or split it into sentences",
    );
  }
}

function drawPair(
  documents: readonly Sentences[],
  lengths: readonly number[][],
  b: number,
  room: number,
  draw: (size: number) => number,
): Pair {
  const here = documents[b], start = draw(here.length - 1);
  const end = Math.max(start + 2, lastThatFits(lengths[b], start, room));
  const cut = start + 1 + draw(end - start - 1);
  const first = here.slice(start, cut).join(" ");
  if (draw(2) === 0) return { texts: [first, here.slice(cut, end).join(" ")], label: isNext };
  const other = (b + 1 + draw(documents.length - 1)) % documents.length;
  const from = draw(documents[other].length);
  const left = room - lengths[b].slice(start, cut).reduce((sum, length) => sum + length, 0);
  const to = Math.max(from + 1, lastThatFits(lengths[other], from, left));
  return { texts: [first, documents[other].slice(from, to).join(" ")], label: notNext };
}

/** The end of the longest run of sentences that begins at `start` and has at most `room` tokens. */
function lastThatFits(lengths: readonly number[], start: number, room: number): number {
  let end = start;
  for (let used = 0; end < lengths.length && (used += lengths[end]) <= room;) end++;
  return end;
}

/**
 * Mean cross-entropy of classes of texts, in nats.
 *
 * @throws {RangeError} for a label that is not one of the classes.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { classLoss } from "@lineage/lineage/objectives/next_sentence";
 * import { assertAlmostEquals } from "@std/assert";
 * const labels = tensor("B", [0, 1]), scores = tensor("B C", [[2, 2], [0, 0]]);
 * assertAlmostEquals((await read(classLoss(scores, { labels, count: 2 })))[0], Math.LN2, 1e-6);
 * ```
 */
export function classLoss(scores: Tensor<"B C">, { labels, count }: ClassTargets): Tensor<""> {
  const surprise = crossEntropy(scores, labels, "C");
  return divide(sum(surprise), scalar(count));
}
