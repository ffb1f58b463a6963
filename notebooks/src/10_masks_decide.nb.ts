// %% [markdown]
// # 10 · Masks decide
//
// BERT fills gaps, GPT writes on, UniLM does both, XLNet guesses in any order. One would expect four networks. It is
// one: the same embedding, the same attention, the same layers. What differs is *who may look at whom*, a table of
// ones and zeros that is added to the scores before the softmax. In this lesson one small model works under all of
// these tables.
//
// **You will learn**
//
// - the masks of BERT, GPT, UniLM and XLNet, each drawn on the same words;
// - that a mask decides what a state can depend on, however many layers there are, and how to check it;
// - what one set of weights, trained under a mixture of masks, guesses under each of them;
// - how XLNet guesses words in any order without a [MASK], and why it needs two streams for that.
//
// Lesson 2 explains attention, lesson 3 masked LM.

// %%
import { leftToRight, mask, rightToLeft } from "@lineage/lineage/core/masks";
import { countParameters, deviationFor, initialise } from "@lineage/lineage/core/parameters";
import { permutationMasks, ranks } from "@lineage/lineage/core/permutation";
import {
  at,
  crossEntropy,
  device,
  ignored,
  keep,
  randomKey,
  read,
  readRows,
  softmax,
  tensor,
} from "@lineage/lineage/core/tensor";
import { encodeBatch, type EncodedBatch } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import { createWorld, documents } from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart, smallMultiples } from "@lineage/lineage/drawing/svg";
import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
import { GPT } from "@lineage/lineage/models/gpt";
import { modelParameters, nameTokens } from "@lineage/lineage/models/model";
import { differences, encode } from "@lineage/lineage/models/spec";
import { UNILM } from "@lineage/lineage/models/unilm";
import { nameWords, xlnet, XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
import { atPlaces, draws } from "@lineage/lineage/objectives/objective";
import { permutationLM } from "@lineage/lineage/objectives/permutation_lm";
import { type SightName, underSights, uniLM } from "@lineage/lineage/objectives/unilm";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %% [markdown]
// ## Words to look at
//
// The texts are days of the micro-world. A sample is a pair: what was said, and what comes next.

// %%
const world = createWorld(10);
const told = [...documents(world, { seed: 1, count: 3000 })].map((d) =>
  d.sentences.map((s) => s.text)
);
const vocabulary = trainWordPiece(told.flat(), {
  vocabSize: 2000,
  minFrequency: 1,
  lowerCase: true,
});
const tokenizer = wordPiece(vocabulary, { lowerCase: true });
const pair = [told[0][0], told[0][1]] as const;
const sample = encodeBatch(tokenizer, [pair]), length = sample.shape[1];
const words = Array.from(sample.ids, (id) => vocabulary.tokens[id]);
console.log(words.join(" "));

// %% [markdown]
// ## The masks
//
// A row is a position that looks, a column one that is looked at; dark means: may look.
//
// - **BERT** (*both sides*): everyone sees everyone. Good for understanding; useless for writing, since the next word
//   would be seen.
// - **GPT** (*left to right*): everyone sees what was written so far, itself included. *Right to left* is its mirror.
// - **UniLM** (*sequence to sequence*): the first part sees all of itself; the second part sees the first, and of
//   itself what was written so far. It is the mask of someone who answers a letter.
// - **XLNet**: an order of the positions is drawn, and everyone sees what comes earlier *in the order*, wherever it
//   stands. From left to right is one of the orders.

// %%
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const sights: SightName[] = ["bothSides", "leftToRight", "rightToLeft", "sequenceToSequence"];
const titles: Record<SightName, string> = {
  bothSides: "BERT: both sides",
  leftToRight: "GPT: left to right",
  rightToLeft: "right to left",
  sequenceToSequence: "UniLM: sequence to sequence",
};
const masks = await Promise.all(
  sights.map(async (name) => await readRows(at(underSights(sample, [name]).mask, "B", 0))),
);
const look = { range: [0, 1] as const, rows: words, columns: words };
const drawn = sights.map((name, i) => heatMap(masks[i], { title: titles[name], ...look }));
await show(smallMultiples([drawn.slice(0, 2), drawn.slice(2)], {
  title: "The same words under four masks",
  note: "rows look at columns",
}));

// %% [markdown]
// The network does not know of these pictures. `BERT` and `UNILM` are records with the same keys, `GPT` has another
// sight (and other conventions of its time):

// %%
await show(table([
  { model: "UniLM", "differs from BERT in": differences(BERT, UNILM).join(", ") },
  { model: "GPT", "differs from BERT in": differences(BERT, GPT).join(", ") },
]));

// %% [markdown]
// ## A mask decides what a state depends on
//
// Is it enough to hide a word from a position? The position may look at another that has seen it. So change one word,
// and see which states of the last layer change. Below, the model has three layers and random weights: column $j$
// shows which rows moved when word $j$ became another.

// %%
const deep = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  segments: 6,
  width: 32,
  layers: 3,
};
const untrained = await keep(
  initialise(modelParameters(UNILM, deep, { maskedLM: true }), randomKey(1), 0.2),
);

