import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

import { initialise } from "../core/parameters.ts";
import { device, keep, randomKey } from "../core/tensor/mod.ts";
import { byteBPE, ROBERTA_STYLE } from "../core/text/byte_bpe.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";
import { BERT_TINY } from "../models/bert.ts";
import { modelParameters } from "../models/model.ts";
import { loadPretrained, savePretrained } from "../models/pretrained.ts";
import { ROBERTA } from "../models/roberta.ts";

const root = new URL("..", import.meta.url).pathname;

/** A corpus of plain English, made of the licence that lies in the repository, a few times over. */
async function corpus(): Promise<string> {
  const licence = await Deno.readTextFile(`${root}/LICENSE`);
  const guide = await Deno.readTextFile(`${root}/docs/contributing.md`);
  const path = `${await Deno.makeTempDir()}/corpus.txt`;
  await Deno.writeTextFile(path, `${licence}\n\n${guide}\n\n${licence}`);
  return path;
}

const command = (name: string, args: string[]) =>
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root}/cli/${name}.ts`, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });

async function run(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await command(name, args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A training small enough for a test. */
const small = (text: string, out: string, steps = 12) => [
  ...["--corpus", text, "--out", out, "--steps", String(steps), "--save-every", "3"],
  ...["--layers", "1", "--width", "16", "--heads", "2", "--length", "32", "--batch", "4"],
  ...["--vocabulary", "300", "--device", "wasm"],
];

/** A file with this content, in a folder of its own. */
async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = `${await Deno.makeTempDir()}/${name}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes);
  return path;
}

const lossesOf = async (folder: string): Promise<number[]> =>
  JSON.parse(await Deno.readTextFile(`${folder}/training.json`)).losses;

/** Wait until a training has saved its third step. */
async function thirdStep(folder: string): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 5) {
    if ((await lossesOf(folder).catch(() => [])).length >= 3) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`no checkpoint came to ${folder} in a minute`);
}

Deno.test("every command explains itself", async () => {
  for (
    const name of ["tour", "train", "fill", "generate", "show", "count", "expand", "experiment"]
  ) {
    const { code, out } = await run(name, "--help");
    assertEquals(code, 0);
    assertStringIncludes(out, `deno task ${name}`);
    assertStringIncludes(out, "--help");
  }
});

Deno.test("count prints the published numbers", async () => {
  const { out } = await run("count");
  assertMatch(out, /BERT-base .*109,482,240/);
  assertMatch(out, /BERT-large .*335,141,888/);
});

Deno.test("a mistake on the command line is one line, a hint and code 1", async () => {
  const mistakes: [string, string[], string][] = [
    ["fill", ["--nope"], "there is no option --nope"],
    ["fill", ["a [MASK]"], "--model DIR"],
    ["fill", ["--model", "/nowhere", "a [MASK]"], "/nowhere"],
    ["train", ["--out", "x"], "--corpus"],
    [
      "train",
      ["--corpus", "x", "--out", "y", "--steps", "many"],
      '--steps is "many", not a number',
    ],
    ["train", ["--corpus", "/nowhere.txt", "--out", "y"], "/nowhere.txt"],
    ["train", ["--corpus", "x", "--out", "y", "--rate", "0"], "--rate is 0, not above 0"],
    ["train", ["--corpus", "x", "--out", "y", "--rate", "-1"], "given as --name=-1"],
    ["train", ["--corpus", ".", "--out", "y"], "it is a folder"],
    ["tour", ["--device", "abacus"], "abacus"],
    ["experiment", ["c99"], "there are: c02"],
    ["experiment", ["c04", "--seeds", "1"], "--seeds is 1"],
    [
      "experiment",
      ["c04", "--device", "reference", "--out", `${root}/LICENSE`],
      "make this folder",
    ],
    ["show", ["--model", "/nowhere", "a boat"], "/nowhere has no files of a tokenizer"],
    ["show", ["--vocab", "/nowhere", "a boat"], "/nowhere: cannot read the vocabulary"],
    ["show", ["--rate", "2"], "--rate"],
    ["show", [""], "the text is empty"],
    ["show", ["--vocab", await file("empty.txt", ""), "a"], "The vocabulary is empty"],
    ["show", ["--vocab", await file("odd.txt", Uint8Array.of(65, 0xff)), "a"], "byte 1"],
    ["show", ["--words", await file("empty.txt", ""), "a"], "give one term at least"],
  ];
  for (const [name, args, said] of mistakes) {
    const { code, out, err } = await run(name, ...args);
    assertEquals(code, 1, err);
    assertStringIncludes(err, said);
    assertEquals(out, "");
    assert(!err.includes("    at "), err);
  }
});

Deno.test("an empty corpus and one that is not UTF-8 are refused by name", async () => {
  const folder = await Deno.makeTempDir(), empty = `${folder}/empty.txt`, odd = `${folder}/odd.txt`;
  await Deno.writeTextFile(empty, "");
  await Deno.writeFile(odd, Uint8Array.of(65, 0xff, 66));
  const none = await run("train", ...small(empty, `${folder}/out`));
  assertEquals(none.code, 1);
  assertStringIncludes(none.err, "empty.txt");
  const wrong = await run("train", ...small(odd, `${folder}/out`));
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.err, "byte 1");
});

