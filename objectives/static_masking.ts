/**
 * Static masks — Devlin et al. 2018 (1810.04805), whose data are masked once, before training; named
 * so by Liu et al. 2019, RoBERTa (1907.11692), §4.1, who mask anew each time and call that dynamic.
 * Idea   A text's mask is drawn from the text alone: whenever it comes up, the same tokens are hidden
 *        behind the same things. BERT's data hold each text ten times, with ten masks. All that is
 *        changed is the key: not that of the step, but one made of the text's own tokens.
 * Maths  key = hash(seed, copy, tokens of the text),  copy drawn from 0 … copies − 1
 * Axes   none
 * Differs from the paper: which of its copies a text shows is drawn each time, where the paper goes
 *        through all of them and begins again. Equal texts have equal masks.
 * Trap   A key made of the text's row instead of the text is another mask as soon as the texts are
 *        shuffled: dynamic masks by another name.
 * @module
 */
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { type Key, randomKey } from "../core/tensor/mod.ts";
import {
  anywhere,
  type Choose,
  eightyTenTen,
  type MaskedLMOptions,
  type Replace,
} from "./masked_language_model.ts";
import { draws } from "./objective.ts";

/** Which masks a text has. */
export interface StaticOptions extends Pick<MaskedLMOptions, "choose" | "replace"> {
  /** Another seed, other masks (default 0). */
  readonly seed?: number;
  /** How many masks each text has (default 1; BERT's data: 10). */
  readonly copies?: number;
}

/**
 * How to choose and replace as ever, but for a text always the same. To be given to any objective
 * that takes these two: `maskedLM(vocabulary, staticMasks(vocabulary))`.
 *
 * @throws {RangeError} for a number of copies that is not a whole number above 0.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
 * import { staticMasks } from "@lineage/lineage/objectives/static_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n"));
 * const { vocabulary } = tokenizer, batch = encodeBatch(tokenizer, ["a b a a b b a b"]);
 * const objective = maskedLM(vocabulary, staticMasks(vocabulary));
 * const epochs = [1, 2, 3].map((epoch) => objective.corrupt(batch, randomKey(7, epoch)).batch.ids);
 * assertEquals(epochs[1], epochs[0]);
 * assertEquals(epochs[2], epochs[0]);
 * ```
 */
export function staticMasks(
  vocabulary: Vocabulary,
  options: StaticOptions = {},
): { choose: Choose; replace: Replace } {
  const { seed = 0, copies = 1, choose = anywhere, replace = eightyTenTen(vocabulary) } = options;
  if (!(Number.isInteger(copies) && copies > 0)) {
    throw new RangeError(`static masks: ${copies} copies are not a whole number above 0`);
  }
  const start = randomKey(seed);
  return {
    choose: (candidates, count, key, text) => {
      const copy = draws(key)(copies), tokens = text.ids.filter((_, t) => text.mask[t] === 1);
      return choose(candidates, count, hashed(start.derive(copy), tokens), text);
    },
    // What is chosen says which text and copy it is.
    replace: (ids, _key, positions) =>
      replace(ids, hashed(start, [...ids, ...positions]), positions),
  };
}

const hashed = (start: Key, numbers: Iterable<number>): Key =>
  [...numbers].reduce((key, number) => key.derive(number), start);
