/**
 * Unigram pieces, found by Viterbi's algorithm — Kudo 2018 (1804.10959), §3.2; Kudo & Richardson 2018,
 * SentencePiece (1808.06226); used by ALBERT, XLNet and T5.
 * Idea   Every piece has a probability, and a text has that of its pieces' product. Of all ways to cut the text
 *        the likeliest is taken; the best way to reach a place uses the best way to reach an earlier one.
 * Maths  best(0) = 0,  best(end) = max over pieces text[start, end) of best(start) + log p(piece)
 *        a character that no piece writes alone counts log p = (lowest score) − 10
 * Axes   none
 * Differs from the paper: encoding only; no training, no sampling of other cuts.
 * Trap   Scores are summed in 32 bits, as SentencePiece does: with more, cuts that are equally good
 *        up to rounding would come out differently. And unknown characters in a row are one token.
 * @module
 */
import { formatSentencePiece } from "./sentencepiece_file.ts";
import { specialCutter } from "./special_tokens.ts";
import {
  closeGaps,
  type DecodeOptions,
  type Piece,
  settings,
  type Tokenizer,
} from "./tokenizer.ts";
import type { ScoredPiece, UnigramStyle } from "./unigram_pieces.ts";
import { rewrite } from "./unigram_text.ts";
import { createVocabulary, tokenOf, type Vocabulary } from "./vocabulary.ts";

export {
  ALBERT_STYLE,
  parsePieces,
  type ScoredPiece,
  t5Style,
  type UnigramStyle,
  XLNET_STYLE,
} from "./unigram_pieces.ts";
export type { Rewriting } from "./unigram_text.ts";

/**
 * The tokenizer of ALBERT, XLNet or T5, after its style. A piece that begins a word begins with `▁`.
 *
 * @throws {Error} when a piece stands twice or a special token is missing.
 *
 * @example
 * ```ts
 * import { t5Style, unigram } from "@lineage/lineage/core/text/unigram";
 * import { assertEquals } from "@std/assert";
 *
 * const pieces = [["<pad>", 0, 3], ["</s>", 0, 3], ["<unk>", 0, 2], ["▁", -3, 1], ["boat", -4, 1],
 *   ["▁boa", -4, 1], ["▁the", -2, 1], ["t", -4, 1], ["s", -2, 1]] as const;
 * const tokenizer = unigram(pieces, t5Style());
 * const found = tokenizer.encode("the boats");
 * assertEquals(found.map((piece) => piece.token), ["▁the", "▁", "boat", "s"]);
 * assertEquals(tokenizer.decode(found.map((piece) => piece.id)), "the boats");
 * ```
 */
export function unigram(pieces: readonly ScoredPiece[], style: UnigramStyle): Tokenizer {
  const tokens = [...pieces.map(([piece]) => piece), ...style.appended ?? []];
  const vocabulary = createVocabulary(tokens, style.specialTokens);
  const idOf = (token: string) => vocabulary.ids.get(token) ?? vocabulary.special.unk;
  const cut = specialCutter(Object.values(style.specialTokens));
  const segment = segmenter(pieces);

  /** Cuts `9,` into `9` and `,`: what stands before the comma is looked at again, as a text of its own. */
  function cutComma(piece: string): string[] {
    if (!/\p{Nd},$/u.test(piece)) return [piece];
    const spaced = piece.startsWith("▁");
    const [first, ...others] = segment((spaced ? "" : "▁") + piece.slice(0, -1));
    return [spaced ? first! : first!.slice(1), ...others, ","].filter((part) => part !== "");
  }

  function encode(text: string): Piece[] {
    const found: Piece[] = [];
    let word = -1;
    for (const part of cut(text)) {
      if (part.special) {
        const { text: token, start } = part;
        found.push({ token, id: idOf(token), word: ++word, start, end: start + token.length });
        continue;
      }
      const { text: rewritten, starts, ends } = rewrite(part.text, part.start, style.rewriting);
      let at = 0;
      for (const whole of segment(rewritten)) {
        for (const token of style.cutDigitComma ? cutComma(whole) : [whole]) {
          if (token.startsWith("▁")) word++;
          const end = at + token.length;
          found.push({ token, id: idOf(token), word, start: starts[at]!, end: ends[end - 1]! });
          at = end;
        }
      }
    }
    return found;
  }

  return {
    vocabulary,
    template: style.template,
    encode,
    decode: (ids, how) => decode(vocabulary, style.spacedSpecial, ids, how),
    files: () => ({
      "spiece.model": formatSentencePiece(pieces),
      ...style.appended && {
        "tokenizer_config.json": settings({ extra_ids: style.appended.length }),
      },
    }),
  };
}

