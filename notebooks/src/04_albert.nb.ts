// %% [markdown]
// # 4 · ALBERT
//
// BERT-large has 335 million parameters. Does it need them? ALBERT (Lan et al. 2019,
// [1909.11942](https://arxiv.org/abs/1909.11942)) says that most of them are there twice: in a table of words as
// wide as the model, and in layers that do much the same. It keeps a narrow table and one layer, applied
// again and again, and has 18 million.
//
// **You will learn**
//
// - how ALBERT differs from BERT: in three lines;
// - where BERT's parameters lie, and the arithmetic that saves nine tenths of them;
// - what sharing is: the same record at several places of a list, and what follows for gradients;
// - what it does not save: time;
// - how a tiny ALBERT learns beside a tiny BERT.
//
// Lesson 3 built a BERT. The letters: `V` tokens of the vocabulary, `D` width of the model, `E` width of a
// token's vector, `F` inner width of the feed-forward network, `L` layers.

// %%
import {
  attentionOnly,
  drawSharing,
  eachItsOwn,
  feedForwardOnly,
  groups,
  oneForAll,
  sharing,
  type Stack,
} from "@lineage/lineage/core/layer_sharing";
import { countParameters, initialise } from "@lineage/lineage/core/parameters";
import {
  device,
  gradients,
  keep,
  type Key,
  mean,
  randomKey,
  read,
  relu,
  square,
  subtract,
  tensor,
} from "@lineage/lineage/core/tensor";
import { encodeBatch } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import { createWorld, type Document, documents, maskedFloor } from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart } from "@lineage/lineage/drawing/svg";
import {
  ALBERT,
  ALBERT_BASE,
  ALBERT_LARGE,
  ALBERT_XLARGE,
  ALBERT_XXLARGE,
} from "@lineage/lineage/models/albert";
import { BERT, BERT_BASE, BERT_LARGE, BERT_TINY } from "@lineage/lineage/models/bert";
import { type ModelParameters, modelParameters, nameTokens } from "@lineage/lineage/models/model";
import {
  differences,
  encode,
  encoderParameters,
  type ModelSpec,
  type Sizes,
} from "@lineage/lineage/models/spec";
import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
import { atPlaces, draws } from "@lineage/lineage/objectives/objective";
import { inOrder, sentenceOrder } from "@lineage/lineage/objectives/sentence_order";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of training for each of the two models. */
const STEPS = 1000;

// %%
const whole = (n: number) => n.toLocaleString("en-US");
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const average = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
/** BERT's table is as wide as the model: it takes no other width. */
const fitting = (spec: ModelSpec, sizes: Sizes): Sizes =>
  spec.embed === BERT.embed ? { ...sizes, embedding: undefined } : sizes;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

// %% [markdown]
// ## Three lines
//
// A model is a record of concepts. ALBERT is BERT's with three keys changed; in `models/albert.ts` one sees
// them beside what they were.

// %%
/** A concept in words. */
function concept(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  const known: [unknown, string][] = [
    [BERT.embed, "table: V×D"],
    [ALBERT.embed, "factorized: V×E, then E×D"],
    [BERT.stack, "eachItsOwn: L layers, L records"],
    [ALBERT.stack, "oneForAll: L layers, one record"],
  ];
  return known.find(([one]) => one === value)?.[1] ?? String(value);
}
const changed = differences(BERT, ALBERT) as (keyof ModelSpec)[];
await show(table(changed.map((key) => ({
  key,
  BERT: concept(BERT[key]),
  ALBERT: concept(ALBERT[key]),
}))));

// %% [markdown]
// Two lines save parameters, the third makes the task about sentences harder. First the parameters. They are
// declared before they are made, so even models that would not fit into this machine are counted at once.

