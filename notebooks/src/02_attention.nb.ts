// %% [markdown]
// # 2 · Attention
//
// A word means what its neighbours let it mean. Attention is how a model lets words look at each
// other: every word takes a weighted average of all words, and decides itself how much of each.
// Vaswani et al. 2017 ([1706.03762](https://arxiv.org/abs/1706.03762)) built a whole translator of it;
// every model of this course is built of it, too.
//
// **You will learn**
//
// - the four steps of attention, on numbers that you can check by hand;
// - why scores are divided by $\sqrt K$, what heads are, and what masks do;
// - why attention alone does not see order, and how positions repair that;
// - how attention, trained by nothing but gradient descent, finds out what to look at.
//
// Lesson 1 explains tensors with named axes. The letters: `B` batch, `T` places in the text (`Tq` those
// that look, `Tk` those that are looked at), `H` heads, `K` numbers in a head, `D` numbers in a word.

// %%
import { attention, attentionParameters, selfAttention } from "@lineage/lineage/core/attention";
import { hide } from "@lineage/lineage/core/masks";
import {
  countParameters,
  declare,
  initialise,
  type Parameters,
} from "@lineage/lineage/core/parameters";
import { sinusoidalPositions } from "@lineage/lineage/core/positions";
import {
  abs,
  add,
  at,
  broadcast,
  crossEntropy,
  device,
  divide,
  einsum,
  gather,
  indices,
  keep,
  type Key,
  leaves,
  less,
  mapNested,
  max,
  maximum,
  mean,
  multiply,
  normal,
  randomKey,
  read,
  readRows,
  rearrange,
  rename,
  scalar,
  scale,
  softmax,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@lineage/lineage/core/tensor";
import { show, table } from "@lineage/lineage/drawing/show";
import { heatMap, lineChart, smallMultiples } from "@lineage/lineage/drawing/svg";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %% [markdown]
// ## Three words, by hand
//
// Let *cats chase mice* be three words of two numbers each. Each word asks a question (its *query*
// $q$), offers an answer to questions (its *key* $k$), and has something to pass on (its *value* $v$).
// To begin with, all three are the word itself.
//
// **Step 1: scores.** How well does the key of each word answer the query of each word? As well as the
// two point in the same direction: $s_{ij} = q_i \cdot k_j$.

// %%
const words = ["cats", "chase", "mice"];
const x = tensor("T K", [
  [1, 0],
  [0, 1],
  [1, 1],
]);
const q = rename(x, "T K -> Tq K"), k = rename(x, "T K -> Tk K"), v = k;
const scores = einsum("Tq K, Tk K -> Tq Tk", q, k);
const map = { rows: words, columns: words, rowLabel: "query", columnLabel: "key", numbers: true };
await show(heatMap(await readRows(scores), { title: "Step 1: scores", ...map }));

// %% [markdown]
// **Step 2: scaling.** The scores are divided by $\sqrt K$, here $\sqrt 2$. Why, we shall see.
//
// **Step 3: weights.** Softmax makes each row positive, with sum one:
// $\;a_{ij} = e^{s_{ij}/\sqrt K} \big/ \sum_l e^{s_{il}/\sqrt K}$.

// %%
const weights = softmax(scale(scores, 1 / Math.sqrt(2)), "Tk");
await show(heatMap(await readRows(weights), { title: "Step 3: weights", range: [0, 1], ...map }));

// %% [markdown]
// **Step 4: the average.** Each word takes the values of all words, by weight:
// $\;o_i = \sum_j a_{ij}\, v_j$. The whole is one formula,
//
// $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt K}\right) V,$$
//
// where $K$ is the matrix of keys above the line and the width of a key below it. Take a pocket
// calculator and follow the row of *mice*:

// %%
const out = einsum("Tq Tk, Tk K -> Tq K", weights, v);
const short = (list: Iterable<number>) => [...list].map((n) => n.toFixed(3)).join("  ");
const miceScores = (await readRows(scores))[2];
const exponentials = miceScores.map((s) => Math.exp(s / Math.sqrt(2)));
const total = exponentials.reduce((a, b) => a + b);
console.log("scores        ", short(miceScores));
console.log("exponentials  ", short(exponentials), " with sum", total.toFixed(3));
console.log("weights       ", short(exponentials.map((e) => e / total)));
console.log("average       ", short((await readRows(out))[2]));

// %% [markdown]
// In the plane, every output lies within the triangle of the values: an average cannot leave it. And
// every word has moved towards those that it agrees with.

// %%
const inPlane = async (name: string, y: Tensor, marked: string) => {
  const rows = await readRows(y);
  const labels = words.map((word) => word + marked);
  return {
    name,
    x: rows.map((r) => r[0]),
    y: rows.map((r) => r[1]),
    labels,
    mark: "points" as const,
  };
};
await show(lineChart([await inPlane("values", v, ""), await inPlane("outputs", out, "'")], {
  title: "Step 4: averages of the values",
  xLabel: "first number",
  yLabel: "second number",
  width: 460,
  height: 400,
}));

// %% [markdown]
// `core/attention.ts` has the same four steps in three lines, for whole batches (`B`) and for
// several heads (`H`) at a time. Does it agree?

// %%
const bySteps = await read(out);
const batched = attention(
  broadcast(q, "B H Tq K", { B: 1, H: 1 }),
  broadcast(k, "B H Tk K", { B: 1, H: 1 }),
  broadcast(v, "B H Tk K", { B: 1, H: 1 }),
);
const apart = (await read(batched.out)).map((value, i) => Math.abs(value - bySteps[i]));
console.log(`The largest difference is ${Math.max(...apart)}.`);

// %% [markdown]
// ## Why $\sqrt K$?
//
// If the numbers of $q$ and $k$ are independent with mean 0 and variance 1, then $q \cdot k$ is a sum
// of $K$ such products, and has variance $K$: wider heads have larger scores, by $\sqrt K$. Softmax
// does not take that well. With large scores the largest one takes all the weight, and the others
// none: the softmax is *saturated*. Its derivative is
//
// $$\frac{\partial a_j}{\partial s_j} = a_j\,(1 - a_j),$$
//
// which vanishes where $a_j$ is 0 or 1. What gets no gradient learns nothing. Dividing by $\sqrt K$
// brings the variance back to 1, whatever $K$ is. We draw 200 random queries and 16 random keys for
// each width, and look.

// %%
const widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Largest weight, and sum of a(1 - a), averaged over random queries. */
function saturation(width: number, factor: number) {
  const queries = normal(randomKey(1).derive(width), "Tq K", [200, width]);
  const keys = normal(randomKey(2).derive(width), "Tk K", [16, width]);
  const a = softmax(scale(einsum("Tq K, Tk K -> Tq Tk", queries, keys), factor), "Tk");
  const moved = sum(subtract(a, square(a)), "Tk");
  return read({ largest: mean(max(a, "Tk")), gradient: mean(moved) });
}

const plain = await Promise.all(widths.map((width) => saturation(width, 1)));
const scaled = await Promise.all(widths.map((width) => saturation(width, 1 / Math.sqrt(width))));
for (
  const [part, title, yLabel] of [
    ["largest", "The largest of 16 weights", "mean weight"],
    ["gradient", "What is left of the gradient", "mean of Σ a(1 − a)"],
  ] as const
) {
  await show(lineChart([
    { name: "scores as they are", x: widths, y: plain.map((one) => one[part][0]) },
    { name: "scores divided by √K", x: widths, y: scaled.map((one) => one[part][0]) },
  ], { title, xLabel: "width K of queries and keys", yLabel, xAxis: "log", height: 300 }));
}

assert(plain.at(-1)!.gradient[0] < 0.2 && scaled.at(-1)!.gradient[0] > 0.7);

// %% [markdown]
// ## Heads
//
// One average is one way to look. A word may need several: one to find what it agrees with, another to
// find its neighbours. So the vector is cut into `H` heads of `K` numbers, `D = H·K`, and each head
// attends by itself; afterwards the pieces are put together again.
//
// Here every word has two numbers for what it is and two for where it stands (an angle). With two
// heads, each sees one half. A single head has to mix both.

// %%
const sentence = ["the", "dog", "and", "the", "cat", "and"];
const kinds: Record<string, number[]> = { the: [2, 0], dog: [-1, 2], cat: [-1, 2], and: [-1, -2] };
const features = sentence.map((word, t) => [
  ...kinds[word],
  2 * Math.cos(t / 2),
  2 * Math.sin(t / 2),
]);
const described = tensor("B T H·K", [features]);

/** Attention weights with all of the vector as queries and as keys, cut into heads. */
function looks(heads: number): Tensor<"H Tq Tk"> {
  const parts = rearrange(described, "B T (H K) -> B H T K", { H: heads });
  const asked = rename(parts, "B H T K -> B H Tq K");
  const offered = rename(parts, "B H T K -> B H Tk K");
  return at(attention(asked, offered, offered).weights, "B", 0);
}

const wordMap = { rows: sentence, columns: sentence, rowLabel: "query", columnLabel: "key" };
const views = [
  { title: "Head 1 of 2: what it is", seen: at(looks(2), "H", 0) },
  { title: "Head 2 of 2: where it stands", seen: at(looks(2), "H", 1) },
  { title: "A single head: both mixed", seen: at(looks(1), "H", 0) },
];
for (const { title, seen } of views) {
  await show(heatMap(await readRows(seen), { title, range: [0, 1], ...wordMap }));
}

// %% [markdown]
// ## Masks
//
// Not every word may look at every word.
//
// - *Padding.* Texts of a batch are filled up to one length. Nobody may look at the filling.
// - *Causal.* A model that foretells the next word must not see it: only what came before is visible.
//
// A mask has a 1 where a key is visible and a 0 where it is hidden. `hide` makes of it what is added to
// the scores: 0, or the lowest number there is, whose exponential is 0. Who sees whom is *all* that
// tells BERT (everybody sees everybody) from GPT (only back).
//
// To combine masks, multiply them and `hide` once. Adding two lowest numbers leaves the range of 32 bits.

// %%
const text = ["cats", "chase", "mice", "at", "night", "[PAD]", "[PAD]"];
const size = text.length;
const padding = tensor("Tk", text.map((word) => word === "[PAD]" ? 0 : 1));
const keyPlaces = broadcast(indices("Tk", size), "Tq Tk", { Tq: size });
const everything = broadcast(tensor("", 1), "Tq Tk", { Tq: size, Tk: size });
const causal = less(keyPlaces, add(indices("Tq", size), 0.5)); // keys up to the query itself

const vectors = normal(randomKey(3), "B H T K", [1, 1, size, 8]);
const asking = rename(vectors, "B H T K -> B H Tq K");
const offering = rename(vectors, "B H T K -> B H Tk K");
const masked = async (title: string, mask: Tensor<"Tq Tk">) => {
  const seen = attention(asking, offering, offering, hide(mask)).weights;
  return heatMap(await readRows(seen), { title, rows: text, columns: text, range: [0, 1] });
};
await show(smallMultiples([
  [await masked("No mask", everything), await masked("Padding", multiply(everything, padding))],
  [await masked("Causal", causal), await masked("Causal and padding", multiply(causal, padding))],
], { title: "The same words under four masks", note: "rows: queries, columns: keys" }));

// %% [markdown]
// A query that may see nothing at all, such as a filling under a mask of pairs, gets equal weights
// everywhere: all its scores are equally low. Its output is of no use, but it is a number, and no
// loss counts it.
//
// ## Self-attention with parameters
//
// In a model, queries, keys and values are not the words themselves. Each is a linear map of them, and
// the maps are learned:
//
// $$q = W_q x + b_q,\qquad k = W_k x + b_k,\qquad v = W_v x + b_v,\qquad y = W_o\, o + b_o.$$
//
// $W_o$ puts the heads together again. `attentionParameters(D)` declares these parameters, `initialise`
// makes their first values, and `selfAttention` applies them. Before any training the heads look about
// at random, each in its own way.

// %%
const declaredBlock = attentionParameters(16);
const block = await keep(initialise(declaredBlock, randomKey(4), 0.5));
const tokens = normal(randomKey(5), "T D", [6, 16]);

/** Four heads of self-attention on a single text. */
function attend(one: Tensor<"T D">, mask?: Tensor<"Tq Tk">) {
  return selfAttention(broadcast(one, "B T D", { B: 1 }), block, 4, mask && hide(mask));
}

const { weights: untrained } = attend(tokens);
console.log(`${countParameters(declaredBlock)} parameters; ${untrained}`);
const panels = [0, 1, 2, 3].map(async (head) =>
  heatMap(await readRows(at(untrained, "H", head)), {
    title: `head ${head + 1}`,
    range: [0, 1],
    bare: true,
  })
);
await show(smallMultiples([await Promise.all(panels)], {
  title: "Four heads before training",
  note: "rows: queries, columns: keys",
  columns: [1, 2, 3, 4].map((head) => `head ${head}`),
  panelWidth: 130,
}));

// %% [markdown]
// ## Attention does not see order
//
// Nothing in the formula says where a word stands. Shuffle the words, and the outputs are shuffled
// along, but the same: with $P$ for the shuffling, $f(Px) = P f(x)$. For attention, a text is a bag of
// words.
//
// Two things break this. Positions: a vector for each place, added to the word that stands there. And,
// less expected, the causal mask: the third word sees three words, whatever they are, so it can count.
// (Haviv et al. 2022, [2203.16634](https://arxiv.org/abs/2203.16634), train models without positions.)

// %%
const order = [3, 0, 5, 1, 4, 2];
const shuffle = (y: Tensor<"T D">): Tensor<"T D"> => gather(y, tensor("T", order));
const positions = sinusoidalPositions(6, 16);
const triangle = tensor("Tq Tk", order.map((_, i) => order.map((_, j) => j <= i ? 1 : 0)));
const models: Record<string, (y: Tensor<"T D">) => Tensor<"T D">> = {
  "attention alone": (y) => at(attend(y).out, "B", 0),
  "with positions": (y) => at(attend(add(y, positions)).out, "B", 0),
  "with a causal mask": (y) => at(attend(y, triangle).out, "B", 0),
};
const tested = Object.entries(models).map(async ([model, f]) => {
  const difference = abs(subtract(f(shuffle(tokens)), shuffle(f(tokens))));
  return { model, "largest |f(Px) − P f(x)|": (await read(max(difference, "T D")))[0] };
});
const orders = await Promise.all(tested);
await show(table(orders));
const [alone, ...sighted] = orders.map((row) => row["largest |f(Px) − P f(x)|"]);
assert(alone < 1e-4 && sighted.every((difference) => difference > 1));

// %% [markdown]
// ## Positions
//
// The first Transformer made its positions of sines and cosines, of a frequency that falls from one
// pair of numbers to the next:
//
// $$P_{t,2i} = \sin(t\,\omega_i),\qquad P_{t,2i+1} = \cos(t\,\omega_i),\qquad
// \omega_i = 10000^{-2i/D}.$$
//
// Each pair is the hand of a clock, and each clock is slower than the one before.

// %%
const clocks = sinusoidalPositions(24, 32);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => String(i));
await show(heatMap(await readRows(clocks), {
  title: "Sinusoidal positions",
  rowLabel: "place t",
  columnLabel: "number of the vector",
  rows: upTo(24),
  columns: upTo(32),
}));

