import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { randomKey, read, tensor } from "../core/tensor/mod.ts";
import { loadPretrained } from "../models/pretrained.ts";
import { ROBERTA, ROBERTA_BASE } from "../models/roberta.ts";
import { asInputs, rowOf } from "../objectives/objective.ts";
import { withHeadOf } from "../tasks/finetune.ts";
import { asBatch, readingOf } from "../tasks/task.ts";
import { textClassification } from "../tasks/text_classification.ts";
import { onEveryDevice } from "./devices.ts";
import { type GoldenModel, goldenModels, goldenRoot } from "./golden_models.ts";
import { tokenizerOf } from "./objectives.ts";
import { smallModel } from "./task_models.ts";

const tokenizer = tokenizerOf("the", "boat", "sank", "rose");
const model = await smallModel(tokenizer);
const task = textClassification(model, ["bad", "good"], 8);
const { params } = await withHeadOf(task, model, 1);

Deno.test("the loss of a class is its surprise, worked out by hand", async () => {
  const scores = tensor("B C", [[0, Math.log(3)], [0, 0]]);
  const [loss] = await read(task.loss(scores, [[1], [0]]));
  assertAlmostEquals(loss, (-Math.log(3 / 4) - Math.log(1 / 2)) / 2, 1e-6);
});

Deno.test("the answer is the label of the highest score", () => {
  const example = { text: "the boat sank", label: "bad" };
  const [row] = task.rows(example), encoding = rowOf(asBatch(task, [row]), 0);
  assertEquals(task.answer(example, [{ ...row, encoding, scores: [1, 2] }]), "good");
  assertEquals(task.answer(example, [{ ...row, encoding, scores: [3, 2] }]), "bad");
  assertEquals(task.target(row, encoding), [0]);
});

Deno.test("a label that is not among the classes is refused by name", () => {
  const [row] = task.rows({ text: "the boat", label: "fair" });
  const encoding = rowOf(asBatch(task, [row]), 0);
  assertThrows(() => task.target(row, encoding), RangeError, '"fair" is not one of');
});

Deno.test("a pair is two segments, and what is too long loses the end of its longer text", () => {
  const rows = task.rows({ text: ["the boat sank the boat sank", "rose"], label: "bad" });
  const { ids, segments, shape } = asBatch(task, rows);
  assertEquals(shape, [1, 8]);
  assertEquals([...segments], [0, 0, 0, 0, 0, 0, 1, 1]);
  assertEquals(tokenizer.decode(ids, { skipSpecial: true }), "the boat sank the rose");
});

Deno.test("other texts in the batch, and the padding that they bring, change no score", async () => {
  const long = textClassification(model, ["bad", "good"], 64);
  const short = { text: "the boat", label: "bad" };
  const other = { text: "sank ".repeat(50), label: "bad" };
  const scoresOf = async (examples: typeof short[]) =>
    (await read(long.scores(params, asInputs(asBatch(long, examples.flatMap(long.rows)))))).slice(
      0,
      2,
    );
  const [alone, together] = [await scoresOf([short]), await scoresOf([short, other])];
  alone.forEach((x, i) => assertAlmostEquals(x, together[i], 1e-5));
});

Deno.test("dropout before the classifier is drawn by the key, and off without one", async () => {
  const dropping = { ...model, sizes: { ...model.sizes, dropout: { hidden: 0.5, attention: 0 } } };
  const { scores, rows } = textClassification(dropping, ["bad", "good"], 8);
  const inputs = asInputs(asBatch(task, rows({ text: "the boat sank", label: "bad" })));
  const of = async (
    seed?: number,
  ) => [...await read(scores(params, inputs, seed === undefined ? undefined : randomKey(seed)))];
  assertEquals(await of(1), await of(1));
  assert((await of(1))[0] !== (await of(2))[0]);
  assertEquals(await of(), [...await read(task.scores(params, inputs))]);
});

Deno.test("a model is read up to its positions; RoBERTa's first one is after its padding", () => {
  assertEquals(readingOf(model, 1000).length, model.sizes.positions);
  assertEquals(readingOf(model, 10).length, 10);
  assertEquals(readingOf({ spec: ROBERTA, sizes: ROBERTA_BASE, tokenizer }, 1000).length, 512);
  const bare = { ...model, tokenizer: undefined };
  assertThrows(() => textClassification(bare, ["a", "b"], 8), RangeError, "no tokenizer");
});

/** The rows of numbers of a case. */
const grid = (values: unknown) => tensor("B T", values as number[][]);

for (const name of goldenModels(["bert", "distilbert", "roberta", "albert", "electra"])) {
  const path = `${goldenRoot}/models/${name}`;
  const { cases }: GoldenModel = JSON.parse(Deno.readTextFileSync(`${path}/expected.json`));
  const { architectures, model_type } = JSON.parse(Deno.readTextFileSync(`${path}/config.json`));
  if (!/SequenceClassification/.test(architectures[0])) continue;
  onEveryDevice(`golden ${name} (${model_type}): the task's loss is Hugging Face's`, async (on) => {
    const model = { ...await loadPretrained(path), tokenizer };
    const task = textClassification(model, model.labels!, 8);
    for (const { inputs, loss } of cases) {
      if (loss === undefined) continue;
      const ids = grid(inputs.input_ids), mask = grid(inputs.attention_mask);
      const segments = inputs.token_type_ids ? grid(inputs.token_type_ids) : undefined;
      const scores = task.scores(model.params, { ids, mask, segments: segments! });
      const targets = (inputs.labels as number[]).map((label) => [label]);
      const [found] = await read(task.loss(scores, targets));
      assertAlmostEquals(found, loss, 2e-5, on.name);
    }
  });
}
