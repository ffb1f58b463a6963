/**
 * WordPiece tokenization — Wu et al. 2016 (1609.08144), §4.1; Schuster & Nakajima 2012; used by
 * Devlin et al. 2018 (1810.04805).
 * Idea   A word that the vocabulary has is one piece. Any other is cut greedily from the left: the longest
 *        piece that fits, then the longest that continues it (written ##…). No fit anywhere: [UNK].
 * Maths  piece = argmax over end of { end : word[start, end) ∈ vocabulary },  then start ← end
 * Axes   none
 * Differs from the paper: Wu et al. mark where words begin (▁), BERT marks where they go on (##). Words of more
 *        than 100 code points are [UNK], as in BERT's code. A special token in the text is taken for one only
 *        when it is written without invisible characters inside.
 * Trap   One letter that does not fit makes the *whole* word [UNK], not just that letter.
 * @module
 */
import {
  closeGaps,
  type DecodeOptions,
  type Piece,
  settings,
  type Tokenizer,
} from "./tokenizer.ts";
import { formatVocabulary, tokenOf, type Vocabulary } from "./vocabulary.ts";
import { runs, type Word, type WordOptions, wordSplitter } from "./words.ts";

/** A piece within its word: the characters `[start, end)`. */
export interface Match {
  /** The entry of the vocabulary. */
  readonly token: string;
  /** Index of the first character. */
  readonly start: number;
  /** One past the last character. */
  readonly end: number;
}

const LONGEST_WORD = 100;

/** Runs whose pieces are remembered; more than the different words of a long book. */
const CACHE_SIZE = 100_000;

/**
 * Cuts one word, given as its characters, into the longest pieces from left to right.
 * Gives `undefined` when at some place no piece fits: then the word is unknown.
 * `longest` spares the search for pieces of more characters than any token has.
 *
 * @example
 * ```ts
 * import { longestMatchFirst } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 *
 * const has = (token: string) => ["un", "##believ", "##able", "##a"].includes(token);
 * const pieces = longestMatchFirst([..."unbelievable"], has);
 * assertEquals(pieces?.map((piece) => piece.token), ["un", "##believ", "##able"]);
 * assertEquals(longestMatchFirst([..."unable!"], has), undefined);
 * ```
 */
export function longestMatchFirst(
  characters: readonly string[],
  has: (token: string) => boolean,
  longest: number = characters.length,
): Match[] | undefined {
  const matches: Match[] = [];
  let start = 0;
  while (start < characters.length) {
    const match = longestMatch(characters, start, has, longest);
    if (!match) return undefined;
    matches.push(match);
    start = match.end;
  }
  return matches;
}

function longestMatch(
  characters: readonly string[],
  start: number,
  has: (token: string) => boolean,
  longest: number,
): Match | undefined {
  const prefix = start === 0 ? "" : "##";
  for (let end = Math.min(characters.length, start + longest); end > start; end--) {
    const token = prefix + characters.slice(start, end).join("");
    if (has(token)) return { token, start, end };
  }
  return undefined;
}

/**
 * BERT's tokenizer: words by `words.ts`, pieces by longest match first.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwalk\n##ing\n!\n");
 * const tokenizer = wordPiece(vocabulary, { lowerCase: true });
 * const pieces = tokenizer.encode("Walking!");
 * assertEquals(pieces.map((piece) => piece.token), ["walk", "##ing", "!"]);
 * assertEquals(pieces[1], { token: "##ing", id: 6, word: 0, start: 4, end: 7 });
 * assertEquals(tokenizer.decode([5, 6, 7]), "walking!");
 * ```
 */
export function wordPiece(vocabulary: Vocabulary, options: WordOptions = {}): Tokenizer {
  const specialTokens = Object.values(vocabulary.special).map((id) => tokenOf(vocabulary, id));
  const splitWords = wordSplitter(options, specialTokens);
  const longest = vocabulary.tokens.reduce((most, token) => Math.max(most, token.length), 0);
  const cache = new Map<string, Piece[]>();

  function piecesOfRun(run: string): Piece[] {
    const known = cache.get(run);
    if (known) return known;
    const pieces = splitWords(run).flatMap((word, i) => piecesOfWord(word, i, vocabulary, longest));
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(run, pieces);
    return pieces;
  }

  function encode(text: string): Piece[] {
    const pieces: Piece[] = [];
    for (const run of runs(text)) {
      const words = (pieces.at(-1)?.word ?? -1) + 1; // so far
      for (const { token, id, word, start, end } of piecesOfRun(run.text)) {
        pieces.push({
          token,
          id,
          word: words + word,
          start: run.start + start,
          end: run.start + end,
        });
      }
    }
    return pieces;
  }

  const { lowerCase = true, stripAccents, splitCJK } = options;
  return {
    vocabulary,
    encode,
    decode: (ids, how) => decode(vocabulary, ids, how),
    files: () => ({
      "vocab.txt": formatVocabulary(vocabulary),
      "tokenizer_config.json": settings({
        do_lower_case: lowerCase,
        strip_accents: stripAccents,
        tokenize_chinese_chars: splitCJK,
      }),
    }),
  };
}

function piecesOfWord(
  word: Word,
  index: number,
  { tokens, ids, special }: Vocabulary,
  longest: number,
): Piece[] {
  const characters = word.map((character) => character.text);
  const matches = characters.length > LONGEST_WORD
    ? undefined
    : longestMatchFirst(characters, (token) => ids.has(token), longest);
  const unknown = { token: tokens[special.unk]!, start: 0, end: word.length };
  return (matches ?? [unknown]).map(({ token, start, end }) => ({
    token,
    id: ids.get(token)!,
    word: index,
    start: word[start]!.start,
    end: word[end - 1]!.end,
  }));
}

function decode(
  vocabulary: Vocabulary,
  ids: Iterable<number>,
  { skipSpecial = false, cleanUp = true }: DecodeOptions = {},
): string {
  const special = new Set(Object.values(vocabulary.special));
  const kept = Array.from(ids).filter((id) => !(skipSpecial && special.has(id)));
  const text = kept.map((id) => tokenOf(vocabulary, id)).join(" ").replaceAll(" ##", "").trim();
  return cleanUp ? closeGaps(text) : text;
}