// %%
const family: [name: string, ModelSpec, Sizes][] = [
  ["BERT-base", BERT, BERT_BASE],
  ["BERT-large", BERT, BERT_LARGE],
  ["ALBERT-base", ALBERT, ALBERT_BASE],
  ["ALBERT-large", ALBERT, ALBERT_LARGE],
  ["ALBERT-xlarge", ALBERT, ALBERT_XLARGE],
  ["ALBERT-xxlarge", ALBERT, ALBERT_XXLARGE],
];
const counts = family.map(([model, spec, sizes]) => {
  const { embedding, layers, pooler } = encoderParameters(spec, sizes);
  return {
    model,
    "layers × width": `${sizes.layers} × ${sizes.width}`,
    embedding: countParameters(embedding),
    "one layer": countParameters(layers[0]),
    "all layers": countParameters(layers),
    pooler: countParameters(pooler),
    "in all": countParameters({ embedding, layers, pooler }),
  };
});
await show(table(counts, "Parameters of the encoders, a shared one counted once"));
const inAll = Object.fromEntries(counts.map((row) => [row.model, row["in all"]]));
assert(Math.round(inAll["BERT-large"] / inAll["ALBERT-large"]) === 19);

// %% [markdown]
// These are the numbers of the published checkpoints, to the unit. ALBERT-large has 18 million beside
// BERT-large's 335 million: one nineteenth. (One reads now and then that the two are of nearly the same
// size, or that ALBERT-base has 31 million parameters. Count: 31 million is what sharing alone leaves, with a
// table as wide as BERT's.)
//
// ## The first line: a narrow table
//
// BERT looks up a vector of $D$ numbers for each token. But what a word is, regardless of its neighbours,
// needs less room than what it means in a sentence. So ALBERT looks up $E$ numbers, and one matrix makes $D$
// of them:
//
// $$V \cdot D \quad\longrightarrow\quad V \cdot E + E \cdot D.$$

// %%
const { vocabulary: V, width: D } = ALBERT_BASE, E = ALBERT_BASE.embedding!;
console.log(`V · D          = ${whole(V)} · ${D} = ${whole(V * D)}`);
console.log(`V · E + E · D  = ${whole(V * E)} + ${whole(E * D)} = ${whole(V * E + E * D)}`);
const narrow = encoderParameters(ALBERT, ALBERT_BASE).embedding;
console.log(
  `as declared    = ${whole(countParameters(narrow.word))} + ${
    whole(countParameters(narrow.up!.weight))
  }`,
);
const wide = countParameters(
  encoderParameters({ ...BERT, stack: oneForAll }, { ...BERT_BASE, vocabulary: V }),
);
console.log(`One layer for all, but a table of V · D: ${whole(wide)} parameters in all.`);

// %% [markdown]
// And the table no longer grows with the model. BERT's does: twice as wide, twice as large a table, whether or
// not words need it.

// %%
const widths = [256, 512, 768, 1024, 2048, 4096];
const embeddings = (spec: ModelSpec) =>
  widths.map((width) => {
    const { word, up } = spec.embed.parameters(fitting(spec, { ...ALBERT_BASE, width }));
    return countParameters(up ? [word, up.weight] : word) / 1e6;
  });
await show(lineChart([
  { name: "V · D", x: widths, y: embeddings(BERT) },
  { name: "V · E + E · D with E = 128", x: widths, y: embeddings(ALBERT) },
], {
  title: "What the embedding costs",
  note: `V = ${whole(V)}`,
  xLabel: "D",
  yLabel: "million parameters",
  height: 300,
}));

// %% [markdown]
// On the way out the same happens backwards: the head that names tokens first goes from $D$ to $E$ numbers, then
// compares with the narrow vectors.
//
// ## The second line: one layer for all
//
// How does one share a layer? In this library a stack is a list of records. A list may hold the same record
// twice. That is all; nothing else in the model knows of it.

// %%
const layersOf = (stack: Stack, layers: number) =>
  encoderParameters({ ...BERT, stack }, { ...BERT_TINY, layers }).layers;
const [first, , third] = layersOf(oneForAll, 3);
console.log("ALBERT: layer 1 and layer 3 are the same record:", first === third);
const [own, , another] = layersOf(eachItsOwn, 3);
console.log("BERT:   layer 1 and layer 3 are the same record:", own === another);

// %% [markdown]
// The paper also tried to share only half of a layer: the attention, or the feed-forward network. And one
// may cut the stack into groups of neighbours. Each number below is the layer whose record stands there; equal
// colours are one record.

