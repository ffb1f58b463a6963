/**
 * Scalar expressions: the recipe of every element-wise operation, written once.
 *
 * Idea   gelu(x) is a small tree: 0.5 · x · (1 + erf(x / √2)). From the tree come its value (here),
 *        its derivative (`derivative`), its SIMD code and its WGSL code (each device's printer).
 * Maths  d/dx f(g(x)) = f'(g(x)) · g'(x), applied from the leaves up.
 * Differs from the paper: there is none; equal trees are one object, so comparing and sharing is free.
 * @module
 */

/** What a node of a scalar expression may be. Comparisons give 1 or 0; `select` picks by "not 0". */
export type Operator =
  | "input"
  | "result"
  | "constant"
  | "negate"
  | "exp"
  | "log"
  | "sqrt"
  | "tanh"
  | "erf"
  | "floor"
  | "abs"
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "maximum"
  | "minimum"
  | "less"
  | "equal"
  | "select"
  | "random";

/** A scalar expression over numbered inputs. Build it with the functions of this module only. */
export interface Expression {
  /** Unique: two expressions with the same id are the same tree. */
  readonly id: number;
  /** What this node computes. */
  readonly operator: Operator;
  /** What it computes it from. */
  readonly operands: readonly Expression[];
  /** The number of a constant, the index of an input or result, else 0. */
  readonly value: number;
}

const known = new Map<Operator, Map<number | string, Expression>>();
let count = 0;

function node(operator: Operator, operands: Expression[] = [], value = 0): Expression {
  let alike = known.get(operator);
  if (!alike) known.set(operator, alike = new Map());
  const key = keyOf(operands, value);
  let found = alike.get(key);
  if (!found) alike.set(key, found = { id: count++, operator, operands, value });
  return found;
}

/** Tells apart what one operator is applied to; it is asked for often, so numbers where numbers will do. */
function keyOf(operands: Expression[], value: number): number | string {
  const [a, b] = operands;
  if (operands.length === 0) return Object.is(value, -0) ? "-0" : value;
  if (operands.length === 1) return a.id;
  return operands.length === 2 ? a.id * 2 ** 26 + b.id : operands.map((o) => o.id).join();
}

/**
 * The value of input number `index`.
 *
 * @example
 * ```ts
 * import { evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(input(1), (index) => [6, 3][index]), 3);
 * ```
 */
export const input = (index: number): Expression => node("input", [], index);

/**
 * The value of reduction number `index` of the same loop.
 *
 * @example
 * ```ts
 * import { divide, evaluate, input, result } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const share = divide(input(0), result(0)); // of the whole row's sum
 * assertEquals(evaluate(share, () => 3, () => 12), 0.25);
 * ```
 */
export const result = (index: number): Expression => node("result", [], index);

/**
 * A number.
 *
 * @example
 * ```ts
 * import { constant } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(constant(2).value, 2);
 * assertEquals(constant(2) === constant(2), true); // equal trees are one object
 * ```
 */
export const constant = (value: number): Expression => node("constant", [], value);

const isNumber = (e: Expression, value: number) => e.operator === "constant" && e.value === value;
const fold = (...es: Expression[]) => es.every((e) => e.operator === "constant");

/**
 * -a
 *
 * @example
 * ```ts
 * import { evaluate, input, negate } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(negate(input(0)), () => 3), -3);
 * ```
 */
export function negate(a: Expression): Expression {
  return fold(a) ? constant(-a.value) : node("negate", [a]);
}

/**
 * a + b
 *
 * @example
 * ```ts
 * import { add, constant, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(add(input(0), input(1)), (i) => [6, 3][i]), 9);
 * assertEquals(add(input(0), constant(0)), input(0)); // what changes nothing is left out
 * ```
 */
export function add(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value + b.value);
  if (isNumber(a, 0)) return b;
  return isNumber(b, 0) ? a : node("add", [a, b]);
}

/**
 * a - b
 *
 * @example
 * ```ts
 * import { evaluate, input, subtract } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(subtract(input(0), input(1)), (i) => [6, 3][i]), 3);
 * ```
 */
export function subtract(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value - b.value);
  if (isNumber(a, 0)) return negate(b);
  return isNumber(b, 0) ? a : node("subtract", [a, b]);
}

