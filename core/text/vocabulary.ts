/**
 * Vocabulary, the ordered list of tokens — Devlin et al. 2018 (1810.04805), §3.
 * Idea   A model sees numbers. The vocabulary gives every token one: its place in the list.
 *        Five tokens stand for no text: padding, unknown word, start, separator and mask.
 * Maths  id = place of the token, token = tokens[id]; each undoes the other, so no token stands twice
 * Axes   none
 * Differs from the paper: nothing.
 * Trap   Special tokens have no fixed numbers: [MASK] is 103 in BERT's English files and 4 in others.
 *        They are looked up by name in the file at hand.
 * @module
 */

/** The five parts that a special token can play. */
export type SpecialName = "pad" | "unk" | "cls" | "sep" | "mask";

/** How special tokens are written: of the five parts those that a model has, and others under names of their own. */
export type SpecialTokens = Readonly<Partial<Record<SpecialName, string>> & Record<string, string>>;

/** How BERT writes them. */
export const BERT_SPECIAL_TOKENS: Readonly<Record<SpecialName, string>> = {
  pad: "[PAD]",
  unk: "[UNK]",
  cls: "[CLS]",
  sep: "[SEP]",
  mask: "[MASK]",
};

/** An ordered list of tokens, with the way back from a token to its id. */
export interface Vocabulary {
  /** Token at each id. */
  readonly tokens: readonly string[];
  /** Id of each token. */
  readonly ids: ReadonlyMap<string, number>;
  /** Ids of the special tokens, also of those beside the five. To read a part that the model does not have throws. */
  readonly special: Readonly<Record<SpecialName, number>>;
}

/**
 * Makes a vocabulary from the tokens in their order.
 *
 * @throws {Error} when the list is empty, a token is empty, holds a line break or stands twice, or a special token is missing.
 *
 * @example
 * ```ts
 * import { createVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = createVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "boat"]);
 * assertEquals(vocabulary.ids.get("boat"), 5);
 * assertEquals(vocabulary.special.mask, 4);
 * ```
 */
export function createVocabulary(
  tokens: readonly string[],
  specialTokens: SpecialTokens = BERT_SPECIAL_TOKENS,
): Vocabulary {
  if (tokens.length === 0) throw new Error("The vocabulary is empty: give one token a line.");
  const ids = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    checkToken(token, id, ids.get(token));
    ids.set(token, id);
  }
  const missing = Object.values(specialTokens).filter((token) => !ids.has(token));
  if (missing.length > 0) {
    throw new Error(
      `The vocabulary of ${tokens.length} tokens lacks ${missing.join(" ")}: ` +
        "add a line for each, or say how this vocabulary writes its special tokens.",
    );
  }
  return { tokens: [...tokens], ids, special: idsOfParts(specialTokens, ids) };
}

const PARTS: readonly PropertyKey[] = Object.keys(BERT_SPECIAL_TOKENS);

/** Asking for a part that nobody plays is an error, not `undefined`. */
function idsOfParts(
  written: SpecialTokens,
  ids: ReadonlyMap<string, number>,
): Vocabulary["special"] {
  const special = Object.fromEntries(
    Object.entries(written).map(([name, token]) => [name, ids.get(token)!]),
  ) as Record<SpecialName, number>;
  if (PARTS.every((name) => name in special)) return special;
  return new Proxy(special, {
    get(special, name) {
      if (name in special || !PARTS.includes(name)) return Reflect.get(special, name);
      throw new Error(
        `This vocabulary has no ${
          String(name)
        } token: take one that has, or say which token it is.`,
      );
    },
  });
}

function checkToken(token: string, id: number, earlier: number | undefined): void {
  const where = `Line ${id + 1} of the vocabulary`;
  if (token === "") throw new Error(`${where} is empty: every line has to be a token.`);
  if (/[\r\n]/.test(token)) {
    throw new Error(
      `${where} holds a line break inside ${JSON.stringify(token)}: one token a line.`,
    );
  }
  if (earlier !== undefined) {
    throw new Error(`${where} repeats "${token}" of line ${earlier + 1}: a token has one id.`);
  }
}

/**
 * Reads the text or the bytes of a `vocab.txt`: one token a line, LF or CRLF.
 *
 * @throws {Error} as `createVocabulary` does, and when bytes are not UTF-8.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = parseVocabulary("[UNK]\r\n[PAD]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nboat\r\n");
 * assertEquals(vocabulary.special.pad, 1);
 * assertEquals(vocabulary.tokens.length, 6);
 * ```
 */
export function parseVocabulary(
  source: string | Uint8Array,
  specialTokens: SpecialTokens = BERT_SPECIAL_TOKENS,
): Vocabulary {
  const text = typeof source === "string" ? source.replace(/^\uFEFF/, "") : decodeUTF8(source);
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop(); // the end of the last line begins no new one
  return createVocabulary(lines, specialTokens);
}

function decodeUTF8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Error("The vocabulary is not valid UTF-8: save the file in that encoding.", {
      cause,
    });
  }
}

/**
 * Writes a vocabulary as the text of a `vocab.txt`, one token a line, ending in LF.
 *
 * @example
 * ```ts
 * import { formatVocabulary, parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { assertEquals } from "@std/assert";
 *
 * const text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n";
 * assertEquals(formatVocabulary(parseVocabulary(text)), text);
 * ```
 */
export function formatVocabulary(vocabulary: Vocabulary): string {
  return vocabulary.tokens.map((token) => token + "\n").join("");
}

/**
 * The id of a token; that of the unknown token when the vocabulary does not have it.
 *
 * @example
 * ```ts
 * import { createVocabulary, idOf } from "@lineage/lineage/core/text/vocabulary";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = createVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "boat"]);
 * assertEquals(idOf(vocabulary, "boat"), 5);
 * assertEquals(idOf(vocabulary, "ship"), vocabulary.special.unk);
 * ```
 */
export function idOf(vocabulary: Vocabulary, token: string): number {
  return vocabulary.ids.get(token) ?? vocabulary.special.unk;
}

/**
 * The token of an id.
 *
 * @throws {RangeError} where no token has this id.
 *
 * @example
 * ```ts
 * import { createVocabulary, tokenOf } from "@lineage/lineage/core/text/vocabulary";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = createVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "boat"]);
 * assertEquals(tokenOf(vocabulary, 5), "boat");
 * ```
 */
export function tokenOf(vocabulary: Vocabulary, id: number): string {
  const token = vocabulary.tokens[id];
  if (token === undefined) {
    throw new RangeError(
      `There is no token ${id}: this vocabulary has the ids 0 to ${
        vocabulary.tokens.length - 1
      }. ` +
        "Were these ids made with another vocabulary?",
    );
  }
  return token;
}
