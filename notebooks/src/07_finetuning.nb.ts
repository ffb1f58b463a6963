// %% [markdown]
// # 7 · Fine-tuning
//
// Pre-training teaches a model a language; nobody asked it to do anything useful. Fine-tuning does: put
// one small layer on top, show some hundred examples of a task, and let everything learn a little more.
// One encoder so becomes a judge of opinions, a finder of names, an answerer of questions (Devlin et al.
// 2018, [1810.04805](https://arxiv.org/abs/1810.04805), §4 and figure 4).
//
// **You will learn**
//
// - how texts, tagged sentences and questions become numbers, and what the model is asked at which place;
// - what pre-training is worth: the same task, the same examples, with it and without;
// - how tasks are scored: accuracy, precision, recall, F1, entities, exact match;
// - why there are three sets of examples, and which of them may choose.
//
// Lesson 3 pre-trains a BERT at length; here it is done in a few lines. The letters: `B` rows, `T`
// positions, `C` classes.

// %%
import { initialise } from "@lineage/lineage/core/parameters";
import { device, keep, type Key, randomKey, read } from "@lineage/lineage/core/tensor";
import { encodeBatch } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { tokenOf } from "@lineage/lineage/core/text/vocabulary";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import {
  createWorld,
  type Document,
  documents,
  questionsAbout,
  type Sentence,
  sentimentExamples,
} from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart } from "@lineage/lineage/drawing/svg";
import { BERT, BERT_BASE, BERT_TINY } from "@lineage/lineage/models/bert";
import { type ModelParameters, modelParameters, nameTokens } from "@lineage/lineage/models/model";
import {
  loadPretrained,
  type Pretrained,
  savePretrained,
} from "@lineage/lineage/models/pretrained";
import { encode } from "@lineage/lineage/models/spec";
import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
import { asInputs, atPlaces, draws, rowOf } from "@lineage/lineage/objectives/objective";
import { readCoNLL, type Tagged } from "@lineage/lineage/tasks/conll";
import { answers, evaluate, mainScore } from "@lineage/lineage/tasks/evaluate";
import { finetune, inEpochs, withHeadOf } from "@lineage/lineage/tasks/finetune";
import { confusion, type Scores } from "@lineage/lineage/tasks/metrics";
import { questionAnswering } from "@lineage/lineage/tasks/question_answering";
import { type Asked, readSQuAD } from "@lineage/lineage/tasks/squad";
import { tagging } from "@lineage/lineage/tasks/tagging";
import { asBatch, type Task } from "@lineage/lineage/tasks/task";
import { textClassification } from "@lineage/lineage/tasks/text_classification";
import { type Labelled, labelsOf, readTSV } from "@lineage/lineage/tasks/tsv";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %% [markdown]
// ## A model that knows the language
//
// The world is that of lesson 3: people, places, days. The model reads documents of it and guesses hidden
// words, first in pairs of short texts, later in longer ones, too. That is all it does for now.

// %%
/** Steps of pre-training. More make a better start for everything below. */
const STEPS = 900;

const world = createWorld(1);
const told = [...documents(world, { seed: 1, count: 6000 })];
const textOf = (sentences: readonly Sentence[]) => sentences.map(({ text }) => text).join(" ");
const questionsOf = (document: Document) =>
  questionsAbout(document).map(({ question }) => question);
const tokenizer = wordPiece(
  trainWordPiece([...told.map(({ text }) => text), ...told.slice(0, 300).flatMap(questionsOf)], {
    vocabSize: 2000,
    minFrequency: 1,
    lowerCase: true,
  }),
  { lowerCase: true },
);
const { vocabulary } = tokenizer;
const sizes = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: 64,
  dropout: { hidden: 0, attention: 0 }, // few passes over the documents: little to over-fit
};
const heads = { maskedLM: true };

/** A model that has learned nothing; narrower sums than BERT-base's need larger terms (lesson 3). */
async function newModel(seed: number): Promise<Pretrained> {
  const deviation = 0.02 * Math.sqrt(BERT_BASE.width / sizes.width);
  const declared = modelParameters(BERT, sizes, heads);
  const params = await keep(initialise(declared, randomKey(seed), deviation));
  return { spec: BERT, sizes, heads, params, tokenizer };
}