// %% [markdown]
// Two properties make them useful. The product of two positions depends on their distance alone,
//
// $$P_t \cdot P_{t+d} = \sum_i \cos(\omega_i\, d),$$
//
// and to go from place $t$ to place $t+d$ is to turn every hand by a fixed angle: a linear map, the
// same for every $t$. So a head *can* learn to look "one to the left". Below it does.

// %%
const products = await readRows(einsum(
  "Tq D, Tk D -> Tq Tk",
  rename(clocks, "T D -> Tq D"),
  rename(clocks, "T D -> Tk D"),
));
const far = upTo(24).map(Number), near = far.slice(0, 12);
await show(lineChart([
  { name: "from place 0", x: far, y: far.map((d) => products[0][d]) },
  { name: "from place 12", x: near, y: near.map((d) => products[12][12 + d]), mark: "points" },
], {
  title: "Product of two positions",
  xLabel: "distance d",
  yLabel: "product",
  height: 300,
}));

// %% [markdown]
// ## Attention that learns
//
// Now a task that cannot be done without looking. A text is a row of letters. Somewhere stands a
// marker, `*`, and at the end a question, `?`. *Which letter follows the marker?*
//
// The question cannot know where the marker is, and the letter after it looks like any other letter.
// So it takes two layers: in the first, the letter has to notice that a marker stands before it; in the
// second, the question has to find the letter that noticed.

