// %% [markdown]
// # 6 · Distillation
//
// A large model knows more than the right answer. Asked for a hidden word, it says *sheep*, but it also
// says that *hens* would do nearly as well and *lamp* not at all. A small model that is told all this for
// each example learns faster than from the answers alone. That is *distillation* (Hinton et al. 2015,
// [1503.02531](https://arxiv.org/abs/1503.02531)); DistilBERT (Sanh et al. 2019,
// [1910.01108](https://arxiv.org/abs/1910.01108)) is a BERT that was made so.
//
// **You will learn**
//
// - what the temperature does to a distribution;
// - how the distance of two distributions is computed, by hand;
// - why the loss is multiplied by the square of the temperature;
// - how a teacher of four layers teaches a student of two, and what the student is worth: parameters, time,
//   score.
//
// Lesson 3 built a BERT. The letters: `B` texts, `T` places, `V` tokens, `C` classes; $\tau$ is the
// temperature, `tau` in code.

// %%
import { countParameters, initialise } from "@lineage/lineage/core/parameters";
import {
  device,
  keep,
  type Key,
  log,
  mean,
  randomKey,
  read,
  scale,
  softmax,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@lineage/lineage/core/tensor";
import { encodeBatch } from "@lineage/lineage/core/text/batch";
import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import {
  createWorld,
  type Document,
  documents,
  sentimentExamples,
  vocabularyOf,
} from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, lineChart, smallMultiples } from "@lineage/lineage/drawing/svg";
import { BERT, BERT_BASE, BERT_TINY } from "@lineage/lineage/models/bert";
import { DISTILBERT, DISTILBERT_BASE, fromTeacher } from "@lineage/lineage/models/distilbert";
import { type ModelParameters, modelParameters, nameTokens } from "@lineage/lineage/models/model";
import { differences, encode, type ModelSpec, type Sizes } from "@lineage/lineage/models/spec";
import { distilledMaskedLM } from "@lineage/lineage/objectives/distilled_masked_lm";
import { divergence } from "@lineage/lineage/objectives/distillation";
import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
import { atPlaces, draws } from "@lineage/lineage/objectives/objective";
import { evaluate } from "@lineage/lineage/tasks/evaluate";
import { finetune, inEpochs, withHeadOf } from "@lineage/lineage/tasks/finetune";
import { textClassification } from "@lineage/lineage/tasks/text_classification";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of the teacher, of each student, and of fine-tuning. More make better models. */
const STEPS = { teacher: 500, student: 200, tuning: 300 };

// %% [markdown]
// ## Temperature
//
// A model gives scores $z$, and softmax makes probabilities of them. Divided by a temperature first,
//
// $$p_i = \frac{e^{z_i/\tau}}{\sum_j e^{z_j/\tau}},$$
//
// the scores draw together as $\tau$ grows: the order stays, the differences shrink. Below are a
// teacher's scores for the gap in *Mara fed the [MASK] at the farm*, made up for the purpose.

// %%
const words = ["sheep", "hens", "geese", "soup", "lamp"];
const scores = tensor("C", [6, 4.5, 4, 0.5, -2]);
const taus = [0.5, 1, 2, 4, 8];
const at = (tau: number) => softmax(scale(scores, 1 / tau), "C");

const softened = await Promise.all(taus.map(async (tau) => [...await read(at(tau))]));
const panel = (p: readonly number[], tau: number) =>
  barChart(words.map((name, i) => ({ name, value: p[i] })), {
    title: `temperature ${tau}`,
    valueLabel: "probability",
    floors: [{ name: "", value: 1 }],
    width: 420,
  });
await show(smallMultiples(
  [softened.slice(0, 3), softened.slice(3)].map((row, r) =>
    row.map((p, i) => panel(p, taus[3 * r + i]))
  ),
  { title: "The same scores at five temperatures" },
));

