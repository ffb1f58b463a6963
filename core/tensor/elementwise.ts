/**
 * Element-wise operations: a recipe each, and nothing else.
 *
 * Idea   Every operation here is a scalar expression applied to tensors that are matched by the names
 *        of their axes. Its gradient needs no rule: it is the derivative of the expression.
 * Maths  y = f(a, b);  ∂L/∂a = Σ over the axes that a lacks of ∂L/∂y · ∂f/∂a.
 * Axes   `add(x: "B T D", bias: "D")`: the second operand may lack axes, never have others.
 * Differs from the paper: there is none.
 * @module
 */
import { AxisError, describeAxes, sameList, type Within } from "./axes.ts";
import * as scalar from "../program/expression.ts";
import type { Expression } from "../program/expression.ts";
import { sumTo } from "./reduce.ts";
import { type Backward, type Origin, Tensor } from "./tensor.ts";

const x0 = scalar.input(0), x1 = scalar.input(1);

/** A tensor whose axes are all among those of S. */
export type Fitting<R extends string, S extends string> = Within<R, S> extends true ? Tensor<R>
  : never;

/** Apply `expression` to inputs whose axes are all among those of the first. */
export function map<S extends string>(
  operation: string,
  expression: Expression,
  ...inputs: readonly [Tensor<S>, ...Tensor[]]
): Tensor<S> {
  const { axes, shape } = inputs[0];
  for (let i = 1; i < inputs.length; i++) checkFits(operation, inputs[i], axes, shape);
  return mapOver(axes, shape, expression, inputs) as Tensor<S>;
}

function checkFits(
  operation: string,
  x: Tensor,
  axes: readonly string[],
  shape: readonly number[],
): void {
  if (x.axes === axes && x.shape === shape) return;
  x.axes.forEach((axis, i) => {
    const at = axes.indexOf(axis);
    if (at >= 0 && shape[at] === x.shape[i]) return;
    const problem = at < 0 ? `axis ${axis} is only in the second` : `${axis} differs`;
    throw new AxisError(
      `${operation}: ${describeAxes(axes, shape)} and ${describeAxes(x.axes, x.shape)}: ${problem}`,
    );
  });
}

/** A map with the given axes; inputs that the expression does not use are left out. */
export function mapOver(
  axes: readonly string[],
  shape: readonly number[],
  expression: Expression,
  inputs: readonly Tensor[],
): Tensor {
  const { kept, recipe } = pruned(expression, 0);
  const sources = kept.length === inputs.length ? inputs : kept.map((i) => inputs[i]);
  const copies = recipe === x0 && sources[0].origin.kind !== "view" &&
    sameList(sources[0].axes, axes);
  if (copies) return sources[0];
  return new Tensor(axes, shape, { kind: "map", expression: recipe }, sources, backThroughMap);
}

const backThroughMap: Backward = (gradient, { axes, shape, origin, inputs }) => {
  const { expression } = origin as Origin & { kind: "map" };
  return inputs.map((input, i) => {
    const chain = chained(expression, i);
    if (chain.operator === "constant") return undefined; // a slope of 0
    return sumTo(input.axes, mapOver(axes, shape, chain, [...inputs, gradient]));
  });
};

/** Which inputs an expression uses, and the expression with these numbered from 0. */
const pruned = scalar.remembered((expression) => {
  const used = scalar.inOrder(expression).filter((e) => e.operator === "input").map((e) => e.value);
  const kept = [...new Set(used)].sort((a, b) => a - b);
  return { kept, recipe: scalar.substitute(expression, (i) => scalar.input(kept.indexOf(i))) };
});

/** The slope of a recipe at its input i, times a further input: the gradient of the recipe's value. */
const chained = scalar.remembered((recipe, i) => {
  const gradient = scalar.input(pruned(recipe, 0).kept.length);
  return passed(gradient, scalar.derivative(recipe, i));
});

/** gradient · slope; where a choice makes the slope 0, even a gradient that is no number stays out. */
function passed(gradient: Expression, slope: Expression): Expression {
  if (slope.operator !== "select") return scalar.multiply(gradient, slope);
  const [condition, yes, no] = slope.operands;
  return scalar.select(condition, passed(gradient, yes), passed(gradient, no));
}

