/** `deno task train --kind gpt` and `deno task generate`, from a text file to a text. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { device } from "../core/tensor/mod.ts";
import { savePretrained } from "../models/pretrained.ts";
import { tokenizerOf } from "./objectives.ts";
import { smallModel } from "./task_models.ts";

const root = new URL("..", import.meta.url).pathname;

async function run(name: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root}/cli/${name}.ts`, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A GPT that has read the licence for some steps, and what its training said. */
async function trained(...more: string[]) {
  const folder = `${await Deno.makeTempDir()}/gpt`, text = `${root}/docs/contributing.md`;
  const training = await run("train", ...["--kind", "gpt", "--corpus", text, "--out", folder], ...[
    ...["--steps", "6", "--save-every", "3", "--layers", "1", "--width", "16", "--heads", "2"],
    ...["--length", "24", "--batch", "4", "--vocabulary", "300", "--device", "wasm"],
    ...more,
  ]);
  assertEquals(training.code, 0, training.err);
  return { folder, out: training.out };
}

Deno.test("a GPT is trained, judged beside counting, resumed, and goes on with a text", async () => {
  const heldOut = ["--held-out", `${root}/README.md`];
  const { folder, out } = await trained(...heldOut);
  assertMatch(out, /held out: [\d.]+ nats a token; a 3-gram .* [\d.]+ nats a token; ln V 5.7/);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  for (const file of ["config.json", "model.safetensors", "vocab.json", "merges.txt"]) {
    assert(files.includes(file), `${file} is missing among ${files}`);
  }
  const again = ["--corpus", `${root}/docs/contributing.md`, "--out", folder, "--steps", "8"];
  const resumed = await run("train", ...again, "--resume", "--device", "wasm");
  assertMatch(resumed.out, /step 8: loss/);
  const write = (...args: string[]) =>
    run("generate", "--model", folder, "--device", "wasm", "--tokens", "9", ...args);
  const first = await write("You need", "--seed", "3");
  assertEquals(first.code, 0, first.err);
  assert(first.out.startsWith("You need") && first.out.length > "You need\n".length);
  assertEquals((await write("You need", "--seed", "3")).out, first.out);
  assertEquals((await write("You need", "--beams", "2")).code, 0);
  const halved = await write("You need", "--seed", "3", "--half");
  assert(halved.out.startsWith("You need") && halved.out.length > "You need\n".length, halved.err);
});

Deno.test("generate fills the masks of a text with a masked model, a line for each", async () => {
  const tokenizer = tokenizerOf("the", "boat", "left", "."), folder = await Deno.makeTempDir();
  await device("wasm");
  await savePretrained(folder, await smallModel(tokenizer));
  const write = (...args: string[]) =>
    run("generate", "--model", folder, "--device", "wasm", ...args);
  const text = "The [MASK] strange [MASK] left.", { code, out, err } = await write(text);
  assertEquals(code, 0, err);
  const [first, second, ...more] = out.trimEnd().split("\n");
  assertEquals(more, []);
  assertMatch(first, /^the (\S+ \[UNK\] \[MASK\]|\[MASK\] \[UNK\] \S+) left\.$/);
  assertMatch(second, /^the [^\s[]+ \[UNK\] [^\s[]+ left\.$/);
  assertEquals((await write(text)).out, out);
  assertEquals((await write(text, "--tokens", "1")).out, `${first}\n`);
  const refused = async (said: string, ...args: string[]) => {
    const { code, err } = await write(...args);
    assertEquals(code, 1);
    assertStringIncludes(err, said);
  };
  await refused("there is no [MASK] in the text", "The boat");
  await refused("leave out --stop", text, "--stop", ".");
  await refused("leave out --beams", text, "--beams", "2");
});

Deno.test("generate explains itself", async () => {
  const { code, out } = await run("generate", "--help");
  assertEquals(code, 0);
  for (const part of ["--model", "--top-p", "--beams", "--stop", "--half"]) {
    assertStringIncludes(out, part);
  }
});

Deno.test("generate says what is missing, or what contradicts itself", async () => {
  const { folder } = await trained();
  const refused = async (said: string, ...args: string[]) => {
    const { code, out, err } = await run("generate", "--device", "wasm", ...args);
    assertEquals([code, out], [1, ""]);
    assertStringIncludes(err, said);
  };
  await refused("which model", "a text");
  await refused("to begin with", "--model", folder);
  await refused("to begin with", "--model", folder, " ");
  await refused("contradict", "--model", folder, "a", "--greedy", "--temperature", "0.7");
  await refused("--beams and --top-k", "--model", folder, "a", "--beams", "3", "--top-k", "4");
  await refused("--top-p is 1.5", "--model", folder, "a", "--top-p", "1.5");
  await refused("not a number", "--model", folder, "a", "--top-p", "much");
  await refused("24 positions", "--model", folder, "word ".repeat(30));
  const bert = `${root}/tests/golden/models/bert-pretraining`;
  await refused("no tokenizer", "--model", bert, "a");
});

Deno.test("a kind that is none is refused with those that are", async () => {
  const { code, err } = await run(
    "train",
    "--kind",
    "lstm",
    "--corpus",
    `${root}/README.md`,
    "--out",
    "x",
  );
  assertEquals(code, 1);
  for (const part of ["lstm", "bert, gpt"]) assertStringIncludes(err, part);
});
