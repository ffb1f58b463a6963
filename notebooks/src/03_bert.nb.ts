// %% [markdown]
// # 3 · BERT
//
// Hide some words of a text and let a model guess them from both sides. Whoever guesses well has
// learned something about language, and about what the text speaks of. That is BERT (Devlin et al.
// 2018, [1810.04805](https://arxiv.org/abs/1810.04805)): first *pre-trained* on this game with text that
// nobody has labelled, then used for everything else. Here we pre-train one from nothing, let it fill
// gaps, and look inside.
//
// **You will learn**
//
// - how text becomes BERT's input, and what is hidden from it;
// - what a BERT is made of, and how many parameters that makes;
// - how to read a loss: between knowing nothing and knowing all that can be known;
// - what this model has learned and what it has not, in its guesses, its attention, its vectors.
//
// Lesson 1 explains tensors with named axes, lesson 2 attention. The letters: `B` texts, `T` places,
// `H` heads, `D` width of the model, `V` tokens of the vocabulary, `E` width of a token's vector (in BERT
// the same as `D`), `M` hidden places, `C` classes.

// %%
import { countParameters, initialise } from "@lineage/lineage/core/parameters";
import {
  add,
  at,
  broadcast,
  device,
  divide,
  einsum,
  gather,
  indices,
  keep,
  type Key,
  mean,
  multiply,
  randomKey,
  read,
  readRows,
  rename,
  softmax,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
  where,
} from "@lineage/lineage/core/tensor";
import { encodeBatch, type TextInput } from "@lineage/lineage/core/text/batch";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { idOf, tokenOf } from "@lineage/lineage/core/text/vocabulary";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
import { linear } from "@lineage/lineage/core/training/learning_rate";
import { startTraining, train } from "@lineage/lineage/core/training/loop";
import {
  clozeFacts,
  createWorld,
  type Document,
  documents,
  maskedFloor,
  read as readPerfectly,
  RELATIONS,
  senseExamples,
  splitWords,
  vocabularyOf,
} from "@lineage/lineage/data";
import { progress } from "@lineage/lineage/drawing/progress";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart, smallMultiples } from "@lineage/lineage/drawing/svg";
import { BERT, BERT_BASE, BERT_LARGE, BERT_TINY } from "@lineage/lineage/models/bert";
import { classifyText } from "@lineage/lineage/models/heads";
import { type ModelParameters, modelParameters, nameTokens } from "@lineage/lineage/models/model";
import { encode, type Sizes } from "@lineage/lineage/models/spec";
import { maskedLM } from "@lineage/lineage/objectives/masked_language_model";
import { isNext, nextSentence } from "@lineage/lineage/objectives/next_sentence";
import { asInputs, atPlaces, draws } from "@lineage/lineage/objectives/objective";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

/** Steps of training. More make a better model; try 10,000 when you have the time. */
const STEPS = 3200;

// %%
const average = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

// %% [markdown]
// ## A small world
//
// BERT-base read 3.3 billion words for days on special hardware. We have a minute. So we take a world
// that can be known in a minute: a few people, a few places, and documents that tell of their days. They
// are drawn by a random process whose probabilities are known. That is the point of it: for each
// guess of the model we can say how good a guess *could* have been.

// %%
const world = createWorld(1);
const told = [...documents(world, { seed: 1, count: 6000 })];
const unseen = [...documents(world, { seed: 2, count: 300 })];
const sentencesOf = (document: Document) => document.sentences.map(({ text }) => text);

console.log(`${told.length} documents to learn from, ${unseen.length} to be tested on.`);
await show(table(unseen[0].sentences.map(({ text, step, fact }) => ({
  sentence: text,
  "what it tells": fact ? `a fact: ${fact.relation}` : step,
}))));

// %% [markdown]
// ## A vocabulary
//
// BERT reads neither letters nor words but *pieces*: what is frequent is one piece, what is rare is put
// together from several. The pieces are learned from the text. One starts with single letters and joins,
// again and again, the two neighbours that stand together most often. A piece that goes on a word
// begins with `##`.

// %%
const vocabulary = trainWordPiece(told.flatMap(sentencesOf), {
  vocabSize: 2000,
  minFrequency: 1,
  lowerCase: true,
});
const tokenizer = wordPiece(vocabulary, { lowerCase: true });
const piecesOf = (text: string) => tokenizer.encode(text).map(({ token }) => token);

const words = vocabularyOf(world);
const whole = words.filter((word) => piecesOf(word).length === 1);
console.log(`${vocabulary.tokens.length} tokens: ${vocabulary.tokens.slice(0, 12).join(" ")} …`);
console.log(`${whole.length} of the ${words.length} words of this world are one token.`);
await show(table(
  ["Mara strolled to the harbor.", "Strolling gardeners harbor thoughts.", "Naïve 北京 ☂"].map(
    (text) => ({ text, pieces: piecesOf(text).join(" ") }),
  ),
));

// %% [markdown]
// So a word that it has never met is no disaster: it is spelled in pieces that it knows. Only signs that
// never occurred at all become `[UNK]`.
//
// ## A pair of texts
//
// BERT takes one text or two. `[CLS]` stands first: what becomes of its vector will speak for the whole.
// `[SEP]` ends each text. A token enters as the sum of three learned vectors, normalised:
//
// $$x_t = \mathrm{LN}\left(\mathrm{word}[\mathrm{id}_t] + \mathrm{position}[t] +
// \mathrm{segment}[s_t]\right).$$
//
// Positions are needed because attention does not see order (lesson 2). Segments tell the two
// texts apart. Where rows of a batch differ in length, `[PAD]` fills up, and the mask hides it.

