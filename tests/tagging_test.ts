import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ignored, read, tensor } from "../core/tensor/mod.ts";
import { createWorld, documents, splitWords } from "../data/mod.ts";
import { loadPretrained } from "../models/pretrained.ts";
import { rowOf } from "../objectives/objective.ts";
import { tagging } from "../tasks/tagging.ts";
import { asBatch } from "../tasks/task.ts";
import { onEveryDevice } from "./devices.ts";
import { type GoldenModel, goldenModels, goldenRoot } from "./golden_models.ts";
import { tokenizerOf } from "./objectives.ts";
import { answerOfTargets, kindsOfTokenizers, smallModel, tokenizerOfKind } from "./task_models.ts";

const tags = ["O", "B-X", "I-X"];

/** Scores that are high where a target is, flat: position t and class c at t·C + c. */
const sureOf = (classes: number) => (target: number[]) =>
  target.flatMap((label) => Array.from({ length: classes }, (_, c) => Number(c === label)));

Deno.test("the first piece of a word carries its tag, nothing else counts", async () => {
  const tokenizer = tokenizerOf("boat", "##s", "##man", "sank", "the");
  const task = tagging(await smallModel(tokenizer), tags, 16);
  const sentence = { words: ["the", "boatsman", "sank"], tags: ["O", "B-X", "I-X"] };
  const rows = task.rows(sentence), batch = asBatch(task, rows);
  const target = task.target(rows[0], rowOf(batch, 0));
  // [CLS] the boat ##s ##man sank [SEP], then padding
  assertEquals(target.slice(0, 7), [ignored, 0, 1, ignored, ignored, 2, ignored]);
  assert(target.slice(7).every((label) => label === ignored));
  // Trap: a tag for every piece would count this word three times.
  const pieces = [...rowOf(batch, 0).words].filter((word) => word === 1).length;
  assertEquals([pieces, target.filter((label) => label === 1).length], [3, 1]);
});

Deno.test("the loss is the mean over tagged words of all rows, worked out by hand", async () => {
  const task = tagging(await smallModel(tokenizerOf("a")), tags, 16), three = Math.log(3);
  const scores = tensor("B T C", [[[9, 9, 0], [0, three, 0]], [[0, 0, 0], [1, 2, 3]]]);
  const [loss] = await read(task.loss(scores, [[ignored, 1], [2, ignored]]));
  assertAlmostEquals(loss, (-Math.log(3 / 5) - Math.log(1 / 3)) / 2, 1e-6);
  assertEquals([...await read(task.loss(scores, [[ignored, ignored], [ignored, ignored]]))], [0]);
});

for (const kind of kindsOfTokenizers) {
  Deno.test(`tags to targets and back are the tags, in rows of any length [${kind}]`, async () => {
    const tokenizer = await tokenizerOfKind(kind), model = await smallModel(tokenizer);
    let most = 0;
    for (const length of [12, 64]) {
      const task = tagging(model, tags, length);
      for (const { text } of documents(createWorld(2), { seed: 3, count: 12 })) {
        const words = splitWords(text).flat().filter((word) => tokenizer.encode(word).length < 9);
        const sentence = { words, tags: words.map((_, i) => tags[i % 3]) };
        const { answer, rows, longest } = answerOfTargets(task, sentence, sureOf(3));
        assertEquals(answer, sentence.tags);
        assert(longest <= length);
        most = Math.max(most, rows);
      }
    }
    assert(most > 3, "no sentence was cut");
  });
}

Deno.test("a word of which nothing is left is tagged O", async () => {
  const task = tagging(await smallModel(tokenizerOf("boat")), ["B-X", "O"], 16);
  const sentence = { words: ["boat", "\u200b", "boat"], tags: ["B-X", "B-X", "B-X"] };
  assertEquals(answerOfTargets(task, sentence, sureOf(2)).answer, ["B-X", "O", "B-X"]);
});

Deno.test("tags and words of unequal number are an error that shows the sentence", async () => {
  const task = tagging(await smallModel(tokenizerOf("boat")), tags, 16);
  const wrong = { words: ["the", "boat"], tags: ["O"] };
  assertThrows(() => task.rows(wrong), RangeError, '"the boat" has 2 words and 1 tags');
  const strange = { words: ["boat"], tags: ["B-Y"] };
  assertThrows(() => answerOfTargets(task, strange, sureOf(3)), RangeError, '"B-Y"');
});

Deno.test("entities are scored where tags speak of them, tags where not", async () => {
  const model = await smallModel(tokenizerOf("boat"));
  const sentence = { words: ["a", "b", "c"], tags: ["B-X", "I-X", "O"] };
  const { values } = tagging(model, tags, 16).judge([sentence], [["B-X", "O", "O"]]);
  assertEquals(values, { F1: 0, precision: 0, recall: 0, accuracy: 2 / 3 });
  const words = { words: ["a", "b"], tags: ["NOUN", "VERB"] };
  const ofWords = tagging(model, ["NOUN", "VERB"], 16).judge([words], [["NOUN", "NOUN"]]);
  assertEquals(Object.keys(ofWords.values)[0], "accuracy");
  assertEquals(ofWords.values.accuracy, 0.5);
});

for (const name of goldenModels(["bert", "distilbert", "roberta", "albert", "electra"])) {
  const path = `${goldenRoot}/models/${name}`;
  const { cases }: GoldenModel = JSON.parse(Deno.readTextFileSync(`${path}/expected.json`));
  const { architectures } = JSON.parse(Deno.readTextFileSync(`${path}/config.json`));
  if (!/TokenClassification/.test(architectures[0])) continue;
  onEveryDevice(`golden ${name}: the task's loss is Hugging Face's`, async (on) => {
    const model = { ...await loadPretrained(path), tokenizer: tokenizerOf("boat") };
    const task = tagging(model, model.labels!, 8);
    for (const { inputs, loss } of cases) {
      if (loss === undefined) continue;
      const [ids, mask] = [inputs.input_ids, inputs.attention_mask].map((rows) =>
        tensor("B T", rows as number[][])
      );
      const segments = tensor(
        "B T",
        (inputs.input_ids as number[][]).map((row) => row.map(() => 0)),
      );
      const scores = task.scores(model.params, { ids, mask, segments });
      const [found] = await read(task.loss(scores, inputs.labels as number[][]));
      assertAlmostEquals(found, loss, 2e-5, on.name);
    }
  });
}