const hideWords = maskedLM(vocabulary);

/** Pairs of neighbouring stretches of `each` sentences, with words hidden in them. */
function lesson(key: Key, batch: number, length: number, each: number) {
  const draw = draws(key.derive(0));
  const pairs = Array.from({ length: batch }, () => {
    const { sentences } = told[draw(told.length)];
    const at = draw(Math.max(1, sentences.length - 2 * each + 1));
    return [
      textOf(sentences.slice(at, at + each)),
      textOf(sentences.slice(at + each, at + 2 * each)),
    ] as const;
  });
  const fitted = { maxLength: length, padTo: length, truncation: "longest_first" } as const;
  return hideWords.corrupt(encodeBatch(tokenizer, pairs, fitted), key.derive(1));
}

const learned = await newModel(1);
const training = await startTraining(learned.params, 1);
const bar = progress("pre-training", STEPS);
for await (
  const { step, loss } of train(training, {
    steps: STEPS,
    batch: (key, step) => [
      step < 0.6 * STEPS || step % 2 ? lesson(key, 28, 20, 1) : lesson(key, 12, 48, 2),
    ],
    loss: (params: ModelParameters, { inputs, targets }, key) => {
      const { last } = encode(BERT, sizes, params.encoder, inputs, key);
      const scores = nameTokens(BERT, sizes, params, atPlaces(last, targets.places));
      return hideWords.loss(scores, targets);
    },
    rate: linear({ peak: 1.5e-3, warmup: Math.ceil(STEPS / 20), steps: STEPS }),
    adamw: { decays: exceptBiasesAndNorms },
  })
) await bar.at(step, `loss ${loss.toFixed(2)}`);
await bar.done();

// %% [markdown]
// ## Three tasks, three files
//
// Examples mostly come as files, in forms that were set by early collections. We write such files from
// the world, where every answer is known, and read them as you would read your own.
//
// - **Classification**: opinions, good or bad. A line is a label, a tab, a text.
// - **Tagging**: what in a sentence is a person, a place, a tool? A word and its tag in each line, an
//   empty line after each sentence (CoNLL's form). `B-` begins a name, `I-` goes on with it, `O` is outside.
// - **Answering**: a question, and the stretch of the text that answers it (SQuAD's form, JSON).
//
// Each task has three sets. From *train* the model learns. *Dev* tells when it was best. *Test* is looked
// at once, at the end: who chooses by a number no longer measures with it.

// %%
const folder = await Deno.makeTempDir();
const setSizes = { // few examples on purpose: labels are dear
  classify: { train: 300, dev: 200, test: 500 },
  tag: { train: 60, dev: 150, test: 400 },
  answer: { train: 1200, dev: 150, test: 300 },
};
const seeds = { train: 11, dev: 12, test: 13 };
type Name = keyof typeof seeds;
const names: Name[] = ["train", "dev", "test"];

const opinions = (name: Name) =>
  sentimentExamples(world, { seed: seeds[name], count: setSizes.classify[name] })
    .map(({ text, label }) => `${label}\t${text}\n`).join("");

const kinds: Record<string, string> = {
  person: "PERSON",
  place: "PLACE",
  home: "TOWN",
  animal: "ANIMAL",
  job: "JOB",
  food: "FOOD",
};