// %%
const pair = encodeBatch(tokenizer, [["Mara fed the sheep.", "She was happy. 😊"]], { padTo: 15 });
await show(table(Array.from(pair.ids, (id, t) => ({
  position: t,
  token: tokenOf(vocabulary, id),
  id,
  segment: pair.segments[t],
  mask: pair.mask[t],
}))));

// %% [markdown]
// ## The first task: hidden words
//
// In each text 15 % of the tokens are chosen. The model has to name them, and only them: a loss
// over all places would be mostly about copying what can be seen. Most of the chosen become `[MASK]`. But no
// text of a later task holds a `[MASK]`, so some become any other token, and some stay as they are. The
// model does not know which visible words to trust, and so keeps a good vector for each.

// %%
const hideWords = maskedLM(vocabulary);
const opening = encodeBatch(tokenizer, [sentencesOf(unseen[0]).slice(0, 3).join(" ")]);
const hidden = hideWords.corrupt(opening, randomKey(4));
const chosenPlaces = [...await read(hidden.targets.places)].slice(0, hidden.targets.count);
await show(table(Array.from(opening.ids, (id, t) => {
  const seen = hidden.batch.ids[t], asked = chosenPlaces.includes(t);
  return {
    "the text": tokenOf(vocabulary, id),
    "the model sees": tokenOf(vocabulary, seen),
    "and has to name": asked ? tokenOf(vocabulary, id) : "",
  };
})));

// %% [markdown]
// In so short a text not every case occurs. Corrupt it many times, and count.

// %%
const fates = { "[MASK]": 0, "another token": 0, "as it was": 0 };
let hiddenInAll = 0;
for (let i = 0; i < 1000; i++) {
  const { batch, targets } = hideWords.corrupt(opening, randomKey(5, i));
  const changed = [...batch.ids.keys()].filter((t) => batch.ids[t] !== opening.ids[t]);
  const masked = changed.filter((t) => batch.ids[t] === vocabulary.special.mask).length;
  hiddenInAll += targets.count;
  fates["[MASK]"] += masked;
  fates["another token"] += changed.length - masked;
  fates["as it was"] += targets.count - changed.length;
}
await show(barChart(
  Object.entries(fates).map(([name, count]) => ({ name, value: count / hiddenInAll })),
  { title: "What becomes of the chosen tokens", valueLabel: `share of ${hiddenInAll}` },
));
assert(Math.abs(fates["[MASK]"] / hiddenInAll - 0.8) < 0.02);

// %% [markdown]
// ## The second task: the next sentence
//
// Two stretches of text, A and B. In half of the pairs B is what follows A, in the others it comes from
// another document. Which is it? The answer is read off the vector of `[CLS]`, so that this vector
// learns to hold what a text is about. (RoBERTa will leave this task out, ALBERT replace it.)

// %%
const short = { batch: 8, length: 32 }, long = { batch: 4, length: 64 };
const drawn = nextSentence(tokenizer, { maxLength: short.length })
  .corrupt(unseen.slice(0, 6).map(sentencesOf), randomKey(6));
const drawnLabels = await read(drawn.targets.labels);
const idsOfRow = (b: number, segment: number) =>
  Array.from({ length: short.length }, (_, t) => b * short.length + t)
    .filter((i) => drawn.batch.mask[i] === 1 && drawn.batch.segments[i] === segment)
    .map((i) => drawn.batch.ids[i]);
await show(table(Array.from(drawnLabels, (label, b) => ({
  A: tokenizer.decode(idsOfRow(b, 0), { skipSpecial: true }),
  B: tokenizer.decode(idsOfRow(b, 1), { skipSpecial: true }),
  "B follows A": label === isNext ? "yes" : "no",
}))));

// %% [markdown]
// ## The model
//
// A model is a record of the concepts it is made of. The concepts have their own modules, from
// `core/embedding.ts` to `core/transformer_layer.ts`; the record says which of them, and in later lessons
// a descendant of BERT will be this record with a few keys changed.

// %%
/** A value of the record in words. */
function concept(value: unknown): string {
  if (typeof value === "function") return value.name;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.join(", ");
  const parts = Object.entries(value!).map(([key, part]) => [key, concept(part)]);
  return parts.map(([key, part]) => key === part ? `${key}()` : `${key}: ${part}`).join(", ");
}
await show(table(Object.entries(BERT).map(([key, value]) => ({ key, value: concept(value) }))));

// %% [markdown]
// A layer mixes places by attention, then thinks at each place by itself; each time what came in is
// added, and the sum is normalised:
//
// $$y = \mathrm{LN}(x + \mathrm{Attention}(x)),\qquad z = \mathrm{LN}(y + \mathrm{FFN}(y)),\qquad
// \mathrm{FFN}(y) = W_2\,\mathrm{GELU}(W_1 y + b_1) + b_2.$$
//
// On top stand two heads, one for each task. The head that names tokens uses the word vectors once
// more: the score of a token is the product of its vector with what stands at the place.
//
// How many parameters is that? They are declared before they are made, so counting costs nothing, even
// for models that would not fit into this machine.

