/**
 * Random numbers from a counter — SplitMix32, after Steele, Lea & Flood 2014 (SplitMix).
 * Idea   Number n of a stream is a hash of (seed, stream, n), so document 7 of a seed is the same
 *        whether one document or a thousand were asked for, and on every machine.
 * Maths  state ← state + 0x9e3779b9 (mod 2³²);  output = mix(state)
 * Differs from the paper: 32-bit words instead of 64, with a 32-bit finalizer (the constants of "lowbias32").
 * @module
 */

/** A stream of random numbers. */
export interface Random {
  /** A whole number in [0, 2³²). */
  next(): number;
  /** A number in [0, 1), a multiple of 2⁻³². */
  unit(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
  /** One of the items, all equally likely. */
  pick<Item>(items: readonly Item[]): Item;
  /** The items in random order, as a new list. */
  shuffle<Item>(items: readonly Item[]): Item[];
}

/**
 * A stream of random numbers that depends on nothing but its keys.
 * @param keys whole numbers, e.g. a seed and the number of the document
 *
 * @example
 * ```ts
 * import { createRandom } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(createRandom(1, 7).below(100), createRandom(1, 7).below(100));
 * ```
 */
export function createRandom(...keys: readonly number[]): Random {
  let state = keys.reduce((hash, key) => mix((hash ^ wholeNumber(key)) + GOLDEN_RATIO), 0);
  const next = () => mix(state = (state + GOLDEN_RATIO) | 0);
  const unit = () => next() / 2 ** 32;
  const below = (n: number) => Math.floor(unit() * n);
  const pick = <Item>(items: readonly Item[]) => items[below(items.length)];
  const shuffle = <Item>(items: readonly Item[]) => {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = below(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]];
    }
    return shuffled;
  };
  return { next, unit, below, pick, shuffle };
}

const GOLDEN_RATIO = 0x9e3779b9;

function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
  return (word ^ (word >>> 16)) >>> 0;
}

function wholeNumber(key: number): number {
  if (!Number.isSafeInteger(key)) {
    throw new RangeError(`A seed must be a whole number, but this one is ${key}.`);
  }
  return key;
}
