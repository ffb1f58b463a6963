// %% [markdown]
// # 13 · From continuing to answering
//
// A language model goes on with a text. Asked "What does Oona keep?", it may well go on with another question:
// that, too, is text. InstructGPT (Ouyang et al. 2022, [2203.02155](https://arxiv.org/abs/2203.02155)) made
// an assistant of GPT-3 in three steps, none of which needs a larger model:
//
// 1. **Show** it questions with answers, and let only the answers count (supervised fine-tuning, SFT).
// 2. **Ask people** which of two answers is better, and train a model that says the same (reward model).
// 3. **Tune** the first model towards what the second one likes, without letting it stray.
//
// We do all three to a GPT of the micro-world, in a minute.
//
// **You will learn**
//
// - what changes between a model that continues and one that answers, and what does not;
// - how a choice between two answers becomes a loss;
// - why step 3 can do without step 2: direct preference optimisation (Rafailov et al. 2023,
//   [2305.18290](https://arxiv.org/abs/2305.18290)).
//
// Lesson 9 has GPT, lesson 3 the micro-world. The letters: `B` texts, `T` places, `V` tokens, `C` classes, `M` places
// of a whole batch.

// %%
import { deviationFor, initialise } from "@lineage/lineage/core/parameters";
import {
  at,
  device,
  keep,
  randomKey,
  read,
  rename,
  type Tensor,
  tensor,
} from "@lineage/lineage/core/tensor";
import { encodeBatch, type EncodedBatch } from "@lineage/lineage/core/text/batch";
import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { constant, linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import {
  createWorld,
  type Document,
  documentNumber,
  questionsAbout,
  splitWords,
  vocabularyOf,
} from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, lineChart } from "@lineage/lineage/drawing/svg";
import { continueAll } from "@lineage/lineage/generation/generate";
import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
import { classifyTokens } from "@lineage/lineage/models/heads";
import {
  type ModelParameters,
  modelParameters,
  nameTokens,
  withHeads,
} from "@lineage/lineage/models/model";
import type { Pretrained } from "@lineage/lineage/models/pretrained";
import { encode } from "@lineage/lineage/models/spec";
import { instructionTuning } from "@lineage/lineage/objectives/instruction_tuning";
import { nextToken, type TokenTargets } from "@lineage/lineage/objectives/left_to_right";
import { atPlaces, draws, type ModelInputs } from "@lineage/lineage/objectives/objective";
import {
  advantagesOf,
  clippedLoss,
  penalisedReward,
  tokenLogProbabilities,
} from "@lineage/lineage/objectives/policy_optimization";
import {
  answerLogProbabilities,
  preferenceLoss,
} from "@lineage/lineage/objectives/preference_tuning";
import { lastPlaces, rewardLoss } from "@lineage/lineage/objectives/reward_model";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of reading, of learning to answer, of learning what is preferred. */
const [READING, ANSWERING, PREFERRING] = [250, 700, 60];
const LENGTH = 48;

// %% [markdown]
// ## Documents, questions, two manners
//
// Documents of the micro-world, two sentences at a time so that a minute is enough, and questions that these two
// sentences answer. There are two manners to answer: with a word, or with a sentence. Neither is better, until
// somebody says so.

// %%
const world = createWorld(1);
/** Questions about some documents, for their words. */
const questionsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => questionsAbout(documentNumber(world, 1, n))).flat();
const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const asking = questionsOf(300).flatMap(({ question }) => splitWords(question).flat());
const words = parseVocabulary(
  [...new Set([...specials, ...vocabularyOf(world), ...asking])].join("\n"),
);
const tokenizer = {
  ...wordPiece(words, { lowerCase: true }),
  template: { single: "cls A sep", pair: "cls A B:1 sep:1" }, // the answer follows the question
};
const { sep } = words.special;

/** Two neighbouring sentences of a document. */
function excerpt(seed: number, number: number, draw: (n: number) => number): Document {
  const document = documentNumber(world, seed, number);
  const first = draw(document.sentences.length - 1);
  const sentences = document.sentences.slice(first, first + 2);
  return { ...document, sentences, text: sentences.map(({ text }) => text).join(" ") };
}
interface Asked {
  prompt: string;
  short: string;
  long: string;
}
/** A question that two sentences answer, drawn from many documents. */
function ask(seed: number, draw: (n: number) => number): Asked {
  for (;;) {
    const found = questionsAbout(excerpt(seed, draw(20_000), draw));
    if (found.length === 0) continue;
    const { context, question, answer } = found[draw(found.length)];
    return { prompt: `${context} ${question}`, short: answer, long: `It is ${answer}.` };
  }
}
const sample = Array.from({ length: 4 }, ((draw) => () => ask(2, draw))(draws(randomKey(1))));
await show(table(sample.map(({ prompt, short, long }) => ({ prompt, short, long }))));

