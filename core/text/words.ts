/**
 * Words, BERT's first cut of a text — Devlin et al. 2018 (1810.04805), §3, and its published code.
 * Idea   Clean the text, lower it and take its accents off if the vocabulary is an uncased one, then cut at
 *        whitespace, around every punctuation mark and around every Chinese character.
 * Maths  é = NFC → one code point = NFD → e + U+0301; taking the accent off is NFD without category Mn
 * Axes   none
 * Differs from the paper: which says none of this. The rules are those of its published code, and NFC as
 *        in Hugging Face's BertTokenizer. Unicode is as new as the JavaScript engine's: characters of the
 *        latest years are kept, where older programs drop them as unassigned.
 * Trap   `\s`, `\p{Script=Han}` and `toLowerCase` of a whole word each come close and are wrong: a vertical
 *        tab is dropped and does not part words, 々 is no Chinese character here, Σ is σ even at the end.
 * @module
 */

/** A code point after cleaning, and the stretch `[start, end)` of the original text it came from. */
export interface Character {
  /** One code point; a special token counts as one. */
  readonly text: string;
  /** First code unit. */
  readonly start: number;
  /** One past the last code unit. */
  readonly end: number;
}

/** A word is its characters; a punctuation mark is a word, a special token is a word of one character. */
export type Word = readonly Character[];

/** How words are cleaned and cut. */
export interface WordOptions {
  /** Lower-case the text (default true, for uncased vocabularies). */
  readonly lowerCase?: boolean;
  /** Take accents off (default: as `lowerCase`). */
  readonly stripAccents?: boolean;
  /** Set Chinese characters apart (default true). */
  readonly splitCJK?: boolean;
}

/** Stretches between whitespace. Vertical tab and form feed are not whitespace but control characters. */
const RUN = /[^\t\n\r\p{Z}]+/gu;

/** Control, format, private, unassigned and lone surrogate code points, and the replacement character. */
const DROPPED = /[\p{C}\uFFFD]/gu;

/**
 * A character with all that Unicode may compose with it: marks, and vowels and finals of Hangul.
 * Dropped characters that lead are taken in one go: one by one, each would search the rest of them for a mark.
 */
const CLUSTER = /(?:[\p{C}\uFFFD]+|.)(?:[\p{C}\uFFFD]*[\p{M}\u1160-\u11FF])*/gsu;

/** Category P, and those ASCII marks that Unicode calls symbols. */
const PUNCTUATION = /^[\p{P}$+<=>^`|~]$/u;

/** The blocks of ideographs that BERT's code names. */
const CJK = String
  .raw`[[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2CEAF}\u{2F800}-\u{2FA1F}]--\p{C}]`;

/**
 * The stretches of a text that have no whitespace in them, with their place.
 * What becomes of a run depends on nothing around it, so results can be kept and used again.
 *
 * @example
 * ```ts
 * import { runs } from "@lineage/lineage/core/text/words";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...runs("a boat!")], [{ text: "a", start: 0 }, { text: "boat!", start: 2 }]);
 * ```
 */
export function* runs(text: string): Generator<{ text: string; start: number }> {
  for (const match of text.matchAll(RUN)) yield { text: match[0], start: match.index };
}

/**
 * Makes the function that cuts a run into words. `keep` lists the special tokens: they are cut out first, exactly
 * as written, with or without spaces around them, and stay whole.
 *
 * @example
 * ```ts
 * import { wordSplitter } from "@lineage/lineage/core/text/words";
 * import { assertEquals } from "@std/assert";
 *
 * const split = wordSplitter({ lowerCase: true }, ["[MASK]"]);
 * const texts = split("Café,[MASK]").map((word) => word.map((character) => character.text).join(""));
 * assertEquals(texts, ["cafe", ",", "[MASK]"]);
 * ```
 */
export function wordSplitter(
  options: WordOptions = {},
  keep: readonly string[] = [],
): (run: string) => Word[] {
  const { lowerCase = true, stripAccents = lowerCase, splitCJK = true } = options;
  const apart = standAlone(keep, splitCJK);
  return (run) => {
    let end = 0;
    return run.split(apart).flatMap((part) => {
      const start = end;
      end += part.length;
      if (keep.includes(part)) return [[{ text: part, start, end }]];
      return cutAtPunctuation(clean(part, start, lowerCase, stripAccents));
    });
  };
}

/** Matches what is always a word of its own; captured, so that `split` keeps it. */
function standAlone(keep: readonly string[], splitCJK: boolean): RegExp {
  const longestFirst = keep.toSorted((a, b) => b.length - a.length).map(RegExp.escape);
  const choices = splitCJK ? [...longestFirst, CJK] : longestFirst;
  return new RegExp(`(${choices.join("|") || "(?!)"})`, "v");
}

function clean(part: string, offset: number, lowerCase: boolean, stripAccents: boolean): Word {
  const characters: Character[] = [];
  for (const { 0: cluster, index } of part.matchAll(CLUSTER)) {
    const start = offset + index;
    const end = start + cluster.length;
    for (const text of normalize(cluster, lowerCase, stripAccents)) {
      characters.push({ text, start, end });
    }
  }
  return characters;
}

/** One cluster at a time, so that lower-casing sees no letter before: Σ never becomes the final ς. */
function normalize(cluster: string, lowerCase: boolean, stripAccents: boolean): string {
  const kept = cluster.replace(DROPPED, "");
  const composed = (lowerCase ? kept.toLowerCase() : kept).normalize("NFC");
  return stripAccents ? composed.normalize("NFD").replace(/\p{Mn}/gu, "") : composed;
}

function cutAtPunctuation(characters: Word): Word[] {
  const words: Character[][] = [];
  let open = false;
  for (const character of characters) {
    const alone = PUNCTUATION.test(character.text);
    if (alone || !open) words.push([]);
    words.at(-1)!.push(character);
    open = !alone;
  }
  return words;
}