/**
 * a · b. A factor that is the constant 0 gives 0: derivatives shrink by it.
 *
 * @example
 * ```ts
 * import { constant, evaluate, input, multiply } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(multiply(input(0), input(1)), (i) => [6, 3][i]), 18);
 * assertEquals(multiply(input(0), constant(0)), constant(0));
 * ```
 */
export function multiply(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value * b.value);
  if (isNumber(a, 0) || isNumber(b, 0)) return constant(0);
  if (isNumber(a, 1)) return b;
  return isNumber(b, 1) ? a : node("multiply", [a, b]);
}

/**
 * a / b
 *
 * @example
 * ```ts
 * import { divide, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(divide(input(0), input(1)), (i) => [6, 3][i]), 2);
 * ```
 */
export function divide(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value / b.value);
  return isNumber(b, 1) ? a : node("divide", [a, b]);
}

/**
 * The larger of a and b.
 *
 * @example
 * ```ts
 * import { evaluate, input, maximum } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(maximum(input(0), input(1)), (i) => [6, 3][i]), 6);
 * ```
 */
export const maximum = (a: Expression, b: Expression): Expression => node("maximum", [a, b]);

/**
 * The smaller of a and b.
 *
 * @example
 * ```ts
 * import { evaluate, input, minimum } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(minimum(input(0), input(1)), (i) => [6, 3][i]), 3);
 * ```
 */
export const minimum = (a: Expression, b: Expression): Expression => node("minimum", [a, b]);

/**
 * 1 where a < b, else 0.
 *
 * @example
 * ```ts
 * import { evaluate, input, less } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(less(input(0), input(1)), (i) => [6, 3][i]), 0);
 * ```
 */
export const less = (a: Expression, b: Expression): Expression => node("less", [a, b]);

/**
 * 1 where a = b, else 0.
 *
 * @example
 * ```ts
 * import { constant, equal, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(equal(input(0), constant(6)), () => 6), 1);
 * ```
 */
export const equal = (a: Expression, b: Expression): Expression => node("equal", [a, b]);

/**
 * `yes` where `condition` is not 0, else `no`; the other branch's NaN or infinity does no harm.
 *
 * @example
 * ```ts
 * import { constant, evaluate, input, less, log, select } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const safe = select(less(constant(0), input(0)), log(input(0)), constant(0));
 * assertEquals(evaluate(safe, () => -1), 0); // the logarithm, not a number, stays out
 * ```
 */
export function select(condition: Expression, yes: Expression, no: Expression): Expression {
  return yes === no ? yes : node("select", [condition, yes, no]);
}

/**
 * eᵃ
 *
 * @example
 * ```ts
 * import { evaluate, exp, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(exp(input(0)), () => 1), Math.E);
 * ```
 */
export const exp = (a: Expression): Expression => node("exp", [a]);

/**
 * Natural logarithm.
 *
 * @example
 * ```ts
 * import { evaluate, input, log } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(log(input(0)), () => Math.E), 1);
 * ```
 */
export const log = (a: Expression): Expression => node("log", [a]);

/**
 * Square root.
 *
 * @example
 * ```ts
 * import { evaluate, input, sqrt } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(sqrt(input(0)), () => 9), 3);
 * ```
 */
export const sqrt = (a: Expression): Expression => node("sqrt", [a]);

/**
 * Hyperbolic tangent.
 *
 * @example
 * ```ts
 * import { evaluate, input, tanh } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(tanh(input(0)), () => Infinity), 1);
 * ```
 */
export const tanh = (a: Expression): Expression => node("tanh", [a]);

/**
 * Error function: 2/√π ∫₀ᵃ exp(-t²) dt.
 *
 * @example
 * ```ts
 * import { erf, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals(evaluate(erf(input(0)), () => 1), 0.8427007929, 1e-10);
 * ```
 */
export const erf = (a: Expression): Expression => node("erf", [a]);

/**
 * The largest whole number that is not above a.
 *
 * @example
 * ```ts
 * import { evaluate, floor, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(floor(input(0)), () => -1.5), -2);
 * ```
 */
export const floor = (a: Expression): Expression => node("floor", [a]);

/**
 * Absolute value.
 *
 * @example
 * ```ts
 * import { abs, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(abs(input(0)), () => -1.5), 1.5);
 * ```
 */
export const abs = (a: Expression): Expression => node("abs", [a]);