// %% [markdown]
// ## A model that continues
//
// First it reads, as in lesson 9: documents, nothing else.

// %%
const sizes = {
  ...GPT2_TINY,
  vocabulary: words.tokens.length,
  positions: LENGTH,
  width: 64,
  heads: 2,
  inner: 256,
  layers: 2,
  dropout: { hidden: 0, attention: 0 },
};
const heads = { languageModel: true };
const deviation = deviationFor(sizes.width);
const params = await keep(
  initialise(modelParameters(GPT2, sizes, heads), randomKey(1), deviation),
);
const model = { spec: GPT2, sizes, heads, params };

type Inputs = string | [string, string];
const batchOf = (texts: readonly Inputs[]): EncodedBatch =>
  encodeBatch(tokenizer, texts, {
    maxLength: LENGTH,
    padTo: LENGTH,
    truncation: "longest_first",
  });
interface Lesson {
  inputs: ModelInputs;
  targets: TokenTargets;
}
const logits = (params: ModelParameters, { ids }: Pick<ModelInputs, "ids">) =>
  nameTokens(GPT2, sizes, params, encode(GPT2, sizes, params.encoder, { ids }).last);

async function learn(
  label: string,
  steps: number,
  lesson: (draw: (n: number) => number) => Lesson,
  loss: (params: ModelParameters, lesson: Lesson) => Tensor<"">,
): Promise<void> {
  const report = progress(label, steps), training = await startTraining(params, 1);
  for await (
    const { step, loss: found } of train(training, {
      steps,
      batch: (key) => [lesson(draws(key))],
      loss,
      rate: linear({ peak: 4e-3, warmup: Math.ceil(steps / 20), steps }),
      adamw: { decays: exceptBiasesAndNorms },
    })
  ) await report.at(step, `loss ${found.toFixed(2)}`);
  await report.done();
}
const many = <T>(count: number, make: () => T) => Array.from({ length: count }, make);

const reading = nextToken();
await learn(
  "reading",
  READING,
  (draw) =>
    reading.corrupt(
      batchOf(many(16, () => documentNumber(world, 1, draw(20_000)).text)),
      randomKey(1),
    ),
  (params, { inputs, targets }) => reading.loss(logits(params, inputs), targets),
);

// %%
const unseen = many(128, ((draw) => () => ask(1_000_002, draw))(draws(randomKey(2))));
const idsOf = (text: string) => tokenizer.encode(text).map(({ id }) => id);
const promptIds = (prompt: string) => [words.special.cls, ...idsOf(prompt)];
const inWords = (ids: readonly number[]) => tokenizer.decode(ids);
const ROOM = 10; // the most tokens of an answer
/** The likeliest answers, or answers by chance: from all of the model's probabilities. */
const answersOf = async (model: Pretrained, asked: readonly Asked[], chance = {}) =>
  await continueAll(model, asked.map(({ prompt }) => promptIds(prompt)), {
    maxTokens: ROOM,
    end: [sep],
    ...chance,
  });
const same = (ids: readonly number[], text: string) => ids.join() === idsOf(text).join();
async function manners() {
  const said = await answersOf(model, unseen);
  const share = (of: (asked: Asked) => string) =>
    unseen.filter((asked, i) => same(said[i], of(asked))).length / unseen.length;
  return { said, short: share(({ short }) => short), long: share(({ long }) => long) };
}
const base = await manners();
await show(table(
  unseen.slice(0, 5).map(({ prompt, short }, i) => ({
    prompt,
    "right would be": short,
    "the model goes on": inWords(base.said[i]),
  })),
));

// %% [markdown]
// It knows how such texts go. It does not know that it was asked.
//
// ## Step 1: shown how to answer
//
// The same network, the same loss, another text: questions with answers, half of them in one manner, half in
// the other. Only the answer and its end count; the model is not to learn to ask.