/** The sample with each of its words changed in turn; the first row is unchanged. */
function variants(): EncodedBatch {
  const rows = upTo(length + 1).map(() => pair), batch = encodeBatch(tokenizer, rows);
  for (const j of upTo(length)) batch.ids[(j + 1) * length + j] = 6 + j;
  return batch;
}

async function influence(name: SightName): Promise<number[][]> {
  const batch = variants(), given = underSights(batch, upTo(length + 1).map(() => name));
  const { last } = encode(UNILM, deep, untrained.encoder, given);
  const flat = await read(last), D = deep.width, size = length * D;
  const moved = (i: number, j: number) => {
    const [a, b] = [i * D, (j + 1) * size + i * D];
    return Math.max(...upTo(D).map((d) => Math.abs(flat[a + d] - flat[b + d])));
  };
  return upTo(length).map((i) => upTo(length).map((j) => moved(i, j) > 1e-5 ? 1 : 0));
}

const reached = await Promise.all(sights.map(influence));
const same = sights.map((_, i) => JSON.stringify(reached[i]) === JSON.stringify(masks[i]));
await show(smallMultiples([
  sights.map((name, i) => heatMap(reached[i], { title: titles[name], range: [0, 1], bare: true })),
], { title: "What moves when a word changes, after three layers", columns: sights }));
console.log(
  same.map((is, i) => `${titles[sights[i]]}: ${is ? "the mask again" : "not the mask"}`).join("\n"),
);
assert(same.every((is) => is));

// %% [markdown]
// The pictures are the masks again. Left to right is *closed*: whoever I see has seen nothing that I may not see. That
// is why one mask does for all layers. (Draw a mask at random, and it leaks: exercise 2.)
//
// ## One model under a mixture of masks
//
// UniLM (Dong et al. 2019, [1905.03197](https://arxiv.org/abs/1905.03197)) hides words behind [MASK] as BERT does, and
// draws for each text who may look at whom: both sides 1/3, sequence to sequence 1/3, left to right 1/6, right to left
// 1/6. The loss is the same all the time, the weights are the same all the time. A segment vector tells the model
// which game is being played.

// %%
const objective = uniLM(vocabulary, undefined, { rate: 0.3 });
const first = objective.corrupt(encodeBatch(tokenizer, upTo(4).map(() => pair)), randomKey(21));
await show(table(first.sights.map((name, b) => ({
  sight: titles[name],
  text: Array.from(
    first.batch.ids.slice(b * length, (b + 1) * length),
    (id) => vocabulary.tokens[id],
  ).join(" "),
}))));

// %%
const small = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  segments: 6,
  positions: 32,
  width: 64,
  heads: 2,
  inner: 256,
  dropout: { hidden: 0, attention: 0 },
};
const declared = modelParameters(UNILM, small, { maskedLM: true });
const params = await keep(initialise(declared, randomKey(3), deviationFor(64)));
console.log(`${countParameters(declared)} parameters`);

/** Two sentences that follow one another, from documents drawn with a key. */
function pairs(from: readonly string[][], count: number, key: ReturnType<typeof randomKey>) {
  const draw = draws(key);
  return upTo(count).map((): [string, string] => {
    const day = from[draw(from.length)], i = draw(day.length - 1);
    return [day[i], day[i + 1]];
  });
}
const fit = { maxLength: 20, padTo: 20, truncation: "longest_first" } as const;

const steps = 600, training = await startTraining(params, 3), report = progress("training", steps);
for await (
  const { step, loss } of train(training, {
    steps,
    batch: (key) => {
      const batch = encodeBatch(tokenizer, pairs(told, 28, key.derive(0)), fit);
      return [objective.corrupt(batch, key.derive(1))];
    },
    loss: (params, { inputs, targets }) => {
      const { last } = encode(UNILM, small, params.encoder, inputs);
      const scores = nameTokens(UNILM, small, params, atPlaces(last, targets.places));
      return objective.loss(scores, targets);
    },
    rate: linear({ peak: 3e-3, warmup: steps / 20, steps }),
    adamw: { decays: exceptBiasesAndNorms },
  })
) await report.at(step, `loss ${loss.toFixed(2)}`);
await report.done();

// %% [markdown]
// ### The same gap under each mask
//
// Now hide one word of an unseen pair and ask the same weights four times. Only the mask changes, and with it the
// evidence.