// %%
const letters = 8, marker = 8, question = 9, length = 10;
const signs = [..."abcdefgh*?"];

/** Texts of random letters, each with a marker and a question, and the answers. */
function makeTexts(key: Key, count: number) {
  let drawn = 0;
  const pick = (choices: number) => Math.floor(key.number(drawn++) * choices);
  const texts = Array.from({ length: count }, () => {
    const ids = Array.from({ length }, () => pick(letters));
    const place = pick(length - 3);
    [ids[place], ids[length - 1]] = [marker, question];
    return { ids, place };
  });
  return {
    ids: tensor("B T", texts.map(({ ids }) => ids)),
    answers: tensor("B", texts.map(({ ids, place }) => ids[place + 1])),
    places: texts.map(({ place }) => place),
    shown: texts.map(({ ids }) => ids.map((id) => signs[id])),
  };
}
type Texts = ReturnType<typeof makeTexts>;

const example = makeTexts(randomKey(1), 3);
const exampleAnswers = await read(example.answers);
example.shown.forEach((one, b) => console.log(one.join(" "), "→", signs[exampleAnswers[b]]));

// %% [markdown]
// The model: a learned vector for each sign, plus its position; two layers of self-attention with one
// head each, whose outputs are added to what came in (the *residual stream*, lesson 3); and at the
// question a product with a learned vector for each possible answer. The loss is the surprise at the
// right answer, $-\log p$.

