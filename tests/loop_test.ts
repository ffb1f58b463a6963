import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  add,
  crossEntropy,
  divide,
  dropout,
  einsum,
  keep,
  type Key,
  mean,
  multiply,
  normal,
  randomKey,
  read,
  scalar,
  scale,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../core/tensor/mod.ts";
import { GraphKey } from "../core/tensor/graph_key.ts";
import { accumulate, gradientSums } from "../core/training/accumulate.ts";
import { adamw, adamwState } from "../core/training/adamw.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { constant, linear } from "../core/training/learning_rate.ts";
import {
  DivergedError,
  startTraining,
  type StepReport,
  train,
  type Training,
  type TrainOptions,
} from "../core/training/loop.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

/** Which of three classes a point belongs to: a linear softmax with dropout. */
interface Linear {
  weight: Tensor<"C D">;
  bias: Tensor<"C">;
}
interface Points {
  x: Tensor<"B D">;
  labels: Tensor<"B">;
  of: number;
}

const begin = async (seed = 1): Promise<Training<Linear>> =>
  startTraining(
    await keep({ weight: some("C D", [3, 4]), bias: some("C", [3], 2) }),
    seed,
  );

/** 12 points, cut into parts; labels come from the points' own numbers. */
function points(key: Key, parts = 1): Points[] {
  const all = Array.from({ length: 48 }, (_, i) => 2 * key.number(i) - 1);
  const labels = Array.from(
    { length: 12 },
    (_, b) => all[4 * b] > 0 ? 0 : all[4 * b + 1] > 0 ? 1 : 2,
  );
  const size = 12 / parts;
  return Array.from({ length: parts }, (_, p) => ({
    x: tensor("B D", all.slice(4 * p * size, 4 * (p + 1) * size), [size, 4]),
    labels: tensor("B", labels.slice(p * size, (p + 1) * size)),
    of: 12,
  }));
}

function pointLoss({ weight, bias }: Linear, { x, labels, of }: Points, rate = 0, key?: Key) {
  const scores = add(einsum("B D, C D -> B C", dropout(x, rate, key), weight), bias);
  const surprise = crossEntropy(scores, labels, "C");
  return divide(sum(surprise), scalar(of));
}

const usual: TrainOptions<Linear, Points> = {
  steps: 6,
  batch: (key) => points(key),
  loss: (params, part) => pointLoss(params, part),
  rate: linear({ peak: 0.1, warmup: 2, steps: 10 }),
};

const all = (steps: AsyncIterable<StepReport>) => Array.fromAsync(steps);

onEveryDevice("train() takes the steps that one takes by hand", async () => {
  const training = await begin(5);
  const reports = await all(train(training, { ...usual, maximumNorm: 0.5, adamw: { decay: 0.1 } }));
  const { params } = await begin(), state = await keep(adamwState(params));
  const losses: number[] = [], norms: number[] = [];
  for (let step = 1; step <= 6; step++) {
    const [batch] = points(randomKey(5, step).derive(0));
    const { value, gradients } = valueAndGrad((p: Linear) => pointLoss(p, batch))(params);
    const clipped = clipByGlobalNorm(gradients, 0.5), rate = usual.rate(step - 1);
    const next = adamw(params, clipped.gradients, state, { rate, step, decay: 0.1 });
    const now = { value, norm: clipped.norm };
    const found = await read(now, [[params, next.params], [state, next.state]]);
    losses.push(found.value[0]);
    norms.push(found.norm[0]);
  }
  assertNear(reports.map(({ loss }) => loss), losses, 1e-6);
  assertNear(reports.map(({ norm }) => norm), norms, 1e-6);
  assertEquals(reports.map(({ rate }) => rate), [0, 1, 2, 3, 4, 5].map(usual.rate));
  assertEquals(reports.map(({ step }) => step), [1, 2, 3, 4, 5, 6]);
  assertEquals([training.step, training.losses], [6, reports.map(({ loss }) => loss)]);
  const found = await read(training.params), wanted = await read(params);
  assertNear(found.weight, wanted.weight, 1e-6);
  assertNear(found.bias, wanted.bias, 1e-6);
});

onEveryDevice("train() learns", async () => {
  const training = await begin();
  const options = { ...usual, steps: 150, rate: constant({ peak: 0.1 }) };
  for await (const { loss } of train(training, options)) assert(loss < 10);
  const late = training.losses.slice(-30).reduce((a, b) => a + b) / 30;
  assert(late < 0.5, `${late}`); // a guess has ln 3 = 1.1
});