// %%
const stacks = {
  eachItsOwn,
  attentionOnly,
  feedForwardOnly,
  "groups(2)": groups(2),
  "groups(1, 2)": groups(1, 2),
  oneForAll,
};
const drawn = Object.entries(stacks).flatMap(([name, stack]) => {
  const { attention, feedForward } = sharing(stack, 6);
  return [
    { name: `${name}: attention`, owners: attention },
    { name: "feed-forward", owners: feedForward },
  ];
});
await show(heatMap(drawn.map(({ owners }) => owners), {
  title: "Whose record has each layer?",
  rows: drawn.map(({ name }) => name),
  columns: upTo(6).map((i) => `layer ${i}`),
  range: [0, 6],
  numbers: true,
}));
console.log(drawSharing(oneForAll, 12)); // ALBERT-base, as text

// %% [markdown]
// How the number of parameters grows with depth: in a straight line for BERT (not exponentially, as one
// reads), and for ALBERT not at all.

// %%
const depths = [1, 2, 4, 6, 8, 12, 16, 24];
const deep = (stack: Stack) =>
  depths.map((layers) =>
    countParameters(encoderParameters({ ...ALBERT, stack }, { ...ALBERT_BASE, layers })) / 1e6
  );
await show(lineChart(
  Object.entries({ eachItsOwn, attentionOnly, feedForwardOnly, oneForAll })
    .map(([name, stack]) => ({ name, x: depths, y: deep(stack) })),
  {
    title: "Parameters by depth",
    note: "ALBERT-base with other stacks",
    xLabel: "layers",
    yLabel: "million parameters",
    height: 300,
  },
));

// %% [markdown]
// ### What a shared layer learns
//
// The gradient of a parameter that is used twice is the sum over its uses. So the shared layer learns from all
// places at once:
//
// $$\frac{\partial L}{\partial \theta} = \sum_{i=1}^{L} \frac{\partial L}{\partial \theta_i},$$
//
// where $\theta_i$ is what layer $i$ would have if it had a copy of its own. Let us see it: an ALBERT of four
// layers, and the same numbers in four separate copies.

// %%
const small: Sizes = {
  ...BERT_TINY,
  vocabulary: 100,
  width: 32,
  inner: 64,
  layers: 4,
  embedding: 16,
};
const shared = await keep(initialise(encoderParameters(ALBERT, small), randomKey(1), 0.1));
const layers = await Promise.all(shared.layers.map((layer) => keep(layer))); // each copied by itself
const copied = { ...shared, layers };
const slopesOf = (params: typeof shared) => {
  const { last } = encode(ALBERT, small, params, { ids: tensor("B T", [[5, 17, 23, 42]]) });
  const { layers } = gradients(mean(relu(last)), params);
  return layers.map((layer) => layer.feedForward.up.bias);
};
const together = await read(slopesOf(shared)[0]), apart = await read(slopesOf(copied));
const someNumbers = (values: ArrayLike<number>) =>
  Object.fromEntries(upTo(4).map((n) => [`bias ${n}`, 1e3 * values[n - 1]]));
await show(table([
  ...apart.map((values, i) => ({
    "gradient, times 1,000": `copy ${i + 1}`,
    ...someNumbers(values),
  })),
  {
    "gradient, times 1,000": "sum of the copies",
    ...someNumbers(apart[0].map((_, n) => apart.reduce((sum, values) => sum + values[n], 0))),
  },
  { "gradient, times 1,000": "shared", ...someNumbers(together) },
]));
const gap = Math.max(
  ...together.map((x, n) => Math.abs(x - apart.reduce((sum, values) => sum + values[n], 0))),
);
console.log(`largest difference between the last two rows: ${gap.toExponential(1)}`);
assert(gap < 1e-6);

// %% [markdown]
// ## What it does not save
//
// A shared layer is still computed at each of its places. Twelve times one layer are as many multiplications
// as one time twelve layers. Who hears "a tenth of the parameters" and expects a tenth of the time is
// disappointed. We measure it: the same text through a BERT and an ALBERT of the same shape, in turns, and take
// the median.

