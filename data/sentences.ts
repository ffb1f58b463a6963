/**
 * Words become text, and what is known about them becomes spans of characters.
 * Idea   English puts spaces between words but not before punctuation, and capitals at the beginning
 *        and on names. Chinese puts no spaces. Spans count characters of the finished text.
 * Differs from corpus annotation: nothing is guessed; the row that made the sentence says what each word is.
 * Trap   An emoji is two UTF-16 units long; offsets count units, as `slice` does.
 * @module
 */
import type { WorldRow } from "./grammar.ts";
import type { Language } from "./lexicon.ts";
import type { Drawn } from "./process.ts";
import type { Step } from "./templates.ts";
import type { Fact, Scene } from "./world.ts";

/** A stretch of a text, in characters: `text.slice(start, end)`. */
export interface Span {
  /** The first character. */
  readonly start: number;
  /** The character after the last. */
  readonly end: number;
  /** What it is: person, place, thing, home, animal, verb, adjective, …, sense or phrase. */
  readonly kind: string;
  /** For a sense its name, e.g. `river`; otherwise the stretch itself. */
  readonly label: string;
  /** The slot of the template that it fills, e.g. `hero`. */
  readonly slot: string;
}

/** A sentence and what is known about it. */
export interface Sentence {
  /** The sentence as it is written. */
  readonly text: string;
  /** Words in lower case; punctuation marks and emoji are words, too. */
  readonly words: readonly string[];
  /** What the sentence tells. */
  readonly step: Step;
  /** Names, things, phrases, senses. */
  readonly spans: readonly Span[];
  /** The fact that it states, if any. */
  readonly fact?: Fact;
}

const KINDS: Readonly<Record<string, string>> = {
  hero: "person",
  friend: "person",
  who: "person",
  she: "pronoun",
  tool: "thing",
  spot: "thing",
  seen: "thing",
  cue: "thing",
  word: "sense",
  fitting: "adjective",
  opposite: "adjective",
  feeling: "adjective",
  face: "emoji",
  picture: "emoji",
};

/** Writes a drawn sentence. */
export function writeSentence(
  { row, words }: Drawn<WorldRow>,
  scene: Scene,
  language: Language,
): Sentence {
  const fact = row.fact?.(scene);
  const kindOf = (slot: string) => slot === "what" ? fact!.relation : KINDS[slot] ?? slot;
  const names = row.stretches.filter(({ slot }) => ["person", "home"].includes(kindOf(slot)));
  const cased = words.map((word, j) =>
    j === 0 || names.some(({ from, to }) => from <= j && j < to) ? capitalize(word) : word
  );
  const { text, starts } = join(cased, language);
  const spans = row.stretches.map(({ slot, from, to }): Span => {
    const kind = kindOf(slot);
    // The ambiguous word itself, without its article.
    const start = starts[kind === "sense" ? to - 1 : from];
    const end = starts[to - 1] + words[to - 1].length;
    return {
      start,
      end,
      kind,
      label: kind === "sense" ? row.sense!.sense : text.slice(start, end),
      slot,
    };
  });
  return { text, words, step: row.name, spans, ...fact && { fact } };
}

/** Makes the first letter a capital. */
export function capitalize(word: string): string {
  return word[0].toUpperCase() + word.slice(1);
}

/** Joins words to text; `starts[j]` is where word j begins. */
export function join(
  words: readonly string[],
  language: Language,
): { text: string; starts: number[] } {
  const starts: number[] = [];
  let text = "";
  for (const word of words) {
    const glued = text === "" || /^[.,?，。？]$/.test(word) || language === "zh";
    text += glued ? "" : " ";
    starts.push(text.length);
    text += word;
  }
  return { text, starts };
}

/**
 * Splits English text into sentences of words, the way `Sentence.words` has them.
 *
 * @example
 * ```ts
 * import { splitWords } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(splitWords("Mara was sad. 😢 She left."), [
 *   ["mara", "was", "sad", ".", "😢"],
 *   ["she", "left", "."],
 * ]);
 * ```
 */
export function splitWords(text: string): string[][] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}']/gu) ?? [];
  const sentences: string[][] = [];
  let ended = true;
  for (const word of words) {
    const picture = /\p{Extended_Pictographic}/u.test(word);
    if (ended && !(picture && sentences.length > 0)) sentences.push([]);
    sentences.at(-1)!.push(word);
    ended = picture || /[.?!]/.test(word);
  }
  return sentences;
}