// %%
const sizes: Sizes = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: long.length,
  dropout: { hidden: 0, attention: 0 }, // few passes over the documents: little to over-fit
};
const heads = { maskedLM: true, nextSentence: true };
const counts = Object.entries({ ours: sizes, "BERT-base": BERT_BASE, "BERT-large": BERT_LARGE })
  .map(([model, size]) => {
    const { encoder, ...top } = modelParameters(BERT, size, heads);
    return {
      model,
      "layers × width × heads": `${size.layers} × ${size.width} × ${size.heads}`,
      embeddings: countParameters(encoder.embedding),
      "one layer": countParameters(encoder.layers[0]),
      "all layers": countParameters(encoder.layers),
      "pooler and heads": countParameters([encoder.pooler, top]),
      "in all": countParameters([encoder, top]),
    };
  });
await show(table(counts));

// %% [markdown]
// Now make ours, and send a pair through. The first weights are drawn at random, with the deviation
// 0.02 in BERT-base. Ours is narrower, its sums have fewer terms, and so each weight may be larger by
// the root of the ratio of the widths; otherwise all scores of attention start near 0, and every head
// looks everywhere alike for long.
//
// Nothing is computed by `encode`: a tensor is an expression until it is read.

// %%
const deviation = 0.02 * Math.sqrt(BERT_BASE.width / sizes.width);
const model: ModelParameters = await keep(
  initialise(modelParameters(BERT, sizes, heads), randomKey(1), deviation),
);
const untrained = await readRows(model.encoder.embedding.word);
const through = encode(BERT, sizes, model.encoder, asInputs(pair));
console.log("after each layer  ", through.states);
console.log("who looks at whom ", through.attentions);
console.log("for the whole text", through.pooled);
console.log("scores of tokens  ", nameTokens(BERT, sizes, model, through.last));

// %% [markdown]
// ## A lesson, and its loss
//
// A lesson is a batch with both tasks: pairs of texts, with words hidden in them. The loss is the sum
// of two surprises, each a mean of $-\log p$ of the right answer:
//
// $$L = -\frac1{|M|}\sum_{m \in M} \log p(\mathrm{token}_m) \;-\; \frac1B \sum_b \log p(\mathrm{label}_b).$$
//
// `encode` runs the layers on all places. The scores of the whole vocabulary, which are dear, are
// computed at the hidden places only.

// %%
type Shape = typeof short;

/** Pairs of documents drawn with a key, with words hidden in them. */
function makeLesson(from: readonly Document[], key: Key, { batch, length }: Shape) {
  const first = draws(key.derive(0))(from.length);
  const some = Array.from({ length: batch }, (_, i) => from[(first + i) % from.length]);
  const pairs = nextSentence(tokenizer, { maxLength: length })
    .corrupt(some.map(sentencesOf), key.derive(1));
  const { inputs, targets } = hideWords.corrupt(pairs.batch, key.derive(2));
  return { inputs, words: targets, order: pairs.targets };
}
type Lesson = ReturnType<typeof makeLesson>;

/** What the model answers to a lesson. */
function answer(params: ModelParameters, { inputs, words }: Lesson, key?: Key) {
  const { last, pooled } = encode(BERT, sizes, params.encoder, inputs, key);
  return {
    tokens: nameTokens(BERT, sizes, params, atPlaces(last, words.places)),
    follows: classifyText(pooled!, params.nextSentence!),
  };
}

const order = nextSentence(tokenizer, { maxLength: long.length });
const lossOf = (params: ModelParameters, lesson: Lesson, key?: Key) => {
  const { tokens, follows } = answer(params, lesson, key);
  return add(hideWords.loss(tokens, lesson.words), order.loss(follows, lesson.order));
};

// %% [markdown]
// ## Two lines to compare with
//
// A loss means nothing by itself. The upper line is the surprise of one who knows nothing and gives each
// token the same probability: $\log V$. The lower one, the *floor*, is the surprise of a reader who knows
// the process by which the documents are made, and computes the exact probability of each hidden word.
// Nobody can be less surprised than that, on average. For real text this number exists, too, but nobody
// knows it.
//
// The floor is for whole documents. Our pairs are often shorter and so tell less, which makes the task
// harder; and where a word was left as it was, it is easier. So take the line as a guide, not as a limit
// to the last digit.

// %%
const floor = maskedFloor(world, { seed: 2, count: 300 });
const bounds = [
  { name: "floor", y: floor.nats },
  { name: "knowing nothing: log V", y: Math.log(sizes.vocabulary) },
];

const judging = { rounds: 16, batch: 8 }, judged = judging.rounds * judging.batch;

/** Loss of hidden words, and share of right answers about the order, on documents never seen. */
async function judge(params: ModelParameters) {
  const results = [];
  for (let i = 0; i < judging.rounds; i++) {
    const lesson = makeLesson(unseen, randomKey(7, i), { ...judging, length: long.length });
    const { tokens, follows } = answer(params, lesson);
    const loss = hideWords.loss(tokens, lesson.words);
    const { scores, labels, nats } = await read({
      scores: follows,
      labels: lesson.order.labels,
      nats: loss,
    });
    const right = [...labels].filter((label, b) =>
      label === Number(scores[2 * b + 1] > scores[2 * b])
    );
    results.push({ nats: nats[0], right: right.length / labels.length });
  }
  return { nats: average(results.map((r) => r.nats)), right: average(results.map((r) => r.right)) };
}
const before = await judge(model);
await show(table([
  { reader: "knows nothing", "nats a hidden word": Math.log(sizes.vocabulary) },
  { reader: "our model, untrained", "nats a hidden word": before.nats },
  { reader: "knows the process", "nats a hidden word": floor.nats },
]));