// %%
const shape: Sizes = { ...BERT_TINY, width: 192, inner: 768, heads: 4, layers: 8, embedding: 64 };
const rounds = 9, texts = tensor("B T", Array.from({ length: 8 }, () => upTo(64)));
const contenders: [name: string, ModelSpec][] = [["BERT", BERT], ["ALBERT", ALBERT]];
const made = await Promise.all(contenders.map(async ([name, spec]) => {
  const sizes = fitting(spec, shape);
  const params = await keep(initialise(encoderParameters(spec, sizes), randomKey(2)));
  const run = () => read(mean(encode(spec, sizes, params, { ids: texts }).last));
  return {
    name,
    run,
    parameters: countParameters(encoderParameters(spec, sizes)),
    times: [] as number[],
  };
}));
for (let round = -2; round < rounds; round++) { // two to warm up
  for (const { run, times } of made) {
    const start = performance.now();
    await run();
    if (round >= 0) times.push(performance.now() - start);
  }
}
const median = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1];
const [ofBert, ofAlbert] = made.map(({ parameters, times }) => ({
  parameters,
  time: median(times),
}));
const ratios = {
  parameters: ofAlbert.parameters / ofBert.parameters,
  "time of a forward pass": ofAlbert.time / ofBert.time,
};
await show(barChart(Object.entries(ratios).map(([name, value]) => ({ name, value })), {
  title: "ALBERT : BERT",
  note: `${shape.layers} layers of width ${shape.width}, ${rounds} runs of each`,
  valueLabel: "ratio",
  floors: [{ name: "as BERT", value: 1 }],
}));
console.log(
  ratios["time of a forward pass"] > 0.8
    ? "The parameters shrink, the time does not."
    : "Here the time shrinks, too: this device was waiting for its memory.",
);

// %% [markdown]
// What shrinks is memory: that of the parameters, of their gradients, of the two averages that AdamW keeps for each,
// and the traffic between machines that train together. (The paper speaks of faster training for that reason.)
//
// ## The third line: which comes first?
//
// BERT's second task asks whether B follows A or is from another document. Other documents speak of other things,
// so the topic gives it away. ALBERT asks whether two neighbours are in order or swapped. The topic is the same;
// one has to see how the text flows.

// %%
const world = createWorld(1);
const told = [...documents(world, { seed: 1, count: 6000 })];
const unseen = [...documents(world, { seed: 2, count: 300 })];
const sentencesOf = (document: Document) => document.sentences.map(({ text }) => text);
const vocabulary = trainWordPiece(told.flatMap(sentencesOf), {
  vocabSize: 2000,
  minFrequency: 1,
  lowerCase: true,
});
const tokenizer = wordPiece(vocabulary, { lowerCase: true });

const pairs = sentenceOrder(tokenizer, { maxLength: 40 })
  .corrupt(unseen.slice(0, 5).map(sentencesOf), randomKey(3));
const labels = await read(pairs.targets.labels);
const textOf = (row: number, segment: number) => {
  const places = upTo(40).map((t) => row * 40 + t - 1)
    .filter((i) => pairs.batch.mask[i] === 1 && pairs.batch.segments[i] === segment);
  return tokenizer.decode(places.map((i) => pairs.batch.ids[i]), { skipSpecial: true });
};
await show(table(Array.from(labels, (label, row) => ({
  A: textOf(row, 0),
  B: textOf(row, 1),
  "the order is": label === inOrder ? "right" : "wrong",
}))));

// %% [markdown]
// What each of the two tasks teaches, and what it does not, is an experiment of its own: `deno task experiment
// c04`.
//
// ## Side by side
//
// Does a model learn as well with one layer as with three? We train a tiny BERT and a tiny ALBERT of the same depth and
// width on hidden words, with the same lessons in the same order. A lesson is a batch of excerpts of two
// sentences. The *floor* is the surprise of a reader who knows the process that made the texts; nobody
// can stay below it on average.

// %%
const tiny: Sizes = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: 22,
  layers: 3,
  embedding: 64,
  dropout: { hidden: 0, attention: 0 }, // no text comes twice: nothing to over-fit
};
const hideWords = maskedLM(vocabulary);

