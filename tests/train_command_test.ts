/** `deno task train`: how texts are judged, how batches are drawn, and what a resumed run may be told. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { kinds } from "../cli/kinds.ts";
import { judgeText, tokensOf, windowLoss } from "../cli/language_modelling.ts";
import { pretraining } from "../cli/pretraining.ts";
import { device, randomKey, read, tensor } from "../core/tensor/mod.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { tokenizerOf } from "./objectives.ts";

const root = new URL("..", import.meta.url).pathname, text = `${root}/docs/contributing.md`;

async function train(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root}/cli/train.ts`, "--device", "wasm", ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const said = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: said(stdout), err: said(stderr) };
}

const tiny = [
  ...["--kind", "gpt", "--steps", "4", "--layers", "1", "--width", "16", "--heads", "2"],
  ...["--length", "24", "--batch", "4", "--vocabulary", "300", "--seed", "5"],
];

const documents = [["The boat left the harbour.", "It came back at noon."], ["The geese left."]];
const small = { ...kinds.gpt.usual, vocabulary: 280, length: 8, layers: 1, width: 16, heads: 2 };

/** The surprise of a model at a token, after at most as many tokens as it has positions. */
async function surpriseAfter(model: Pretrained, before: number[], id: number): Promise<number> {
  const T = before.length, labels = [...Array(T - 1).fill(-100), id];
  const windows = { ids: tensor("B T", [before]), labels: tensor("B T", [labels]), count: 1 };
  return (await read(windowLoss(model, model.params, windows)))[0];
}

Deno.test("a text is judged at each token but the first once, with half a window before it", async () => {
  await device("wasm");
  const model = await kinds.gpt.begin(documents, small);
  const all = [...tokensOf(model.tokenizer!, documents)];
  for (const length of [5, 9, 12, 13, 16, 17, 22]) {
    const ids = all.slice(0, length);
    let sum = 0;
    for (let t = 1; t < length; t++) {
      const last = Math.max(0, length - 9),
        begin = t <= 8 ? 0 : Math.min(last, 4 * Math.ceil((t - 8) / 4));
      sum += await surpriseAfter(model, ids.slice(begin, t), ids[t]);
    }
    assertAlmostEquals(await judgeText(model, Int32Array.from(ids)), sum / (length - 1), 1e-5);
  }
});

Deno.test("a GPT that will read its text again and again has dropout, another has none", async () => {
  const seldom = await kinds.gpt.begin(documents, { ...small, steps: 1, batch: 1 });
  assertEquals(seldom.sizes.dropout, { hidden: 0, attention: 0 });
  const often = await kinds.gpt.begin(documents, { ...small, steps: 100 });
  assertEquals(often.sizes.dropout, { hidden: 0.2, attention: 0.2 });
});

Deno.test("a batch is drawn from a list of documents of any length", () => {
  const tokenizer = tokenizerOf("a", "b", "."), sizes = { ...BERT_TINY, vocabulary: 8 };
  const { lesson } = pretraining(BERT, sizes, tokenizer, { batch: 4, length: 8 });
  for (const count of [2, 200_000]) {
    const many = Array.from({ length: count }, () => ["a.", "b."]);
    assertEquals(lesson(many, randomKey(1)).inputs.ids.shape, [4, 8]);
  }
});

Deno.test("a resumed run takes its settings from the checkpoint, and may only go further", async () => {
  const folder = `${await Deno.makeTempDir()}/gpt`, files = ["--corpus", text, "--out", folder];
  const begun = await train(...tiny, ...files);
  assertEquals(begun.code, 0, begun.err);
  assertMatch(begun.out, /step 4: loss .*\nit writes: /);
  const wrong: [string, string][] = [
    ["kind", "bert"],
    ["layers", "2"],
    ["width", "32"],
    ["heads", "4"],
    ["length", "16"],
    ["vocabulary", "400"],
    ["batch", "8"],
    ["rate", "0.1"],
    ["seed", "6"],
  ];
  for (const [name, value] of wrong) {
    const { code, err } = await train(...files, "--resume", `--${name}`, value);
    assertEquals(code, 1);
    assertStringIncludes(err, `--${name} is ${value}, but the run in ${folder} has`);
  }
  for (const repeated of [[], tiny]) { // what is said again and is the same is no contradiction
    assertMatch((await train(...files, ...repeated, "--resume")).out, /^step 4: loss/m);
  }
  assertMatch((await train(...files, "--steps", "6", "--resume")).out, /^step 6: loss/m);
  const { steps } = JSON.parse(await Deno.readTextFile(`${folder}/settings.json`));
  assertEquals(steps, 6);
});

Deno.test("settings that are none are refused by the name of their file", async () => {
  const folder = `${await Deno.makeTempDir()}/gpt`, files = ["--corpus", text, "--out", folder];
  await train(...tiny, ...files);
  for (const content of ["null", "{}", '{"kind":"lstm"}', '{"kind":"gpt","steps":"many"}', "{"]) {
    await Deno.writeTextFile(`${folder}/settings.json`, content);
    const { code, err } = await train(...files, "--resume");
    assertEquals(code, 1);
    assert(err.includes("settings.json"), err);
  }
});
