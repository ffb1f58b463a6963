/** Operators against the figures that PyTorch gives for them, in single precision. */
import { assert } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";

const FOLDER = `${Deno.env.get("GOLDEN_DIR") ?? `${import.meta.dirname}/golden`}/nonmodel`;

// The form of the file is in its README; every test reads the part that it needs.
// deno-lint-ignore no-explicit-any
type Json = any;

const load = (name: string): Json => JSON.parse(Deno.readTextFileSync(`${FOLDER}/${name}.json`));
const golden = load("operators");

/** Names of the parts that begin so. There must be some: without data nothing would be tested. */
function parts(from: Json, beginning: string): string[] {
  const found = Object.keys(from).filter((name) => name.startsWith(beginning));
  assert(found.length > 0, `${FOLDER}: nothing begins with "${beginning}"`);
  return found;
}

const number = (x: number | string) =>
  typeof x === "number" ? x : Number(x.replace("inf", "Infinity"));

/** A tensor of the file, or nested lists, under these axes. */
function given<const S extends string>(axes: S, x: Json): Tensor<S> {
  return Array.isArray(x) ? tensor(axes, x) : tensor(axes, x.data.map(number), x.shape);
}

/** Figures have seven digits and PyTorch's own rounding: 2e-6 of the largest one, or of 1. */
function assertGolden(
  found: ArrayLike<number>,
  wanted: Json,
  what: string,
  tolerance = 2e-6,
): void {
  const figures: number[] = (typeof wanted === "object" ? wanted.data : [wanted]).map(number);
  assert(
    found.length === figures.length,
    `${what}: ${found.length} numbers, not ${figures.length}`,
  );
  const largest = Math.max(1, ...figures.map(Math.abs).filter(Number.isFinite));
  figures.forEach((w, i) => {
    const same = Object.is(found[i], w) || Math.abs(found[i] - w) <= tolerance * largest;
    assert(same, `${what} at ${i}: ${found[i]}, not ${w}`);
  });
}

/** The loss whose gradient with respect to y is `upstream`. */
const fed = <S extends string>(y: Tensor<S>, upstream: Json): Tensor<""> =>
  t.sum(t.multiply<string, string>(y, given(y.axes.join(" "), upstream)));

const ACTIVATIONS: Record<string, (x: Tensor<"T">) => Tensor<"T">> = {
  gelu: t.gelu,
  gelu_new: t.geluTanh,
  relu: t.relu,
  silu: t.silu,
  tanh: t.tanh,
};

for (const [name, f] of Object.entries(ACTIVATIONS)) {
  onEveryDevice(`golden operators: ${name} and its derivative`, async (on) => {
    const x = given("T", golden[name].x);
    const { y, slope } = await t.read({ y: f(x), slope: t.gradients(t.sum(f(x)), { x }).x });
    assertGolden(y, golden[name].y, "y");
    // Near ±1 single precision knows tanh to 6e-8 only, and gelu_new's slope has 1 - tanh² times up to 30.
    const single = name === "gelu_new" && on.name !== "reference";
    assertGolden(slope, golden[name].dydx, "dy/dx", single ? 5e-6 : 2e-6);
  });
}

const affine = (x: Tensor<"T D">, weight: Tensor<"D">, bias: Tensor<"D">) =>
  t.add(t.multiply(x, weight), bias);

onEveryDevice("golden operators: LayerNorm with each epsilon", async () => {
  for (const name of parts(golden, "layer_norm_eps")) {
    const { x, weight, bias, upstream, ...wanted } = golden[name];
    const epsilon = Number(name.slice("layer_norm_eps".length));
    const params = { x: given("T D", x), weight: given("D", weight), bias: given("D", bias) };
    const y = affine(t.standardize(params.x, "D", epsilon), params.weight, params.bias);
    const found = await t.read({ y, gradients: t.gradients(fed(y, upstream), params) });
    assertGolden(found.y, wanted.y, `${name}: y`);
    for (const part of ["x", "weight", "bias"] as const) {
      assertGolden(found.gradients[part], wanted[`grad_${part}`], `${name}: gradient of ${part}`);
    }
  }
});

onEveryDevice("golden operators: LayerNorm of a constant row is 0, not NaN", async () => {
  const { x, eps, y } = golden.layer_norm_constant_row;
  assertGolden(await t.read(t.standardize(given("T D", x), "D", eps)), y, "y", 0);
});

onEveryDevice("golden operators: T5's RMS norm", async () => {
  const { x, weight, eps, upstream, ...wanted } = golden.t5_rms_norm;
  const params = { x: given("T D", x), weight: given("D", weight) };
  const size = t.sqrt(t.add(t.mean(t.square(params.x), "D"), eps));
  const y = t.multiply(t.divide(params.x, size), params.weight);
  const found = await t.read({ y, gradients: t.gradients(fed(y, upstream), params) });
  assertGolden(found.y, wanted.y, "y");
  assertGolden(found.gradients.x, wanted.grad_x, "gradient of x");
  assertGolden(found.gradients.weight, wanted.grad_weight, "gradient of weight");
});

