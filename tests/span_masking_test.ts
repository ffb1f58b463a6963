import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import {
  device,
  einsum,
  gradients,
  randomKey,
  read,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { maskedLMLoss } from "../objectives/masked_language_model.ts";
import { asParts, atPlaces, rowOf } from "../objectives/objective.ts";
import {
  eightyTenTenOfSpans,
  lengthChances,
  spanLoss,
  spanMasking,
  spans,
  type SpanTargets,
} from "../objectives/span_masking.ts";
import { wordsOf } from "../objectives/whole_word_masking.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf("a", "b", "c", "d", "##x"), { vocabulary } = tokenizer;
const text = (n: number) => upTo(n).map((i) => "abcd"[i % 4] + (i % 3 ? "" : "x")).join(" ");
const V = vocabulary.tokens.length;

/** Runs of neighbours, as [first, last]. */
function runsOf(places: number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const place of places) {
    if (runs.at(-1)?.[1] === place - 1) runs.at(-1)![1] = place;
    else runs.push([place, place]);
  }
  return runs;
}

Deno.test("lengths are geometric with p = 0.2, cut off at 10: their mean is 3.8", () => {
  const chances = lengthChances();
  assertEquals(chances.length, 10);
  assertAlmostEquals(chances.reduce((sum, chance) => sum + chance), 1, 1e-12);
  for (const i of upTo(9)) assertAlmostEquals(chances[i + 1] / chances[i], 0.8, 1e-12);
  // By hand: 5 − 10 · 0.8¹⁰ / (1 − 0.8¹⁰)
  const mean = chances.reduce((sum, chance, i) => sum + (i + 1) * chance, 0);
  assertAlmostEquals(mean, 3.797, 1e-3);
  assertEquals(lengthChances({ p: 1, longest: 3 }), [1, 0, 0]);
});

Deno.test("the trap: lengths cut to 10 instead of drawn up to 10 have a mean of 4.5", () => {
  const buggy = upTo(9).reduce((sum, i) => sum + (i + 1) * 0.2 * 0.8 ** i, 0) + 10 * 0.8 ** 9;
  assertAlmostEquals(buggy, 4.463, 1e-3);
});

Deno.test("spans have the lengths that were drawn, where nothing is in the way", () => {
  const row = rowOf(encodeBatch(tokenizer, [upTo(300).map(() => "a").join(" ")]), 0);
  const places = upTo(300).map((i) => i + 1), counts = new Array(11).fill(0);
  for (const seed of upTo(3000)) {
    const all = spans()(places, 10, randomKey(seed), row), [first] = all;
    const length = all.findIndex((t, i) => t !== first + i);
    if (first < 290) counts[length < 0 ? 10 : length]++; // further on, the end may be in the way
  }
  const runs = counts.reduce((sum, n) => sum + n, 0);
  lengthChances().slice(0, 9).forEach((chance, i) => {
    const deviation = Math.sqrt(runs * chance * (1 - chance));
    assert(Math.abs(counts[i + 1] - runs * chance) < 5 * deviation, `length ${i + 1}: ${counts}`);
  });
});

Deno.test("spans are whole words, at most 15 % of the tokens, and never special ones", () => {
  const batch = encodeBatch(tokenizer, [text(60), [text(20), text(30)], "a [MASK] b ☃ cx", "d"]);
  for (const seed of upTo(100)) {
    const { targets } = spanMasking(vocabulary, { rate: 0.3 }).corrupt(batch, randomKey(seed));
    const { at, were } = chosenOf(targets), T = batch.shape[1];
    assertEquals(new Set(at).size, at.length);
    assert(were.every((id) => !Object.values(vocabulary.special).includes(id)));
    for (const b of upTo(batch.shape[0])) {
      const row = rowOf(batch, b), real = upTo(T).filter((t) => row.words[t] >= 0);
      const mine = at.filter((place) => Math.floor(place / T) === b).map((place) => place % T);
      for (const word of wordsOf(real, row)) {
        const hidden = word.filter((t) => mine.includes(t)).length;
        assert(hidden === 0 || hidden === word.length);
      }
      assert(mine.length <= Math.max(1, Math.round(0.3 * real.length)));
    }
  }
});

