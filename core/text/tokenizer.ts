/**
 * What a tokenizer is — the form of WordPiece, byte-level BPE and unigram alike.
 * Idea   Text goes in, pieces come out. Each piece knows its number, the word it was cut from and the
 *        stretch of the text it stands for, so whole words can be masked, tagged and pointed at.
 * Maths  text.slice(start, end) is what the piece was made from
 * Axes   none: one text at a time; `batch.ts` makes rows of equal length
 * Differs from the paper: nothing; the papers give pieces only, word and offsets are kept beside them.
 * Trap   Offsets count UTF-16 code units, as `slice` does, not code points and not bytes.
 * @module
 */
import type { Vocabulary } from "./vocabulary.ts";

/** A piece of text as the model sees it, and where it came from. */
export interface Piece {
  /** The entry of the vocabulary, for instance `##ing`. */
  readonly token: string;
  /** Its place in the vocabulary. */
  readonly id: number;
  /** Which word of the text it belongs to, counted from 0; pieces of one word share it. */
  readonly word: number;
  /** First code unit of the original text it stands for. */
  readonly start: number;
  /** One past its last code unit. */
  readonly end: number;
}

/** How to write pieces as text again. */
export interface DecodeOptions {
  /** Leave out `[CLS]`, `[PAD]` and the other special tokens (default false). */
  readonly skipSpecial?: boolean;
  /** Close the gap before a full stop and the like (default true; false for byte-level BPE, which loses no space). */
  readonly cleanUp?: boolean;
}

/**
 * Where special tokens stand in a row. Words apart by a space: `A` and `B` are the texts, any other is a name
 * of `vocabulary.special`. `:1` after it gives its segment, 0 when there is none: `"cls A sep B:1 sep:1"`.
 */
export interface Template {
  /** Row of one text. */
  readonly single: string;
  /** Row of two. */
  readonly pair: string;
  /** Which end of a short row is filled up (default: the right one). */
  readonly padding?: "left" | "right";
  /** Segment of padding (default 0). */
  readonly paddingSegment?: number;
}

/** Text to pieces and back. */
export interface Tokenizer {
  /** The list of all tokens. */
  readonly vocabulary: Vocabulary;
  /** Where `batch.ts` puts special tokens (default: as BERT has it). */
  readonly template?: Template;
  /** Cuts a text into pieces; adds no special tokens. */
  encode(text: string): Piece[];
  /** Writes ids as text. Throws a RangeError for an id that the vocabulary does not have. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** The files, by name, that `loadTokenizer` reads it from again. */
  files(): Record<string, string | Uint8Array>;
}

/**
 * Puts back together what English writes without a space, one rule after the other, as Hugging Face does.
 *
 * @example
 * ```ts
 * import { closeGaps } from "@lineage/lineage/core/text/tokenizer";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(closeGaps("we ' ve walked , have n't we ?"), "we've walked, haven't we?");
 * ```
 */
export function closeGaps(text: string): string {
  return text
    .replace(/ ([.?!,])/g, "$1")
    .replaceAll(" ' ", "'")
    .replace(/ (n't|'m|'s|'ve|'re)/g, "$1");
}

/**
 * The text of a `tokenizer_config.json`; what is undefined is left out.
 *
 * @example
 * ```ts
 * import { settings } from "@lineage/lineage/core/text/tokenizer";
 * import { assertEquals } from "@std/assert";
 *
 * const text = settings({ do_lower_case: false, strip_accents: undefined });
 * assertEquals(JSON.parse(text), { do_lower_case: false });
 * ```
 */
export function settings(values: Readonly<Record<string, boolean | number | undefined>>): string {
  return JSON.stringify(values, null, 2) + "\n";
}
