/**
 * A masked language model as a generator — Ghazvininejad et al. 2019 (1904.09324), mask-predict; Wang & Cho 2019 (1902.04094).
 * Idea   BERT has no next word, but it has gaps. Give it a row of [MASK]s; it fills the one it is surest of,
 *        looks again with that word in place, and so on. The order is its own, not the reader's.
 * Maths  repeat: (t, v) = the likeliest pair over open gaps t and tokens v;  text[t] = v
 * Axes   M gaps · V vocabulary
 * Differs from the paper: mask-predict fills many gaps at once and takes some back; here one at a time, for good.
 * Trap   Filling all gaps at once gives words that do not know of each other: "the the dog".
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { randomKey, read, tensor } from "../core/tensor/mod.ts";
import { encode as encodeText } from "../core/text/batch.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { drawn, type GenerationOptions, methodOf, penalised, probabilities } from "./options.ts";

/** How gaps are filled; beams are refused: they are for texts that are written in one direction. */
export type FillOptions = Omit<GenerationOptions, "end">;

/** A gap that was filled. */
export interface Filled {
  /** Its position. */
  readonly position: number;
  /** The token that stands there now. */
  readonly id: number;
  /** How likely the model found it. */
  readonly probability: number;
  /** The whole text after it. */
  readonly ids: readonly number[];
}

/**
 * Fill the gaps of a text one after another, the surest first; `mask` is the id of a gap, `never` are
 * ids that fill none.
 *
 * @throws {RangeError} where there is no gap, `never` leaves no token, or the text is longer than the
 * positions; {Error} where the model has no masked-LM head.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { fillIn } from "@lineage/lineage/generation/fill_in";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const heads = { maskedLM: true }, sizes = { ...BERT_TINY, layers: 1 };
 * const params = await keep(initialise(modelParameters(BERT, sizes, heads), randomKey(1)));
 * let ids: readonly number[] = [2, 4, 4, 3];
 * const model = { spec: BERT, sizes, heads, params };
 * for await (const step of fillIn(model, ids, { mask: 4, never: [0, 1, 2, 3, 4] })) ids = step.ids;
 * assertEquals(ids.includes(4), false);
 * ```
 */
export async function* fillIn(
  { spec, sizes, params }: Pretrained,
  text: readonly number[],
  { mask, never = [], ...options }: FillOptions & { mask: number; never?: readonly number[] },
): AsyncGenerator<Filled, void, void> {
  const method = methodOf(options), key = randomKey(options.seed ?? 0), ids = [...text];
  if (!params.maskedLM) {
    throw new Error(`this ${spec.name} has no masked-LM head: it does not know what fills a gap`);
  }
  if (method === "beams") throw new RangeError("gaps are filled one at a time: leave out beams");
  const gaps = new Set([...ids.keys()].filter((t) => ids[t] === mask));
  if (gaps.size === 0) {
    throw new RangeError("there is no gap to fill: put the mask token somewhere");
  }
  if (new Set(never).size >= sizes.vocabulary) {
    throw new RangeError("`never` names every token: leave one that may fill a gap");
  }
  const { maxTokens = Infinity, repetitionPenalty = 1 } = options;
  for (let i = 0; gaps.size > 0 && i < maxTokens; i++) {
    const { last } = encode(spec, sizes, params.encoder, { ids: tensor("B T", [ids]) });
    const scores = await read(nameTokens(spec, sizes, params, last));
    const found = [...gaps].map((position) => {
      const from = position * sizes.vocabulary, own = scores.slice(from, from + sizes.vocabulary);
      const row = penalised(own, ids, repetitionPenalty);
      for (const id of never) row[id] = -Infinity;
      return { position, chances: probabilities(row, options) };
    });
    const sureness = found.map(({ chances }) => chances[argmax(chances)]);
    const { position, chances } = found[argmax(sureness)];
    const id = method === "greedy" ? argmax(chances) : drawn(chances, key.number(i));
    ids[position] = id;
    gaps.delete(position);
    yield { position, id, probability: chances[id], ids: [...ids] };
  }
}

/**
 * A text with gaps, written as its tokenizer writes a mask, after each gap that is filled. Special tokens fill
 * none.
 *
 * @throws {RangeError} as `fillIn`, and {Error} where the model has no tokenizer.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { fillText } from "@lineage/lineage/generation/fill_in";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertMatch } from "@std/assert";
 * const words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nrow\nboat\n";
 * const heads = { maskedLM: true }, sizes = { ...BERT_TINY, vocabulary: 7, layers: 1 };
 * const params = await keep(initialise(modelParameters(BERT, sizes, heads), randomKey(1)));
 * const model = { spec: BERT, sizes, heads, params, tokenizer: wordPiece(parseVocabulary(words)) };
 * const texts = await Array.fromAsync(fillText(model, "[MASK] row [MASK]"));
 * assertMatch(texts[1], /^(row|boat) row (row|boat)$/);
 * ```
 */
export async function* fillText(
  model: Pretrained,
  text: string,
  options: FillOptions = {},
): AsyncGenerator<string, void, void> {
  const { tokenizer } = model;
  if (!tokenizer) throw new Error("the model has no tokenizer: load it from a folder that has one");
  const { tokens, special } = tokenizer.vocabulary, { mask } = special;
  const { ids, words } = encodeText(tokenizer, text), never = Object.values(special);
  if (!ids.includes(mask)) {
    throw new RangeError(`there is no ${tokens[mask]} in the text: put one for each gap`);
  }
  for await (const { ids: now } of fillIn(model, ids, { mask, never, ...options })) {
    yield tokenizer.decode(now.filter((_, t) => words[t] >= 0)); // what the template added is left out
  }
}
