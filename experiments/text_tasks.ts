/**
 * Five tasks of the micro-world as text: what goes in, what is to come out.
 * Idea   Sentiment, tagging, summary, translation and questions differ in nothing but the word that the source
 *        begins with. Each example is two texts, so one model with one loss learns all of them.
 * Maths  score = share of answers that are right to the last token
 * Axes   none: texts
 * Differs from the paper: T5 (1910.10683) takes benchmarks; here the world tells what is right. Its scores are
 *        those of each benchmark; here one score serves all, and the strictest.
 * Trap   Questions about facts can be answered without the text, from memory. Only those about the day are asked.
 * @module
 */
import type { Key } from "../core/tensor/mod.ts";
import { BERT_SPECIAL_TOKENS } from "../core/text/vocabulary.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import {
  createWorld,
  type Document,
  documents,
  questionsAbout,
  type Sentence,
  sentimentExamples,
  type World,
} from "../data/mod.ts";
import { draws } from "../objectives/objective.ts";
import type { TextPair } from "../objectives/text_to_text.ts";

/** The tasks. */
export const tasks = ["sentiment", "tags", "translation", "summary", "question"] as const;

/** One of them. */
export type TaskName = (typeof tasks)[number];

/** Pairs of source and answer for each task. */
export type TaskPairs = Readonly<Record<TaskName, readonly TextPair[]>>;

/** How many documents and opinions there are, and from which seed. */
export interface TaskSize {
  /** Of documents and opinions. */
  readonly seed: number;
  /** Documents. */
  readonly documents: number;
  /** Opinions. */
  readonly opinions: number;
}

/** Examples of every task. */
export function taskPairs(world: World, { seed, documents: count, opinions }: TaskSize): TaskPairs {
  const english = [...documents(world, { seed, count })];
  const chinese = [...documents(world, { seed, count, language: "zh" })];
  const twins = english.flatMap(({ sentences }, i) =>
    sentences.map((sentence, j) => ({ sentence, twin: chinese[i].sentences[j] }))
  );
  return {
    sentiment: sentimentExamples(world, { seed, count: opinions })
      .map(({ text, label }) => ({ source: `sentiment: ${text}`, answer: label })),
    tags: twins.map(({ sentence }) => ({
      source: `tags: ${sentence.text}`,
      answer: tagsOf(sentence),
    })),
    translation: twins.map(({ sentence, twin }) => ({
      source: `translate: ${sentence.text}`,
      answer: twin.text,
    })),
    summary: english.map((document) => ({
      source: `summary: ${dayOf(document)}`,
      answer: summaryOf(document),
    })),
    question: english.flatMap((document) =>
      questionsAbout(document).filter(({ about }) => about === "day").map((one) => ({
        source: `question: ${one.question} ${dayOf(document)}`,
        answer: one.answer,
      }))
    ),
  };
}

/** A world of three places: a third of the words, so that a minute is enough to learn them. */
export function smallWorld(seed: number): World {
  const world = createWorld(seed), places = ["kitchen", "garden", "school"];
  return { ...world, scenes: world.scenes.filter(({ topic }) => places.includes(topic.place.en)) };
}

/** Easier questions to practise on: about a single sentence, not about a day. */
export function easyQuestions(world: World, { seed, documents: count }: TaskSize): TextPair[] {
  return [...documents(world, { seed, count })].flatMap((document) =>
    questionsAbout(document).filter(({ about }) => about === "day").map((one) => ({
      source: `question: ${one.question} ${sentenceAt(document, one.start)}`,
      answer: one.answer,
    }))
  );
}

/** The sentence in which a character of a document stands. */
function sentenceAt({ text, sentences }: Document, place: number): string {
  let end = 0;
  return sentences.find((one) => place < (end = text.indexOf(one.text, end) + one.text.length))!
    .text;
}

/** Kinds of things that are named. */
const named = ["person", "place", "thing", "animal", "job", "food", "home"];

