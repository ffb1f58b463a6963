/**
 * Byte-level byte-pair encoding — Sennrich et al. 2016 (1508.07909), §3.2; on bytes: Radford et al. 2019 (Language
 * Models are Unsupervised Multitask Learners), §2.2; used by GPT-2 and RoBERTa (1907.11692).
 * Idea   A word begins as its bytes. Of the merges that fit somewhere the one learnt first is done, everywhere;
 *        again, until none fits. Frequent words become one token, and any text at all can be written.
 * Maths  (a, b) = argmin over neighbours of rank(a, b),  every a b → ab
 * Axes   none
 * Differs from the paper: Sennrich et al. mark where a word ends, GPT-2 writes its leading space, as `Ġ`.
 * Trap   A character of several bytes may be cut between them, so ids that were cut short decode to U+FFFD.
 * @module
 */
import { formatByteBPE } from "./byte_bpe_files.ts";
import { BYTE_OF_CHARACTER, bytePlaces, byteWords, CHARACTER_OF_BYTE } from "./byte_words.ts";
import { mergeByRank, pairKey, type Ranks } from "./merge_by_rank.ts";
import { PYTHON_SPACE, specialCutter } from "./special_tokens.ts";
import {
  closeGaps,
  type DecodeOptions,
  type Piece,
  settings,
  type Template,
  type Tokenizer,
} from "./tokenizer.ts";
import { type SpecialTokens, tokenOf, type Vocabulary } from "./vocabulary.ts";

export { formatByteBPE, parseByteBPE } from "./byte_bpe_files.ts";

/** What differs between the models that use byte-level BPE. */
export interface ByteBPEStyle {
  /** How the special tokens are written. */
  readonly specialTokens: SpecialTokens;
  /** Where they stand. */
  readonly template: Template;
  /** Those that, written in a text, take the spaces before them. */
  readonly takeSpace?: readonly string[];
  /** Puts a space before a text, where it is asked for. */
  readonly withSpace: (text: string) => string;
}

/** One token for the start, the end and the padding; none is added to a text. */
export const GPT2_STYLE: ByteBPEStyle = {
  specialTokens: {
    pad: "<|endoftext|>",
    unk: "<|endoftext|>",
    cls: "<|endoftext|>",
    sep: "<|endoftext|>",
  },
  template: { single: "A", pair: "A B" },
  withSpace: (text) => " " + text,
};

/** `<s> A </s>` and `<s> A </s></s> B </s>`, without segments. */
export const ROBERTA_STYLE: ByteBPEStyle = {
  specialTokens: { cls: "<s>", pad: "<pad>", sep: "</s>", unk: "<unk>", mask: "<mask>" },
  template: { single: "cls A sep", pair: "cls A sep sep B sep" },
  takeSpace: ["<mask>"],
  withSpace: (text) => text.replace(new RegExp(`^(?!${PYTHON_SPACE}|$)`, "u"), " "),
};

/** Two tokens that become one. */
export type Merge = readonly [left: string, right: string];

/** What is learnt: tokens, and merges in the order of their rank. */
export interface ByteBPE {
  /** The list of all tokens. */
  readonly vocabulary: Vocabulary;
  /** Merges, the first learnt first. */
  readonly merges: readonly Merge[];
  /** Which model it is for. */
  readonly style: ByteBPEStyle;
}

/** How a text is read. */
export interface ByteBPEOptions {
  /** Put a space before the text, so that its first word looks like any other (default false). */
  readonly prefixSpace?: boolean;
}

/** Words whose pieces are remembered. */
const CACHE_SIZE = 100_000;

