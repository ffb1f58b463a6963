/**
 * Span corruption — Raffel et al. 2019, T5 (1910.10683), §3.1.4 and §3.3.
 * Idea   Some spans of a text are taken out, and each leaves a sentinel, a token that means nothing but "the
 *        first gap", "the second gap". The answer lists what was in them, sentinel by sentinel. Source and
 *        answer together are hardly longer than the text, so a step costs less than with BERT's masks.
 * Maths  of n tokens  k = round(0.15 n) are noise, in s = round(k/3) spans that do not touch; any way to cut k
 *        into s spans is as likely as any other, and so is any way to put them among the n − k others
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: nothing. The last sentinel of the answer is the paper's (figure 2); the authors' code
 *        leaves it out. There every text ends with a span, so that short ones always lose their end; here a
 *        span may stand anywhere.
 * Trap   Sentinels are found by name: in T5's vocabulary `<extra_id_0>` is the last id and they count down.
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
  type Rewritten,
  rewritten,
} from "./text_to_text.ts";

/** How much is taken out, in what spans. */
export interface SpanCorruptionOptions {
  /** The share of a text's tokens (default 0.15). */
  readonly rate?: number;
  /** The mean length of a span (default 3). */
  readonly meanLength?: number;
}

/**
 * The tokens `<extra_id_0>`, `<extra_id_1>`, … of a vocabulary, in this order.
 *
 * @example
 * ```ts
 * import { createVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { sentinelsOf } from "@lineage/lineage/objectives/span_corruption";
 * import { assertEquals } from "@std/assert";
 * const tokens = ["<pad>", "a", "<extra_id_1>", "<extra_id_0>"];
 * assertEquals(sentinelsOf(createVocabulary(tokens, { pad: "<pad>" })), [3, 2]);
 * ```
 */
export function sentinelsOf({ ids }: Vocabulary): number[] {
  const found: number[] = [];
  for (let i = 0, id; (id = ids.get(`<extra_id_${i}>`)) !== undefined; i++) found.push(id);
  return found;
}

/**
 * How many of n tokens are noise, and in how many spans.
 *
 * @throws {RangeError} where the spans would cover everything, or there is nothing to cover.
 *
 * @example
 * ```ts
 * import { noiseOf } from "@lineage/lineage/objectives/span_corruption";
 * import { assertEquals } from "@std/assert";
 * assertEquals(noiseOf(40, { rate: 0.15, meanLength: 3 }), { noise: 6, spans: 2 });
 * ```
 */
export function noiseOf(
  n: number,
  { rate, meanLength }: Required<SpanCorruptionOptions>,
): { noise: number; spans: number } {
  const noise = Math.max(1, Math.round(rate * n));
  const spans = Math.min(Math.max(1, Math.round(noise / meanLength)), n - noise);
  if (spans >= 1) return { noise, spans };
  throw new RangeError(
    `span corruption: ${noise} of ${n} tokens would be taken out, which leaves nothing to tell them` +
      " from; give longer texts or a lower rate",
  );
}

/**
 * The objective for the texts of a vocabulary that has sentinels.
 *
 * Its `corrupt` throws a RangeError where a text needs more sentinels than there are, spans would cover
 * everything, or a text has no end token.
 *
 * @throws {RangeError} for a rate that is not above 0 and below 1, a mean length below 1, or a vocabulary
 * without sentinels.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { spanCorruption } from "@lineage/lineage/objectives/span_corruption";
 * import { assertEquals } from "@std/assert";
 * const words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n<extra_id_0>\n<extra_id_1>\n";
 * const tokenizer = wordPiece(parseVocabulary(words));
 * const { corrupt } = spanCorruption(tokenizer.vocabulary);
 * const { batch, targets } = corrupt(encodeBatch(tokenizer, ["a b"]), randomKey(1));
 * const [a, b] = [[2, 7, 6, 3], [2, 5, 7, 3]]; // [CLS] <extra_id_0> b [SEP] or [CLS] a <extra_id_0> [SEP]
 * const took = batch.ids[1] === 7 ? 5 : 6;
 * assertEquals([...batch.ids], took === 5 ? a : b);
 * assertEquals([...await read(targets.answer)], [7, took, 8, 3]); // <extra_id_0> … <extra_id_1> [SEP]
 * ```
 */
