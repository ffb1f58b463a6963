// %% [markdown]
// # 1 · Axes with names
//
// A language model is a long chain of operations on arrays of numbers. Most mistakes in such a chain
// are mistakes about axes: the wrong one was summed, two were swapped, one was stretched without
// asking. Here every axis has a name, so a mistake gets a message instead of a wrong number.
//
// **You will learn**
//
// - what a tensor is, and why building one computes nothing;
// - how tensors meet by the names of their axes, and what a mistake says;
// - one notation for all products (`einsum`) and one for all changes of form (`rearrange`);
// - how a gradient is computed, and how to check one;
// - where random numbers come from, which device computes, and what it does.
//
// You need some TypeScript, and what a derivative is.

// %%
import {
  add,
  at,
  AxisError,
  chosenDevice,
  device,
  type DeviceChoice,
  divide,
  dropout,
  einsum,
  exp,
  explain,
  gather,
  gelu,
  gradients,
  normal,
  randomKey,
  read,
  readRows,
  rearrange,
  rename,
  scale,
  softmax,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "@lineage/lineage/core/tensor";
import { show, table } from "@lineage/lineage/drawing/show";
import { heatMap, lineChart } from "@lineage/lineage/drawing/svg";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %% [markdown]
// ## A tensor and its axes
//
// A tensor is made of the names of its axes and of nested lists of numbers. The last axis is the
// innermost list. Four words, each a vector of three numbers, are a tensor with the axes `T` (the
// place in the text) and `D` (the place in the vector). These letters are the same in all lessons.

// %%
const x = tensor("T D", [
  [1, 0, 2],
  [0, 1, 1],
  [3, 1, 0],
  [1, 2, 1],
]);
console.log(x);
console.log(`T has ${x.size("T")} places, D has ${x.size("D")}; ${x.elements} numbers in all.`);

// %% [markdown]
// ## Building computes nothing
//
// A tensor is an expression: it knows where its numbers *would* come from. They are computed when they
// are read, and not before. So the next cell builds, at no cost, a tensor that fits into no machine.

// %%
const huge = normal(randomKey(1), "N D", [1_000_000, 1_000_000]);
const activated = gelu(scale(huge, 2));
console.log(activated);
console.log(`Reading it would take ${activated.elements * 4 / 1e12} TB. So we do not read it.`);

const doubled = scale(x, 2);
console.log(doubled, "is an expression;", await read(doubled), "are its numbers.");

// %% [markdown]
// `read` gives a flat list, the last axis running fastest; `readRows` cuts it into rows.

// %%
console.log(await readRows(doubled));

// %% [markdown]
// ## Broadcasting by name
//
// An operation on two tensors pairs their elements by the names of their axes. The second may lack an
// axis of the first; then it is repeated along it. Nothing depends on the order of the axes, or on
// whether sizes happen to agree.
//
// The square matrix below shows why that matters. A library that counts axes from the right would
// add a vector of three numbers to each row, whatever was meant. Here the name says it.

// %%
const grid = tensor("T D", [[0, 0, 0], [0, 0, 0], [0, 0, 0]]);
const numbers = [1, 2, 3];
const labels = (axis: string) => [0, 1, 2].map((i) => `${axis}=${i}`);
for (
  const [axis, sum] of [
    ["D", add(grid, tensor("D", numbers))],
    ["T", add(grid, tensor("T", numbers))],
  ] as const
) {
  await show(heatMap(await readRows(sum), {
    title: `add(grid: "T D", vector: "${axis}")`,
    rows: labels("T"),
    columns: labels("D"),
    numbers: true,
  }));
}

// %% [markdown]
// ## What a mistake says
//
// A notebook is not type-checked, so these mistakes are found when the expression is built, before
// anything is computed. In a module most of them are found even earlier: the axes are part of the
// type (`Tensor<"T D">`), and the compiler refuses the line. The comments `@ts-expect-error` mark the
// lines that it refuses.

// %%
const w = tensor("F D", [[1, 0, 1], [0, 1, 1]]);

const mistakes: Record<string, () => unknown> = {
  // @ts-expect-error: the axis F is not one of x
  "a vector along a foreign axis": () => add(x, tensor("F", [1, 2])),
  "a vector of the wrong size": () => add(x, tensor("D", [1, 2])),
  // @ts-expect-error: the operands are swapped
  "swapped operands": () => einsum("T D, F D -> T F", w, x),
  // @ts-expect-error: there is no axis Tk
  "softmax over an axis that is not there": () => softmax(x, "Tk"),
  "five heads from three numbers": () =>
    rearrange(rename(x, "T D -> T H·K"), "T (H K) -> H T K", { H: 5 }),
  "rows of different length": () => tensor("T D", [[1, 2], [3]]),
  "an id beyond the table": () => gather(x, tensor("B", [0, 4])),
};

for (const [name, mistake] of Object.entries(mistakes)) {
  try {
    mistake();
  } catch (error) {
    if (error instanceof AxisError) console.log(`${name}\n  ${error.message}\n`);
  }
}

// %% [markdown]
// ## One product: `einsum`
//
// Name the axes of the inputs and those of the output. Elements with the same indices are multiplied;
// every axis that the output does not name is summed. A linear layer, for instance, is
//
// $$y_{tf} = \sum_d x_{td}\, w_{fd}$$
//
// and is written `"T D, F D -> T F"`. The transpose that a matrix product needs is not there: which
// axes meet is said by their names.

// %%
const v = tensor("D", [1, 10, 100]);
const products = {
  "T D, F D -> T F": einsum("T D, F D -> T F", x, w),
  "T D, D -> T": einsum("T D, D -> T", x, v),
  "T D, T D -> T": einsum("T D, T D -> T", x, x),
  "T D, T D ->": einsum("T D, T D ->", x, x),
  "T, F -> T F": einsum("T, F -> T F", at(x, "D", 0), at(w, "D", 2)),
  "T D -> D T": einsum("T D -> D T", x),
};
const meanings = [
  "linear layer",
  "dot product of each row with v",
  "squared length of each row",
  "sum of all squares",
  "outer product",
  "transposition: nothing is summed",
];
const described = Object.entries(products).map(async ([expression, y], i) => ({
  expression,
  meaning: meanings[i],
  result: `${y}`.replace("Tensor ", ""),
  numbers: [...await read(y)].join(" "),
}));
await show(table(await Promise.all(described)));

// %% [markdown]
// ## One change of form: `rearrange`
//
// Axes in parentheses are one axis, stored with the last of them running fastest. `"T (H K) -> H T K"`
// splits an axis into `H` heads of `K` numbers each and puts the heads first: how attention cuts its
// vectors. The way back merges them. No number moves for the first; the second copies only if it must.

// %%
const vectors = tensor("T H·K", [
  [1, 2, 3, 4, 5, 6],
  [10, 20, 30, 40, 50, 60],
]);
const heads = rearrange(vectors, "T (H K) -> H T K", { H: 3 });
const back = rearrange(heads, "H T K -> T (H K)");
console.log(heads, await readRows(heads));
console.log(back, await readRows(back));

// %% [markdown]
// `rename` only gives other names. It is needed where one thing plays two parts: in self-attention
// every word is both the one that looks (`Tq`) and the one that is looked at (`Tk`). The products
// of all words with all words are
//
// $$s_{qk} = \sum_d x_{qd}\, x_{kd}.$$

// %%
const queries = rename(x, "T D -> Tq D"), keys = rename(x, "T D -> Tk D");
const scores = einsum("Tq D, Tk D -> Tq Tk", queries, keys);
console.log(scores, await readRows(scores));

// %% [markdown]
// ## Softmax over a named axis
//
// Softmax turns numbers into shares that sum to one,
//
// $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}.$$
//
// *Along which axis?* is the question that goes wrong most often, because a square matrix raises no
// error either way. The sums tell which is which.

// %%
const words = ["we", "name", "every", "axis"];
for (const axis of ["Tk", "Tq"] as const) {
  const shares = softmax(scale(scores, 0.5), axis);
  const other = axis === "Tk" ? "row" : "column";
  const sums = [...await read(sum(shares, axis))].map((s) => s.toFixed(3)).join(", ");
  await show(heatMap(await readRows(shares), {
    title: `softmax(scale(scores, 0.5), "${axis}")`,
    note: `sum of each ${other}: ${sums}`,
    rows: words,
    columns: words,
    rowLabel: "Tq",
    columnLabel: "Tk",
    range: [0, 1],
    numbers: true,
  }));
}

// %% [markdown]
// ## Gradients
//
// A tensor knows its inputs, so the chain rule can be followed from a number back to all it came from.
// `gradients(loss, { x })` gives tensors with the axes of `x`; they are expressions like any other.
//
// For a function that treats each element on its own, the gradient of the sum is the derivative at
// each element. So one line gives the whole derivative of GELU, the activation of BERT. We check it
// against the symmetric difference
//
// $$f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}.$$

// %%
const points = tensor("N", Array.from({ length: 81 }, (_, i) => (i - 40) / 10));
const slope = gradients(sum(gelu(points)), { points }).points;

/** The symmetric difference of GELU. */
const difference = (p: Tensor<"N">, h: number) =>
  divide(subtract(gelu(add(p, h)), gelu(add(p, -h))), 2 * h);

const curves = await read({
  points,
  value: gelu(points),
  slope,
  checked: difference(points, 0.01),
});
const every = <T>(list: ArrayLike<T>, n: number) => Array.from(list).filter((_, i) => i % n === 0);
await show(lineChart([
  { name: "GELU", x: curves.points, y: curves.value },
  { name: "its gradient", x: curves.points, y: curves.slope },
  {
    name: "difference with h = 0.01",
    x: every(curves.points, 4),
    y: every(curves.checked, 4),
    mark: "points",
  },
], { title: "A derivative and its check", xLabel: "x", yLabel: "value" }));

// %% [markdown]
// How small should $h$ be? The formula itself errs by about $h^2$, so smaller is better. But the
// numbers are rounded, and the rounding is divided by $h$, so smaller is worse. The two meet in a
// valley, whose place depends on the precision of the numbers: 24 bits on this device, 53 on the
// `reference` device. So that is the place to check a gradient.

// %%
/** Do some work on another device, then come back. */
async function on<T>(choice: DeviceChoice, work: () => Promise<T>): Promise<T> {
  const before = chosenDevice()?.name ?? "auto";
  await device(choice);
  return await work().finally(() => device(before));
}

const steps = Array.from({ length: 23 }, (_, i) => 10 ** (-i / 2));
const h = tensor("N", steps), one = tensor("N", steps.map(() => 1));
const differences = divide(subtract(gelu(add(one, h)), gelu(subtract(one, h))), scale(h, 2));
const error = async () => {
  const { found, exact } = await read({
    found: differences,
    exact: gradients(sum(gelu(one)), { one }).one,
  });
  return found.map((value, i) => Math.abs(value - exact[i]) || NaN);
};
const [double, single] = [await on("reference", error), await error()];
await show(lineChart([
  { name: "53 bits (reference)", x: steps, y: double },
  { name: `24 bits (${here.name})`, x: steps, y: single },
], {
  title: "How far the difference is from the gradient",
  note: "GELU at x = 1",
  xLabel: "h",
  yLabel: "error",
  xAxis: "log",
  yAxis: "log",
}));
const best = (errors: ArrayLike<number>) =>
  steps[Array.from(errors).reduce((b, e, i, all) => e < all[b] ? i : b, 0)];
const [ofDouble, ofSingle] = [best(double), best(single)].map((h) => h.toExponential(0));
console.log(`The best h is about ${ofDouble} with 53 bits and ${ofSingle} with 24.`);
assert(best(double) < best(single));

// %% [markdown]
// Training needs the value and its gradients at once, for a whole record of parameters.
// `valueAndGrad(f)` is the function that gives both; the gradients come in the form of the record.

// %%
const params = { weight: tensor("D", [0.5, -1, 2]), bias: tensor("", 1) };
const target = tensor("T", [3, 1, 0, 2]);
const squaredError = valueAndGrad((p: typeof params) => {
  const predicted = add(einsum("T D, D -> T", x, p.weight), p.bias);
  return sum(square(subtract(predicted, target)));
});
console.log(await read(squaredError(params)));

// %% [markdown]
// ## Randomness with keys
//
// A random number here depends on a key and on its place in the tensor, and on nothing else: not on
// what was drawn before, not on the device. The same key gives the same numbers; `derive` makes a key
// for another purpose.

// %%
const key = randomKey(3);
const drawn = normal(key, "N", [20_000]);
const histogram = new Float64Array(33);
for (const value of await read(drawn)) {
  const bin = Math.round(value * 4) + 16;
  if (bin >= 0 && bin < histogram.length) histogram[bin] += 4 / drawn.elements;
}
const centres = Array.from(histogram, (_, i) => (i - 16) / 4);
const bell = await read(exp(scale(square(tensor("N", centres)), -0.5)));
await show(lineChart([
  {
    name: "the normal density",
    x: centres,
    y: bell.map((value) => value / Math.sqrt(2 * Math.PI)),
  },
  { name: "drawn", x: centres, y: histogram, mark: "points" },
], { title: `${drawn.elements} normal numbers`, xLabel: "value", yLabel: "density" }));

const firstThree = async (from: typeof key) =>
  [...await read(normal(from, "N", [3]))].map((value) => value.toFixed(4)).join("  ");
console.log("this key       ", await firstThree(key));
console.log("once more      ", await firstThree(key));
console.log("a derived key  ", await firstThree(key.derive(1)));
console.log("elsewhere      ", await on("reference", () => firstThree(key)));

// %% [markdown]
// Dropout shows what this is good for. Each element is dropped with some probability and the others
// are enlarged, so that the mean stays. The gradient must know *which* were dropped; it draws the
// same numbers again from the same key, so no mask is stored.

// %%
const ones = tensor("N", [1, 1, 1, 1, 1, 1, 1, 1]);
const dropped = dropout(ones, 0.25, key);
const { forward, backward } = await read({
  forward: dropped,
  backward: gradients(sum(dropped), { ones }).ones,
});
console.log("forward ", [...forward].map((value) => value.toFixed(2)).join(" "));
console.log("backward", [...backward].map((value) => value.toFixed(2)).join(" "));
assert(forward.every((value, i) => Math.abs(value - backward[i]) < 1e-6));

// %% [markdown]
// ## Devices
//
// - `reference`: plain loops in double precision. Slow; it defines what every operation means.
// - `wasm`: WebAssembly with vector instructions and threads. Runs everywhere.
// - `webgpu`: the graphics card.
//
// `device("auto")` takes a real GPU if there is one, else `wasm`. The device that was chosen last
// computes; to choose another, call `device("wasm")` before you read. A GPU imitated in software is
// slower than `wasm`, so it is taken only if you ask for it by name.

// %%
const weights = softmax(scores, "Tk");
const truth = await on("reference", () => read(weights));
const found = [];
for (const choice of ["reference", "wasm", "webgpu"] as const) {
  const row = { device: choice, description: "", "difference from reference": NaN };
  try {
    const shares = await on(choice, () => read(weights));
    const errors = Array.from(shares, (value, i) => Math.abs(value - truth[i]));
    row.description = (await on(choice, () => device(choice))).description;
    row["difference from reference"] = Math.max(...errors);
  } catch (error) {
    row.description = (error as Error).message;
  }
  found.push(row);
}
await show(table(found));
console.log(`${chosenDevice()?.name} goes on.`);

// %% [markdown]
// ## What the device will do: `explain`
//
// Before it runs, the expression becomes a *program*: a short list of kernels over numbered buffers.
// Products stay products. Everything element-wise, and every sum or maximum over rows, is fused into
// loops, so that a number is used while it is at hand instead of travelling to memory and back.
// The shares of our words are one product and one loop.
//
// In the formulas `x` is given, `t` is stored in between, `r` is folded from a row, and `u` is a part
// that occurs more than once. FLOP counts operations on numbers, B the bytes read and written.

// %%
await show(await explain({ weights }));

// %% [markdown]
// The reference device fuses nothing. Compare the number of kernels, and the bytes moved.

// %%
const reference = await on("reference", () => device("reference"));
console.log((await explain({ weights }, reference)).toString());

// %% [markdown]
// The gradient is a program, too. Note that it uses the softmax as it is: $p\,(g - \sum g\,p)$ needs
// the result and not what led to it.

// %%
const loss = (p: { x: Tensor<"T D"> }) => {
  const s = einsum(
    "Tq D, Tk D -> Tq Tk",
    rename(p.x, "T D -> Tq D"),
    rename(p.x, "T D -> Tk D"),
  );
  return sum(square(softmax(s, "Tk")));
};
await show(await explain(valueAndGrad(loss)({ x })));

// %% [markdown]
// ## Exercises
//
// Each function below runs and gives a wrong answer. Make it right; the cell after it tells.

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
// **1 · Cosine similarity.** For all pairs of rows of `a` and `b`,
// $\;c_{ij} = \dfrac{a_i \cdot b_j}{\lVert a_i\rVert\,\lVert b_j\rVert}$. Hint: `sqrt` is among the
// operations, and `divide` broadcasts by name.

// %%
function cosine(a: Tensor<"A D">, b: Tensor<"B D">): Tensor<"A B"> {
  return einsum("A D, B D -> A B", a, b); // the lengths are missing
}

await check(
  "cosine",
  cosine(tensor("A D", [[3, 4], [1, 0]]), tensor("B D", [[6, 8], [0, 2]])),
  [1, 0.8, 0.6, 0],
);

// %% [markdown]
// **2 · Halving a text.** Average each two neighbouring rows: $T$ rows become $T/2$. Hint: name the
// axis `T'·P`, split it, and take a `mean` over `P`.

// %%
function halve(y: Tensor<"T D">): Tensor<"T' D"> {
  return rename(y, "T D -> T' D"); // all rows are still there
}

await check("halve", halve(x), [0.5, 0.5, 1.5, 2, 1.5, 0.5]);

// %% [markdown]
// **3 · Downhill.** Change the record `params` so that `squaredError` becomes small: repeat
// $\theta \leftarrow \theta - 0.05\,\partial L/\partial\theta$ in each round. Hint: what `read`
// gives are plain numbers; `tensor("D", numbers)` makes the next record from them.

// %%
async function descend(start: typeof params, rounds: number): Promise<typeof params> {
  const p = start;
  for (let round = 0; round < rounds; round++) {
    await read(squaredError(p).gradients); // a step against the gradients is missing
  }
  return p;
}

await check("descend", squaredError(await descend(params, 1000)).value, [0]);
