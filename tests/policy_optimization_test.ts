/** Policy optimization (PPO): by hand, its invariants, gradients, its traps, and answers that become better. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import {
  add,
  device,
  exp,
  gradients,
  ignored,
  keep,
  logSoftmax,
  maximum,
  minimum,
  multiply,
  randomKey,
  read,
  scale,
  softmax,
  subtract,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../core/tensor/mod.ts";
import { constant } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { continueAll } from "../generation/generate.ts";
import { probabilities } from "../generation/options.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { type ModelParameters, modelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { tokenLoss, tokenTargets } from "../objectives/left_to_right.ts";
import {
  advantagesOf,
  clippedLoss,
  penalisedReward,
  tokenLogProbabilities,
} from "../objectives/policy_optimization.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";
import { upTo } from "./objectives.ts";

/** Two answers of three and of one token; the question has a place, and so has what is left. */
const labels = Float32Array.of(ignored, 2, 0, 1, ignored, 1, ignored, ignored);
const targets = tokenTargets(labels, [2, 4]);
const written = [1, 2, 3, 5];
/** Four tokens at the places of the answers. */
const atWritten = (numbers: readonly number[]) => {
  const found = new Array(8).fill(0);
  written.forEach((at, i) => found[at] = numbers[i]);
  return tensor("B T", found, [2, 4]);
};
const logsOf = (ratios: readonly number[]) => atWritten(ratios.map(Math.log));
const none = atWritten([0, 0, 0, 0]);

onEveryDevice("the clipped loss, by hand: what went far enough gains no more", async () => {
  const now = logsOf([1.1, 1.5, 0.5, 1.5]), advantages = tensor("B", [2, -1]);
  // the second answer, which was bad, has become likelier: that is not clipped
  const wanted = -(2 * 1.1 + 2 * 1.2 + 2 * 0.5 - 1 * 1.5) / 4;
  const [loss] = await read(clippedLoss(now, none, advantages, targets));
  assertAlmostEquals(loss, wanted, 1e-5);
});

onEveryDevice("rewards, the price for straying, and advantages, by hand", async () => {
  const then = tensor("B T", [[-1, -2], [-3, 0], [-1, -1]]);
  const before = tensor("B T", [[-2, -2], [-1, 0], [-1, -1]]);
  const found = await read({
    paid: penalisedReward(tensor("B", [1, 3, 5]), then, before, 0.5),
    free: penalisedReward(tensor("B", [1, 3, 5]), then, before, 0),
    advantages: advantagesOf(tensor("B", [1, 3, 5])),
  });
  assertNear(found.paid, [0.5, 4, 5], 1e-6);
  assertNear(found.free, [1, 3, 5], 0);
  assertNear(found.advantages, [-Math.sqrt(1.5), 0, Math.sqrt(1.5)], 1e-4);
});

onEveryDevice("a token's log-probability is that of its softmax, and 0 where none is", async () => {
  const logits = some("B T V", [2, 4, 3]);
  const [found, all] = await read([
    tokenLogProbabilities(logits, targets),
    logSoftmax(logits, "V"),
  ]);
  const wanted = Array.from(labels, (label, i) => label < 0 ? 0 : all[i * 3 + label]);
  assertNear(found, wanted, 1e-5);
});

onEveryDevice("where the model has not moved yet, it is the policy gradient", async () => {
  const now = atWritten([-1, -2, -0.5, -3]), advantages = tensor("B", [2, -1]);
  const loss = clippedLoss(now, now, advantages, targets);
  const found = await read({ loss, slope: gradients(loss, { now }).now });
  assertAlmostEquals(found.loss[0], -(3 * 2 - 1) / 4, 1e-6);
  // that of −1/n Σ A · log π
  assertNear(found.slope, [0, -0.5, -0.5, -0.5, 0, 0.25, 0, 0], 1e-6);
});

onEveryDevice("a token that moved too far is left alone, but may always come back", async () => {
  const slopes = async (ratio: number, worth: number) => {
    const now = logsOf([ratio, ratio, ratio, ratio]);
    const loss = clippedLoss(now, none, tensor("B", [worth, worth]), targets);
    return [...await read(gradients(loss, { now }).now)].filter((_, i) => written.includes(i));
  };
  assertNear((await slopes(1.3, 1)).map(Math.abs), [0, 0, 0, 0], 0); // likelier, and good: enough
  assertNear((await slopes(0.7, -1)).map(Math.abs), [0, 0, 0, 0], 0); // less likely, and bad: enough
  assertNear(await slopes(0.7, 1), new Array(4).fill(-0.7 / 4), 1e-6); // good, but became less likely
  assertNear(await slopes(1.3, -1), new Array(4).fill(1.3 / 4), 1e-6); // bad, but became likelier
});

