/** N-grams: Kneser and Ney's arithmetic by hand, sums of one, and text that is learnt. */
import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { createWorld, documents } from "../data/mod.ts";
import { countNGrams, surprise } from "../models/n_gram.ts";

Deno.test("Kneser and Ney by hand: two tokens after two histories", () => {
  // 0 1 0 1 0 2: after 0: 1 twice, 2 once; after 1: 0 twice. d = 1/(1 + 2·2) = 0.2.
  const { probability } = countNGrams([0, 1, 0, 1, 0, 2], { order: 2, vocabulary: 3 });
  // Below, different predecessors: each token has one; of counts 1, 1, 1: d = 3/3 = 1.
  const below = 3 / 3 / 3;
  assertAlmostEquals(probability([0], 1), (2 - 0.2) / 3 + 0.2 * 2 / 3 * below, 1e-12);
  assertAlmostEquals(probability([0], 0), 0.2 * 2 / 3 * below, 1e-12);
  assertAlmostEquals(probability([1], 0), (2 - 0.2) / 2 + 0.2 / 2 * below, 1e-12);
  assertAlmostEquals(probability([2], 0), below, 1e-12); // nothing was seen after 2
});

const ids = Array.from({ length: 400 }, (_, i) => (i * i + (i >> 2)) % 7);

Deno.test("probabilities after any history sum to one", () => {
  for (const order of [1, 2, 3, 4]) {
    const { probability } = countNGrams(ids, { order, vocabulary: 9 });
    for (const before of [[], [3], [5, 1], [8, 8], [2, 3, 4, 5]]) {
      let sum = 0;
      for (let id = 0; id < 9; id++) sum += probability(before, id);
      assertAlmostEquals(sum, 1, 1e-9, `${order} after ${before}`);
    }
  }
});

Deno.test("a token that was seen in one place only is not likely elsewhere", () => {
  const text = [5, 1, 2, 3, 5, 1, 4, 2, 3, 4, 5, 1, 3, 2, 4, 3, 5, 1, 2, 4];
  const { probability } = countNGrams(text, { order: 2, vocabulary: 6 });
  assert(text.filter((id) => id === 1).length >= text.filter((id) => id === 2).length);
  assert(probability([0], 1) < probability([0], 2)); // 1 comes often, but only after 5
});

Deno.test("more tokens to look at guess the micro-world better, held out", () => {
  const world = createWorld(1), numbers = new Map<string, number>();
  const text = (seed: number) =>
    [...documents(world, { seed, count: 150 })].flatMap((d) => d.text.split(" ")).map((word) => {
      if (!numbers.has(word)) numbers.set(word, numbers.size);
      return numbers.get(word)!;
    });
  const told = text(1), unseen = text(2), vocabulary = numbers.size;
  const [one, two, three] = [1, 2, 3].map((order) =>
    surprise(countNGrams(told, { order, vocabulary }), unseen)
  );
  assert(three < two && two < one && one < Math.log(vocabulary), `${[one, two, three]}`);
});

Deno.test("an order below one, and a text shorter than it, are refused", () => {
  assertThrows(() => countNGrams([1, 2], { order: 0, vocabulary: 3 }), RangeError, "not 0");
  assertThrows(() => countNGrams([1, 2], { order: 3, vocabulary: 3 }), RangeError, "2 tokens");
});