Deno.test("a span goes no further than the sentence, its longest, or a special token", () => {
  const batch = encodeBatch(tokenizer, ["a b", ["a b", "c d"], "a [MASK] b"]);
  const objective = spanMasking(vocabulary, { rate: 1, longest: 50, p: 0.01 });
  const { at } = chosenOf(objective.corrupt(batch, randomKey(1)).targets);
  assertEquals(runsOf(at), [[1, 2], [8, 9], [11, 12], [15, 15], [17, 17]]);
  const short = spanMasking(vocabulary, { rate: 0.1, longest: 2, p: 0.01 });
  for (const seed of upTo(50)) {
    const { targets } = short.corrupt(
      encodeBatch(tokenizer, [upTo(20).map(() => "b").join(" ")]),
      randomKey(seed),
    );
    assertEquals(targets.count, 2);
  }
});

Deno.test("what is done to one token of a span is done to all: 80 %, 10 %, 10 % of the spans", () => {
  const put = eightyTenTenOfSpans(vocabulary), kinds = { mask: 0, same: 0, other: 0 }, runs = 4000;
  const { mask } = vocabulary.special, ids: number[] = new Array(12).fill(vocabulary.ids.get("a"));
  for (const seed of upTo(runs)) {
    const put12 = put(ids, randomKey(seed), upTo(12)),
      masks = put12.filter((id) => id === mask).length;
    assert(masks === 0 || masks === 12, `${put12}`);
    kinds[masks ? "mask" : put12.every((id) => id === ids[0]) ? "same" : "other"]++;
  }
  const near = (found: number, share: number) =>
    assert(Math.abs(found - share) < 5 * Math.sqrt(share / runs), `${found}, not ${share}`);
  near(kinds.mask / runs, 0.8);
  near(kinds.same / runs, 0.1);
  near(kinds.other / runs, 0.1);
  const apart = put(upTo(runs).map(() => ids[0]), randomKey(1), upTo(runs).map((t) => 2 * t));
  near(apart.filter((id) => id === mask).length / runs, 0.8); // spans of one token are drawn one by one
});

Deno.test("boundaries are the tokens just outside each span, and never hidden themselves", () => {
  const batch = encodeBatch(tokenizer, [text(40), [text(15), text(9)]]), T = batch.shape[1];
  for (const seed of upTo(100)) {
    const { targets } = spanMasking(vocabulary, { rate: 0.4, offsets: 4 }).corrupt(
      batch,
      randomKey(seed),
    );
    const { at } = chosenOf(targets);
    const [before, after, offsets] = [targets.before, targets.after, targets.offsets].map(given);
    for (const [first, last] of runsOf(at)) {
      for (let place = first; place <= last; place++) {
        const m = at.indexOf(place);
        assertEquals([before[m], after[m], offsets[m]], [
          first - 1,
          last + 1,
          Math.min(3, place - first),
        ]);
        assertEquals(Math.floor(before[m] / T), Math.floor(after[m] / T));
        assert(!at.includes(before[m]) && !at.includes(after[m]));
      }
    }
    for (const column of [before, after, offsets]) {
      assert(column.slice(at.length).every((x) => x === 0));
    }
  }
});

Deno.test("span masking does the same for the same key", () => {
  const batch = encodeBatch(tokenizer, [text(40)]), objective = spanMasking(vocabulary);
  const at = (seed: number) => chosenOf(objective.corrupt(batch, randomKey(seed)).targets).at;
  assertEquals(at(1), at(1));
  assert(new Set(upTo(20).map((seed) => at(seed).join())).size > 10);
});

Deno.test("span masking says what is wrong", () => {
  for (const p of [0, -0.2, 1.1, NaN]) assertThrows(() => spans({ p }), RangeError, `p = ${p}`);
  for (const longest of [0, 2.5, NaN]) {
    assertThrows(() => spanMasking(vocabulary, { longest }), RangeError, `longest has ${longest}`);
  }
  assertThrows(() => spanMasking(vocabulary, { offsets: 0 }), RangeError, "0 offsets");
  assertThrows(() => spanMasking(vocabulary, { rate: 2 }), RangeError, "the rate 2");
  const key = randomKey(1), empty = encodeBatch(tokenizer, ["", "[MASK]"]);
  assertThrows(() => spanMasking(vocabulary).corrupt(empty, key), RangeError, "no token to choose");
  const bare = { ...tokenizer, template: { single: "A", pair: "A B" } };
  const open = encodeBatch(bare, ["a b c d", "a"]);
  assertThrows(
    () => spanMasking(vocabulary, { rate: 1 }).corrupt(open, key),
    RangeError,
    "in row 0 nothing stands",
  );
});