// %%
const width = 32;
const declared = {
  sign: declare("V D", [signs.length, width]),
  first: attentionParameters(width),
  second: attentionParameters(width),
  answer: declare("V D", [signs.length, width]),
};
type Model = Parameters<typeof declared>;
const standing = sinusoidalPositions(length, width);

function think(model: Model, ids: Tensor<"B T">) {
  const start = add(gather(model.sign, ids), standing);
  const first = selfAttention(start, model.first, 1);
  const middle = add(start, first.out);
  const second = selfAttention(middle, model.second, 1);
  const end = at(add(middle, second.out), "T", length - 1); // at the question
  const logits = einsum("B D, V D -> B V", end, model.answer);
  return { logits, first: at(first.weights, "H", 0), second: at(second.weights, "H", 0) };
}

const lossAndGradients = valueAndGrad((model: Model, { ids, answers }: Texts) => {
  const surprise = crossEntropy(think(model, ids).logits, answers, "V");
  return mean(surprise);
});

// %% [markdown]
// Training is plain gradient descent, $\theta \leftarrow \theta - \eta\,\partial L/\partial\theta$,
// on 32 fresh texts in each step. One precaution: where the slope is steeper than 1, the step is
// shortened to the length $\eta$ (*clipping*), or a single cliff would throw the model far away.