/** SentencePiece's price of a character that no piece writes alone. */
const UNKNOWN_PENALTY = 10;

/** Kinds of pieces that a text may be cut into. */
const NORMAL = 1, USER_DEFINED = 4;

function segmenter(pieces: readonly ScoredPiece[]): (text: string) => string[] {
  const usable = pieces.filter(([, , kind]) => kind === NORMAL || kind === USER_DEFINED);
  const normal = pieces.filter(([, , kind]) => kind === NORMAL);
  const lowest = normal.reduce((low, [, score]) => Math.min(low, score), Infinity);
  const unknown = Math.fround(Math.fround(lowest) - UNKNOWN_PENALTY);
  const trie = new PieceTrie();
  for (const [piece, score, kind] of usable) {
    // above the logarithm of any probability but 1: what the user defined is always taken
    trie.add(piece, kind === USER_DEFINED ? -0.1 : Math.fround(score));
  }
  return (text) => likeliest(text, trie, unknown);
}

/** Pieces by their beginnings; a node is a number, 0 is the root. */
class PieceTrie {
  readonly #next = new Map<number, number>();
  /** Score of the piece that ends at each node; `NaN` where none does. */
  readonly scores = [NaN];

  add(piece: string, score: number): void {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const child = this.step(node, piece.charCodeAt(i)) ?? this.scores.push(NaN) - 1;
      this.#next.set(node * 2 ** 16 + piece.charCodeAt(i), child);
      node = child;
    }
    this.scores[node] = score;
  }

  step(node: number, unit: number): number | undefined {
    return this.#next.get(node * 2 ** 16 + unit);
  }
}

/** The likeliest cut; of equally likely pieces that end at one place the longer is taken. */
function likeliest(text: string, trie: PieceTrie, unknown: number): string[] {
  const best = new Float32Array(text.length + 1);
  const from = new Int32Array(text.length + 1).fill(-1);
  const known = new Uint8Array(text.length + 1);
  const reach = (start: number, end: number, total: number, isKnown: number) => {
    if (from[end]! >= 0 && total <= best[end]!) return;
    best[end] = total;
    from[end] = start;
    known[end] = isKnown;
  };
  for (let start = 0, after; start < text.length; start = after) {
    after = start + (text.codePointAt(start)! > 0xFFFF ? 2 : 1);
    let alone = false;
    let node: number | undefined = 0;
    for (let end = start; end < text.length;) {
      node = trie.step(node, text.charCodeAt(end++));
      if (node === undefined) break;
      const score = trie.scores[node]!;
      if (Number.isNaN(score)) continue;
      reach(start, end, best[start]! + score, 1);
      alone ||= end === after;
    }
    if (!alone) reach(start, after, Math.fround(best[start]! + unknown), 0);
  }
  return trace(text, from, known);
}

/** Goes back from the end; unknown characters in a row become one. */
function trace(text: string, from: Int32Array, known: Uint8Array): string[] {
  const cut: string[] = [];
  for (let end = text.length; end > 0;) {
    let start = from[end]!;
    while (!known[end] && start > 0 && !known[start]) start = from[start]!;
    cut.push(text.slice(start, end));
    end = start;
  }
  return cut.reverse();
}

/** Pieces between two special tokens are one text; its first space is not its own. */
function decode(
  vocabulary: Vocabulary,
  spacedSpecial: boolean,
  ids: Iterable<number>,
  { skipSpecial = false, cleanUp = true }: DecodeOptions = {},
): string {
  const special = new Set(Object.values(vocabulary.special));
  const write = (pieces: string) =>
    (spacedSpecial ? pieces.replace(/^▁+/, "") : pieces).replaceAll("▁", " ");
  let text = "";
  let pieces = "";
  let afterSpecial = false;
  for (const id of ids) {
    const token = tokenOf(vocabulary, id);
    const isSpecial = special.has(id);
    if (!isSpecial) pieces += token;
    else if (!skipSpecial) {
      text += (spacedSpecial && !afterSpecial ? " " : "") + write(pieces) + token;
      pieces = "";
    }
    afterSpecial = isSpecial && !skipSpecial;
  }
  const whole = (text + write(pieces)).trim();
  return cleanUp ? closeGaps(whole) : whole;
}
