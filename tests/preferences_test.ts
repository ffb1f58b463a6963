/** Reward model and preference tuning: by hand, invariants, gradients, and a choice that is learnt. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { device, keep, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { constant } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { continueAll } from "../generation/generate.ts";
import { classifyTokens } from "../models/heads.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { type ModelParameters, modelParameters, nameTokens } from "../models/model.ts";
import { encode } from "../models/spec.ts";
import { tokenTargets } from "../objectives/left_to_right.ts";
import { atPlaces } from "../objectives/objective.ts";
import { answerLogProbabilities, preferenceLoss } from "../objectives/preference_tuning.ts";
import { lastPlaces, rewardLoss } from "../objectives/reward_model.ts";
import { at, rename } from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, some } from "./numbers.ts";

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

onEveryDevice("the loss of rewards, by hand; it minds differences only", async () => {
  const wanted = -(Math.log(sigmoid(1.5)) + Math.log(sigmoid(-2))) / 2;
  const [loss, moved] = await read([
    rewardLoss(tensor("B", [1, 0, -0.5, 2])),
    rewardLoss(tensor("B", [6, 5, 4.5, 7])),
  ]);
  assertAlmostEquals(loss[0], wanted, 1e-6);
  assertAlmostEquals(moved[0], wanted, 1e-6);
});

onEveryDevice("a model that has not strayed yet has the loss ln 2, whatever beta", async () => {
  const log = tensor("B", [-4, -1, -3, -9]);
  for (const beta of [0.05, 1, 20]) {
    assertAlmostEquals((await read(preferenceLoss(log, log, beta)))[0], Math.LN2, 1e-6);
  }
});

onEveryDevice("rewards far apart stay finite", async () => {
  assertAlmostEquals((await read(rewardLoss(tensor("B", [-300, 300]))))[0], 600, 1e-3);
  assertEquals((await read(rewardLoss(tensor("B", [300, -300]))))[0], 0);
});

Deno.test("their gradients are those of differences", async () => {
  await device("reference");
  await assertGradients(({ r }) => rewardLoss(r), { r: some("B", [4]) });
  const before = some("B", [4], 7), targets = tokenTargets(Float32Array.of(1, -100, 0, 2), [2, 2]);
  await assertGradients(({ now }) => preferenceLoss(now, before, 0.7), { now: some("B", [4], 2) });
  const logits = some("B T V", [2, 2, 3]), start = some("B", [2], 3);
  await assertGradients(
    ({ logits }) => preferenceLoss(answerLogProbabilities(logits, targets), start, 0.5),
    { logits },
  );
});

Deno.test("answers that are no pairs, a beta that pays nothing, a text without tokens are refused", () => {
  assertThrows(() => rewardLoss(tensor("B", [1, 2, 3])), RangeError, "3 answers");
  const two = tensor("B", [1, 2]);
  assertThrows(() => preferenceLoss(two, two, 0), RangeError, "beta is 0");
  const mask = Int32Array.of(1, 0, 0, 0);
  assertThrows(() => lastPlaces({ mask, shape: [2, 2] }), RangeError, "text 1");
});

const sizes = {
  ...GPT2_TINY,
  vocabulary: 8,
  positions: 6,
  width: 16,
  heads: 2,
  inner: 32,
  layers: 1,
};

Deno.test("a reward model learns which of two answers is better, and judges others", async () => {
  await device("wasm");
  const declared = modelParameters(GPT2, sizes, { tokenClasses: 1 });
  const params = await keep(initialise(declared, randomKey(1), 0.3));
  const mask = new Int32Array(24).fill(1), places = lastPlaces({ mask, shape: [8, 3] });
  const rewards = (p: ModelParameters, rows: number[][]) => {
    const { last } = encode(GPT2, sizes, p.encoder, { ids: tensor("B T", rows) });
    const scores = classifyTokens(atPlaces(last, places), p.classifier!);
    return rename(at(at(scores, "B", 0), "C", 0), "T -> B");
  };
  const pairs = (seed: number) => { // an answer that repeats the question is the better one
    const draw = (i: number) => 1 + Math.floor(randomKey(seed).number(i) * 6);
    const questions = [0, 1, 2, 3].map(draw);
    return [
      ...questions.map((q) => [0, q, q]),
      ...questions.map((q, i) => [0, q, 1 + (q + i) % 6]),
    ];
  };
  const training = await startTraining(params);
  const steps = train(training, {
    steps: 150,
    batch: (_, step) => [pairs(step)],
    loss: (p, rows) => rewardLoss(rewards(p, rows)),
    rate: constant({ peak: 1e-2 }),
  });
  for await (const _ of steps);
  const [loss] = await read(rewardLoss(rewards(params, pairs(1001))));
  assert(loss < 0.2, `${loss}`);
});

Deno.test("preferences turn what a model says, and the rejected answer becomes unlikely", async () => {
  await device("wasm");
  const heads = { languageModel: true };
  const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(4), 0.3));
  const model = { spec: GPT2, sizes, heads, params };
  const [[said]] = await continueAll(model, [[1, 2]], { maxTokens: 1 });
  const other = (said + 1) % 8, rows = [[1, 2, other], [1, 2, said]];
  const targets = tokenTargets(Float32Array.of(-100, other, -100, -100, said, -100), [2, 3]);
  const logs = (p: ModelParameters) => {
    const { last } = encode(GPT2, sizes, p.encoder, { ids: tensor("B T", rows) });
    return answerLogProbabilities(nameTokens(GPT2, sizes, p, last), targets);
  };
  const before = await keep(logs(params)), [first] = [await read(before)];
  assert(first[0] < first[1]);
  const training = await startTraining(params);
  const steps = train(training, {
    steps: 40,
    batch: () => [0],
    loss: (p) => preferenceLoss(logs(p), before, 0.5),
    rate: constant({ peak: 5e-3 }),
  });
  for await (const _ of steps);
  assertEquals(await continueAll(model, [[1, 2]], { maxTokens: 1 }), [[other]]);
  assertAlmostEquals(training.losses[0], Math.LN2, 1e-5);
});
