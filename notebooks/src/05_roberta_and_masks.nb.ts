// %% [markdown]
// # 5 · RoBERTa, and a drawing of every mask
//
// RoBERTa (Liu et al. 2019, [1907.11692](https://arxiv.org/abs/1907.11692)) is BERT, trained with more care: other
// pieces of text, masks drawn anew each time, one task instead of two. Others changed *what* is hidden: whole words,
// names, spans. Such changes are hard to see in a formula and easy to see in a picture. So here each of them is drawn,
// on one text, and counted.
//
// **You will learn**
//
// - what RoBERTa changes in BERT, and how it cuts any text at all into pieces;
// - why its positions are counted from the tokens;
// - what is hidden by static, dynamic, whole-word, entity and span masking, and how much is then seen in the long run;
// - what the tasks about sentences ask, and what ELECTRA asks instead of all this.
//
// Lesson 3 explains masked LM. Nothing is trained here: it is all about what a model is given.

// %%
import { counted, countedAfterPadding } from "@lineage/lineage/core/positions";
import {
  device,
  type Key,
  randomKey,
  read,
  type Tensor,
  tensor,
} from "@lineage/lineage/core/tensor";
import { encodeBatch, type EncodedBatch } from "@lineage/lineage/core/text/batch";
import { byteBPE, ROBERTA_STYLE } from "@lineage/lineage/core/text/byte_bpe";
import { trainByteBPE } from "@lineage/lineage/core/text/train_byte_bpe";
import { trainWordPiece } from "@lineage/lineage/core/text/train_wordpiece";
import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
import { createWorld, type Document, documents } from "@lineage/lineage/data";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, heatMap, lineChart } from "@lineage/lineage/drawing/svg";
import { BERT } from "@lineage/lineage/models/bert";
import { ROBERTA } from "@lineage/lineage/models/roberta";
import { differences, type ModelSpec } from "@lineage/lineage/models/spec";
import { joinTexts, withWords } from "@lineage/lineage/objectives/annotation";
import { entityMasking } from "@lineage/lineage/objectives/entity_masking";
import {
  anywhere,
  type Choose,
  maskedLM,
  type MaskedTargets,
} from "@lineage/lineage/objectives/masked_language_model";
import { rowOf } from "@lineage/lineage/objectives/objective";
import { everyObjective, underEach } from "@lineage/lineage/objectives/show";
import { lengthChances, spanMasking, spans } from "@lineage/lineage/objectives/span_masking";
import { staticMasks } from "@lineage/lineage/objectives/static_masking";
import { wholeWordMasking, wordsOf } from "@lineage/lineage/objectives/whole_word_masking";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %%
const average = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const from0 = (n: number) => Array.from({ length: n }, (_, i) => i);

const world = createWorld(1);
const told = {
  en: [...documents(world, { seed: 1, count: 3000 })],
  zh: [...documents(world, { seed: 1, count: 1000, language: "zh" })],
};
const sentencesOf = (document: Document) => document.sentences.map(({ text }) => text);

// %% [markdown]
// ## What RoBERTa changes
//
// Of the record of concepts that a model is, two keys:

// %%
const inWords = (value: unknown) => {
  const names: [unknown, string][] = [
    [BERT.positions, "counted: the place in the row"],
    [ROBERTA.positions, "countedAfterPadding: tokens are counted, padding is not"],
  ];
  return names.find(([one]) => one === value)?.[1] ?? (value as string[]).join(", ");
};
const changed = differences(BERT, ROBERTA) as (keyof ModelSpec)[];
await show(table(changed.map((key) => ({
  key,
  BERT: inWords(BERT[key]),
  RoBERTa: inWords(ROBERTA[key]),
}))));

// %% [markdown]
// The rest is not in the model but in the training: ten times the text, larger batches, masks drawn anew, and pieces of
// bytes instead of letters.
//
// ## Pieces of bytes
//
// WordPiece starts from the letters it has met; a letter that it has not met makes the word `[UNK]`. RoBERTa and GPT-2
// start from the 256 bytes. Every text is a row of bytes, so every text can be written, and nothing is ever unknown.
// Then frequent neighbours are joined, as in WordPiece. A space belongs to the word after it and is drawn as `Ġ`;
// each byte that is no plain letter is drawn as some letter, too.

