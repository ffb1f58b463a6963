/**
 * What a contender measures, and how it says so: a line of JSON for each number.
 *
 * @module
 */

/** One measured number. */
export interface Measured {
  /** What was measured, such as a size; the same name in every contender. */
  name: string;
  /** The number. */
  value: number;
  /** Of `ms`, `MB` and `%` less is better, of the others more. */
  unit: "GFLOP/s" | "tokens/s" | "ms" | "MB" | "%";
  /** Results that every contender must agree on, such as a loss. */
  check?: Record<string, number>;
}

/** Hand a number to the bench. */
export function report(measured: Measured): void {
  console.log(JSON.stringify(measured));
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Milliseconds that `work` takes. */
export async function duration(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
