/**
 * Merging by rank, the engine of byte-pair encoding — Sennrich et al. 2016 (1508.07909), §3.2.
 * Idea   To look through the whole word before each merge is right, and slow where words are long. So the places
 *        of each pair are kept, by the pair's rank, and a merge looks only at the pairs it makes.
 * Maths  O(n log n) for n bytes, not O(n²)
 * Axes   none
 * Differs from the paper: nothing.
 * Trap   A merge may make a pair of lower rank than its own. It has to wait until the merge at hand is done in the
 *        whole word; a queue of single places would let it in.
 * @module
 */
import { PriorityQueue } from "./priority_queue.ts";

/** Rank of each pair, by its key, and the token it gives. */
export type Ranks = ReadonlyMap<number, { readonly rank: number; readonly id: number }>;

/** Key of a pair of ids below 2²⁶. */
export function pairKey(left: number, right: number): number {
  return left * 2 ** 26 + right;
}

/** A token and the bytes `[start, end)` of the word that it stands for. */
export interface Merged {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Merges the bytes of a word, given as the ids of their tokens, as far as they can be. */
export function mergeByRank(bytes: readonly number[], ranks: Ranks): Merged[] {
  const ids: (number | undefined)[] = [...bytes]; // of the token that begins here
  const ends = bytes.map((_, at) => at + 1);
  const before = bytes.map((_, at) => at - 1);
  const places = new Map<number, number[]>();
  const queue = new PriorityQueue<number>((a, b) => a < b);

  function mergeAt(at: number) {
    const [left, right] = [ids[at], ids[ends[at]!]];
    return left === undefined || right === undefined ? undefined : ranks.get(pairKey(left, right));
  }
  function note(at: number) {
    const rank = mergeAt(at)?.rank;
    if (rank === undefined) return;
    const known = places.get(rank);
    if (known) known.push(at);
    else places.set(rank, [at]), queue.push(rank);
  }
  function join(at: number, id: number) {
    const right = ends[at]!;
    ids[at] = id;
    ids[right] = undefined;
    ends[at] = ends[right]!;
    before[ends[at]!] = at;
  }

  bytes.forEach((_, at) => note(at));
  for (let rank; (rank = queue.pop()) !== undefined;) {
    const joined: number[] = [];
    for (const at of places.get(rank)!.sort((a, b) => a - b)) {
      // another merge may have taken one of the two by now
      const merge = mergeAt(at);
      if (merge?.rank !== rank) continue;
      join(at, merge.id);
      joined.push(at);
    }
    places.delete(rank);
    for (const at of joined) [before[at]!, at].forEach(note);
  }
  return ids.flatMap((id, start) => id === undefined ? [] : [{ id, start, end: ends[start]! }]);
}