/** Operands may be numbers: they become constants of the recipe. */
function binary<S extends string>(
  operation: string,
  f: (a: Expression, b: Expression) => Expression,
  a: Tensor<S>,
  b: Tensor | number,
): Tensor<S> {
  return typeof b === "number"
    ? map(operation, f(x0, scalar.constant(b)), a)
    : map(operation, f(x0, x1), a, b);
}

/**
 * a + b. A number that changes from step to step should be a `scalar`, else every step is compiled anew.
 *
 * @example
 * ```ts
 * import { add, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const y = add(tensor("T D", [[1, 2], [3, 4]]), tensor("D", [10, 20]));
 * assertEquals([...await read(y)], [11, 22, 13, 24]);
 * ```
 */
export function add<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("add", scalar.add, a, b);
}

/**
 * a - b
 *
 * @example
 * ```ts
 * import { read, subtract, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(subtract(tensor("D", [3, 5]), 1))], [2, 4]);
 * ```
 */
export function subtract<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("subtract", scalar.subtract, a, b);
}

/**
 * a · b, element by element.
 *
 * @example
 * ```ts
 * import { multiply, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(multiply(tensor("D", [3, 5]), tensor("D", [2, 4])))], [6, 20]);
 * ```
 */
export function multiply<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("multiply", scalar.multiply, a, b);
}

/**
 * a / b, element by element.
 *
 * @example
 * ```ts
 * import { divide, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(divide(tensor("D", [3, 5]), 2))], [1.5, 2.5]);
 * ```
 */
export function divide<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("divide", scalar.divide, a, b);
}

/**
 * The larger of a and b.
 *
 * @example
 * ```ts
 * import { maximum, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(maximum(tensor("D", [-3, 5]), 0))], [0, 5]);
 * ```
 */
export function maximum<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("maximum", scalar.maximum, a, b);
}

/**
 * The smaller of a and b.
 *
 * @example
 * ```ts
 * import { minimum, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(minimum(tensor("D", [-3, 5]), 0))], [-3, 0]);
 * ```
 */
export function minimum<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("minimum", scalar.minimum, a, b);
}

/**
 * 1 where a < b, else 0.
 *
 * @example
 * ```ts
 * import { less, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(less(tensor("D", [-3, 5]), 0))], [1, 0]);
 * ```
 */
export function less<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("less", scalar.less, a, b);
}

/**
 * 1 where a = b, else 0.
 *
 * @example
 * ```ts
 * import { equal, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(equal(tensor("D", [-3, 5]), 5))], [0, 1]);
 * ```
 */
export function equal<S extends string, R extends string>(
  a: Tensor<S>,
  b: Fitting<R, S> | number,
): Tensor<S> {
  return binary("equal", scalar.equal, a, b);
}

/**
 * x where `keep` is not 0, `otherwise` elsewhere.
 *
 * @example
 * ```ts
 * import { read, tensor, where } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(where(tensor("D", [1, 0]), tensor("D", [3, 5]), -1))], [3, -1]);
 * ```
 */
export function where<S extends string, R extends string>(
  keep: Fitting<R, S>,
  x: Tensor<S>,
  otherwise: number,
): Tensor<S> {
  const recipe = scalar.select(scalar.input(1), scalar.input(0), scalar.constant(otherwise));
  return map("where", recipe, x, keep as Tensor);
}

const number = scalar.constant;
const { add: plus, multiply: times, divide: over } = scalar;

/**
 * x · c.
 *
 * @example
 * ```ts
 * import { read, scale, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(scale(tensor("D", [3, 5]), 2))], [6, 10]);
 * ```
 */
export const scale = <S extends string>(x: Tensor<S>, c: number): Tensor<S> => multiply(x, c);

/**
 * -x.
 *
 * @example
 * ```ts
 * import { negate, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(negate(tensor("D", [3, 5])))], [-3, -5]);
 * ```
 */
export const negate = <S extends string>(x: Tensor<S>): Tensor<S> =>
  map("negate", scalar.negate(x0), x);

