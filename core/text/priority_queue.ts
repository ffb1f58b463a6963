/**
 * Priority queue, a binary heap — Williams 1964, algorithm 232.
 * Idea   A list read as a tree: the children of place i are at 2i + 1 and 2i + 2. No child comes before its
 *        parent, so the first of all is at the root, and pushing or popping walks one branch.
 * Maths  push, pop: O(log n)
 * Axes   none
 * Differs from the paper: nothing.
 * @module
 */

/**
 * Gives its items back in the order that `before` defines.
 *
 * @example
 * ```ts
 * import { PriorityQueue } from "@lineage/lineage/core/text/priority_queue";
 * import { assertEquals } from "@std/assert";
 *
 * const queue = new PriorityQueue<number>((a, b) => a > b);
 * for (const n of [3, 9, 4]) queue.push(n);
 * assertEquals([queue.pop(), queue.pop(), queue.pop(), queue.pop()], [9, 4, 3, undefined]);
 * ```
 */
export class PriorityQueue<Item> {
  readonly #items: Item[] = [];
  readonly #before: (a: Item, b: Item) => boolean;

  /** `before(a, b)` says whether `a` comes out before `b`. */
  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before;
  }

  /** Puts an item in. */
  push(item: Item): void {
    const items = this.#items;
    let hole = items.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#before(item, items[parent]!)) break;
      items[hole] = items[parent]!;
      hole = parent;
    }
    items[hole] = item;
  }

  /** Takes the first item out; `undefined` when there is none. */
  pop(): Item | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last!);
    return first;
  }

  /** Fills the root, which is free, letting better children rise. */
  #sink(item: Item): void {
    const items = this.#items;
    let hole = 0;
    for (let child = 1; child < items.length; child = 2 * hole + 1) {
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++;
      if (!this.#before(items[child]!, item)) break;
      items[hole] = items[child]!;
      hole = child;
    }
    items[hole] = item;
  }
}
