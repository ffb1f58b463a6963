import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { device } from "../core/tensor/mod.ts";
import { loadPretrained, savePretrained } from "../models/pretrained.ts";
import { smallModel, tokenizerOfKind } from "./task_models.ts";

const script = new URL("../cli/finetune.ts", import.meta.url).pathname;
const folder = await Deno.makeTempDir(), learned = `${folder}/learned`;
await device("wasm");
await savePretrained(learned, await smallModel(await tokenizerOfKind("wordpiece")));

const command = (options: Record<string, string | number>) =>
  new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", script, "--device=wasm"],
      ...Object.entries(options).map(([name, value]) => `--${name}=${value}`),
    ],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });

async function run(options: Record<string, string | number>) {
  const { code, stdout, stderr } = await command(options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = `${folder}/${name}`;
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  return path;
}

const colours = ["red", "blue", "green", "white"], things = ["boat", "house", "tree", "dog"];
const pairs = colours.flatMap((colour) => things.map((thing) => [colour, thing]));
const warm = (colour: string) => ["red", "blue"].includes(colour) ? "warm" : "cold";
const tsv = await file("a.tsv", pairs.map(([c, t]) => `${warm(c)}\ta ${c} ${t}\n`).join(""));
const conll = await file("a.conll", pairs.map(([c, t]) => `a O\n${c} B-C\n${t} O\n`).join("\n"));
const questions = pairs.map(([colour, thing], id) => ({
  context: `a ${colour} ${thing}`,
  qas: [{ id, question: "what", answers: [{ text: thing, answer_start: 3 + colour.length }] }],
}));
const squad = await file("a.json", JSON.stringify({ data: [{ paragraphs: questions }] }));

const small = { model: learned, epochs: 30, rate: 0.01, batch: 8, length: 24 };

for (
  const [task, path, score, architecture] of [
    ["classify", tsv, "accuracy", "BertForSequenceClassification"],
    ["tag", conll, "F1", "BertForTokenClassification"],
    ["answer", squad, "F1", "BertForQuestionAnswering"],
  ]
) {
  Deno.test(`finetune --task ${task}: a table of scores, and a folder that loads`, async () => {
    const out = `${folder}/${task}`;
    const { code, out: said, err } = await run({
      ...small,
      ...{ task, train: path, dev: path, test: path, out },
    });
    assertEquals(code, 0, err);
    assertMatch(said, new RegExp(`on +${score}`));
    assertMatch(said, /dev +1\.0000/);
    assertMatch(said, /test +1\.0000/);
    assertStringIncludes(said, "best so far");
    assert(!(said + err).includes("\x1b"), "escapes in a pipe");
    const { config, tokenizer } = await loadPretrained(out);
    assert(config && tokenizer);
    const { architectures } = JSON.parse(await Deno.readTextFile(`${out}/config.json`));
    assertEquals(architectures, [architecture]);
  });
}

Deno.test("finetune explains itself and its files", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, "--help"],
  }).output();
  const said = new TextDecoder().decode(stdout);
  assertEquals(code, 0);
  for (const part of ["deno task finetune", "SQuAD", "CoNLL", "--rate"]) {
    assertStringIncludes(said, part);
  }
});

Deno.test("without dev and test the last model is kept, and nothing is judged", async () => {
  const out = `${folder}/bare`;
  const { code, out: said } = await run({ ...small, epochs: 1, task: "classify", train: tsv, out });
  assertEquals(code, 0);
  assertStringIncludes(said, "the model after step 2 of 2");
  assert(!said.includes("accuracy"));
  assertEquals((await loadPretrained(out)).labels, ["cold", "warm"]);
});

Deno.test("a mistake is one line, a code of 1, and touches no file", async () => {
  const out = `${folder}/none`, given = { ...small, task: "classify", train: tsv, out };
  const strange = await file("strange.tsv", "warm\tred\nhot\tred\n");
  const bytes = await file("bytes.tsv", Uint8Array.of(97, 9, 98, 0xff));
  const alone = await file("alone.tsv", "warm\ta\nwarm\tb\n");
  const tags = await file("b.conll", "a O\nred B-C\n\ndog I-X\n");
  const elsewhere = JSON.stringify({ data: [{ paragraphs: [questions[0]] }] })
    .replace('"answer_start":6', '"answer_start":4');
  const moved = await file("moved.json", elsewhere), long = JSON.parse(elsewhere);
  long.data[0].paragraphs[0].qas[0] = { id: 1, question: "what ".repeat(30), answers: [] };
  const endless = await file("long.json", JSON.stringify(long));
  const foreign = `${folder}/foreign`;
  await Deno.mkdir(foreign);
  await file("foreign/notes.txt", "mine");
  const mistakes: [Record<string, string | number>, ...string[]][] = [
    [{ ...given, task: "guess" }, "classify, tag, answer", "--help"],
    [{ task: "classify", train: tsv, out }, "--model"],
    [{ ...given, rate: 0 }, "--rate is 0"],
    [{ ...given, epochs: 1.5 }, "--epochs is 1.5"],
    [{ ...given, out: learned }, "--out is the folder of --model"],
    [{ ...given, out: foreign }, "notes.txt", "nothing was touched"],
    [{ ...given, train: `${folder}/nowhere.tsv` }, "nowhere.tsv", "no such file"],
    [{ ...given, train: alone }, "alone.tsv", 'every label is "warm"'],
    [{ ...given, train: bytes }, "bytes.tsv", "byte 3"],
    [{ ...given, train: await file("empty.tsv", "") }, "empty.tsv", "is empty"],
    [{ ...given, dev: strange }, "strange.tsv", "line 2", '"hot"', "cold, warm"],
    [{ ...given, test: strange }, "strange.tsv", "line 2"],
    [{ ...given, task: "tag", train: conll, dev: tags }, "b.conll", "line 4", '"I-X"'],
    [{ ...given, task: "answer" }, "a.tsv", "not valid JSON"],
    [{ ...given, task: "answer", train: moved }, "moved.json", "question 0", "begins at 6"],
    [{ ...given, task: "answer", train: squad, dev: endless }, "long.json", "no room"],
    [{ ...given, model: `${folder}/nowhere` }, "nowhere"],
  ];
  for (const [options, ...parts] of mistakes) {
    const { code, err } = await run(options);
    assertEquals(code, 1, err);
    for (const part of parts) assertStringIncludes(err, part);
    assert(!err.includes("    at "), err);
  }
  assertEquals(await Deno.stat(out).then(() => true, () => false), false);
  assertEquals([...Deno.readDirSync(foreign)].map(({ name }) => name), ["notes.txt"]);
});

Deno.test("Ctrl-C keeps the best model so far, whole, and ends with code 130", async () => {
  const out = `${folder}/stopped`;
  const options = { ...small, epochs: 100_000, task: "classify", train: tsv, dev: tsv, out };
  const child = command(options).spawn();
  for (let waited = 0; waited < 60_000; waited += 20) {
    if (await Deno.stat(`${out}/model.safetensors`).catch(() => undefined)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill("SIGINT");
  const { code, stdout } = await child.output();
  assertEquals(code, 130);
  assertMatch(new TextDecoder().decode(stdout), /the model after step \d+ of 200000/);
  assertEquals((await loadPretrained(out)).labels, ["cold", "warm"]);
  const names = [...Deno.readDirSync(out)].map(({ name }) => name);
  assert(names.every((name) => !name.startsWith(".")), names.join());
});
