/**
 * Permutation language model — Yang et al. 2019 (XLNet, 1906.08237), §2.2 and §2.3, eq. 5.
 * Idea   Draw an order of a text's positions and guess the last ones in it, one after another: each from
 *        all that come earlier in the order. No word is replaced, so a model never sees a [MASK], and
 *        what is guessed may lean on what was guessed before.
 * Maths  L = 1/n Σ over the last places c < m ≤ T of the order z of −log p(x[z[m]] | x[z[<m]]),
 *        T − c = T/K
 * Axes   B batch · T positions · M positions to be guessed, as many in every batch of one shape · V vocabulary
 * Differs from the paper: the authors guess whole spans of up to five tokens; here each token is drawn
 *        alone. As in their code, what is not guessed sees all of it that is not guessed either.
 * Trap   The first positions of an order have next to nothing to be guessed from: guessing all of them
 *        makes the loss large and learning slow, which is why only the last 1/K are.
 * @module
 */
import { permutationMasks, targetMapping } from "../core/permutation.ts";
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { ignored, type Key, type Tensor } from "../core/tensor/mod.ts";
import { tokenLoss, type TokenTargets, tokenTargets } from "./left_to_right.ts";
import { asInputs, type Corrupted, draws, type ModelInputs, type Objective } from "./objective.ts";

/** What a model with two streams takes. */
export interface PermutedInputs extends ModelInputs {
  /** 1 where a guess may look. */
  readonly visible: Tensor<"B Tq Tk">;
  /** Which position each guess is about. */
  readonly targets: Tensor<"B M T">;
}

/** A batch in some order. */
export interface Permuted extends Corrupted<EncodedBatch, TokenTargets> {
  /** For the model. */
  readonly inputs: PermutedInputs;
  /** The positions of each text in the order in which they are read. */
  readonly orders: readonly (readonly number[])[];
}

/** The objective: its targets are rows of guesses, of which `tokenLoss` is the loss. */
export interface PermutationLM extends Objective<EncodedBatch, Tensor<"B T V">, TokenTargets> {
  /** Draw an order for each text. */
  corrupt(batch: EncodedBatch, key: Key): Permuted;
}

/**
 * The objective for the texts of a vocabulary; one of `part` tokens is guessed, K in the paper.
 *
 * Its `corrupt` throws a RangeError where no text has a token to be guessed.
 *
 * @throws {RangeError} for a part below 1.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { permutationLM } from "@lineage/lineage/objectives/permutation_lm";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\nship\n"));
 * const batch = encodeBatch(tokenizer, ["boat ship"]); // [CLS] boat ship [SEP]
 * const { inputs, targets } = permutationLM(tokenizer.vocabulary, 4).corrupt(batch, randomKey(1));
 * assertEquals([...await read(inputs.ids)], [2, 5, 6, 3]); // nothing is hidden in the text
 * assertEquals(inputs.targets.shape, [1, 1, 4]); // one of four is guessed
 * assertEquals(targets.count, 1);
 * ```
 */
export function permutationLM(vocabulary: Vocabulary, part = 6): PermutationLM {
  if (!(part >= 1)) {
    throw new RangeError(`permutation LM: one of ${part} tokens cannot be guessed; give 1 or more`);
  }
  const special = new Set(Object.values(vocabulary.special));
  const corrupt = (original: EncodedBatch, key: Key): Permuted => {
    const [B, T] = original.shape, M = Math.max(1, Math.round(T / part));
    const drawn = Array.from({ length: B }, (_, b) => {
      const ids = original.ids.subarray(b * T, (b + 1) * T), all = [...ids.keys()];
      const candidates = all.filter((t) => original.mask[b * T + t] === 1 && !special.has(ids[t]));
      const count = Math.min(
        M,
        candidates.length && Math.max(1, Math.round(candidates.length / part)),
      );
      const draw = draws(key.derive(b)); // each is drawn once
      const guessed = Array.from(
        { length: count },
        () => candidates.splice(draw(candidates.length), 1)[0],
      );
      const others = all.filter((t) => !guessed.includes(t));
      // Padding goes last of what is given, so that it fills up the places that no guess takes.
      const given = [...others].sort((s, t) => original.mask[b * T + t] - original.mask[b * T + s]);
      return { guessed, order: [...given, ...guessed] };
    });
    const labels = drawn.flatMap(({ guessed }, b) =>
      Array.from(
        { length: M },
        (_, m) => m < guessed.length ? original.ids[b * T + guessed[m]] : ignored,
      )
    );
    const orders = drawn.map(({ order }) => order);
    const inputs = {
      ...asInputs(original),
      visible: permutationMasks(orders, T - M).query,
      targets: targetMapping(drawn.map(({ guessed }) => guessed), T, M),
    };
    const targets = tokenTargets(Float32Array.from(labels), [B, M]);
    return { original, batch: original, inputs, targets, orders };
  };
  return { name: "permutationLM", corrupt, loss: tokenLoss };
}
