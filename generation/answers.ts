/**
 * Answers of an encoder–decoder, token by token.
 * Idea   The source is read once. Then the decoder writes, always the likeliest token, until it writes the end. What it
 *        has written, and what it looks at in the source, stays the same; so both are stored as keys and values.
 * Maths  y_t = argmax_v p(v | y₍<t₎, x)
 * Axes   B texts · T positions · V vocabulary
 * Differs from the paper: none; T5 (1910.10683) answers greedily but for translation and summaries, where it takes
 *        a beam of four.
 * @module
 */
import { emptyCache } from "../core/key_value_cache.ts";
import { keep, read, type Tensor, tensor } from "../core/tensor/mod.ts";
import {
  cacheSizes,
  type EncoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
  readSource,
  scoreTokens,
  type Source,
  sourceKeys,
  writeAnswer,
} from "../models/encoder_decoder.ts";

/** A model that answers. */
export interface Writer {
  /** Which. */
  spec: EncoderDecoderSpec;
  /** How large. */
  sizes: EncoderDecoderSizes;
  /** Its parameters, kept. */
  params: EncoderDecoderParameters;
}

/** How to answer. */
export interface AnswerOptions {
  /** Most tokens of an answer. */
  steps: number;
  /** Whether what was written is stored (default) or computed again for each token. */
  cached?: boolean;
  /** Whether the end token ends an answer (default); it is not part of it. */
  stop?: boolean;
}

/** Scores of the next token for each text, given the token before: V numbers a text, row by row. */
export type NextScores = (ids: readonly number[]) => Promise<ArrayLike<number>>;

/**
 * The greedy answers to the sources of a batch.
 *
 * @throws {RangeError} where there is no room for a token.
 *
 * @example
 * ```ts
 * import { keep, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { greedyAnswers } from "@lineage/lineage/generation/answers";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const sizes = { ...T5_TINY, vocabulary: 50 };
 * const model = { spec: T5, sizes, params: await keep(startT5(T5, sizes, randomKey(1))) };
 * const source = { ids: tensor("B T", [[5, 6, 1]]) };
 * const cached = await greedyAnswers(model, source, { steps: 4 });
 * assertEquals(cached, await greedyAnswers(model, source, { steps: 4, cached: false }));
 * ```
 */
export async function greedyAnswers(
  model: Writer,
  source: Source,
  { steps, cached = true, stop = true }: AnswerOptions,
): Promise<number[][]> {
  const { start, end, vocabulary } = model.sizes, B = source.ids.size("B");
  const next = await (cached ? withCache : withoutCache)(model, source, steps);
  const answers = Array.from({ length: B }, (): number[] => []), done = new Set<number>();
  let ids = answers.map(() => start);
  for (let t = 0; t < steps && done.size < B; t++) {
    const scores = await next(ids);
    ids = answers.map((answer, b) => {
      const id = likeliest(scores, b * vocabulary, vocabulary);
      if (stop && id === end) done.add(b);
      if (!done.has(b)) answer.push(id);
      return id;
    });
  }
  return answers;
}

function likeliest(scores: ArrayLike<number>, from: number, count: number): number {
  let best = from;
  for (let i = from; i < from + count; i++) if (scores[i] > scores[best]) best = i;
  return best - from;
}

/** Scores of the next tokens where all that was written is stored: one position's work a token. */
export async function withCache(model: Writer, source: Source, steps: number): Promise<NextScores> {
  const { spec, sizes, params } = model, B = source.ids.size("B");
  const found = readSource(spec, sizes, params, source);
  const kept = await keep({ last: found.last, keys: sourceKeys(sizes, params, found) });
  const cache = await emptyCache(cacheSizes(sizes), steps, B);
  return async (ids) => {
    const written = { ids: tensor("B T", ids, [B, 1]), cache, source: kept.keys };
    const of = { last: kept.last, mask: source.mask };
    const { last, cached } = writeAnswer(spec, sizes, params, of, written);
    const scores = await read(scoreTokens(spec, params, last), [[cache.layers, cached]]);
    cache.length++;
    return scores;
  };
}

/** The same without storing anything but ids: the whole answer is computed again for each token. */
export async function withoutCache(
  { spec, sizes, params }: Writer,
  source: Source,
  steps: number,
): Promise<NextScores> {
  const B = source.ids.size("B"), V = sizes.vocabulary;
  const last = await keep(readSource(spec, sizes, params, source).last);
  const so = new Float32Array(B * steps).fill(sizes.padding); // to the right of what is written: unseen
  let t = 0;
  return async (ids) => {
    ids.forEach((id, b) => so[b * steps + t] = id);
    const written = { ids: tensor("B T", so.slice(), [B, steps]) };
    const answer = writeAnswer(spec, sizes, params, { last, mask: source.mask }, written);
    const scores: Tensor = scoreTokens(spec, params, answer.last), all = await read(scores);
    const rows = ids.flatMap((_, b) => [
      ...all.subarray((b * steps + t) * V, (b * steps + t + 1) * V),
    ]);
    t++;
    return rows;
  };
}
