/**
 * From texts to a model's input — Devlin et al. 2018 (1810.04805), §3 and figure 2.
 * Idea   One text becomes [CLS] A [SEP], a pair [CLS] A [SEP] B [SEP]. Segments say which text a position
 *        belongs to, the mask which positions are real; a batch pads its rows to one length.
 *        Other models put other tokens elsewhere: the tokenizer's template says where.
 * Maths  segments = 0 over [CLS] A [SEP], 1 over B [SEP];  mask = 1 on tokens, 0 on padding
 * Axes   B batch · T positions; arrays are flat and row-major, position t of row b at b·T + t
 * Differs from the paper: nothing. Truncation is Hugging Face's, whose names are kept; but
 *        where it logs a warning and returns a row that is too long, this throws.
 * Trap   `longest_first` takes tokens one by one from the longer text, from the second at a draw;
 *        it does not shorten both in proportion.
 * @module
 */
import type { Piece, Template, Tokenizer } from "./tokenizer.ts";
import type { SpecialName } from "./vocabulary.ts";

/** One text, or a pair of them. */
export type TextInput = string | readonly [first: string, second: string];

/** What to shorten when a text is too long; always at its end. */
export type Truncation = "longest_first" | "only_first" | "only_second";

/** How a text or pair is fitted into a length. */
export interface EncodeOptions {
  /** Most tokens in a row, special tokens included (default: no limit). */
  readonly maxLength?: number;
  /** What to shorten; without it a text that is too long is an error. */
  readonly truncation?: Truncation;
}

/** How a batch is made. */
export interface BatchOptions extends EncodeOptions {
  /** Length of the rows (default: that of the longest). */
  readonly padTo?: number;
}

/** One row of input; all columns have the same length. */
export interface Encoding<Column = number[]> {
  /** Token ids. */
  readonly ids: Column;
  /** As the template says; BERT's: 0 for the first text and its special tokens, 1 for the second, 0 for padding. */
  readonly segments: Column;
  /** 1 for a token, 0 for padding. */
  readonly mask: Column;
  /** Word of its text that a token belongs to; -1 for added special tokens and padding. */
  readonly words: Column;
  /** First code unit of the token in its text; 0 for added special tokens and padding. */
  readonly starts: Column;
  /** One past the token's last code unit; 0 for added special tokens and padding. */
  readonly ends: Column;
}

/** Rows of one length; each column is a flat row-major `[B, T]`. */
export interface EncodedBatch extends Encoding<Int32Array<ArrayBuffer>> {
  /** Rows and positions. */
  readonly shape: readonly [B: number, T: number];
}

/**
 * Encodes one text or a pair, with the special tokens, unpadded.
 *
 * @throws {RangeError} when `maxLength` has no room for the special tokens, and when the text is longer than
 * `maxLength` and may not be shortened, or not enough.
 *
 * @example
 * ```ts
 * import { encode } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwalk\n##ing\n"));
 * const { ids, segments, mask } = encode(tokenizer, ["walking", "walk"]);
 * assertEquals(ids, [2, 5, 6, 3, 5, 3]);
 * assertEquals(segments, [0, 0, 0, 0, 1, 1]);
 * assertEquals(mask, [1, 1, 1, 1, 1, 1]);
 * ```
 */
export function encode(
  tokenizer: Tokenizer,
  input: TextInput,
  options: EncodeOptions = {},
): Encoding {
  const texts = typeof input === "string" ? [input] : input;
  if (texts.length > 2) {
    throw new RangeError(`A pair has 2 texts, this has ${texts.length}: encodeBatch takes a list.`);
  }
  const slots = slotsOf(tokenizer, texts.length);
  const special = slots.filter(({ text }) => text === undefined).length;
  const kept = fit(texts.map((text) => tokenizer.encode(text)), special, options);
  const row = slots.flatMap(({ text, added, segment }) =>
    (text === undefined ? [added] : kept[text]!).map((position) => ({ ...position, segment }))
  );
  return {
    ids: row.map(({ id }) => id),
    segments: row.map(({ segment }) => segment),
    mask: row.map(() => 1),
    words: row.map(({ word }) => word),
    starts: row.map(({ start }) => start),
    ends: row.map(({ end }) => end),
  };
}

type Position = Omit<Piece, "token">;

/** A place of the template: a text, by its number, or an added token. */
type Slot =
  & { readonly segment: number }
  & (
    | { readonly text: number; readonly added?: never }
    | { readonly text?: never; readonly added: Position }
  );