onEveryDevice("the trap: a clip without the minimum shuts the way back, too", async () => {
  const now = logsOf([0.7, 0.7, 0.7, 0.7]), ratio = exp(now);
  const good = tensor("B", [1, 1]);
  const clipped = sum(multiply(minimum(maximum(ratio, 0.8), 1.2), good));
  const [right, wrong] = await read([
    gradients(clippedLoss(now, none, good, targets), { now }).now,
    gradients(clipped, { now }).now,
  ]);
  assert(written.every((i) => right[i] < 0));
  assert(written.every((i) => wrong[i] === 0));
});

onEveryDevice("answers that are equally good have no advantage, and teach nothing", async () => {
  for (const reward of [0, 0.3, -17.3]) {
    const advantages = advantagesOf(tensor("B", new Array(7).fill(reward)));
    assertNear(await read(advantages), new Array(7).fill(0), 1e-3);
  }
  const now = atWritten([-1, -2, -0.5, -3]);
  const loss = clippedLoss(now, now, advantagesOf(tensor("B", [4, 4])), targets);
  const found = await read(gradients(loss, { now }).now);
  assert(found.every((g) => Math.abs(g) === 0), `${found}`);
});

onEveryDevice("advantages mind neither the level of rewards nor their size", async () => {
  const rewards = tensor("B", [10, -20, 40, 5]);
  const [one, other] = await read([
    advantagesOf(rewards),
    advantagesOf(add(scale(rewards, 10), 7)),
  ]);
  assertNear(one, other, 1e-5);
});

onEveryDevice(
  "at the best model that there is for a price, no answer is better than another",
  async () => {
    // π* ∝ π₀ · exp(r / β): the model that preference tuning puts into its loss (2305.18290, eq. 4)
    const beta = 0.7, rewards = [1, -2, 0.5, 3], begun = [0.1, 0.4, 0.3, 0.2];
    const raised = begun.map((p, i) => p * Math.exp(rewards[i] / beta));
    const z = raised.reduce((sum, p) => sum + p);
    const logs = (p: readonly number[]) => tensor("B T", p.map((p) => [Math.log(p)]));
    const best = logs(raised.map((p) => p / z));
    const left = await read(penalisedReward(tensor("B", rewards), best, logs(begun), beta));
    assertNear(left, new Array(4).fill(beta * Math.log(z)), 1e-5);
  },
);

onEveryDevice("what is not of the answer changes nothing", async () => {
  const advantages = tensor("B", [2, -1]), now = [3, -1, -2, -0.5, 9, -3, -4, 5];
  const kept = now.map((x, i) => written.includes(i) ? x : 0);
  const then = atWritten([-1.1, -1.9, -0.5, -3]);
  const [a, b] = [tensor("B T", now, [2, 4]), tensor("B T", kept, [2, 4])];
  const found = await read({
    losses: [a, b].map((x) => clippedLoss(x, then, advantages, targets)),
    slope: gradients(clippedLoss(a, then, advantages, targets), { a }).a,
  });
  assertEquals(found.losses[0], found.losses[1]);
  assert(found.slope.every((g, i) => written.includes(i) || Math.abs(g) === 0));
});

Deno.test("its gradient is that of differences, pretraining mixed in or not", async () => {
  await device("reference");
  const then = atWritten([-1.3, -0.9, -1.2, -1.4]), advantages = tensor("B", [1.5, -0.5]);
  const policy = ({ logits }: { logits: Tensor<"B T V"> }) =>
    clippedLoss(tokenLogProbabilities(logits, targets), then, advantages, targets);
  const logits = some("B T V", [2, 4, 3]);
  await assertGradients(policy, { logits }, 24);
  const text = tokenTargets(Float32Array.of(1, 2, 0, -100, 2, 2, 1, 0), [2, 4]);
  await assertGradients(
    (p) => add(policy(p), scale(tokenLoss(p.logits, text), 27.8)), // PPO-ptx
    { logits },
    24,
  );
});

onEveryDevice("nothing is learnt by what was, nor by what it was worth", async () => {
  const params = { then: some("B T", [2, 4]), advantages: some("B", [2]) };
  const now = some("B T", [2, 4], 2);
  const loss = clippedLoss(now, params.then, params.advantages, targets);
  const found = await read(gradients(loss, params));
  assert([...found.then, ...found.advantages].every((g) => g === 0));
});

