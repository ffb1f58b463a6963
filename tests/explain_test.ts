/** Explaining: formulas that mean what is computed, costs counted by hand, names, pictures. */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import * as scalar from "../core/program/expression.ts";
import type { Expression } from "../core/program/expression.ts";
import { formula } from "../core/program/in_words.ts";
import * as t from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";

const { device, einsum, explain, softmax, tensor } = t;

const wasm = () => device("wasm");

Deno.test("a product costs 2·m·n·k operations and moves each factor and the product once", async () => {
  const a = tensor("T D", new Float32Array(15), [3, 5]);
  const b = tensor("F D", new Float32Array(35), [7, 5]);
  const [product, ...others] =
    (await explain(einsum("T D, F D -> T F", a, b), await wasm())).kernels;
  assertEquals(others, []);
  assertEquals(product.title, "3×5 by 5×7");
  assertEquals(product.lines, ["result = x1 × x2"]);
  assertEquals(product.flops, 2 * 3 * 7 * 5);
  assertEquals(product.bytes, 4 * (15 + 35 + 21));
});

Deno.test("a softmax is one loop, and its cost is that of its formulas", async () => {
  const x = tensor("T V", new Float32Array(24), [4, 6]);
  const [loop, ...others] = (await explain({ p: softmax(x, "V") }, await wasm())).kernels;
  assertEquals(others, []);
  assertEquals(loop.title, "4 rows of 6");
  assertEquals(loop.lines, ["r1 = max of x1", "u1 = exp(x1 − r1)", "r2 = sum of u1", "p = u1/r2"]);
  assertEquals(loop.flops, 24 * (1 + (2 + 1) + 3)); // max; subtract, exp, add; subtract, exp, divide
  assertEquals(loop.bytes, 4 * (24 + 24));
});

Deno.test("the reference runs every operation on its own, in numbers of eight bytes", async () => {
  const x = tensor("T", [1, 2, 3]);
  const y = t.tanh(t.add(x, 1));
  const fused = await explain(y, await wasm()),
    single = await explain(y, await device("reference"));
  assertEquals(fused.kernels.map(({ lines }) => lines), [["result = tanh(x1 + 1)"]]);
  assertEquals(single.kernels.map(({ lines }) => lines), [["t1 = x1 + 1"], ["result = tanh(t1)"]]);
  assertEquals(fused.kernels[0].bytes, 4 * 6);
  assertEquals(single.kernels[0].bytes, 8 * 6);
});

Deno.test("a bias is read once, however many rows it is added to", async () => {
  const x = tensor("T D", new Float32Array(40), [10, 4]), bias = tensor("D", [1, 2, 3, 4]);
  const [loop] = (await explain(t.add(x, bias), await wasm())).kernels;
  assertEquals(loop.bytes, 4 * (40 + 4 + 40));
});

Deno.test("a lookup and the adding up of rows name their ids", async () => {
  const table = tensor("V D", new Float32Array(20), [10, 2]), ids = tensor("T", [3, 3, 7]);
  const rows = t.gather(table, ids);
  const { table: gradient } = t.gradients(t.sum(t.square(rows)), { table });
  const kernels = (await explain({ rows, gradient }, await wasm())).kernels;
  const lines = kernels.flatMap(({ lines }) => lines);
  assert(lines.some((line) => /^rows = x\d\[x\d\]$/.test(line)), lines.join("\n"));
  const scatter = kernels.find(({ kind }) => kind === "scatter")!;
  assertEquals(scatter.title, "3 rows of 2 into 10");
  assertEquals(scatter.flops, 6);
});

Deno.test("given tensors keep their axes, results get the names of the record", async () => {
  const q = tensor("Tq K", [[1, 2]]);
  const { parts } = await explain({ out: { scaled: t.scale(q, 2) } }, await wasm());
  assertEquals(parts.map(({ kind, title }) => `${kind} ${title}`), [
    'given x1 "Tq K" 1×2',
    "loop 2 elements",
    'result out.scaled "Tq K" 1×2',
  ]);
});

Deno.test("arrows lead from every value to its readers, and forwards in time", async () => {
  const a = tensor("T D", [[1, 2]]), b = tensor("F D", [[3, 4], [5, 6]]);
  const weights = softmax(einsum("T D, F D -> T F", a, b), "F");
  const { arrows, parts } = await explain({ weights }, await wasm());
  const named = arrows.map(([from, to]) => `${parts[from].kind} → ${parts[to].kind}`);
  assertEquals(named, ["given → product", "given → product", "product → loop", "loop → result"]);
  assert(arrows.every(([from, to]) => from < to));
});

