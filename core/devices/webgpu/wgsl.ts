/**
 * Scalar expressions as WGSL text.
 *
 * Idea   0.5 · x · (1 + erf(x / √2)) becomes one `let` for each node of its tree, operands first:
 *        `let v2 = v0 * number(0.70710677f); let v3 = error_function(v2); let v4 = number(1f) + v3;` …
 *        `number` is f32 or, where four neighbours are computed at once, vec4f: the same text serves both.
 * Maths  exp x = 2ⁿ·eʳ with r = x - n·ln 2 and eʳ its Taylor series; log x = n·ln 2 + 2·artanh((m-1)/(m+1));
 *        tanh and erf are x·P(x²)/Q(x²), fitted to the smallest relative error.
 * Differs from the paper: there is none.
 * Trap   The built-in tanh and log of some drivers are good to 2e-5 only, `max(NaN, 0)` is 0, and x != x
 *        counts as false: so there are own functions, and NaN is recognised by its bits.
 * @module
 */
import type { Expression } from "../../program/expression.ts";

/** One node as WGSL: `of` gives the text of an operand, `whole` that of an operand as 32-bit integer. */
export function formula(
  e: Expression,
  of: (e: Expression) => string,
  whole: (e: Expression) => string,
): string {
  const operands = () => e.operands.map(of).join(", ");
  const infix = (sign: string) => e.operands.map(of).join(` ${sign} `);
  switch (e.operator) {
    case "negate":
      return `-${of(e.operands[0])}`;
    case "add":
      return infix("+");
    case "subtract":
      return infix("-");
    case "multiply":
      return infix("*");
    case "divide":
      return infix("/");
    case "less":
    case "equal":
      return `select(number(0f), number(1f), ${condition(e, of)})`;
    case "select": {
      const [test, yes, no] = e.operands;
      return `select(${of(no)}, ${of(yes)}, ${condition(test, of)})`;
    }
    case "random":
      return `random(${e.operands.map(whole).join(", ")})`;
    default:
      return `${NAMES[e.operator] ?? e.operator}(${operands()})`;
  }
}

function condition(e: Expression, of: (e: Expression) => string): string {
  if (e.operator === "less") return `${of(e.operands[0])} < ${of(e.operands[1])}`;
  if (e.operator === "equal") return `${of(e.operands[0])} == ${of(e.operands[1])}`;
  return `${of(e)} != number(0f)`;
}

const NAMES: Partial<Record<Expression["operator"], string>> = {
  exp: "exponential",
  log: "logarithm",
  tanh: "hyperbolic_tangent",
  erf: "error_function",
  maximum: "larger",
  minimum: "smaller",
};

/** A constant. WGSL has no literal for infinity and NaN: they come as bits through the parameters. */
export function numeral(value: number): string {
  const single = Math.fround(value);
  if (Number.isNaN(single)) return "number(bitcast<f32>(p[0].y))";
  if (Math.abs(single) === Infinity) return single > 0 ? INFINITY : `-${INFINITY}`;
  return `number(${Object.is(single, -0) ? "-0" : single}f)`;
}
const INFINITY = "number(bitcast<f32>(p[0].x))";

/** The first parameters of every kernel: the bits of infinity and of NaN. */
export const SPECIAL_BITS: readonly number[] = [0x7f800000, 0x7fc00000];

/** The aliases for one value a thread, or four. */
export function aliases(width: 1 | 4): string {
  const types = width === 1
    ? { number: "f32", place: "i32", bits: "u32", truth: "bool" }
    : { number: "vec4f", place: "vec4i", bits: "vec4u", truth: "vec4<bool>" };
  return Object.entries(types).map(([name, type]) => `alias ${name} = ${type};\n`).join("");
}

/** `code` with the functions that it calls in front. */
export function withFunctions(code: string): string {
  for (const source of FUNCTIONS) {
    const name = /fn (\w+)/.exec(source)![1];
    if (code.includes(`${name}(`)) code = source + code;
  }
  return code;
}

const horner = (variable: string, coefficients: number[]): string =>
  coefficients.reduceRight<string>(
    (rest, c) => rest ? `(${c}f + ${variable} * ${rest})` : `${c}f`,
    "",
  );