/**
 * eˣ.
 *
 * @example
 * ```ts
 * import { exp, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(exp(tensor("D", [0])))], [1]);
 * ```
 */
export const exp = <S extends string>(x: Tensor<S>): Tensor<S> => map("exp", scalar.exp(x0), x);

/**
 * Natural logarithm.
 *
 * @example
 * ```ts
 * import { log, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(log(tensor("D", [1])))], [0]);
 * ```
 */
export const log = <S extends string>(x: Tensor<S>): Tensor<S> => map("log", scalar.log(x0), x);

/**
 * √x.
 *
 * @example
 * ```ts
 * import { read, sqrt, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(sqrt(tensor("D", [9])))], [3]);
 * ```
 */
export const sqrt = <S extends string>(x: Tensor<S>): Tensor<S> => map("sqrt", scalar.sqrt(x0), x);

/**
 * x².
 *
 * @example
 * ```ts
 * import { read, square, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(square(tensor("D", [-3])))], [9]);
 * ```
 */
export const square = <S extends string>(x: Tensor<S>): Tensor<S> =>
  map("square", times(x0, x0), x);

/**
 * Absolute value.
 *
 * @example
 * ```ts
 * import { abs, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(abs(tensor("D", [-3])))], [3]);
 * ```
 */
export const abs = <S extends string>(x: Tensor<S>): Tensor<S> => map("abs", scalar.abs(x0), x);

/**
 * Hyperbolic tangent.
 *
 * @example
 * ```ts
 * import { read, tanh, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(tanh(tensor("D", [0])))], [0]);
 * ```
 */
export const tanh = <S extends string>(x: Tensor<S>): Tensor<S> => map("tanh", scalar.tanh(x0), x);

/**
 * 1 / (1 + e⁻ˣ), by way of tanh, which does not overflow.
 *
 * @example
 * ```ts
 * import { read, sigmoid, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(sigmoid(tensor("D", [0])))], [0.5]);
 * ```
 */
export const sigmoid = <S extends string>(x: Tensor<S>): Tensor<S> => map("sigmoid", logistic, x);

const logistic = plus(number(0.5), times(number(0.5), scalar.tanh(times(number(0.5), x0))));

/**
 * max(x, 0).
 *
 * @example
 * ```ts
 * import { read, relu, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(relu(tensor("D", [-3, 5])))], [0, 5]);
 * ```
 */
export const relu = <S extends string>(x: Tensor<S>): Tensor<S> =>
  map("relu", scalar.select(scalar.less(number(0), x0), x0, number(0)), x);

/**
 * x · sigmoid(x), also called swish.
 *
 * @example
 * ```ts
 * import { read, silu, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(silu(tensor("D", [0])))], [0]);
 * ```
 */
export const silu = <S extends string>(x: Tensor<S>): Tensor<S> =>
  map("silu", times(x0, logistic), x);

/**
 * x · Φ(x) with the normal distribution's Φ, by erf — Hendrycks & Gimpel 2016 (1606.08415), §2.
 * BERT's activation.
 *
 * @example
 * ```ts
 * import { gelu, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals((await read(gelu(tensor("D", [1]))))[0], 0.8413447, 1e-6);
 * ```
 */
export const gelu = <S extends string>(x: Tensor<S>): Tensor<S> =>
  map(
    "gelu",
    times(times(number(0.5), x0), plus(number(1), scalar.erf(over(x0, number(Math.SQRT2))))),
    x,
  );

/**
 * The tanh approximation of `gelu` — Hendrycks & Gimpel 2016, §2. GPT-2's and ALBERT's activation.
 *
 * @example
 * ```ts
 * import { geluTanh, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals((await read(geluTanh(tensor("D", [1]))))[0], 0.841192, 1e-6);
 * ```
 */
export function geluTanh<S extends string>(x: Tensor<S>): Tensor<S> {
  const cubic = plus(x0, times(number(0.044715), times(x0, times(x0, x0))));
  const bend = plus(number(1), scalar.tanh(times(number(Math.sqrt(2 / Math.PI)), cubic)));
  return map("geluTanh", times(times(number(0.5), x0), bend), x);
}