// %%
const corpus = [...told.en, ...told.zh].map((document) => document.text);
const bpe = trainByteBPE(corpus, { vocabSize: 1500, style: ROBERTA_STYLE });
const roberta = byteBPE(bpe);
const english = wordPiece(
  trainWordPiece(told.en.flatMap(sentencesOf), { vocabSize: 1500, minFrequency: 1 }),
);
const tokensOf = (pieces: readonly { token: string }[]) =>
  pieces.map(({ token }) => token).join(" ");
const mixed = ["Mara fed the sheep.", "Mara 在花园里。", "naïve café", "☂ 3.14 αβγ", "𝄞"];
await show(table(mixed.map((text) => ({
  text,
  "bytes": new TextEncoder().encode(text).length,
  "byte-level BPE": tokensOf(roberta.encode(text)),
  "WordPiece of English": tokensOf(english.encode(text)),
}))));
const restored = mixed.every((text) =>
  roberta.decode(roberta.encode(text).map(({ id }) => id)) === text
);
console.log(
  restored ? "From its ids each text comes back, byte for byte." : "A text is not restored.",
);
console.log(
  `the first merges: ${bpe.merges.slice(0, 12).map((pair) => pair.join("+")).join("  ")}`,
);

// %% [markdown]
// A character of which the training text had none is spelled in its bytes: one to four pieces. Cut in the middle of a
// character they are no text any more; that is the price.

// %%
const umbrella = roberta.encode("☂").map(({ id }) => id);
await show(table(
  from0(umbrella.length + 1).map((n) => ({
    "first pieces": n,
    "as text": JSON.stringify(roberta.decode(umbrella.slice(0, n))),
  })),
));

// %% [markdown]
// ## Positions from the tokens
//
// BERT's position is the place in the row. RoBERTa counts tokens: padding is passed over, so the same text has the same
// positions wherever the padding is. Rows of its table up to the padding's own id (1) belong to no token; that is why
// published checkpoints have 514 rows for 512 tokens.

// %%
const pad = 1, rowsOfTable = tensor("P E", from0(12).map((p) => [p])); // row p holds the number p
const padded: Record<string, number[]> = {
  "no padding": [7, 8, 9, 10, 11, 12],
  "on the right": [7, 8, 9, 10, pad, pad],
  "on the left": [pad, pad, 7, 8, 9, 10],
};
await show(table(
  await Promise.all(
    Object.entries(padded).map(async ([padding, ids]) => {
      const batch = tensor("B T", [ids]);
      const positions = async (of: Tensor) => [...await read(of)].join(" ");
      return {
        padding,
        ids: ids.join(" "),
        "BERT's positions": await positions(counted(rowsOfTable, batch, pad)),
        "RoBERTa's": await positions(countedAfterPadding(rowsOfTable, batch, pad)),
      };
    }),
  ),
));

// %% [markdown]
// ## One text
//
// From here on one text, and what becomes of it. The micro-world tells us which stretches are names and phrases.

// %%
/** Few tokens, so that some words are cut in pieces. */
const coarse = wordPiece(
  trainWordPiece(told.en.flatMap(sentencesOf), { vocabSize: 330, minFrequency: 1 }),
);
const openings = told.en.map(({ sentences }) => joinTexts(sentences.slice(0, 3)));
const piecesIn = (text: string) =>
  coarse.encode(text).filter(({ token }) => token.startsWith("##")).length;
const story = openings.find(({ text, spans }) =>
  // some names of two words, some words in pieces
  spans.some(({ start, end }) => text.slice(start, end).includes(" ")) &&
  piecesIn(text) > 2 && coarse.encode(text).length < 32
)!;
console.log(story.text);
console.log(
  story.spans.map(({ start, end, kind }) => `${story.text.slice(start, end)}: ${kind}`).join(" · "),
);

const { vocabulary } = coarse, { mask } = vocabulary.special;
const one = encodeBatch(coarse, [story.text]);
const tokens = Array.from(one.ids, (id) => vocabulary.tokens[id]);
console.log(tokens.join(" "));

// %% [markdown]
// What can become of a token: it is seen and not asked for; it is asked for though it is seen; it is replaced by another
// token, or by `[MASK]`, and asked for. We draw each row of a picture by that.

// %%
interface Hidden {
  readonly batch: EncodedBatch;
  readonly targets: MaskedTargets;
}

/** What hides something of a text. */
interface Hides {
  corrupt(original: EncodedBatch, key: Key): Hidden;
}

