import { assert, assertEquals, assertThrows } from "@std/assert";
import { device, leaves, randomKey, read } from "../core/tensor/mod.ts";
import { loadPretrained, type Pretrained, savePretrained } from "../models/pretrained.ts";
import type { Tagged } from "../tasks/conll.ts";
import { answers, evaluate, mainScore } from "../tasks/evaluate.ts";
import { finetune, type FinetuneReport, inEpochs, withHeadOf } from "../tasks/finetune.ts";
import { questionAnswering } from "../tasks/question_answering.ts";
import type { Asked } from "../tasks/squad.ts";
import { tagging } from "../tasks/tagging.ts";
import type { Task } from "../tasks/task.ts";
import { textClassification } from "../tasks/text_classification.ts";
import type { Labelled } from "../tasks/tsv.ts";
import { onEveryDevice } from "./devices.ts";
import { encoders, smallModel, tokenizerOfKind } from "./task_models.ts";

const colours = ["red", "blue", "green", "white"], things = ["boat", "house", "tree", "dog"];
const pairs = colours.flatMap((colour) => things.map((thing) => ({ colour, thing })));

/** Which of two colours a thing has: a word decides. */
const texts: Labelled[] = pairs.map(({ colour, thing }) => (
  { text: `a ${colour} ${thing}`, label: ["red", "blue"].includes(colour) ? "warm" : "cold" }
));
/** Colours are entities. */
const sentences: Tagged[] = pairs.map(({ colour, thing }) => (
  { words: ["a", colour, thing], tags: ["O", "B-C", "O"] }
));
/** The thing is asked for. */
const asked: Asked[] = pairs.map(({ colour, thing }, i) => {
  const context = i % 2 ? `a ${colour} ${thing}` : `${thing} of ${colour}`;
  const answers = [{ text: thing, start: context.indexOf(thing) }];
  return { id: String(i), question: "what", context, answers };
});

async function learn<Example, Answer>(
  task: Task<Example, Answer>,
  learned: Pretrained,
  examples: readonly Example[],
  { steps = 60, every = 20, seed = 1, dev = examples } = {},
): Promise<{ model: Pretrained; reports: FinetuneReport[] }> {
  const model = await withHeadOf(task, learned, seed), reports: FinetuneReport[] = [];
  const batches = inEpochs(examples.flatMap(task.rows), 8, seed);
  const settings = { batches, steps, rate: 1e-2, seed, dev: { examples: dev, every } };
  for await (const report of finetune(model, task, settings)) reports.push(report);
  return { model, reports };
}

/** A model that was saved and loaded again. */
async function reloaded(model: Pretrained): Promise<Pretrained> {
  const folder = `${await Deno.makeTempDir()}/model`;
  await savePretrained(folder, model);
  return await loadPretrained(folder);
}

for (const [spec, kind] of encoders) {
  const model = async () => await smallModel(await tokenizerOfKind(kind), spec);

  Deno.test(`${spec.name} learns to classify, is saved, and answers as before`, async () => {
    await device("wasm");
    const learned = await model(), task = textClassification(learned, ["cold", "warm"], 16);
    const { model: tuned } = await learn(task, learned, texts);
    const said = await answers(tuned, task, texts);
    assertEquals(said, texts.map(({ label }) => label));
    const again = await reloaded(tuned);
    assertEquals(again.labels, ["cold", "warm"]);
    const ofIts = textClassification(again, again.labels!, 16);
    assertEquals(await answers(again, ofIts, texts), said);
  });

  Deno.test(`${spec.name} learns to tag, is saved, and answers as before`, async () => {
    await device("wasm");
    const learned = await model(), task = tagging(learned, ["B-C", "O"], 16);
    const { model: tuned } = await learn(task, learned, sentences);
    assertEquals((await evaluate(tuned, task, sentences)).values.F1, 1);
    const again = await reloaded(tuned), ofIts = tagging(again, again.labels!, 16);
    assertEquals(await answers(again, ofIts, sentences), sentences.map(({ tags }) => [...tags]));
  });

  Deno.test(`${spec.name} learns to answer, is saved, and answers as before`, async () => {
    await device("wasm");
    const learned = await model(), task = questionAnswering(learned, 24);
    const { model: tuned } = await learn(task, learned, asked, { steps: 100 });
    const said = await answers(tuned, task, asked);
    assertEquals(said, asked.map(({ answers }) => answers[0].text));
    const again = await reloaded(tuned);
    assertEquals(await answers(again, questionAnswering(again, 24), asked), said);
  });
}

onEveryDevice("a task is learned", async () => {
  const learned = await smallModel(await tokenizerOfKind("wordpiece"));
  const task = textClassification(learned, ["cold", "warm"], 16);
  const { reports } = await learn(task, learned, texts, { steps: 40 });
  assertEquals(reports.at(-1)!.dev!.values.accuracy, 1);
});