Deno.test("training into a folder that holds something else touches nothing", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/mine.txt`, "mine");
  const { code, err } = await run("train", ...small(await corpus(), folder));
  assertEquals(code, 1);
  assertStringIncludes(err, folder);
  assertEquals([...Deno.readDirSync(folder)].map((e) => e.name), ["mine.txt"]);
});

Deno.test("a training killed with −9 and resumed gives the losses of one that was not, digit for digit", async () => {
  const text = await corpus(), folder = await Deno.makeTempDir();
  const [whole, broken] = [`${folder}/whole`, `${folder}/broken`];
  const { code, err } = await run("train", ...small(text, whole));
  assertEquals(code, 0, err);
  const child = command("train", small(text, broken)).spawn();
  await thirdStep(broken);
  child.kill("SIGKILL");
  await child.output();
  const before = (await lossesOf(broken)).length;
  const resumed = await run("train", ...small(text, broken), "--resume");
  assertEquals(resumed.code, 0, resumed.err);
  assert(before >= 3);
  assertEquals(await lossesOf(broken), await lossesOf(whole));
  for (const file of ["model.safetensors", "optimizer.safetensors"]) {
    const [a, b] = [whole, broken].map((f) => Deno.readFileSync(`${f}/${file}`));
    assertEquals(a, b, file);
  }
  const filled = await run(
    "fill",
    "--model",
    broken,
    "--device",
    "wasm",
    "The [MASK] is provided.",
  );
  assertEquals(filled.code, 0, filled.err);
  assertEquals(filled.out.trim().split("\n").length, 5);
});

Deno.test("Ctrl-C finishes the step, saves, and ends with code 130", async () => {
  const text = await corpus(), folder = `${await Deno.makeTempDir()}/out`;
  const child = command("train", small(text, folder, 100000)).spawn();
  await thirdStep(folder);
  child.kill("SIGINT");
  const { code } = await child.output();
  assertEquals(code, 130);
  const done = (await lossesOf(folder)).length;
  assert(done >= 3);
  const step = JSON.parse(await Deno.readTextFile(`${folder}/training.json`)).step;
  assertEquals(step, done);
});

Deno.test("fill says what is missing in a text", async () => {
  const text = await corpus(), folder = `${await Deno.makeTempDir()}/out`;
  await run("train", ...small(text, folder, 1));
  const none = await run("fill", "--model", folder, "--device", "wasm", "no gap here");
  assertEquals(none.code, 1);
  assertStringIncludes(none.err, "no [MASK]");
  const long = await run(
    "fill",
    "--model",
    folder,
    "--device",
    "wasm",
    `${"word ".repeat(60)}[MASK]`,
  );
  assertEquals(long.code, 1);
  assertStringIncludes(long.err, "32 positions");
  const two = await run(
    "fill",
    "--model",
    folder,
    "--device",
    "wasm",
    "[MASK] and [MASK]",
    "--top=2",
  );
  assertMatch(two.out, /\[MASK\] 1\n(.* %.*\n){2}\[MASK\] 2\n(.* %.*\n){2}/);
});

/** A RoBERTa with first weights and a byte-level BPE, as it lies in a folder. */
async function roberta(): Promise<string> {
  await device("wasm");
  const model = trainByteBPE(["the small boat left"], { vocabSize: 280, style: ROBERTA_STYLE });
  const tokenizer = byteBPE(model), { tokens, special } = tokenizer.vocabulary;
  const sizes = { ...BERT_TINY, vocabulary: tokens.length, segments: 1, padding: special.pad };
  const heads = { maskedLM: true };
  const params = await keep(initialise(modelParameters(ROBERTA, sizes, heads), randomKey(1)));
  const folder = await Deno.makeTempDir();
  await savePretrained(folder, { spec: ROBERTA, sizes, heads, params, tokenizer });
  return folder;
}

Deno.test("a RoBERTa's folder has its byte-level BPE, and fill its <mask>", async () => {
  const folder = await roberta(), { tokenizer } = await loadPretrained(folder);
  assertEquals(tokenizer!.encode("a <mask>").at(-1)!.token, "<mask>");
  const of = ["--model", folder, "--device", "wasm"];
  const filled = await run("fill", ...of, "--top=3", "the small <mask> left");
  assertEquals(filled.code, 0, filled.err);
  assertMatch(filled.out, /^( .* % {2}.+\n){3}$/);
  const none = await run("fill", ...of, "the small [MASK] left");
  assertStringIncludes(none.err, "there is no <mask>");
});

Deno.test("show prints one text under every objective, the same for the same seed", async () => {
  const text = "The geese sleep in the garden. Ravi trimmed the hedge.";
  const first = await run("show", text), again = await run("show", text);
  assertEquals(first.code, 0, first.err);
  assertEquals(first, again);
  const rows = ["masked LM", "static masks", "whole words", "names and phrases", "spans"];
  for (const name of [...rows, "sentence order", "next sentence", "replaced tokens"]) {
    assertMatch(first.out, new RegExp(`^${name} +\\[CLS\\] .*\\n +→ .+$`, "m"));
  }
  assert(!first.out.includes("\x1b"));
  const world = await run("show", "--seed", "4");
  assertStringIncludes(world.out, "names and phrases");
  const words = `${await Deno.makeTempDir()}/words.txt`;
  await Deno.writeTextFile(words, "the garden\nthe hedge\n");
  assertEquals((await run("show", text, "--words", words)).code, 0);
  const other = await run("show", text, "--model", await roberta());
  assertStringIncludes(other.out, "<mask>");
});
