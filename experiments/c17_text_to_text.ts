/**
 * C17: every task as text to text works in one model — Raffel et al. 2019, T5 (1910.10683), §2.4 and table 14.
 * Idea   One small T5 learns to tell sentiment, name things, sum up a day, translate into Chinese and answer
 *        questions, all at once. Nothing tells the tasks apart but the first word of the source.
 * Maths  way = (score − table) / (1 − table): how far from a table of answers to perfect
 *        score: share of unseen sources whose answer is right to the last token
 * Axes   B texts · T positions
 * Differs from the paper, which pre-trains on 34 billion tokens and fine-tunes on each task: here there is no
 *        pre-training, and the model is never tuned to one task.
 * Trap   A table can be good: who is asked about may decide the answer. So each task is compared with the
 *        answers most often given to the same beginning of a source.
 * @module
 */
import { barChart } from "../drawing/svg.ts";
import type { Key } from "../core/tensor/mod.ts";
import {
  all,
  bar,
  type Experiment,
  inWords,
  judge,
  type Numbers,
  type Report,
} from "./experiment.ts";
import { type Lengths, microT5Sizes, rightAnswers, trainOnPairs } from "./micro_t5.ts";
import { summary } from "./statistics.ts";
import {
  drawPairs,
  easyQuestions,
  smallWorld,
  tableScore,
  type TaskName,
  taskPairs,
  tasks,
  textTokenizer,
  unseen,
  upTo,
} from "./text_tasks.ts";

const steps = 1200, asked = 128;

/** Sources of a sentence or of a day; answers of a word, of a few words, or of a sentence. */
const lengths: Record<TaskName, Lengths> = {
  sentiment: { source: 12, answer: 2 },
  tags: { source: 24, answer: 12 },
  translation: { source: 16, answer: 20 },
  summary: { source: 56, answer: 12 },
  question: { source: 56, answer: 12 },
};

/** The parts of a step: tasks of the same lengths, and how many pairs of each; `easy` are questions about a sentence. */
const parts: { of: TaskName; pairs: Partial<Record<TaskName | "easy", number>> }[] = [
  { of: "sentiment", pairs: { sentiment: 24 } },
  { of: "tags", pairs: { tags: 10, easy: 4 } },
  { of: "translation", pairs: { translation: 28 } },
  { of: "summary", pairs: { summary: 4, question: 4 } },
];

/** Up to where two sources begin alike. */
const beginnings: Partial<Record<TaskName, (source: string) => string>> = {
  question: (source) => source.slice(0, source.indexOf("?")),
};

/** How far on the way from a table to perfect a task has to be. */
const line = 0.5;

/** The experiment about text to text. */
export const experiment: Experiment = {
  name: "c17",
  claim: "Every task as text to text works in one model",
  sources: ["D1", "T5, 1910.10683, §2.4 and table 14"],
  setting:
    `A world of three places. A T5 of 2 + 1 layers and width 64, from nothing, ${steps} steps, each with pairs of ` +
    `five tasks; ${asked} unseen sources of each. Sentiment of an opinion, names in a sentence and their kinds, a ` +
    "sentence's Chinese twin, a day in nine words, a question about a day. Questions about a single sentence " +
    "are practised, too.",
  rule:
    "Each task has a way: how far its score is from a table of the most frequent answers to a perfect one. Holds " +
    `where for every task the interval of its way lies above ${line}; opposite where for one it lies below.`,
  columns: tasks.flatMap((task) => [
    { key: task, label: `${task}, right to the last token` },
    { key: `${task} table`, label: `${task}, by table` },
  ]),
  async run(seed, report) {
    const { model, tokenizer, told, held } = await learn(seed, report);
    const row: Record<string, number> = {};
    for (const task of tasks) {
      row[task] = await rightAnswers(model, tokenizer, held[task].slice(0, asked), lengths[task]);
      row[`${task} table`] = tableScore(
        told[task],
        held[task].slice(0, asked),
        beginnings[task] ?? (() => ""),
      );
    }
    return row;
  },
  verdict(rows) {
    const ways = tasks.map((task) => summary(wayOf(rows, task)));
    const because = tasks.map((task, i) => `${task} ${inWords(ways[i], 2)}`).join("; ");
    return { verdict: all(ways.map((way) => judge(way, line))), because: `Ways: ${because}` };
  },
  plot(rows) {
    return barChart(
      tasks.flatMap((task) => [
        bar(rows, task, task),
        bar(rows, `${task}, by table`, `${task} table`),
      ]),
      { title: "Five tasks, one model", valueLabel: "answers right to the last token" },
    );
  },
  reading:
    "The score is strict: one wrong character of a translation, or one thing not named, and the answer is wrong. " +
    "None of the sources was seen in training, but their words were, as were the sentences' forms.",
};

/** How far on the way from a table to perfect a task is, seed by seed. */
const wayOf = (rows: readonly Numbers[], task: TaskName) =>
  rows.map((row) => (row[task] - row[`${task} table`]) / (1 - row[`${task} table`]));

/** One model for all tasks, and what it has not seen. */
async function learn(seed: number, report: Report) {
  const world = smallWorld(seed), size = { seed, documents: 1000, opinions: 1500 };
  const others = { seed: seed + 1_000_000, documents: 200, opinions: 400 };
  const pairs = taskPairs(world, size), tokenizer = textTokenizer(pairs);
  const told = upTo(lengths.summary.source, tokenizer, pairs);
  const held = upTo(lengths.summary.source, tokenizer, unseen(taskPairs(world, others), pairs));
  const examples = { ...told, easy: easyQuestions(world, size) };
  const draw = (key: Key) =>
    parts.map(({ of, pairs }, part) => ({
      lengths: lengths[of],
      pairs: Object.entries(pairs).flatMap(([task, count], i) =>
        drawPairs(examples[task as TaskName | "easy"], count, key.derive(part).derive(i))
      ),
    }));
  const sizes = microT5Sizes(tokenizer);
  const model = await trainOnPairs({ sizes, tokenizer, steps, seed, parts: draw }, report);
  return { model, tokenizer, told, held };
}
