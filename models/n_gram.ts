/**
 * N-gram language model — Kneser & Ney 1995 (ICASSP); interpolated: Chen & Goodman 1998 (TR-10-98), §2.8.
 * Idea   The next token is guessed from the few before it, by counting. What was never seen after these is
 *        guessed from fewer; and there it counts in how many different places a token was seen, not how
 *        often: "Francisco" is frequent, but only after "San". The baseline of every language model.
 * Maths  p(w|h) = max(c(hw) − d, 0)/c(h) + d·n(h)/c(h) · p(w|h'),  h' = h without its first token
 *        c counts occurrences at the highest order, different predecessors below; n(h) different w after h;
 *        d = n₁/(n₁ + 2n₂) of each order; at last p(w) = 1/V
 * Axes   none: counts in a map
 * Differs from the paper: Chen & Goodman find three discounts an order better than one; here it is one.
 * Trap   Probabilities per token are comparable between models of one vocabulary only.
 * @module
 */

/** A model that counts. */
export interface NGram {
  /** Tokens that are looked at, the guessed one included. */
  readonly order: number;
  /** The probability of a token after others. */
  probability(before: readonly number[], id: number): number;
}

/** What was seen after a history. */
interface Followers {
  /** c(h) */
  total: number;
  /** c(hw) */
  counts: Map<number, number>;
}

type Counts = Map<string, Followers>;

/**
 * Count a text.
 *
 * @throws {RangeError} where the order is no whole number from 1, or the text is shorter.
 *
 * @example
 * ```ts
 * import { countNGrams } from "@lineage/lineage/models/n_gram";
 * import { assert } from "@std/assert";
 * const model = countNGrams([0, 1, 0, 1, 0, 2], { order: 2, vocabulary: 3 });
 * assert(model.probability([0], 1) > model.probability([0], 2));
 * ```
 */
export function countNGrams(
  ids: ArrayLike<number>,
  { order, vocabulary }: { order: number; vocabulary: number },
): NGram {
  if (!(Number.isInteger(order) && order >= 1)) {
    throw new RangeError(`an n-gram looks at one token or more, not ${order}`);
  }
  if (ids.length < order) {
    throw new RangeError(`a text of ${ids.length} tokens has no ${order}-grams`);
  }
  const levels: Counts[] = Array.from({ length: order }, () => new Map());
  for (let i = order - 1; i < ids.length; i++) {
    for (let n = order; n >= 1; n--) {
      const history = Array.from({ length: n - 1 }, (_, k) => ids[i - n + 1 + k]);
      if (!count(levels[n - 1], history.join(), ids[i])) break; // seen after this: so it was below
    }
  }
  const discounts = levels.map(discountOf);
  const probability = (before: readonly number[], id: number): number => {
    let found = 1 / vocabulary;
    for (let n = 1; n <= Math.min(order, before.length + 1); n++) {
      const followers = levels[n - 1].get(before.slice(before.length - n + 1).join());
      if (!followers) break;
      const { total, counts } = followers, d = discounts[n - 1];
      found = (Math.max((counts.get(id) ?? 0) - d, 0) + d * counts.size * found) / total;
    }
    return found;
  };
  return { order, probability };
}

/** Count a token after a history; whether it is the first time. */
function count(counts: Counts, history: string, id: number): boolean {
  const followers = counts.get(history) ?? { total: 0, counts: new Map() };
  counts.set(history, followers);
  const before = followers.counts.get(id) ?? 0;
  followers.total++;
  followers.counts.set(id, before + 1);
  return before === 0;
}

/** What is taken from each count, for those that were never seen. */
function discountOf(counts: Counts): number {
  let once = 0, twice = 0;
  for (const { counts: followers } of counts.values()) {
    for (const c of followers.values()) {
      if (c === 1) once++;
      if (c === 2) twice++;
    }
  }
  return once ? once / (once + 2 * twice) : 0.5;
}

/**
 * The mean surprise of a text after its first token, in nats a token.
 *
 * @example
 * ```ts
 * import { countNGrams, surprise } from "@lineage/lineage/models/n_gram";
 * import { assert } from "@std/assert";
 * const model = countNGrams([0, 1, 0, 1, 0, 1, 0], { order: 2, vocabulary: 2 });
 * assert(surprise(model, [1, 0, 1, 0]) < Math.log(2));
 * ```
 */
export function surprise({ order, probability }: NGram, ids: readonly number[]): number {
  let sum = 0;
  for (let i = 1; i < ids.length; i++) {
    sum -= Math.log(probability(ids.slice(Math.max(0, i - order + 1), i), ids[i]));
  }
  return sum / (ids.length - 1);
}
