/**
 * Span masking and the span boundary objective — Joshi et al. 2019, SpanBERT (1907.10529), §3.
 * Idea   Whole runs of words are hidden. And every hidden token is guessed a second time, from the
 *        two tokens just outside its span and its place in the span alone: so what a span says comes
 *        to be stored at its ends, where a reader of spans looks for it.
 * Maths  length ∼ Geometric(p = 0.2) on 1 … 10 words, mean 3.8;  spans until 15 % of the tokens are chosen
 *        L = L(masked LM) + 1/n Σ −log softmax(logits from x₍before₎, x₍after₎, offset)[token that stood there]
 * Axes   B batch · T positions · V vocabulary · M places, as for masked LM
 * Differs from the paper: nothing that it says. As in the authors' code spans that touch count as one,
 *        so what stands before and after is never hidden. Unlike there the last span ends with a
 *        whole word, [CLS] and [SEP] serve as boundaries, too, and tokens beyond the last of the
 *        `offsets` share that one, where the code guesses only those before.
 * Trap   "Clipped at 10" means that longer ones are never drawn, not that they are cut to 10: then
 *        the mean would be 4.5.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { add, type Key, type Tensor, tensor } from "../core/tensor/mod.ts";
import {
  type Choose,
  maskedLM,
  maskedLMLoss,
  type MaskedLMOptions,
  type MaskedTargets,
  type Replace,
} from "./masked_language_model.ts";
import { draws, type Objective } from "./objective.ts";
import { wordsOf } from "./whole_word_masking.ts";

/** How long spans are. */
export interface SpanLengths {
  /** The chance that a span ends after a word (default 0.2). */
  readonly p?: number;
  /** The most words of a span (default 10). */
  readonly longest?: number;
}

/** How much is hidden, in what spans, and behind what. */
export interface SpanMaskingOptions extends Omit<MaskedLMOptions, "choose">, SpanLengths {
  /** How many vectors the model has for places in a span (default 20). */
  readonly offsets?: number;
}

/** What was hidden, and what stands around it. */
export interface SpanTargets extends MaskedTargets {
  /** The place before the span of each chosen place. */
  readonly before: Tensor<"M">;
  /** The place after it. */
  readonly after: Tensor<"M">;
  /** How many tokens of the span stand before each chosen place. */
  readonly offsets: Tensor<"M">;
}

/** What the model says, twice. */
export interface SpanOutputs {
  /** Scores from each place itself: of the whole batch, or `atPlaces`. */
  readonly masked: Tensor<"B T V">;
  /** Scores of the chosen places from their boundaries, 1×M×V. */
  readonly boundary: Tensor<"B T V">;
}

/**
 * The chance of each length, from 1 word on.
 *
 * @throws {RangeError} for a p that is not above 0 and up to 1, or a longest that is no whole number.
 *
 * @example
 * ```ts
 * import { lengthChances } from "@lineage/lineage/objectives/span_masking";
 * import { assertAlmostEquals } from "@std/assert";
 * const mean = lengthChances().reduce((sum, chance, i) => sum + chance * (i + 1), 0);
 * assertAlmostEquals(mean, 3.8, 0.01);
 * ```
 */
export function lengthChances({ p = 0.2, longest = 10 }: SpanLengths = {}): number[] {
  if (!(p > 0 && p <= 1)) throw new RangeError(`spans: p = ${p} is not above 0 and up to 1`);
  if (!(Number.isInteger(longest) && longest > 0)) {
    throw new RangeError(`spans: the longest has ${longest} words; give a whole number above 0`);
  }
  const total = 1 - (1 - p) ** longest;
  return Array.from({ length: longest }, (_, i) => p * (1 - p) ** i / total);
}

/**
 * Spans of whole words. One ends early where a special token, another span or the text's end is in
 * the way, or the share to be chosen is used up.
 *
 * @throws {RangeError} as `lengthChances` does.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { rowOf } from "@lineage/lineage/objectives/objective";
 * import { spans } from "@lineage/lineage/objectives/span_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const text = rowOf(encodeBatch(tokenizer, ["a b a b"]), 0);
 * assertEquals([...spans()([1, 2, 3, 4], 4, randomKey(1), text)].sort(), [1, 2, 3, 4]);
 * ```
 */
export function spans(lengths: SpanLengths = {}): Choose {
  const chances = lengthChances(lengths);
  return (candidates, count, key, text) => {
    const words = wordsOf(candidates, text), draw = draws(key), chosen = new Set<number>();
    const isFree = (word: number[] | undefined) =>
      word !== undefined && !chosen.has(word[0]) && chosen.size + word.length <= count;
    for (let from; (from = [...words.keys()].filter((w) => isFree(words[w]))).length > 0;) {
      let w = from[draw(from.length)];
      for (let length = drawLength(chances, draw); length > 0 && isFree(words[w]); length--, w++) {
        words[w].forEach((t) => chosen.add(t));
        if (words[w + 1]?.[0] !== words[w].at(-1)! + 1) break;
      }
    }
    return [...chosen];
  };
}

function drawLength(chances: readonly number[], draw: (size: number) => number): number {
  let left = draw(2 ** 24) / 2 ** 24;
  const i = chances.findIndex((chance) => (left -= chance) < 0);
  return i < 0 ? chances.length : i + 1; // rounding may leave a little
}