const LOWEST = -3.4028234663852886e38;
const VALUES: Record<string, number> = { finfo_min: LOWEST, "-inf": -Infinity };

onEveryDevice("golden operators: softmax under a mask, in every way of masking", async (on) => {
  const { scores, keep, upstream } = golden.masked_softmax;
  for (
    const name of [
      ...parts(golden.masked_softmax, "add_"),
      ...parts(golden.masked_softmax, "fill_"),
    ]
  ) {
    const [way, text] = name.split("_", 1).concat(name.slice(name.indexOf("_") + 1));
    const value = VALUES[text] ?? Number(text);
    const x = given("Q K", scores), kept = given("Q K", keep);
    const masked = way === "fill"
      ? t.where(kept, x, value)
      : t.add(x, t.scale(t.subtract(t.full("Q K", x.shape, 1), kept), value));
    const p = t.softmax(masked, "K");
    const { p: found, slope } = await t.read({ p, slope: t.gradients(fed(p, upstream), { x }).x });
    const wanted = golden.masked_softmax[name];
    // Where no key is kept, single precision absorbs some of the score; the reference device does not.
    const rows = rounded(keep, way === "add" && value !== LOWEST && on.name === "reference");
    assertGolden(rows(found), { data: rows(wanted.probs.data) }, name);
    assertGolden(rows(slope), { data: rows(wanted.grad_scores.data) }, `${name}: gradient`);
  }
});

/** The numbers of all rows, or of those that keep something. */
function rounded(keep: number[][], only: boolean): <T>(flat: ArrayLike<T>) => T[] {
  const width = keep[0].length, any = keep.map((row) => row.some((k) => k !== 0));
  return (flat) => Array.from(flat).filter((_, i) => !only || any[Math.floor(i / width)]);
}

Deno.test("golden operators: in double precision, a finite mask leaves the softmax of the scores", async () => {
  await t.device("reference");
  const { scores, keep } = golden.masked_softmax, x = given("Q K", scores);
  const masked = t.add(x, t.scale(t.subtract(t.full("Q K", x.shape, 1), given("Q K", keep)), -1e4));
  const [p, raw] = await t.read([t.softmax(masked, "K"), t.softmax(x, "K")]);
  const none = rounded(
    keep.map((row: number[]) => row.map((_, i) => row.some(Boolean) ? 0 : i + 1)),
    true,
  );
  assertGolden(none(p), { data: none(raw) }, "rows that keep nothing", 1e-9);
});

/** Cross-entropy's terms: −log p of the label, and the mean over all classes for smoothing. */
function terms(logits: Tensor<"T V">, targets: number[]) {
  const labels = tensor("T", targets),
    counts = tensor("T", targets.map((y) => Number(y !== t.ignored)));
  const own = t.crossEntropy(logits, labels, "V");
  const uniform = t.negate(t.mean(t.logSoftmax(logits, "V"), "V"));
  return { own, uniform, counts };
}

onEveryDevice(
  "golden operators: cross-entropy, mean and sum over what is not ignored",
  async () => {
    const { logits, targets, mean, sum } = golden.cross_entropy, x = given("T V", logits);
    const { own, counts } = terms(x, targets);
    for (
      const [name, loss, wanted] of [["mean", t.meanOver(own, counts), mean], [
        "sum",
        t.sum(own),
        sum,
      ]] as const
    ) {
      const found = await t.read({ loss, slope: t.gradients(loss, { x }).x });
      assertGolden(found.loss, wanted.loss, name);
      assertGolden(found.slope, wanted.grad, `${name}: gradient`);
    }
  },
);

onEveryDevice("golden operators: cross-entropy with label smoothing", async () => {
  const { logits, targets } = golden.cross_entropy, x = given("T V", logits);
  for (const name of parts(golden.cross_entropy, "label_smoothing_")) {
    const epsilon = Number(name.slice("label_smoothing_".length)),
      { own, uniform, counts } = terms(x, targets);
    const loss = t.meanOver(t.add(t.scale(own, 1 - epsilon), t.scale(uniform, epsilon)), counts);
    const found = await t.read({ loss, slope: t.gradients(loss, { x }).x });
    assertGolden(found.loss, golden.cross_entropy[name].loss, name);
    assertGolden(found.slope, golden.cross_entropy[name].grad, `${name}: gradient`);
  }
});

onEveryDevice("golden operators: cross-entropy with weighted classes", async () => {
  const { logits, targets, weighted, weights_used } = golden.cross_entropy,
    x = given("T V", logits);
  const { own, counts } = terms(x, targets);
  const classes = tensor("T", targets.map((y: number) => Math.max(y, 0)));
  const weight = t.multiply(t.gather(tensor("V", weights_used), classes), counts);
  const loss = t.divide(t.sum(t.multiply(own, weight)), t.sum(weight));
  const found = await t.read({ loss, slope: t.gradients(loss, { x }).x });
  assertGolden(found.loss, weighted.loss, "loss");
  assertGolden(found.slope, weighted.grad, "gradient");
});

