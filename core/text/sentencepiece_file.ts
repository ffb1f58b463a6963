/**
 * SentencePiece's own file, `spiece.model` — Kudo & Richardson 2018 (1808.06226), and its published
 * `sentencepiece_model.proto`.
 * Idea   The file is a message of Protocol Buffers: fields, each a number, a type and a value; a field may be a
 *        message itself. Only the pieces are wanted, and that they are of a unigram model.
 * Maths  varint = Σ_i (byte_i mod 128) · 128^i, up to the first byte below 128;  key = 8 · field + type
 * Axes   none
 * Differs from the paper: the table of characters that the file may hold is not read, and not written; each
 *        model's `Rewriting` stands in its place. So another program that reads a T5's file as written here
 *        does not apply NFKC.
 * Trap   A field that is left out has its default: a piece without a kind is a normal one, 1.
 * @module
 */
import type { ScoredPiece } from "./unigram_pieces.ts";

/** A field of a message: its number, and its value as a number or as bytes. */
type Field = readonly [field: number, value: number | Uint8Array];

/**
 * The pieces in the bytes of a `spiece.model`.
 *
 * @throws {Error} where the bytes are no such message, or it is not of a unigram model.
 *
 * @example
 * ```ts
 * import { parseSentencePiece } from "@lineage/lineage/core/text/sentencepiece_file";
 * import { assertEquals } from "@std/assert";
 *
 * // field 1, 9 bytes: [field 1, text of 1 byte; field 2, float −2; field 3 is left out]
 * const bytes = Uint8Array.of(0x0a, 8, 0x0a, 1, 97, 0x15, 0, 0, 0, 0xc0);
 * assertEquals(parseSentencePiece(bytes), [["a", -2, 1]]);
 * ```
 */
export function parseSentencePiece(bytes: Uint8Array): ScoredPiece[] {
  try {
    const model = [...fields(bytes)];
    const [, trainer] = model.find(([field]) => field === 2) ?? [];
    const type = trainer === undefined ? UNIGRAM : numberAt(3, trainer, UNIGRAM);
    if (type !== UNIGRAM) throw new Error(`it is of type ${type}, not 1, unigram`);
    const pieces = model.filter(([field]) => field === 1).map(([, piece]) => pieceOf(piece));
    if (pieces.length === 0) throw new Error("it has no pieces");
    return pieces;
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`This is not SentencePiece's file of a unigram model: ${message}.`, { cause });
  }
}

const UNIGRAM = 1, NORMAL = 1;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function pieceOf(message: Field[1]): ScoredPiece {
  const [, text] = [...fields(message)].find(([field]) => field === 1) ?? [];
  if (!(text instanceof Uint8Array)) throw new Error("a piece has no text");
  return [utf8.decode(text), numberAt(2, message, 0), numberAt(3, message, NORMAL)];
}

function numberAt(wanted: number, message: Field[1], otherwise: number): number {
  const [, value = otherwise] = [...fields(message)].find(([field]) => field === wanted) ?? [];
  if (typeof value === "number") return value;
  throw new Error(`field ${wanted} is no number`);
}

/** The fields of a message, one after the other. */
function* fields(message: Field[1]): Generator<Field> {
  if (typeof message === "number") throw new Error("a number stands where a message should");
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let unit = 1;; unit *= 128) {
      const byte = view.getUint8(at++);
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    if (at + length > message.length) throw new Error("it ends in the middle of a field");
    return message.subarray(at, at += length);
  };
  while (at < message.length) {
    const key = varint(), field = Math.floor(key / 8), type = key % 8;
    if (type === 0) yield [field, varint()];
    else if (type === 1) yield [field, take(8)];
    else if (type === 2) yield [field, take(varint())];
    else if (type === 5) yield [field, view.getFloat32((at += 4) - 4, true)];
    else throw new Error(`byte ${at} begins a field of the unknown type ${type}`);
  }
}

/**
 * The bytes of a `spiece.model` with these pieces, of a unigram model that leaves characters as they are.
 *
 * @example
 * ```ts
 * import { formatSentencePiece, parseSentencePiece } from "@lineage/lineage/core/text/sentencepiece_file";
 * import { assertEquals } from "@std/assert";
 *
 * const pieces = [["<unk>", 0, 2], ["▁a", -1.5, 1]] as const;
 * assertEquals(parseSentencePiece(formatSentencePiece(pieces)), [...pieces]);
 * ```
 */
export function formatSentencePiece(pieces: readonly ScoredPiece[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap(([piece, score, kind]) => {
    const text = new TextEncoder().encode(piece), number = new Uint8Array(4);
    new DataView(number.buffer).setFloat32(0, score, true);
    return ofBytes(1, [...ofBytes(1, text), 8 * 2 + 5, ...number, 8 * 3, kind]);
  }));
}

const ofBytes = (field: number, bytes: ArrayLike<number>): number[] => [
  8 * field + 2,
  ...asVarint(bytes.length),
  ...Array.from(bytes),
];

const asVarint = (value: number): number[] =>
  value < 128 ? [value] : [128 + value % 128, ...asVarint(Math.floor(value / 128))];