/** Excerpts of two sentences, with words hidden in them. */
function makeLesson(from: readonly Document[], key: Key, count: number) {
  const draw = draws(key.derive(0));
  const excerpts = Array.from({ length: count }, () => {
    const sentences = sentencesOf(from[draw(from.length)]), start = draw(sentences.length - 1);
    return sentences.slice(start, start + 2).join(" ");
  });
  const length = tiny.positions;
  const fitted = { maxLength: length, padTo: length, truncation: "longest_first" } as const;
  return hideWords.corrupt(encodeBatch(tokenizer, excerpts, fitted), key.derive(1));
}
type Lesson = ReturnType<typeof makeLesson>;

function lossOf(spec: ModelSpec, params: ModelParameters, { inputs, targets }: Lesson, key?: Key) {
  const sizes = fitting(spec, tiny);
  const { last } = encode(spec, sizes, params.encoder, inputs, key);
  return hideWords.loss(nameTokens(spec, sizes, params, atPlaces(last, targets.places)), targets);
}

/** The mean loss on documents that were not trained on. */
async function judge(spec: ModelSpec, params: ModelParameters): Promise<number> {
  const losses = upTo(8).map((i) => lossOf(spec, params, makeLesson(unseen, randomKey(7, i), 48)));
  return average((await read(losses)).map(([nats]) => nats));
}

// %% [markdown]
// ALBERT's table is half as wide as the model here. First weights are drawn with BERT's deviation
// of 0.02 at width 768, and a larger one for narrower models, as in lesson 3.

// %%
async function learn(name: string, spec: ModelSpec) {
  const sizes = fitting(spec, tiny), deviation = 0.02 * Math.sqrt(BERT_BASE.width / tiny.width);
  const declared = modelParameters(spec, sizes, { maskedLM: true });
  const params = await keep(initialise(declared, randomKey(1), deviation));
  const training = await startTraining(params, 1),
    curve = [{ step: 0, nats: await judge(spec, params) }];
  const report = progress(name, STEPS), start = performance.now();
  for await (
    const { step, loss } of train(training, {
      steps: STEPS,
      batch: (key) => [makeLesson(told, key, 16)],
      loss: (params, lesson, key) => lossOf(spec, params, lesson, key),
      rate: linear({ peak: 1.5e-3, warmup: Math.ceil(STEPS / 20), steps: STEPS }),
      adamw: { decays: exceptBiasesAndNorms },
    })
  ) {
    await report.at(step, `loss ${loss.toFixed(2)}`);
    if (step % Math.round(STEPS / 12) === 0 || step === STEPS) {
      curve.push({ step, nats: await judge(spec, params) });
    }
  }
  await report.done();
  const seconds = (performance.now() - start) / 1000;
  return { name, spec, params, curve, seconds, parameters: countParameters(declared) };
}
const bert = await learn("BERT", BERT);
const albert = await learn("ALBERT", ALBERT);

// %%
const floor = maskedFloor(world, { seed: 2, count: 300, size: 2 });
await show(lineChart(
  [bert, albert].map(({ name, curve }) => ({
    name,
    x: curve.map(({ step }) => step),
    y: curve.map(({ nats }) => nats),
  })),
  {
    title: "Hidden words of unseen documents",
    note: `${tiny.layers} layers of width ${tiny.width}, ${STEPS} steps`,
    xLabel: "step",
    yLabel: "nats",
    floors: [{ name: "floor", y: floor.nats }],
  },
));
const atEnd = [bert, albert].map(({ name, curve, parameters, seconds }) => ({
  model: name,
  parameters,
  "nats at the end": curve.at(-1)!.nats,
  "seconds for training": Number(seconds.toFixed(1)),
}));
await show(table(atEnd));
const [bertNats, albertNats] = atEnd.map((row) => row["nats at the end"]);
console.log(
  `ALBERT has ${percent(albert.parameters / bert.parameters)} of the parameters and is ${
    Math.abs(albertNats - bertNats).toFixed(2)
  } nats ${albertNats > bertNats ? "worse" : "better"} after ${STEPS} steps.`,
);
assert(Math.max(bertNats, albertNats) < bert.curve[0].nats - 2);