Deno.test("a question without an answer is learned, too, and only where training has some", async () => {
  await device("wasm");
  const learned = await smallModel(await tokenizerOfKind("wordpiece"));
  const vain = asked.map((example) => ({ ...example, question: "who", answers: [] }));
  const all = [...asked, ...vain], task = questionAnswering(learned, 24, true);
  const { model } = await learn(task, learned, all, { steps: 150 });
  assertEquals(await answers(model, task, vain), vain.map(() => ""));
  assertEquals((await evaluate(model, task, all)).values["exact match"], 1);
  const eager = questionAnswering(learned, 24);
  assert((await answers(model, eager, vain)).every((said) => said !== ""));
});

const bert = async () => {
  await device("wasm");
  const learned = await smallModel(await tokenizerOfKind("wordpiece"));
  return { learned, task: textClassification(learned, ["cold", "warm"], 16) };
};

Deno.test("the encoder starts from what was learned, the head anew from the seed", async () => {
  const { learned, task } = await bert();
  const values = async ({ params }: Pretrained, from: "encoder" | "classifier") =>
    await read(leaves(params[from]).map(([, x]) => x));
  const [one, same, other] = [
    await withHeadOf(task, learned, 1),
    await withHeadOf(task, learned, 1),
    await withHeadOf(task, learned, 2),
  ];
  assertEquals(await values(one, "classifier"), await values(same, "classifier"));
  const [ofOne, ofOther] = [await values(one, "classifier"), await values(other, "classifier")];
  assert(ofOne[0][0] !== ofOther[0][0]);
  const layer = async ({ params }: Pretrained) => await read(params.encoder.layers[0]);
  assertEquals(await layer(one), await layer(learned));
});

Deno.test("the same seed gives the same losses and scores, another gives others", async () => {
  const { learned, task } = await bert();
  const [one, same, other] = [
    await learn(task, learned, texts, { steps: 10, every: 5 }),
    await learn(task, learned, texts, { steps: 10, every: 5 }),
    await learn(task, learned, texts, { steps: 10, every: 5, seed: 2 }),
  ].map(({ reports }) => reports);
  assertEquals(one, same);
  assert(one[3].loss !== other[3].loss);
});

Deno.test("dev is asked every so many steps and at the end, and only a better score is best", async () => {
  const { learned, task } = await bert();
  const { reports } = await learn(task, learned, texts, { steps: 25, every: 4 });
  const asked = reports.filter(({ dev }) => dev).map(({ step }) => step);
  assertEquals(asked, [4, 8, 12, 16, 20, 24, 25]);
  let best = -1;
  for (const { dev, best: isBest } of reports) {
    const better = dev !== undefined && mainScore(dev) > best;
    assertEquals(isBest, better);
    if (better) best = mainScore(dev);
  }
});

Deno.test("without dev the last step is the one to keep", async () => {
  const { learned, task } = await bert();
  const model = await withHeadOf(task, learned, 1), kept: number[] = [];
  const batches = inEpochs(texts.flatMap(task.rows), 4, 1);
  for await (
    const { step, best } of finetune(model, task, { batches, steps: 3, rate: 1e-3, seed: 1 })
  ) if (best) kept.push(step);
  assertEquals(kept, [3]);
});

Deno.test("an epoch has each row once, each epoch in its own order, from the seed alone", async () => {
  const { task } = await bert();
  const rows = texts.flatMap(task.rows), key = randomKey(0);
  const drawn = (seed: number, size: number, steps: number) => {
    const batches = inEpochs(rows, size, seed);
    return Array.from({ length: steps }, (_, i) => batches(key, i + 1)).flat()
      .map(({ text }) => text);
  };
  const all = drawn(1, 5, 16), epoch = (e: number) => all.slice(16 * e, 16 * (e + 1));
  for (const e of [0, 1, 2, 3, 4]) {
    assertEquals(epoch(e).toSorted(), rows.map(({ text }) => text).sort());
  }
  assert(epoch(0).join() !== epoch(1).join());
  assertEquals(drawn(1, 16, 5), all);
  assert(drawn(2, 5, 16).join() !== all.join());
  assertThrows(() => inEpochs([], 4, 1), RangeError, "no row");
  for (const size of [0, 2.5]) {
    assertThrows(() => inEpochs(rows, size, 1), RangeError, `of ${size}`);
  }
});

Deno.test("answers come in order, whatever the rows, and the progress is told", async () => {
  const { learned, task } = await bert(), model = await withHeadOf(task, learned, 1);
  const many = [...texts, ...texts, ...texts], told: string[] = [];
  const said = await answers(model, task, many, (done, of) => void told.push(`${done}/${of}`));
  assertEquals(told, ["32/48", "48/48"]);
  const single: string[] = [];
  for (const one of many) single.push(...await answers(model, task, [one]));
  assertEquals(said, single);
});