onEveryDevice(
  "golden operators: the mean cross-entropy of ignored labels alone is NaN",
  async () => {
    const { logits, targets, all_ignored_loss } = golden.cross_entropy;
    const { own, counts } = terms(given("T V", logits), targets.map(() => t.ignored));
    assertGolden(await t.read(t.meanOver(own, counts)), all_ignored_loss, "loss");
  },
);

onEveryDevice("golden operators: binary cross-entropy of logits", async () => {
  const { logits, targets, loss, grad } = golden.bce_with_logits;
  const x = given("B T", logits), y = given("B T", targets);
  const surprise = t.log(t.add(t.exp(t.negate(t.abs(x))), 1)); // log(1 + e^-|x|)
  const mean = t.mean(t.add(t.subtract(t.maximum(x, 0), t.multiply(x, y)), surprise));
  const found = await t.read({ mean, slope: t.gradients(mean, { x }).x });
  assertGolden(found.mean, loss, "loss");
  assertGolden(found.slope, grad, "gradient");
});

onEveryDevice("golden operators: scaled dot-product attention", async () => {
  const { q, k, v, upstream, ...wanted } = golden.attention;
  const params = { q: given("B H Tq K", q), k: given("B H Tk K", k), v: given("B H Tk K", v) };
  const scores = t.einsum("B H Tq K, B H Tk K -> B H Tq Tk", params.q, params.k);
  const probs = t.softmax(t.scale(scores, params.q.size("K") ** -0.5), "Tk");
  const out = t.einsum("B H Tq Tk, B H Tk K -> B H Tq K", probs, params.v);
  const found = await t.read({ probs, out, gradients: t.gradients(fed(out, upstream), params) });
  assertGolden(found.probs, wanted.probs, "probabilities");
  assertGolden(found.out, wanted.out, "output");
  for (const part of ["q", "k", "v"] as const) {
    assertGolden(found.gradients[part], wanted[`grad_${part}`], `gradient of ${part}`);
  }
});

onEveryDevice("golden operators: an embedding whose padding row gets no gradient", async () => {
  const { weight, ids, padding_idx, upstream, grad_weight } = golden.embedding_padding_idx;
  const table = given("V D", weight), tokens = tensor("B T", ids as number[][]);
  const found = t.gather(table, tokens), padding = t.equal(tokens, padding_idx);
  const y = t.add(
    t.where(t.equal(padding, 0), found, 0),
    t.where(padding, t.stopGradient(found), 0),
  );
  const { same, slope } = await t.read({
    same: t.subtract(y, found),
    slope: t.gradients(fed(y, upstream), { table }).table,
  });
  assert(same.every((d) => d === 0));
  assertGolden(slope, grad_weight, "gradient");
});

onEveryDevice("golden operators: ELMo's scalar mix", async () => {
  const { layers, scalars, gamma, upstream, ...wanted } = golden.scalar_mix;
  const stack = t.concat(
    layers.map((x: Json) => t.broadcast(given("B T D", x), "L B T D", { L: 1 })),
    "L",
  );
  const params = { scalars: given("L", scalars), gamma: tensor("", gamma) };
  const mixed = t.einsum(
    "L, L B T D -> B T D",
    t.softmax(params.scalars, "L"),
    t.withAxes(stack, "L B T D"),
  );
  const y = t.multiply(mixed, params.gamma);
  const found = await t.read({ y, gradients: t.gradients(fed(y, upstream), params) });
  assertGolden(found.y, wanted.y, "y");
  assertGolden(found.gradients.scalars, wanted.grad_scalars, "gradient of scalars");
  assertGolden(found.gradients.gamma, wanted.grad_gamma, "gradient of gamma");
});

onEveryDevice(
  "golden rel_shift: XLNet's relative shift is a change of axes, without a copy by place",
  async () => {
    const { q, k, input, output } = load("rel_shift").xlnet, x = given("B N Q P", input);
    const turned = t.rearrange(
      t.rename(t.rearrange(x, "B N Q P -> B N (Q P)"), "B N Q·P -> B N P·Q"),
      "B N (P Q) -> B N P Q",
      { Q: q },
    );
    const flat = t.rename(
      t.rearrange(t.slice(turned, "P", 1, q + k), "B N P Q -> B N (P Q)"),
      "B N P·Q -> B N Q·P",
    );
    const shifted = t.slice(t.rearrange(flat, "B N (Q P) -> B N Q P", { Q: q }), "P", 0, k);
    assertGolden(await t.read(shifted), output, "shifted", 0);
  },
);

onEveryDevice(
  "golden masks: left-to-right and right-to-left are comparisons of places",
  async () => {
    const { left_to_right, right_to_left } = load("masks"), size = left_to_right.length;
    const places = (axis: "Q" | "K") =>
      t.broadcast(t.indices(axis, size), "Q K", { Q: size, K: size });
    const found = await t.read({
      left: t.less(places("K"), t.add(places("Q"), 1)),
      right: t.less(places("Q"), t.add(places("K"), 1)),
    });
    assertGolden(found.left, { data: left_to_right.flat() }, "left to right", 0);
    assertGolden(found.right, { data: right_to_left.flat() }, "right to left", 0);
  },
);
