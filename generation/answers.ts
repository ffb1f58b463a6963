/**
 * Answers of an encoder–decoder: the source is read once, the answer written token by token.
 * Idea   A writer is a writer (writing.ts): it says what may come next, and reads what was chosen. So greedy and beam
 *        search are those of language models. What differs is what the writer looks at: besides its own
 *        words, the source, whose keys and values are made once.
 * Maths  greedy: y_t = argmax_v p(v | y₍<t₎, x);  beams as in beam_search.ts
 * Axes   B texts · T positions · V vocabulary
 * Differs from the paper: nothing; T5 (1910.10683) answers greedily, and with four beams where it translates or sums up.
 * @module
 */
import { emptyCache, type KeysAndValues } from "../core/key_value_cache.ts";
import {
  at,
  broadcast,
  gather,
  keep,
  read,
  rearrange,
  rename,
  type Tensor,
  tensor,
  type Values,
} from "../core/tensor/mod.ts";
import {
  type EncoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
} from "../models/encoder_decoder.ts";
import {
  cacheSizes,
  type ReadSource,
  readSource,
  scoreTokens,
  sourceKeys,
  type SourceTokens,
  writeAnswer,
} from "../models/reading_and_writing.ts";
import { searchFrom } from "./beam_search.ts";
import { continueFrom } from "./generate.ts";
import { type GenerationOptions, methodOf } from "./options.ts";
import { chooseRows, type Writing } from "./writing.ts";

/** A model that answers. */
export interface Writer {
  /** Which. */
  spec: EncoderDecoderSpec;
  /** How large. */
  sizes: EncoderDecoderSizes;
  /** Its parameters, kept. */
  params: EncoderDecoderParameters;
}

