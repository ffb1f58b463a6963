/**
 * Randomness without a state: numbers that depend on a key and a place, and on nothing else.
 *
 * Idea   A key and a counter go through an integer hash (`randomBits`), so element 7 of a mask is the
 *        same on every device, in every order of computing, and again in the gradient, where the mask
 *        is not remembered but computed anew.
 * Maths  u = hash(key, i) / 2³², i the row-major position of the element.
 * Axes   any.
 * Differs from the paper: Salmon et al. 2011 ("Parallel Random Numbers: As Easy as 1, 2, 3") use
 *        Philox; here a cheaper hash of two rounds serves.
 * @module
 */
import { words } from "./axes.ts";
import { mapOver, multiply } from "./elementwise.ts";
import * as scalar from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";
import { Tensor } from "./tensor.ts";

/** What makes one stream of random numbers differ from another. Make one with `randomKey`. */
export class Key {
  /** @ignore */
  constructor(
    private readonly halves: readonly [number, number],
    private readonly salt: readonly [number, number],
    /** The halves as given data: they may change from step to step, the salt may not. */
    private readonly leaf: Tensor,
  ) {}

  /**
   * Another key, for another purpose or another layer. The number becomes part of the graph: let it
   * count places in a model. What changes from step to step belongs into `randomKey`.
   */
  derive(purpose: number): Key {
    const salt = [1, 2].map((i) => bits23(this.salt[0] * 2 + i, this.salt[1], purpose));
    return new Key(this.halves, [salt[0], salt[1]], this.leaf);
  }

  /** A host-side number in [0, 1): number `counter` of this key's stream. */
  number(counter: number): number {
    const [high, low] = this.halves.map((half, i) => half + this.salt[i]);
    return (scalar.randomBits(high, low, counter) >>> 8) / 2 ** 24;
  }

  /** The numbers of the stream as a tensor. */
  uniform(axes: readonly string[], shape: readonly number[]): Tensor {
    const half = (i: number) =>
      new Tensor([], [], { kind: "view", base: this.leaf, strides: [], offset: i }, [this.leaf]);
    const salted = (i: number) => scalar.add(scalar.input(i), scalar.constant(this.salt[i]));
    const position = new Tensor(axes, shape, { kind: "position" });
    const recipe = scalar.random(salted(0), salted(1), scalar.input(2));
    return mapOver(axes, shape, recipe, [half(0), half(1), position]);
  }
}

// 23 bits, so that half + salt stays below 2²⁴, up to where a float counts exactly.
const bits23 = (a: number, b: number, c: number) => scalar.randomBits(a, b, c) >>> 9;

/**
 * A key from a seed and, if wanted, a step: any whole numbers.
 *
 * @throws {RangeError} where seed or step is no whole number.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * assertEquals(randomKey(1).number(0), randomKey(1).number(0));
 * assertNotEquals(randomKey(1).number(0), randomKey(1).derive(3).number(0));
 * ```
 */
export function randomKey(seed: number, step = 0): Key {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`a seed is a whole number, not ${seed}`);
  if (!Number.isSafeInteger(step)) throw new RangeError(`a step is a whole number, not ${step}`);
  const [high, low] = [0x243f6a88, 0x85a308d3].map((purpose) => {
    const bits = scalar.randomBits(Math.floor(seed / 2 ** 32), purpose, seed);
    return bits23(bits, purpose, step); // seed first, then step: 1 and 2 differ from 2 and 1
  });
  const halves: [number, number] = [high, low];
  const leaf = new Tensor(["half"], [2], { kind: "data", values: halves });
  return new Key(halves, [0, 0], leaf);
}

/**
 * Independent numbers, uniform in [0, 1).
 *
 * @example
 * ```ts
 * import { randomKey, read, uniform } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const [u] = await read(uniform(randomKey(1), "T", [3]));
 * assertEquals(u, randomKey(1).number(0));
 * ```
 */
export function uniform<const S extends string>(
  key: Key,
  axes: S,
  shape: readonly number[],
): Tensor<S> {
  return key.uniform(words(axes), shape) as Tensor<S>;
}

/**
 * Independent normal numbers with mean 0 and the given standard deviation.
 *
 * @example
 * ```ts
 * import { normal, randomKey, read } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 * const x = await read(normal(randomKey(1), "T", [1000], 0.02));
 * assert(x.every((v) => Math.abs(v) < 0.02 * 6));
 * ```
 */
export function normal<const S extends string>(
  key: Key,
  axes: S,
  shape: readonly number[],
  deviation = 1,
): Tensor<S> {
  const u = key.uniform(words(axes), shape);
  const recipe = scalar.multiply(scalar.constant(deviation), quantile(scalar.input(0)));
  return mapOver(u.axes, u.shape, recipe, [u]) as Tensor<S>;
}

/** The normal quantile √2·erf⁻¹(2u − 1), by Giles' two polynomials (2012, "Approximating erfinv"). */
function quantile(u: scalar.Expression): scalar.Expression {
  const { add, constant, multiply, subtract } = scalar;
  // u is a multiple of 2⁻²⁴ and may be 0, so half a step is added. All of this is exact in single precision,
  // and a GPU's compiler, which may reorder sums, cannot reach through |·|: the distance is never 0.
  const centred = subtract(u, constant(0.5 - 2 ** -25));
  const distance = subtract(constant(0.5), scalar.abs(centred)); // from the nearer end of the interval
  const w = scalar.negate(
    scalar.log(multiply(constant(4), multiply(distance, subtract(constant(1), distance)))),
  );
  const polynomial = (coefficients: number[], t: scalar.Expression) =>
    coefficients.slice(1).reduce(
      (sum, c) => add(multiply(sum, t), constant(c)),
      constant(coefficients[0]),
    );
  const near = polynomial([
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
  ], subtract(w, constant(2.5)));
  const far = polynomial([
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
  ], subtract(scalar.sqrt(w), constant(3)));
  const slope = scalar.select(scalar.less(w, constant(5)), near, far);
  return multiply(constant(2 * Math.SQRT2), multiply(slope, centred));
}

/**
 * Each element 0 with probability `rate`, else scaled by 1 / (1 − rate) — Srivastava et al. 2014,
 * in its inverted form. Without a key or with a rate of 0: x itself.
 *
 * @throws {RangeError} for a rate outside [0, 1).
 *
 * @example
 * ```ts
 * import { dropout, randomKey, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 * const y = await read(dropout(tensor("T", [1, 1, 1]), 0.5, randomKey(3)));
 * assert(y.every((v) => v === 0 || v === 2));
 * ```
 */
export function dropout<S extends string>(x: Tensor<S>, rate: number, key?: Key): Tensor<S> {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout: the rate ${rate} is not in [0, 1)`);
  if (rate === 0 || key === undefined || elementsOf(x.shape) === 0) return x;
  const u = key.uniform(x.axes, x.shape);
  const dropped = scalar.less(scalar.input(0), scalar.constant(rate));
  const recipe = scalar.select(dropped, scalar.constant(0), scalar.constant(1 / (1 - rate)));
  return multiply<string, string>(x, mapOver(x.axes, x.shape, recipe, [u])) as Tensor<S>;
}
