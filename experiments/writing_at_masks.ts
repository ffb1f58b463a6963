/**
 * Writing with a model that guesses at [MASK]s — Dong et al. 2019 (UniLM, 1905.03197), §2.5.
 * Idea   Put a [MASK] after the text, let it be guessed from what comes before, put the guess in its
 *        place, and so on.
 * Maths  x[t] = argmax over v of p(v | x[<t], [MASK] at t)
 * Axes   B texts · T positions · V vocabulary
 * Differs from the paper, which searches with a beam; here the likeliest token is taken each time.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { read, tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { atPlaces } from "../objectives/objective.ts";
import { type SightName, underSights } from "../objectives/unilm.ts";

/** How long texts may become, and what follows them. */
export interface Room {
  /** Positions in all. */
  readonly length: number;
  /** Most tokens that are written. */
  readonly longest: number;
}

/** The sentence, up to a full stop, that a model finds likeliest after each text. */
export async function continued(
  { spec, sizes, params }: Pick<Pretrained, "spec" | "sizes" | "params">,
  tokenizer: Tokenizer,
  texts: readonly string[],
  { length, longest }: Room,
): Promise<string[]> {
  const { tokens, special } = tokenizer.vocabulary, stop = tokens.indexOf(".");
  const batch = encodeBatch(tokenizer, texts, { padTo: length }), { ids, mask } = batch;
  const starts = texts.map((_, b) => mask.subarray(b * length, (b + 1) * length).indexOf(0));
  const next = [...starts], open = new Set(texts.keys());
  const sights = texts.map((): SightName => "leftToRight");
  for (let n = 0; n < longest && open.size > 0; n++) {
    for (const b of open) {
      ids[b * length + next[b]] = special.mask;
      mask[b * length + next[b]] = 1;
    }
    const { last } = encode(spec, sizes, params.encoder, underSights(batch, sights));
    const places = tensor("M", next.map((t, b) => b * length + Math.min(t, length - 1)));
    const scores = await read(nameTokens(spec, sizes, params, atPlaces(last, places)));
    for (const b of [...open]) {
      const row = scores.subarray(b * tokens.length, (b + 1) * tokens.length);
      const best = argmax(row);
      ids[b * length + next[b]++] = best;
      if (best === stop || next[b] === length) open.delete(b);
    }
  }
  const written = (b: number) => ids.subarray(b * length + starts[b], b * length + next[b]);
  return texts.map((_, b) => tokenizer.decode(written(b)));
}