// %% [markdown]
// ## Training
//
// The loop is a plain `for`: each step makes a lesson, computes the loss and its gradients, and moves the
// parameters (AdamW, with a learning rate that rises and then falls to 0).
//
// First short pairs, then long ones, as BERT's authors did (their appendix A.2: nine tenths of all steps
// with 128 tokens, the rest with 512). One reason is cost: attention compares each place with each other,
// so that twice the length makes four times the comparisons. The other is that most of what is to be
// learned at first is near. Among few words the one that matters is found soon, and a head that has
// learned to look at its neighbours does so in long texts, too. The long pairs are needed in the end, or the
// vectors of the later positions would learn nothing; until then the loss on long pairs suffers from them.

// %%
const shortSteps = Math.round(0.6 * STEPS);
const training = await startTraining(model, 1);
const steps = train(training, {
  steps: STEPS,
  batch: (key, step) => [makeLesson(told, key, step <= shortSteps ? short : long)],
  loss: lossOf,
  rate: linear({ peak: 1.5e-3, warmup: Math.ceil(STEPS / 20), steps: STEPS }),
  adamw: { decays: exceptBiasesAndNorms },
});
const curve = [{ step: 0, ...before }];
const report = progress("pre-training", STEPS);
for await (const { step, loss } of steps) {
  await report.at(step, `loss ${loss.toFixed(2)}`);
  if (step % Math.round(STEPS / 12) === 0 || step === STEPS) {
    curve.push({ step, ...await judge(model) });
  }
}
await report.done();

// %%
const trained = curve.at(-1)!;
const smooth = Array.from({ length: Math.floor(STEPS / 20) }, (_, i) => ({
  step: i * 20 + 10,
  loss: average(training.losses.slice(i * 20, i * 20 + 20)),
}));
await show(lineChart([
  {
    name: "hidden words, unseen documents",
    x: curve.map((c) => c.step),
    y: curve.map((c) => c.nats),
  },
  {
    name: "both tasks, means of 20 lessons",
    x: smooth.map((s) => s.step),
    y: smooth.map((s) => s.loss),
  },
], {
  title: "Pre-training",
  note: `short pairs up to step ${shortSteps}, then long ones`,
  xLabel: "step",
  yLabel: "nats",
  floors: bounds,
}));
await show(lineChart([
  {
    name: "right answers, unseen documents",
    x: curve.map((c) => c.step),
    y: curve.map((c) => c.right),
  },
], {
  title: "Does B follow A?",
  note: `${judged} pairs at each point`,
  xLabel: "step",
  yLabel: "share",
  height: 260,
  floors: [{ name: "guessing", y: 0.5 }],
}));
const way = (before.nats - trained.nats) / (before.nats - floor.nats);
console.log(
  `After ${STEPS} steps the surprise at a hidden word is ${trained.nats.toFixed(2)} nats:`,
);
console.log(`${percent(way)} of the way from the untrained model to the floor.`);
assert(way > 0.5);
console.log(
  `Next sentence: ${percent(trained.right)} right, give or take ${
    percent(0.5 / Math.sqrt(judged))
  };` +
    ` guessing makes 50 %${trained.right < 0.6 ? ". This it has not learned." : "."}`,
);

// %% [markdown]
// ## Filling gaps
//
// Now let it guess. `fill` puts texts with one `[MASK]` each through the model and gives the most
// likely tokens there. Beside them stand the guesses of the perfect reader, who knows the process.
// All documents are unseen.

// %%
interface Guess {
  token: string;
  p: number;
}
const likeliest = (guesses: Guess[], count: number) =>
  guesses.toSorted((a, b) => b.p - a.p).slice(0, count);
const inWords = (guesses: Guess[]) =>
  guesses.map(({ token, p }) => `${token} ${p.toFixed(2)}`).join(", ");

/** The most likely tokens for the one [MASK] in each text. */
async function fill(texts: readonly TextInput[], count = 5): Promise<Guess[][]> {
  const found: Guess[][] = [];
  for (let start = 0; start < texts.length; start += 32) {
    const batch = encodeBatch(tokenizer, texts.slice(start, start + 32));
    const places = [...batch.ids.keys()].filter((i) => batch.ids[i] === vocabulary.special.mask);
    const { last } = encode(BERT, sizes, model.encoder, asInputs(batch));
    const scores = nameTokens(BERT, sizes, model, atPlaces(last, tensor("M", places)));
    for (const row of await readRows(softmax(scores, "V"))) {
      found.push(likeliest(row.map((p, id) => ({ token: tokenOf(vocabulary, id), p })), count));
    }
  }
  return found;
}

/** A word of a document to be guessed: what kind it is, and where. */
interface Hole {
  sentences: string[][];
  kind: string;
  sentence: number;
  position: number;
}

