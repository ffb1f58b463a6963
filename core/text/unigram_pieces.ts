/**
 * The pieces of a unigram model and who uses them — Kudo & Richardson 2018, SentencePiece (1808.06226); ALBERT
 * (1909.11942), XLNet (1906.08237), T5 (1910.10683).
 * Idea   A model is a list of pieces, each with the logarithm of its probability. What else differs between the
 *        models that use it, special tokens, rewriting of the text, is a record: a style.
 * Maths  score = log p(piece)
 * Axes   none
 * Differs from the paper: nothing. Models that fall back on bytes are not read.
 * Trap   T5's sentinels stand after the pieces, and backwards: `<extra_id_0>` has the last id.
 * @module
 */
import type { Template } from "./tokenizer.ts";
import { NMT_NFKC, type Rewriting, withoutAccents } from "./unigram_text.ts";
import type { SpecialTokens } from "./vocabulary.ts";

/** A piece, the logarithm of its probability and its kind: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused. */
export type ScoredPiece = readonly [piece: string, score: number, kind: number];

/** What differs between the models that use unigram pieces. */
export interface UnigramStyle {
  /** How the special tokens are written. */
  readonly specialTokens: SpecialTokens;
  /** Where they stand. */
  readonly template: Template;
  /** Tokens that the vocabulary has after the pieces. */
  readonly appended?: readonly string[];
  /** What is done to the text first. */
  readonly rewriting: Rewriting;
  /** Whether a piece like `9,` is cut before its comma. */
  readonly cutDigitComma: boolean;
  /** Whether decoding writes a space before a special token that follows a text of pieces. */
  readonly spacedSpecial: boolean;
}

/** Lower case without accents; rows like BERT's. */
export const ALBERT_STYLE: UnigramStyle = {
  specialTokens: { pad: "<pad>", unk: "<unk>", cls: "[CLS]", sep: "[SEP]", mask: "[MASK]" },
  template: { single: "cls A sep", pair: "cls A sep B:1 sep:1" },
  rewriting: withoutAccents(true),
  cutDigitComma: true,
  spacedSpecial: true,
};

/** Without accents; special tokens and padding at the wrong end, each with a segment of its own. */
export const XLNET_STYLE: UnigramStyle = {
  specialTokens: {
    pad: "<pad>",
    unk: "<unk>",
    cls: "<cls>",
    sep: "<sep>",
    mask: "<mask>",
    start: "<s>",
    end: "</s>",
    endOfDocument: "<eod>",
    endOfParagraph: "<eop>",
  },
  template: {
    single: "A sep cls:2",
    pair: "A sep B:1 sep:1 cls:2",
    padding: "left",
    paddingSegment: 3,
  },
  rewriting: withoutAccents(false),
  cutDigitComma: true,
  spacedSpecial: false,
};

/**
 * T5's style: NFKC, `</s>` after each text, and sentinels `<extra_id_0>` … to stand for spans that were taken out.
 *
 * @example
 * ```ts
 * import { t5Style } from "@lineage/lineage/core/text/unigram";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(t5Style(2).appended, ["<extra_id_1>", "<extra_id_0>"]);
 * ```
 */
export function t5Style(sentinels = 100): UnigramStyle {
  const appended = Array.from({ length: sentinels }, (_, i) => `<extra_id_${sentinels - 1 - i}>`);
  return {
    specialTokens: {
      pad: "<pad>",
      unk: "<unk>",
      sep: "</s>",
      ...Object.fromEntries(appended.map((token) => [token, token])),
    },
    template: { single: "A sep", pair: "A sep B sep" },
    appended,
    rewriting: NMT_NFKC,
    cutDigitComma: false,
    spacedSpecial: true,
  };
}

/**
 * Reads the text of a `pieces.json`: a list of `[piece, score, kind]`.
 *
 * @throws {Error} when it is not such a list, when a piece is empty, and when not exactly one is of the unknown kind.
 *
 * @example
 * ```ts
 * import { parsePieces } from "@lineage/lineage/core/text/unigram";
 * import { assertEquals } from "@std/assert";
 *
 * const pieces = parsePieces('[["<unk>", 0, 2], ["▁a", -1.5, 1]]');
 * assertEquals(pieces[1], ["▁a", -1.5, 1]);
 * ```
 */
export function parsePieces(json: string): ScoredPiece[] {
  const form = 'give a list like [["<unk>", 0, 2], ["▁the", -2.79, 1]].';
  let pieces: unknown;
  try {
    pieces = JSON.parse(json);
  } catch (cause) {
    throw new Error(`pieces.json is not JSON (${(cause as Error).message}): ${form}`, { cause });
  }
  if (!Array.isArray(pieces)) throw new Error(`pieces.json holds no list: ${form}`);
  const bad = pieces.findIndex((piece) => !isScoredPiece(piece));
  if (bad >= 0) {
    throw new Error(
      `Piece ${bad} of pieces.json is ${JSON.stringify(pieces[bad])}, not [piece, score, kind] ` +
        `with a kind from 1 to 5: ${form}`,
    );
  }
  const unknown = pieces.filter(([, , kind]) => kind === 2).length;
  if (unknown !== 1) {
    throw new Error(`pieces.json has ${unknown} pieces of kind 2, unknown: it has to have one.`);
  }
  return pieces;
}

function isScoredPiece(piece: unknown): piece is ScoredPiece {
  if (!Array.isArray(piece) || piece.length !== 3) return false;
  const [text, score, kind] = piece;
  return typeof text === "string" && text !== "" && Number.isFinite(score) &&
    [1, 2, 3, 4, 5].includes(kind);
}