const BERT_TEMPLATE: Template = { single: "cls A sep", pair: "cls A sep B:1 sep:1" };

function slotsOf({ template = BERT_TEMPLATE, vocabulary }: Tokenizer, texts: number): Slot[] {
  return (texts === 1 ? template.single : template.pair).split(" ").map((part) => {
    const [name, segment = 0] = part.split(":");
    const text = ["A", "B"].indexOf(name!);
    if (text >= 0) return { text, segment: +segment };
    const id = vocabulary.special[name as SpecialName];
    return { added: { id, word: -1, start: 0, end: 0 }, segment: +segment };
  });
}

/** Shortens the texts until they and their special tokens fit. */
function fit(
  texts: Piece[][],
  special: number,
  { maxLength = Infinity, truncation }: EncodeOptions,
): Piece[][] {
  const room = maxLength - special;
  if (!(room >= 0)) {
    throw new RangeError(
      `maxLength ${maxLength} has no room for the ${special} special tokens: give ${special} or more.`,
    );
  }
  const lengths = texts.map((pieces) => pieces.length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= room) return texts;
  if (!truncation) {
    throw new RangeError(
      `The text has ${total} tokens and ${special} special ones, maxLength is ${maxLength}: ` +
        'set truncation, for instance to "longest_first", or raise maxLength.',
    );
  }
  const kept = shorten(lengths, total - room, truncation);
  return texts.map((pieces, i) => pieces.slice(0, kept[i]));
}

const ONLY: readonly Truncation[] = ["only_first", "only_second"];

/** How many tokens of each text stay when `excess` have to go. */
function shorten(lengths: number[], excess: number, truncation: Truncation): number[] {
  const kept = [...lengths];
  if (truncation === "longest_first") {
    for (; excess > 0; excess--) {
      const longer = kept[0]! > (kept[1] ?? 0) ? 0 : 1;
      kept[longer]!--;
    }
    return kept;
  }
  const which = ONLY.indexOf(truncation);
  if (which < 0) {
    throw new RangeError(`truncation "${truncation}": choose longest_first, ${ONLY.join(" or ")}.`);
  }
  const length = kept[which] ?? 0;
  if (length < excess) {
    throw new RangeError(
      `truncation "${truncation}" has to take ${excess} tokens from a text of ${length}: ` +
        'use "longest_first" or raise maxLength.',
    );
  }
  kept[which]! -= excess;
  return kept;
}

/**
 * Encodes several texts or pairs as rows of one length.
 *
 * @throws {RangeError} as `encode` does, naming the row; and when there are no texts, or `padTo` is shorter than a row.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwalk\n##ing\n"));
 * const { shape, ids, mask } = encodeBatch(tokenizer, ["walking", "walk"]);
 * assertEquals(shape, [2, 4]);
 * assertEquals([...ids], [2, 5, 6, 3, 2, 5, 3, 0]);
 * assertEquals([...mask], [1, 1, 1, 1, 1, 1, 1, 0]);
 * ```
 */
export function encodeBatch(
  tokenizer: Tokenizer,
  inputs: readonly TextInput[],
  options: BatchOptions = {},
): EncodedBatch {
  if (inputs.length === 0) throw new RangeError("The batch is empty: give at least one text.");
  const rows = inputs.map((input, b) =>
    naming(`Row ${b}`, () => encode(tokenizer, input, options))
  );
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const T = options.padTo ?? longest;
  if (!(Number.isInteger(T) && T >= longest)) {
    throw new RangeError(
      `padTo is ${T}, but a row has ${longest} tokens: raise padTo, or set maxLength and truncation.`,
    );
  }
  const { padding: side = "right", paddingSegment = 0 } = tokenizer.template ?? BERT_TEMPLATE;
  const stack = (column: keyof Encoding, padding: number) => {
    const flat = new Int32Array(rows.length * T).fill(padding);
    rows.forEach((row, b) => {
      const before = side === "left" ? T - row.ids.length : 0;
      flat.set(row[column], b * T + before);
    });
    return flat;
  };
  return {
    shape: [rows.length, T],
    ids: stack("ids", tokenizer.vocabulary.special.pad),
    segments: stack("segments", paddingSegment),
    mask: stack("mask", 0),
    words: stack("words", -1),
    starts: stack("starts", 0),
    ends: stack("ends", 0),
  };
}

function naming<Result>(what: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    throw new RangeError(`${what}: ${(cause as Error).message}`, { cause });
  }
}
