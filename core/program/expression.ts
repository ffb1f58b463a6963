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

/** The value of input number `index`. */
export const input = (index: number): Expression => node("input", [], index);
/** The value of reduction number `index` of the same loop. */
export const result = (index: number): Expression => node("result", [], index);
/** A number. */
export const constant = (value: number): Expression => node("constant", [], value);

const isNumber = (e: Expression, value: number) => e.operator === "constant" && e.value === value;
const fold = (...es: Expression[]) => es.every((e) => e.operator === "constant");

/** -a */
export function negate(a: Expression): Expression {
  return fold(a) ? constant(-a.value) : node("negate", [a]);
}
/** a + b */
export function add(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value + b.value);
  if (isNumber(a, 0)) return b;
  return isNumber(b, 0) ? a : node("add", [a, b]);
}
/** a - b */
export function subtract(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value - b.value);
  if (isNumber(a, 0)) return negate(b);
  return isNumber(b, 0) ? a : node("subtract", [a, b]);
}
/** a · b. A factor that is the constant 0 gives 0: derivatives shrink by it. */
export function multiply(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value * b.value);
  if (isNumber(a, 0) || isNumber(b, 0)) return constant(0);
  if (isNumber(a, 1)) return b;
  return isNumber(b, 1) ? a : node("multiply", [a, b]);
}
/** a / b */
export function divide(a: Expression, b: Expression): Expression {
  if (fold(a, b)) return constant(a.value / b.value);
  return isNumber(b, 1) ? a : node("divide", [a, b]);
}
/** The larger of a and b. */
export const maximum = (a: Expression, b: Expression): Expression => node("maximum", [a, b]);
/** The smaller of a and b. */
export const minimum = (a: Expression, b: Expression): Expression => node("minimum", [a, b]);
/** 1 where a < b, else 0. */
export const less = (a: Expression, b: Expression): Expression => node("less", [a, b]);
/** 1 where a = b, else 0. */
export const equal = (a: Expression, b: Expression): Expression => node("equal", [a, b]);
/** `yes` where `condition` is not 0, else `no`; the other branch's NaN or infinity does no harm. */
export function select(condition: Expression, yes: Expression, no: Expression): Expression {
  return yes === no ? yes : node("select", [condition, yes, no]);
}
/** eᵃ */
export const exp = (a: Expression): Expression => node("exp", [a]);
/** Natural logarithm. */
export const log = (a: Expression): Expression => node("log", [a]);
/** Square root. */
export const sqrt = (a: Expression): Expression => node("sqrt", [a]);
/** Hyperbolic tangent. */
export const tanh = (a: Expression): Expression => node("tanh", [a]);
/** Error function: 2/√π ∫₀ᵃ exp(-t²) dt. */
export const erf = (a: Expression): Expression => node("erf", [a]);
/** The largest whole number that is not above a. */
export const floor = (a: Expression): Expression => node("floor", [a]);
/** Absolute value. */
export const abs = (a: Expression): Expression => node("abs", [a]);
/**
 * A number in [0, 1) that depends on nothing but its three whole-number operands: the two halves
 * (24 bits each) of a key and a counter (32 bits). See `randomBits` for the exact definition.
 */
export function random(keyHigh: Expression, keyLow: Expression, counter: Expression): Expression {
  return node("random", [keyHigh, keyLow, counter]);
}

/** A function of an expression and a number, computed once for each; expressions are few and never go. */
export function remembered<T>(f: (e: Expression, index: number) => T): typeof f {
  const memo = new Map<number, T>();
  return (e, index) => {
    const key = e.id * 1024 + index;
    let found = memo.get(key);
    if (found === undefined) memo.set(key, found = f(e, index));
    return found;
  };
}

/** The derivative of `e` with respect to its input number `index`. */
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

/** `e` with every input (and, where `results` is given, every result) replaced. */
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

/** Every distinct node of the given trees, operands before their users. */
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
 */
export function randomBits(keyHigh: number, keyLow: number, counter: number): number {
  return scramble(scramble(counter ^ keyLow) ^ keyHigh) >>> 0;
}

function scramble(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

/** The value of `e`, in double precision: the definition that every device's code must agree with. */
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

/** erf in double precision: its Taylor series near 0, a continued fraction for erfc farther out. */
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
