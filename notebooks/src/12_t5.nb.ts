// %% [markdown]
// # 12 · T5: everything is text to text
//
// A classifier answers with a class, a tagger with tags, a translator with a sentence. Each has a head of
// its own, and a loss of its own. T5 (Raffel et al. 2019, [1910.10683](https://arxiv.org/abs/1910.10683))
// has none of that: whatever is asked is written down, and whatever is answered is written, too. One model,
// one loss. Here a small one learns four tasks at once, and we look at how it reads.
//
// **You will learn**
//
// - how tasks become pairs of texts, and how a plain text becomes one (span corruption);
// - what an encoder–decoder is, and what the decoder sees;
// - how T5 tells near from far without vectors for positions;
// - how to draw what a translation looks at.
//
// Lesson 2 explains attention. The letters: `B` texts, `T` places (`Tq` those that look, `Tk` those that are
// looked at), `H` heads, `D` width of the model, `V` tokens of the vocabulary.

// %%
import { bucketOf, relativeBias } from "@lineage/lineage/core/relative_buckets";
import { countParameters } from "@lineage/lineage/core/parameters";
import {
  at,
  device,
  keep,
  mapNested,
  mean,
  randomKey,
  read,
  readRows,
  scale,
  type Tensor,
  tensor,
} from "@lineage/lineage/core/tensor";
import { encodeBatch } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { BERT_SPECIAL_TOKENS } from "@lineage/lineage/core/text/vocabulary";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import { createWorld, documents, questionsAbout, sentimentExamples } from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { heatMap, lineChart } from "@lineage/lineage/drawing/svg";
import { greedyAnswers, searchAnswer } from "@lineage/lineage/generation/answers";
import { BART, BART_BASE } from "@lineage/lineage/models/bart";
import { changes, encoderDecoderParameters } from "@lineage/lineage/models/encoder_decoder";
import {
  readSource,
  scoreTokens,
  shiftRight,
  writeAnswer,
} from "@lineage/lineage/models/reading_and_writing";
import { startT5, T5, T5_1_1, T5_BASE, T5_SMALL, T5_TINY } from "@lineage/lineage/models/t5";
import { draws } from "@lineage/lineage/objectives/objective";
import { spanCorruption } from "@lineage/lineage/objectives/span_corruption";
import { answerLoss, asPairs, type TextPair } from "@lineage/lineage/objectives/text_to_text";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of training. More make a better translator; try 3,000 when you have the time. */
const STEPS = 1200;

// %% [markdown]
// ## Four tasks, one form
//
// The micro-world tells small stories in English and in Chinese, and knows the truth about each. From it we
// make four tasks. The first word of the source says which is meant; beyond that, nothing tells them apart.

// %%
const whole = createWorld(1), chosen = ["kitchen", "garden", "school"];
const world = {
  ...whole, // three places of eight: a third of the words, which a minute is enough to learn
  scenes: whole.scenes.filter(({ topic }) => chosen.includes(topic.place.en)),
};

function pairsOf(seed: number, count: number): Record<string, TextPair[]> {
  const english = [...documents(world, { seed, count })];
  const chinese = [...documents(world, { seed, count, language: "zh" })];
  const sentences = english.flatMap((story, i) =>
    story.sentences.map((one, j) => ({ ...one, twin: chinese[i].sentences[j].text }))
  );
  const people = sentences.filter(({ spans }) => spans.some(({ kind }) => kind === "person"));
  return {
    sentiment: sentimentExamples(world, { seed, count })
      .map(({ text, label }) => ({ source: `sentiment: ${text}`, answer: label })),
    people: people.map(({ text, spans }) => ({
      source: `people: ${text}`,
      answer: spans.filter(({ kind }) => kind === "person").map(({ label }) => label).join(", "),
    })),
    question: english.flatMap((story) =>
      questionsAbout(story).filter(({ about }) => about === "day").map((one) => ({
        source: `question: ${one.question} ${
          story.sentences.find(({ text }) => text.includes(one.answer))!.text
        }`,
        answer: one.answer,
      }))
    ),
    translate: sentences.map(({ text, twin }) => ({ source: `translate: ${text}`, answer: twin })),
  };
}

const told = pairsOf(1, 1000), names = Object.keys(told);
await show(table(
  names.map((task) => ({ source: told[task][3].source, answer: told[task][3].answer })),
  "One pair of each task",
));

