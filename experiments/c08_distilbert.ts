/**
 * C8: a model 40 % smaller and 60 % faster that keeps 97 % — Sanh et al. 2019, DistilBERT (1910.01108).
 * Idea   A BERT of four layers learns first. A student of two begins as every other layer of it, without
 *        segments and pooler, and learns to say what the teacher says. Then both learn two tasks.
 * Maths  L = 5 · tau² · KL + 2 · L(masked LM) + 1 · (1 − cos);  kept = score(student) / score(teacher)
 * Axes   B pairs · T positions · V vocabulary · D width
 * Differs from the paper: the micro-world instead of Wikipedia and GLUE, two tasks instead of nine. As there,
 *        layers hold most of the parameters. A model as small that never had a teacher is the control.
 * Trap   A score that everybody reaches is kept by everybody. So examples are few, and what the most frequent
 *        class would score is told. A rate that the student bears can be too high for its deeper teacher,
 *        whose score then falls, and a bad teacher's score is easily kept.
 * @module
 */
import { countParameters } from "../core/parameters.ts";
import { type Key, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { type Document } from "../data/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { BERT } from "../models/bert.ts";
import { DISTILBERT, fromTeacher } from "../models/distilbert.ts";
import { type ModelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode, encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import { distilledMaskedLM } from "../objectives/distilled_masked_lm.ts";
import { nextSentence } from "../objectives/next_sentence.ts";
import { draws, type ModelInputs } from "../objectives/objective.ts";
import {
  all,
  bar,
  column,
  type Experiment,
  inWords,
  judge,
  type Numbers,
  type Report,
} from "./experiment.ts";
import { type MicroWorld, pretrain, type Shape, textsOf } from "./micro_bert.ts";
import {
  hidden,
  lossOfSmall,
  majorityOfSmall,
  pairsOnly,
  pretrainSmall,
  scoreOfSmall,
  smallSizes,
  worldInWords,
} from "./small_bert.ts";
import { mean, ratio, summary } from "./statistics.ts";
import { inTurn } from "./timing.ts";

const width = 56, layers = 4, rounds = 15;
const learning = { steps: 380, peak: 4e-3 }, distilling = { steps: 180, peak: 3e-3 };
const tuning = { batch: 32, rate: 1e-3 };
const tasks = [
  { kind: "sentiment", told: 1000, steps: 350, ...tuning },
  { kind: "senses", told: 1000, steps: 400, ...tuning },
] as const;

/** What the paper's abstract promises. */
const promise = { size: 0.6, speed: 1.6, kept: 0.97 };

/** The experiment about DistilBERT. */
export const experiment: Experiment = {
  name: "c08",
  claim: "A distilled BERT is 40 % smaller, 60 % faster, and keeps 97 % of its teacher's score",
  sources: ["D0", "DistilBERT, 1910.01108, abstract and tables 1 to 3"],
  setting:
    `Teacher: BERT of ${layers} layers, width ${width}, ${learning.steps} steps of ${pairsOnly.batch} pairs. ` +
    `Student: every other layer of it, ${distilling.steps} steps with the three losses. Control: the same small ` +
    `model from nothing, as many steps as the teacher, without one. Score: mean accuracy of sentiment (2 classes, ` +
    `${tasks[0].told} examples) and senses (32 classes, ${
      tasks[1].told
    }), all at a rate of ${tuning.rate}. Time: ` +
    `the encoder's forward, ${rounds} rounds in which each reads once.`,
  rule:
    `Holds where the student has at most ${promise.size} of the parameters, the interval of its speed lies above ` +
    `${promise.speed}, and the mean of student / teacher score is at least ${promise.kept}. Opposite where it is ` +
    "larger, or a whole interval lies below its line; otherwise not visible.",
  columns: [
    { key: "parameters", label: "parameters, student / teacher" },
    { key: "speed", label: "speed, student / teacher", digits: 2 },
    { key: "teacherScore", label: "score, teacher" },
    { key: "studentScore", label: "score, student" },
    { key: "aloneScore", label: "score, small model without a teacher" },
    { key: "majorityScore", label: "score, most frequent class" },
    { key: "teacherLoss", label: "masked LM, teacher, nats" },
    { key: "studentLoss", label: "masked LM, student, nats" },
    { key: "aloneLoss", label: "masked LM, without a teacher, nats" },
  ],
  async run(seed, report) {
    const micro = worldInWords(seed), sizes = smallSizes(micro, layers, width);
    const small: Sizes = { ...sizes, layers: layers / 2, segments: 0 };
    await report("teacher");
    const teacher = await pretrainSmall({ spec: BERT, sizes, seed, ...learning }, micro, report);
    await report("student");
    const student = await distil(teacher, small, seed, micro, report);
    await report("without a teacher");
    const control = { spec: DISTILBERT, sizes: small, seed, ...learning };
    const alone = await pretrainSmall(control, micro, report);
    const numbers: Record<string, number> = {
      parameters: count(DISTILBERT, small) / count(BERT, sizes),
      speed: await speedOf(student, teacher, seed),
      majorityScore: mean(tasks.map((task) => majorityOfSmall(micro, task, seed))),
    };
    for (const [name, model] of Object.entries({ teacher, student, alone })) {
      await report(`tasks, ${name}`);
      numbers[`${name}Loss`] = await lossOfSmall(model, micro);
      const scores: number[] = [];
      for (const task of tasks) scores.push(await scoreOfSmall(model, micro, task, seed));
      numbers[`${name}Score`] = mean(scores);
    }
    return numbers;
  },
  verdict(rows) {
    const size = Math.max(...column(rows, "parameters")), speed = summary(column(rows, "speed"));
    const kept = keptOf(rows);
    const parts = [
      size <= promise.size ? "holds" : "opposite",
      judge(speed, promise.speed),
      kept.mean >= promise.kept ? "holds" : judge(kept, promise.kept),
    ] as const;
    const gained = ratio(above(rows, "studentScore"), above(rows, "teacherScore"));
    const because =
      `Parameters: ${(100 * size).toFixed(1)} %. Speed: ${inWords(speed, 2)}. Kept: ` +
      `${inWords(kept)}; of what the teacher has above the most frequent class: ${
        inWords(gained)
      }.`;
    return { verdict: all(parts), because };
  },
  plot(rows) {
    return barChart([
      bar(rows, "teacher, 4 layers", "teacherScore"),
      bar(rows, "student, 2 layers", "studentScore"),
      bar(rows, "2 layers, no teacher", "aloneScore"),
    ], {
      title: "Scores after fine-tuning",
      valueLabel: "mean accuracy of sentiment and senses",
      floors: [{ name: "most frequent class", value: summary(column(rows, "majorityScore")).mean }],
    });
  },
  reading:
    "The small model without a teacher had as many steps as the teacher. Where its score is as good as the " +
    "student's, two layers are enough for this small world, and what distilling saves are steps: the student " +
    "had fewer than half of the control's. Fewer layers are also easier to fine-tune, so a student can pass its teacher.",
};

const count = (spec: ModelSpec, sizes: Sizes) =>
  countParameters(encoderParameters(spec, sizes, false));
const keptOf = (rows: readonly Numbers[]) =>
  ratio(column(rows, "studentScore"), column(rows, "teacherScore"));
const above = (rows: readonly Numbers[], key: string) =>
  rows.map((row) => row[key] - row.majorityScore);

/** A student that begins as half of its teacher and reads the same hidden words. */
function distil(
  teacher: Pretrained,
  sizes: Sizes,
  seed: number,
  micro: MicroWorld,
  report: Report,
): Promise<Pretrained> {
  const objective = distilledMaskedLM(micro.tokenizer.vocabulary, { rate: hidden });
  const made = (spec: ModelSpec, sizes: Sizes, params: ModelParameters, inputs: ModelInputs) => {
    const { last } = encode(spec, sizes, params.encoder, inputs);
    return { logits: nameTokens(spec, sizes, params, last), states: last };
  };
  const lessons = ({ length }: Shape) => {
    const pairs = nextSentence(micro.tokenizer, { maxLength: length });
    type Lesson = ReturnType<typeof objective.corrupt>;
    return {
      make: (documents: readonly Document[], key: Key): Lesson =>
        objective.corrupt(
          pairs.corrupt(documents.map(textsOf), key.derive(0)).batch,
          key.derive(1),
        ),
      loss: (params: ModelParameters, { inputs, targets }: Lesson) =>
        objective.loss({
          student: made(DISTILBERT, sizes, params, inputs),
          teacher: made(teacher.spec, teacher.sizes, teacher.params, inputs),
        }, targets),
    };
  };
  const recipe = {
    spec: DISTILBERT,
    sizes,
    heads: { maskedLM: true },
    lessons,
    seed,
    ...distilling,
  };
  const from = fromTeacher(teacher.params, sizes);
  return pretrain({ ...recipe, from, shapes: [pairsOnly, pairsOnly] }, micro, report);
}

/** How many times as fast as the second the first model reads a batch. */
async function speedOf(first: Pretrained, second: Pretrained, seed: number): Promise<number> {
  const { batch, length } = pairsOnly, draw = draws(randomKey(seed, 1));
  const ids = Float32Array.from({ length: batch * length }, () => draw(first.sizes.vocabulary));
  const input = { ids: tensor("B T", ids, [batch, length]) };
  const reads = [first, second].map(({ spec, sizes, params }) => () =>
    read(encode(spec, sizes, params.encoder, input).last)
  );
  return (await inTurn(reads, rounds))[1].ratio;
}