// %% [markdown]
// At $\tau = \tfrac12$ hardly anything is left but the answer. At 4 one sees what the teacher thinks of the
// others: hens and geese are nearly right, soup is not. At 8 even that begins to drown. How smooth a distribution is, its
// *entropy* $-\sum p \log p$ says in a number; it can only grow with the temperature, up to $\log C$.

// %%
const entropy = (p: readonly number[]) => -p.reduce((sum, x) => sum + x * Math.log(x), 0);
const fine = Array.from({ length: 41 }, (_, i) => 2 ** (-2 + i / 5));
const entropies = await Promise.all(fine.map(async (tau) => entropy([...await read(at(tau))])));
await show(lineChart([{ name: "entropy", x: fine, y: entropies }], {
  title: "Higher temperature, smoother distribution",
  xLabel: "temperature",
  yLabel: "nats",
  xAxis: "log",
  height: 260,
  floors: [{ name: "all alike: log C", y: Math.log(words.length) }],
}));

// %% [markdown]
// ## The distance of two distributions
//
// The student is to say $q$ where the teacher says $p$. How far is it? The *Kullback–Leibler divergence*
// is the surprise that the student would be spared if it knew $p$:
//
// $$\mathrm{KL}(p\,\|\,q) = \sum_i p_i\,(\log p_i - \log q_i).$$
//
// By hand, for $p = (0.2, 0.4, 0.4)$ and $q = (0.4, 0.2, 0.4)$:

// %%
const p = [0.2, 0.4, 0.4], q = [0.4, 0.2, 0.4];
const terms = p.map((x, i) => x * (Math.log(x) - Math.log(q[i])));
await show(table(p.map((x, i) => ({
  p: x,
  q: q[i],
  "log p − log q": (Math.log(x) - Math.log(q[i])).toFixed(6),
  "p · (log p − log q)": terms[i].toFixed(6),
}))));
const byHand = terms.reduce((a, b) => a + b);
const [byModule] = await read(divergence(log(tensor("C", q)), log(tensor("C", p)), "C"));
console.log(`by hand       ${byHand.toFixed(10)}`);
console.log(`0.2 · log 2   ${(0.2 * Math.LN2).toFixed(10)}`);
console.log(`divergence()  ${byModule.toFixed(10)}   (in single precision)`);
assert(Math.abs(byModule - byHand) < 1e-6);

// %% [markdown]
// Terms may be negative; the sum never is, and it is 0 only where $p = q$. It is not symmetric: with other
// numbers, $\mathrm{KL}(q\,\|\,p)$ is another. Hinton et al. write the cross-entropy $-\sum p \log q$ instead,
// which is larger by the teacher's entropy. That is a constant for the student, so the gradient is the same.
//
// **A trap.** The sum goes over the classes, the mean over texts or places. Whoever takes the mean over all
// elements divides by $C$ as well; with a vocabulary of 30,000 nothing of the teacher is left in the loss.
//
// ## Why tau squared
//
// The gradient of that distance at the student's scores is $(q - p)/\tau$. As $\tau$ grows, $q$ and $p$ draw
// together, too, again by $1/\tau$. So the gradient shrinks with $1/\tau^2$, and beside a second loss, that
// of the labels, the teacher would fall silent. The factor $\tau^2$ gives it its voice back.

// %%
const student = { scores: tensor("C", [1, 0, 2, 0, 1]) };
/** Length of the gradient at the student's scores. */
async function gradientLength(tau: number, factor: number): Promise<number> {
  const loss = (params: typeof student) =>
    scale(divergence(params.scores, scores, "C", tau), factor) as Tensor<"">;
  return Math.hypot(...await read(valueAndGrad(loss)(student).gradients.scores));
}
const many = [1, 2, 4, 8, 16, 32];
const lengths = await Promise.all(many.map(async (tau) => ({
  tau,
  without: await gradientLength(tau, 1),
  with: await gradientLength(tau, tau ** 2),
})));
await show(table(lengths.map((row) => ({
  temperature: row.tau,
  "gradient without the factor": row.without,
  "with tau²": row.with,
}))));
assert(lengths.at(-1)!.without < lengths[0].without / 100);
assert(lengths.at(-1)!.with > lengths[0].with);
await show(lineChart([
  { name: "without", x: many, y: lengths.map((row) => row.without) },
  { name: "with tau²", x: many, y: lengths.map((row) => row.with) },
], {
  title: "Length of the soft loss's gradient",
  xLabel: "temperature",
  yLabel: "length",
  xAxis: "log",
  yAxis: "log",
  height: 280,
}));