const kindNames: Record<string, string> = {
  person: "name",
  pronoun: "he or she",
  place: "place",
  preposition: "preposition",
  thing: "thing",
  verb: "verb",
  adjective: "adjective",
  emoji: "emoji",
};
for (const relation of RELATIONS) kindNames[relation] = "value of a fact";

/** Words of a document whose kind we know, and its full stops. */
function holesOf(document: Document): Hole[] {
  const sentences = document.sentences.map(({ words }) => [...words]);
  return document.sentences.flatMap(({ text, words, spans }, sentence) => [
    { sentences, kind: "full stop", sentence, position: words.indexOf(".") },
    ...spans.flatMap(({ kind, start, end }) => {
      if (!kindNames[kind] || splitWords(text.slice(start, end)).flat().length !== 1) return [];
      const position = splitWords(text.slice(0, start)).flat().length;
      return [{ sentences, kind: kindNames[kind], sentence, position }];
    }),
  ]);
}
const answerOf = (hole: Hole) => hole.sentences[hole.sentence][hole.position];
const withHole = <T>({ sentences, sentence, position }: Hole, filling: T) =>
  sentences.map((list, i) => list.map((w, j) => i === sentence && j === position ? filling : w));

/** The document as a pair, cut in the middle, as in training. */
function asPair(hole: Hole): TextInput {
  const lines = withHole(hole, "[MASK]").map((list) => list.join(" "));
  const middle = Math.floor(lines.length / 2);
  return [lines.slice(0, middle).join(" "), lines.slice(middle).join(" ")];
}

/** The exact probabilities of the words that may stand there. */
function perfect(hole: Hole, count = 5): Guess[] {
  const { hidden: [word] } = readPerfectly(world, withHole(hole, null));
  return likeliest([...word.probabilities].map(([token, p]) => ({ token, p })), count);
}

const fitting = unseen.filter(({ text }) => piecesOf(text).length <= long.length - 3);
const holes = fitting.slice(0, 60).flatMap(holesOf);
const onePerKind = [...new Map(holes.slice(0, 200).toReversed().map((h) => [h.kind, h])).values()];
const guessed = await fill(onePerKind.map(asPair));
await show(table(onePerKind.map((hole, i) => ({
  kind: hole.kind,
  sentence: withHole(hole, "[MASK]")[hole.sentence].join(" "),
  word: answerOf(hole),
  "the model's first five": inWords(guessed[i]),
  "the perfect reader's": inWords(perfect(hole)),
}))));

// %% [markdown]
// The table shows the sentence with the gap only; both readers see the whole document. Single examples
// prove little. So we count, for each kind of word, how often the first guess is right.

// %%
const firstGuesses = await fill(holes.map(asPair), 1);
const scored = holes.map((hole, i) => ({
  kind: hole.kind,
  model: Number(firstGuesses[i][0].token === answerOf(hole)),
  perfect: Number(perfect(hole)[0].token === answerOf(hole)),
}));
const kinds = [...new Set(scored.map(({ kind }) => kind))].map((kind) => {
  const ofKind = scored.filter((one) => one.kind === kind);
  return {
    kind,
    gaps: ofKind.length,
    model: average(ofKind.map((one) => one.model)),
    perfect: average(ofKind.map((one) => one.perfect)),
  };
}).sort((a, b) => b.model - a.model);
await show(barChart(
  kinds.flatMap(({ kind, gaps, model, perfect }) => [
    { name: `${kind} (${gaps})`, value: model, group: "our model" },
    { name: "", value: perfect, group: "perfect reader" },
  ]),
  {
    title: "Is the first guess right?",
    note: "in brackets the number of gaps",
    valueLabel: "share",
  },
));
const furthest = kinds.toSorted((a, b) => (b.perfect - b.model) - (a.perfect - a.model))[0];
console.log(
  `Most is left to learn about: ${furthest.kind}, ${percent(furthest.model)} right` +
    ` where ${percent(furthest.perfect)} are possible.`,
);

// %% [markdown]
// **Facts.** Each person has an animal, a job, a favourite food. Documents tell these facts in four of
// five phrasings, and we ask in the fifth, so that a sentence learned by heart is of no use. Who knows what
// kind of word belongs there can guess among the few of that kind; who knows the fact is right at once. A
// few facts no document tells: there guessing is all that is left.

// %%
const facts = clozeFacts(world);
const factGuesses = await fill(facts.map(({ text }) => text));
const choices = (relation: string) =>
  new Set(facts.filter(({ fact }) => fact.relation === relation).map(({ answer }) => answer)).size;
const asked = facts.map((fact, i) => ({
  ...fact,
  guesses: factGuesses[i],
  right: Number(factGuesses[i][0].token === fact.answer),
  chance: 1 / choices(fact.fact.relation),
}));
const toldFacts = asked.filter((fact) => fact.told);
await show(table(
  toldFacts.slice(0, 6).map((fact) => ({
    sentence: fact.text,
    fact: fact.answer,
    "the model's first five": inWords(fact.guesses),
    "first guess": fact.right ? "right" : "wrong",
  })),
));
const results = [["told", toldFacts], ["not told", asked.filter((fact) => !fact.told)]] as const;
await show(table(results.map(([name, list]) => ({
  "facts that were": name,
  number: list.length,
  "first guess right": percent(average(list.map(({ right }) => right))),
  "by guessing among words of the kind": percent(average(list.map(({ chance }) => chance))),
}))));
const known = average(toldFacts.map(({ right }) => right));
const byChance = average(toldFacts.map(({ chance }) => chance));
console.log(
  known > 2 * byChance
    ? "It knows some of the facts, not only what kind of word belongs there."
    : `In ${STEPS} steps it has learned what kind of word belongs there, but not who has what.`,
);

