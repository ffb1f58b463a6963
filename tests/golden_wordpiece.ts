/** Golden WordPiece data: every folder of `GOLDEN_DIR/tokenizers` whose name begins with "wordpiece". */
import { parseVocabulary, type Vocabulary } from "../core/text/vocabulary.ts";

/** A text and its tokens; settings other than `lower` and `cased` stand only where they differ. */
export interface GoldenText {
  text: string;
  lower: string[];
  lower_ids: number[];
  cased: string[];
  lower_keep_accents?: string[];
  cased_strip_accents?: string[];
  lower_no_cjk?: string[];
}

/** A row of input; `args` are Hugging Face's. */
export interface GoldenRow {
  args: {
    max_length?: number;
    truncation?: boolean | "longest_first" | "only_first" | "only_second";
    padding?: boolean | "longest" | "max_length";
    single?: boolean;
  };
  text: string;
  pair: string | null;
  input_ids: number[];
  token_type_ids: number[];
  attention_mask: number[];
}

/** Ids and the text they become. */
export interface GoldenDecoding {
  ids: number[];
  decode: string;
  decode_skip_special: string;
}

/** One folder. */
export interface GoldenWordPiece {
  name: string;
  vocabulary: Vocabulary;
  cases: GoldenText[];
  encode: GoldenRow[];
  decode: GoldenDecoding[];
}

/** Reads the folders. Where there is no data a test fails: without one, its absence would pass unseen. */
export function goldenWordPieces(): GoldenWordPiece[] {
  const folder = `${Deno.env.get("GOLDEN_DIR") ?? import.meta.dirname + "/golden"}/tokenizers`;
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    const ours = names.filter((name) => name.startsWith("wordpiece")).sort();
    if (ours.length === 0) throw new Error(`${folder} has no folder that begins with "wordpiece"`);
    return ours.map((name) => read(folder, name));
  } catch (cause) {
    Deno.test("golden wordpiece: there is data to test with", () => {
      throw cause;
    });
    return [];
  }
}

function read(folder: string, name: string): GoldenWordPiece {
  const vocabulary = parseVocabulary(Deno.readFileSync(`${folder}/${name}/vocab.txt`));
  const { cases, encode, decode } = JSON.parse(
    Deno.readTextFileSync(`${folder}/${name}/cases.json`),
  );
  const golden = { name, vocabulary, cases, encode, decode: [decode].flat() };
  for (const part of ["cases", "encode", "decode"] as const) {
    if (!golden[part]?.length) throw new Error(`${folder}/${name}/cases.json has no ${part}`);
  }
  return golden;
}
