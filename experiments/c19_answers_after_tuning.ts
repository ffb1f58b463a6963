/**
 * C19: after supervised fine-tuning the model answers instead of continuing — Ouyang et al. 2022 (2203.02155), §3.
 * Idea   A GPT reads documents of the micro-world until it can go on with them. Asked a question about one,
 *        it goes on: with another sentence. Then it is shown documents with questions and answers; only the
 *        answers count. Asked about documents that neither met, the one continues, the other answers.
 * Maths  right = the continuation up to the end of the text is the answer, word for word
 * Axes   none: rows of tokens
 * Differs from the paper: whose instructions are of every kind; here they are questions whose answers stand
 *        in the document. A word is a token.
 * @module
 */
import { randomKey } from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import {
  createWorld,
  type Document,
  documentNumber,
  type Question,
  questionsAbout,
  splitWords,
  vocabularyOf,
  type World,
} from "../data/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { continueAll } from "../generation/generate.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { draws } from "../objectives/objective.ts";
import { all, bar, column, type Experiment, inWords, judge } from "./experiment.ts";
import { freshGPT, type Row, teach } from "./small_gpt.ts";
import { summary } from "./statistics.ts";

const length = 40, sentences = 2, room = 12, longest = 3, asked = 128, told = 20_000;
const reading = 200, answering = 650;

/** What both models share: a world, its words, its documents. */
interface School {
  world: World;
  tokenizer: Tokenizer;
  seed: number;
}

/** The world of a seed; each of its words, and of the words of questions, is a token. */
function school(seed: number): School {
  const world = createWorld(seed), documents = Array.from({ length: 300 }, (_, n) => n);
  const asking = documents.flatMap((n) => questionsAbout(documentNumber(world, seed, n)))
    .flatMap(({ question }) => splitWords(question).flat());
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const tokens = new Set([...specials, ...vocabularyOf(world), ...asking]);
  const tokenizer = wordPiece(parseVocabulary([...tokens].join("\n")), { lowerCase: true });
  return { world, tokenizer, seed };
}

const idsOf = ({ tokenizer }: School, text: string): number[] =>
  tokenizer.encode(text).map(({ id }) => id);
const marks = ({ tokenizer }: School) => tokenizer.vocabulary.special;

/** Some sentences of a document that follow one another. */
function excerpt({ world }: School, seed: number, number: number, draw: (n: number) => number) {
  const document = documentNumber(world, seed, number);
  const start = draw(document.sentences.length - sentences + 1);
  const kept = document.sentences.slice(start, start + sentences);
  return { ...document, sentences: kept, text: kept.map(({ text }) => text).join(" ") };
}

/** A document to be read: every token counts. */
function toRead(school: School, document: Document): Row {
  const { cls, sep } = marks(school);
  return { ids: [cls, ...idsOf(school, document.text), sep], counts: () => true };
}

/** A document with its questions and answers: of these, the answers and their ends count. */
function toAnswer(school: School, document: Document, draw: (size: number) => number): Row {
  const ids = [marks(school).cls, ...idsOf(school, document.text)], counted = new Set<number>();
  const left = questionsAbout(document);
  while (left.length) {
    const [{ question, answer }] = left.splice(draw(left.length), 1);
    ids.push(...idsOf(school, question));
    const said = [...idsOf(school, answer), marks(school).sep];
    said.forEach((_, i) => counted.add(ids.length + i));
    ids.push(...said);
  }
  return { ids, counts: (position) => counted.has(position) };
}

/** Questions about documents that nobody was told. */
function unseen(school: School): Question[] {
  const draw = draws(randomKey(school.seed, 3)), found: Question[] = [];
  for (let number = 0; found.length < asked; number++) {
    const all = questionsAbout(excerpt(school, school.seed + 1_000_000, number, draw));
    if (all.length) found.push(all[draw(all.length)]);
  }
  return found;
}

