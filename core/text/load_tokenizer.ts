/**
 * Tokenizers from a folder, as published models have them — after Hugging Face's library; no paper writes of it.
 * Idea   What kind of tokenizer it is, its files say: `vocab.txt` is WordPiece's, `vocab.json` beside `merges.txt`
 *        byte-level BPE's, `pieces.json` or `spiece.model` unigram's. Whose it is among its kind, its special tokens say.
 *        `tokenizer_config.json` may say how text is read; `tokenizer.files()` writes all of them.
 * Maths  none
 * Axes   none
 * Differs from the paper: there is none. Differs from Hugging Face's loader: tokens that were added later
 *        (`added_tokens.json`) and `tokenizer.json`, which says all of this once more, are not read.
 * Trap   Without a `tokenizer_config.json` WordPiece lower-cases, so a cased vocabulary needs one.
 * @module
 */
import { FileError, readJSON, readText } from "../training/files.ts";
import { byteBPE, GPT2_STYLE, parseByteBPE, ROBERTA_STYLE } from "./byte_bpe.ts";
import { parseSentencePiece } from "./sentencepiece_file.ts";
import type { Tokenizer } from "./tokenizer.ts";
import {
  ALBERT_STYLE,
  parsePieces,
  type ScoredPiece,
  t5Style,
  unigram,
  type UnigramStyle,
  XLNET_STYLE,
} from "./unigram.ts";
import { parseVocabulary } from "./vocabulary.ts";
import { wordPiece } from "./wordpiece.ts";

/** What a tokenizer_config.json says. */
type Config = Readonly<Record<string, unknown>>;

/** Kinds of tokenizers by the file that only they have. */
const kinds: Record<string, (folder: string, config: Config) => Promise<Tokenizer>> = {
  "vocab.txt": async (folder, config) =>
    wordPiece(parseVocabulary(await readText(`${folder}/vocab.txt`, "the vocabulary")), {
      lowerCase: flag(config, "do_lower_case"),
      stripAccents: flag(config, "strip_accents"),
      splitCJK: flag(config, "tokenize_chinese_chars"),
    }),
  "vocab.json": async (folder, config) => {
    const vocabulary = await readText(`${folder}/vocab.json`, "the vocabulary");
    const merges = await readText(`${folder}/merges.txt`, "the merges");
    const style = vocabulary.includes('"<mask>"') ? ROBERTA_STYLE : GPT2_STYLE;
    const prefixSpace = flag(config, "add_prefix_space");
    return byteBPE(parseByteBPE(vocabulary, merges, style), { prefixSpace });
  },
  "pieces.json": async (folder, config) => {
    const pieces = parsePieces(await readText(`${folder}/pieces.json`, "the pieces"));
    return unigram(pieces, styleOf(pieces, config));
  },
  "spiece.model": async (folder, config) => {
    const pieces = parseSentencePiece(await Deno.readFile(`${folder}/spiece.model`));
    return unigram(pieces, styleOf(pieces, config));
  },
};

/**
 * The tokenizer of a model's folder; undefined where the folder has no file of one. `most` is the number of
 * tokens that the model knows.
 *
 * @throws {FileError} where a file is broken, one of two is missing, or there are more tokens than `most`.
 *
 * @example
 * ```ts
 * import { loadTokenizer } from "@lineage/lineage/core/text/load_tokenizer";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * assertEquals(await loadTokenizer(folder), undefined);
 * await Deno.writeTextFile(`${folder}/vocab.txt`, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nBoat\n");
 * await Deno.writeTextFile(`${folder}/tokenizer_config.json`, '{"do_lower_case": false}');
 * const tokenizer = await loadTokenizer(folder);
 * assertEquals(tokenizer?.encode("Boat").map((piece) => piece.id), [5]);
 * ```
 */
export async function loadTokenizer(
  folder: string,
  most = Infinity,
): Promise<Tokenizer | undefined> {
  for (const [file, load] of Object.entries(kinds)) {
    const path = `${folder}/${file}`;
    if (!await isThere(path)) continue;
    const tokenizer = await load(folder, await configOf(folder)).catch((error) => {
      throw FileError.because(path, "read the tokenizer", error);
    });
    const { length } = tokenizer.vocabulary.tokens;
    if (length <= most) return tokenizer;
    const counts = `${length} tokens, the model knows ${most}`;
    throw new FileError(path, `has ${counts}; it belongs to another model`);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw FileError.because(path, "look for it", error);
  }
}

async function configOf(folder: string): Promise<Config> {
  const path = `${folder}/tokenizer_config.json`;
  if (!await isThere(path)) return {};
  const config = await readJSON(path, "how text is read");
  if (typeof config === "object" && config !== null && !Array.isArray(config)) {
    return config as Config;
  }
  throw new FileError(path, "is not a JSON object; take the tokenizer_config.json of a model");
}

/** Yes or no; undefined where nothing is said, which Hugging Face also writes as null. */
function flag(config: Config, key: string): boolean | undefined {
  const value = config[key] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw new Error(`tokenizer_config.json: ${key} is ${JSON.stringify(value)}, not true or false`);
}

function styleOf(pieces: readonly ScoredPiece[], config: Config): UnigramStyle {
  const has = (token: string) => pieces.some(([piece]) => piece === token);
  if (has("[CLS]")) {
    demand(config, { do_lower_case: true, keep_accents: false });
    return ALBERT_STYLE;
  }
  if (has("<cls>")) {
    demand(config, { do_lower_case: false, keep_accents: false });
    return XLNET_STYLE;
  }
  const { extra_ids: sentinels = 100 } = config;
  if (typeof sentinels === "number" && Number.isInteger(sentinels) && sentinels >= 0) {
    return t5Style(sentinels);
  }
  throw new Error(`tokenizer_config.json: extra_ids is ${JSON.stringify(sentinels)}, not a count`);
}

/** A style reads text in one way; a file that asks for another is not misread. */
function demand(config: Config, wanted: Record<string, boolean>): void {
  for (const [key, value] of Object.entries(wanted)) {
    if ((flag(config, key) ?? value) === value) continue;
    throw new Error(`tokenizer_config.json: ${key} is ${!value}; only ${value} is known here`);
  }
}
