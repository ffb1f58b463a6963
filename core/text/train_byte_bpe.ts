/**
 * Training byte-level BPE — Sennrich et al. 2016 (1508.07909), §3.2 and algorithm 1; Radford et al. 2019 (Language
 * Models are Unsupervised Multitask Learners), §2.2.
 * Idea   Begin with the 256 bytes. Join the two neighbours that stand together most often into one new token,
 *        everywhere; again, until the vocabulary is full. The order of the joins is what encoding repeats.
 * Maths  (a, b) = argmax over neighbours of Σ_words count(word) · occurrences of a b in word;  new token = ab
 * Axes   none
 * Differs from the paper: which ends words with a mark; here they begin with their space. It leaves ties to
 *        chance; here, as in Hugging Face's trainer, the older left token wins, then the older right one. Special
 *        tokens in the texts are cut out first, which that trainer does not do.
 * Trap   The pairs ab + c and a + bc give the same token: one entry of the vocabulary, but two merges.
 * @module
 */
import { type ByteBPE, type ByteBPEStyle, GPT2_STYLE, type Merge } from "./byte_bpe.ts";
import { byteWords, CHARACTER_OF_BYTE } from "./byte_words.ts";
import { type CountedWord, PairCounts } from "./pair_counts.ts";
import { specialCutter } from "./special_tokens.ts";
import { createVocabulary } from "./vocabulary.ts";

/** What to train. */
export interface TrainByteBPEOptions {
  /** Most tokens, special tokens and the 256 bytes included. */
  readonly vocabSize: number;
  /** Pairs seen less often are never joined (default 2). */
  readonly minFrequency?: number;
  /** Which model it is for; its special tokens come first (default: GPT-2). */
  readonly style?: ByteBPEStyle;
  /** Called after each new token. */
  readonly onProgress?: (tokens: number, vocabSize: number) => void;
}

/**
 * Learns tokens and merges from a text or several: special tokens, bytes in the order of their characters, then
 * joined tokens in the order found. The same texts and options give the same result. There are fewer than
 * `vocabSize` tokens when no pair is frequent enough any more.
 *
 * @throws {Error} when the texts are empty.
 * @throws {RangeError} when `vocabSize` does not hold special tokens and bytes.
 *
 * @example
 * ```ts
 * import { trainByteBPE } from "@lineage/lineage/core/text/train_byte_bpe";
 * import { assertEquals } from "@std/assert";
 *
 * const { vocabulary, merges } = trainByteBPE(["sing sang sung", "singing"], { vocabSize: 260 });
 * assertEquals(merges, [["n", "g"], ["i", "ng"], ["s", "ing"]]);
 * assertEquals(vocabulary.tokens.slice(-3), ["ng", "ing", "sing"]);
 * ```
 */
export function trainByteBPE(texts: Iterable<string>, options: TrainByteBPEOptions): ByteBPE {
  const { vocabSize, minFrequency = 2, style = GPT2_STYLE, onProgress } = options;
  const special = [...new Set(Object.values(style.specialTokens))];
  const tokens = [...special, ...CHARACTER_OF_BYTE.toSorted()];
  if (!(vocabSize >= tokens.length)) {
    throw new RangeError(
      `vocabSize ${vocabSize} does not hold ${special.length} special tokens and 256 bytes: ` +
        `give ${tokens.length} or more.`,
    );
  }
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const words = countWords(texts, special);
  if (words.size === 0) throw new Error("The texts hold nothing to learn from: give more text.");

  const merges: Merge[] = [];
  const pairs = new PairCounts(spell(words, ids), minFrequency);
  while (tokens.length < vocabSize) {
    const pair = pairs.mostFrequent();
    if (!pair) break;
    const merge: Merge = [tokens[pair.left]!, tokens[pair.right]!];
    const token = merge.join("");
    merges.push(merge);
    if (!ids.has(token)) { // two merges may give the same token
      ids.set(token, tokens.length);
      tokens.push(token);
      onProgress?.(tokens.length, vocabSize);
    }
    pairs.join(pair, ids.get(token)!);
  }
  return { vocabulary: createVocabulary(tokens, style.specialTokens), merges, style };
}

function countWords(texts: Iterable<string>, special: readonly string[]): Map<string, number> {
  const cut = specialCutter(special);
  const counts = new Map<string, number>();
  for (const text of typeof texts === "string" ? [texts] : texts) {
    for (const part of cut(text)) {
      if (part.special) continue;
      for (const [word] of byteWords(part.text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

function spell(words: Map<string, number>, ids: ReadonlyMap<string, number>): CountedWord[] {
  const utf8 = new TextEncoder();
  const idOfByte = CHARACTER_OF_BYTE.map((character) => ids.get(character)!);
  return Array.from(words, ([word, count]) => {
    return { pieces: Array.from(utf8.encode(word), (byte) => idOfByte[byte]!), count };
  });
}
