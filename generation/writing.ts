/**
 * Texts being written: a model reads what is there, and says what may come next.
 *
 * Idea   All ways of choosing a token need the same: the scores of the next token, and that what was
 *        chosen be read. With a cache (core/key_value_cache.ts) a token costs one position's work; without
 *        it the whole text is read again, which says the same and is there to be compared with. What reads one
 *        token more is built once and run for each: only the ids and their place are new.
 * Maths  scores[b] = logits of text b at its last position
 * Axes   B texts · T positions · V vocabulary; texts of unequal length have padding on the left
 * Differs from the paper: there is none.
 * @module
 */
import { emptyCache, type KeyValueCache } from "../core/key_value_cache.ts";
import {
  add,
  broadcast,
  gather,
  keep,
  maximum,
  read,
  rearrange,
  rename,
  scalar,
  type Tensor,
  tensor,
  type Updates,
  zeros,
} from "../core/tensor/mod.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, type EncoderInput } from "../models/spec.ts";

/** Texts that a model is writing. */
export interface Writing {
  /** Scores of the next token of each text. */
  readonly scores: readonly Float32Array[];
  /** Positions that are still free. */
  readonly left: number;
  /** Put a token after each text; a RangeError where there is no room, or no such token. */
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
  let scores = await scoresAfter(model, texts, size, cache), step: Step | undefined;
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
      checkTokens(ids, prompts.length, model.sizes.vocabulary);
      texts.push(ids);
      if (!cache) scores = await scoresAfter(model, texts, size);
      else scores = await scoresAfterOne(step ??= await stepOf(model, texts, cache), texts, cache);
    },
    async choose(rows) {
      texts.choose(rows);
      if (texts.padded) step = undefined; // it is of texts with their padding
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

/** What is given to a graph that was built before is not looked at again: so it is here. */
function checkTokens(ids: readonly number[], texts: number, vocabulary: number): void {
  if (ids.length !== texts) {
    throw new RangeError(`${ids.length} tokens for ${texts} texts: give one for each`);
  }
  const odd = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabulary));
  if (odd === undefined) return;
  throw new RangeError(
    `there is no token ${odd}: the vocabulary has those from 0 to ${vocabulary - 1}`,
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
  get padded() {
    return this.padding.some((n) => n > 0);
  }
  push(ids: readonly number[]) {
    this.ids.forEach((row, b) => row.push(ids[b]));
  }
  choose(rows: readonly number[]) {
    this.ids = rows.map((b) => [...this.ids[b]]);
    this.padding = rows.map((b) => this.padding[b]);
  }
}

/** Scores after all that is in the texts. */
async function scoresAfter(
  model: Pretrained,
  texts: Texts,
  size: number,
  cache?: KeyValueCache,
): Promise<Float32Array[]> {
  const { spec, sizes, params } = model, count = texts.length;
  const wide = Math.min(size, Math.ceil(count / block) * block);
  const rows = texts.ids.map((row) => [...row, ...Array(wide - count).fill(0)]); // to the right: never seen
  const places = tensor("B T", texts.padding.map((n) => upTo(wide).map((t) => Math.max(0, t - n))));
  const input: EncoderInput = {
    ids: tensor("B T", rows),
    cache,
    ...texts.padded && { mask: maskOf(texts, cache ? size : wide), places },
  };
  const { last, cached } = encode(spec, sizes, params.encoder, input);
  const scores = nameTokens(spec, sizes, params, atPlace(last, count - 1));
  const [found] = await read([scores], cache ? [[cache.layers, cached]] : []);
  if (cache) cache.length = texts.length;
  return rowsOf(found, texts);
}

/** What reads one token more of each text: the graph, and what it is given anew each time. */
interface Step {
  given: { ids: Tensor<"B T">; start: Tensor<""> };
  scores: Tensor<"B T V">;
  updates: Updates;
}

async function stepOf(model: Pretrained, texts: Texts, cache: KeyValueCache): Promise<Step> {
  const { spec, sizes, params } = model, batch = texts.ids.length;
  const given = await keep({ ids: zeros("B T", [batch, 1]), start: scalar(cache.length) });
  const shift = tensor("B T", texts.padding.map((n) => [-n]));
  const places = maximum(add(shift, broadcast(given.start, "B T", { B: batch, T: 1 })), 0);
  const input: EncoderInput = {
    ids: given.ids,
    cache: { ...cache, start: given.start },
    ...texts.padded && { mask: maskOf(texts, cache.layers[0].keys.size("Tk")), places },
  };
  const { last, cached } = encode(spec, sizes, params.encoder, input);
  const scores = nameTokens(spec, sizes, params, last);
  return { given, scores, updates: [[cache.layers, cached]] };
}

/** Scores after the last token of the texts, which is the only one that the cache does not hold yet. */
async function scoresAfterOne(
  { given, scores, updates }: Step,
  texts: Texts,
  cache: KeyValueCache,
): Promise<Float32Array[]> {
  const ids = tensor("B T", texts.ids.map((row) => [row[texts.length - 1]]));
  const giving = read([], [[given, { ids, start: scalar(cache.length) }]]);
  const [[found]] = await Promise.all([read([scores], updates), giving]);
  cache.length = texts.length;
  return rowsOf(found, texts);
}

/** The scores of each text. */
function rowsOf(found: ArrayLike<number>, { ids }: Texts): Float32Array[] {
  const all = Float32Array.from(found), vocabulary = all.length / ids.length;
  return ids.map((_, b) => all.slice(b * vocabulary, (b + 1) * vocabulary));
}

const upTo = (size: number) => Array.from({ length: size }, (_, t) => t);

/** Which of the first places of each text are tokens. */
const maskOf = ({ padding }: Texts, size: number): Tensor<"B T"> =>
  tensor("B T", padding.map((n) => upTo(size).map((t) => t < n ? 0 : 1)));

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
