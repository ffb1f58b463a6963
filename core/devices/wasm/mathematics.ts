/**
 * exp, log, tanh, erf and random numbers as SIMD code.
 *
 * Idea   Bring x into a small interval by exact steps, use a polynomial or a quotient of two there.
 * Maths  e^x = (2ⁿ e^r)², n = round(x/2 / ln 2), r = x/2 - n ln 2 · ln x = e ln 2 + ln m, x = 2ᵉ m,
 *        m in [√½, √2) · tanh x, erf x = x P(x²) / Q(x²), clamped to ±1. Errors are below 4e-7,
 *        relative; the coefficients are least-squares fits, reweighted until the error is even.
 * Trap   A polynomial in x for tanh or erf loses all digits near 0: x times an even function does not.
 * Differs from the paper: there is none.
 * @module
 */
import { type Code, f32x4, i32x4, type Local, type Routine, v128 } from "./assembler.ts";

/** c₀ + c₁ x + c₂ x² + …, by Horner's rule. */
function polynomial(f: Routine, x: Local, coefficients: number[]): Code {
  return coefficients.reduceRight(
    (sum: Code | null, c) => sum === null ? f.number(c) : f.madd(sum, x, f.number(c)),
    null,
  )!;
}

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440e-4;
/** Added to a small number, it leaves the nearest whole number in the lowest bits. */
const ROUNDER = 12582912;

/** e^x; 0 and infinity where that is the nearest float. */
export function exp(f: Routine, x: Local): Code {
  // At -176 and below, 2ⁿ is 0 at once: a masked score costs no product of tiny numbers, which is slow.
  const clamped = f32x4.pmax(f32x4.pmin(x, f.number(89)), f.number(-176));
  const half = f.vector(f32x4.mul(clamped, f.number(0.5)));
  const rounded = f.vector(f.madd(half, f.number(Math.LOG2E), f.number(ROUNDER)));
  const n = f.vector(f32x4.sub(rounded, f.number(ROUNDER)));
  const r = f.vector(f.nmadd(n, f.number(LN2_LOW), f.nmadd(n, f.number(LN2_HIGH), half)));
  // The exponent of a float starts at bit 23: added to that of 1, n gives 2ⁿ.
  const power = i32x4.add(i32x4.shl(rounded, 23), f.number(1));
  const root = f.vector(f32x4.mul(polynomial(f, r, EXP), power));
  return f32x4.mul(root, root);
}
const EXP = [1, 1, 0.50000001, 0.166665129, 0.0416661873, 0.00836959832, 0.00139517182];

/** ln x; -infinity for 0, NaN below. */
export function log(f: Routine, x: Local): Code {
  const subnormal = f.vector(f32x4.lt(x, f.number(2 ** -126)));
  const up = v128.bitselect(f32x4.mul(x, f.number(2 ** 23)), x, subnormal);
  const normal = f.vector(up);
  const sqrtHalf = f.constant(i32x4.const(0x3f3504f3));
  const exponent = f.vector(i32x4.shrS(i32x4.sub(normal, sqrtHalf), 23));
  const mantissa = i32x4.sub(normal, i32x4.shl(exponent, 23));
  const m = f.vector(f32x4.sub(mantissa, f.number(1)));
  const e = f.vector(
    f32x4.sub(f32x4.convertS(exponent), v128.and(subnormal, f.number(23))),
  );
  const square = f.vector(f32x4.mul(m, m));
  const cubic = f32x4.mul(f32x4.mul(square, m), polynomial(f, m, LOG));
  const low = f.madd(e, f.number(LN2_LOW), cubic);
  const series = f32x4.add(m, f.nmadd(square, f.number(0.5), low));
  const logarithm = f.madd(e, f.number(LN2_HIGH), series);
  const below = v128.bitselect(f.number(NaN), x, f32x4.lt(x, f.number(0)));
  const special = v128.bitselect(f.number(-Infinity), below, f32x4.eq(x, f.number(0)));
  const usual = v128.and(f32x4.lt(f.number(0), x), f32x4.lt(x, f.number(Infinity)));
  return v128.bitselect(logarithm, special, usual);
}
const LOG = [
  0.333339214,
  -0.250013801,
  0.199625941,
  -0.165758308,
  0.149184275,
  -0.142840853,
  0.0871132331,
];

/**
 * x P(x²) / Q(x²) for |x| ≤ limit, where it has just passed ±1 and stays: exactly ±1 then, as a derivative
 * made of 1 - y² times large numbers must vanish there.
 */
function oddQuotient(f: Routine, x: Local, limit: number, p: number[], q: number[]): Code {
  const clamp = (v: Code, most: number) =>
    f32x4.pmax(f32x4.pmin(v, f.number(most)), f.number(-most));
  const z = f.vector(clamp(x, limit));
  const square = f.vector(f32x4.mul(z, z));
  const above = f32x4.mul(z, polynomial(f, square, p));
  return clamp(f32x4.div(above, polynomial(f, square, q)), 1);
}

/** Hyperbolic tangent. */
export const tanh = (f: Routine, x: Local): Code =>
  oddQuotient(
    f,
    x,
    9.1,
    [0.99999998, 0.133810181, 0.00349557722, 2.0608831e-5, 1.3354193e-8],
    [1, 0.467143338, 0.0258769458, 0.000328561378, 7.7763913e-7],
  );

/** Error function. */
export const erf = (f: Routine, x: Local): Code =>
  oddQuotient(
    f,
    x,
    3.96,
    [1.12837915, 0.190398228, 0.0527473418, 0.00376518799, 0.000284860639, 2.04998731e-6],
    [1, 0.50206878, 0.114105444, 0.0149683614, 0.00116240855, 3.80895217e-5],
  );

/** `randomBits` of whole numbers, the upper 24 bits as a float in [0, 1). */
export function random(f: Routine, keyHigh: Code, keyLow: Code, counter: Code): Code {
  const first = scramble(f, v128.xor(counter, keyLow));
  const bits = scramble(f, v128.xor(first, keyHigh));
  return f32x4.mul(f32x4.convertS(i32x4.shrU(bits, 8)), f.number(2 ** -24));
}

function scramble(f: Routine, bits: Code): Local {
  const x = f.vector(bits);
  const mix = (shift: number) => f.set(x, v128.xor(x, i32x4.shrU(x, shift)));
  mix(16);
  f.set(x, i32x4.mul(x, f.constant(i32x4.const(0x7feb352d))));
  mix(15);
  f.set(x, i32x4.mul(x, f.constant(i32x4.const(0x846ca68b | 0))));
  mix(16);
  return x;
}