// %%
const [one] = unseen;
const shown = batchOf([[one.prompt, one.short]]), tuning = instructionTuning();
const { targets: shownTargets } = tuning.corrupt(shown, randomKey(1));
const labels = await read(shownTargets.labels);
const upTo = shown.mask.indexOf(0);
await show(table(
  many(upTo, ((t) => () => t++)(0)).slice(-8).map((t) => ({
    "sees up to": words.tokens[shown.ids[t]],
    "is to name": labels[t] < 0 ? "" : words.tokens[labels[t]],
  })),
  "The last places of a question and its answer",
));

// %%
await learn(
  "answering",
  ANSWERING,
  (draw) =>
    tuning.corrupt(
      batchOf(many(16, (): Inputs => {
        const { prompt, short, long } = ask(1, draw);
        return [prompt, draw(2) ? short : long];
      })),
      randomKey(1),
    ),
  (params, { inputs, targets }) => tuning.loss(logits(params, inputs), targets),
);
const tuned = await manners();
await show(table(
  unseen.slice(0, 5).map(({ prompt }, i) => ({
    prompt,
    "before": inWords(base.said[i]),
    "after": inWords(tuned.said[i]),
  })),
));
console.log(
  `right, in either manner: ${(base.short + base.long).toFixed(2)} before, ${
    (tuned.short + tuned.long).toFixed(2)
  } after`,
);
assert(base.short + base.long < 0.2 && tuned.short + tuned.long > 0.7);

// %% [markdown]
// **Predict.** Drawn by chance, with temperature 1: in which manner does it answer? *It was shown both equally
// often, so it takes either with about the same probability: it learnt what people do, not what they
// prefer.*

// %%
/** Which share of the answers is in which manner: only sentences begin with "It". */
const mannersOf = (answers: readonly number[][]) => {
  const long = answers.filter(([id]) => id === idsOf("it")[0]).length / answers.length;
  return { short: 1 - long, long };
};
const drawnManners = async () =>
  mannersOf(await answersOf(model, unseen, { temperature: 1, seed: 6 }));
const before = await drawnManners();
assert(before.long > 0.25 && before.long < 0.75);
await show(barChart([
  { name: "a word", value: before.short },
  { name: "a sentence", value: before.long },
], { title: "Manners after step 1, by chance", valueLabel: "share of answers" }));

// %% [markdown]
// ## Step 2: what is better?
//
// Somebody likes sentences. For each question there is a chosen answer and a rejected one, both true. A reward
// model is the tuned GPT with one number on top, read off the last token, which alone has seen all. Its loss
// asks that the chosen answer's number be higher: `−log σ(r₊ − r₋)`.

// %%
/** The chosen answers, then the rejected ones, to the same questions. */
function pairs(seed: number, draw: (n: number) => number, count = 8): EncodedBatch {
  const asked = many(count, () => ask(seed, draw));
  return batchOf([
    ...asked.map(({ prompt, long }): Inputs => [prompt, long]),
    ...asked.map(({ prompt, short }): Inputs => [prompt, short]),
  ]);
}
const judgeParams = await keep(
  withHeads(GPT2, sizes, params, { tokenClasses: 1 }, randomKey(3)),
);
function rewards(params: ModelParameters, batch: EncodedBatch): Tensor<"B"> {
  const { ids } = tuningInputs(batch);
  const { last } = encode(GPT2, sizes, params.encoder, { ids });
  const scores = classifyTokens(atPlaces(last, lastPlaces(batch)), params.classifier!);
  return rename(at(at(scores, "B", 0), "C", 0), "T -> B");
}
const tuningInputs = (batch: EncodedBatch) => tuning.corrupt(batch, randomKey(1)).inputs;

const judging = await startTraining(judgeParams, 2);
const preferring = progress("learning what is preferred", PREFERRING);
for await (
  const { step, loss } of train(judging, {
    steps: PREFERRING,
    batch: (key) => [pairs(1, draws(key))],
    loss: (params, batch) => rewardLoss(rewards(params, batch)),
    rate: linear({ peak: 1e-3, warmup: 5, steps: PREFERRING }),
  })
) await preferring.at(step, `loss ${loss.toFixed(3)}`);
await preferring.done();

const tested = pairs(1_000_002, draws(randomKey(4)), 32);
const given = [...await read(rewards(judgeParams, tested))];
const agreed = given.slice(0, 32).filter((r, i) => r > given[32 + i]).length;
console.log(`the reward model agrees in ${agreed} of 32 choices about unseen documents`);