// %% [markdown]
// One vocabulary serves English, Chinese and the names of the tasks. It also has *sentinels*, `<extra_id_0>` and
// so on; in a moment we shall see what for. Texts end with `[SEP]`, and so do answers: who writes has to
// know how to stop.

// %%
const everything = names.flatMap((task) => told[task].flatMap((p) => [p.source, p.answer]));
const sentinels = Object.fromEntries([0, 1, 2, 3, 4].map((i) => [`s${i}`, `<extra_id_${i}>`]));
const vocabulary = trainWordPiece(everything, {
  vocabSize: 2000,
  minFrequency: 1,
  lowerCase: true,
  specialTokens: { ...BERT_SPECIAL_TOKENS, ...sentinels },
});
const tokenizer = {
  ...wordPiece(vocabulary, { lowerCase: true }),
  template: { single: "A sep", pair: "A sep B:1 sep:1" },
};
const tokensOf = (ids: Iterable<number>) => [...ids].map((id) => vocabulary.tokens[id]);
console.log(`${vocabulary.tokens.length} tokens, for instance`, vocabulary.tokens.slice(-6));

// %% [markdown]
// ## A task without labels: span corruption
//
// Before any task, T5 is trained on plain text. 15 % of the tokens are taken out in spans of three on
// average; each span leaves a sentinel, and the answer lists what was in them. So even filling gaps is text
// to text, and unlike BERT's the gaps may hold any number of tokens.

// %%
const sentence =
  "With the shears he trimmed the hedge, and in the evening the garden of Ravi was not excellent.";
const plain = encodeBatch(tokenizer, [sentence]);
const corrupted = spanCorruption(vocabulary, { rate: 0.3 }).corrupt(plain, randomKey(4));
const answerIds = [...await read(corrupted.targets.answer)].filter((id) => id >= 0);
await show(table([
  { what: "text", tokens: tokensOf(plain.ids).join(" ") },
  { what: "source", tokens: tokensOf(corrupted.batch.ids).join(" ").replace(/( \[PAD\])+$/, "") },
  { what: "answer", tokens: tokensOf(answerIds).join(" ") },
], "Span corruption"));

// %% [markdown]
// Drawn: each row is the same text under another seed. White stays, the first span is palest, the last is
// darkest.

// %%
async function spansOf(seed: number): Promise<number[]> {
  const { batch, targets } = spanCorruption(vocabulary, { rate: 0.3 }).corrupt(
    plain,
    randomKey(seed),
  );
  const answer = tokensOf([...await read(targets.answer)].filter((id) => id >= 0));
  return tokensOf(batch.ids).flatMap((token) => {
    if (token === "[PAD]") return [];
    const n = /^<extra_id_(\d)>$/.exec(token)?.[1];
    if (n === undefined) return [0];
    const from = answer.indexOf(token) + 1, to = answer.indexOf(`<extra_id_${Number(n) + 1}>`);
    return Array<number>(to - from).fill(Number(n) + 1);
  });
}

const seeds = [1, 2, 3, 4, 5, 6];
await show(heatMap(await Promise.all(seeds.map(spansOf)), {
  title: "Which tokens are taken out",
  rows: seeds.map((seed) => `seed ${seed}`),
  columns: tokensOf(plain.ids),
}));

// %% [markdown]
// ## The model
//
// An *encoder* reads the source; every place may look at every other. A *decoder* writes the answer from left
// to right. In each of its layers it looks back at what it has written, then, by *cross-attention*, into
// what the encoder made of the source:
// $\;p(y \mid x) = \prod_t p(y_t \mid y_{<t}, x)$.
//
// While it learns, the decoder is given the true answer, moved one place to the right. So at each place it has
// to guess the next token, and all places are trained at once:

// %%
const pair = asPairs(tokenizer, [told.translate[3]], { source: 16, answer: 20 });
const shifted = shiftRight(pair.targets.answer, { start: 0, padding: 0 });
const [given, wanted] = [await read(shifted), await read(pair.targets.answer)];
await show(table(
  [0, 1, 2, 3, 4].map((t) => ({
    place: t,
    "is given": vocabulary.tokens[given[t]],
    "is to write": vocabulary.tokens[wanted[t]],
  })),
  told.translate[3].source,
));

