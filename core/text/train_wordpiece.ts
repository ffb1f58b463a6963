/**
 * Training a WordPiece vocabulary — Schuster & Nakajima 2012; Wu et al. 2016 (1609.08144), §4.1.
 * Idea   Begin with single characters. Join the two neighbours that stand together most often into one new
 *        piece, everywhere; again, until the vocabulary is full. Frequent words end up whole.
 * Maths  (a, b) = argmax over neighbours of Σ_words count(word) · occurrences of a b in word;  new piece = ab
 * Axes   none
 * Differs from the paper: which joins the pair that most raises the likelihood of the corpus, about
 *        freq(ab) / (freq(a) · freq(b)); Google did not release that program. This one takes the most frequent
 *        pair, as Hugging Face's trainer does, because that ratio puts pairs of rare letters first. Of equally
 *        frequent pairs the one with the older left piece wins, then the one with the older right piece. Words
 *        with a character outside of `limitAlphabet` are left out: they will be [UNK].
 * Trap   The pairs ab + c and a + bc give the same token. It is one entry of the vocabulary, not two.
 * @module
 */
import { PairCounts } from "./pair_counts.ts";
import {
  BERT_SPECIAL_TOKENS,
  createVocabulary,
  type SpecialTokens,
  type Vocabulary,
} from "./vocabulary.ts";
import { runs, type WordOptions, wordSplitter } from "./words.ts";

/** What to train. */
export interface TrainWordPieceOptions extends WordOptions {
  /** Most tokens, special tokens and characters included. */
  readonly vocabSize: number;
  /** Pairs seen less often are never joined (default 2). */
  readonly minFrequency?: number;
  /** Most different characters; the most frequent are kept (default 1000). */
  readonly limitAlphabet?: number;
  /** The first tokens of the vocabulary (default: BERT's). */
  readonly specialTokens?: SpecialTokens;
  /** Called after each new token. */
  readonly onProgress?: (tokens: number, vocabSize: number) => void;
}

/**
 * Learns a vocabulary from a text or several: special tokens, characters, then joined pieces in the order found.
 * The same texts and options give the same vocabulary. It is smaller than `vocabSize` when no pair is
 * frequent enough any more.
 *
 * @throws {Error} when the texts have no word that the alphabet can write.
 * @throws {RangeError} when `vocabSize` does not
 * hold the special tokens and the characters.
 *
 * @example
 * ```ts
 * import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = trainWordPiece(["sing sang sung", "singing"], { vocabSize: 18 });
 * assertEquals(vocabulary.tokens.slice(5, 11), ["a", "g", "i", "n", "s", "u"]);
 * assertEquals(vocabulary.tokens.slice(-3), ["##u", "##ng", "##ing"]);
 * ```
 */
export function trainWordPiece(
  texts: Iterable<string>,
  options: TrainWordPieceOptions,
): Vocabulary {
  const { vocabSize, minFrequency = 2, limitAlphabet = 1000, onProgress } = options;
  const specialTokens = Object.values(options.specialTokens ?? BERT_SPECIAL_TOKENS);
  const words = spellable(countWords(texts, options, specialTokens), limitAlphabet);
  if (words.size === 0) throw new Error(NO_WORDS);
  const tokens = [...specialTokens, ...alphabetOf(words.keys())];
  checkSize(vocabSize, specialTokens.length, tokens.length);

  const ids = new Map(tokens.map((token, id) => [token, id]));
  const spelled = Array.from(words, ([word, count]) => ({ pieces: spell(word, ids), count }));
  const pairs = new PairCounts(spelled, minFrequency);
  while (tokens.length < vocabSize) {
    const pair = pairs.mostFrequent();
    if (!pair) break;
    const token = tokens[pair.left]! + tokens[pair.right]!.slice("##".length);
    if (!ids.has(token)) { // two ways of joining may give the same token
      ids.set(token, tokens.length);
      tokens.push(token);
      onProgress?.(tokens.length, vocabSize);
    }
    pairs.join(pair, ids.get(token)!);
  }
  return createVocabulary(tokens, options.specialTokens);
}

const NO_WORDS = "The texts hold no word to learn from: give more text, or a larger limitAlphabet.";

/** Counts runs first, so that each different one is cut only once. */
function countWords(
  texts: Iterable<string>,
  options: WordOptions,
  specialTokens: string[],
): Map<string, number> {
  const countOfRun = new Map<string, number>();
  for (const text of typeof texts === "string" ? [texts] : texts) {
    for (const run of runs(text)) increase(countOfRun, run.text, 1);
  }
  const split = wordSplitter(options, specialTokens);
  const countOfWord = new Map<string, number>();
  for (const [run, count] of countOfRun) {
    for (const word of split(run)) {
      increase(countOfWord, word.map((character) => character.text).join(""), count);
    }
  }
  for (const token of specialTokens) countOfWord.delete(token);
  return countOfWord;
}

function increase(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** The words that the `limit` most frequent characters can write; of equally frequent ones the smaller code points. */
function spellable(words: Map<string, number>, limit: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const character of word) increase(counts, character, count);
  }
  if (counts.size <= limit) return words;
  const order = [...counts].sort(([a, m], [b, n]) => n - m || byCodePoint(a, b));
  const alphabet = new Set(order.slice(0, limit).map(([character]) => character));
  return new Map([...words].filter(([word]) => [...word].every((c) => alphabet.has(c))));
}

function byCodePoint(a: string, b: string): number {
  return a.codePointAt(0)! - b.codePointAt(0)!;
}

/** The characters of a word as pieces: `on` is `o ##n`. */
function spell(word: string, ids: Map<string, number>): number[] {
  return Array.from(word, (character, i) => ids.get((i === 0 ? "" : "##") + character)!);
}

/** Each character as it begins a word, so that none is unknown alone, then those that continue one. */
function alphabetOf(words: Iterable<string>): string[] {
  const initial = new Set<string>();
  const continuing = new Set<string>();
  for (const word of words) {
    for (const [i, character] of [...word].entries()) {
      initial.add(character);
      if (i > 0) continuing.add(character);
    }
  }
  const sorted = (characters: Set<string>) => [...characters].sort(byCodePoint);
  return [...sorted(initial), ...sorted(continuing).map((character) => "##" + character)];
}

function checkSize(vocabSize: number, special: number, smallest: number): void {
  if (vocabSize >= smallest) return;
  const characters = smallest - special;
  throw new RangeError(
    `vocabSize ${vocabSize} does not hold ${special} special tokens and ${characters} characters: ` +
      `give ${smallest} or more, or a smaller limitAlphabet.`,
  );
}