// %% [markdown]
// ## Step 3: towards what is better
//
// InstructGPT lets the model write, asks the reward model, and makes likelier what was rewarded (PPO), with a price
// for straying from where it began. For that goal the best model is known: it is the old one times
// `exp(reward / β)`. Turned round: the reward *is* `β · (log π − log π₀)`. So one can put that into the loss of
// step 2 and train the model itself on the choices. No reward model, no writing: that is DPO.

// %%
const [first, last] = [
  pairs(1, draws(randomKey(5)), 1),
  (params: ModelParameters, b: EncodedBatch) => {
    const { inputs, targets } = tuning.corrupt(b, randomKey(1));
    return answerLogProbabilities(logits(params, inputs), targets);
  },
];
const old = await keep(withHeads(GPT2, sizes, params, heads, randomKey(3))); // π₀ does not learn
console.log(
  `at first: ln 2 = ${
    (await read(preferenceLoss(last(params, first), last(old, first))))[0].toFixed(4)
  }`,
);

const straying = await startTraining(params, 3);
const dpo = progress("preference tuning", PREFERRING);
for await (
  const { step, loss } of train(straying, {
    steps: PREFERRING,
    batch: async (key) => {
      const batch = pairs(1, draws(key));
      const before = tensor("B", [...await read(last(old, batch))]);
      return [{ batch, before }];
    },
    loss: (params, { batch, before }) => preferenceLoss(last(params, batch), before, 0.1),
    rate: linear({ peak: 5e-4, warmup: 5, steps: PREFERRING }),
  })
) await dpo.at(step, `loss ${loss.toFixed(3)}`);
await dpo.done();

// %%
const preferred = await manners(), after = await drawnManners();
await show(barChart([
  { name: "a sentence, before", value: before.long },
  { name: "a sentence, after", value: after.long },
  { name: "right, before", value: tuned.short + tuned.long },
  { name: "right, after", value: preferred.short + preferred.long },
], { title: "What the preferences changed", valueLabel: "share of answers" }));
await show(table(
  unseen.slice(0, 5).map(({ prompt }, i) => ({
    prompt,
    "continues": inWords(base.said[i]),
    "answers": inWords(tuned.said[i]),
    "answers as is liked": inWords(preferred.said[i]),
  })),
));

// %% [markdown]
// ## Step 3, the long way: write, be rewarded, learn
//
// DPO learns from answers that others wrote. InstructGPT lets the model write, so that it is corrected where *it*
// goes wrong. A round of PPO (Schulman et al. 2017, [1707.06347](https://arxiv.org/abs/1707.06347)):
//
// 1. **Write** an answer to each of many questions, by chance: from all of the model's probabilities.
// 2. **Reward** it: what the reward model says, less the price for straying, `β · (log π − log π₀)`.
// 3. **Compare**: what was better than the mean of the batch has an advantage above 0, the rest below.
// 4. **Learn**, a few steps from the same answers: the tokens of good answers become likelier, those of bad ones less
//    likely, none by more than a fifth. Then write anew.

// %%
/** Answers to several questions by chance, each with its end if it came to one; and as a batch. */
async function writeAnswers(model: Pretrained, asked: readonly Asked[], seed: number) {
  const written = await answersOf(model, asked, { temperature: 1, seed });
  const answers = written.map((ids) => ids.length < ROOM ? [...ids, sep] : ids);
  const batch = batchOf(asked.map(({ prompt }) => prompt));
  asked.forEach(({ prompt }, b) =>
    answers[b].forEach((id, t) => {
      const place = b * LENGTH + promptIds(prompt).length + t;
      [batch.ids[place], batch.mask[place], batch.segments[place]] = [id, 1, 1];
    })
  );
  return { answers, batch };
}
const writer = { ...model, params: await keep(old) }; // it begins where step 1 ended
const tried = await writeAnswers(writer, unseen.slice(0, 6), 7);
const liked = await read(rewards(judgeParams, tried.batch));
await show(table(
  tried.answers.map((ids, i) => ({
    question: unseen[i].prompt,
    "written by chance": inWords(ids),
    reward: liked[i].toFixed(2),
  })),
));