// %% [markdown]
// The models of this kind are records; each is its relative with some keys changed. None of them is built to be
// counted.

// %%
const counted = [
  { model: "T5-small", spec: T5, sizes: T5_SMALL },
  { model: "T5-base", spec: T5, sizes: T5_BASE },
  { model: "T5 v1.1-base", spec: T5_1_1, sizes: { ...T5_BASE, inner: 2048 } },
  { model: "BART-base", spec: BART, sizes: BART_BASE },
];
await show(table(counted.map(({ model, spec, sizes }) => ({
  model,
  parameters: countParameters(encoderDecoderParameters(spec, sizes)),
  "differs from T5 in": changes(T5, spec).join(", ") || "nothing",
}))));

// %% [markdown]
// ## Near and far
//
// T5 has no vectors for positions. Instead each head has a number for each *distance*, and adds it to the score
// of whoever stands that far away. Near distances have a number each; farther ones share, in buckets that
// grow like the logarithm; beyond 128 all is one. The encoder looks both ways and splits its buckets in
// two; the decoder only looks back.

// %%
const places = Array.from({ length: 28 }, (_, i) => i);
const bucketMap = (bothWays: boolean) =>
  places.map((q) =>
    places.map((k) =>
      !bothWays && k > q ? 0 : bucketOf(k - q, { count: 16, furthest: 24, bothWays })
    )
  );
for (const bothWays of [true, false]) {
  await show(heatMap(bucketMap(bothWays), {
    title: bothWays ? "Buckets of the encoder" : "Buckets of the decoder",
    rowLabel: "query",
    columnLabel: "key",
  }));
}

// %%
const far = Array.from({ length: 140 }, (_, d) => d);
const curve = (name: string, bothWays: boolean) => ({
  name,
  x: far,
  y: far.map((d) => bucketOf(-d, { count: 32, furthest: 128, bothWays })),
});
await show(lineChart([curve("encoder", true), curve("decoder", false)], {
  title: "32 buckets, up to a distance of 128",
  xLabel: "distance backwards",
  yLabel: "bucket",
}));

// %% [markdown]
// ## One loss for all
//
// Now the small T5 learns: 2 layers that read and 1 that writes. Each step has pairs of all tasks; the loop neither
// knows nor cares which is which.
//
// One thing is changed. T5 starts its word vectors with a deviation of 1 and divides the last state by $\sqrt D$ before
// it meets them; its optimiser, Adafactor, takes larger steps for larger weights. AdamW does not, and would
// hardly move them. So here words and branches start smaller, and the last state is doubled, not divided:
// the scores are much the same, the steps are not.

// %%
const sizes = {
  ...T5_TINY,
  vocabulary: vocabulary.tokens.length,
  width: 64,
  headWidth: 16,
  inner: 128,
  decoderLayers: 1,
  padding: vocabulary.special.pad,
  start: vocabulary.special.pad,
  end: vocabulary.special.sep,
};
const lengths = { source: 24, answer: 20 };
const spec = { ...T5, output: { own: false, factor: () => 2 } };
const params = await keep(
  mapNested(
    startT5(spec, sizes, randomKey(1)),
    (x, path) => {
      if (path === "words") return scale(x, sizes.width ** -0.5 / 2);
      return /output|down/.test(path) ? scale(x, 0.15) : x;
    },
  ),
);
const training = await startTraining(params, 1);
const bar = progress("training", STEPS);
for await (
  const { step, loss } of train(training, {
    steps: STEPS,
    batch: (key) => {
      const draw = draws(key);
      const some = (task: string, count: number) =>
        Array.from({ length: count }, () => told[task][draw(told[task].length)]);
      const pairs = names.flatMap((task) => some(task, task === "translate" ? 12 : 6));
      return [asPairs(tokenizer, pairs, lengths)];
    },
    loss: (params, { inputs, targets }) => {
      const source = readSource(spec, sizes, params, inputs);
      const ids = shiftRight(targets.answer, sizes);
      const { last } = writeAnswer(spec, sizes, params, source, { ids });
      return answerLoss(scoreTokens(spec, params, last), targets);
    },
    rate: linear({ peak: 3e-3, warmup: 50, steps: STEPS }),
    adamw: { decay: 0, beta2: 0.98 },
  })
) await bar.at(step, `loss ${loss.toFixed(2)}`);
await bar.done();