/**
 * The tokenizer of GPT-2 and, in its style, of RoBERTa. A piece begins with the space before its word.
 *
 * @example
 * ```ts
 * import { byteBPE, ROBERTA_STYLE } from "@lineage/lineage/core/text/byte_bpe";
 * import { trainByteBPE } from "@lineage/lineage/core/text/train_byte_bpe";
 * import { assertEquals } from "@std/assert";
 *
 * const model = trainByteBPE(["the boat the boat"], { vocabSize: 300, style: ROBERTA_STYLE });
 * const tokenizer = byteBPE(model);
 * const pieces = tokenizer.encode("The boat <mask>");
 * assertEquals(pieces.map((piece) => piece.token), ["T", "he", "Ġboat", "<mask>"]);
 * assertEquals(tokenizer.decode(pieces.map((piece) => piece.id)), "The boat<mask>");
 * ```
 */
export function byteBPE(model: ByteBPE, { prefixSpace = false }: ByteBPEOptions = {}): Tokenizer {
  const { vocabulary, style } = model;
  const cut = specialCutter(Object.values(style.specialTokens), style.takeSpace);
  const cache = new Map<string, Cut[]>();
  const cutWord = wordCutter(model);

  function cutsOfWord(word: string): Cut[] {
    const known = cache.get(word);
    if (known) return known;
    const cuts = cutWord(word);
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(word, cuts);
    return cuts;
  }

  function encode(text: string): Piece[] {
    const read = prefixSpace ? style.withSpace(text) : text;
    const added = read.length - text.length;
    const pieces: Piece[] = [];
    let word = 0;
    const push = ({ token, id, start, end }: Cut, at: number) =>
      pieces.push({ token, id, word, start: Math.max(0, at + start), end: Math.max(0, at + end) });
    for (const part of cut(read)) {
      const at = part.start - added;
      if (part.special) {
        const id = vocabulary.ids.get(part.text)!;
        push({ token: part.text, id, start: 0, end: part.text.length }, at);
        word++;
      } else {
        for (const { 0: found, index } of byteWords(part.text)) {
          for (const piece of cutsOfWord(found)) push(piece, at + index);
          word++;
        }
      }
    }
    return pieces;
  }

  return {
    vocabulary,
    template: style.template,
    encode,
    decode: (ids, how) => decode(vocabulary, ids, how),
    files() {
      const { vocabJSON, mergesText } = formatByteBPE(model);
      return {
        "vocab.json": vocabJSON,
        "merges.txt": mergesText,
        "tokenizer_config.json": settings({ add_prefix_space: prefixSpace }),
      };
    },
  };
}

/** A piece within its word. */
type Cut = Omit<Piece, "word">;

function wordCutter({ vocabulary: { tokens, ids, special }, merges }: ByteBPE) {
  const idOfByte = CHARACTER_OF_BYTE.map((character) => ids.get(character) ?? special.unk);
  const ranks: Ranks = new Map(
    merges.map(([left, right], rank) => {
      const id = ids.get(left + right)!;
      return [pairKey(ids.get(left)!, ids.get(right)!), { rank, id }];
    }),
  );
  const utf8 = new TextEncoder();
  return (word: string): Cut[] => {
    const { starts, ends } = bytePlaces(word);
    const bytes = Array.from(utf8.encode(word), (byte) => idOfByte[byte]!);
    return mergeByRank(bytes, ranks).map(({ id, start, end }) => (
      { token: tokens[id]!, id, start: starts[start]!, end: ends[end - 1]! }
    ));
  };
}

function decode(
  vocabulary: Vocabulary,
  ids: Iterable<number>,
  { skipSpecial = false, cleanUp = false }: DecodeOptions = {},
): string {
  const special = new Set(Object.values(vocabulary.special));
  const utf8 = new TextEncoder();
  const bytes = Array.from(ids).flatMap((id) => {
    const token = tokenOf(vocabulary, id);
    if (special.has(id)) return skipSpecial ? [] : [...utf8.encode(token)];
    return Array.from(token, (character) => BYTE_OF_CHARACTER.get(character)!);
  });
  // a byte order mark is text like any other
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  return cleanUp ? closeGaps(text) : text;
}
