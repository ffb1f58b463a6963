/** Element-wise operations: what they compute, how they broadcast, their gradients, their messages. */
import { assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertClose, assertRefused, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

type Unary = (x: Tensor<"T">) => Tensor<"T">;

const HALF_LOG_2 = Math.log(2) / 2;

/** Inputs and outputs worked out by hand, or by the function's definition in Math. */
const UNARY: Record<string, [Unary, [number, number][]]> = {
  negate: [t.negate, [[-2, 2], [0, 0], [3, -3]]],
  exp: [t.exp, [[0, 1], [1, Math.E], [-200, 0]]],
  log: [t.log, [[1, 0], [Math.SQRT2, HALF_LOG_2], [0, -Infinity]]],
  sqrt: [t.sqrt, [[0, 0], [2.25, 1.5], [1e-8, 1e-4]]],
  square: [t.square, [[-3, 9], [0.5, 0.25], [0, 0]]],
  abs: [t.abs, [[-3, 3], [0.5, 0.5], [0, 0]]],
  tanh: [t.tanh, [[0, 0], [HALF_LOG_2, 1 / 3], [50, 1], [-50, -1]]],
  sigmoid: [t.sigmoid, [[0, 0.5], [Math.log(3), 0.75], [200, 1], [-200, 0]]],
  relu: [t.relu, [[-3, 0], [0, 0], [2, 2]]],
  silu: [t.silu, [[0, 0], [Math.log(3), 0.75 * Math.log(3)], [-200, 0], [200, 200]]],
  gelu: [t.gelu, [[0, 0], [1, 0.8413447461], [-1, -0.1586552539], [30, 30], [-30, 0]]],
  geluTanh: [t.geluTanh, [[0, 0], [1, 0.8411919906], [30, 30], [-30, 0]]],
};

onEveryDevice("functions of one number give the numbers worked out by hand", async () => {
  const y = Object.entries(UNARY).map(([name, [f, pairs]]) =>
    [name, f(tensor("T", pairs.map(([x]) => x)))] as const
  );
  const found = await t.read(Object.fromEntries(y));
  for (const [name, [, pairs]] of Object.entries(UNARY)) {
    assertClose(found[name], pairs.map(([, y]) => y), 1e-6, name);
  }
});

type Binary = (a: Tensor<"T D">, b: Tensor<"D"> | number) => Tensor<"T D">;

const BINARY: Record<string, [Binary, (a: number, b: number) => number]> = {
  add: [t.add, (a, b) => a + b],
  subtract: [t.subtract, (a, b) => a - b],
  multiply: [t.multiply, (a, b) => a * b],
  divide: [t.divide, (a, b) => a / b],
  maximum: [t.maximum, Math.max],
  minimum: [t.minimum, Math.min],
  less: [t.less, (a, b) => Number(a < b)],
  equal: [t.equal, (a, b) => Number(a === b)],
};

onEveryDevice("far out, tanh() and what is made of it are flat to the last bit", async () => {
  const x = tensor("T", [-1000, -30, -12, 12, 30, 1000]);
  const slope = (f: Unary) => t.gradients(t.sum(f(x)), { x }).x;
  const found = await t.read({
    tanh: t.tanh(x),
    tanhSlope: slope(t.tanh),
    slope: slope(t.geluTanh),
  });
  assertEquals([...found.tanh].map(Math.fround), [-1, -1, -1, 1, 1, 1]);
  assertNear(found.tanhSlope, new Array(6).fill(0), 1e-9);
  assertNear(found.slope, [0, 0, 0, 1, 1, 1], 1e-9);
});

onEveryDevice(
  "where() and relu() let no gradient into what they leave out, even if it is NaN",
  async () => {
    const x = tensor("T", [1, -1]), bad = tensor("T", [2, NaN]);
    const slope = (y: Tensor<"T">) => t.gradients(t.sum(t.multiply(y, bad)), { x }).x;
    const { where, relu } = await t.read({
      where: slope(t.where(tensor("T", [1, 0]), x, 0)),
      relu: slope(t.relu(x)),
    });
    assertEquals([[...where], [...relu]], [[2, 0], [2, 0]]);
  },
);

onEveryDevice("functions of two numbers repeat the second along the axes it lacks", async () => {
  const a = [[1, -2, 0.5], [4, 0.25, -2]], b = [2, -2, 0.25];
  const wide = tensor("T D", a), row = tensor("D", b);
  for (const [name, [f, define]] of Object.entries(BINARY)) {
    const { both, single } = await t.read({ both: f(wide, row), single: f(wide, -2) });
    assertNear(both, a.flatMap((r) => r.map((x, i) => define(x, b[i]))), 1e-6, name);
    assertNear(single, a.flat().map((x) => define(x, -2)), 1e-6, `${name} a number`);
  }
});

onEveryDevice("the second operand's axes may come in another order", async () => {
  const x = tensor("A B", [[1, 2, 3], [4, 5, 6]]),
    y = tensor("B A", [[10, 40], [20, 50], [30, 60]]);
  assertEquals([...await t.read(t.add(x, y))], [11, 22, 33, 44, 55, 66]);
});

onEveryDevice("where() takes x where the condition is not 0, whatever the rest holds", async () => {
  const x = tensor("T D", [[1, NaN], [3, Infinity]]);
  const y = t.where(tensor("D", [-0.5, 0]), x, 7);
  assertEquals([...await t.read(y)], [1, 7, 3, 7]);
});

onEveryDevice("gelu(x) - gelu(-x) = x, and sigmoid(x) + sigmoid(-x) = 1", async () => {
  const x = some("T", [40], 3), minus = t.negate(x);
  const { odd, whole } = await t.read({
    odd: t.subtract(t.subtract(t.gelu(x), t.gelu(minus)), x),
    whole: t.add(t.sigmoid(x), t.sigmoid(minus)),
  });
  assertNear(odd, new Array(40).fill(0), 1e-6);
  assertNear(whole, new Array(40).fill(1), 1e-6);
});

const points = tensor("T", [-4, -2.2, -1.1, -0.6, -0.07, 0.05, 0.4, 0.9, 1.7, 2.6, 5]);
for (const [name, [f]] of Object.entries(UNARY)) {
  const above = name === "log" || name === "sqrt";
  const x = above ? tensor("T", [0.05, 0.3, 1, 2.5, 40]) : points;
  testOperation(`${name}()`, ({ x }) => f(x), { x });
}

for (const name of ["add", "subtract", "multiply", "divide", "maximum", "minimum"] as const) {
  const params = { a: some("T D", [3, 4], 1), b: tensor("D", [0.7, -1.1, 0.4, 1.3]) };
  testOperation(`${name}() of a matrix and a row`, ({ a, b }) => t[name](a, b), params);
}

testOperation(
  "where(), scale() and a quotient of computed tensors",
  ({ a, b }) => t.divide(t.where(t.less(b, 0), t.scale(a, 3), 0.5), t.add(t.square(a), 1)),
  { a: some("T D", [3, 4], 2), b: some("D", [4], 4) },
);

Deno.test("at a tie maximum() and minimum() pass the gradient to the first, relu() to no one", async () => {
  await t.device("reference");
  const a = tensor("T", [1, 0]), b = tensor("T", [1, 0]);
  const slopes = (y: Tensor<"T">) => t.read(t.gradients(t.sum(y), { a, b }));
  for (const y of [t.maximum(a, b), t.minimum(a, b)]) {
    const { a: toFirst, b: toSecond } = await slopes(y);
    assertEquals([[...toFirst], [...toSecond]], [[1, 1], [0, 0]]);
  }
  assertEquals([...(await slopes(t.relu(a))).a], [1, 0]);
});

Deno.test("no gradient passes through a comparison", () => {
  const x = some("T", [3]);
  assertEquals(t.isZero(t.gradients(t.sum(t.less(x, 0)), { x }).x), true);
  assertEquals(t.isZero(t.gradients(t.sum(t.equal(x, 0)), { x }).x), true);
});

Deno.test("an axis that only the second operand has is refused by name and size", () => {
  const x: Tensor = some("T D", [3, 4]), y: Tensor = some("H", [2]);
  assertRefused(() => t.add(x, y), "add", '"T D" 3×4', '"H" 2', "H is only in the second");
  assertRefused(() => t.where(y, x, 0), "where", '"T D" 3×4', '"H" 2');
});

Deno.test("an axis of another size is refused by name and size", () => {
  const x: Tensor = some("T D", [3, 4]);
  for (const f of [t.add, t.multiply, t.divide, t.maximum, t.less]) {
    assertRefused(() => f(x, some("D", [1]) as Tensor), f.name, '"T D" 3×4', '"D" 1', "D differs");
  }
});