// %%
/** A trained model, and the loss before each step. */
async function train(seed: number, steps: number): Promise<{ model: Model; losses: number[] }> {
  const model = await keep(initialise(declared, randomKey(seed), 0.2));
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { value, gradients } = lossAndGradients(model, makeTexts(randomKey(seed, step), 32));
    const slopes = new Map(leaves(gradients));
    const squares = [...slopes.values()].map((slope) => sum(square(slope)));
    const steepness = sqrt(squares.reduce((a, b) => add(a, b)));
    const rate = divide(scalar(0.5), maximum(steepness, 1));
    const moved = mapNested(model, (w, path) => subtract(w, multiply(slopes.get(path)!, rate)));
    const [loss] = await read(value, [[model, moved]]); // computes the loss, and moves the model
    losses.push(loss);
    if (step % 100 === 0) console.log(`step ${step}: loss ${loss.toFixed(3)}`);
  }
  return { model, losses };
}

const { model, losses } = await train(1, 800);
await show(lineChart([
  { name: "loss", x: losses.map((_, i) => i), y: losses },
], {
  title: "Learning to look",
  xLabel: "step",
  yLabel: "nats",
  floors: [{ name: "guessing among all letters: log 8", y: Math.log(letters) }],
}));

// %% [markdown]
// A long plateau, then a sudden fall. On the plateau neither layer is of use without the other: the
// question cannot find a letter that has noticed nothing, and noticing brings nothing as long as nobody
// asks. Once both begin to work, each helps the other. (In language models the same pair is known as an
// *induction head*: Olsson et al. 2022, [2209.11895](https://arxiv.org/abs/2209.11895).)
//
// Does it work on texts that it has never seen? And do the layers do what we thought they must?
// We measure how much the letter after the marker looks at the marker, and how much the letters
// further on do.

// %%
const exam = makeTexts(randomKey(1000), 500);
const { logits, first, second, answers } = await read({
  ...think(model, exam.ids),
  answers: exam.answers,
});
const best = (b: number) => {
  const row = [...logits.subarray(b * signs.length, (b + 1) * signs.length)];
  return row.indexOf(Math.max(...row));
};
const average = (f: (place: number, b: number) => number) =>
  exam.places.reduce((total, place, b) => total + f(place, b), 0) / exam.places.length;
const weight = (layer: ArrayLike<number>, b: number, from: number, to: number) =>
  layer[(b * length + from) * length + to];