/** What a model writes after each question, up to the end of its text. */
async function answersOf(model: Pretrained, school: School, questions: readonly Question[]) {
  const { cls, sep } = marks(school), found: number[][] = [];
  const prompts = questions.map(({ context, question }) => [
    cls,
    ...idsOf(school, context),
    ...idsOf(school, question),
  ]);
  for (let at = 0; at < prompts.length; at += 32) {
    const some = prompts.slice(at, at + 32);
    found.push(...await continueAll(model, some, { maxTokens: room, end: [sep] }));
  }
  return found;
}

async function judgeAnswers(model: Pretrained, school: School, questions: readonly Question[]) {
  const said = await answersOf(model, school, questions);
  const share = (is: (ids: readonly number[], question: Question) => boolean, among = questions) =>
    questions.filter((q, i) => among.includes(q) && is(said[i], q)).length / among.length;
  const right = (ids: readonly number[], { answer }: Question) =>
    ids.join() === idsOf(school, answer).join();
  return {
    right: share(right),
    days: share(right, questions.filter((q) => q.about === "day")),
    goesOn: share((ids) => ids.length > longest),
  };
}

/** C19, as an experiment. */
export const experiment: Experiment = {
  name: "c19",
  claim: "After supervised fine-tuning the model answers instead of continuing",
  sources: ["D1", "Ouyang et al. 2022 (2203.02155), §3"],
  setting:
    `a GPT-2 of 2 layers, 64 wide, reads documents for ${reading} steps, then ${sentences} sentences at a time with questions and answers for ${answering}; ${asked} questions about sentences of unseen documents, greedy; no answer has more than ${longest} words`,
  rule:
    "holds if the 95 % interval of the tuned model's share of right answers lies above 0.9, and that of the base model's share of texts that go on for longer than any answer above 0.5; opposite if the tuned model is right less often than the base",
  columns: [
    { key: "tuned", label: "tuned: right" },
    { key: "tunedDays", label: "tuned: right about the day" },
    { key: "tunedOn", label: "tuned: goes on" },
    { key: "base", label: "base: right" },
    { key: "baseOn", label: "base: goes on" },
  ],
  async run(seed, report) {
    const here = school(seed), vocabulary = here.tokenizer.vocabulary.tokens.length;
    const sizes = { vocabulary, positions: length, layers: 2, width: 64, heads: 2 };
    const model = await freshGPT(sizes, seed);
    const recipe = { batch: 16, peak: 4e-3, seed };
    const text = (draw: (n: number) => number) =>
      toRead(here, documentNumber(here.world, seed, draw(told)));
    await teach(model, text, { ...recipe, steps: reading }, report);
    const questions = unseen(here), base = await judgeAnswers(model, here, questions);
    await report(`base: right ${base.right.toFixed(3)}, goes on ${base.goesOn.toFixed(3)}`);
    const lesson = (draw: (n: number) => number) =>
      toAnswer(here, excerpt(here, seed, draw(told), draw), draw);
    await teach(model, lesson, { ...recipe, steps: answering }, report);
    const tuned = await judgeAnswers(model, here, questions);
    await report(`tuned: right ${tuned.right.toFixed(3)}, about the day ${tuned.days.toFixed(3)}`);
    return {
      tuned: tuned.right,
      tunedDays: tuned.days,
      tunedOn: tuned.goesOn,
      base: base.right,
      baseOn: base.goesOn,
    };
  },
  verdict(rows) {
    const [tuned, on] = [summary(column(rows, "tuned")), summary(column(rows, "baseOn"))];
    const worse = summary(rows.map((row) => row.tuned - row.base)).high < 0;
    const verdicts = [judge(tuned, 0.9), judge(on, 0.5)].map((one) =>
      one === "opposite" ? "not visible at this scale" : one
    );
    return {
      verdict: worse ? "opposite" : all(verdicts),
      because: `tuned, right: ${inWords(tuned)}; base, goes on: ${inWords(on)}`,
    };
  },
  plot(rows) {
    return barChart([
      bar(rows, "tuned: right", "tuned"),
      bar(rows, "base: right", "base"),
      bar(rows, "tuned: goes on", "tunedOn"),
      bar(rows, "base: goes on", "baseOn"),
    ], { title: "After a question", valueLabel: "share of questions" });
  },
  reading:
    "What changes is what the model takes its text to be. All that it needs for an answer was there before: the document is in its prompt.",
};
