/**
 * Texts being written: a model reads what is there, and says what may come next.
 *
 * Idea   All ways of choosing a token need the same: the scores of the next token, and that what was
 *        chosen be read. With a cache (core/key_value_cache.ts) a token costs one position's work; without
 *        it the whole text is read again, which says the same and is there to be compared with.
 * Maths  scores[b] = logits of text b at its last position
 * Axes   B texts · T positions · V vocabulary; texts of unequal length have padding on the left
 * Differs from the paper: there is none.
 * @module
 */
import { emptyCache, type KeyValueCache } from "../core/key_value_cache.ts";
import { gather, read, rearrange, rename, type Tensor, tensor } from "../core/tensor/mod.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type EncoderInput } from "../models/spec.ts";

/** Texts that a model is writing. */
export interface Writing {
  /** Scores of the next token of each text. */
  readonly scores: readonly Float32Array[];
  /** Positions that are still free. */
  readonly left: number;
  /** Put a token after each text. */
  append(ids: readonly number[]): Promise<void>;
  /** Go on with these texts; the same one may stand there more than once. Their number stays. */
  choose(rows: readonly number[]): Promise<void>;
}

/** How texts are written. */
export interface WritingOptions {
  /** Most tokens that will be appended (default: as many as there are positions). */
  readonly room?: number;
  /** Remember keys and values (default true). */
  readonly cache?: boolean;
}

/** What is read at once is filled up to a multiple of this, so that few programs serve all lengths. */
const block = 16;

/**
 * Begin to write: the prompts are read.
 *
 * @throws {RangeError} where a prompt is empty or longer than the positions, or there is none, and
 * {Error} where the model does not name tokens from left to right.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { beginWriting } from "@lineage/lineage/generation/writing";
 * import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const heads = { languageModel: true }, sizes = GPT2_TINY;
 * const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
 * const writing = await beginWriting({ spec: GPT2, sizes, heads, params }, [[3, 1, 4]]);
 * assertEquals(writing.scores[0].length, sizes.vocabulary);
 * assertEquals(writing.left, sizes.positions - 3);
 * ```
 */
export async function beginWriting(
  model: Pretrained,
  prompts: readonly (readonly number[])[],
  { room = Infinity, cache: caches = true }: WritingOptions = {},
): Promise<Writing> {
  const { positions } = model.sizes, longest = checkPrompts(model, prompts);
  const texts = Texts.of(prompts, longest);
  const most = Math.min(positions, longest + room);
  const size = Math.min(positions, Math.ceil(most / block) * block);
  const cache = caches ? await emptyCache(model.sizes, size, prompts.length) : undefined;
  const next = (ids: readonly number[][]) => scoresAfter(model, texts, ids, size, cache);
  let scores = await next(texts.ids);
  return {
    get scores() {
      return scores;
    },
    get left() {
      return most - texts.length;
    },
    async append(ids) {
      if (texts.length >= most) {
        throw new RangeError(`there is room for ${most} positions; begin with more`);
      }
      texts.push(ids);
      scores = await next(cache ? ids.map((id) => [id]) : texts.ids);
    },
    async choose(rows) {
      texts.choose(rows);
      scores = rows.map((row) => scores[row]);
      if (cache) await chooseRows(cache, rows);
    },
  };
}

function checkPrompts(
  { spec, sizes, params }: Pretrained,
  prompts: readonly (readonly number[])[],
) {
  if (!params.languageModel) {
    throw new Error(`this ${spec.name} has no language-model head: it cannot go on with a text`);
  }
  if (prompts.length === 0) throw new RangeError("there is no prompt: give at least one");
  if (prompts.some((ids) => ids.length === 0)) {
    throw new RangeError(
      "the prompt is empty: give a word to begin with, or the token of a text's end",
    );
  }
  const longest = prompts.reduce((most, ids) => Math.max(most, ids.length), 0);
  if (longest <= sizes.positions) return longest;
  throw new RangeError(
    `the prompt has ${longest} tokens, the model ${sizes.positions} positions: shorten it`,
  );
}

/** The ids of texts, with padding on the left. */
class Texts {
  static of(prompts: readonly (readonly number[])[], longest: number): Texts {
    const padding = prompts.map((ids) => longest - ids.length);
    return new Texts(prompts.map((ids, b) => [...Array(padding[b]).fill(0), ...ids]), padding);
  }
  private constructor(public ids: number[][], public padding: number[]) {}
  get length() {
    return this.ids[0].length;
  }
  push(ids: readonly number[]) {
    this.ids.forEach((row, b) => row.push(ids[b]));
  }
  choose(rows: readonly number[]) {
    this.ids = rows.map((b) => [...this.ids[b]]);
    this.padding = rows.map((b) => this.padding[b]);
  }
}

/** Scores after the last of some ids, which stand at the end of the texts. */
async function scoresAfter(
  model: Pretrained,
  texts: Texts,
  ids: readonly number[][],
  size: number,
  cache?: KeyValueCache,
): Promise<Float32Array[]> {
  const { spec, sizes, params } = model, count = ids[0].length, start = texts.length - count;
  const wide = count === 1 ? 1 : Math.min(size - start, Math.ceil(count / block) * block);
  const rows = ids.map((row) => [...row, ...Array(wide - count).fill(0)]); // to the right: never seen
  const input: EncoderInput = {
    ids: tensor("B T", rows),
    cache,
    ...texts.padding.some((n) => n > 0) && aside(texts, start, wide, cache ? size : wide),
  };
  const { last, cached } = encode(spec, sizes, params.encoder, input);
  const scores = nameTokens(spec, sizes, params, atPlace(last, count - 1));
  const [found] = await read([scores], cache ? [[cache.layers, cached]] : []);
  if (cache) cache.length = texts.length;
  const { vocabulary } = sizes;
  return ids.map((_, b) => Float32Array.from(found.subarray(b * vocabulary, (b + 1) * vocabulary)));
}

/** Mask and places of texts that have padding on the left. */
function aside({ padding }: Texts, start: number, wide: number, keys: number) {
  const grid = (size: number, at: (t: number, padding: number) => number) =>
    tensor("B T", padding.map((n) => Array.from({ length: size }, (_, t) => at(t, n))));
  return {
    mask: grid(keys, (t, n) => t < n ? 0 : 1),
    places: grid(wide, (t, n) => Math.max(0, start + t - n)),
  };
}

/** The states at one position, which may differ from run to run. */
function atPlace(x: Tensor<"B T D">, t: number): Tensor<"B T D"> {
  const rows = gather(rearrange(x, "B T D -> T B D"), tensor("M", [t]));
  return rename(rearrange(rows, "M B D -> B M D"), "B M D -> B T D");
}

/**
 * Go on with these rows of a cache; the same one may stand there more than once.
 *
 * @example
 * ```ts
 * import { emptyCache } from "@lineage/lineage/core/key_value_cache";
 * import { chooseRows } from "@lineage/lineage/generation/writing";
 * const cache = await emptyCache({ layers: 1, heads: 2, width: 4 }, 3, 2);
 * await chooseRows(cache, [1, 1]);
 * ```
 */
export async function chooseRows(
  { layers }: Pick<KeyValueCache, "layers">,
  rows: readonly number[],
): Promise<void> {
  const wanted = tensor("B'", rows);
  const pick = (x: Tensor<"B H Tk K">) => rename(gather(x, wanted), "B' H Tk K -> B H Tk K");
  await read([], [[
    layers,
    layers.map(({ keys, values }) => ({ keys: pick(keys), values: pick(values) })),
  ]]);
}
