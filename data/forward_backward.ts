/**
 * Forward–backward over a line of steps — Rabiner 1989 (A Tutorial on Hidden Markov Models), §III.
 * Idea   Which steps a document tells is hidden. Each sentence is told at a later step than the one
 *        before it; sums over all ways to place them are carried from sentence to sentence.
 * Maths  before_i(k) = Σ_{l<k} before_{i-1}(l) said_{i-1}(l) gap(l, k)
 *        after_i(k)  = Σ_{l>k} gap(k, l) said_{i+1}(l) after_{i+1}(l)
 *        gap(l, k)   = told(k) Π_{l<c<k} (1 − told(c)),  p = Σ_k before_i(k) said_i(k) after_i(k) for any i
 * Axes   i sentence · k, l step
 * Differs from the paper: steps only go forward, and each may be left out.
 * @module
 */

/** What the other sentences say about the step of each sentence. */
export interface Walk {
  /** `around[i][k]`: the probability of all other sentences, and that sentence i tells step k. */
  readonly around: readonly (readonly number[])[];
  /** The probability of all sentences. */
  readonly probability: number;
}

/**
 * Sums over all ways in which sentences can tell the steps, in order.
 * @param told the probability that each step is told
 * @param said `said[i][k]`: the probability of sentence i, if it tells step k
 * @param open whether more may follow that was not read
 *
 * @example A step that is always told, and one that is told half of the time.
 * ```ts
 * import { walkSteps } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(walkSteps([1, 0.5], [[0.25, 0]]).probability, 0.125);
 * assertEquals(walkSteps([1, 0.5], [[0.25, 0], [0, 1]]).probability, 0.125);
 * ```
 */
export function walkSteps(
  told: readonly number[],
  said: readonly (readonly number[])[],
  open = false,
): Walk {
  const end = told.length;
  const sum = (from: number, to: number, term: (step: number) => number) => {
    let total = 0;
    for (let step = from; step < to; step++) total += term(step);
    return total;
  };
  const before: number[][] = [], after: number[][] = [];
  for (let i = 0; i < said.length; i++) {
    before[i] = told.map((_, k) =>
      i === 0
        ? gap(told, -1, k)
        : sum(0, k, (l) => said[i - 1][l] && before[i - 1][l] * said[i - 1][l] * gap(told, l, k))
    );
  }
  for (let i = said.length - 1; i >= 0; i--) {
    after[i] = told.map((_, k) =>
      i === said.length - 1
        ? open ? 1 : gap(told, k, end)
        : sum(k + 1, end, (l) =>
          said[i + 1][l] && gap(told, k, l) * said[i + 1][l] * after[i + 1][l])
    );
  }
  const around = before.map((row, i) => row.map((p, k) => p * after[i][k]));
  return { around, probability: sum(0, end, (k) => around[0][k] * said[0][k]) };
}

/** The probability that the walk goes from step `from` (-1 at the start) straight to step `to`. */
function gap(told: readonly number[], from: number, to: number): number {
  let probability = to < told.length ? told[to] : 1;
  for (let step = from + 1; step < to; step++) probability *= 1 - told[step];
  return probability;
}