/** 0 seen, 1 asked though seen, 2 another token, 3 [MASK]. */
async function fates(original: EncodedBatch, { batch, targets }: Hidden): Promise<number[]> {
  const asked = new Set([...await read(targets.places)].slice(0, targets.count));
  return Array.from(
    batch.ids,
    (id, t) => !asked.has(t) ? 0 : id === mask ? 3 : id === original.ids[t] ? 1 : 2,
  );
}
const legend = "white: seen; then darker: asked though seen, another token, [MASK]";
const drawFates = (title: string, rows: Record<string, number[]>) =>
  show(heatMap(Object.values(rows), {
    title,
    note: legend,
    rows: Object.keys(rows),
    columns: tokens,
    range: [0, 3],
  }));

// %% [markdown]
// ## Static and dynamic
//
// BERT's texts were masked once, before training, in ten copies. RoBERTa masks a text anew whenever it comes up. Here is
// the same text in eight epochs, each way.

// %%
const EPOCHS = 8;
const dynamic = maskedLM(vocabulary), fixed = maskedLM(vocabulary, staticMasks(vocabulary));
const overEpochs = async (objective: Hides) => {
  const rows = from0(EPOCHS).map((epoch) =>
    fates(one, objective.corrupt(one, randomKey(10, epoch)))
  );
  return Object.fromEntries((await Promise.all(rows)).map((row, i) => [`epoch ${i + 1}`, row]));
};
await drawFates("Static: one mask for ever", await overEpochs(fixed));
await drawFates("Dynamic: a mask each time", await overEpochs(dynamic));

// %% [markdown]
// What does it matter? How many of its tokens has a text been asked for by now? With one static mask never more than
// 15 %. With a new mask each time a token has escaped $n$ times with probability $(1-r)^n$, where $r$ is the share that
// is chosen. With ten copies the static masks follow at first, then come to a halt at $1-(1-r)^{10}$.

// %%
const MANY = 40,
  texts = told.en.slice(0, 60).map((document) => encodeBatch(coarse, [document.text]));
/** The share of tokens that were asked for at least once, after each epoch. */
async function coverage(objective: Hides): Promise<number[]> {
  const shares = await Promise.all(texts.map(async (text, i) => {
    const draws = from0(MANY).map((epoch) =>
      objective.corrupt(text, randomKey(11, i * MANY + epoch)).targets
    );
    const asked = await read(draws.map(({ places }) => places)), seen = new Set<number>();
    return asked.map((places, epoch) => {
      places.slice(0, draws[epoch].count).forEach((place) => seen.add(place));
      return seen.size / (text.ids.length - 2); // all but [CLS] and [SEP]
    });
  }));
  return from0(MANY).map((epoch) => average(shares.map((share) => share[epoch])));
}
const epochs = from0(MANY).map((i) => i + 1);
const copies = maskedLM(vocabulary, staticMasks(vocabulary, { copies: 10 }));
const share = average(texts.map((text) => {
  const { targets } = dynamic.corrupt(text, randomKey(11));
  return targets.count / (text.ids.length - 2);
}));
const [covered, ofCopies, ofOne] = [
  await coverage(dynamic),
  await coverage(copies),
  await coverage(fixed),
];
await show(lineChart([
  { name: "dynamic", x: epochs, y: covered, mark: "points" },
  { name: "1 − (1 − r)ⁿ", x: epochs, y: epochs.map((n) => 1 - (1 - share) ** n), mark: "dashes" },
  { name: "static, ten copies", x: epochs, y: ofCopies },
  { name: "static, one copy", x: epochs, y: ofOne },
], {
  title: "Tokens that were asked for at least once",
  note: `${texts.length} texts, r = ${percent(share)}`,
  xLabel: "epochs",
  yLabel: "share",
  floors: [{ name: "1 − (1 − r)¹⁰", y: 1 - (1 - share) ** 10 }],
}));
const off = Math.max(...epochs.map((n, i) => Math.abs(covered[i] - (1 - (1 - share) ** n))));
console.log(`largest distance of dynamic masks from theory: ${percent(off)}`);
assert(off < 0.03);

// %% [markdown]
// ## Whole words
//
// Where a word is cut in pieces, its other pieces give a hidden one away. Whole-word masking (Cui et al. 2019,
// [1906.08101](https://arxiv.org/abs/1906.08101)) hides all pieces of a word or none. The share of tokens is the same.