// %% [markdown]
// ## Looking inside: attention
//
// Every head of every layer says, for each place, how much it looks at each other place. Rows are the
// places that look, columns those that are looked at; the darker, the more.

// %%
const looking = encodeBatch(tokenizer, [
  [sentencesOf(unseen[0])[0], sentencesOf(unseen[0])[1]],
]);
const lookingTokens = Array.from(looking.ids, (id) => tokenOf(vocabulary, id));
const { attentions } = encode(BERT, sizes, model.encoder, asInputs(looking));
const looks = await Promise.all(attentions.map((weights) =>
  Promise.all(
    Array.from(
      { length: sizes.heads },
      (_, h) => readRows(at(at(weights, "B", 0), "H", h)),
    ),
  )
));
console.log(lookingTokens.join(" "));
await show(smallMultiples(
  looks.map((ofLayer, l) =>
    ofLayer.map((weights, h) =>
      heatMap(weights, { title: `layer ${l + 1}, head ${h + 1}`, bare: true, range: [0, 1] })
    )
  ),
  {
    title: "Who looks at whom",
    note: "rows look, columns are looked at; white is 0, dark is 1",
    rows: looks.map((_, l) => `layer ${l + 1}`),
    columns: looks[0].map((_, h) => `head ${h + 1}`),
  },
));

// %% [markdown]
// What does a head do? A picture of one text invites stories. So we measure, over many unseen texts, which
// part of its weight a head gives to some simple targets. The last row is a head that looks at everything
// alike.

// %%
const many = makeLesson(unseen, randomKey(8), { batch: 32, length: long.length }).inputs;
const seenBy = await read({
  ids: many.ids,
  mask: many.mask,
  layers: encode(BERT, sizes, model.encoder, many).attentions,
});
const { cls, sep } = vocabulary.special;
const targets: Record<string, (q: number, k: number, of: ArrayLike<number>) => boolean> = {
  "one back": (q, k) => k === q - 1,
  "one ahead": (q, k) => k === q + 1,
  "itself": (q, k) => k === q,
  "same word elsewhere": (q, k, ids) => k !== q && ids[k] === ids[q],
  "[CLS]": (_, k, ids) => ids[k] === cls,
  "[SEP]": (_, k, ids) => ids[k] === sep,
};

/** Which part of its weight goes to each target, on average over all places with a word. */
function habits(weightOf: (b: number, q: number, k: number, visible: number) => number) {
  const T = long.length, B = seenBy.ids.length / T;
  const sums = Object.fromEntries(Object.keys(targets).map((name) => [name, 0]));
  let places = 0;
  for (let b = 0; b < B; b++) {
    const ids = seenBy.ids.subarray(b * T, (b + 1) * T);
    const visible = seenBy.mask.subarray(b * T, (b + 1) * T).indexOf(0);
    const end = visible < 0 ? T : visible;
    for (let q = 0; q < end; q++) {
      if (ids[q] === cls || ids[q] === sep) continue;
      places++;
      for (let k = 0; k < end; k++) {
        const weight = weightOf(b, q, k, end);
        for (const name in targets) if (targets[name](q, k, ids)) sums[name] += weight;
      }
    }
  }
  return Object.fromEntries(Object.entries(sums).map(([name, total]) => [name, total / places]));
}

const measured = seenBy.layers.flatMap((flat, l) =>
  Array.from({ length: sizes.heads }, (_, h) => {
    const T = long.length;
    const shares = habits((b, q, k) => flat[((b * sizes.heads + h) * T + q) * T + k]);
    return { layer: l + 1, head: h + 1, shares };
  })
);
const even = habits((_b, _q, _k, visible) => 1 / visible);
const round = (shares: Record<string, number>) =>
  Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, percent(share)]));
await show(table([
  ...measured.map(({ layer, head, shares }) => ({
    head: `layer ${layer}, head ${head}`,
    ...round(shares),
  })),
  { head: "an even look", ...round(even) },
]));

// %%
/** The head that gives most to a target, and whether that is more than looking about evenly. */
function specialist(target: string) {
  const best = measured.toSorted((a, b) => b.shares[target] - a.shares[target])[0];
  const times = best.shares[target] / even[target];
  console.log(
    `"${target}": most by layer ${best.layer}, head ${best.head}, ${
      percent(best.shares[target])
    }:` +
      ` ${times.toFixed(1)} times an even look` +
      (best.shares[target] > 0.5
        ? "; this is what it does."
        : times < 3
        ? "; no specialist."
        : "."),
  );
  return best;
}
const specialists = Object.keys(targets).map(specialist);

// %% [markdown]
// Here is the head that gives most to the word before, on the text from above.

// %%
const backward = specialists[0];
await show(heatMap(looks[backward.layer - 1][backward.head - 1], {
  title: `Layer ${backward.layer}, head ${backward.head}`,
  rows: lookingTokens,
  columns: lookingTokens,
  rowLabel: "looks",
  columnLabel: "is looked at",
  range: [0, 1],
}));