export function spanCorruption(
  vocabulary: Vocabulary,
  { rate = 0.15, meanLength = 3 }: SpanCorruptionOptions = {},
): Objective<EncodedBatch, Tensor<"B T V">, AnswerTargets> {
  const sentinels = sentinelsOf(vocabulary), options = { rate, meanLength };
  if (!(rate > 0 && rate < 1 && meanLength >= 1)) {
    throw new RangeError(
      `span corruption: a rate of ${rate} is to be above 0 and below 1, a mean length of ${meanLength} 1 or more`,
    );
  }
  if (sentinels.length < 2) {
    throw new RangeError(
      `span corruption: the vocabulary has ${sentinels.length} sentinels; put <extra_id_0>, <extra_id_1>` +
        " and so on into it, one more than there will be spans",
    );
  }
  const corrupt = (original: EncodedBatch, key: Key) => {
    const [B, T] = original.shape;
    const rows = Array.from({ length: B }, (_, b) => {
      const spans = drawSpans(ownTokens(original, b), options, key.derive(b));
      return takeOut(original, b, spans, sentinels, endOf(original, b, vocabulary.special));
    });
    const batch = rewritten(original, rows.map(({ source }) => source), vocabulary.special.pad);
    const most = noiseOf(T, options); // of the batch's shape alone
    const targets = asAnswers(rows.map(({ answer }) => answer), most.noise + most.spans + 2);
    return { original, batch, inputs: asInputs(batch), targets };
  };
  return { name: "spanCorruption", corrupt, loss: answerLoss };
}

/** The positions of each span. */
function drawSpans(
  tokens: readonly number[],
  options: Required<SpanCorruptionOptions>,
  key: Key,
): number[][] {
  const { noise, spans } = noiseOf(tokens.length, options);
  const lengths = cut(noise, spans, draws(key.derive(0)));
  const starts = spread(lengths, tokens.length, draws(key.derive(1)));
  return starts.map((t, i) => tokens.slice(t, t + lengths[i]));
}

/**
 * Where spans of these lengths begin in a text of n tokens: in this order, one token at least between two, and
 * any way to put them as likely as any other. There must be a token for each place between two spans.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { draws } from "@lineage/lineage/objectives/objective";
 * import { spread } from "@lineage/lineage/objectives/span_corruption";
 * import { assertEquals } from "@std/assert";
 * assertEquals(spread([2, 1], 4, draws(randomKey(1))), [0, 3]); // there is no other way
 * ```
 */
export function spread(
  lengths: readonly number[],
  n: number,
  draw: (size: number) => number,
): number[] {
  const kept = n - lengths.reduce((sum, length) => sum + length, 0);
  // Nothing need stand before the first span and after the last.
  const between = cut(kept + 2, lengths.length + 1, draw);
  let end = -1;
  return lengths.map((length, i) => {
    const start = end + between[i];
    end = start + length;
    return start;
  });
}

/** A way to cut n into parts of 1 or more, each as likely as the others. */
function cut(n: number, parts: number, draw: (size: number) => number): number[] {
  const left = Array.from({ length: n - 1 }, (_, i) => i + 1);
  const cuts = Array.from({ length: parts - 1 }, () => left.splice(draw(left.length), 1)[0]);
  const ends = [...cuts, n].sort((a, b) => a - b);
  return ends.map((end, i) => end - (ends[i - 1] ?? 0));
}

/** Source and answer of a text whose spans are taken out. */
function takeOut(
  batch: EncodedBatch,
  row: number,
  spans: readonly number[][],
  sentinels: readonly number[],
  end: number,
): { source: Rewritten[]; answer: number[] } {
  if (spans.length >= sentinels.length) {
    throw new RangeError(
      `span corruption: ${spans.length} spans and an end need ${spans.length + 1} sentinels, the` +
        ` vocabulary has ${sentinels.length}; give it more, or shorten the text`,
    );
  }
  const { ids, mask } = rowOf(batch, row), inside = new Set(spans.flat());
  const first = new Map(spans.map((span, i) => [span[0], sentinels[i]]));
  const real = [...mask.keys()].filter((t) => mask[t] === 1);
  const source = real.filter((t) => first.has(t) || !inside.has(t))
    .map((from): Rewritten => ({ from, id: first.get(from) }));
  const listed = spans.flatMap((span, i) => [sentinels[i], ...span.map((t) => ids[t])]);
  return { source, answer: [...listed, sentinels[spans.length], end] };
}