// %%
const [ROUNDS, AT_ONCE, BETA] = [20, 32, 0.1];
const answersIn = (batch: EncodedBatch) => tuning.corrupt(batch, randomKey(1));
const logsOf = (params: ModelParameters, batch: EncodedBatch) => {
  const { inputs, targets } = answersIn(batch);
  return tokenLogProbabilities(logits(params, inputs), targets);
};
/** What the answers of a batch were worth, and how probable they were then and before all rounds. */
async function judged(params: ModelParameters, batch: EncodedBatch) {
  const found = await read({
    reward: rewards(judgeParams, batch),
    then: logsOf(params, batch),
    before: logsOf(old, batch),
  });
  const perAnswer = (x: Iterable<number>) => [...x].reduce((sum, x) => sum + x, 0) / batch.shape[0];
  return {
    reward: tensor("B", [...found.reward]), // numbers: they do not learn
    then: tensor("B T", [...found.then], batch.shape),
    before: tensor("B T", [...found.before], batch.shape),
    rewarded: perAnswer(found.reward),
    strayed: perAnswer(found.then) - perAnswer(found.before),
  };
}

const improving = await startTraining(writer.params, 4);
const ppo = progress("policy optimization", ROUNDS);
const rewarded: number[] = [], strayed: number[] = [];
for (let round = 1; round <= ROUNDS; round++) {
  const asked = many(AT_ONCE, ((draw) => () => ask(1, draw))(draws(randomKey(8, round))));
  const { batch } = await writeAnswers(writer, asked, 100 + round);
  const { reward, then, before, ...means } = await judged(writer.params, batch);
  const advantages = advantagesOf(penalisedReward(reward, then, before, BETA));
  const { targets } = answersIn(batch);
  for await (
    const _ of train(improving, {
      steps: 4 * round, // four with the same answers
      batch: () => [batch],
      loss: (params, batch) => clippedLoss(logsOf(params, batch), then, advantages, targets),
      rate: constant({ peak: 3e-4 }),
    })
  );
  rewarded.push(means.rewarded);
  strayed.push(means.strayed);
  await ppo.at(round, `reward ${means.rewarded.toFixed(2)}`);
}
await ppo.done();
const rounds = rewarded.map((_, i) => i + 1);
await show(lineChart([
  { name: "reward", x: rounds, y: rewarded },
  { name: "strayed, in nats", x: rounds, y: strayed },
], { title: "Rewarded for what it writes", xLabel: "round", yLabel: "mean of the answers" }));

// %% [markdown]
// **Predict.** The model answered in two manners, each half of the time; now it always takes the same one. How far
// must it stray for that, in nats? And which of the two ways, DPO or PPO, keeps more of what it knew?

// %%
async function compared(way: string, model: Pretrained) {
  const { answers, batch } = await writeAnswers(model, unseen, 10);
  const { rewarded, strayed } = await judged(model.params, batch);
  const right = unseen.filter(({ short, long }, i) =>
    [short, long].some((text) => answers[i].join() === [...idsOf(text), sep].join())
  );
  return {
    way,
    "in a sentence": mannersOf(answers).long.toFixed(2),
    right: (right.length / unseen.length).toFixed(2),
    reward: rewarded.toFixed(2),
    "strayed, in nats": strayed.toFixed(2),
  };
}
const ways = [
  await compared("shown (step 1)", { ...model, params: old }),
  await compared("DPO", model),
  await compared("PPO", writer),
];
await show(table(ways, "Answers by chance to questions about unseen documents"));
const [, ofDPO, ofPPO] = ways.map((row) => Number(row["strayed, in nats"]));
assert(ofPPO < ofDPO);

// %% [markdown]
// One manner instead of two is a choice of 1 in 2: `ln 2 = 0.69` nats, and that is about what PPO spends. Once every
// answer is as good as the next, no advantage is left, and nothing more changes. DPO knows its pairs only: it goes on
// pushing the rejected answer down, which was given up long ago, for the gap is all that its loss sees. At this
// price and this many steps that costs some of what the model knew. InstructGPT, for its part, found that PPO alone
// makes a model forget texts that nobody rewards, and mixed the loss of the first reading into step 3, by plain
// addition (PPO-ptx).

// %% [markdown]
// Both answers of every pair were true. So what was learnt is manners, not knowledge: preferences say how to
// use what a model knows.
//
// **Exercises**
//
// 1. Swap chosen and rejected. How many steps until it answers in a word again?
// 2. Set `beta` to 0.01 and to 1. What does a high price for straying keep, and what does a low one break?
// 3. Choose false answers (another place of the same document) as the preferred ones. Does it learn to lie, and how
//    soon compared with manners?
