import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { device, randomKey, tensor } from "../core/tensor/mod.ts";
import { divergence } from "../objectives/distillation.ts";
import { type Bags, bagScores, bagsOf, trainBag } from "../experiments/bag_classifier.ts";
import { classroom, firstOf, taughtBy } from "../experiments/bag_distillation.ts";
import {
  hiddenWords,
  judgeBy,
  long,
  microSizes,
  microWorld,
  pretrain,
} from "../experiments/micro_bert.ts";
import {
  accuracy,
  hardLoss,
  microTask,
  scoresOf,
  surprise,
  tune,
  withNoise,
} from "../experiments/micro_tasks.ts";
import { read } from "../core/tensor/mod.ts";
import { BERT } from "../models/bert.ts";

await device("wasm");

Deno.test("accuracy and surprise of two examples, worked out by hand", () => {
  const scores = [[Math.log(3), 0], [0, Math.log(3)]];
  const examples = [0, 0].map((label) => ({ text: "", label }));
  assertEquals(accuracy(scores, examples), 0.5);
  assertAlmostEquals(surprise(scores, examples), (Math.log(4 / 3) + Math.log(4)) / 2, 1e-12);
});

Deno.test("no text that is judged was told, and classes are numbers of labels", () => {
  const { world } = microWorld(1);
  for (const kind of ["sentiment", "emoji", "senses", "paraphrases"] as const) {
    const { told, unseen, labels } = microTask(kind, world, { told: 50, unseen: 80, seed: 1 });
    const known = new Set(told.map(({ text }) => String(text)));
    assert(unseen.length > 0 && unseen.every(({ text }) => !known.has(String(text))), kind);
    assert([...told, ...unseen].every(({ label }) => label >= 0 && label < labels.length), kind);
  }
});

Deno.test("noise changes about as many labels as it says, and texts not at all", () => {
  const examples = Array.from({ length: 2000 }, (_, i) => ({ text: `${i}`, label: i % 4 }));
  const noisy = withNoise(examples, 4, 0.4, randomKey(1));
  const changed = noisy.filter(({ label }, i) => label !== examples[i].label).length / 2000;
  assertAlmostEquals(changed, 0.4 * 3 / 4, 0.03); // a quarter draws its own label again
  assertEquals(noisy.map(({ text }) => text), examples.map(({ text }) => text));
  assertEquals(withNoise(examples, 4, 0, randomKey(1)), examples);
});

Deno.test("a bag holds the share of each word, in the same columns for all parts", () => {
  const { tokenizer } = microWorld(1), example = (text: string) => ({ text, label: 0 });
  const [one, other] = bagsOf(tokenizer, [example("the sheep the geese")], [example("the sheep")]);
  assertEquals([...one.shares[0]].map((x) => +x.toFixed(4)), [0.5, 0.25, 0.25]);
  assertEquals([...other.shares[0]], [0.5, 0.5, 0]);
});

/** Two words, two classes. */
const two: Bags = {
  shares: [Float32Array.from([1, 0]), Float32Array.from([0, 1])],
  labels: [0, 1],
};

Deno.test("a classifier of bags learns, from labels or from a teacher, and is watched", async () => {
  const steps: number[] = [];
  const setting = { width: 4, classes: 2, steps: 60, batch: 8, seed: 1, rate: 0.05 };
  const look = (_: unknown, step: number) => Promise.resolve(void steps.push(step));
  const teacher = await trainBag(two, { ...setting, watch: { every: 20, look } });
  assertEquals(steps, [20, 40, 60]);
  const said = await bagScores(teacher, two);
  assert(said[0][0] > said[0][1] && said[1][1] > said[1][0]);
  const wrong = { ...two, labels: [1, 0] }; // the teacher is right, the labels are not heard
  const student = await trainBag(wrong, { ...setting, seed: 2, loss: taughtBy(said, 2) });
  const [first, second] = await bagScores(student, two);
  assert(first[0] > first[1] && second[1] > second[0]);
});

Deno.test("the same seed trains the same classifier", async () => {
  const setting = { width: 3, classes: 2, steps: 5, batch: 4, seed: 7 };
  const [a, b] = [await trainBag(two, setting), await trainBag(two, setting)];
  assertEquals(await bagScores(a, two), await bagScores(b, two));
});

Deno.test("a student hears its teacher times tau², and the labels by their weight", async () => {
  const scores = tensor("B C", [[1, 0], [0, 2]]), labels = tensor("B", [0, 0]);
  const said = [[9, 9], [3, 0], [0, 0]], chosen = { numbers: [1, 0], labels, done: 3 };
  const teacher = tensor("B C", [[3, 0], [9, 9]]); // rows 1 and 0 of what was said
  const [soft, kl] = await read([
    taughtBy(said, 2)(scores, chosen),
    divergence(scores, teacher, "C", 2),
  ]);
  assertAlmostEquals(soft[0], 4 * (kl[0] + kl[1]) / 2, 1e-6);
  const byStep = taughtBy(said, 2, (done) => done / 4)(scores, chosen);
  const [mixed, hard] = await read([byStep, hardLoss(scores, chosen)]);
  assertAlmostEquals(mixed[0], 0.75 * hard[0] + 0.25 * soft[0], 1e-6);
});

Deno.test("a classroom keeps right labels for its judge", () => {
  const clean = classroom(1, 60), noisy = classroom(1, 60, 0.5);
  assertEquals(clean.unseen.labels, noisy.unseen.labels);
  assert(clean.told.labels.some((label, i) => label !== noisy.told.labels[i]));
  assertEquals(firstOf(clean.told, 10).labels, clean.told.labels.slice(0, 10));
});

Deno.test("a micro-BERT is pre-trained, judged and tuned", async () => {
  const micro = microWorld(1), { tokenizer } = micro;
  const sizes = microSizes(tokenizer, { width: 8, inner: 16, layers: 1 }), told: string[] = [];
  const model = await pretrain(
    {
      spec: BERT,
      sizes,
      heads: { maskedLM: true, nextSentence: true },
      lessons: (shape) => hiddenWords(BERT, sizes, tokenizer, shape, { asks: "nextSentence" }),
      steps: 8,
      seed: 1,
    },
    micro,
    (what) => void told.push(what),
  );
  assertEquals(told.length, 4);
  const words = hiddenWords(BERT, sizes, tokenizer, long);
  const loss = await judgeBy(words, model.params, micro.unseen, { count: 2 });
  assertAlmostEquals(loss, Math.log(sizes.vocabulary), 1); // knows next to nothing yet
  const task = microTask("sentiment", micro.world, { told: 20, unseen: 30, seed: 1 });
  const tuned = await tune(model, tokenizer, task, { steps: 2, seed: 1, batch: 4 });
  const scores = await scoresOf(tuned, tokenizer, task.unseen);
  assertEquals([scores.length, scores[0].length], [task.unseen.length, 2]);
});