/**
 * A number in [0, 1) that depends on nothing but its three whole-number operands: the two halves
 * (24 bits each) of a key and a counter (32 bits). See `randomBits` for the exact definition.
 *
 * @example
 * ```ts
 * import { constant, evaluate, input, random } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const chance = random(constant(1), constant(2), input(0)); // input 0 counts
 * assertEquals(evaluate(chance, () => 7), evaluate(chance, () => 7));
 * ```
 */
export function random(keyHigh: Expression, keyLow: Expression, counter: Expression): Expression {
  return node("random", [keyHigh, keyLow, counter]);
}

/**
 * A function of an expression and a number, computed once for each; expressions are few and never go.
 *
 * @example
 * ```ts
 * import { input, remembered } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * let asked = 0;
 * const price = remembered((_, index) => (asked++, index));
 * assertEquals([price(input(0), 5), price(input(0), 5), asked], [5, 5, 1]);
 * ```
 */
export function remembered<T>(f: (e: Expression, index: number) => T): typeof f {
  const memo = new Map<number, T>();
  return (e, index) => {
    const key = e.id * 1024 + index;
    let found = memo.get(key);
    if (found === undefined) memo.set(key, found = f(e, index));
    return found;
  };
}

/**
 * The derivative of `e` with respect to its input number `index`.
 *
 * @example
 * ```ts
 * import { derivative, evaluate, input, multiply } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const square = multiply(input(0), input(0));
 * assertEquals(evaluate(derivative(square, 0), () => 3), 6);
 * ```
 */
export const derivative: (e: Expression, index: number) => Expression = remembered((e, index) => {
  const memo = new Map<Expression, Expression>();
  const d = (e: Expression): Expression => {
    let found = memo.get(e);
    if (!found) memo.set(e, found = rule(e, d, index));
    return found;
  };
  return d(e);
});

function rule(e: Expression, d: (e: Expression) => Expression, index: number): Expression {
  const [a, b, c] = e.operands;
  switch (e.operator) {
    case "input":
      return constant(e.value === index ? 1 : 0);
    case "negate":
      return negate(d(a));
    case "exp":
      return multiply(e, d(a));
    case "log":
      return divide(d(a), a);
    case "sqrt":
      return divide(multiply(constant(0.5), d(a)), e);
    case "tanh":
      return multiply(subtract(constant(1), multiply(e, e)), d(a));
    case "erf":
      return multiply(
        multiply(constant(2 / Math.sqrt(Math.PI)), exp(negate(multiply(a, a)))),
        d(a),
      );
    case "abs":
      return multiply(select(less(a, constant(0)), constant(-1), constant(1)), d(a));
    case "add":
      return add(d(a), d(b));
    case "subtract":
      return subtract(d(a), d(b));
    case "multiply":
      return add(multiply(d(a), b), multiply(a, d(b)));
    case "divide":
      return isNumber(d(b), 0) ? divide(d(a), b) : divide(subtract(d(a), multiply(e, d(b))), b);
    case "maximum":
      return select(less(a, b), d(b), d(a));
    case "minimum":
      return select(less(b, a), d(b), d(a));
    case "select":
      return select(a, d(b), d(c));
    default: // constants, comparisons, floor, random: flat wherever they are smooth
      return constant(0);
  }
}

/**
 * `e` with every input (and, where `results` is given, every result) replaced.
 *
 * @example
 * ```ts
 * import { add, constant, input, multiply, substitute } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const sum = add(input(0), input(1));
 * const found = substitute(sum, (i) => i === 0 ? multiply(input(0), input(0)) : constant(1));
 * assertEquals(found, add(multiply(input(0), input(0)), constant(1)));
 * ```
 */
export function substitute(
  e: Expression,
  inputs: (index: number) => Expression,
  results: (index: number) => Expression = result,
): Expression {
  const memo = new Map<Expression, Expression>();
  const visit = (e: Expression): Expression => {
    const found = memo.get(e);
    if (found) return found;
    let now = e;
    if (e.operator === "input") now = inputs(e.value);
    else if (e.operator === "result") now = results(e.value);
    else if (e.operands.length) now = rebuild(e, e.operands.map(visit));
    memo.set(e, now);
    return now;
  };
  return visit(e);
}

