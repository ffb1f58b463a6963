/**
 * Pair counts, the engine of vocabulary training — Sennrich et al. 2016 (1508.07909), §3.2.
 * Idea   To join the most frequent pair again and again, one must know it at any time. Counting anew is right
 *        and hopeless; but a join changes only the words that hold the pair, so each pair knows its words.
 * Maths  count(a, b) = Σ_words count(word) · occurrences of a b in word
 * Axes   none
 * Differs from the paper: the paper leaves the order of equally frequent pairs to chance. Here the pair with
 *        the smaller left id wins, then the one with the smaller right id, as in Hugging Face's trainers.
 * Trap   A queue cannot change the place of an item. A pair that grew is queued once more; one that shrank is
 *        noticed when it comes up, its count no longer being the one it was queued with.
 * @module
 */
import { PriorityQueue } from "./priority_queue.ts";

/** A different word of the corpus: its pieces, as ids, and how often it occurs. */
export interface CountedWord {
  /** Ids, below 2²⁶; joins shorten the list. */
  pieces: number[];
  /** Occurrences in the corpus. */
  readonly count: number;
}

/** Two pieces that stand side by side. */
export interface Pair {
  /** Id of the left piece. */
  readonly left: number;
  /** Id of the right piece. */
  readonly right: number;
  /** Occurrences in the corpus. */
  count: number;
  /** Words that hold the pair, or held it before another join. */
  readonly words: Set<CountedWord>;
}

/**
 * The pairs of neighbours in a list of words, kept up to date while pieces are joined.
 *
 * @example
 * ```ts
 * import { PairCounts } from "@lineage/lineage/core/text/pair_counts";
 * import { assertEquals } from "@std/assert";
 *
 * const word = { pieces: [1, 2, 3, 2, 3], count: 10 };
 * const pairs = new PairCounts([word]);
 * const pair = pairs.mostFrequent()!;
 * assertEquals([pair.left, pair.right, pair.count], [2, 3, 20]);
 * pairs.join(pair, 4);
 * assertEquals(word.pieces, [1, 4, 4]);
 * ```
 */
export class PairCounts {
  readonly #pairs = new Map<number, Pair>();
  readonly #queue = new PriorityQueue<{ pair: Pair; count: number }>(comesFirst);
  readonly #minFrequency: number;

  /** Counts the pairs; those seen less often than `minFrequency` are never given out. */
  constructor(words: Iterable<CountedWord>, minFrequency = 1) {
    this.#minFrequency = Math.max(1, minFrequency);
    for (const word of words) this.#add(word);
    for (const pair of this.#pairs.values()) this.#enqueue(pair);
  }

  /** The pair to join next; `undefined` when none is frequent enough. */
  mostFrequent(): Pair | undefined {
    for (let top; (top = this.#queue.pop());) {
      if (top.count === top.pair.count) return top.pair;
      if (top.count > top.pair.count) this.#enqueue(top.pair);
    }
  }

  /** Puts `id` in the place of every occurrence of the pair. */
  join(pair: Pair, id: number): void {
    const grown = new Set<Pair>();
    for (const word of pair.words) {
      const pieces = joined(word.pieces, pair, id);
      if (pieces.length === word.pieces.length) continue; // an earlier join took the pair apart
      this.#remove(word);
      word.pieces = pieces;
      for (const near of this.#add(word)) {
        if (near.left === id || near.right === id) grown.add(near);
      }
    }
    for (const near of grown) this.#enqueue(near);
    pair.words.clear();
  }

  #add(word: CountedWord): Pair[] {
    const pairs = this.#neighbours(word);
    for (const pair of pairs) {
      pair.count += word.count;
      pair.words.add(word);
    }
    return pairs;
  }

  #remove(word: CountedWord): void {
    for (const pair of this.#neighbours(word)) pair.count -= word.count;
  }

  #neighbours({ pieces }: CountedWord): Pair[] {
    return pieces.slice(1).map((right, i) => this.#pair(pieces[i]!, right));
  }

  #pair(left: number, right: number): Pair {
    const key = left * 2 ** 26 + right;
    const pair = this.#pairs.get(key) ?? { left, right, count: 0, words: new Set() };
    this.#pairs.set(key, pair);
    return pair;
  }

  #enqueue(pair: Pair): void {
    if (pair.count >= this.#minFrequency) this.#queue.push({ pair, count: pair.count });
  }
}

interface Entry {
  readonly pair: Pair;
  readonly count: number;
}

function comesFirst(a: Entry, b: Entry): boolean {
  return (b.count - a.count || a.pair.left - b.pair.left || a.pair.right - b.pair.right) < 0;
}

/** From the left, so that aaa becomes (aa)a. */
function joined(pieces: number[], { left, right }: Pair, id: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const match = pieces[i] === left && pieces[i + 1] === right;
    out.push(match ? id : pieces[i]!);
    if (match) i++;
  }
  return out;
}