const ERF_TOP = [
  1.12837914,
  0.193546895,
  0.0531019829,
  0.0038834197,
  0.000284567147,
  1.98676348e-6,
];
const ERF_BOTTOM = [1, 0.504859025, 0.115350753, 0.0152074049, 0.00118558853, 3.74200417e-5];
const TANH_TOP = [0.999999979, 0.133810252, 0.00349558768, 2.06090755e-5, 1.33546526e-8];
const TANH_BOTTOM = [1, 0.467143408, 0.0258769805, 0.000328563412, 7.77655456e-7];
const EXP_SERIES = [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720].map(Math.fround);
const ARTANH_SERIES = [2, 2 / 3, 2 / 5, 2 / 7].map(Math.fround);

/** Users stand before what they use. `select` by a comparison, which NaN fails, lets NaN through. */
const FUNCTIONS = [
  `fn half_number(word: u32, at: i32) -> f32 {
  return unpack2x16float(word >> (u32(at & 1) << 4u)).x;
}
`,
  `fn half_numbers(words: vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
`,
  `fn quotient(a: u32, b: u32) -> u32 { // exact below 2²⁰, and faster than the division of integers
  return u32((f32(a) + 0.5f) / f32(b));
}
`,
  `fn exponential(x: number) -> number {
  let y = between(x, -104f, 89f);
  let n = round(y * 1.442695f);
  let r = (y - n * 0.693359375f) + n * 2.1219444e-4f;
  let half = place(n) >> bits(1u);
  return ${horner("r", EXP_SERIES)} * power(half) * power(place(n) - half);
}
`,
  `fn power(n: place) -> number {
  return bitcast<number>((n + 127) << bits(23u));
}
`,
  `fn logarithm(x: number) -> number {
  let above = bitcast<bits>(x) - 0x3f3504f3u; // exponent and mantissa, counted from √½
  let n = number(bitcast<place>(above) >> bits(23u));
  let m = bitcast<number>((above & bits(0x7fffffu)) + 0x3f3504f3u);
  let s = (m - 1f) / (m + 1f);
  let z = s * s;
  let y = n * 0.693359375f + (s * ${horner("z", ARTANH_SERIES)} - n * 2.1219444e-4f);
  let down = select(y, -${INFINITY}, x < number(1.17549435e-38f));
  let real = select(down, number(bitcast<f32>(p[0].y)), x < number(0f));
  return select(real, x, (x == ${INFINITY}) | not_a_number(x));
}
`,
  `fn hyperbolic_tangent(x: number) -> number {
  let y = between(x, -9f, 9f);
  let z = y * y;
  return y * ${horner("z", TANH_TOP)} / ${horner("z", TANH_BOTTOM)};
}
`,
  `fn error_function(x: number) -> number {
  let y = between(x, -4f, 4f);
  let z = y * y;
  return y * ${horner("z", ERF_TOP)} / ${horner("z", ERF_BOTTOM)};
}
`,
  `fn between(x: number, low: f32, high: f32) -> number {
  let y = select(x, number(low), x < number(low));
  return select(y, number(high), y > number(high));
}
`,
  `fn larger(a: number, b: number) -> number {
  return select(a, b, (a < b) | not_a_number(b));
}
`,
  `fn smaller(a: number, b: number) -> number {
  return select(a, b, (b < a) | not_a_number(b));
}
`,
  `fn not_a_number(x: number) -> truth {
  return (bitcast<bits>(x) & bits(0x7fffffffu)) > bits(0x7f800000u);
}
`,
  `fn random(high: bits, low: bits, counter: bits) -> number {
  return number(scramble(scramble(counter ^ low) ^ high) >> bits(8u)) * 5.9604644775390625e-8f;
}
`,
  `fn scramble(seed: bits) -> bits {
  let x = (seed ^ (seed >> bits(16u))) * 0x7feb352du;
  let y = (x ^ (x >> bits(15u))) * 0x846ca68bu;
  return y ^ (y >> bits(16u));
}
`,
];