// %% [markdown]
// ## Looking inside: the vectors of words
//
// The vector of a word is both how it enters and what it is named by. Words that can stand in for one
// another should have come to lie in like directions. We take the cosine, which is 1 for the same
// direction and 0 for a right angle.

// %%
const wordIds = whole.map((word) => idOf(vocabulary, word));

/** Cosines of some words with all words that are one token, from a table of vectors. */
function cosines(vectors: Tensor<"V E">, some: readonly string[]): Promise<number[][]> {
  const known = gather(vectors, tensor("N", wordIds));
  const centred = subtract(known, mean(known, "N"));
  const unit = divide(centred, sqrt(sum(square(centred), "E")));
  const picked = gather(unit, tensor("W", some.map((word) => whole.indexOf(word))));
  return readRows(einsum("W E, N E -> W N", picked, unit));
}

const samples = ["mara", "garden", "hammer", "happy", "cheese", "she", "often", "walked"]
  .filter((word) => whole.includes(word));
const nearTo = async (vectors: Tensor<"V E">, some: readonly string[], count: number) =>
  (await cosines(vectors, some)).map((row, i) =>
    row.map((p, n) => ({ token: whole[n], p })).filter(({ token }) => token !== some[i])
      .toSorted((a, b) => b.p - a.p).slice(0, count)
  );
const neighbours = await nearTo(model.encoder.embedding.word, samples, 5);
await show(
  table(samples.map((word, i) => ({ word, "nearest, with cosine": inWords(neighbours[i]) }))),
);

// %% [markdown]
// Is that more than chance? We know what kind each word is. For each word of a kind: is the nearest word
// of the same kind?

// %%
const lower = (list: Iterable<string>) =>
  [...new Set([...list].map((word) => word.toLowerCase()))].filter((word) => whole.includes(word));
const { people, scenes } = world;
const groups: Record<string, string[]> = {
  names: lower(people.map(({ name }) => name.en)),
  places: lower(scenes.map(({ topic }) => topic.place.en)),
  tools: lower(scenes.map(({ task }) => task.tool.en)),
  verbs: lower(scenes.map(({ task }) => task.verb.en)),
  animals: lower(people.map(({ facts }) => facts.animal.what.en)),
  jobs: lower(people.map(({ facts }) => facts.job.what.en)),
  foods: lower(people.map(({ facts }) => facts.food.what.en)),
};
const untrainedTable = tensor("V E", untrained);
const sameKind = async (vectors: Tensor<"V E">, group: string[]) =>
  average((await nearTo(vectors, group, 1)).map(([{ token }]) => Number(group.includes(token))));
const grouped = [];
for (const [kind, group] of Object.entries(groups)) {
  grouped.push({
    kind,
    words: group.length,
    trained: await sameKind(model.encoder.embedding.word, group),
    "before training": await sameKind(untrainedTable, group),
    "by chance": (group.length - 1) / (whole.length - 1),
  });
}
await show(table(grouped, "Share of words whose nearest word is of the same kind"));
assert(average(grouped.map((row) => row.trained - row["before training"])) > 0.5);

// %% [markdown]
// ## Looking inside: one word, two meanings
//
// A *bank* may lie by a river or hold money. The vector that enters is the same. But each layer
// mixes in what stands around, and so the two should part. We take sentences with ambiguous words,
// look at the vector at the word after each layer, and compare all uses of one word by cosine. The
// sentences are all of one form, *somebody talked about the bank and the …*, so that the place of the
// word, too, is the same, and only the last word tells which is meant.

// %%
const examples = senseExamples(world, { seed: 3, count: 3000 });
const uses = [...new Map(examples.map((use) => [use.text, use])).values()]
  .filter(({ text }) => text.includes(" about ") && text.includes(" and "))
  .map((use) => ({ ...use, cue: piecesOf(use.text).at(-2)! }));
const ambiguous = Map.groupBy(uses, ({ word }) => word);

/** Cosines between the uses of one word, after each layer. */
async function compare(some: typeof uses): Promise<number[][][]> {
  const batch = encodeBatch(tokenizer, some.map(({ text }) => text)), [, T] = batch.shape;
  const places = some.map(({ word }, b) => batch.ids.indexOf(idOf(vocabulary, word), b * T));
  const { states } = encode(BERT, sizes, model.encoder, asInputs(batch));
  return await Promise.all(
    states.slice(1).map((state) => {
      const x = at(atPlaces(state, tensor("M", places)), "B", 0);
      const centred = subtract(x, mean(x, "T"));
      const unit = divide(centred, sqrt(sum(square(centred), "D")));
      return readRows(einsum("T D, U D -> T U", unit, rename(unit, "T D -> U D")));
    }),
  );
}

const banks = ["river", "money"].flatMap((sense) =>
  ambiguous.get("bank")!.filter((use) => use.sense === sense).slice(0, 15)
    .toSorted((a, b) => a.cue.localeCompare(b.cue))
);
const bankMaps = await compare(banks);
const stages = bankMaps.map((_, layer) => `after layer ${layer + 1}`);
await show(smallMultiples([
  bankMaps.map((values, i) => heatMap(values, { title: stages[i], bare: true, range: [-1, 1] })),
], {
  title: `${banks.length} uses of "bank"`,
  note: "first by the river, then for money; blue: alike, red: opposite",
  columns: stages,
}));
banks.forEach(({ text }, i) => i % 10 === 0 && console.log(text));

