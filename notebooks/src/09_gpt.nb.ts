// %% [markdown]
// # 9 · GPT
//
// Read a text from left to right and guess the next word, at every place. That is all that GPT is trained to
// do (Radford et al. 2018, 2019; Brown et al. 2020, [2005.14165](https://arxiv.org/abs/2005.14165)). Nothing
// is hidden in the text, as in BERT's game; the model just must not look ahead. And who can guess the next
// word can write: guess one, put it down, guess the next.
//
// **You will learn**
//
// - how a BERT becomes a GPT: by six changed keys, of which one matters most;
// - how to read its loss beside that of a model that only counts;
// - what it means to *sample*: temperature, top-k, top-p, drawn as a tree;
// - why a written word is cheap with a key–value cache, and dear without.
//
// Lesson 2 explains attention, lesson 3 BERT. The letters: `B` texts, `T` places, `Tq` and `Tk` places as
// queries and as keys, `V` tokens of the vocabulary.

// %%
import { bothSides, leftToRight, mask, rightToLeft } from "@lineage/lineage/core/masks";
import { deviationFor, initialise } from "@lineage/lineage/core/parameters";
import { alternating, banded } from "@lineage/lineage/core/sparse_attention";
import { device, keep, randomKey, read, readRows, tensor } from "@lineage/lineage/core/tensor";
import { byteBPE } from "@lineage/lineage/core/text/byte_bpe";
import { trainByteBPE } from "@lineage/lineage/core/text/train_byte_bpe";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import { createWorld, documents } from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import {
  barChart,
  type Branch,
  heatMap,
  lineChart,
  smallMultiples,
  tree,
} from "@lineage/lineage/drawing/svg";
import { probabilities } from "@lineage/lineage/generation/options";
import { write, type WriteOptions } from "@lineage/lineage/generation/write";
import { beginWriting } from "@lineage/lineage/generation/writing";
import { BERT } from "@lineage/lineage/models/bert";
import { GPT } from "@lineage/lineage/models/gpt";
import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
import { GPT3, GPT3_SIZES, multiplyAdds } from "@lineage/lineage/models/gpt3";
import { type ModelParameters, modelParameters, nameTokens } from "@lineage/lineage/models/model";
import { countNGrams, surprise } from "@lineage/lineage/models/n_gram";
import { differences, encode } from "@lineage/lineage/models/spec";
import { tokenLoss, tokenTargets } from "@lineage/lineage/objectives/left_to_right";
import { draws } from "@lineage/lineage/objectives/objective";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of training. More make a better model; try 5,000 when you have the time. */
const STEPS = 1200;

// %% [markdown]
// ## From BERT to GPT-3
//
// In this library a model is a record, and a descendant is its parent with some keys changed. (That GPT
// is written as a descendant of BERT is for the sake of this list; it is the older one.)

// %%
await show(table([[BERT, GPT], [GPT, GPT2], [GPT2, GPT3]].map(([parent, child]) => ({
  model: child.name,
  "differs from": parent.name,
  "in the keys": differences(parent, child).join(", "),
}))));

// %% [markdown]
// The key that matters is `sight`: which keys (columns) may a query (row) see? BERT sees both sides. GPT
// sees what was written. A model that writes from the end sees what comes after. And GPT-3 takes turns: one layer
// sees everything that was written, the next only the last few places, 128 in the paper, 3 in this picture.

// %%
const sights = {
  "BERT: both sides": bothSides,
  "GPT: left to right": leftToRight,
  "right to left": rightToLeft,
  "GPT-3, every other layer": alternating(banded(3), leftToRight),
};
const masks = await Promise.all(
  Object.entries(sights).map(async ([title, sight]) =>
    heatMap(await readRows(mask(sight, 8)), { title, range: [0, 1], bare: true })
  ),
);
await show(smallMultiples([masks], {
  title: "Who sees whom: a row sees the dark columns",
  rows: [""],
  columns: Object.keys(sights),
}));

// %% [markdown]
// **Predict.** A GPT is trained with the sight of BERT by mistake. How does its loss look? *It falls to almost nothing:
// the next word is in its input, and it learns to copy it. Nothing else is learned. A test of this library
// shows exactly that.*

