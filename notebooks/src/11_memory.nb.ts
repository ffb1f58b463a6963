// %% [markdown]
// # 11 · Memory
//
// A Transformer reads a segment of so many tokens and forgets it. Transformer-XL (Dai et al. 2019,
// [1901.02860](https://arxiv.org/abs/1901.02860)) keeps what each layer was given and looks at it again in the next
// segment. That takes two ideas: a memory, and positions that make sense in it. XLNet took over both.
//
// **You will learn**
//
// - why a position in the text is of no use to a memory, and a distance is;
// - the relative shift: how scores by distance become scores by key, without moving a number;
// - how far a model with a memory of $M$ positions and $L$ layers looks back, measured;
// - what a memory is worth: the loss by position in a segment, with it and without.
//
// Lesson 2 explains attention, lesson 10 masks.

// %%
import { adaptiveSurprise } from "@lineage/lineage/core/adaptive_softmax";
import { leftToRight } from "@lineage/lineage/core/masks";
import { countParameters, deviationFor, initialise } from "@lineage/lineage/core/parameters";
import { emptyMemory, maskAfterMemory, type Memory } from "@lineage/lineage/core/recurrence";
import {
  distances,
  relativePositions,
  relativeShift,
} from "@lineage/lineage/core/relative_positions";
import { banded } from "@lineage/lineage/core/sparse_attention";
import {
  at,
  device,
  keep,
  mean,
  randomKey,
  read,
  readRows,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@lineage/lineage/core/tensor";
import { encode as encodeText } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { adamw, adamwState, exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { clipByGlobalNorm } from "@lineage/lineage/core/training/clip";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { createWorld, documents } from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart, smallMultiples } from "@lineage/lineage/drawing/svg";
import {
  TRANSFORMER_XL_TINY,
  TRANSFORMER_XL_WT103,
  transformerXL,
  type TransformerXLParameters,
  transformerXLParameters,
  type TransformerXLSizes,
} from "@lineage/lineage/models/transformer_xl";
import { xlnet, XLNET_BASE, XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
import { draws } from "@lineage/lineage/objectives/objective";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %%
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

// %% [markdown]
// ## Where, or how far?
//
// BERT adds a vector for place 0, 1, 2, … to each word. Now let a segment look at the one before it: both have a place
// 3, and attention cannot tell them apart. What is the same in every segment is the *distance* from the query to the
// key. So Transformer-XL gives the keys no place at all. A query $i$ asks a key $j$ two things, what it is and how far
// away it is:
//
// $$\text{score}_{ij} = \frac{(q_i + u)\cdot k_j \;+\; (q_i + v)\cdot W R_{i-j}}{\sqrt K}$$
//
// $R_d$ holds the sines and cosines of a distance $d$; $u$ and $v$ are what every query asks, whatever it is.

// %%
await show(heatMap(await readRows(relativePositions({ queries: 1, keys: 24, future: false }, 32)), {
  title: "A vector for each distance: sines, then cosines",
  rowLabel: "distance",
  columnLabel: "number of the vector",
  rows: distances({ queries: 1, keys: 24, future: false }).map(String),
  columns: upTo(32).map(String),
}));

// %% [markdown]
// ## The relative shift
//
// For each query there is one score per *distance*. The softmax needs one per *key*. Query 0 meets key 0 at distance
// 0, query 1 meets it at distance 1, and so on: each row must move one step further than the one below it.
//
// To see what goes where, let the score of a distance be the distance itself.

// %%
const reach = { queries: 4, keys: 6, future: true }, falling = distances(reach); // two keys of memory
const byDistance = tensor("B H Tq R", [[upTo(4).map(() => falling)]]);
const byKey = relativeShift(byDistance, 6);
const matrix = async (x: Tensor<"B H Tq R"> | Tensor<"B H Tq Tk">) =>
  await readRows(at(at(x as Tensor, "B", 0), "H", 0));
await show(heatMap(await matrix(byDistance), {
  title: "Before: a column for each distance",
  numbers: true,
  rows: upTo(4).map((i) => `query ${i}`),
  columns: falling.map((d) => `${d}`),
}));
await show(heatMap(await matrix(byKey), {
  title: "After: a column for each key",
  numbers: true,
  rows: upTo(4).map((i) => `query ${i}`),
  columns: ["m0", "m1", "k0", "k1", "k2", "k3"],
}));

// %% [markdown]
// On the diagonal of the text stands 0, below it the distances to what came before, above it (negative) what comes
// after; a model from left to right hides these.
//
// No number has moved to make this. Written row after row, the first matrix is 4 · 10 numbers. Begin 4 numbers late and
// call every 9 of them a row: that is the second one. The first column, the distance that nobody needs, is what gets
// lost at each line break.

// %%
const flatScores = await read(byDistance);
for (const i of upTo(4)) {
  console.log(
    [...flatScores.slice(4 + 9 * i, 4 + 9 * i + 6)].map((d) => `${d}`.padStart(3)).join(""),
  );
}

// %% [markdown]
// ## The memory
//
// Each layer remembers what *came into it*. In the next segment, keys and values are made from the memory and the text,
// queries from the text alone. No gradient passes into what is remembered: it is data by then.
//
// Who may look at whom, with four positions of memory and four of text, plain, and when all look equally far
// (`sameLength`, for measuring: else the last query has more to look at than the first):

// %%
const labels = {
  rows: ["t0", "t1", "t2", "t3"],
  columns: ["m0", "m1", "m2", "m3", "t0", "t1", "t2", "t3"],
};
await show(smallMultiples([[
  heatMap(await readRows(maskAfterMemory(leftToRight, 4, 4)!), {
    title: "left to right",
    ...labels,
  }),
  heatMap(await readRows(maskAfterMemory(banded(4), 4, 4)!), {
    title: "all equally far",
    ...labels,
  }),
]], { title: "With a memory of four", note: "rows look at columns; m: memory, t: text" }));

// %% [markdown]
// ## How far does it reach?
//
// A layer looks $M$ positions back. But what it finds there has itself looked $M$ positions back, one layer below. So
// $L$ layers should reach about $L \cdot M$ positions. Measure it: change a token long ago, read segment by segment, and
// see whether the last state still moves. The weights are random; what matters is whether a path is there.

// %%
const probe: TransformerXLSizes = {
  ...TRANSFORMER_XL_TINY,
  vocabulary: 64,
  width: 32,
  embedding: 32,
  heads: 2,
  headWidth: 16,
  inner: 64,
  memory: 8,
};
const segmentLength = 8, past = 48;

/** How much the last state moves when the token `distance` before it is another: all distances at once. */
async function moves(layers: number): Promise<number[]> {
  const sizes = { ...probe, layers };
  const params = await keep(initialise(transformerXLParameters(sizes), randomKey(2), 0.1));
  const line = upTo(past).map((t) => (7 * t) % 64);
  const texts = [
    line,
    ...upTo(past).map((t) => line.map((id, s) => s === t ? (id + 32) % 64 : id)),
  ];
  let memory: Memory | undefined, last: Tensor<"B T D"> | undefined;
  for (let from = 0; from < past; from += segmentLength) {
    const ids = tensor("B T", texts.map((text) => text.slice(from, from + segmentLength)));
    ({ memory, last } = transformerXL(sizes, params, ids, memory));
    memory = await keep(memory);
  }
  const states = await readRows(at(last!, "T", segmentLength - 1)), [unchanged, ...others] = states;
  return others.map((state) => Math.max(...state.map((x, d) => Math.abs(x - unchanged[d]))))
    .reverse();
}
const depths = [1, 2, 3, 4], reaches = await Promise.all(depths.map(moves));
const furthest = reaches.map((row) => row.findLastIndex((x) => x > 1e-6));
await show(barChart(
  depths.map((layers, i) => ({
    name: `${layers} layer${layers > 1 ? "s" : ""}`,
    value: furthest[i],
  })),
  {
    title: "Memory of 8, segments of 8",
    valueLabel: "how far back a token still matters",
    floors: [{ name: "the segment", value: segmentLength - 1 }],
  },
));
assert(furthest.every((far, i) => far === segmentLength - 1 + probe.memory * depths[i]));

// %% [markdown]
// Each layer adds the length of its memory to what is in reach. A plain Transformer with these segments would never
// see beyond the seven tokens before the last.
//
// ## What is it worth?
//
// The micro-world's documents are about 60 tokens long. Cut into segments of 16, a model without a memory forgets who
// the story is about. Two models of the same size read the same streams of documents: one remembers 32 positions, one
// nothing.

// %%
const world = createWorld(11);
const told = [...documents(world, { seed: 1, count: 3000 })].map((d) => d.text);
const unseen = [...documents(world, { seed: 1_000_001, count: 300 })].map((d) => d.text);
const vocabulary = trainWordPiece(told, { vocabSize: 2000, minFrequency: 1, lowerCase: true });
const tokenizer = wordPiece(vocabulary, { lowerCase: true });
const batch = 32, length = 16, steps = 350;

/** Streams of documents, one after another: tokens of a segment, and those one later. */
function streamsOf(texts: readonly string[], segments: number, seed: number) {
  const encoded = texts.map((text) => encodeText(tokenizer, text).ids.slice(0, -1));
  const streams = upTo(batch).map((b) => {
    const draw = draws(randomKey(seed, b)), row: number[] = [];
    while (row.length <= segments * length) row.push(...encoded[draw(encoded.length)]);
    return row;
  });
  const cut = (from: number) =>
    tensor("B T", streams.flatMap((row) => row.slice(from, from + length)), [batch, length]);
  return (n: number) => ({ ids: cut(n * length), next: cut(n * length + 1) });
}
const segmentOf = streamsOf(told, steps, 3);
const { ids: oneSegment } = segmentOf(2), shown = await readRows(oneSegment);
console.log(shown[0].map((id) => vocabulary.tokens[id]).join(" "));

// %% [markdown]
// The training loop is written out here, since it does one thing more than others: it replaces the memory in the same
// run that takes the step.

// %%
const small: TransformerXLSizes = {
  ...TRANSFORMER_XL_TINY,
  vocabulary: vocabulary.tokens.length,
  width: 64,
  embedding: 64,
  heads: 2,
  inner: 256,
};

async function learn(sizes: TransformerXLSizes) {
  const start = initialise(
    transformerXLParameters(sizes),
    randomKey(5),
    deviationFor(64),
  );
  const params = await keep(start), state = await keep(adamwState(params)), losses: number[] = [];
  const memory = sizes.memory ? await keep(emptyMemory(sizes, batch, sizes.memory)) : undefined;
  const schedule = linear({ peak: 3e-3, warmup: steps / 20, steps });
  const report = progress(`memory of ${sizes.memory}`, steps);
  for (let step = 1; step <= steps; step++) {
    const { ids, next } = segmentOf(step - 1);
    let remembered: Memory = [];
    const { value, gradients } = valueAndGrad((params: TransformerXLParameters) => {
      const out = transformerXL(sizes, params, ids, memory);
      remembered = out.memory;
      return mean(adaptiveSurprise(out.last, next, params.words));
    })(params);
    const clipped = clipByGlobalNorm(gradients, 1, params).gradients;
    const stepped = adamw(params, clipped, state, {
      rate: schedule(step - 1),
      step,
      decays: exceptBiasesAndNorms,
    });
    const [loss] = await read(value, [
      [params, stepped.params],
      [state, stepped.state],
      ...memory ? [[memory, remembered] as [Memory, Memory]] : [],
    ]);
    losses.push(loss);
    await report.at(step, `loss ${loss.toFixed(2)}`);
  }
  await report.done();
  return { sizes, params, losses };
}
const remembers = await learn({ ...small, memory: 32 });
const forgets = await learn({ ...small, memory: 0 });

// %%
const smooth = (losses: readonly number[]) =>
  losses.map((_, i) => {
    const near = losses.slice(Math.max(0, i - 9), i + 1);
    return near.reduce((a, b) => a + b, 0) / near.length;
  });
await show(lineChart([
  { name: "with a memory", x: upTo(steps), y: smooth(remembers.losses) },
  { name: "without", x: upTo(steps), y: smooth(forgets.losses) },
], {
  title: "Learning, with a memory and without",
  xLabel: "step",
  yLabel: "loss in nats",
  yAxis: "log",
}));

// %% [markdown]
// ### Loss by position
//
// Where in a segment does a memory help? At the beginning, where there is nothing else to look at.

// %%
async function byPosition({ sizes, params }: Awaited<ReturnType<typeof learn>>): Promise<number[]> {
  const cut = streamsOf(unseen, 18, 9), sums = new Array<number>(length).fill(0);
  let memory = sizes.memory ? await keep(emptyMemory(sizes, batch, sizes.memory)) : undefined;
  for (const n of upTo(18)) {
    const { ids, next } = cut(n), out = transformerXL(sizes, params, ids, memory);
    const surprise = await read(mean(adaptiveSurprise(out.last, next, params.words), "B"));
    if (memory) memory = await keep(out.memory);
    if (n >= 2) surprise.forEach((nats, t) => sums[t] += nats / 16); // first the memory fills
  }
  return sums;
}
const [known, unknown] = [await byPosition(remembers), await byPosition(forgets)];
const places = upTo(length).map((t) => t + 1);
await show(lineChart([
  { name: "with a memory", x: places, y: known },
  { name: "without", x: places, y: unknown },
], {
  title: "Unseen documents: loss by position in a segment",
  xLabel: "words of the segment that were read",
  yLabel: "surprise at the next word, in nats",
}));
const averageOf = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
await show(table([
  { model: "with a memory", "loss in nats": averageOf(known).toFixed(3) },
  { model: "without", "loss in nats": averageOf(unknown).toFixed(3) },
]));
assert(known[0] < unknown[0] && averageOf(known) < averageOf(unknown));

// %% [markdown]
// What do the heads do with it? Below, the weights of the last layer for the last segment of one stream: on the left
// what is remembered, on the right the text. Queries are rows.

// %%
let memoryNow: Memory | undefined = await keep(emptyMemory(remembers.sizes, batch, 32));
const followed = streamsOf(unseen, 6, 9);
for (const n of upTo(4)) {
  memoryNow = await keep(
    transformerXL(remembers.sizes, remembers.params, followed(n).ids, memoryNow).memory,
  );
}
const { attentions } = transformerXL(remembers.sizes, remembers.params, followed(4).ids, memoryNow);
const ofText = at(attentions.at(-1)!, "B", 0), ids0 = (await readRows(followed(4).ids))[0];
const before = [...(await readRows(followed(2).ids))[0], ...(await readRows(followed(3).ids))[0]];
const name = (id: number) => vocabulary.tokens[id];
for (const head of [0, 1]) {
  await show(heatMap(await readRows(at(ofText, "H", head)), {
    title: `Head ${head + 1}: memory, then text`,
    rows: ids0.map(name),
    columns: [...before.map(name), ...ids0.map(name)],
  }));
}

// %% [markdown]
// ## XLNet remembers, too
//
// XLNet has the same memory and the same shift, but sees both sides: distances go below zero, and what is remembered
// is the *content* stream. Segments are relative as well: a score for "same segment" and one for "another".

// %%
const xlSizes = { ...XLNET_TINY, vocabulary: 64, width: 32, heads: 2, headWidth: 16, inner: 64 };
const xlParams = await keep(initialise(xlnetParameters(xlSizes), randomKey(6), 0.3));
const one = xlnet(xlSizes, xlParams, { ids: tensor("B T", [[1, 2, 3, 4]]) });
const two = xlnet(xlSizes, xlParams, {
  ids: tensor("B T", [[5, 6, 7, 8]]),
  segments: tensor("B T", [[0, 0, 1, 1]]),
  memory: one.memory,
});
await show(heatMap(await readRows(at(at(two.attentions[0].content, "B", 0), "H", 0)), {
  title: "XLNet with a memory",
  rows: labels.rows,
  columns: labels.columns,
}));
await show(table([
  {
    model: "Transformer-XL for WikiText-103",
    parameters: countParameters(transformerXLParameters(TRANSFORMER_XL_WT103)).toLocaleString("en"),
  },
  {
    model: "XLNet-base",
    parameters: countParameters(xlnetParameters(XLNET_BASE, false)).toLocaleString("en"),
  },
]));

// %% [markdown]
// Transformer-XL for WikiText-103 has 267,735 words. Most are rare, so their vectors are narrow
// (`core/adaptive_softmax.ts`): as one table of width 1024 they alone would be 274 million parameters.
//
// ## Exercises
//
// 1. Leave `future: true` out for XLNet (`distances`). Which scores does a query then read for the keys after it?
// 2. Train with a memory, then judge without. Is the loss that of `forgets`?
// 3. A memory of 4, 8, 16, 64: where does more memory stop helping, and how long are the documents?
// 4. Let the gradient pass into the memory (`stopGradient` in `core/recurrence.ts`): what must then be kept?