Deno.test("a reward for straying, a clip that allows nothing, one answer alone are refused", () => {
  const one = tensor("B", [1]), log = tensor("B T", [[-1]]);
  const target = tokenTargets(Float32Array.of(1), [1, 1]);
  for (const beta of [-0.1, NaN]) {
    assertThrows(() => penalisedReward(one, log, log, beta), RangeError, `beta is ${beta}`);
  }
  for (const clip of [0, -1, NaN]) {
    assertThrows(() => clippedLoss(log, log, one, target, clip), RangeError, `clip is ${clip}`);
  }
  assertThrows(() => advantagesOf(one), RangeError, "at least two");
});

onEveryDevice("the trap: as part of the loss, the price for straying costs nothing", async () => {
  // every answer of one token, each as often as the model writes it
  const logits = some("V", [5]),
    begun = some("V", [5], 2),
    often = await read(softmax(logits, "V"));
  const all = tokenTargets(Float32Array.of(0, 1, 2, 3, 4), [5, 1]), zero = zeros("B", [5]);
  const logs = (x: Tensor<"V">) => tokenLogProbabilities(add(zeros("B T V", [5, 1, 5]), x), all);
  const now = logs(logits), before = logs(begun), weight = tensor("B", [...often]);
  const price = scale(multiply(penalisedReward(zero, now, before, 1), weight), 5);
  const slopeOf = (loss: Tensor<"">) => gradients(loss, { logits }).logits;
  const strayed = subtract(logSoftmax(logits, "V"), logSoftmax(begun, "V"));
  const slopes = await read({
    divergence: slopeOf(sum(multiply(softmax(logits, "V"), strayed))), // KL(π‖π₀), to be kept small
    inReward: slopeOf(clippedLoss(now, now, price, all)),
    inLoss: slopeOf(sum(multiply(sum(subtract(now, before), "T"), weight))),
  });
  assert(Math.hypot(...slopes.divergence) > 0.1);
  assertNear(slopes.inReward, slopes.divergence, 1e-5);
  assertNear(slopes.inLoss, new Array(5).fill(0), 1e-5);
});

onEveryDevice("the trap: with top-k, straying is rewarded", async () => {
  const begun = [0.6, 0.3, 0.1], flatter = [0.4, 0.3, 0.3]; // it strays towards what is less likely
  const logs = (p: readonly number[]) => tensor("B T", p.map((p) => [Math.log(p)]));
  const paid = await read(
    penalisedReward(tensor("B", [0, 0, 0]), logs(flatter), logs(begun), 1),
  );
  const mean = (p: Float64Array) => p.reduce((sum, p, i) => sum + p * paid[i], 0);
  const scores = flatter.map(Math.log);
  assert(mean(probabilities(scores)) < 0); // all of π
  assert(mean(probabilities(scores, { topK: 1 })) > 0);
});

// A tiny model that is asked for a token: [0, q]. It answers with three, of which any q is good.
const V = 6, room = 3, T = 2 + room;
const sizes = {
  ...GPT2_TINY,
  vocabulary: V,
  positions: T,
  width: 16,
  heads: 2,
  inner: 32,
  layers: 1,
};
const heads = { languageModel: true };
const rewardOf = ([, q, ...said]: readonly number[]) => said.filter((id) => id === q).length / room;

/** Questions and their answers by chance: at temperature 1, from all of the model's probabilities. */
async function write(model: Pretrained, prompts: readonly number[][], seed: number) {
  const answers = await continueAll(model, prompts, { temperature: 1, seed });
  return prompts.map((prompt, b) => [...prompt, ...answers[b]]);
}

/** Texts as tensors; their answers count. */
function asked(texts: readonly number[][]) {
  const named = texts.map((text) => text.map((_, t) => t > 0 && t < T - 1 ? text[t + 1] : ignored));
  const targets = tokenTargets(Float32Array.from(named.flat()), [texts.length, T]);
  return { ids: tensor("B T", texts), targets };
}
const logitsOf = (params: ModelParameters, ids: Tensor<"B T">) =>
  nameTokens(GPT2, sizes, params, encode(GPT2, sizes, params.encoder, { ids }).last);
const logsUnder = (params: ModelParameters, { ids, targets }: ReturnType<typeof asked>) =>
  tokenLogProbabilities(logitsOf(params, ids), targets);

/** Write, be rewarded, learn; and again. */
async function improve(model: Pretrained, before: ModelParameters, options: {
  beta: number;
  rounds: number;
  also?: (params: ModelParameters) => Tensor<"">;
}) {
  const training = await startTraining(model.params);
  for (let round = 1; round <= options.rounds; round++) {
    const prompts = upTo(48).map((b) => [0, b % V]);
    const texts = await write(model, prompts, round), answers = asked(texts);
    const rewards = tensor("B", texts.map(rewardOf));
    const logs = await read([logsUnder(model.params, answers), logsUnder(before, answers)]);
    const [then, begun] = logs.map((log) => tensor("B T", [...log], [48, T])); // numbers, from now on
    const paid = advantagesOf(penalisedReward(rewards, then, begun, options.beta));
    const steps = train(training, {
      steps: 4 * round, // four with the same answers
      batch: () => [answers],
      loss: (params, answers) => {
        const policy = clippedLoss(logsUnder(params, answers), then, paid, answers.targets);
        return options.also ? add(policy, options.also(params)) : policy;
      },
      rate: constant({ peak: 3e-3 }),
    });
    for await (const _ of steps);
  }
}

