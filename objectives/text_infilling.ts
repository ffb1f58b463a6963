/**
 * Text infilling — Lewis et al. 2019, BART (1910.13461), §2.2; 30 % of the tokens as in its §5.1.
 * Idea   Spans are taken out of a text, and each leaves one [MASK], whatever its length; a span of length 0 puts
 *        a [MASK] where nothing is missing. The decoder writes the whole text. So it must find out not only
 *        what is missing but also how much.
 * Maths  lengths ∼ Poisson(λ = 3), one after another until k = round(0.3 n) of n tokens are taken out; the last
 *        is cut to fit. Spans do not touch; any way to put them among the n − k others is as likely as any other
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: it does not say that spans never touch, nor which is cut. Here there are no more spans
 *        than tokens taken out, so that no source is longer than its text.
 * Trap   One [MASK] for each span, not for each of its tokens: with SpanBERT's as many the number is told.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { wholeText } from "./document_rotation.ts";
import { asInputs, draws, type Objective, rowOf, shuffled } from "./objective.ts";
import { spread } from "./span_corruption.ts";
import {
  answerLoss,
  type AnswerTargets,
  asAnswers,
  ownTokens,
  type Rewritten,
  rewritten,
} from "./text_to_text.ts";

/** How much is taken out, in what spans. */
export interface TextInfillingOptions {
  /** The share of a text's tokens (default 0.3). */
  readonly rate?: number;
  /** The mean length of a span, λ (default 3). */
  readonly meanLength?: number;
}

/**
 * The number that u, from 0 up to 1, draws from a Poisson distribution.
 *
 * @example
 * ```ts
 * import { poisson } from "@lineage/lineage/objectives/text_infilling";
 * import { assertEquals } from "@std/assert";
 * assertEquals([0, 0.04, 0.05, 0.19, 0.2].map((u) => poisson(3, u)), [0, 0, 1, 1, 2]); // e⁻³ = 0.0498
 * ```
 */
export function poisson(mean: number, u: number): number {
  let n = 0, chance = Math.exp(-mean), left = u - chance;
  while (left >= 0 && chance > 0) left -= chance *= mean / ++n;
  return n;
}

/**
 * The objective for the texts of a vocabulary.
 *
 * Its `corrupt` throws a RangeError where spans would cover everything, or a text has no end token.
 *
 * @throws {RangeError} for a rate that is not above 0 and below 1, or a mean length not above 0.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { textInfilling } from "@lineage/lineage/objectives/text_infilling";
 * import { assert, assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n"));
 * const { corrupt } = textInfilling(tokenizer.vocabulary, { rate: 0.67 });
 * const { batch, targets } = corrupt(encodeBatch(tokenizer, ["a b c"]), randomKey(1));
 * const once = ["2,4,7,3,0", "2,5,4,3,0"], twice = "2,4,6,4,3"; // [CLS] [MASK] c [SEP], and so on
 * assert([...once, twice].includes(batch.ids.join()));
 * assertEquals([...await read(targets.answer)].slice(0, 4), [5, 6, 7, 3]);
 * ```
 */
export function textInfilling(
  vocabulary: Vocabulary,
  { rate = 0.3, meanLength = 3 }: TextInfillingOptions = {},
): Objective<EncodedBatch, Tensor<"B T V">, AnswerTargets> {
  if (!(rate > 0 && rate < 1 && meanLength > 0 && meanLength < Infinity)) {
    throw new RangeError(
      `text infilling: a rate of ${rate} is to be above 0 and below 1, a mean length of ${meanLength} above 0`,
    );
  }
  const { mask, pad } = vocabulary.special;
  const corrupt = (original: EncodedBatch, key: Key) => {
    const [B, T] = original.shape, all = Array.from({ length: B }, (_, b) => b);
    const answers = all.map((b) => wholeText(original, b, vocabulary));
    const rows = all.map((b) => {
      const tokens = ownTokens(original, b), own = key.derive(b);
      const lengths = drawLengths(tokens.length, rate, meanLength, own, b);
      return infilled(original, b, tokens, lengths, mask, own.derive(2));
    });
    const batch = rewritten(original, rows, pad);
    return { original, batch, inputs: asInputs(batch), targets: asAnswers(answers, T) };
  };
  return { name: "textInfilling", corrupt, loss: answerLoss };
}

/** The lengths of the spans of a text of n tokens, in any order. */
function drawLengths(n: number, rate: number, mean: number, key: Key, row: number): number[] {
  const taken = Math.max(1, Math.round(rate * n)), most = Math.min(taken, n - taken + 1);
  if (taken >= n) {
    throw new RangeError(
      `text infilling: ${taken} of the ${n} tokens of row ${row} would be taken out, which leaves nothing to` +
        " tell them from; give longer texts or a lower rate",
    );
  }
  const lengths: number[] = [], drawn = key.derive(0);
  for (let left = taken; left > 0; left -= lengths.at(-1)!) {
    const length = poisson(mean, drawn.number(lengths.length));
    lengths.push(lengths.length + 1 < most ? Math.min(length, left) : left);
  }
  return shuffled(lengths, key.derive(1)); // else the one that was cut would always be the last
}

/** A text with one [MASK] for each span. */
function infilled(
  batch: EncodedBatch,
  row: number,
  tokens: readonly number[],
  lengths: readonly number[],
  mask: number,
  key: Key,
): Rewritten[] {
  const starts = spread(lengths, tokens.length, draws(key));
  const hidden = new Set(starts.flatMap((t, i) => tokens.slice(t, t + lengths[i])));
  const marked = new Set(starts.map((t) => tokens[t] ?? tokens[t - 1] + 1)); // or after the last
  const { mask: real } = rowOf(batch, row);
  return [...real.keys()].filter((t) => real[t] === 1).flatMap((from): Rewritten[] => [
    ...marked.has(from) ? [{ from, id: mask }] : [],
    ...hidden.has(from) ? [] : [{ from }],
  ]);
}