// %% [markdown]
// ## Text and tokens
//
// The text is told by the micro-world (lesson 3): days of a few people. GPT-2 reads *bytes*, joined where they
// often stand together; a token begins with the space before its word, written `Ġ`. A mark stands between
// two documents, and all of it is one long row of tokens.

// %%
const world = createWorld(1);
const textsOf = (seed: number, count: number) =>
  [...documents(world, { seed, count })].map(({ text }) => text);
const told = textsOf(1, 1500), unseen = textsOf(2, 100);
const tokenizer = byteBPE(trainByteBPE(told.slice(0, 600), { vocabSize: 700 }));
const end = tokenizer.vocabulary.special.sep;
const rowOfTokens = (texts: readonly string[]) =>
  texts.flatMap((text) => [...tokenizer.encode(text).map(({ id }) => id), end]);
const [learning, judging] = [rowOfTokens(told), rowOfTokens(unseen)];

console.log(tokenizer.encode(unseen[0].slice(0, 90)).map(({ token }) => token).join(" · "));
console.log(`${learning.length} tokens to learn from, ${judging.length} to be judged by.`);

// %% [markdown]
// ## What is named where
//
// At each place the model names the token that comes next: the labels are the text, moved by one. So a
// row of 48 tokens is 48 exercises at once, where BERT has seven.

// %%
const LENGTH = 48;
const opening = judging.slice(0, 9);
await show(table(
  opening.slice(0, 8).map((id, t) => ({
    place: t,
    "sees up to": tokenizer.vocabulary.tokens[id],
    "is to name": tokenizer.vocabulary.tokens[opening[t + 1]],
  })),
));

// %% [markdown]
// ## Training
//
// A small GPT-2: two layers, 64 wide. First, what would a model achieve that only counts? It looks at the last
// three tokens, and where it has never seen them, at two, at one. Its way of sharing out what is left for the
// unseen is Kneser's and Ney's, for decades the best there was.

// %%
const sizes = {
  ...GPT2_TINY,
  vocabulary: tokenizer.vocabulary.tokens.length,
  positions: LENGTH,
  width: 64,
  heads: 4,
  inner: 256,
  layers: 2,
  dropout: { hidden: 0, attention: 0 },
};
const heads = { languageModel: true };
const deviation = deviationFor(sizes.width);
const params = await keep(
  initialise(modelParameters(GPT2, sizes, heads), randomKey(1), deviation),
);
const model = { spec: GPT2, sizes, heads, params, tokenizer };

const counted = surprise(
  countNGrams(learning, { order: 4, vocabulary: sizes.vocabulary }),
  judging,
);
console.log(
  `counting: ${counted.toFixed(3)} nats a token; knowing nothing: ln V = ${
    Math.log(sizes.vocabulary).toFixed(3)
  }`,
);

// %%
function windows(ids: readonly number[], places: readonly number[]) {
  const cut = (shift: number) => places.map((at) => ids.slice(at + shift, at + shift + LENGTH));
  const labels = Float32Array.from(cut(1).flat());
  return {
    ids: tensor("B T", cut(0)),
    targets: tokenTargets(labels, [places.length, LENGTH]),
  };
}
function lossOf(params: ModelParameters, { ids, targets }: ReturnType<typeof windows>) {
  const { last } = encode(GPT2, sizes, params.encoder, { ids });
  return tokenLoss(nameTokens(GPT2, sizes, params, last), targets);
}
const places = Array.from({ length: 64 }, (_, i) => i * LENGTH);
const judge = async () => (await read(lossOf(params, windows(judging, places))))[0];

const training = await startTraining(params);
const curve = { x: [0], y: [await judge()] };
const report = progress("training", STEPS);
for await (
  const { step, loss } of train(training, {
    steps: STEPS,
    batch: (key) => {
      const draw = draws(key), room = learning.length - LENGTH - 1;
      return [windows(learning, Array.from({ length: 16 }, () => draw(room)))];
    },
    loss: lossOf,
    rate: linear({ peak: 4e-3, warmup: STEPS / 20, steps: STEPS }),
    adamw: { decays: exceptBiasesAndNorms },
  })
) {
  await report.at(step, `loss ${loss.toFixed(2)}`);
  if (step % Math.ceil(STEPS / 10) !== 0) continue;
  curve.x.push(step);
  curve.y.push(await judge());
}
await report.done();