onEveryDevice("train() does the same again for the same seed, dropout included", async () => {
  const run = async (seed: number) => {
    const training = await begin(seed);
    const loss = (p: Linear, part: Points, key: Key) => pointLoss(p, part, 0.3, key);
    await all(train(training, { ...usual, loss }));
    return training.losses;
  };
  const once = await run(3);
  assertEquals(await run(3), once);
  assertNotEquals(await run(4), once);
});

onEveryDevice("train() takes a batch in parts as if it were in one", async () => {
  const runs = [];
  for (const parts of [1, 2, 4]) {
    const training = await begin();
    await all(train(training, { ...usual, batch: (key) => points(key, parts) }));
    runs.push({ losses: training.losses, params: await read(training.params) });
  }
  for (const { losses, params } of runs.slice(1)) {
    assertNear(losses, runs[0].losses, 1e-5);
    assertNear(params.weight, runs[0].params.weight, 1e-5);
  }
});

onEveryDevice("train() stops at a loss that is not finite and keeps what was good", async () => {
  for (const bad of [NaN, Infinity]) {
    const training = await begin(), seen: number[] = [];
    const spoil = (key: Key, step: number): Points[] => {
      const [batch] = points(key);
      return [{ ...batch, x: step === 4 ? scale(batch.x, bad) as Tensor<"B D"> : batch.x }];
    };
    let good: unknown;
    const error = await assertRejects(
      async () => {
        for await (const { step } of train(training, { ...usual, batch: spoil })) {
          seen.push(step);
          good = await read([training.params, training.state]);
        }
      },
      DivergedError,
      "step 4: the loss is NaN",
    );
    assertEquals(seen, [1, 2, 3]);
    assertEquals([training.step, training.losses.length], [3, 3]);
    assertEquals(await read([training.params, training.state]), good);
    assertEquals((error as DivergedError).report.step, 4);
    const rest = await all(train(training, { ...usual, steps: 5 })); // a good batch for step 4
    assertEquals(rest.map(({ step }) => step), [4, 5]);
  }
});

onEveryDevice("train() reports seldom and does the same", async () => {
  const often = await begin(), seldom = await begin();
  await all(train(often, usual));
  const reports = await all(train(seldom, { ...usual, reportEvery: 4 }));
  assertEquals(reports.map(({ step, loss }) => [step, loss]), [
    [4, often.losses[3]],
    [6, often.losses[5]],
  ]);
  assertEquals([seldom.step, seldom.losses], [6, often.losses]);
  assertEquals(await read(seldom.params), await read(often.params));
});

onEveryDevice(
  "train() changes nothing after a bad step, even where nobody looked at it",
  async () => {
    const training = await begin(), good = await begin();
    await all(train(good, { ...usual, steps: 3 }));
    const batch = (key: Key, step: number): Points[] => {
      const [{ x, ...rest }] = points(key);
      return [{ ...rest, x: step === 4 ? scale(x, NaN) as Tensor<"B D"> : x }];
    };
    const run = () => all(train(training, { ...usual, batch, reportEvery: 6 }));
    await assertRejects(run, DivergedError, "step 4: the loss is NaN");
    assertEquals([training.step, training.losses], [3, good.losses]);
    assertEquals(
      await read([training.params, training.state]),
      await read([good.params, good.state]),
    );
  },
);

Deno.test("train() wants a number of steps between two reports", async () => {
  for (const reportEvery of [0, -1, 1.5, NaN]) {
    const training = await begin();
    await assertRejects(
      () => all(train(training, { ...usual, reportEvery })),
      RangeError,
      "from 1",
    );
  }
});

onEveryDevice("train() stops at a gradient that is not finite, even if the loss is", async () => {
  const training = await startTraining(await keep({ w: tensor("D", [4, 9]) }));
  const options: TrainOptions<{ w: Tensor<"D"> }, number> = {
    steps: 3,
    batch: (_key, step) => [step === 2 ? 0 : 1],
    loss: ({ w }, x) => sum(sqrt(multiply(w, scalar(x)))), // at x = 0 the slope is 0 · ∞
    rate: constant({ peak: 0.1 }),
  };
  await assertRejects(() => all(train(training, options)), DivergedError, "step 2: the loss is 0");
  assert((await read(training.params.w)).every(Number.isFinite));
  assertEquals(training.step, 1);
});