// %%
const block = Math.ceil(STEPS / 30);
const averages = Array.from({ length: Math.floor(STEPS / block) }, (_, i) => {
  const some = training.losses.slice(i * block, (i + 1) * block);
  return some.reduce((sum, loss) => sum + loss, 0) / some.length;
});
await show(lineChart([{
  name: "all tasks",
  x: averages.map((_, i) => (i + 0.5) * block),
  y: averages,
}], { title: "Learning four tasks at once", xLabel: "step", yLabel: "nats a token" }));

// %% [markdown]
// ## What it answers
//
// Sources that it has never seen, of people and places that it has. An answer is right if it is right to the last
// token.

// %%
const model = { spec, sizes, params };
const seen = new Set(everything), fresh = pairsOf(1_000_001, 120);
const normal = (text: string) => tokenizer.encode(text).map(({ id }) => id).join();
const scores: { task: string; asked: number; right: string }[] = [], shares: number[] = [];
const answered: Record<string, { source: string; "is written": string; "is wanted": string }[]> =
  {};
for (const task of names) {
  const asked = fresh[task].filter(({ source }) => !seen.has(source)).slice(0, 64);
  const { inputs } = asPairs(tokenizer, asked, lengths);
  const written = await greedyAnswers(model, inputs, { room: lengths.answer });
  const right = asked.filter(({ answer }, i) => normal(answer) === written[i].join()).length;
  scores.push({ task, asked: asked.length, right: `${Math.round(100 * right / asked.length)} %` });
  shares.push(right / asked.length);
  answered[task] = asked.slice(0, 3).map(({ source, answer }, i) => ({
    source,
    "is written": tokenizer.decode(written[i]),
    "is wanted": answer,
  }));
}
await show(table(scores, "Answers to unseen sources"));
await show(table(names.flatMap((task) => answered[task])));
assert(Math.max(...shares) > 0.8 && Math.min(...shares) > 0.3);

// %% [markdown]
// ## What a translation looks at
//
// Every Chinese sign was written after a look into the English sentence. The mean over the heads of the last layer
// shows where. Where word order differs, the path leaves the diagonal.

// %%
const english = fresh.translate.find(({ source }) => / with | at /.test(source))!.source;
const englishIds = tensor("B T", [tokenizer.encode(english).map(({ id }) => id)]);
const { ids: chineseIds } = await searchAnswer(model, { ids: englishIds }, {
  beams: 4,
  maxTokens: 20,
});
const sourceStates = readSource(spec, sizes, params, { ids: englishIds });
const writing = tensor("B T", [[sizes.start, ...chineseIds]]);
const { crossAttentions } = writeAnswer(spec, sizes, params, sourceStates, { ids: writing });
const looks = mean(at(crossAttentions.at(-1)!, "B", 0), "H");
await show(heatMap(await readRows(looks), {
  title: "Cross-attention of a translation",
  rows: [...tokensOf(chineseIds), "[SEP]"],
  columns: tokensOf(await read(at(englishIds, "B", 0))),
  rowLabel: "is written",
  columnLabel: "is looked at",
  range: [0, 1],
}));

// %% [markdown]
// And what has the encoder learned about distance? For each head, what it adds to the score of a word so many places
// away.

// %%
const learned = relativeBias(params.encoder.positions as Tensor<"P H">, 21, 21, {
  furthest: sizes.furthest,
  bothWays: true,
});
const fromTheMiddle = await readRows(at(learned, "Tq", 10));
await show(lineChart(
  fromTheMiddle.map((y, head) => ({
    name: `head ${head + 1}`,
    x: y.map((_, k) => k - 10),
    y,
  })),
  { title: "What distance adds to the scores", xLabel: "key − query", yLabel: "added" },
));

// %% [markdown]
// ## Try it yourself
//
// 1. Take `translate` out of the tasks. Do the others get better in the same number of steps?
// 2. Ask a task with another's word: `people: ` before an opinion. What does the model do?
// 3. Add a fifth task, `fill`, whose sources and answers come from `spanCorruption`. Does it help the others?
// 4. In `sizes`, set `furthest` to 4. Which task suffers?
//
// `experiments/c17_text_to_text.ts` does this with five tasks, five seeds, and a verdict.