/** A model of the span boundary: what stands before and after, and the offset's vector, added up. */
const guess = (x: Tensor<"B T D">, w: Tensor<"V D">, { before, after }: SpanTargets) => {
  const ends = (places: Tensor<"M">) => einsum("B T D, V D -> B T V", atPlaces(x, places), w);
  return { before: ends(before), after: ends(after) };
};

onEveryDevice("the span loss is that of the places plus that of their boundaries", async () => {
  const batch = encodeBatch(tokenizer, [text(12), text(7)]), [B, T] = batch.shape;
  const { targets } = spanMasking(vocabulary, { rate: 0.4 }).corrupt(batch, randomKey(2));
  const masked = some("B T V", [B, T, V]),
    boundary = some("B T V", [1, targets.places.size("M"), V], 2);
  const [both] = await read(spanLoss({ masked, boundary }, targets));
  const [one] = await read(maskedLMLoss(masked, targets));
  const picked = await read(maskedLMLoss(atPlaces(masked, targets.places), targets));
  const { were } = chosenOf(targets), scores = given(boundary);
  const byHand = were.map((id, m) => {
    const row = scores.slice(m * V, (m + 1) * V);
    return Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[id];
  });
  assertNear([both - one], [byHand.reduce((sum, x) => sum + x) / were.length], 1e-5);
  assertNear(picked, [one], 1e-6);
});

onEveryDevice("the span boundary's loss reaches the boundaries and nothing within", async () => {
  const batch = encodeBatch(tokenizer, [text(12)]), [B, T] = batch.shape;
  const { targets } = spanMasking(vocabulary, { rate: 0.4 }).corrupt(batch, randomKey(5));
  const x = some("B T D", [B, T, 4]), w = some("V D", [V, 4], 2);
  const slope = await read(gradients(maskedLMLoss(guess(x, w, targets).before, targets), { x }).x);
  const reached = upTo(T).filter((t) => slope.slice(t * 4, t * 4 + 4).some((g) => g !== 0));
  const { at } = chosenOf(targets);
  assertEquals(reached, runsOf(at).map(([first]) => first - 1));
});

Deno.test("the span loss's gradient is that of differences [reference]", async () => {
  await device("reference");
  const batch = encodeBatch(tokenizer, [text(9), text(5)]), [B, T] = batch.shape;
  const { targets } = spanMasking(vocabulary, { rate: 0.4 }).corrupt(batch, randomKey(1));
  const params = {
    masked: some("B T V", [B, T, V]),
    x: some("B T D", [B, T, 3], 2),
    w: some("V D", [V, 3], 3),
  };
  await assertGradients(
    ({ masked, x, w }) => spanLoss({ masked, boundary: guess(x, w, targets).after }, targets),
    params,
    20,
  );
});

onEveryDevice("span losses of parts add up to that of the whole", async () => {
  const targets = (place: number, label: number): SpanTargets => ({
    places: tensor("M", [place]),
    labels: tensor("M", [label]),
    count: 1,
    shape: [1, 4],
    before: tensor("M", [place - 1]),
    after: tensor("M", [place + 1]),
    offsets: tensor("M", [0]),
  });
  const parts = [targets(1, 0), targets(2, 1)],
    logits = parts.map((_, i) => some("B T V", [1, 1, 3], i + 1));
  const [one, two] = asParts(parts).map((part, i) =>
    spanLoss({ masked: logits[i], boundary: logits[i] }, part)
  );
  const [mine, theirs] = parts.map((part, i) =>
    spanLoss({ masked: logits[i], boundary: logits[i] }, part)
  );
  const found = await read([one, two, mine, theirs]);
  assertNear([found[0][0] + found[1][0]], [(found[2][0] + found[3][0]) / 2], 1e-6);
});