// %%
await show(lineChart([{ name: "GPT, unseen text", ...curve }], {
  title: "Guessing the next token",
  note: "unseen documents; a window begins without what stood before it",
  xLabel: "step",
  yLabel: "nats a token",
  floors: [
    { name: "counting four tokens", y: counted },
    { name: "knowing nothing", y: Math.log(sizes.vocabulary) },
  ],
}));
assert(curve.y.at(-1)! < counted); // it does better than counting

// %% [markdown]
// A good part of what is left cannot be known: whom a day is about, what the weather was like. The world draws
// that by chance.
//
// ## The next word
//
// The scores at the last place, as probabilities. `beginWriting` reads a prompt and says what it thinks of
// every token.

// %%
const idsOf = (text: string) => tokenizer.encode(text).map(({ id }) => id);
const nameOf = (id: number) => id === end ? "(end)" : tokenizer.decode([id]);
function best(chances: ArrayLike<number>, count: number) {
  const order = Array.from(chances, (p, id) => ({ id, p })).sort((a, b) => b.p - a.p);
  return order.slice(0, count);
}
const prompt = "In the morning Ravi walked to the";
const { scores: [scores] } = await beginWriting(model, [idsOf(prompt)]);
const next = best(probabilities(scores), 8);
await show(barChart(next.map(({ id, p }) => ({ name: nameOf(id), value: p })), {
  title: `${prompt} …`,
  valueLabel: "probability",
}));

// %% [markdown]
// ## Choosing
//
// The model gives probabilities. What is written is another decision.
//
// - *Greedy*: always the likeliest. Nothing surprising ever happens.
// - *Temperature* `tau`: divide the scores by it. Below 1 the likely becomes likelier, above 1 the unlikely gets its
//   chance, and so does nonsense.
// - *Top-k*: only the k likeliest are drawn from. *Top-p*: only the likeliest that together have the
//   probability p; that is few where the model is sure, and many where it is not.

// %%
const ways = {
  "as it is": {},
  "tau = 0.5": { temperature: 0.5 },
  "tau = 2": { temperature: 2 },
  "top-k = 3": { topK: 3 },
  "top-p = 0.8": { topP: 0.8 },
};
await show(table(
  next.slice(0, 6).map(({ id }) => ({
    token: nameOf(id),
    ...Object.fromEntries(
      Object.entries(ways).map(([name, way]) => [name, probabilities(scores, way)[id].toFixed(3)]),
    ),
  })),
));

// %% [markdown]
// All that could be written is a tree. Each way through it is a text, and its probability is the product of
// those of its branches. Here are the three likeliest branches, three levels deep; orange is the way that chance
// took under one seed.

// %%
async function branches(ids: readonly number[], depth: number): Promise<Branch[]> {
  if (depth === 0) return [];
  const { scores: [scores] } = await beginWriting(model, [ids]);
  const found: Branch[] = [];
  for (const { id, p } of best(probabilities(scores), 3)) {
    const children = id === end ? [] : await branches([...ids, id], depth - 1);
    found.push({ label: nameOf(id), probability: p, children });
  }
  return found;
}
/** Draw one way through the tree. */
function walk(
  children: readonly Branch[] | undefined,
  draw: (i: number) => number,
  level = 0,
): void {
  if (!children?.length) return;
  const total = children.reduce((sum, { probability }) => sum + probability, 0);
  let u = draw(level) * total;
  const taken = children.find(({ probability }) => (u -= probability) < 0) ?? children[0];
  taken.taken = true;
  walk(taken.children, draw, level + 1);
}
const start = "In the evening Oona";
const children = await branches(idsOf(start), 3), chance = randomKey(5);
walk(children, (i) => chance.number(i));
await show(tree({ label: start, probability: 1, children }, {
  title: "What may be written",
  note: "the three likeliest tokens at each place; a line is as wide as its branch is likely",
}));