/** A sentence as lines of words and tags. */
function tagged({ text, spans }: Sentence): string {
  const words = [...text.matchAll(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}']/gu)];
  return words.map(({ 0: word, index }) => {
    const span = spans.find(({ kind, slot, start, end }) =>
      (kinds[kind] || slot === "tool") && start <= index && index < end
    );
    if (!span) return `${word}\tO\n`;
    return `${word}\t${span.start === index ? "B" : "I"}-${kinds[span.kind] ?? "TOOL"}\n`;
  }).join("");
}

/** Sentences, one a document. */
const someSentences = (name: Name) =>
  [...documents(world, { seed: seeds[name], count: setSizes.tag[name] })]
    .map(({ sentences }, i) => tagged(sentences[i % sentences.length])).join("\n");

/** A question about a document, with the sentence that answers and its neighbours. */
function questionFrom(document: Document, id: number) {
  const all = questionsAbout(document), asked = all[id % all.length];
  let end = -1;
  const ends = document.sentences.map(({ text }) => end += text.length + 1);
  const answering = ends.findIndex((end) => asked.start < end);
  const near = document.sentences.slice(Math.max(0, answering - 1), answering + 2);
  const context = textOf(near), offset = document.text.indexOf(context);
  const start = [...context.slice(0, asked.start - offset)].length; // SQuAD counts code points
  const answers = [{ text: asked.answer, answer_start: start }];
  return { context, qas: [{ id: String(id), question: asked.question, answers }] };
}
const someQuestions = (name: Name) => {
  const days = [...documents(world, { seed: seeds[name], count: setSizes.answer[name] })];
  return JSON.stringify({ data: [{ title: name, paragraphs: days.map(questionFrom) }] });
};

for (const name of names) {
  await Deno.writeTextFile(`${folder}/${name}.tsv`, opinions(name));
  await Deno.writeTextFile(`${folder}/${name}.conll`, someSentences(name));
  await Deno.writeTextFile(`${folder}/${name}.json`, someQuestions(name));
}
for (
  const [file, length] of [["train.tsv", 130], ["train.conll", 90], ["train.json", 330]] as const
) {
  const text = await Deno.readTextFile(`${folder}/${file}`);
  console.log(`--- ${file}\n${text.slice(0, length)}…\n`);
}

// %% [markdown]
// Reading checks what it reads: a line with too few columns, a label in *dev* that *train* never shows, an
// answer that does not stand where the file says: each is an error with file and line.

// %%
interface Sets<Example> {
  train: Example[];
  dev: Example[];
  test: Example[];
}
const texts: Sets<Labelled> = { train: await readTSV(`${folder}/train.tsv`), dev: [], test: [] };
const classes = labelsOf(texts.train.map(({ label }) => label));
const known = new Set(texts.train.map(({ text }) => text));
const unseen = (list: Labelled[]) => list.filter(({ text }) => !known.has(text)); // draws may repeat
texts.dev = unseen(await readTSV(`${folder}/dev.tsv`, classes));
texts.test = unseen(await readTSV(`${folder}/test.tsv`, classes));

const sentences: Sets<Tagged> = {
  train: await readCoNLL(`${folder}/train.conll`),
  dev: [],
  test: [],
};
const tags = labelsOf(sentences.train.flatMap(({ tags }) => tags));
sentences.dev = await readCoNLL(`${folder}/dev.conll`, tags);
sentences.test = await readCoNLL(`${folder}/test.conll`, tags);

const asked: Sets<Asked> = {
  train: await readSQuAD(`${folder}/train.json`),
  dev: await readSQuAD(`${folder}/dev.json`),
  test: await readSQuAD(`${folder}/test.json`),
};
await Deno.writeTextFile(`${folder}/wrong.tsv`, "good\tThe boat was fine.\nfair The boat sank.\n");
const complaint = await readTSV(`${folder}/wrong.tsv`).catch(({ message }) => String(message));
console.log(String(complaint).replace(folder, "…"));

// %% [markdown]
// ## What the model is asked
//
// A task is a small record of functions (`tasks/task.ts`): how an example becomes rows of tokens, what the
// right numbers are, which layer on top scores what, and how an answer is read off the scores. The three
// tasks differ in what they ask, and where:
//
// - classification asks once, at `[CLS]`, whose pooled vector has seen the whole text;
// - tagging asks at the first piece of each word (the other pieces would only count long words twice);
// - answering asks every position twice: does the answer begin here, does it end here?

// %%
const judgeOpinions = textClassification(learned, classes, 24);
const findNames = tagging(learned, tags, 32);
const findAnswers = questionAnswering(learned, 48);

/** The tokens of an example's first row, and what is right for each. */
function asNumbers<Example, Answer>(task: Task<Example, Answer>, example: Example) {
  const [row] = task.rows(example), encoding = rowOf(asBatch(task, [row]), 0);
  const target = task.target(row, encoding);
  const filled = [...encoding.ids.keys()].filter((t) => encoding.mask[t] === 1);
  return { target, tokens: filled.map((t) => tokenOf(vocabulary, encoding.ids[t])) };
}
const opinion = asNumbers(judgeOpinions, texts.train[0]);
console.log(
  `${opinion.tokens.join(" ")}\n→ at [CLS]: class ${opinion.target}, ${texts.train[0].label}`,
);

const townish = sentences.train.find(({ tags }) => tags.includes("I-TOWN"))!;
const named = asNumbers(findNames, townish);
await show(table(named.tokens.map((token, t) => ({
  position: t,
  token,
  "right tag": named.target[t] < 0 ? "(not asked)" : tags[named.target[t]],
}))));

const question = asNumbers(findAnswers, asked.train[0]);
const [from, to] = question.target;
console.log(
  `${question.tokens.join(" ")}\n→ begins at ${from}, ends at ${to}: ${
    question.tokens.slice(from, to + 1).join(" ")
  }`,
);

// %% [markdown]
// ## The loop
//
// One loop for all tasks: `finetune` trains, asks dev every so many steps, and says when the model is the
// best so far; then we save it, as Hugging Face's library would read it. Each task is learned twice from
// the same examples, in the same order: by the pre-trained model, and by one that has learned nothing.

// %%
const nothing = await newModel(2);

interface Course {
  step: number[];
  score: number[];
}

/** Fine-tune a model and keep its best state; gives that state, and the course of its score on dev. */
async function learn<Example, Answer>(
  name: string,
  start: Pretrained,
  task: Task<Example, Answer>,
  sets: Sets<Example>,
  settings: { steps: number; batch: number; rate: number; every: number },
): Promise<{ best: Pretrained; course: Course }> {
  const { steps, batch, rate, every } = settings;
  const model = await withHeadOf(task, start, 1), place = `${folder}/${name}`;
  const course: Course = { step: [0], score: [mainScore(await evaluate(model, task, sets.dev))] };
  const batches = inEpochs(sets.train.flatMap(task.rows), batch, 1);
  const bar = progress(name, steps), dev = { examples: sets.dev, every };
  const run = finetune(model, task, { batches, steps, rate, seed: 1, dev });
  for await (const { step, loss, dev, best } of run) {
    await bar.at(step, `loss ${loss.toFixed(3)}`);
    if (best) await savePretrained(place, model);
    if (!dev) continue;
    course.step.push(step);
    course.score.push(mainScore(dev));
  }
  await bar.done();
  return { best: { ...model, params: (await loadPretrained(place)).params }, course };
}

async function both<Example, Answer>(
  name: string,
  task: Task<Example, Answer>,
  sets: Sets<Example>,
  settings: { steps: number; batch: number; rate: number; every: number },
) {
  return {
    pretrained: await learn(`${name}, pre-trained`, learned, task, sets, settings),
    scratch: await learn(`${name}, from nothing`, nothing, task, sets, settings),
  };
}

/** The course of the score on dev, with and without pre-training. */
const courses = (
  { pretrained, scratch }: Awaited<ReturnType<typeof both>>,
  title: string,
  yLabel: string,
  floors: { name: string; y: number }[] = [],
) =>
  lineChart([
    { name: "pre-trained", x: pretrained.course.step, y: pretrained.course.score },
    { name: "from nothing", x: scratch.course.step, y: scratch.course.score },
  ], { title, xLabel: "step", yLabel, floors, height: 300 });

/** Scores of both on test, as rows of a table. */
async function testScores<Example, Answer>(
  { pretrained, scratch }: Awaited<ReturnType<typeof both>>,
  task: Task<Example, Answer>,
  examples: readonly Example[],
) {
  const scores: Record<string, Scores> = {
    "pre-trained": await evaluate(pretrained.best, task, examples),
    "from nothing": await evaluate(scratch.best, task, examples),
  };
  await show(
    table(Object.entries(scores).map(([start, { values }]) => ({ start, ...values })), "test"),
  );
  return scores;
}

// %% [markdown]
// ## Classification
//
// Opinions in this world have to be read to the end: "not awful at all" praises, "looked lovely, but was
// dull" blames. The scores: **accuracy** is the share of right answers. For one class, **precision** asks how
// many of those it named are right, **recall** how many of those there are it named, and **F1** is the
// harmonic mean of both. Their means over the classes give each class the same say, however rare.

// %%
const opinionRuns = await both("opinions", judgeOpinions, texts, {
  steps: 200,
  batch: 16,
  rate: 5e-4,
  every: 25,
});
const goodShare = texts.dev.filter(({ label }) => label === "good").length / texts.dev.length;
await show(courses(opinionRuns, "Opinions: accuracy on dev", "accuracy", [
  { name: "always the same answer", y: Math.max(goodShare, 1 - goodShare) },
]));
const opinionScores = await testScores(opinionRuns, judgeOpinions, texts.test);
for (const [start, { values: { accuracy } }] of Object.entries(opinionScores)) {
  console.log(`${start}: ${Math.round((1 - accuracy) * texts.test.length)} wrong answers`);
}
assert(mainScore(opinionScores["pre-trained"]) > mainScore(opinionScores["from nothing"]));

// %% [markdown]
// Where it is wrong, and how: a **confusion table** has the truth in its rows and the answers in its columns.

// %%
const saidOpinions = await answers(opinionRuns.pretrained.best, judgeOpinions, texts.test);
const trueOpinions = texts.test.map(({ label }) => label);
await show(heatMap(confusion(trueOpinions, saidOpinions, classes), {
  title: "Opinions on test",
  rows: classes,
  columns: classes,
  rowLabel: "it is",
  columnLabel: "it says",
  numbers: true,
}));
const wrongOnes = texts.test.map(({ text, label }, i) => ({
  text: String(text),
  label,
  said: saidOpinions[i],
}))
  .filter(({ label, said }) => label !== said);
if (wrongOnes.length) await show(table(wrongOnes.slice(0, 6)));

// %% [markdown]
// ## Tagging
//
// Only 60 tagged sentences: most words of the world are not among them. Who has learned nothing
// can know a tool only if it was shown as one. Who has read documents knows which words are used alike, and
// what it learns about one helps with the others.
//
// Most words are `O`, so accuracy would praise who always says `O`. What counts are **entities**: type, first
// and last word must all be right. "Port" without "Amber" is no town.

// %%
const tagRuns = await both("names", findNames, sentences, {
  steps: 120,
  batch: 16,
  rate: 1e-3,
  every: 15,
});
await show(courses(tagRuns, "Names: F1 of entities on dev", "F1"));
const tagScores = await testScores(tagRuns, findNames, sentences.test);
const types = tagScores["pre-trained"].classes.map(({ name }) => name);
await show(barChart(
  types.flatMap((type) =>
    Object.entries(tagScores).map(([start, { classes }]) => ({
      name: start === "pre-trained" ? type : "",
      value: classes.find(({ name }) => name === type)?.f1 ?? 0,
      group: start,
    }))
  ),
  { title: "F1 of each type on test", valueLabel: "F1" },
));
const shown = new Set(
  sentences.train.flatMap(({ words }) => words.map((word) => word.toLowerCase())),
);
const shares = await Promise.all(
  Object.entries(tagRuns).map(async ([start, { best }]) => {
    const said = await answers(best, findNames, sentences.test);
    const right = { shown: [0, 0], "never shown": [0, 0] };
    sentences.test.forEach(({ words, tags }, i) =>
      words.forEach((word, k) => {
        if (tags[k] === "O") return;
        const counts = right[shown.has(word.toLowerCase()) ? "shown" : "never shown"];
        counts[0] += Number(said[i][k] === tags[k]);
        counts[1]++;
      })
    );
    return { start, right };
  }),
);
const percent = ([right, all]: number[]) => `${(100 * right / all).toFixed(1)} % of ${all}`;
await show(table(
  shares.map(({ start, right }) => ({
    start: start === "pretrained" ? "pre-trained" : "from nothing",
    "words shown in train": percent(right.shown),
    "words never shown": percent(right["never shown"]),
  })),
  "right tags of words in names",
));
const [withStart, withNone] = shares.map(({ right: { "never shown": [right, all] } }) =>
  right / all
);
assert(withStart > withNone + 0.1);

// %% [markdown]
// ## Answering
//
// Question and text go in as a pair. Every position gets two scores, one as the first and one as the last
// token of the answer. The two best positions, each alone, may be no stretch at all; so the best *pair* is
// looked for, in the text, in order:
//
// $$\mathrm{answer} = \mathrm{argmax}_{i \le j}\; \mathrm{start}_i + \mathrm{end}_j.$$
//
// Scores: **exact match** wants the answer to the letter (case and articles aside); **F1** counts the words
// that answer and truth share.

// %%
const answerRuns = await both("questions", findAnswers, asked, {
  steps: 80,
  batch: 24,
  rate: 1e-3,
  every: 10,
});
await show(courses(answerRuns, "Questions: F1 on dev", "F1"));
const answerScores = await testScores(answerRuns, findAnswers, asked.test);

const ahead = mainScore(answerScores["pre-trained"]) - mainScore(answerScores["from nothing"]);
console.log(`On test the pre-trained model is ahead by ${(100 * ahead).toFixed(1)} points of F1.`);

// %% [markdown]
// Half of this task is to find the words of the question again in the text, and 1,200 examples can teach that
// to a model that has learned nothing else. So the start matters less here than it does for tags, where
// words that were never shown have to be known. It shows in the first steps.

// %%
const saidAnswers = await answers(answerRuns.pretrained.best, findAnswers, asked.test);
await show(table(
  asked.test.slice(0, 6).map(({ question, context, answers: [right] }, i) => ({
    question,
    text: context,
    answer: right.text,
    "it says": saidAnswers[i],
  })),
));

// %% [markdown]
// One question from inside: the score of every pair of begin (row) and end (column), over the tokens of the
// text. Below the diagonal an end would come before its begin; those are left out.

// %%
const one = asked.test[0],
  [oneRow] = findAnswers.rows(one),
  oneBatch = asBatch(findAnswers, [oneRow]);
const oneScores = await read(
  findAnswers.scores(answerRuns.pretrained.best.params, asInputs(oneBatch)),
);
const places = [...oneBatch.ids.keys()]
  .filter((t) => oneBatch.segments[t] === 1 && oneBatch.words[t] >= 0);
const pieces = places.map((t) => tokenOf(vocabulary, oneBatch.ids[t]));
const lowest = Math.min(...places.flatMap((t) => [oneScores[2 * t], oneScores[2 * t + 1]]));
await show(heatMap(
  places.map((i) =>
    places.map((j) => j < i ? 0 : oneScores[2 * i] + oneScores[2 * j + 1] - 2 * lowest)
  ),
  {
    title: one.question,
    note: "darker: a better pair of begin and end",
    rows: pieces,
    columns: pieces,
    rowLabel: "begins",
    columnLabel: "ends",
  },
));

// %% [markdown]
// ## Your own files
//
// The same on the command line, for any encoder of the family in Hugging Face's layout:
//
// ```sh
// deno task finetune --model my-bert --task classify --train train.tsv --dev dev.tsv --test test.tsv \
//   --out my-judge --epochs 3 --rate 5e-4
// deno task finetune --model my-bert --task tag --train train.conll --dev dev.conll --out my-tagger
// deno task finetune --model my-bert --task answer --train train.json --dev dev.json --out my-answerer
// ```
//
// `--out` holds the best model so far at every moment, also when you stop it with Ctrl-C.
//
// **Try**
//
// - Set `STEPS` to 300 and to 3000: which task suffers most from a poor start?
// - Give tagging 20 sentences, or 1000. When does the start from nothing catch up?
// - Ask questions about longer texts: documents whole instead of three sentences. The task then reads them in
//   windows that overlap.
