import { assert, assertEquals, assertRejects } from "@std/assert";
import { encode } from "../core/text/batch.ts";
import { byteBPE, ROBERTA_STYLE } from "../core/text/byte_bpe.ts";
import { loadTokenizer } from "../core/text/load_tokenizer.ts";
import { parseSentencePiece } from "../core/text/sentencepiece_file.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";
import type { ScoredPiece } from "../core/text/unigram.ts";
import { createVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { FileError } from "../core/training/files.ts";
import { goldenFolders } from "./golden_tokenizers.ts";

type Files = ReturnType<Tokenizer["files"]>;

async function folderOf(files: Files): Promise<string> {
  const folder = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${name}`, bytes);
  }
  return folder;
}

async function refuses(files: Files, ...said: string[]): Promise<void> {
  const folder = await folderOf(files);
  const error = await assertRejects(() => loadTokenizer(folder, 300), FileError);
  for (const part of said) assert(error.message.includes(part), `${error.message} lacks ${part}`);
}

const load = async (files: Files): Promise<Tokenizer> =>
  (await loadTokenizer(await folderOf(files)))!;

const idsOf = (tokenizer: Tokenizer, text: string) => tokenizer.encode(text).map(({ id }) => id);

const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Café", "cafe", "café", "boat"];
const vocabulary = createVocabulary(words);
const texts = ["The small boat, 9, left", "Café <mask> 河 [MASK]", " two  spaces"];

Deno.test("a tokenizer written and read again gives the same ids, whatever its options", async () => {
  const options = [{}, { lowerCase: false }, { stripAccents: false }, { splitCJK: false }];
  const bytes = trainByteBPE(texts, { vocabSize: 290, minFrequency: 1, style: ROBERTA_STYLE });
  for (
    const tokenizer of [
      ...options.map((how) => wordPiece(vocabulary, how)),
      byteBPE(bytes),
      byteBPE(bytes, { prefixSpace: true }),
      byteBPE(trainByteBPE(texts, { vocabSize: 280 })),
    ]
  ) {
    const again = await load(tokenizer.files());
    assertEquals(again.vocabulary.tokens, tokenizer.vocabulary.tokens);
    assertEquals(again.template, tokenizer.template);
    assertEquals(again.files(), tokenizer.files());
    for (const text of texts) assertEquals(again.encode(text), tokenizer.encode(text));
  }
});

/** The golden folders, by the files that are a tokenizer's. */
const golden = {
  wordpiece: ["vocab.txt"],
  bytebpe: ["vocab.json", "merges.txt"],
  unigram: ["pieces.json"],
};
for (const [prefix, names] of Object.entries(golden)) {
  for (const { name, text, json } of goldenFolders(prefix)) {
    Deno.test(`golden ${name}: read from its folder, written, and read again`, async () => {
      const files: Files = Object.fromEntries(names.map((file) => [file, text(file)]));
      const [, extra] = /extra_ids=(\d+)/.exec(json("cases.json").notes) ?? [];
      if (extra) files["tokenizer_config.json"] = `{"extra_ids": ${extra}}`;
      const tokenizer = await load(files), again = await load(tokenizer.files());
      const { cases } = json("cases.json");
      for (const one of cases) {
        if (one.ids) assertEquals(encodedAs(tokenizer, one), one.ids, one.text);
        assertEquals(again.encode(one.text ?? ""), tokenizer.encode(one.text ?? ""));
      }
      assertEquals(again.files(), tokenizer.files());
    });
  }
}

/** Some golden ids have the special tokens, some have not. */
function encodedAs(tokenizer: Tokenizer, { text, ids }: { text: string; ids: number[] }): number[] {
  const plain = idsOf(tokenizer, text);
  return plain.length === ids.length ? plain : [...encode(tokenizer, text).ids];
}

Deno.test("the kind and the style come from the files, and case from tokenizer_config.json", async () => {
  const text = words.join("\n");
  const ids = async (config: string) =>
    idsOf(await load({ "vocab.txt": text, "tokenizer_config.json": config }), "Café");
  assertEquals(await ids("{}"), [6]);
  assertEquals(await ids('{"do_lower_case": false}'), [5]);
  assertEquals(await ids('{"strip_accents": false}'), [7]);
  assertEquals(await ids('{"strip_accents": null, "model_max_length": 512}'), [6]);
  const roberta = await load(
    byteBPE(trainByteBPE(texts, { vocabSize: 290, style: ROBERTA_STYLE })).files(),
  );
  assertEquals(encode(roberta, ["a", "b"]).ids.length, 6); // <s> a </s></s> b </s>
});

Deno.test("a folder without such files has no tokenizer", async () => {
  assertEquals(await loadTokenizer(await folderOf({ "config.json": "{}" })), undefined);
});

Deno.test("a broken or missing file is named, with what is wrong", async () => {
  const { "vocab.json": vocab, "merges.txt": merges } = byteBPE(
    trainByteBPE(texts, { vocabSize: 290 }),
  ).files();
  await refuses({ "vocab.json": vocab }, "merges.txt", "no such file");
  await refuses({ "vocab.json": "{", "merges.txt": merges }, "vocab.json", "not JSON");
  await refuses({ "vocab.json": vocab, "merges.txt": merges + "a\n" }, "of merges.txt", '"a"');
  await refuses({ "vocab.txt": "boat\n" }, "vocab.txt", "[PAD]");
  await refuses({ "vocab.txt": "" }, "vocab.txt", "empty");
  await refuses({ "pieces.json": "[]" }, "pieces.json", "kind 2");
  const config = (text: string) => ({
    "vocab.txt": words.join("\n"),
    "tokenizer_config.json": text,
  });
  await refuses(config("[]"), "tokenizer_config.json", "not a JSON object");
  await refuses(config('{"do_lower_case": "no"}'), "do_lower_case", '"no"', "true or false");
});

Deno.test("unigram pieces that are to be read in a way not known here are refused", async () => {
  const albert = '[["<pad>",0,3],["<unk>",0,2],["[CLS]",0,3],["[SEP]",0,3],["[MASK]",0,3]]';
  const files = (config: string) => ({ "pieces.json": albert, "tokenizer_config.json": config });
  await load(files('{"do_lower_case": true}'));
  await refuses(files('{"do_lower_case": false}'), "do_lower_case", "false");
  const t5 = '[["<pad>",0,3],["</s>",0,3],["<unk>",0,2]]';
  const wrong = { "pieces.json": t5, "tokenizer_config.json": '{"extra_ids": -1}' };
  await refuses(wrong, "extra_ids", "-1");
});

Deno.test("SentencePiece's own file gives the pieces of pieces.json", async () => {
  for (const { name, json, bytes } of goldenFolders("unigram")) {
    const file = bytes("spiece.model");
    if (!file) continue;
    const pieces = parseSentencePiece(file), wanted: ScoredPiece[] = json("pieces.json");
    assertEquals(pieces.map(([piece]) => piece), wanted.map(([piece]) => piece), name);
    assertEquals(pieces.map(([, , kind]) => kind), wanted.map(([, , kind]) => kind), name);
    for (const [i, [, score]] of pieces.entries()) {
      assertEquals(score, Math.fround(wanted[i]![1]), wanted[i]![0]);
    }
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/spiece.model`, file);
    const tokenizer = (await loadTokenizer(folder))!;
    for (const one of json("cases.json").cases) {
      if (one.ids) assertEquals(encodedAs(tokenizer, one), one.ids, one.text);
    }
  }
});

Deno.test("a spiece.model that is cut short, or of another kind, is refused", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/spiece.model`;
  const message = (field: number, ...body: number[]) => [8 * field + 2, body.length, ...body];
  const refused: [number[], string][] = [
    [message(1, ...message(1, 97)).slice(0, -1), "middle of a field"],
    [[...message(1, ...message(1, 97)), ...message(2, 8 * 3, 2)], "type 2, not 1"],
    [[], "no pieces"],
    [[7], "unknown type 7"],
    [[0x80], "not SentencePiece's file"],
  ];
  for (const [bytes, said] of refused) {
    await Deno.writeFile(path, Uint8Array.from(bytes));
    const error = await assertRejects(() => loadTokenizer(folder), FileError);
    assert(error.message.includes("spiece.model") && error.message.includes(said), error.message);
  }
});

Deno.test("more tokens than the model knows are refused", async () => {
  const tokens = [...words, ...Array.from({ length: 300 }, (_, i) => `w${i}`)];
  await refuses({ "vocab.txt": tokens.join("\n") }, "vocab.txt", "309", "300");
});