/** How answers are written. */
export interface AnswerOptions {
  /** Most tokens of an answer. */
  readonly room: number;
  /** Remember keys and values of what was written (default true). */
  readonly cache?: boolean;
  /** Ids that end an answer; they are not part of it (default: the model's end token). */
  readonly end?: readonly number[];
}

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
 * const found = await greedyAnswers(model, source, { room: 4 });
 * assertEquals(found, await greedyAnswers(model, source, { room: 4, cache: false }));
 * ```
 */
export async function greedyAnswers(
  model: Writer,
  source: SourceTokens,
  options: AnswerOptions,
): Promise<number[][]> {
  const { end = [model.sizes.end] } = options;
  return await continueFrom(await beginAnswers(model, source, options), { end });
}

/**
 * The likeliest answer, for its length, that `beams` at a time find to one source.
 *
 * @throws {RangeError} where there is more than one source, or the options contradict each other.
 *
 * @example
 * ```ts
 * import { keep, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { searchAnswer } from "@lineage/lineage/generation/answers";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assert } from "@std/assert";
 * const sizes = { ...T5_TINY, vocabulary: 50 };
 * const model = { spec: T5, sizes, params: await keep(startT5(T5, sizes, randomKey(1))) };
 * const source = { ids: tensor("B T", [[5, 6, 1]]) };
 * const { ids } = await searchAnswer(model, source, { beams: 4, maxTokens: 6 });
 * assert(ids.length <= 6);
 * ```
 */
export async function searchAnswer(
  model: Writer,
  { ids, mask }: SourceTokens,
  { beams = 4, maxTokens = 32, ...options }: GenerationOptions,
  { cache }: Pick<AnswerOptions, "cache"> = {},
): ReturnType<typeof searchFrom> {
  methodOf({ ...options, beams, maxTokens });
  if (ids.size("B") !== 1) {
    throw new RangeError(`${ids.size("B")} sources: beams are for one; search for each by itself`);
  }
  const copies = (x: Tensor<"B T">) => broadcast(at(x, "B", 0), "B T", { B: beams });
  const source = { ids: copies(ids), mask: mask && copies(mask) };
  const writing = await beginAnswers(model, source, { room: maxTokens, cache });
  return await searchFrom(writing, [], { end: [model.sizes.end], ...options, beams });
}

/**
 * Begin to answer: the sources are read, and the first tokens scored.
 *
 * @throws {RangeError} where there is no room for a token.
 *
 * @example
 * ```ts
 * import { keep, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { beginAnswers } from "@lineage/lineage/generation/answers";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const model = { spec: T5, sizes: T5_TINY, params: await keep(startT5(T5, T5_TINY, randomKey(1))) };
 * const writing = await beginAnswers(model, { ids: tensor("B T", [[5, 6, 1]]) }, { room: 4 });
 * assertEquals([writing.scores[0].length, writing.left], [T5_TINY.vocabulary, 4]);
 * ```
 */
export async function beginAnswers(
  model: Writer,
  { ids, mask }: SourceTokens,
  { room, cache = true }: Omit<AnswerOptions, "end">,
): Promise<Writing> {
  if (!(Number.isInteger(room) && room > 0)) {
    throw new RangeError(`an answer needs room for one token at least, not ${room}`);
  }
  const { spec, sizes, params } = model, B = ids.size("B");
  const found = readSource(spec, sizes, params, { ids, mask });
  const keys = sourceKeys(sizes, params, found);
  const source = await keep({ last: found.last, keys, ...mask && { mask } });
  const memory = await (cache ? stored : computedAnew)(model, source, room);
  let scores = await memory.scores(Array(B).fill(sizes.start)), left = room;
  return {
    get scores() {
      return scores;
    },
    get left() {
      return left;
    },
    async append(ids) {
      if (left === 0) {
        throw new RangeError(`there is room for ${room} tokens only; begin with more`);
      }
      if (--left > 0) scores = await memory.scores(ids);
    },
    async choose(rows) {
      scores = rows.map((row) => scores[row]);
      await memory.choose(rows);
      await chooseRows({ layers: source.keys }, rows);
      if (source.mask) await read([], [[source.mask, pick(source.mask, rows)]]);
    },
  };
}

/** What was read, held on the device. */
interface Held extends ReadSource {
  keys: KeysAndValues[];
}

/** What was written, one way or the other. */
interface Memory {
  /** Scores of the next tokens after one more token for each text. */
  scores(ids: readonly number[]): Promise<Float32Array[]>;
  /** Go on with these texts. */
  choose(rows: readonly number[]): void | Promise<void>;
}

/** Keys and values of what was written are stored: a token costs one position's work. */
async function stored(model: Writer, source: Held, room: number): Promise<Memory> {
  const { spec, sizes, params } = model, B = source.last.size("B");
  const cache = await emptyCache(cacheSizes(sizes), room, B);
  return {
    async scores(ids) {
      const written = { ids: tensor("B T", ids, [B, 1]), cache, source: source.keys };
      const { last, cached } = writeAnswer(spec, sizes, params, source, written);
      const found = await read(scoreTokens(spec, params, last), [[cache.layers, cached]]);
      cache.length++;
      return rowsOf(found, B);
    },
    choose: (rows) => chooseRows(cache, rows),
  };
}

/** Nothing but ids is stored: the whole answer is computed again for each token. */
function computedAnew({ spec, sizes, params }: Writer, source: Held, room: number): Memory {
  const B = source.last.size("B");
  let texts = Array.from({ length: B }, (): number[] => []);
  return {
    async scores(ids) {
      texts.forEach((text, b) => text.push(ids[b]));
      const length = texts[0].length, unseen = Array(room - length).fill(sizes.padding);
      const all = tensor("B T", texts.map((text) => [...text, ...unseen]));
      const written = { ids: all, source: source.keys };
      const { last } = writeAnswer(spec, sizes, params, source, written);
      const place = tensor("M", [length - 1]);
      const rows = rearrange(gather(rearrange(last, "B T D -> T B D"), place), "M B D -> B M D");
      return rowsOf(await read(scoreTokens(spec, params, rename(rows, "B M D -> B T D"))), B);
    },
    choose: (rows) => {
      texts = rows.map((row) => [...texts[row]]);
    },
  };
}

const pick = (x: Tensor<"B T">, rows: readonly number[]) =>
  rename(gather(x, tensor("B'", rows)), "B' T -> B T");

const rowsOf = (flat: Values, count: number) =>
  Array.from(
    { length: count },
    (_, b) =>
      Float32Array.from(flat.subarray(b * flat.length / count, (b + 1) * flat.length / count)),
  );
