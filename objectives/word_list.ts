/**
 * Words from a list — forward maximum matching, the oldest way to cut Chinese into words.
 * Idea   Chinese is written without spaces. From the left, the longest term of the list that fits is
 *        taken for a word. The same finds the names and phrases of any list in any text.
 * Maths  end = argmax { e : text[start, e) ∈ list },  then start ← end; where none fits, start ← start + 1
 * Axes   none: one text at a time; stretches count UTF-16 code units
 * Differs from the paper: there is none.
 * Trap   Searching for the letters of "art" finds it in "party". A term must stand alone where the
 *        script puts spaces between words.
 * @module
 */
import type { Stretch } from "./annotation.ts";

/**
 * A function that finds the terms of a word list in a text: from the left, the longest first. Upper
 * and lower case are the same.
 *
 * @throws {RangeError} for an empty list.
 *
 * @example
 * ```ts
 * import { termFinder } from "@lineage/lineage/objectives/word_list";
 * import { assertEquals } from "@std/assert";
 * const find = termFinder(["silver", "silver lake", "art", "银湖"]);
 * const text = "The party at Silver Lake: 在银湖。";
 * const found = find(text).map(({ start, end }) => text.slice(start, end));
 * assertEquals(found, ["Silver Lake", "银湖"]);
 * ```
 */
export function termFinder(terms: Iterable<string>): (text: string) => Stretch[] {
  const known = new Set([...terms].map((term) => term.trim().toLowerCase()));
  known.delete("");
  if (known.size === 0) throw new RangeError("word list: it is empty; give one term at least");
  const lengths = [...new Set([...known].map((term) => term.length))].sort((a, b) => b - a);
  return (text) => {
    const isTerm = (start: number, end: number) =>
      end <= text.length && known.has(text.slice(start, end).toLowerCase()) &&
      !isInside(text, start) && !isInside(text, end);
    const found: Stretch[] = [];
    for (let start = 0; start < text.length;) {
      const length = lengths.find((n) => isTerm(start, start + n));
      if (length) found.push({ start, end: start + length, kind: "term" });
      start += length ?? 1;
    }
    return found;
  };
}

/** Letters of a script that puts spaces between words, on both sides. */
const INSIDE = /^[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]{2}$/v;

const isInside = (text: string, at: number) => at > 0 && INSIDE.test(text.slice(at - 1, at + 1));

/**
 * Where the words of a text stand, which are given in order, exactly as the text has them: what a
 * program that cuts Chinese into words gives.
 *
 * @throws {RangeError} for a word that does not come next.
 *
 * @example
 * ```ts
 * import { locate } from "@lineage/lineage/objectives/word_list";
 * import { assertEquals } from "@std/assert";
 * const words = locate("她住在银湖。", ["她", "住", "在", "银湖", "。"]);
 * assertEquals(words[3], { start: 3, end: 5, kind: "word" });
 * ```
 */
export function locate(text: string, words: readonly string[]): Stretch[] {
  let end = 0;
  return words.map((word) => {
    const start = word === "" ? -1 : text.indexOf(word, end);
    if (start < 0 || /\S/.test(text.slice(end, start))) {
      throw new RangeError(
        `words of a text: "${word}" does not stand next after place ${end} of "${text}"; give all` +
          " words in their order, as they are written there",
      );
    }
    end = start + word.length;
    return { start, end, kind: "word" };
  });
}