const right = average((_, b) => Number(best(b) === answers[b]));
await show(table([
  { question: "right answers", share: right },
  {
    question: "first layer: weight of the marker, for the letter after it",
    share: average((place, b) => weight(first, b, place + 1, place)),
  },
  {
    question: "first layer: weight of the marker, for the letter after that",
    share: average((place, b) => weight(first, b, place + 2, place)),
  },
  {
    question: "second layer: weight of that letter, for the question",
    share: average((place, b) => weight(second, b, length - 1, place + 1)),
  },
  { question: "for comparison: each weight of an even look", share: 1 / length },
], "Mean over 500 new texts"));
assert(right > 0.9);

// %%
const placed = exam.shown[0].map((sign, t) => `${t} ${sign}`);
for (const [name, layer] of [["First", first], ["Second", second]] as const) {
  const rows = Array.from({ length }, (_, t) => [...layer.subarray(t * length, (t + 1) * length)]);
  await show(heatMap(rows, {
    title: `${name} layer, after training`,
    note: `the marker stands at place ${exam.places[0]}`,
    rows: placed,
    columns: placed,
    rowLabel: "query",
    columnLabel: "key",
    range: [0, 1],
  }));
}

// %% [markdown]
// Look at the rows of the letters in the first map, and at the last row, that of `?`, in the second.
// (The other rows of the second layer are free: nobody reads their outputs.)
//
// If in the first layer only the letter after `*` looks at `*`, the layer has learned to look one
// to the left. If the letters further on look at it, too, it has learned something else: everybody
// takes over where the marker stands, and then each letter can tell from its own place whether it
// comes right after. Both are solutions. Gradient descent takes the one that it meets first, and it
// need not be the one that we had in mind: look before you believe.
//
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
// **1 · A sliding window.** Long texts make attention dear: every word looks at every word. Write the
// mask by which a word sees only itself and `reach` words on either side (1 visible, 0 hidden).
// Hint: `abs` of the distance of key and query, and `less`.

// %%
function slidingWindow(size: number, reach: number): Tensor<"Tq Tk"> {
  const distance = broadcast(indices("Tk", size), "Tq Tk", { Tq: size }); // of key and place 0
  return less(distance, reach + 0.5);
}

await check("slidingWindow", slidingWindow(4, 1), [1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1]);

// %% [markdown]
// **2 · How far does a head look?** The mean distance $\sum_{q,k} a_{qk}\,|q - k|$ over all queries, for
// each head; it tells local heads from far-sighted ones. Hint: one `einsum` of weights and distances.

// %%
function meanDistance(a: Tensor<"H Tq Tk">): Tensor<"H"> {
  return mean(a, "Tq Tk"); // takes no account of the distance
}

await check(
  "meanDistance",
  meanDistance(tensor("H Tq Tk", [[[1, 0], [0, 1]], [[0, 1], [0.5, 0.5]]])),
  [0, 0.75],
);

// %% [markdown]
// **3 · One to the left, by hand.** Training found a head that looks one place back. Build one without
// training. Give queries that, with the positions themselves as keys, have their largest product one
// place to the left. Hint: to turn the hand $(\sin t\omega, \cos t\omega)$ back by $\omega$,
// use $\sin(t-1)\omega = \sin t\omega \cos\omega - \cos t\omega \sin\omega$; or simply look up
// the position before (`gather`), as the linear map would compute it.

// %%
function lookLeft(places: Tensor<"T D">): Tensor<"Tq D"> {
  return rename(places, "T D -> Tq D"); // looks at itself
}

const leftKeys = rename(sinusoidalPositions(6, 32), "T D -> Tk D");
const leftScores = einsum("Tq D, Tk D -> Tq Tk", lookLeft(sinusoidalPositions(6, 32)), leftKeys);
const leftRows = (await readRows(leftScores)).slice(1); // place 0 has nothing to its left
const looked = leftRows.map((row) => row.indexOf(Math.max(...row)));
await check("lookLeft", tensor("Tq", looked), [0, 1, 2, 3, 4]);

// %% [markdown]
// **To try.** Train without positions (`standing` scaled by 0), with one layer (leave `first.out` out of
// `middle`), or with four heads. Guess the curve before you draw it:
//
// ```ts
// const other = await train(1, 800);
// await show(lineChart([
//   { name: "before", x: losses.map((_, i) => i), y: losses },
//   { name: "now", x: other.losses.map((_, i) => i), y: other.losses },
// ], { title: "Two trainings", xLabel: "step", yLabel: "nats" }));
// ```
