/**
 * Filling in: the most likely words for each mask of a text.
 *
 * Idea   Encode, run the model, and look at the scores where a mask stands.
 * @module
 */
import { read, softmax, tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { asInputs, atPlaces } from "../objectives/objective.ts";

/** A word for a gap. */
export interface Guess {
  /** The token as text; for a byte-level BPE with the space before it. */
  token: string;
  /** The model's probability for it. */
  probability: number;
}

/** The `top` most likely tokens for each mask in each text, in order. */
export async function fillMasks(
  model: Pretrained,
  texts: readonly string[],
  top = 5,
): Promise<Guess[][][]> {
  const { spec, sizes, params } = model, tokenizer = model.tokenizer!;
  const { tokens, special } = tokenizer.vocabulary;
  const batch = encodeBatch(tokenizer, texts), [, length] = batch.shape;
  if (length > sizes.positions) {
    throw new RangeError(
      `a text of ${length} tokens is longer than the ${sizes.positions} positions of the model`,
    );
  }
  const places = [...batch.ids.keys()].filter((i) => batch.ids[i] === special.mask);
  if (places.length === 0) {
    throw new RangeError(`there is no ${tokens[special.mask]} to fill in the text`);
  }
  const { last } = encode(spec, sizes, params.encoder, asInputs(batch));
  const chosen = atPlaces(last, tensor("M", places));
  const probabilities = await read(softmax(nameTokens(spec, sizes, params, chosen), "V"));
  const guesses: Guess[][][] = texts.map(() => []);
  places.forEach((place, i) => {
    const row = probabilities.subarray(i * sizes.vocabulary, (i + 1) * sizes.vocabulary);
    guesses[Math.floor(place / length)].push(
      best(row, Math.min(row.length, tokens.length), top)
        .map((id) => ({ token: tokenizer.decode([id]), probability: row[id] })),
    );
  });
  return guesses;
}

/** The `top` best of the first `count` ids. */
function best(row: ArrayLike<number>, count: number, top: number): number[] {
  const ids = Array.from({ length: count }, (_, id) => id);
  return ids.sort((a, b) => row[b] - row[a]).slice(0, top);
}