/** The same operator on other operands, simplified where they allow it. */
function rebuild({ operator, value }: Expression, operands: Expression[]): Expression {
  const [a, b, c] = operands;
  const simplified: Partial<Record<Operator, () => Expression>> = {
    negate: () => negate(a),
    add: () => add(a, b),
    subtract: () => subtract(a, b),
    multiply: () => multiply(a, b),
    divide: () => divide(a, b),
    select: () => select(a, b, c),
  };
  return simplified[operator]?.() ?? node(operator, operands, value);
}

/**
 * Every distinct node of the given trees, operands before their users.
 *
 * @example
 * ```ts
 * import { exp, inOrder, input, negate } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * const e = exp(negate(input(0)));
 * assertEquals(inOrder(e), [input(0), negate(input(0)), e]);
 * ```
 */
export function inOrder(...roots: Expression[]): Expression[] {
  const seen = new Set<Expression>();
  const visit = (e: Expression) => {
    if (seen.has(e)) return;
    e.operands.forEach(visit);
    seen.add(e);
  };
  roots.forEach(visit);
  return [...seen];
}

/**
 * 32 random bits from a key of two 24-bit halves and a 32-bit counter: two rounds of the
 * integer hash "lowbias32", each after mixing in one half of the key. Every device computes the same.
 *
 * @example
 * ```ts
 * import { randomBits } from "@lineage/lineage/core/program/expression";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * assertEquals(randomBits(1, 2, 3), randomBits(1, 2, 3));
 * assertNotEquals(randomBits(1, 2, 3), randomBits(1, 2, 4));
 * ```
 */
export function randomBits(keyHigh: number, keyLow: number, counter: number): number {
  return scramble(scramble(counter ^ keyLow) ^ keyHigh) >>> 0;
}

function scramble(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

/**
 * The value of `e`, in double precision: the definition that every device's code must agree with.
 *
 * @example
 * ```ts
 * import { add, constant, evaluate, input } from "@lineage/lineage/core/program/expression";
 * import { assertEquals } from "@std/assert";
 * assertEquals(evaluate(add(input(0), constant(1)), () => 2), 3);
 * ```
 */
export function evaluate(
  e: Expression,
  inputs: (index: number) => number,
  results: (index: number) => number = () => NaN,
): number {
  const of = (e: Expression): number => {
    const [a, b, c] = e.operands;
    switch (e.operator) {
      case "input":
        return inputs(e.value);
      case "result":
        return results(e.value);
      case "constant":
        return e.value;
      case "negate":
        return -of(a);
      case "exp":
        return Math.exp(of(a));
      case "log":
        return Math.log(of(a));
      case "sqrt":
        return Math.sqrt(of(a));
      case "tanh":
        return Math.tanh(of(a));
      case "erf":
        return errorFunction(of(a));
      case "floor":
        return Math.floor(of(a));
      case "abs":
        return Math.abs(of(a));
      case "add":
        return of(a) + of(b);
      case "subtract":
        return of(a) - of(b);
      case "multiply":
        return of(a) * of(b);
      case "divide":
        return of(a) / of(b);
      case "maximum":
        return Math.max(of(a), of(b));
      case "minimum":
        return Math.min(of(a), of(b));
      case "less":
        return of(a) < of(b) ? 1 : 0;
      case "equal":
        return of(a) === of(b) ? 1 : 0;
      case "select":
        return of(a) !== 0 ? of(b) : of(c);
      case "random":
        return (randomBits(of(a), of(b), of(c)) >>> 8) / 2 ** 24;
    }
  };
  return of(e);
}

/**
 * erf in double precision: its Taylor series near 0, a continued fraction for erfc farther out.
 *
 * @example
 * ```ts
 * import { errorFunction } from "@lineage/lineage/core/program/expression";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * assertAlmostEquals(errorFunction(0.5), 0.5204998778, 1e-10);
 * assertEquals(errorFunction(-Infinity), -1);
 * ```
 */
export function errorFunction(x: number): number {
  const z = Math.abs(x);
  if (z > 6 || Number.isNaN(x)) return Number.isNaN(x) ? NaN : Math.sign(x);
  return z < 2.5 ? series(x) : Math.sign(x) * (1 - tail(z));
}

function series(x: number): number {
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

/** erfc(z) = exp(-z²)/√π · 1/(z + ½/(z + 1/(z + 3/2/(z + …)))), from the inside out. */
function tail(z: number): number {
  let fraction = z;
  for (let n = 60; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
}