onEveryDevice("train() can be left and taken up again", async () => {
  const whole = await begin();
  await all(train(whole, usual));
  const cut = await begin();
  for await (const { step } of train(cut, usual)) if (step === 2) break;
  assertEquals(cut.step, 2);
  await all(train(cut, { ...usual, steps: 4 }));
  assertEquals((await all(train(cut, usual))).map(({ step }) => step), [5, 6]);
  assertEquals(cut.losses, whole.losses);
});

onEveryDevice("train() has nothing to do when all steps are done", async () => {
  const training = await begin();
  const never = () => {
    throw new Error("a batch was asked for");
  };
  assertEquals(await all(train(training, { ...usual, steps: 0, batch: never })), []);
});

onEveryDevice("train() reports the last good step before a batch that fails", async () => {
  const training = await begin(), seen: number[] = [];
  const batch = (key: Key, step: number) => {
    if (step === 3) throw new RangeError("the corpus is at its end");
    return Promise.resolve(points(key));
  };
  await assertRejects(
    async () => {
      for await (const { step } of train(training, { ...usual, batch })) {
        await new Promise((resolve) => setTimeout(resolve, 5)); // time for a rejection to be noticed
        seen.push(step);
      }
    },
    RangeError,
    "the corpus is at its end",
  );
  assertEquals(seen, [1, 2]);
  await assertRejects(
    () => all(train(training, { ...usual, batch: () => [] })),
    RangeError,
    "no part",
  );
});

onEveryDevice("every step is the same graph, so that its program is made once", async () => {
  const { params, state } = await begin();
  const keys = [1, 2, 3].map((step) => {
    const key = randomKey(1, step), [batch] = points(key);
    const lossOf = (p: Linear) => pointLoss(p, batch, 0.1, key.derive(1));
    const { value, gradients } = valueAndGrad(lossOf)(params);
    const clipped = clipByGlobalNorm(gradients, 1), guard = add(value, clipped.norm);
    const options = { rate: 0.1 / step, step, guard };
    const next = adamw(params, clipped.gradients, state, options);
    const outputs = [value, next.params.weight, next.params.bias, next.state.mean.weight];
    const written = new GraphKey();
    written.write({ outputs, updates: [] }, false);
    return written.copy();
  });
  assertEquals(keys, [keys[0], keys[0], keys[0]]);
});

onEveryDevice("accumulate() leaves alone what no part depends on", async () => {
  const params = await keep({ w: some("D", [3]), late: some("D", [3]), unused: some("D", [3]) });
  const sums = await gradientSums(params);
  const loss = ({ w, late }: typeof params, part: number) =>
    part === 1 ? sum(square(w)) : add(sum(w), sum(scale(late, part)));
  const { value, gradients } = await accumulate(sums, params, [1, 2, 3], loss);
  const found = await read({ value, gradients }), before = await read(params);
  assertNear(found.gradients.w, before.w.map((w) => 2 * w + 2), 1e-6);
  assertNear(found.gradients.late, [5, 5, 5], 1e-6);
  const state = adamwState(params), options = { rate: 0.1, step: 1 };
  assert(adamw(params, gradients, state, options).params.unused === params.unused);
  const again = await accumulate(sums, params, [2], loss);
  assertNear((await read(again.gradients)).late, [2, 2, 2], 1e-6); // nothing is left from before
});

onEveryDevice("accumulate() adds gradients of a shared parameter into one sum", async () => {
  const w = some("D", [3]), params = await keep({ a: w, b: w });
  const loss = ({ a, b }: typeof params, part: number) => sum(multiply(scale(a, part), b));
  const sums = await gradientSums(params);
  const { gradients } = await accumulate(sums, params, [1, 2], loss);
  assert(gradients.a === gradients.b);
  const before = await read(params.a);
  assertNear(await read(gradients.a), before.map((w) => 6 * w), 1e-5);
});

onEveryDevice("train() takes a batch that is drawn on the device", async () => {
  const training = await startTraining(await keep({ centre: tensor("D", [2, -2]) }));
  const options: TrainOptions<{ centre: Tensor<"D"> }, Tensor<"B D">> = {
    steps: 3,
    batch: (key) => [normal(key, "B D", [4, 2], 0.1)],
    loss: ({ centre }, x) => mean(square(subtract(x, centre))),
    rate: constant({ peak: 0.5 }),
  };
  await all(train(training, options));
  assert(training.losses[2] < training.losses[0]);
});

Deno.test("a diverged run's error says what to do", () => {
  const { message } = new DivergedError({ step: 7, loss: NaN, norm: 3, rate: 0.1 });
  assert(message.includes("step 7") && message.includes("those of step 6"));
  assert(message.includes("Lower the rate"));
});
