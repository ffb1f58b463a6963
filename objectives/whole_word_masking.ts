/**
 * Whole-word masking — Cui et al. 2019 (1906.08101); the authors of BERT, 2019, in their code.
 * Idea   With un, ##believ hidden and ##able in sight, the word is given away: the model learns to
 *        spell. So a word's pieces are hidden together or not at all. In Chinese every character is
 *        a token; there the words are told by an annotation or a word list.
 * Maths  words in random order, each chosen if |chosen| + |its pieces| ≤ round(0.15 · tokens)
 * Axes   as for masked LM
 * Differs from the paper: nothing. Each piece is [MASK], random or itself on its own, as in the code
 *        of both; a word of more pieces than may be chosen is passed over, also as there.
 * Trap   To take what begins with ## for the rest of a word works for BERT's tokenizer alone, and
 *        hides single pieces with any other (transformers#11768). Here the tokenizer says which
 *        word each piece was cut from.
 * @module
 */
import type { EncodedBatch, Encoding } from "../core/text/batch.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import type { Tensor } from "../core/tensor/mod.ts";
import {
  anywhere,
  type Choose,
  maskedLM,
  type MaskedLMOptions,
  type MaskedTargets,
} from "./masked_language_model.ts";
import type { Objective } from "./objective.ts";

/**
 * All pieces of a word, or none.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { rowOf } from "@lineage/lineage/objectives/objective";
 * import { wholeWords } from "@lineage/lineage/objectives/whole_word_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbe\n##ar\nto\n"));
 * const text = rowOf(encodeBatch(tokenizer, ["bear to bear"]), 0); // be ##ar to be ##ar
 * const chosen = wholeWords([1, 2, 3, 4, 5], 2, randomKey(1), text);
 * assertEquals(chosen.length === 2, !chosen.includes(3));
 * ```
 */
export const wholeWords: Choose = (candidates, count, key, text): number[] => {
  const words = wordsOf(candidates, text), chosen: number[] = [];
  for (const w of anywhere([...words.keys()], words.length, key, text)) {
    if (chosen.length + words[w].length <= count) chosen.push(...words[w]);
  }
  return chosen;
};

/**
 * The candidates, word by word, in order; those that belong to no word are left out.
 *
 * Pieces of one word stand side by side: the numbers of words begin again in the second text of a
 * pair, so a number alone does not tell two words apart.
 *
 * @example
 * ```ts
 * import { wordsOf } from "@lineage/lineage/objectives/whole_word_masking";
 * import { assertEquals } from "@std/assert";
 * const words = Int32Array.from([-1, 0, 1, 1, -1, 0, -1]);
 * assertEquals(wordsOf([1, 2, 3, 5], { words }), [[1], [2, 3], [5]]);
 * ```
 */
export function wordsOf(
  candidates: readonly number[],
  { words }: Pick<Encoding<Int32Array>, "words">,
): number[][] {
  let number = 0;
  const numbers = words.map((word, t) => word === words[t - 1] ? number : ++number);
  const inWords = candidates.filter((t) => words[t] >= 0);
  return [...Map.groupBy(inWords, (t) => numbers[t]).values()];
}

/**
 * Masked LM that hides whole words. To hide names, phrases or Chinese words whole, give its `corrupt`
 * a batch `withWords`.
 *
 * Its `corrupt` throws a RangeError where no text has a word that may be chosen.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { wholeWordMasking } from "@lineage/lineage/objectives/whole_word_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nbe\n##ar\n"));
 * const objective = wholeWordMasking(tokenizer.vocabulary, { rate: 0.5 });
 * const { targets } = objective.corrupt(encodeBatch(tokenizer, ["bear bear"]), randomKey(1));
 * assertEquals(targets.count, 2);
 * ```
 */
export function wholeWordMasking(
  vocabulary: Vocabulary,
  options: Omit<MaskedLMOptions, "choose"> = {},
): Objective<EncodedBatch, Tensor<"B T V">, MaskedTargets> {
  const objective = maskedLM(vocabulary, { ...options, choose: wholeWords });
  return { ...objective, name: "wholeWordMasking" };
}