/** What is named, in order, and as what: `Ravi person, garden place`. */
function tagsOf({ text, spans }: Sentence): string {
  const found = spans.filter(({ kind }) => named.includes(kind)).sort((a, b) => a.start - b.start);
  return found.map(({ start, end, kind }) => `${text.slice(start, end)} ${kind}`).join(", ") ||
    "nothing";
}

/** The day itself, without the facts that are told in between. */
const dayOf = ({ sentences }: Document) =>
  sentences.filter(({ step }) => step !== "fact").map(({ text }) => text).join(" ");

/** Who did what where, and how the day was: `Ravi trimmed the hedge in the garden: bad`. */
function summaryOf({ scene: { hero, task, topic, mood } }: Document): string {
  const { name } = hero, { verb, thing } = task;
  return `${name.en} ${verb.en} the ${thing.en} in the ${topic.place.en} : ${mood}`;
}

/** The pairs whose source has at most so many tokens. */
export function upTo(most: number, tokenizer: Tokenizer, pairs: TaskPairs): TaskPairs {
  const of = (task: TaskName) =>
    pairs[task].filter(({ source }) => tokenizer.encode(source).length < most); // and the end
  return Object.fromEntries(tasks.map((task) => [task, of(task)])) as unknown as TaskPairs;
}

/** Pairs whose source is in none of the others. */
export function unseen(pairs: TaskPairs, told: TaskPairs): TaskPairs {
  const of = (task: TaskName) => {
    const known = new Set(told[task].map(({ source }) => source));
    const own = new Map(pairs[task].map((pair) => [pair.source, pair]));
    return [...own.values()].filter(({ source }) => !known.has(source));
  };
  return Object.fromEntries(tasks.map((task) => [task, of(task)])) as unknown as TaskPairs;
}

/** Names of T5's sentinels. */
const sentinels = Object.fromEntries(
  Array.from({ length: 10 }, (_, i) => [`sentinel${i}`, `<extra_id_${i}>`]),
);

/** A tokenizer for all that goes in and comes out; a text ends with [SEP], and begins with nothing. */
export function textTokenizer(pairs: TaskPairs): Tokenizer {
  const texts = tasks.flatMap((task) =>
    pairs[task].flatMap(({ source, answer }) => [source, answer])
  );
  const vocabulary = trainWordPiece(texts, {
    vocabSize: 2000,
    minFrequency: 1,
    lowerCase: true,
    specialTokens: { ...BERT_SPECIAL_TOKENS, ...sentinels },
  });
  const template = { single: "A sep", pair: "A sep B:1 sep:1" };
  return { ...wordPiece(vocabulary, { lowerCase: true }), template };
}

/** Some pairs of a task, drawn with a key. */
export function drawPairs(pairs: readonly TextPair[], count: number, key: Key): TextPair[] {
  const draw = draws(key);
  return Array.from({ length: count }, () => pairs[draw(pairs.length)]);
}

/**
 * What a table of answers would score: to a source that begins like others the answer most often given to
 * those, to all others the most frequent answer of the task.
 */
export function tableScore(
  told: readonly TextPair[],
  asked: readonly TextPair[],
  beginning: (source: string) => string,
): number {
  const counts = new Map<string, Map<string, number>>();
  const count = (key: string, answer: string) => {
    const answers = counts.get(key) ?? new Map<string, number>();
    counts.set(key, answers.set(answer, (answers.get(answer) ?? 0) + 1));
  };
  for (const { source, answer } of told) {
    [beginning(source), ""].forEach((key) => count(key, answer));
  }
  const most = (key: string) =>
    [...counts.get(key) ?? counts.get("")!].reduce((a, b) => b[1] > a[1] ? b : a)[0];
  const right = asked.filter(({ source, answer }) => most(beginning(source)) === answer);
  return right.length / asked.length;
}
