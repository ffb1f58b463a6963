/**
 * How long things take, one beside the other.
 * Idea   Each thing runs once in every round, so whatever else the machine does hits all of them. What is
 *        compared are times of one round; a median over rounds forgets those in which somebody slammed a door.
 * Maths  ratio = median over rounds of t[thing] / t[first thing]
 * Axes   none: rounds, things
 * Differs from a benchmark: only ratios are meant to hold elsewhere.
 * Trap   The first run builds programs and fills caches: it is not counted.
 * @module
 */

/** What a thing took, in the middle of all rounds. */
export interface Timed {
  /** Median time, in milliseconds. */
  readonly milliseconds: number;
  /** Median over rounds of its time divided by that of the first thing. */
  readonly ratio: number;
}

/**
 * Run things in turn and compare each with the first.
 *
 * @throws {RangeError} where there is no round to compare in.
 *
 * @example
 * ```ts
 * import { inTurn } from "@lineage/lineage/experiments/timing";
 * import { assert, assertEquals } from "@std/assert";
 * const wait = (ms: number) => () => new Promise((done) => setTimeout(done, ms));
 * const [one, three] = await inTurn([wait(10), wait(30)], 3);
 * assertEquals(one.ratio, 1);
 * assert(three.ratio > 1);
 * ```
 */
export async function inTurn(
  things: readonly (() => Promise<unknown>)[],
  rounds: number,
): Promise<Timed[]> {
  if (!(rounds >= 1)) throw new RangeError(`${rounds} rounds: there must be one at least`);
  const times: number[][] = [];
  for (let round = -1; round < rounds; round++) {
    const row: number[] = [];
    for (const thing of things) {
      const start = performance.now();
      await thing();
      row.push(performance.now() - start);
    }
    if (round >= 0) times.push(row);
  }
  return things.map((_, i) => ({
    milliseconds: median(times.map((row) => row[i])),
    ratio: median(times.map((row) => row[i] / row[0])),
  }));
}

/**
 * The number in the middle, or the mean of the two there.
 *
 * @example
 * ```ts
 * import { median } from "@lineage/lineage/experiments/timing";
 * import { assertEquals } from "@std/assert";
 * assertEquals([median([9, 1, 2]), median([4, 1, 2, 9])], [2, 3]);
 * ```
 */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b), middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}