// %%
const unseen = [...documents(world, { seed: 1_000_001, count: 200 })].map((d) =>
  d.sentences.map((s) => s.text)
);

async function guess(texts: readonly [string, string], hidden: string, name: SightName) {
  const batch = encodeBatch(tokenizer, [texts]);
  const place = batch.ids.lastIndexOf(vocabulary.tokens.indexOf(hidden));
  batch.ids[place] = vocabulary.special.mask;
  const { last } = encode(UNILM, small, params.encoder, underSights(batch, [name]));
  const scores = nameTokens(UNILM, small, params, atPlaces(last, tensor("M", [place])));
  const chances = await read(softmax(scores, "V"));
  const best = [...chances.keys()].sort((a, b) => chances[b] - chances[a]).slice(0, 4);
  return best.map((id) => `${vocabulary.tokens[id]} ${(100 * chances[id]).toFixed(0)} %`).join(
    ", ",
  );
}

const neighbours = unseen.flatMap((day) => day.slice(1).map((text, t) => [day[t], text] as const));
const asked = neighbours.find(([, second]) => /^With the \w+ s?he /.test(second))!;
const gap = asked[1].split(" ")[3]; // he or she: the sentence before may tell
console.log(`${asked[0]} ${asked[1].replace(` ${gap} `, " [MASK] ")}   (${gap})`);
await show(table(
  await Promise.all(sights.map(async (name) => ({
    mask: titles[name],
    guesses: await guess(asked, gap, name),
  }))),
));

// %% [markdown]
// Who sees less, guesses differently; what was hidden is known to be a person, or the beginning of a thing. That the
// sentence before has said who it was is more than these seconds of training teach.
//
// And over many gaps: the loss under each mask. Whoever sees more is less surprised.

// %%
async function lossUnder(name: SightName): Promise<number> {
  let sum = 0;
  for (const i of upTo(8)) {
    const batch = encodeBatch(tokenizer, pairs(unseen, 28, randomKey(i, 5)), fit);
    const { inputs, targets } = uniLM(vocabulary, { [name]: 1 }).corrupt(batch, randomKey(i, 6));
    const { last } = encode(UNILM, small, params.encoder, inputs);
    const scores = nameTokens(UNILM, small, params, atPlaces(last, targets.places));
    sum += (await read(objective.loss(scores, targets)))[0] / 8;
  }
  return sum;
}
const losses = await Promise.all(sights.map(lossUnder));
await show(barChart(sights.map((name, i) => ({ name: titles[name], value: losses[i] })), {
  title: "One model, four masks",
  valueLabel: "loss at hidden words of unseen texts, in nats",
}));
assert(losses[0] < Math.min(losses[1], losses[2])); // both sides against one

// %% [markdown]
// ### Writing with it
//
// To write, put a [MASK] after the text, guess it from the left, put the guess in its place, and so on.

// %%
async function writeOn(text: string, count: number): Promise<string> {
  const batch = encodeBatch(tokenizer, [text], { padTo: 32 });
  let end = batch.mask.indexOf(0);
  const start = end;
  for (; end < start + count; end++) {
    batch.ids[end] = vocabulary.special.mask;
    batch.mask[end] = 1;
    const { last } = encode(UNILM, small, params.encoder, underSights(batch, ["leftToRight"]));
    const scores = await read(nameTokens(UNILM, small, params, atPlaces(last, tensor("M", [end]))));
    batch.ids[end] = scores.indexOf(Math.max(...scores));
    if (vocabulary.tokens[batch.ids[end]] === ".") break;
  }
  return tokenizer.decode(batch.ids.slice(start, end + 1));
}
for (const [text] of unseen.slice(0, 4)) console.log(`${text}  →  ${await writeOn(text, 12)}`);

// %% [markdown]
// The sentences are short of sense: 600 steps are seconds of training, and the model was told to write in a sixth of
// its texts. The experiment C14 (`deno task experiment c14`) trains longer and compares with specialists.
//
// ## XLNet: any order, and no [MASK]
//
// A [MASK] never occurs in a later task, and two hidden words cannot help each other. XLNet (Yang et al. 2019,
// [1906.08237](https://arxiv.org/abs/1906.08237)) hides nothing in the text. It draws an order of the positions and
// guesses each word from those earlier in the order. The words stay where they are.

// %%
const order = [0, 4, 2, 5, 1, 3], few = words.slice(1, 7);
const { content, query } = permutationMasks([order]);
const sixWords = { range: [0, 1] as const, rows: few, columns: few };
await show(smallMultiples([[
  heatMap(await readRows(at(content, "B", 0)), { title: "content: with itself", ...sixWords }),
  heatMap(await readRows(at(query, "B", 0)), { title: "query: without itself", ...sixWords }),
]], {
  title: `Read in the order ${order.map((i) => few[i]).join(", ")}`,
  note: `ranks: ${few.map((w, i) => `${w} ${ranks(order)[i]}`).join(", ")}`,
}));