// %% [markdown]
// `deno task experiment c09` tests both on a trained teacher, and a third thing: that small students
// want lower temperatures.
//
// ## A teacher
//
// Now in earnest. The micro-world of lesson 3, and a BERT of four layers that learns to name hidden
// words in pairs of sentences. So that a minute is enough, each word of the world is one token, twice as many
// words are hidden as in BERT, and the model is narrow.

// %%
const world = createWorld(1);
const told = [...documents(world, { seed: 1, count: 4000 })];
const unseen = [...documents(world, { seed: 2, count: 256 })];
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const vocabulary = parseVocabulary([...special, ...vocabularyOf(world)].join("\n"));
const tokenizer = wordPiece(vocabulary, { lowerCase: true });
const shape = { batch: 64, length: 20 };

/** Neighbouring sentences of documents drawn with a key. */
function drawPairs(from: readonly Document[], key: Key) {
  const draw = draws(key);
  const pairs = Array.from({ length: shape.batch }, () => {
    const { sentences } = from[draw(from.length)], first = draw(sentences.length - 1);
    return [sentences[first].text, sentences[first + 1].text] as const;
  });
  const fitted = {
    maxLength: shape.length,
    padTo: shape.length,
    truncation: "longest_first",
  } as const;
  return encodeBatch(tokenizer, pairs, fitted);
}
const hideWords = maskedLM(vocabulary, { rate: 0.3 });

const sizes: Sizes = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: shape.length,
  layers: 4,
  width: 64,
  heads: 2,
  inner: 256,
  dropout: { hidden: 0, attention: 0 },
};
const heads = { maskedLM: true };

/** The loss of hidden words alone. */
function wordLoss(spec: ModelSpec, sizes: Sizes) {
  type Hidden = ReturnType<typeof hideWords.corrupt>;
  return (params: ModelParameters, { inputs, targets }: Hidden) => {
    const { last } = encode(spec, sizes, params.encoder, inputs);
    return hideWords.loss(nameTokens(spec, sizes, params, atPlaces(last, targets.places)), targets);
  };
}