// %%
const words = wholeWordMasking(vocabulary);
const draw = async (objective: Hides, of = one, key = 12) => {
  const rows = await Promise.all(
    from0(5).map((i) => fates(of, objective.corrupt(of, randomKey(key, i)))),
  );
  return rows;
};
const named = (name: string, rows: number[][]) =>
  Object.fromEntries(rows.map((row, i) => [`${name} ${i + 1}`, row]));
await drawFates("Pieces, and whole words", {
  ...named("any piece", await draw(dynamic)),
  ...named("whole words", await draw(words)),
});

// %%
/** Of the asked pieces of words of several pieces: the share that has a visible sibling. */
async function givenAway(objective: Hides): Promise<number> {
  let asked = 0, away = 0;
  for (const [i, text] of texts.entries()) {
    const { targets } = objective.corrupt(text, randomKey(13, i));
    const hidden = new Set([...await read(targets.places)].slice(0, targets.count));
    const cut = wordsOf(from0(text.ids.length), rowOf(text, 0)).filter((word) => word.length > 1);
    for (const word of cut) {
      const inside = word.filter((t) => hidden.has(t)).length;
      asked += inside;
      if (inside < word.length) away += inside;
    }
  }
  return away / asked;
}
const [fromPieces, fromWords] = [await givenAway(dynamic), await givenAway(words)];
assert(fromPieces > 0.5 && fromWords === 0);
await show(barChart([
  { name: "any piece", value: fromPieces },
  { name: "whole words", value: fromWords },
], { title: "Asked pieces with a visible piece of the same word", valueLabel: "share" }));

// %% [markdown]
// ## Names and phrases
//
// Half of a name gives the other half away, too. Baidu's ERNIE (Sun et al. 2019,
// [1904.09223](https://arxiv.org/abs/1904.09223)) hides names and phrases whole: now one has to know who lives there.
// Where the names stand has to be told; the micro-world tells, and for other text a word list does
// (`objectives/word_list.ts`). In a short text 15 % of the tokens hold no long name, so here we hide 30 %.

// %%
const rate = 0.3;
const entities = entityMasking(coarse, { rate });
const onlyNames = entityMasking(coarse, { rate, only: true });
const ofStory = async (objective: typeof entities, key: number) =>
  await Promise.all(
    from0(5).map((i) => fates(one, objective.corrupt([story], randomKey(key, i)))),
  );
await drawFates("Whole words, and names and phrases besides", {
  ...named("whole words", await draw(wholeWordMasking(vocabulary, { rate }))),
  ...named("names too", await ofStory(entities, 14)),
  ...named("names only", await ofStory(onlyNames, 15)),
});

// %%
/** Of the names and phrases that are touched: the share that is hidden as a whole. */
async function wholeOnes(hide: (i: number) => Hidden[]): Promise<number> {
  let touched = 0, whole = 0;
  for (const [i, { sentences }] of told.en.slice(0, 60).entries()) {
    const text = joinTexts(sentences), original = encodeBatch(coarse, [text.text]);
    const ofNames = withWords(original, () => text.spans, { only: true });
    const names = wordsOf(from0(original.ids.length), rowOf(ofNames, 0)).filter((n) =>
      n.length > 1
    );
    for (const { targets } of hide(i)) {
      const hidden = new Set([...await read(targets.places)].slice(0, targets.count));
      const counts = names.map((name) => [name.filter((t) => hidden.has(t)).length, name.length]);
      touched += counts.filter(([n]) => n > 0).length;
      whole += counts.filter(([n, all]) => n === all).length;
    }
  }
  return whole / touched;
}
const storyOf = (i: number) => joinTexts(told.en[i].sentences);
const batchOf = (i: number) => encodeBatch(coarse, [storyOf(i).text]);
await show(barChart([
  {
    name: "any piece",
    value: await wholeOnes((i) => [dynamic.corrupt(batchOf(i), randomKey(16, i))]),
  },
  {
    name: "whole words",
    value: await wholeOnes((i) => [words.corrupt(batchOf(i), randomKey(16, i))]),
  },
  {
    name: "names and phrases",
    value: await wholeOnes((i) => [entityMasking(coarse).corrupt([storyOf(i)], randomKey(16, i))]),
  },
], {
  title: "Names and phrases hidden as a whole",
  note: "of those of several pieces that are touched at all",
  valueLabel: "share",
}));

