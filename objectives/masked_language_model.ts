/**
 * Masked language model — Devlin et al. 2018 (1810.04805), §3.1, task 1, and appendix A.1.
 * Idea   Hide some tokens and let the model name them from both sides. Most become [MASK]; but no
 *        text of a later task holds a [MASK], so some become another token and some stay.
 * Maths  L = 1/n Σ over the n chosen places m of −log softmax(logits[m])[token that stood there]
 *        chosen: 15 % of a text's tokens; of these 80 % → [MASK], 10 % → any token, 10 % as it was
 * Axes   B batch · T positions · V vocabulary · M places, as many in every batch of one shape
 * Differs from the paper: nothing that it says. As in the authors' code a text has a fixed number
 *        of chosen tokens, where Hugging Face tosses a coin for each: so no text goes without, and
 *        every step has the same shapes. The authors count [CLS] and [SEP] into the 15 %, and may
 *        put a special token for a random one; here neither.
 * Trap   A loss over every position (transformers#2759) is mostly about copying what can be seen.
 *        It falls fast and says nothing.
 * @module
 */
import type { EncodedBatch, Encoding } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import {
  at,
  crossEntropy,
  divide,
  ignored,
  type Key,
  rename,
  scalar,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { asInputs, atPlaces, draws, type Objective, rowOf } from "./objective.ts";

/** Where something was hidden, and what. */
export interface MaskedTargets {
  /** The chosen places; what is left of M is place 0. */
  readonly places: Tensor<"M">;
  /** The tokens that stood there; `ignored` for what is left of M. */
  readonly labels: Tensor<"M">;
  /** What the sum of the losses is divided by: how many were chosen. */
  readonly count: number;
  /** Of the batch. */
  readonly shape: readonly [B: number, T: number];
}

/** Chooses up to `count` of the candidates, which are positions of a text. */
export type Choose = (
  candidates: readonly number[],
  count: number,
  key: Key,
  text: Encoding<Int32Array>,
) => readonly number[];

/** What to put for the tokens `ids`, which stand at the chosen positions of a text, in order. */
export type Replace = (ids: readonly number[], key: Key, positions: readonly number[]) => number[];

/** How much is hidden, where, and behind what. */
export interface MaskedLMOptions {
  /** The chosen part of each text's tokens (default 0.15). */
  readonly rate?: number;
  /** Which (default `anywhere`). */
  readonly choose?: Choose;
  /** What is put there (default `eightyTenTen`). */
  readonly replace?: Replace;
}

/**
 * Every token is as likely to be chosen as every other.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { anywhere } from "@lineage/lineage/objectives/masked_language_model";
 * import { assertEquals } from "@std/assert";
 * const column = new Int32Array(4);
 * const [ids, segments, mask, words, starts, ends] = Array(6).fill(column);
 * const text = { ids, segments, mask, words, starts, ends };
 * assertEquals([...anywhere([1, 2, 3], 3, randomKey(1), text)].sort(), [1, 2, 3]);
 * ```
 */
export const anywhere: Choose = (candidates, count, key): number[] => {
  const left = [...candidates], draw = draws(key);
  return Array.from({ length: count }, () => left.splice(draw(left.length), 1)[0]);
};

/**
 * [MASK] for 80 %, any token but the special ones for 10 %, the token itself for 10 %.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { eightyTenTen } from "@lineage/lineage/objectives/masked_language_model";
 * import { assert } from "@std/assert";
 * const vocabulary = parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\nship\n");
 * const put = eightyTenTen(vocabulary)(Array(1000).fill(5), randomKey(1), []);
 * const share = put.filter((id) => id === vocabulary.special.mask).length / 1000;
 * assert(Math.abs(share - 0.8) < 0.05);
 * ```
 */
export function eightyTenTen(vocabulary: Vocabulary): Replace {
  const special = new Set(Object.values(vocabulary.special));
  const ordinary = [...vocabulary.tokens.keys()].filter((id) => !special.has(id));
  return (ids, key) => {
    const draw = draws(key);
    return ids.map((id) => {
      const die = draw(10), other = ordinary[draw(ordinary.length)];
      return die < 8 ? vocabulary.special.mask : die < 9 ? other : id;
    });
  };
}

/**
 * The objective for the texts of a vocabulary.
 *
 * Its `corrupt` throws a RangeError where no text has a token to choose, and where `choose` gives
 * other positions than it was offered.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const { vocabulary } = tokenizer, { mask } = vocabulary.special;
 * const objective = maskedLM(vocabulary, { replace: (ids) => ids.map(() => mask) });
 * const { batch, targets } = objective.corrupt(encodeBatch(tokenizer, ["boat"]), randomKey(1));
 * assertEquals([...batch.ids], [2, 4, 3]); // [CLS] [MASK] [SEP]
 * assertEquals([...await read(targets.places)], [1]);
 * assertEquals([...await read(targets.labels)], [5]);
 * ```
 */
export function maskedLM(
  vocabulary: Vocabulary,
  options: MaskedLMOptions = {},
): Objective<EncodedBatch, Tensor<"B T V">, MaskedTargets> {
  const { rate = 0.15, choose = anywhere, replace = eightyTenTen(vocabulary) } = options;
  if (!(rate > 0 && rate <= 1)) {
    throw new RangeError(`masked LM: the rate ${rate} is not above 0 and up to 1`);
  }
  const special = new Set(Object.values(vocabulary.special));
  const corrupt = (original: EncodedBatch, key: Key) => {
    const [B, T] = original.shape, ids = original.ids.slice(), places: number[] = [];
    for (let b = 0; b < B; b++) {
      const text = rowOf(original, b), ofText = key.derive(b);
      const candidates = [...text.ids.keys()]
        .filter((t) => text.mask[t] === 1 && !special.has(text.ids[t]));
      const chosen = [
        ...choose(candidates, countOf(candidates.length, rate), ofText.derive(0), text),
      ]
        .sort((s, t) => s - t);
      checkChoice(chosen, candidates, rate);
      const put = replace(chosen.map((t) => text.ids[t]), ofText.derive(1), chosen);
      chosen.forEach((t, i) => ids[b * T + t] = put[i]);
      places.push(...chosen.map((t) => b * T + t));
    }
    const batch = { ...original, ids };
    return { original, batch, inputs: asInputs(batch), targets: aim(places, original, rate) };
  };
  return { name: "maskedLM", corrupt, loss: maskedLMLoss };
}

/** How many of `n` tokens are chosen: at least one, if there is one. */
const countOf = (n: number, rate: number) => Math.min(n, Math.max(1, Math.round(rate * n)));

function checkChoice(chosen: number[], candidates: number[], rate: number): void {
  const allowed = new Set(candidates), limit = countOf(candidates.length, rate);
  const wrong = chosen.find((t) => !allowed.delete(t)); // also finds what was chosen twice
  if (wrong !== undefined || chosen.length > limit) {
    throw new RangeError(
      `masked LM: choose() gave the positions ${chosen}; give each at most once, at most ${limit}` +
        ` in all, and only from ${candidates}`,
    );
  }
}

/** The targets at some places of a batch, filled up to a number that its shape alone decides. */
function aim(places: number[], { shape, ids }: EncodedBatch, rate: number): MaskedTargets {
  const [B, T] = shape, count = places.length;
  if (count === 0) {
    throw new RangeError(
      `masked LM: there is no token to choose in a batch of ${B}×${T}, only special ones and` +
        " padding; leave such texts out, or use the vocabulary that the batch was made with",
    );
  }
  const most = B * countOf(T, rate);
  // One more where B×T would be 1×M, so that the loss can tell all logits from those picked.
  const M = B === 1 && most === T ? most + 1 : most;
  const filled = (values: number[], filling: number) =>
    tensor("M", Float32Array.from({ length: M }, (_, m) => values[m] ?? filling), [M]);
  const labels = filled(places.map((place) => ids[place]), ignored);
  return { places: filled(places, 0), labels, count, shape };
}

/**
 * The mean surprise at the chosen places, in nats: from logits of the whole batch, or (which is
 * cheaper) from logits that were computed `atPlaces` only.
 *
 * @throws {RangeError} where the logits are neither of the batch's shape nor of as many places.
 *
 * @example
 * ```ts
 * import { ignored, read, tensor } from "@lineage/lineage/core/tensor";
 * import { maskedLMLoss } from "@lineage/lineage/objectives/masked_language_model";
 * import { assertAlmostEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[9, 0], [0, 0], [0, 9]]]);
 * const places = tensor("M", [1, 0]), labels = tensor("M", [1, ignored]);
 * const loss = maskedLMLoss(logits, { places, labels, count: 1, shape: [1, 3] });
 * assertAlmostEquals((await read(loss))[0], Math.LN2, 1e-6);
 * ```
 */
export function maskedLMLoss(
  logits: Tensor<"B T V">,
  { places, labels, count, shape }: MaskedTargets,
): Tensor<""> {
  const [B, T] = [logits.size("B"), logits.size("T")], M = places.size("M");
  const picked = B === 1 && T === M ? logits : atPlaces(logits, places);
  if (picked !== logits && (B !== shape[0] || T !== shape[1])) {
    throw new RangeError(
      `masked LM: logits of ${B}×${T} positions belong neither to the batch of ${
        shape.join("×")
      } nor` +
        ` to its 1×${M} places; give those of the whole batch, or those of atPlaces(…)`,
    );
  }
  const scores = at(picked, "B", 0);
  const surprise = crossEntropy(rename(scores, "T V -> M V"), labels, "V");
  return divide(sum(surprise), scalar(count));
}
