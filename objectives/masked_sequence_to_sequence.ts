/**
 * Masked sequence to sequence — Song et al. 2019, MASS (1905.02450), §3.2.
 * Idea   A run of tokens, half of the text, is hidden from the encoder, and the decoder writes just this run. It
 *        sees only what it has written of it: the other half it must get from the encoder. So the encoder
 *        has to understand what is left, and the decoder cannot do without it.
 * Maths  L = 1/k Σ over u ≤ t < u + k of −log p(x_t | x_u … x_{t−1}, x without u … u + k − 1),  k = round(n/2)
 * Axes   B batch · T positions, of the source or of the answer · V vocabulary
 * Differs from the paper: nothing. As there 80 % of the hidden tokens become [MASK], 10 % any token, 10 % stay.
 *        k = 1 is nearly BERT's masked LM, k = n a language model.
 * Trap   The decoder's positions are those that the run had in the text, not 0, 1, 2, …: they are its only hint
 *        where the run stood. `places` has them.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { type Key, type Tensor, tensor } from "../core/tensor/mod.ts";
import { eightyTenTen, type Replace } from "./masked_language_model.ts";
import { asInputs, draws, type Objective } from "./objective.ts";
import { answerLoss, type AnswerTargets, asAnswers, ownTokens } from "./text_to_text.ts";

/** How much is hidden, and behind what. */
export interface MaskedSequenceOptions {
  /** The share of a text's tokens (default 0.5). */
  readonly rate?: number;
  /** What is put there (default `eightyTenTen`). */
  readonly replace?: Replace;
}

/**
 * The objective for the texts of a vocabulary. The decoder starts from [MASK].
 *
 * Its `corrupt` throws a RangeError where a text has no token of its own.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { maskedSequenceToSequence } from "@lineage/lineage/objectives/masked_sequence_to_sequence";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const { mask } = tokenizer.vocabulary.special, replace = (ids: readonly number[]) => ids.map(() => mask);
 * const { corrupt } = maskedSequenceToSequence(tokenizer.vocabulary, { rate: 1, replace });
 * const { batch, targets } = corrupt(encodeBatch(tokenizer, ["a b"]), randomKey(1));
 * assertEquals([...batch.ids], [2, 4, 4, 3]); // [CLS] [MASK] [MASK] [SEP]
 * assertEquals([...await read(targets.answer)], [5, 6, -100, -100]);
 * assertEquals([...await read(targets.places!)].slice(0, 2), [1, 2]);
 * ```
 */
export function maskedSequenceToSequence(
  vocabulary: Vocabulary,
  { rate = 0.5, replace = eightyTenTen(vocabulary) }: MaskedSequenceOptions = {},
): Objective<EncodedBatch, Tensor<"B T V">, AnswerTargets> {
  if (!(rate > 0 && rate <= 1)) {
    throw new RangeError(
      `masked sequence to sequence: the rate ${rate} is not above 0 and up to 1`,
    );
  }
  const corrupt = (original: EncodedBatch, key: Key) => {
    const [B, T] = original.shape,
      ids = original.ids.slice(),
      most = Math.max(1, Math.round(rate * T));
    const runs = Array.from({ length: B }, (_, b) => {
      const run = drawRun(ownTokens(original, b), rate, key.derive(b).derive(0), b);
      const hidden = run.map((t) => original.ids[b * T + t]);
      replace(hidden, key.derive(b).derive(1), run).forEach((id, i) => ids[b * T + run[i]] = id);
      return { run, hidden };
    });
    const places = runs.flatMap(({ run }) => Array.from({ length: most }, (_, i) => run[i] ?? 0));
    const batch = { ...original, ids };
    const targets = {
      ...asAnswers(runs.map(({ hidden }) => hidden), most),
      places: tensor("B T", places, [B, most]),
    };
    return { original, batch, inputs: asInputs(batch), targets };
  };
  return { name: "maskedSequenceToSequence", corrupt, loss: answerLoss };
}

/** A run of the text's tokens, as likely to begin at one place as at another. */
function drawRun(tokens: readonly number[], rate: number, key: Key, row: number): number[] {
  if (tokens.length === 0) {
    throw new RangeError(
      `masked sequence to sequence: row ${row} has no token of its own to hide; leave it out`,
    );
  }
  const length = Math.max(1, Math.round(rate * tokens.length));
  const from = draws(key)(tokens.length - length + 1);
  return tokens.slice(from, from + length);
}