/** Train on hidden words, or on what else is made of pairs. */
async function learn<Lesson>(
  label: string,
  params: ModelParameters,
  steps: number,
  lesson: (key: Key) => Lesson,
  loss: (params: ModelParameters, lesson: Lesson) => Tensor<"">,
): Promise<void> {
  const report = progress(label, steps), training = await startTraining(params, 1);
  const running = train(training, {
    steps,
    batch: (key) => [lesson(key)],
    loss,
    rate: linear({ peak: 4e-3, warmup: Math.ceil(steps / 20), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
  for await (const { step, loss } of running) await report.at(step, `loss ${loss.toFixed(2)}`);
  await report.done();
}

/** Surprise at hidden words of unseen documents, in nats. */
async function judge(spec: ModelSpec, sizes: Sizes, params: ModelParameters): Promise<number> {
  let sum = 0;
  for (let i = 0; i < 16; i++) {
    const lesson = hideWords.corrupt(drawPairs(unseen, randomKey(7, i)), randomKey(8, i));
    sum += (await read(wordLoss(spec, sizes)(params, lesson)))[0] / 16;
  }
  return sum;
}

const wordLesson = (key: Key) => hideWords.corrupt(drawPairs(told, key.derive(0)), key.derive(1));
const deviation = 0.02 * Math.sqrt(BERT_BASE.width / sizes.width);
const teacher = await keep(
  initialise(modelParameters(BERT, sizes, heads), randomKey(1), deviation),
);
await learn("the teacher", teacher, STEPS.teacher, wordLesson, wordLoss(BERT, sizes));
console.log(
  `hidden words of unseen documents: ${(await judge(BERT, sizes, teacher)).toFixed(2)} nats`,
);

// %% [markdown]
// ## A student
//
// DistilBERT is BERT with three keys changed, and half of the layers. It does not begin with nothing: it takes
// the teacher's embeddings, every other of its layers, and its head.

// %%
const small: Sizes = { ...sizes, segments: 0, layers: sizes.layers / 2 };
const asStudent = () => keep(fromTeacher(teacher, small));
const count = (spec: ModelSpec, sizes: Sizes) =>
  countParameters(modelParameters(spec, sizes, heads));
console.log("what differs from BERT:", differences(BERT, DISTILBERT).join(", "));
await show(table([
  { model: "BERT-base", layers: BERT_BASE.layers, parameters: count(BERT, BERT_BASE) },
  {
    model: "DistilBERT",
    layers: DISTILBERT_BASE.layers,
    parameters: count(DISTILBERT, DISTILBERT_BASE),
  },
  { model: "our teacher", layers: sizes.layers, parameters: count(BERT, sizes) },
  { model: "our student", layers: small.layers, parameters: count(DISTILBERT, small) },
]));

// %% [markdown]
// Both read the same text with the same words hidden. The student's loss has three parts: to say what the
// teacher says, to name the hidden words, and to have last states that point where the teacher's point:
//
// $$L = 5\,\tau^2\,\mathrm{KL}(\mathrm{teacher}\,\|\,\mathrm{student}) + 2\,L_\mathrm{words} +
// 1\,(1 - \cos(h, h')),\qquad \tau = 2.$$
//
// For comparison a second student begins alike and learns for as many steps from the hidden words alone.

// %%
const distilled = distilledMaskedLM(vocabulary, { rate: 0.3 });
/** Scores at all places, and the last states. */
const madeBy = (
  spec: ModelSpec,
  sizes: Sizes,
  params: ModelParameters,
  inputs: Parameters<typeof encode>[3],
) => {
  const { last } = encode(spec, sizes, params.encoder, inputs);
  return { logits: nameTokens(spec, sizes, params, last), states: last };
};

const untaught = await asStudent();
const alone = await asStudent();
const taught = await asStudent();
await learn("a student alone", alone, STEPS.student, wordLesson, wordLoss(DISTILBERT, small));
await learn(
  "a student with its teacher",
  taught,
  STEPS.student,
  (key) => distilled.corrupt(drawPairs(told, key.derive(0)), key.derive(1)),
  (params, { inputs, targets }) =>
    distilled.loss({
      student: madeBy(DISTILBERT, small, params, inputs),
      teacher: madeBy(BERT, sizes, teacher, inputs),
    }, targets),
);

// %% [markdown]
// ## Side by side
//
// What is the student worth? Three questions: how surprised is it at hidden words, how well does it tell
// praise from blame once it is fine-tuned, how long does it take. Each model is fine-tuned alike, on 600
// opinions of the micro-world, and judged on others. (It takes long enough for
// the teacher, too: in a trial of 200 steps at twice the rate the deeper model was behind its students, and so
// bad a score would have been easy to keep.)

// %%
const opinions = (seed: number, count: number) =>
  sentimentExamples(world, { seed, count }).map(({ text, label }) => ({
    text,
    label: String(label),
  }));
const toLearn = opinions(1, 600), known = new Set(toLearn.map(({ text }) => text));
const toJudge = opinions(2, 800).filter(({ text }) => !known.has(text));

/** Accuracy after fine-tuning. */
async function sentiment(spec: ModelSpec, sizes: Sizes, params: ModelParameters): Promise<number> {
  const learned = { spec, sizes, heads, params, tokenizer };
  const task = textClassification(learned, ["bad", "good"], shape.length);
  const model = await withHeadOf(task, learned, 1);
  const batches = inEpochs(toLearn.flatMap(task.rows), 32, 1);
  const report = progress("fine-tuning", STEPS.tuning);
  for await (
    const { step } of finetune(model, task, { batches, steps: STEPS.tuning, rate: 5e-4, seed: 1 })
  ) await report.at(step);
  await report.done();
  return (await evaluate(model, task, toJudge)).values.accuracy;
}

/** Milliseconds for the last states of a batch, one model after the other: medians of 21 rounds. */
async function milliseconds(contestants: readonly Contestant[]): Promise<number[]> {
  const { inputs } = wordLesson(randomKey(9)), times = contestants.map((): number[] => []);
  for (let round = 0; round < 24; round++) {
    for (const [i, [, spec, size, params]] of contestants.entries()) {
      const start = performance.now();
      await read(mean(encode(spec, size, params.encoder, inputs).last));
      if (round >= 3) times[i].push(performance.now() - start); // the first rounds compile
    }
  }
  return times.map((list) => list.sort((a, b) => a - b)[10]);
}

type Contestant = [name: string, spec: ModelSpec, sizes: Sizes, params: ModelParameters];
const contestants: Contestant[] = [
  ["teacher", BERT, sizes, teacher],
  ["student, untaught", DISTILBERT, small, untaught],
  ["student, alone", DISTILBERT, small, alone],
  ["student, distilled", DISTILBERT, small, taught],
];
const results = [], times = await milliseconds(contestants);
for (const [i, [name, spec, size, params]] of contestants.entries()) {
  results.push({
    model: name,
    parameters: count(spec, size),
    "ms a batch": times[i],
    "nats a hidden word": await judge(spec, size, params),
    sentiment: await sentiment(spec, size, params),
  });
}
await show(table(results));

// %%
const [ofTeacher, , ofAlone, ofTaught] = results;
const share = (of: typeof ofTeacher, key: "parameters" | "ms a batch" | "sentiment") =>
  `${(100 * of[key] / ofTeacher[key]).toFixed(0)} %`;
await show(barChart(
  results.map((r) => ({ name: r.model, value: r["nats a hidden word"] })),
  { title: "Surprise at hidden words", note: "less is better", valueLabel: "nats" },
));
await show(barChart(
  results.map((r) => ({ name: r.model, value: r.sentiment })),
  { title: "Sentiment", valueLabel: "accuracy", floors: [{ name: "guessing", value: 0.5 }] },
));
console.log(
  `The distilled student has ${share(ofTaught, "parameters")} of the teacher's parameters,`,
);
console.log(
  `takes ${share(ofTaught, "ms a batch")} of its time, and keeps ${
    share(ofTaught, "sentiment")
  } of its score.`,
);
console.log(`The student that learned alone keeps ${share(ofAlone, "sentiment")}.`);
assert(ofTaught.parameters < 0.6 * ofTeacher.parameters);
assert(ofTaught.sentiment > 0.9 * ofTeacher.sentiment);

// %% [markdown]
// The authors of DistilBERT report 60 % of the parameters, 60 % faster, 97 % of the score. The share of
// parameters depends on the embeddings, which both have whole: the more they weigh, the less is saved. And a
// score that every model reaches is kept by every model: then the task is too easy to tell them apart. One
// run with one seed proves nothing; the experiments take five or more:
//
// - `deno task experiment c08`: DistilBERT beside its teacher;
// - `deno task experiment c10`: soft targets keep a student from over-fitting;
// - `deno task experiment c11`: teacher annealing, born-again networks, ensembles of teachers.
//
// **To try.** Let the student hear the teacher alone (`distilledMaskedLM(vocabulary, { weights: { soft: 5, hard:
// 0, cosine: 0 } })`). Raise `tau` to 8. Begin the student with random parameters instead of the teacher's
// layers: how many steps does it need then?