// %% [markdown]
// One run of each is an anecdote, not a result: another seed may move either curve. Experiments with five seeds are in
// `experiments/`: C5 on the table, C6 on what sharing costs, C7 on time. And a thousand steps are few. The paper's ALBERT
// reaches BERT's scores by being wider and by training longer: what parameters no longer cost is spent on computing.
//
// ### Do the layers do the same?
//
// The paper draws how much a layer changes its input (figure 1): in ALBERT less, and more evenly, than in BERT. Here
// are the lengths of the changes, as parts of the length of the input, on unseen texts.

// %%
async function changes({ spec, params }: typeof bert): Promise<number[]> {
  const { inputs } = makeLesson(unseen, randomKey(9), 32);
  const { states } = encode(spec, fitting(spec, tiny), params.encoder, inputs);
  const lengths = states.slice(1).map((state, i) => ({
    change: mean(square(subtract(state, states[i]))),
    input: mean(square(states[i])),
  }));
  return (await read(lengths)).map(({ change, input }) => Math.sqrt(change[0] / input[0]));
}
await show(lineChart(
  await Promise.all([bert, albert].map(async (one) => ({
    name: one.name,
    x: upTo(tiny.layers),
    y: await changes(one),
  }))),
  {
    title: "How much each layer changes its input",
    xLabel: "layer",
    note: "length of the change, divided by the length of the input",
    yLabel: "ratio",
    height: 280,
  },
));

// %% [markdown]
// ## Exercises
//
// Each function below runs and gives a wrong answer. Make it right; its check tells.

// %%
/** Says whether an exercise is solved; a wrong answer stops nothing. */
function check(exercise: string, given: readonly number[], expected: readonly number[]): void {
  const right = given.length === expected.length && expected.every((x, i) => x === given[i]);
  console.log(
    right
      ? `${exercise}: solved`
      : `${exercise}: not yet. Expected ${expected.join(" ")}, found ${given.join(" ")}`,
  );
}

// %% [markdown]
// **1 · When does it pay?** A narrow table with a matrix is smaller than a wide table only if it is narrow enough.
// Give the largest whole $E$ for which $V E + E D < V D$.

// %%
function widestThatPays(V: number, D: number): number {
  return Math.floor(V / D); // not yet right
}
check("widestThatPays", [widestThatPays(30000, 768), widestThatPays(1000, 500)], [748, 333]);

// %% [markdown]
// **2 · A stack of your own.** Write a stack in which each layer shares its record with its mirror image: the first with
// the last, the second with the last but one. A stack takes a function that declares a new record.

// %%
const mirrored: Stack = (declare, layers) => {
  return Array.from({ length: layers }, () => declare()); // shares nothing yet
};
check("mirrored", sharing(mirrored, 6).attention, [1, 2, 3, 3, 2, 1]);

// %% [markdown]
// **3 · Counting ALBERT.** How many parameters has ALBERT's encoder without its pooler? Tables of tokens, positions and
// segments, a norm of two vectors, the way up with its bias, and one layer of
// $4(D^2 + D) + 2DF + F + D + 4D$.

// %%
function parametersOfAlbert({ vocabulary: V, positions: P, width: D, inner: F }: Sizes): number {
  const layer = 4 * (D * D + D) + 2 * D * F + F + D + 4 * D;
  return V * D + P * D + layer; // not yet right
}
const albertSizes = [ALBERT_BASE, ALBERT_LARGE, ALBERT_XXLARGE];
check(
  "parametersOfAlbert",
  albertSizes.map(parametersOfAlbert),
  albertSizes.map((size) => {
    const { embedding, layers } = encoderParameters(ALBERT, size);
    return countParameters({ embedding, layers });
  }),
);

// %% [markdown]
// **To try.** Guess before you run.
//
// - Give the tiny ALBERT eight layers: as many parameters as before, twice the time. Does the curve fall?
// - Share attention only: `{ ...BERT, stack: attentionOnly }` in `learn`. And the feed-forward network only. Which of
//   the two costs more?
// - Take an embedding of 8 numbers instead of 64. At what width do words become too similar to be told apart?
// - `deno task expand albert` writes the whole model as one file. Where in it is the sharing?