// %% [markdown]
// ## Spans
//
// SpanBERT (Joshi et al. 2019, [1907.10529](https://arxiv.org/abs/1907.10529)) needs nobody to tell where names are: it
// hides runs of whole words, wherever. Their lengths are drawn from a geometric distribution,
//
// $$P(\ell) \propto p\,(1-p)^{\ell-1},\qquad p = 0.2,\quad \ell = 1 \ldots 10,$$
//
// with mean 3.8. What is done to one token of a span, `[MASK]` or another token or nothing, is done to all.

// %%
const spanwise = spanMasking(vocabulary);
await drawFates("Spans", {
  ...named("whole words", await draw(words)),
  ...named("spans", await draw(spanwise)),
});

// %% [markdown]
// Do the lengths come out as they should? A long text shows it: there the first span of each draw never meets an end.
// In real texts of some sixty tokens the nine or ten hidden ones are soon used up, so the last span is cut short; and
// spans that touch look like one.

// %%
/** A text of `n` words of one piece. */
function plainText(n: number): ReturnType<typeof rowOf> {
  const column = (value: (t: number) => number) =>
    Int32Array.from({ length: n }, (_, t) => value(t));
  const zero = column(() => 0);
  return {
    ids: zero,
    segments: zero,
    mask: column(() => 1),
    words: column((t) => t),
    starts: zero,
    ends: zero,
  };
}
const chances = lengthChances(), DRAWS = 4000;
const runsOf = (places: readonly number[]) => {
  const runs: number[] = [];
  places.forEach((t, i) => t === places[i - 1] + 1 ? runs[runs.length - 1]++ : runs.push(1));
  return runs;
};
const long = plainText(2000), candidates = from0(2000), chooseSpans = spans();
const firsts = from0(DRAWS).map((i) =>
  runsOf(chooseSpans(candidates, 10, randomKey(17, i), long))[0]
);
const inTexts = (await Promise.all(texts.flatMap((text, i) =>
  from0(20).map(async (k) => {
    const { targets } = spanwise.corrupt(text, randomKey(18, 20 * i + k));
    const hidden = new Set([...await read(targets.places)].slice(0, targets.count));
    const wholeWords = wordsOf(from0(text.ids.length), rowOf(text, 0));
    const numbers = [...wholeWords.keys()].filter((w) => hidden.has(wholeWords[w][0]));
    return runsOf(numbers);
  })
))).flat();
const lengths = chances.map((_, i) => i + 1);
const shareOf = (list: readonly number[]) => (length: number) =>
  list.filter((one) => one === length).length / list.length;
await show(lineChart([
  { name: "theory", x: lengths, y: chances, mark: "dashes" },
  {
    name: `first spans of ${DRAWS} draws`,
    x: lengths,
    y: lengths.map(shareOf(firsts)),
    mark: "points",
  },
  { name: "runs in texts of the world", x: lengths, y: lengths.map(shareOf(inTexts)) },
], { title: "Lengths of spans", xLabel: "words", yLabel: "share", height: 320 }));
const expected = chances.reduce((sum, chance, i) => sum + chance * (i + 1), 0);
await show(table([
  { lengths: "theory", mean: expected },
  { lengths: `first spans of ${DRAWS} draws`, mean: average(firsts) },
  { lengths: "runs in texts of the world", mean: average(inTexts) },
]));
assert(Math.abs(average(firsts) - expected) < 0.15 && average(inTexts) < expected);

// %% [markdown]
// Is each place of a text as likely to be hidden? For single tokens yes. A span begins anywhere and goes right: the first
// words are reached by few spans, so they are hidden less often. Here are texts of 60 words, 15 % of which are hidden.

// %%
const T = 60, sixty = plainText(T), places = from0(T);
const hiddenAt = (choose: Choose, key: number) => {
  const counts = new Float64Array(T);
  for (let i = 0; i < DRAWS; i++) {
    for (const t of choose(places, 0.15 * T, randomKey(key, i), sixty)) counts[t] += 1 / DRAWS;
  }
  return counts;
};
await show(lineChart([
  { name: "single tokens", x: places, y: hiddenAt(anywhere, 19) },
  { name: "spans", x: places, y: hiddenAt(chooseSpans, 20) },
], {
  title: "How often each place is hidden",
  note: `${DRAWS} draws`,
  xLabel: "place in the text",
  yLabel: "share of draws",
  height: 300,
  floors: [{ name: "15 %", y: 0.15 }],
}));

