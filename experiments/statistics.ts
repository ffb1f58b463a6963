/**
 * Means, deviations and paired differences over seeds — Student 1908, "The probable error of a mean".
 * Idea   Two ways are tried with the same seeds, so their scores come in pairs. Whether one way is better
 *        is asked of the differences: what a seed does to both falls out of them.
 * Maths  s² = Σ (x − x̄)² / (n − 1);  interval at 95 %: x̄ ± t · s / √n,  t of n − 1 degrees of freedom
 * Axes   none: n seeds, n numbers
 * Differs from the paper: nothing. t comes from his table up to ten degrees of freedom, above from its
 *        expansion around the normal distribution (Abramowitz & Stegun 26.7.5), right to four digits.
 * Trap   Two deviations that overlap say little about the difference of paired scores: seeds that are hard
 *        for both ways make both deviate, and the difference not at all.
 * @module
 */

/** A mean, how far single numbers are from it, and where it lies with 95 % confidence. */
export interface Summary {
  /** How many numbers. */
  readonly count: number;
  /** Their mean. */
  readonly mean: number;
  /** Their standard deviation. */
  readonly deviation: number;
  /** Lower end of the interval. */
  readonly low: number;
  /** Upper end of the interval. */
  readonly high: number;
}

/** 97.5 % points of Student's t for 1 to 10 degrees of freedom. */
const T = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];

/**
 * How many standard errors the interval at 95 % reaches to either side.
 *
 * @param freedom Degrees of freedom, one less than the number of seeds.
 * @throws {RangeError} where it is not a whole number above 0.
 *
 * @example
 * ```ts
 * import { studentT } from "@lineage/lineage/experiments/statistics";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals(studentT(4), 2.7764);
 * assertAlmostEquals(studentT(30), 2.0423, 1e-4);
 * ```
 */
export function studentT(freedom: number): number {
  if (!(Number.isInteger(freedom) && freedom > 0)) {
    throw new RangeError(`an interval needs two numbers or more, not ${freedom + 1}`);
  }
  if (freedom <= T.length) return T[freedom - 1];
  const z = 1.959964, first = (z ** 3 + z) / 4, second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}

/**
 * The arithmetic mean; NaN where there are no numbers.
 *
 * @example
 * ```ts
 * import { mean } from "@lineage/lineage/experiments/statistics";
 * import { assertEquals } from "@std/assert";
 * assertEquals(mean([1, 2, 6]), 3);
 * ```
 */
export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

/**
 * Mean, deviation and interval of some numbers.
 *
 * @throws {RangeError} where there are fewer than two, or one is not finite.
 *
 * @example
 * ```ts
 * import { summary } from "@lineage/lineage/experiments/statistics";
 * import { assertAlmostEquals } from "@std/assert";
 * const { mean, deviation, high } = summary([1, 2, 3]);
 * assertAlmostEquals(mean, 2);
 * assertAlmostEquals(deviation, 1);
 * assertAlmostEquals(high, 2 + 4.3027 / Math.sqrt(3));
 * ```
 */
export function summary(numbers: readonly number[]): Summary {
  const count = numbers.length, bad = numbers.find((x) => !Number.isFinite(x));
  if (bad !== undefined) throw new RangeError(`there is no mean of ${bad}: give finite numbers`);
  const reach = studentT(count - 1) / Math.sqrt(count);
  const middle = mean(numbers);
  const squares = numbers.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1)), half = reach * deviation;
  return { count, mean: middle, deviation, low: middle - half, high: middle + half };
}

/**
 * How much higher the first of two paired scores is.
 *
 * @throws {RangeError} where there are not as many of one as of the other, or fewer than two.
 *
 * @example
 * ```ts
 * import { difference } from "@lineage/lineage/experiments/statistics";
 * import { assertAlmostEquals } from "@std/assert";
 * const { mean, deviation } = difference([0.9, 0.6, 0.8], [0.8, 0.5, 0.7]); // unequal seeds, equal gain
 * assertAlmostEquals(mean, 0.1);
 * assertAlmostEquals(deviation, 0, 1e-12);
 * ```
 */
export function difference(first: readonly number[], second: readonly number[]): Summary {
  return summary(pairs(first, second).map(([a, b]) => a - b));
}

/**
 * How many times the second of two paired numbers the first is: the mean over seeds of their ratios.
 *
 * @throws {RangeError} where there are not as many of one as of the other, or fewer than two.
 *
 * @example
 * ```ts
 * import { ratio } from "@lineage/lineage/experiments/statistics";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals(ratio([2, 9], [1, 3]).mean, 2.5);
 * ```
 */
export function ratio(first: readonly number[], second: readonly number[]): Summary {
  return summary(pairs(first, second).map(([a, b]) => a / b));
}

function pairs(first: readonly number[], second: readonly number[]): [number, number][] {
  if (first.length !== second.length) {
    throw new RangeError(`${first.length} scores cannot be paired with ${second.length}`);
  }
  return first.map((x, i) => [x, second[i]]);
}
