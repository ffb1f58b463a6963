import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import { type Key, randomKey } from "../core/tensor/mod.ts";
import { anywhere, maskedLM } from "../objectives/masked_language_model.ts";
import { rowOf } from "../objectives/objective.ts";
import { spans } from "../objectives/span_masking.ts";
import { staticMasks, type StaticOptions } from "../objectives/static_masking.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf(..."abcdefghij"), { vocabulary } = tokenizer;
const text = (n: number, from: number) =>
  upTo(n).map((i) => "abcdefghij"[(from + i * 3) % 10]).join(" ");
const texts = [text(20, 0), text(31, 1), text(20, 2), text(9, 3)];

/** What a text became, without padding, for each of the texts in this order. */
function masked(
  order: number[],
  key: Key,
  options: StaticOptions = {},
  padTo?: number,
): number[][] {
  const objective = maskedLM(vocabulary, { rate: 0.3, ...staticMasks(vocabulary, options) });
  const { batch } = objective.corrupt(
    encodeBatch(tokenizer, order.map((i) => texts[i]), { padTo }),
    key,
  );
  return order.map((_, b) =>
    [...rowOf(batch, b).ids].filter((_, t) => rowOf(batch, b).mask[t] === 1)
  );
}

Deno.test("a static mask does not depend on the epoch, a dynamic one does", () => {
  const first = masked([0, 1, 2, 3], randomKey(1, 1));
  for (const epoch of upTo(10)) assertEquals(masked([0, 1, 2, 3], randomKey(1, epoch)), first);
  const dynamic = (epoch: number) =>
    maskedLM(vocabulary, { rate: 0.3 }).corrupt(encodeBatch(tokenizer, texts), randomKey(1, epoch))
      .batch.ids;
  assertNotEquals(dynamic(1), dynamic(2));
});

Deno.test("a static mask does not depend on the texts beside it, their order, or padding", () => {
  const [a, b, c, d] = masked([0, 1, 2, 3], randomKey(1));
  assertEquals(masked([3, 1, 0], randomKey(2)), [d, b, a]);
  assertEquals(masked([2], randomKey(3), {}, 64), [c]);
});

Deno.test("another seed makes other static masks, another text another mask", () => {
  const [a] = masked([0], randomKey(1));
  assertNotEquals(masked([0], randomKey(1), { seed: 1 }), [a]);
  const places = (i: number) => {
    const batch = encodeBatch(tokenizer, [texts[i]]);
    return chosenOf(
      maskedLM(vocabulary, staticMasks(vocabulary)).corrupt(batch, randomKey(1)).targets,
    ).at;
  };
  assertNotEquals(places(0), places(2)); // of the same length
});

Deno.test("a text has as many masks as copies, each about as often", () => {
  const seen = new Map<string, number>(), runs = 400;
  for (const epoch of upTo(runs)) {
    const [ids] = masked([0], randomKey(1, epoch), { copies: 4 });
    seen.set(ids.join(), (seen.get(ids.join()) ?? 0) + 1);
  }
  assertEquals(seen.size, 4);
  const deviation = Math.sqrt(runs * 0.25 * 0.75);
  for (const n of seen.values()) {
    assert(Math.abs(n - runs / 4) < 5 * deviation, `${[...seen.values()]}`);
  }
});

Deno.test("static masks take other ways to choose and to replace", () => {
  const [ids] = masked([1], randomKey(1), { choose: spans(), replace: (ids) => ids.map(() => 0) });
  assertEquals(masked([1], randomKey(2), { choose: spans(), replace: (ids) => ids.map(() => 0) }), [
    ids,
  ]);
  assertNotEquals(masked([1], randomKey(2), { replace: (ids) => ids.map(() => 0) }), [ids]);
});

Deno.test("static masks choose every token alike over many texts", () => {
  const all = upTo(2000).map((n) => `${text(8, n)} ${text(5, n >> 3)} ${text(7, n >> 6)}`);
  const batch = encodeBatch(tokenizer, all), times = new Array(22).fill(0);
  const objective = maskedLM(vocabulary, staticMasks(vocabulary));
  for (const place of chosenOf(objective.corrupt(batch, randomKey(1)).targets).at) {
    times[place % 22]++;
  }
  const share = 3 / 20, deviation = Math.sqrt(2000 * share * (1 - share));
  // Some of the texts are the same, so their masks are, too: more spread than of 2000 draws.
  for (const n of times.slice(1, 21)) {
    assert(Math.abs(n - 2000 * share) < 8 * deviation, `${times}`);
  }
});

Deno.test("static masks refuse a number of copies that is none", () => {
  for (const copies of [0, -1, 1.5, NaN]) {
    assertThrows(() => staticMasks(vocabulary, { copies }), RangeError, `${copies} copies`);
  }
});

Deno.test("the trap: a key made of the row is another mask once texts are shuffled", () => {
  const buggy = (order: number[]) => {
    const batch = encodeBatch(tokenizer, order.map((i) => texts[i]));
    const byRow = order.map((_, b) => b).values(), keys = (row: number) => randomKey(0).derive(row);
    const objective = maskedLM(vocabulary, {
      choose: (candidates, count, _key, text) =>
        anywhere(candidates, count, keys(byRow.next().value!), text),
      replace: (ids) => ids.map(() => vocabulary.special.mask),
    });
    const { batch: after } = objective.corrupt(batch, randomKey(1));
    return order.map((_, b) => rowOf(after, b).ids.join(" "));
  };
  assertEquals(buggy([0, 2])[0], buggy([0, 2])[0]);
  assertNotEquals(buggy([0, 2])[0], buggy([2, 0])[1]);
});