// %% [markdown]
// ## The span boundary
//
// SpanBERT asks for each hidden token twice: once where it stands, and once from the two tokens just outside of its span
// and its number within. So the ends of a span learn what is inside, which is what a reader of spans needs.

// %%
const spanned = spanwise.corrupt(one, randomKey(12, 1)), { count } = spanned.targets;
const asked = await read({
  places: spanned.targets.places,
  labels: spanned.targets.labels,
  before: spanned.targets.before,
  after: spanned.targets.after,
  offsets: spanned.targets.offsets,
});
console.log(Array.from(spanned.batch.ids, (id) => vocabulary.tokens[id]).join(" "));
await show(table(
  from0(count).map((m) => ({
    "to name": vocabulary.tokens[asked.labels[m]],
    "at place": asked.places[m],
    "from before": tokens[asked.before[m]],
    "from after": tokens[asked.after[m]],
    "and its number in the span": asked.offsets[m] + 1,
  })),
));

// %% [markdown]
// ## Sentences, and replaced tokens
//
// Tasks that do not hide words. *Next sentence* (BERT) and *sentence order* (ALBERT) ask one question for each text.
// RoBERTa found the first one useless and asks none. *Replaced tokens* (ELECTRA, Clark et al. 2020,
// [2003.10555](https://arxiv.org/abs/2003.10555)) lets a small model fill the gaps and asks of **every** token: is this the
// one that stood here? Here one that has learned nothing fills them; what it put stands between ‹ ›.

// %%
const elsewhere = sentencesOf(told.en[9]).slice(0, 2);
const views = everyObjective(english, { key: randomKey(21), elsewhere, rate });
const rows = await underEach(story, views);
await show(table(rows.filter(({ objective }) => /sentence|replaced/.test(objective))));

// %% [markdown]
// How much does a text teach at once? Masked LM asks for 15 % of the tokens. Replaced tokens asks about all of them,
// which is ELECTRA's point.
//
// ## All of them, side by side
//
// One text under every objective. In a terminal: `deno task show "A text of your own. With two sentences."`

// %%
await show(table(rows));

// %% [markdown]
// ## Exercises
//
// Each function below runs and gives a wrong answer. Make it right; its check tells.

// %%
/** Says whether an exercise is solved; a wrong answer stops nothing. */
function check(exercise: string, given: readonly number[], expected: readonly number[]): void {
  const right = given.length === expected.length &&
    expected.every((x, i) => Math.abs(x - given[i]) < 1e-6);
  console.log(
    right
      ? `${exercise}: solved`
      : `${exercise}: not yet. Expected ${expected.join(" ")}, found ${given.join(" ")}`,
  );
}

// %% [markdown]
// **1 · Never asked.** After how many epochs of dynamic masking has a token been asked for with probability $q$ at least?
// A share $r$ is chosen each time.

// %%
function epochsUntil(q: number, r: number): number {
  return Math.ceil(q / r); // not yet right
}
check("epochsUntil", [epochsUntil(0.5, 0.15), epochsUntil(0.99, 0.15)], [5, 29]);

// %% [markdown]
// **2 · Positions by hand.** Count RoBERTa's positions of a row of ids.

// %%
function positionsOf(ids: readonly number[], padding: number): number[] {
  return ids.map((_, t) => t + padding); // not yet right
}
check("positionsOf", positionsOf([1, 7, 8, 1, 9], 1), [1, 2, 3, 1, 4]);

// %% [markdown]
// **3 · A mask of your own.** Choose every second candidate, from the first on, until `count` are chosen. Any objective of
// this family takes such a function: `maskedLM(vocabulary, { choose: everySecond })`.

// %%
const everySecond: Choose = (candidates, count) => {
  return candidates.slice(0, count); // not yet right
};
check("everySecond", [...everySecond([3, 4, 5, 6, 7], 3, randomKey(1), long)], [3, 5, 7]);

// %% [markdown]
// **To try.**
//
// - Give `spans` another `p`. At which `p` are spans single words? What does the second picture of spans look like then?
// - Draw the Chinese twin: a document of `told.zh`, where each character is a token and `locate` says where words are.
// - Hide 15 % of the bytes instead: `maskedLM(roberta.vocabulary)`. Which masks leave half a character?
