/** Scalar expressions: values, derivatives, simplification; the numbers that every device must reproduce. */
import { assert, assertAlmostEquals, assertEquals, assertStrictEquals } from "@std/assert";
import * as s from "../core/program/expression.ts";
import type { Expression } from "../core/program/expression.ts";

const [x, y] = [s.input(0), s.input(1)];
const at = (e: Expression, ...values: number[]) => s.evaluate(e, (i) => values[i]);

const SMOOTH: Record<string, Expression> = {
  negate: s.negate(x),
  exp: s.exp(x),
  log: s.log(x),
  sqrt: s.sqrt(x),
  tanh: s.tanh(x),
  erf: s.erf(x),
  abs: s.abs(x),
  add: s.add(s.multiply(x, x), y),
  subtract: s.subtract(y, s.exp(x)),
  multiply: s.multiply(s.multiply(x, y), x),
  divide: s.divide(y, s.add(x, s.multiply(x, x))),
  divideByNumber: s.divide(s.exp(x), s.constant(3)),
  maximum: s.maximum(s.multiply(x, x), y),
  minimum: s.minimum(s.multiply(x, x), y),
  select: s.select(s.less(x, y), s.exp(x), s.multiply(x, y)),
  flat: s.multiply(s.add(s.floor(x), s.equal(x, y)), s.less(x, s.constant(9))),
};

Deno.test("the derivative of every operator is the one that differences give", () => {
  for (const [name, e] of Object.entries(SMOOTH)) {
    for (const [a, b] of [[0.3, 0.7], [1.4, 0.9], [2.6, 8.1]]) {
      const h = 1e-6, byDifference = (at(e, a + h, b) - at(e, a - h, b)) / (2 * h);
      assertAlmostEquals(
        at(s.derivative(e, 0), a, b),
        byDifference,
        1e-7 * (1 + Math.abs(byDifference)),
        name,
      );
    }
  }
});

Deno.test("equal expressions are one object, and what does nothing vanishes", () => {
  assertStrictEquals(s.add(s.exp(x), y), s.add(s.exp(x), y));
  const [zero, one] = [s.constant(0), s.constant(1)];
  for (
    const e of [
      s.add(x, zero),
      s.add(zero, x),
      s.subtract(x, zero),
      s.multiply(x, one),
      s.divide(x, one),
    ]
  ) {
    assertStrictEquals(e, x);
  }
  assertStrictEquals(s.multiply(zero, x), zero);
  assertStrictEquals(s.select(y, x, x), x);
  assertStrictEquals(s.multiply(s.constant(3), s.constant(4)), s.constant(12));
  assertEquals(Object.is(s.constant(-0).value, -0), true);
  assertEquals(s.constant(0) === s.constant(-0), false);
});

Deno.test("substitute() puts expressions in the places of inputs and results", () => {
  const e = s.add(s.multiply(x, y), s.result(0));
  const swapped = s.substitute(e, (i) => [y, s.constant(2)][i], () => s.exp(x));
  assertStrictEquals(swapped, s.add(s.multiply(y, s.constant(2)), s.exp(x)));
});

Deno.test("inOrder() gives every node once, operands first", () => {
  const product = s.multiply(x, y), e = s.add(product, s.exp(product)), order = s.inOrder(e);
  assertEquals(order.length, 5);
  order.forEach((node, i) => assert(node.operands.every((o) => order.indexOf(o) < i)));
});

Deno.test("select() keeps the other branch's NaN and infinity out", () => {
  const guarded = s.select(s.less(s.constant(0), x), s.log(x), s.constant(-1));
  assertEquals([at(guarded, -5), at(guarded, 0), at(guarded, 1)], [-1, -1, 0]);
});

Deno.test("errorFunction() is erf to fifteen digits", () => {
  const table = [
    [0, 0],
    [0.1, 0.1124629160182848922],
    [0.5, 0.5204998778130465377],
    [1, 0.8427007929497148693],
    [2, 0.9953222650189527342],
    [2.5, 0.9995930479825550411],
    [3, 0.9999779095030014146],
    [5, 0.9999999999984625402],
    [40, 1],
  ];
  for (const [z, erf] of table) {
    assertAlmostEquals(s.errorFunction(z), erf, 2e-15, `erf(${z})`);
    assertEquals(s.errorFunction(-z) + s.errorFunction(z), 0);
  }
  assertEquals(s.errorFunction(NaN), NaN);
});

Deno.test("randomBits() is what it was: results of the past can be had again", () => {
  assertEquals(
    [[0, 0, 0], [1, 2, 3], [8388607, 5, 4294967295]].map(([high, low, i]) =>
      s.randomBits(high, low, i)
    ),
    [0, 3529208806, 2829416778],
  );
});