/**
 * [MASK] for 80 % of the spans, any tokens but special ones for 10 %, the tokens themselves for 10 %:
 * what is done to one token of a span is done to all.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { eightyTenTenOfSpans } from "@lineage/lineage/objectives/span_masking";
 * import { assertEquals } from "@std/assert";
 * const vocabulary = parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n");
 * const put = eightyTenTenOfSpans(vocabulary)([5, 6, 7], randomKey(1), [3, 4, 5]);
 * assertEquals(put.every((id) => id === 4), put[0] === 4); // all [MASK], or none
 * ```
 */
export function eightyTenTenOfSpans(vocabulary: Vocabulary): Replace {
  const special = new Set(Object.values(vocabulary.special));
  const ordinary = [...vocabulary.tokens.keys()].filter((id) => !special.has(id));
  return (ids, key, positions) => {
    const draw = draws(key);
    let die = 0;
    return ids.map((id, i) => {
      if (positions[i] !== positions[i - 1] + 1) die = draw(10);
      const other = ordinary[draw(ordinary.length)];
      return die < 8 ? vocabulary.special.mask : die < 9 ? other : id;
    });
  };
}

/**
 * The objective. A model guesses from `atPlaces(states, before)`, `atPlaces(states, after)` and its
 * vector of each offset.
 *
 * Its `corrupt` throws a RangeError where nothing can be chosen, and where a text does not begin and
 * end with a special token.
 *
 * @throws {RangeError} for lengths, a rate or a number of offsets that cannot be.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { spanMasking } from "@lineage/lineage/objectives/span_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const objective = spanMasking(tokenizer.vocabulary, { rate: 1 }); // everything, in one span
 * const { targets } = objective.corrupt(encodeBatch(tokenizer, ["a b a"]), randomKey(1));
 * const { before, after, offsets } = await read(targets);
 * assertEquals([...before.slice(0, 3)], [0, 0, 0]);
 * assertEquals([...after.slice(0, 3)], [4, 4, 4]);
 * assertEquals([...offsets.slice(0, 3)], [0, 1, 2]);
 * ```
 */
export function spanMasking(
  vocabulary: Vocabulary,
  options: SpanMaskingOptions = {},
): Objective<EncodedBatch, SpanOutputs, SpanTargets> {
  const { p, longest, offsets = 20, rate, replace = eightyTenTenOfSpans(vocabulary) } = options;
  if (!(Number.isInteger(offsets) && offsets > 0)) {
    throw new RangeError(`spans: ${offsets} offsets are not a whole number above 0`);
  }
  const masking = maskedLM(vocabulary, { rate, replace, choose: spans({ p, longest }) });
  const corrupt = (original: EncodedBatch, key: Key) => {
    const corrupted = masking.corrupt(original, key);
    return { ...corrupted, targets: withBoundaries(corrupted.targets, offsets) };
  };
  return { name: "spanMasking", corrupt, loss: spanLoss };
}

/** Where the span of each place begins and ends, and how far in the place is. */
function withBoundaries(targets: MaskedTargets, limit: number): SpanTargets {
  const { places, count, shape: [, T] } = targets, M = places.size("M");
  const chosen = numbersOf(places).slice(0, count);
  const starts: number[] = [], ends: number[] = [];
  for (let m = 0; m < count; m++) {
    starts[m] = chosen[m] === chosen[m - 1] + 1 ? starts[m - 1] : chosen[m];
  }
  for (let m = count - 1; m >= 0; m--) {
    ends[m] = chosen[m] === chosen[m + 1] - 1 ? ends[m + 1] : chosen[m];
    checkBoundaries(starts[m], ends[m], T);
  }
  const filled = (of: (m: number) => number) =>
    tensor("M", Float32Array.from({ length: M }, (_, m) => m < count ? of(m) : 0), [M]);
  return {
    ...targets,
    before: filled((m) => starts[m] - 1),
    after: filled((m) => ends[m] + 1),
    offsets: filled((m) => Math.min(chosen[m] - starts[m], limit - 1)),
  };
}

/** The numbers a tensor was given: masked LM makes its places on the host. */
const numbersOf = ({ origin }: Tensor): number[] =>
  origin.kind === "data" ? Array.from(origin.values) : [];

function checkBoundaries(start: number, end: number, T: number): void {
  if (start % T > 0 && (end + 1) % T > 0) return;
  throw new RangeError(
    `span boundaries: in row ${Math.floor(start / T)} nothing stands before or after the span of` +
      ` positions ${start % T} to ${end % T}; encode texts with a special token at both ends`,
  );
}

/**
 * Masked LM and span boundaries together, in nats.
 *
 * @throws {RangeError} for logits that belong neither to the batch nor to its places.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { spanLoss } from "@lineage/lineage/objectives/span_masking";
 * import { assertAlmostEquals } from "@std/assert";
 * const one = tensor("M", [1]), labels = tensor("M", [0]);
 * const where = { before: tensor("M", [0]), after: tensor("M", [2]), offsets: tensor("M", [0]) };
 * const targets = { places: one, labels, count: 1, shape: [1, 3] as const, ...where };
 * const undecided = tensor("B T V", [[[0, 0]]]);
 * const loss = spanLoss({ masked: undecided, boundary: undecided }, targets);
 * assertAlmostEquals((await read(loss))[0], 2 * Math.LN2, 1e-6);
 * ```
 */
export function spanLoss({ masked, boundary }: SpanOutputs, targets: SpanTargets): Tensor<""> {
  return add(maskedLMLoss(masked, targets), maskedLMLoss(boundary, targets));
}