// %% [markdown]
// And so it writes. Read the texts as the micro-world's: who keeps which animal, what belongs to the garden, how a
// day ends.

// %%
async function text(options: WriteOptions): Promise<string> {
  let written = start;
  for await (const piece of write(model, start, { maxTokens: 28, ...options })) written += piece;
  return written;
}
const manners: Record<string, WriteOptions> = {
  "greedy": { greedy: true },
  "four beams": { beams: 4 },
  "tau = 0.5": { temperature: 0.5, seed: 1 },
  "top-p = 0.9": { topP: 0.9, seed: 1 },
  "tau = 3": { temperature: 3, seed: 1 },
};
const samples: { how: string; text: string }[] = [];
for (const [how, options] of Object.entries(manners)) {
  samples.push({ how, text: await text(options) });
}
await show(table(samples));

// %% [markdown]
// ## The cache
//
// What a place sees was there before it, so a place never changes its mind: its keys and values stay what they
// are, whatever is written after it. Store them, and a new token costs one place's work. Without the cache
// all that was written is read again for each token, and a text of `T` tokens costs as much as `T²/2`.
//
// The same scores, both ways:

// %%
const ids = idsOf(unseen[1].slice(0, 120)).slice(0, 20);
const remembering = await beginWriting(model, [ids.slice(0, 5)]);
for (const id of ids.slice(5)) await remembering.append([id]);
const rereading = await beginWriting(model, [ids], { cache: false });
const apart = remembering.scores[0].map((s, i) => Math.abs(s - rereading.scores[0][i]));
console.log(`largest difference of ${apart.length} scores: ${Math.max(...apart).toExponential(1)}`);
assert(Math.max(...apart) < 1e-3);

// %% [markdown]
// And the time of a token, in a longer model that has learned nothing (time does not mind).

// %%
const long = { ...sizes, positions: 512, width: 128, inner: 512 };
const longModel = {
  spec: GPT2,
  sizes: long,
  heads,
  params: await keep(initialise(modelParameters(GPT2, long, heads), randomKey(1))),
};
async function milliseconds(length: number, cache: boolean): Promise<number> {
  const writing = await beginWriting(longModel, [Array(length).fill(1)], { room: 8, cache });
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    const start = performance.now();
    await writing.append([1]);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[2];
}
const lengths = [32, 64, 128, 256, 448];
const [withCache, without]: number[][] = [[], []];
for (const length of lengths) {
  withCache.push(await milliseconds(length, true));
  without.push(await milliseconds(length, false));
}
await show(lineChart([
  { name: "all is read again", x: lengths, y: without },
  { name: "with a cache", x: lengths, y: withCache },
], { title: "The time of one token", xLabel: "tokens before it", yLabel: "milliseconds" }));

// %% [markdown]
// ## And GPT-3?
//
// The same network. 96 layers, 12,288 wide. What a token costs, in multiplications: one for each weight, and two for
// each number of a key that it looks at. Every other layer looks at 128 places only.

// %%
await show(table(
  Object.entries(GPT3_SIZES).map(([size, sizes]) => {
    const { weights, attention } = multiplyAdds(sizes, 2047);
    return {
      "GPT-3": size,
      layers: sizes.layers,
      width: sizes.width,
      "for its weights, billions": (weights / 1e9).toFixed(2),
      "for looking back 2,047 tokens": (attention / 1e9).toFixed(2),
    };
  }),
));

// %% [markdown]
// **What it can do that ours cannot**: shown a few examples in its prompt, it does a task that it was never trained
// for. Experiment C18 of this library shows how that looks when it is small: `deno task experiment c18`.
//
// **Exercises**
//
// 1. Change `leftToRight` to `bothSides` in a copy of `GPT2` and train it. What does it write?
// 2. Find a prompt after which greedy goes round in a circle. Does `repetitionPenalty: 1.3` help? What does it break?
// 3. Train with `STEPS = 5000`. Where does the loss stop falling, and why must it?