/** Mean reward and mean divergence over all answers that there are, none drawn by chance. */
async function exactly(params: ModelParameters, before: ModelParameters, beta: number) {
  const digits = (n: number) => upTo(1 + room).map((i) => Math.floor(n / V ** i) % V);
  const texts = upTo(V ** (1 + room)).map((n) => [0, ...digits(n)]);
  const all = asked(texts), rewards = texts.map(rewardOf);
  const [now, begun] = await read([params, before].map((p) => sum(logsUnder(p, all), "T")));
  const mean = (f: (i: number) => number) => texts.reduce((sum, _, i) => sum + f(i), 0) / V;
  const z = new Array(V).fill(0);
  texts.forEach(([, q], i) => z[q] += Math.exp(begun[i] + rewards[i] / beta));
  return {
    reward: mean((i) => Math.exp(now[i]) * rewards[i]),
    strayed: mean((i) => Math.exp(now[i]) * (now[i] - begun[i])),
    /** The highest that reward − β · strayed can be (2305.18290, appendix A.1). */
    best: beta * z.reduce((sum, z) => sum + Math.log(z), 0) / V,
  };
}

async function fresh(): Promise<Pretrained> {
  const declared = modelParameters(GPT2, sizes, heads);
  const params = await keep(initialise(declared, randomKey(4), 0.3));
  return { spec: GPT2, sizes, heads, params };
}

Deno.test("rewarded, a model writes better answers: near the best that the price allows", async () => {
  await device("wasm");
  const after = async (beta: number) => {
    const model = await fresh(), before = await keep(model.params);
    const first = await exactly(before, before, beta);
    await improve(model, before, { beta, rounds: 60 });
    const last = await exactly(model.params, before, beta);
    assert(first.reward < 0.25 && first.strayed === 0, `${first.reward} ${first.strayed}`);
    const gained = (last.reward - beta * last.strayed - first.reward) / (first.best - first.reward);
    assert(gained > 0.5 && gained < 1, `at the price ${beta} it gained ${gained} of what there is`);
    return last;
  };
  const [cheap, dear] = [await after(0.02), await after(0.2)];
  assert(cheap.reward > 0.9, `${cheap.reward}`);
  assert(dear.strayed < cheap.strayed / 2, `${dear.strayed} ${cheap.strayed}`);
});

Deno.test("with pretraining mixed in, a model does not unlearn the texts that it knew", async () => {
  await device("wasm");
  const asText = (texts: number[][]) => {
    const next = texts.flatMap((text) => [...text.slice(1), ignored]);
    const targets = tokenTargets(Float32Array.from(next), [texts.length, T]);
    return { ids: tensor("B T", texts), targets };
  };
  const counted = asText(upTo(V - 1).map((n) => upTo(T).map((t) => (1 + n + t) % V)));
  const anything = asText(
    upTo(200).map((n) => upTo(T).map((t) => t && Math.floor(randomKey(n).number(t) * V))),
  );
  const surprise = (params: ModelParameters, { ids, targets } = counted) =>
    tokenLoss(logitsOf(params, ids), targets);
  const { params, ...rest } = await fresh();
  const taught = train(await startTraining(params), { // to count, and to say anything after a 0
    steps: 150,
    batch: () => [0],
    loss: (params) => add(surprise(params), surprise(params, anything)),
    rate: constant({ peak: 1e-2 }),
  });
  for await (const _ of taught);
  const after = async (also?: typeof surprise) => {
    const model = { ...rest, params: await keep(params) };
    await improve(model, params, { beta: 0.02, rounds: 60, also });
    const { reward, strayed } = await exactly(model.params, params, 0.02);
    return { reward, strayed, forgotten: (await read(surprise(model.params)))[0] };
  };
  const [alone, mixed] = [await after(), await after(surprise)];
  assert(alone.reward > 0.6 && mixed.reward > 0.6, `${alone.reward} ${mixed.reward}`);
  assert((await read(surprise(params)))[0] < 0.02);
  assert(alone.forgotten > 0.5 && mixed.forgotten < 0.02, `${alone.forgotten} ${mixed.forgotten}`);
});
