/**
 * Words and bytes, the first cut of byte-level BPE — Radford et al. 2019 (Language Models are Unsupervised
 * Multitask Learners), §2.2, and its published code.
 * Idea   A text is cut into letters, digits, other marks and spaces; a space goes with what follows it.
 *        A word is then its UTF-8 bytes. There are 256 of them, so nothing can ever be unknown.
 * Maths  byte b is written as the character b where that is visible, else as U+0100, U+0101 … in turn
 * Axes   none
 * Differs from the paper: which only says that merges across kinds of characters are prevented; the pattern is
 *        that of the code.
 * Trap   `\s` of JavaScript takes U+FEFF for a space and U+0085 for none; the code's `\s` has it the other way
 *        round. And 's is split off, 'S is not: the code forgot to ignore case.
 * @module
 */

const SPACE = String.raw`\p{White_Space}`;

/** The last space of several is left to the word that follows. */
const WORD = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|` +
    `${SPACE}+(?!\\P{White_Space})|${SPACE}+`,
  "gu",
);

/** Cuts a text into words; all of them together are the text. */
export function byteWords(text: string): RegExpStringIterator<RegExpExecArray> {
  return text.matchAll(WORD);
}

/** Character of each byte, so that tokens can be printed and kept in text files; the space is `Ġ`. */
export const CHARACTER_OF_BYTE: readonly string[] = characters();

/** Byte of each character. */
export const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
);

function characters(): string[] {
  let hidden = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = /[!-~¡-¬®-ÿ]/.test(String.fromCharCode(byte));
    return String.fromCharCode(visible ? byte : 256 + hidden++);
  });
}

/** Stretch of the text that each byte belongs to, in code units: all bytes of a character have that of the character. */
export interface BytePlaces {
  /** First code unit of the byte's character. */
  readonly starts: readonly number[];
  /** One past its last. */
  readonly ends: readonly number[];
}

/** Where the UTF-8 bytes of a word come from. */
export function bytePlaces(word: string): BytePlaces {
  const starts: number[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const character of word) {
    const start = end;
    end += character.length;
    for (let n = bytesOf(character.codePointAt(0)!); n > 0; n--) {
      starts.push(start);
      ends.push(end);
    }
  }
  return { starts, ends };
}

/** Lone surrogates have 3: TextEncoder writes U+FFFD for them. */
function bytesOf(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}
