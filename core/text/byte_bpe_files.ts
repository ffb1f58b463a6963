/**
 * The files of a byte-level BPE, `vocab.json` and `merges.txt` — Radford et al. 2019, its published code.
 * Idea   vocab.json says which token has which id, merges.txt which two tokens become one, a line each; the
 *        number of the line is the merge's rank.
 * Maths  rank(a, b) = line of "a b"
 * Axes   none
 * Differs from the paper: which does not speak of files.
 * Trap   Only a first line that begins with #version is no merge; `# #` is one.
 * @module
 */
import { type ByteBPE, type ByteBPEStyle, GPT2_STYLE, type Merge } from "./byte_bpe.ts";
import { BYTE_OF_CHARACTER } from "./byte_words.ts";
import { createVocabulary } from "./vocabulary.ts";

/**
 * Reads the texts of a `vocab.json` and a `merges.txt`.
 *
 * @throws {Error} when the one is not an object of tokens with the ids 0, 1, 2 …, lacks a special token or has a token
 * that is not written in byte characters, and when a line of the other is not two tokens that give a third.
 *
 * @example
 * ```ts
 * import { byteBPE, parseByteBPE } from "@lineage/lineage/core/text/byte_bpe";
 * import { assertEquals } from "@std/assert";
 *
 * const json = '{"a": 0, "t": 1, "Ġ": 2, "at": 3, "Ġat": 4, "<|endoftext|>": 5}';
 * const tokenizer = byteBPE(parseByteBPE(json, "#version: 0.2\na t\nĠ at\n"));
 * assertEquals(tokenizer.encode("at at").map((piece) => piece.id), [3, 4]);
 * ```
 */
export function parseByteBPE(
  vocabJSON: string,
  mergesText: string,
  style: ByteBPEStyle = GPT2_STYLE,
): ByteBPE {
  const vocabulary = createVocabulary(parseTokens(vocabJSON), style.specialTokens);
  const special = new Set(Object.values(style.specialTokens));
  const foreign = vocabulary.tokens.find((token) =>
    !special.has(token) && ![...token].every((character) => BYTE_OF_CHARACTER.has(character))
  );
  if (foreign !== undefined) {
    throw new Error(
      `vocab.json has the token ${
        JSON.stringify(foreign)
      }, which is not written in byte characters ` +
        "(a space is Ġ): is this the file of a byte-level BPE, and is each special token named?",
    );
  }
  return { vocabulary, merges: parseMerges(mergesText, vocabulary.ids), style };
}

function parseTokens(json: string): string[] {
  const remedy = 'give an object like {"!": 0, "\\"": 1}.';
  let ids: unknown;
  try {
    ids = JSON.parse(json);
  } catch (cause) {
    throw new Error(`vocab.json is not JSON (${(cause as Error).message}): ${remedy}`, { cause });
  }
  if (typeof ids !== "object" || ids === null || Array.isArray(ids)) {
    throw new Error(`vocab.json holds no object of tokens: ${remedy}`);
  }
  const entries = Object.entries(ids);
  const tokens: string[] = [];
  for (const [token, id] of entries) {
    const fits = Number.isInteger(id) && id >= 0 && id < entries.length && tokens[id] === undefined;
    if (!fits) {
      throw new Error(
        `vocab.json gives ${JSON.stringify(token)} the id ${JSON.stringify(id)}: ` +
          `its ${entries.length} tokens have to have the ids 0 to ${
            entries.length - 1
          }, each once.`,
      );
    }
    tokens[id] = token;
  }
  return tokens;
}

function parseMerges(text: string, ids: ReadonlyMap<string, number>): Merge[] {
  const seen = new Set<string>();
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, i): Merge[] => {
    if (line === "" && i === lines.length - 1 || i === 0 && line.startsWith("#version")) return [];
    const where = `Line ${i + 1} of merges.txt, ${JSON.stringify(line)},`;
    const [left, right, ...more] = line.split(" ");
    if (!left || !right || more.length > 0) {
      throw new Error(`${where} is not two tokens with a space between them.`);
    }
    const absent = [left, right, left + right].find((token) => !ids.has(token));
    if (absent !== undefined) {
      throw new Error(`${where} needs ${absent}, which vocab.json lacks: are both of one model?`);
    }
    if (seen.has(line)) throw new Error(`${where} is there twice: a merge has one rank.`);
    seen.add(line);
    return [[left, right]];
  });
}

/**
 * Writes a model as the texts of a `vocab.json` and a `merges.txt`.
 *
 * @example
 * ```ts
 * import { formatByteBPE, parseByteBPE } from "@lineage/lineage/core/text/byte_bpe";
 * import { assertEquals } from "@std/assert";
 *
 * const json = '{"a": 0, "t": 1, "at": 2, "<|endoftext|>": 3}\n';
 * const text = "#version: 0.2\na t\n";
 * assertEquals(formatByteBPE(parseByteBPE(json, text)), { vocabJSON: json, mergesText: text });
 * ```
 */
export function formatByteBPE(
  { vocabulary, merges }: ByteBPE,
): { vocabJSON: string; mergesText: string } {
  const entries = vocabulary.tokens.map((token, id) => `${JSON.stringify(token)}: ${id}`);
  const lines = ["#version: 0.2", ...merges.map((merge) => merge.join(" "))];
  return {
    vocabJSON: `{${entries.join(", ")}}\n`,
    mergesText: lines.map((line) => line + "\n").join(""),
  };
}