// %% [markdown]
// Two masks, because there are two streams. A guess must know *where* the word stands, not *what* it is: the query
// stream begins with the same vector everywhere and never looks at itself. Those who come later in the order must
// know what it is: the content stream is a plain Transformer's, which does look at itself. Both use the same weights.
//
// A permutation that is none is refused:

// %%
try {
  permutationMasks([[0, 2, 2]]);
} catch (error) {
  console.log((error as Error).message);
}

// %% [markdown]
// The objective guesses the last words of an order only: the first would be guessed from nothing. Positions are
// relative (lesson 11), so the model asks how far away a word is, not where it stands.

// %%
const xlSizes = {
  ...XLNET_TINY,
  vocabulary: vocabulary.tokens.length,
  width: 64,
  heads: 2,
  inner: 256,
};
const xlParams = await keep(
  initialise(xlnetParameters(xlSizes), randomKey(4), deviationFor(64)),
);
const anyOrder = permutationLM(vocabulary, 2); // half of the words, so that ranks differ
const xlSteps = 350, xlRun = await startTraining(xlParams, 4);
const xlReport = progress("training XLNet", xlSteps);
for await (
  const { step, loss } of train(xlRun, {
    steps: xlSteps,
    batch: (key) => {
      const batch = encodeBatch(tokenizer, pairs(told, 28, key.derive(0)), fit);
      return [anyOrder.corrupt(batch, key.derive(1))];
    },
    loss: (params, { inputs, targets }) => {
      const { last } = xlnet(xlSizes, params, inputs);
      return anyOrder.loss(nameWords(params, last), targets);
    },
    rate: linear({ peak: 3e-3, warmup: xlSteps / 20, steps: xlSteps }),
    adamw: { decays: exceptBiasesAndNorms },
  })
) await xlReport.at(step, `loss ${loss.toFixed(2)}`);
await xlReport.done();

// %% [markdown]
// Each guess knows more than the one before it. So the surprise should fall along the order, whichever positions
// happen to stand there:

// %%
const sums = new Array(10).fill(0), counts = new Array(10).fill(0);
for (const i of upTo(16)) {
  const batch = encodeBatch(tokenizer, pairs(unseen, 28, randomKey(i, 8)), fit);
  const { inputs, targets } = anyOrder.corrupt(batch, randomKey(i, 9));
  const { last } = xlnet(xlSizes, xlParams, inputs);
  const each = crossEntropy(nameWords(xlParams, last), targets.labels, "V");
  const [nats, labels] = await read([each, targets.labels]);
  nats.forEach((surprise, n) => {
    if (labels[n] === ignored) return;
    sums[n % 10] += surprise;
    counts[n % 10]++;
  });
}
const guesses = upTo(10).filter((m) => counts[m] >= 50);
await show(lineChart([{
  name: "XLNet",
  x: guesses.map((m) => m + 1),
  y: guesses.map((m) => sums[m] / counts[m]),
}], {
  title: "The later in the order, the more is known",
  xLabel: "which guess of a text",
  yLabel: "surprise in nats",
}));
const [early, late] = [guesses[0], guesses.at(-1)!].map((m) => sums[m] / counts[m]);
assert(late < early);

// %% [markdown]
// ## What is predicted under each
//
// | model | the mask | where a word is guessed | what stands there |
// |---|---|---|---|
// | BERT | everyone sees everyone | at 15 % of the positions | mostly [MASK] |
// | GPT | what was written so far | at each position, the *next* word | the word before it |
// | UniLM | one of four, drawn for each text | at 15 % of the positions | mostly [MASK] |
// | XLNet | what is earlier in a drawn order | at the last positions of the order | in the query stream: nothing |
//
// ## Exercises
//
// 1. Draw a mask for a model that translates word by word: position $t$ of the target sees the source up to $t$.
// 2. Draw a random mask of ones and zeros with ones on the diagonal. How many pairs that are not in it move after one,
//    two, three layers? (`influence` with another mask.)
// 3. Give `uniLM` the shares `{ bothSides: 1 }` and train again. What does the model guess from left to right?
// 4. `permutationMasks([[0, 1, 2, 3]]).content` is GPT's mask. Train the XLNet above with this order only. On which
//    side of the curve above is it now?

// %%
console.log(
  JSON.stringify(await readRows(mask(leftToRight, 4))) ===
    JSON.stringify(await readRows(at(permutationMasks([[0, 1, 2, 3]]).content, "B", 0))),
  JSON.stringify(await readRows(mask(rightToLeft, 4))) ===
    JSON.stringify(await readRows(at(permutationMasks([[3, 2, 1, 0]]).content, "B", 0))),
);
