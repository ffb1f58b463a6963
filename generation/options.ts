/**
 * How a text is to be written — temperature: Ackley et al. 1985; top-k: Fan et al. 2018 (1805.04833);
 * top-p: Holtzman et al. 2019 (1904.09751); repetition penalty: Keskar et al. 2019 (1909.05858).
 * Idea   The model gives probabilities; what is written is another decision. Always the likeliest (greedy),
 *        one by chance, sharper or flatter and without the long tail, or the likeliest whole text (beams).
 * Maths  p ∝ exp(s/tau), kept for the k likeliest, or for the fewest whose sum reaches p, and scaled to sum 1
 *        penalty r: a score s of a token that was written becomes s/r if s > 0, else s·r
 * Axes   none: one row of V scores at a time
 * Differs from the paper: nothing; the order is Hugging Face's: penalty, temperature, top-k, top-p.
 * Trap   Temperature 0 is a division by 0; it is greedy that is meant.
 * @module
 */

/** How to go on with a text. Without a choice of method, the likeliest token is taken. */
export interface GenerationOptions {
  /** Most tokens to write (default: as many as the model has positions left). */
  readonly maxTokens?: number;
  /** Always the likeliest token. */
  readonly greedy?: boolean;
  /** By chance: above 1 flatter, below 1 sharper than the model's probabilities. */
  readonly temperature?: number;
  /** By chance among this many of the likeliest. */
  readonly topK?: number;
  /** By chance among the likeliest that have this much probability together. */
  readonly topP?: number;
  /** The likeliest whole text, searched for with this many at a time. */
  readonly beams?: number;
  /** Above 1: what was written already becomes less likely (default 1). */
  readonly repetitionPenalty?: number;
  /** Ids that end the text; they are not given. */
  readonly end?: readonly number[];
  /** Where chance begins (default 0). */
  readonly seed?: number;
}

/** The ways to choose. */
export type Method = "greedy" | "sampling" | "beams";

/**
 * The method that the options ask for.
 *
 * @throws {RangeError} where they contradict each other, or one is out of range.
 *
 * @example
 * ```ts
 * import { methodOf } from "@lineage/lineage/generation/options";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(methodOf({}), "greedy");
 * assertEquals(methodOf({ topP: 0.9 }), "sampling");
 * assertThrows(() => methodOf({ greedy: true, temperature: 0.7 }), RangeError, "contradict");
 * ```
 */
export function methodOf(options: GenerationOptions): Method {
  checkRanges(options);
  const { greedy, temperature, topK, topP, beams } = options;
  const chance = Object.entries({ temperature, topK, topP })
    .filter(([, value]) => value !== undefined).map(([name]) => name);
  const asked = [
    ...greedy ? ["greedy"] : [],
    ...beams !== undefined ? ["beams"] : [],
    ...chance.slice(0, 1),
  ];
  if (asked.length > 1) {
    throw new RangeError(
      `${asked.join(" and ")} contradict each other: take the likeliest token (greedy), one by` +
        " chance (temperature, topK, topP) or the likeliest text (beams)",
    );
  }
  return beams !== undefined ? "beams" : chance.length ? "sampling" : "greedy";
}

function checkRanges(options: GenerationOptions): void {
  const { temperature = 1, topK = 1, topP = 1, beams = 1, repetitionPenalty = 1 } = options;
  const { maxTokens = 1 } = options;
  const whole = (n: number) => Number.isInteger(n) && n >= 1;
  const positive = (n: number) => n > 0 && Number.isFinite(n);
  const checks: [string, number, boolean, string][] = [
    ["maxTokens", maxTokens, whole(maxTokens), "a whole number from 1"],
    [
      "temperature",
      temperature,
      positive(temperature),
      "above 0; for the likeliest ask for greedy",
    ],
    ["topK", topK, whole(topK), "a whole number from 1"],
    ["topP", topP, topP > 0 && topP <= 1, "above 0 and up to 1"],
    ["beams", beams, whole(beams), "a whole number from 1"],
    ["repetitionPenalty", repetitionPenalty, positive(repetitionPenalty), "above 0"],
  ];
  const wrong = checks.find(([, , fits]) => !fits);
  if (wrong) throw new RangeError(`${wrong[0]} is ${wrong[1]}; it must be ${wrong[3]}`);
}

/**
 * Scores with those of the tokens that were written made less likely.
 *
 * @example
 * ```ts
 * import { penalised } from "@lineage/lineage/generation/options";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...penalised([2, -2, 1], [0, 1, 0], 2)], [1, -4, 1]);
 * ```
 */
export function penalised(
  scores: ArrayLike<number>,
  written: Iterable<number>,
  penalty: number,
): Float64Array {
  const found = Float64Array.from(scores);
  if (penalty === 1) return found;
  for (const id of new Set(written)) {
    found[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
  }
  return found;
}

/**
 * The probabilities from which a token is drawn: 0 for those that are cut off.
 *
 * @example
 * ```ts
 * import { probabilities } from "@lineage/lineage/generation/options";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * const scores = [Math.log(0.6), Math.log(0.3), Math.log(0.1)];
 * assertAlmostEquals(probabilities(scores)[1], 0.3, 1e-12);
 * assertAlmostEquals(probabilities(scores, { topK: 2 })[0], 2 / 3, 1e-12);
 * assertEquals(probabilities(scores, { topP: 0.5 })[0], 1);
 * ```
 */
export function probabilities(
  scores: ArrayLike<number>,
  { temperature = 1, topK = scores.length, topP = 1 }: GenerationOptions = {},
): Float64Array {
  const found = softmax(scores, temperature);
  if (topK >= found.length && topP >= 1) return found;
  const order = [...found.keys()].sort((a, b) => found[b] - found[a] || a - b).slice(0, topK);
  const total = order.reduce((sum, id) => sum + found[id], 0),
    kept = new Float64Array(found.length);
  let sum = 0;
  for (const id of order) { // the fewest that reach topP: the one that crosses the line stays
    if (sum >= topP * total) break;
    sum += kept[id] = found[id];
  }
  return kept.map((p) => p / sum);
}

function softmax(scores: ArrayLike<number>, temperature: number): Float64Array {
  let most = -Infinity, total = 0;
  for (let i = 0; i < scores.length; i++) most = Math.max(most, scores[i]);
  const found = Float64Array.from(scores, (s) => Math.exp((s - most) / temperature));
  for (const p of found) total += p;
  return found.map((p) => p / total);
}

/**
 * The token that a number from 0 up to 1 draws.
 *
 * @example
 * ```ts
 * import { drawn } from "@lineage/lineage/generation/options";
 * import { assertEquals } from "@std/assert";
 * assertEquals([0, 0.69, 0.7, 0.99].map((u) => drawn([0.2, 0.5, 0.3], u)), [0, 1, 2, 2]);
 * ```
 */
export function drawn(probabilities: ArrayLike<number>, u: number): number {
  let sum = 0, last = 0;
  for (let id = 0; id < probabilities.length; id++) {
    if (probabilities[id] === 0) continue;
    sum += probabilities[last = id];
    if (u < sum) return id;
  }
  return last; // rounding may leave the sum below u
}