Deno.test("scratch is counted in buffers and in the slots that they share", async () => {
  const w = tensor("F D", new Float32Array(16), [4, 4]);
  let y = tensor("T D", new Float32Array(16), [4, 4]);
  for (let i = 0; i < 4; i++) y = t.rename(einsum("T D, F D -> T F", y, w), "T F -> T D");
  const { scratch } = await explain(t.add(y, 1), await wasm());
  assertEquals(scratch, "in between: 4 buffers in 2 slots of 128 B");
});

Deno.test("nothing and a tensor of given numbers can be explained, too", async () => {
  assertEquals((await explain({}, await wasm())).kernels, []);
  assertStringIncludes((await explain({}, await wasm())).media["text/html"], "<img");
  const given = await explain(tensor("T", [1, 2]), await wasm());
  assertEquals(given.kernels.map(({ lines }) => lines), [["result = x1"]]);
});

Deno.test("a notebook gets a picture, a terminal the listing, and neither computes", async () => {
  const huge = t.full("A B", [1e6, 1e6], 1);
  const explanation = await explain(t.tanh(huge), await wasm());
  const display = Reflect.get(explanation, Symbol.for("Jupyter.display")) as () => t.Explanation;
  const media = display.call(explanation) as unknown as Record<string, string>;
  assertEquals(media["text/plain"], `${explanation}`);
  assertStringIncludes(media["text/html"], "data:image/svg+xml;base64,");
  assertStringIncludes(media["text/plain"], "4 TB");
});

onEveryDevice("explaining leaves the chosen device as it was", async (on) => {
  const other = await device(on.name === "wasm" ? "reference" : "wasm");
  await device(on.name);
  assertStringIncludes((await explain(tensor("T", [1]), other)).title, `on ${other.name}`);
  assertStringIncludes((await explain(tensor("T", [1]))).title, `on ${on.name}`);
  assertEquals(t.chosenDevice(), on);
});

/** A random expression of x1, x2 and x3 that stays finite. */
function randomExpression(seed: number, depth: number): Expression {
  const dice = (n: number, k: number) => scalar.randomBits(seed, k, depth) % n;
  if (depth === 0) return scalar.input(dice(3, 1));
  const [a, b] = [1, 2].map((side) => randomExpression(seed * 7 + side, depth - 1));
  const { add, divide, exp, less, maximum, multiply, negate, select, subtract, tanh } = scalar;
  const positive = add(multiply(b, b), scalar.constant(0.5));
  return [
    () => add(a, b),
    () => subtract(a, b),
    () => multiply(a, b),
    () => divide(a, positive),
    () => divide(a, divide(positive, scalar.constant(4))),
    () => negate(a),
    () => maximum(a, b),
    () => select(less(a, b), b, a),
    () => exp(tanh(a)),
    () => multiply(a, scalar.constant(-2)),
    () => add(a, scalar.constant(-2)),
  ][dice(11, 3)]();
}

Deno.test("a formula, read as a formula, has the value of its expression", () => {
  const names = new Map([0, 1, 2].map((i) => [scalar.input(i), `x${i + 1}`]));
  const values = [0.75, -1.25, 2];
  for (let seed = 1; seed <= 300; seed++) {
    const expression = randomExpression(seed, 4), text = formula(expression, names);
    const code = text.replaceAll("·", "*").replaceAll("−", "-").replaceAll("maximum", "max");
    const read = new Function("x1", "x2", "x3", `const { exp, max, tanh } = Math; return ${code};`);
    const expected = scalar.evaluate(expression, (i) => values[i]);
    assertAlmostEquals(read(...values), expected, 1e-9 * Math.max(1, Math.abs(expected)), text);
  }
});

Deno.test("parts that occur twice are named, so that no formula grows without bound", async () => {
  let y = tensor("T", [0.5]);
  for (let i = 0; i < 12; i++) y = t.multiply(t.tanh(t.add(y, 1)), y);
  const [loop] = (await explain(y, await wasm())).kernels;
  assert(loop.lines.every((line) => line.length < 60), loop.lines.join("\n"));
});

onEveryDevice("profiling runs each kernel and tells its time", async (on) => {
  const held = await t.keep(t.normal(t.randomKey(1), "M K", [64, 48]));
  const y = t.normal(t.randomKey(2), "K N", [48, 32]);
  const product = einsum("M K, K N -> M N", held, y);
  const found = await t.profile({ product, rows: t.sum(product, "N"), held }, on);
  const explained = await explain({ product, rows: t.sum(product, "N"), held }, on);
  assertEquals(
    found.kernels.map(({ title }) => title),
    explained.kernels.map(({ title }) => title),
  );
  for (const { milliseconds } of found.kernels) assert(milliseconds! >= 0);
  assertMatch(found.title, / ms$/);
  assertEquals([...await t.read(held)].length, 64 * 48); // what was held is still there
});
