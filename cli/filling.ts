/**
 * Filling in: the most likely words for each [MASK] of a text.
 *
 * Idea   Encode, run the model, and look at the scores where a [MASK] stands.
 * @module
 */
import { read, softmax, tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { asInputs, atPlaces } from "../objectives/objective.ts";

/** A word for a gap. */
export interface Guess {
  /** The token. */
  token: string;
  /** The model's probability for it. */
  probability: number;
}

/** The `top` most likely tokens for each mask in each text, in order. */
export async function fillMasks(
  model: Pretrained,
  tokenizer: Tokenizer,
  texts: readonly string[],
  top = 5,
): Promise<Guess[][][]> {
  const { spec, sizes, params, vocabulary } = model;
  const batch = encodeBatch(tokenizer, texts), [, length] = batch.shape;
  if (length > sizes.positions) {
    throw new RangeError(
      `a text of ${length} tokens is longer than the ${sizes.positions} positions of the model`,
    );
  }
  const places = [...batch.ids.keys()].filter((i) => batch.ids[i] === vocabulary!.special.mask);
  if (places.length === 0) throw new RangeError("there is no [MASK] to fill in the text");
  const { last } = encode(spec, sizes, params.encoder, asInputs(batch));
  const chosen = atPlaces(last, tensor("M", places));
  const probabilities = await read(softmax(nameTokens(spec, sizes, params, chosen), "V"));
  const guesses: Guess[][][] = texts.map(() => []);
  places.forEach((place, i) => {
    const row = probabilities.subarray(i * sizes.vocabulary, (i + 1) * sizes.vocabulary);
    guesses[Math.floor(place / length)].push(best(row, top, vocabulary!.tokens));
  });
  return guesses;
}

function best(row: ArrayLike<number>, top: number, tokens: readonly string[]): Guess[] {
  const order = Array.from({ length: Math.min(row.length, tokens.length) }, (_, id) => id)
    .sort((a, b) => row[b] - row[a]);
  return order.slice(0, top).map((id) => ({ token: tokens[id], probability: row[id] }));
}