// %% [markdown]
// Uses with the same telling word stand side by side. A small block for each telling word means that the
// vector has taken in its neighbour; two large blocks would be two meanings. Again a number: for each use of each ambiguous word,
// is the most similar other use one of the same meaning? To be fair we compare with uses beside *another*
// telling word, so that *bank* next to *river* must find *bank* next to *reed*.

// %%
const hits = stages.map(() => [] as number[]), chances: number[] = [];
for (const some of ambiguous.values()) {
  const maps = await compare(some);
  some.forEach((use, i) => {
    const others = [...some.keys()].filter((j) => some[j].cue !== use.cue);
    if (!others.some((j) => some[j].sense === use.sense)) return;
    chances.push(average(others.map((j) => Number(some[j].sense === use.sense))));
    maps.forEach((values, layer) => {
      const nearest = others.reduce((a, b) => values[i][b] > values[i][a] ? b : a);
      hits[layer].push(Number(some[nearest].sense === use.sense));
    });
  });
}
await show(barChart(stages.map((name, i) => ({ name, value: average(hits[i]) })), {
  title: "Is the most similar use one of the same meaning?",
  note: `${chances.length} uses of ${ambiguous.size} ambiguous words`,
  valueLabel: "share",
  floors: [{ name: "chance", value: average(chances) }],
}));
const gained = average(hits.at(-1)!) - average(chances);
console.log(
  gained > 0.2
    ? "The layers tell the meanings apart."
    : `After ${STEPS} steps the layers hardly tell the meanings apart.`,
);

// %% [markdown]
// ## Exercises
//
// Each function below runs and gives a wrong answer. Make it right; its check tells.

// %%
/** Says whether an exercise is solved; a wrong answer stops nothing. */
async function check(exercise: string, answer: Tensor, expected: number[]): Promise<void> {
  const given = [...await read(answer)];
  const right = given.length === expected.length &&
    expected.every((value, i) => Math.abs(value - given[i]) < 1e-3);
  const shown = (list: number[]) => list.map((value) => Number(value.toFixed(3))).join(" ");
  console.log(
    right
      ? `${exercise}: solved`
      : `${exercise}: not yet. Expected ${shown(expected)}, found ${shown(given)}`,
  );
}

// %% [markdown]
// **1 · Counting a layer.** How many parameters has a layer of width $D$ whose feed-forward network is
// $F$ wide inside? Count the four linear maps of attention, the two of the network, all their biases,
// and two norms with a gain and a bias each.

// %%
function parametersOfLayer(D: number, F: number): number {
  return 4 * D * D + 2 * D * F; // the biases and the norms are missing
}

const layersToCount = [sizes, BERT_BASE, BERT_LARGE];
await check(
  "parametersOfLayer",
  tensor("N", layersToCount.map(({ width, inner }) => parametersOfLayer(width, inner))),
  layersToCount.map((size) => countParameters(modelParameters(BERT, size, {}).encoder.layers[0])),
);

// %% [markdown]
// **2 · The loss of the hidden words alone.** Given the surprise at every place and a 1 where a word was
// chosen, give the mean over the chosen places. Hint: two sums and a `divide`.

// %%
function meanOverChosen(surprise: Tensor<"B T">, chosen: Tensor<"B T">): Tensor<""> {
  return mean(multiply(surprise, chosen), "B T"); // divides by the number of all places
}

await check(
  "meanOverChosen",
  meanOverChosen(tensor("B T", [[4, 1, 0], [2, 9, 3]]), tensor("B T", [[1, 0, 0], [0, 0, 1]])),
  [3.5],
);

// %% [markdown]
// **3 · Each word in turn.** How likely does BERT find a whole sentence? It has no $p(\text{text})$, but
// one can hide each word in turn and add up the surprises (Salazar et al. 2020,
// [1910.14659](https://arxiv.org/abs/1910.14659)). Make the batch for that: one copy of the sentence for each
// place, with the mask there. Hint: `subtract` one `indices` from
// another; `where` keeps what is not at 0.

// %%
function hideEachInTurn(ids: Tensor<"T">, mask: number): Tensor<"B T"> {
  const size = ids.size("T");
  const copies = broadcast(ids, "B T", { B: size });
  const visible = broadcast(indices("B", size), "B T", { T: size }); // 0 where to hide; not yet right
  return where(visible, copies, mask);
}

await check("hideEachInTurn", hideEachInTurn(tensor("T", [7, 8, 9]), 4), [
  4,
  8,
  9,
  7,
  4,
  9,
  7,
  8,
  4,
]);

// %% [markdown]
// **To try.** Each of these is a change of one line. Guess the curve before you draw it.
//
// - Train with long pairs from the first step (`step <= 0`). How far does it get in as many steps?
// - Hide 40 % instead of 15 %: `maskedLM(vocabulary, { rate: 0.4 })`.
// - Leave out the second task in `lossOf`. Do the hidden words get better? Does the vector of `[CLS]`
//   still tell what a text is about?
// - Take `STEPS` five times as large, and look again at the facts, the heads and the banks.
