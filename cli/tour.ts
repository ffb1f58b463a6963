/** `deno task tour`: a BERT from nothing to filled masks and sentiment, in one command. */
import { countParameters, deviationFor, initialise } from "../core/parameters.ts";
import { chosenDevice, keep, type Key, randomKey, read } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { writeAtomically } from "../core/training/files.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import {
  clozeFacts,
  createWorld,
  documents,
  maskedFloor,
  sentimentExamples,
  type World,
} from "../data/mod.ts";
import { progress } from "../drawing/progress.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { modelParameters } from "../models/model.ts";
import { type Pretrained, savePretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { asInputs, draws } from "../objectives/objective.ts";
import { evaluate } from "../tasks/evaluate.ts";
import { finetune, withHeadOf } from "../tasks/finetune.ts";
import { textClassification } from "../tasks/text_classification.ts";
import { chooseDevice, type Command, deviceOption, main, whole } from "./command.ts";
import { fillMasks } from "./filling.ts";
import { pretraining } from "./pretraining.ts";
import { reportPage, type Tour, wayToFloor } from "./report.ts";

const options = {
  quick: { about: "a shorter tour: under 40 seconds, and a worse model", otherwise: false },
  out: { about: "folder for report.html and the model", otherwise: "out/tour" },
  seed: { about: "of the world, the parameters and the batches", otherwise: 1 },
  ...deviceOption,
} as const;

/** How long each part of a tour takes. */
interface Plan {
  documents: number;
  steps: number;
  tuning: number;
}
const full: Plan = { documents: 16000, steps: 3400, tuning: 200 };
const short: Plan = { documents: 6000, steps: 900, tuning: 120 };

// Short pairs first, as BERT's authors did (A.2): who has learned to look at the neighbours learns the
// rest in a fraction of the time. Then short pairs and whole documents in turn. Which sentence is next
// is asked of documents only: two sentences hold too little to tell, and guessing disturbs the rest.
const early = { batch: 28, length: 20 }, late = { batch: 8, length: 64 };
const earlyPart = 1 / 3;

const sentimentLength = 24;

const command: Command<typeof options> = {
  name: "tour",
  about:
    "Train a vocabulary, pre-train a small BERT on a world whose truth is known, let it fill masks,\n" +
    "fine-tune it on sentiment, and write a report.",
  usage: "[--quick] [--out DIR]",
  options,
  async run(given) {
    const start = performance.now(), plan = given.quick ? short : full;
    const seed = whole("seed", given.seed, 0), world = createWorld(seed);
    await chooseDevice(given.device);
    const told = sentencesOf(world, seed, plan.documents);
    const unseen = sentencesOf(world, seed + 1_000_000, 256);
    const { model, tokenizer } = await newModel(told.flat(), seed);
    const curve = await pretrain(model, tokenizer, told, unseen, plan, seed);
    const floor = maskedFloor(world, { seed: seed + 1_000_000, count: 300 }).nats;
    const fills = await fillFacts(model, world);
    const sentiment = await learnSentiment(model, world, plan.tuning, seed);
    const tour: Tour = {
      ...curve,
      bounds: { uniform: Math.log(model.sizes.vocabulary), floor },
      fills,
      sentiment,
      attention: await attentionOf(model, tokenizer, unseen[0][0]),
      numbers: numbersOf(model, told.length, plan.steps, start),
    };
    await savePretrained(`${given.out}/model`, model);
    await writeAtomically(`${given.out}/report.html`, reportPage(tour));
    summarise(tour, `${given.out}/report.html`, start);
  },
};

const sentencesOf = (world: World, seed: number, count: number): string[][] =>
  [...documents(world, { seed, count })].map((d) => d.sentences.map((s) => s.text));

async function newModel(
  sentences: readonly string[],
  seed: number,
): Promise<{ model: Pretrained; tokenizer: Tokenizer }> {
  const vocabulary = trainWordPiece(sentences, {
    vocabSize: 2000,
    minFrequency: 1,
    lowerCase: true,
  });
  const sizes = {
    ...BERT_TINY,
    vocabulary: vocabulary.tokens.length,
    positions: late.length,
    dropout: { hidden: 0, attention: 0 }, // one pass over the documents: nothing to over-fit
  };
  const heads = { maskedLM: true, nextSentence: true };
  const deviation = deviationFor(sizes.width);
  const declared = modelParameters(BERT, sizes, heads);
  const params = await keep(initialise(declared, randomKey(seed), deviation));
  const tokenizer = wordPiece(vocabulary, { lowerCase: true });
  const model = { spec: BERT, sizes, heads, params, tokenizer };
  console.log(`vocabulary: ${vocabulary.tokens.length} tokens from ${sentences.length} sentences`);
  return { model, tokenizer };
}

async function pretrain(
  model: Pretrained,
  tokenizer: Tokenizer,
  told: readonly string[][],
  unseen: readonly string[][],
  { steps }: Plan,
  seed: number,
): Promise<Pick<Tour, "curve" | "training">> {
  const lessons = (shape: typeof early) => pretraining(model.spec, model.sizes, tokenizer, shape);
  const [first, then] = [lessons(early), lessons(late)];
  const training = await startTraining(model.params, seed);
  const judge = async () => (await then.judge(model.params, unseen, 16)).maskedLM;
  const curve = [{ step: 0, loss: await judge() }];
  const report = progress("pre-training", steps);
  for await (
    const { step, loss } of train(training, {
      steps,
      batch: (
        key,
        step,
      ) => [(step < earlyPart * steps || step % 2 ? first : then).lesson(told, key)],
      loss: (params, lesson, key) => {
        const { maskedLM, total } = then.loss(params, lesson, key);
        return lesson.inputs.ids.size("T") === early.length ? maskedLM : total;
      },
      rate: linear({ peak: 1.5e-3, warmup: Math.ceil(steps / 20), steps }),
      adamw: { decays: exceptBiasesAndNorms },
    })
  ) {
    await report.at(step, `loss ${loss.toFixed(2)}`);
    if (step % Math.ceil(steps / 10) === 0 || step === steps) {
      curve.push({ step, loss: await judge() });
    }
  }
  await report.done();
  return { curve, training: training.losses };
}

async function fillFacts(model: Pretrained, world: World): Promise<Tour["fills"]> {
  const facts = clozeFacts(world).filter((fact) => fact.told).slice(0, 20);
  const masks = await fillMasks(model, facts.map((fact) => fact.text));
  return facts.map(({ text, answer }, i) => ({
    text,
    answer,
    guesses: masks[i][0].map((guess) => guess.token),
  }));
}

async function learnSentiment(
  pretrained: Pretrained,
  world: World,
  steps: number,
  seed: number,
): Promise<Tour["sentiment"]> {
  const task = textClassification(pretrained, ["bad", "good"], sentimentLength);
  const told = sentimentExamples(world, { seed, count: 1000 });
  const known = new Set(told.map(({ text }) => text));
  const unseen = sentimentExamples(world, { seed: seed + 1_000_000, count: 1000 })
    .filter(({ text }) => !known.has(text));
  const model = await withHeadOf(task, pretrained, seed), rows = told.flatMap(task.rows);
  const batches = (key: Key) => {
    const draw = draws(key);
    return Array.from({ length: 32 }, () => rows[draw(rows.length)]);
  };
  const report = progress("fine-tuning", steps);
  for await (
    const { step, loss } of finetune(model, task, { batches, steps, rate: 5e-4, seed })
  ) await report.at(step, `loss ${loss.toFixed(3)}`);
  await report.done();
  const { values } = await evaluate(model, task, unseen);
  const good = unseen.filter(({ label }) => label === "good").length / unseen.length;
  return { accuracy: values.accuracy, majority: Math.max(good, 1 - good) };
}

async function attentionOf(
  model: Pretrained,
  tokenizer: Tokenizer,
  text: string,
): Promise<Tour["attention"]> {
  const batch = encodeBatch(tokenizer, [text]), [, length] = batch.shape;
  const { attentions } = encode(model.spec, model.sizes, model.params.encoder, asInputs(batch));
  const weights = await read(attentions);
  const { heads } = model.sizes;
  const row = (flat: ArrayLike<number>, at: number) =>
    Array.from({ length }, (_, j) => flat[at * length + j]);
  const layers = weights.map((flat) =>
    Array.from(
      { length: heads },
      (_, h) => Array.from({ length }, (_, i) => row(flat, h * length + i)),
    )
  );
  const tokens = Array.from(batch.ids, (id) => tokenizer.vocabulary.tokens[id]);
  return { tokens, layers };
}

function numbersOf(model: Pretrained, told: number, steps: number, start: number): Tour["numbers"] {
  const { sizes, heads } = model;
  const { name, description } = chosenDevice()!;
  return [
    { what: "parameters", value: countParameters(modelParameters(BERT, sizes, heads)) },
    { what: "layers × width × heads", value: `${sizes.layers} × ${sizes.width} × ${sizes.heads}` },
    { what: "vocabulary", value: sizes.vocabulary },
    { what: "documents", value: told },
    { what: "tokens in a step", value: late.batch * late.length },
    { what: "steps", value: steps },
    { what: "device", value: `${name}: ${description}` },
    { what: "seconds", value: Math.round((performance.now() - start) / 1000) },
  ];
}

function summarise(tour: Tour, path: string, start: number): void {
  const { curve, bounds, fills, sentiment } = tour;
  const nats = (x: number) => x.toFixed(3);
  console.log(
    `masked LM on unseen documents: ${nats(curve.at(-1)!.loss)} nats; ln V ${
      nats(bounds.uniform)
    }, ` +
      `floor ${nats(bounds.floor)}: ${(100 * wayToFloor(tour)).toFixed(1)} % of the way`,
  );
  for (const { text, answer, guesses } of fills) {
    const mark = guesses.includes(answer) ? "+" : "-";
    console.log(` ${mark} ${text}  ${answer}: ${guesses.join(" ")}`);
  }
  const first = fills.filter((f) => f.guesses[0] === f.answer).length;
  const found = fills.filter((f) => f.guesses.includes(f.answer)).length;
  console.log(
    `facts in other words: ${first} of ${fills.length} at the first guess, ${found} in the first five`,
  );
  const { accuracy, majority } = sentiment, percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  console.log(
    `sentiment of unseen opinions: ${percent(accuracy)}; the majority ${percent(majority)}`,
  );
  console.log(`report: ${path} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
}

if (import.meta.main) await main(command);
