import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { encodeBatch, type EncodedBatch } from "../core/text/batch.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import {
  add,
  crossEntropy,
  device,
  einsum,
  gradients,
  ignored,
  mean,
  randomKey,
  read,
  rearrange,
  scale,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import {
  anywhere,
  type Choose,
  eightyTenTen,
  maskedLM,
  maskedLMLoss,
  type MaskedTargets,
} from "../objectives/masked_language_model.ts";
import { asParts, atPlaces } from "../objectives/objective.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

// [MASK] stands in the middle of the list, so that nothing rests on the special tokens coming first.
const words = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i));
const list = [...words.slice(0, 10), "[MASK]", "[SEP]", "[PAD]", "[CLS]", "[UNK]", "##x"];
const vocabulary = parseVocabulary([...list, ...words.slice(10)].join("\n"));
const { special } = vocabulary, tokenizer = wordPiece(vocabulary);
const V = vocabulary.tokens.length;

const text = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => words[(from + i * 7) % words.length]).join(" ");
const batchOf = (lengths: number[], padTo?: number) =>
  encodeBatch(tokenizer, lengths.map((n, i) => text(n, i)), { padTo });

/** The chosen places and their labels, without what fills M up. */
function chosenOf({ places, labels, count }: MaskedTargets): { at: number[]; were: number[] } {
  const [at, were] = [given(places), given(labels)];
  assert(were.slice(count).every((label) => label === ignored));
  assert(at.slice(count).every((place) => place === 0));
  return { at: at.slice(0, count), were: were.slice(0, count) };
}

Deno.test("masked LM chooses 15 % of each text's tokens, and one at least", () => {
  const lengths = Array.from({ length: 60 }, (_, i) => i + 1), batch = batchOf(lengths);
  const { at } = chosenOf(maskedLM(vocabulary).corrupt(batch, randomKey(1)).targets);
  const T = batch.shape[1], counts = lengths.map(() => 0);
  for (const place of at) counts[Math.floor(place / T)]++;
  assertEquals(counts, lengths.map((n) => Math.max(1, Math.round(0.15 * n))));
});

Deno.test("masked LM never chooses a special token or padding, and no place twice", () => {
  const batch = encodeBatch(tokenizer, ["a b [MASK] ☃ c", ["d e", "f g [SEP] h"], "i"], {
    padTo: 20,
  });
  for (let seed = 0; seed < 200; seed++) {
    const { at, were } = chosenOf(
      maskedLM(vocabulary, { rate: 0.8 }).corrupt(batch, randomKey(seed)).targets,
    );
    assertEquals(new Set(at).size, at.length);
    assert(at.every((place) => batch.mask[place] === 1));
    assert(were.every((id) => !Object.values(special).includes(id)));
    assertEquals(were, at.map((place) => batch.ids[place]));
  }
});

Deno.test("masked LM chooses every token alike", () => {
  const batch = batchOf([10]), runs = 3000, counts = new Array(12).fill(0);
  for (let seed = 0; seed < runs; seed++) {
    const { targets } = maskedLM(vocabulary, { rate: 0.3 }).corrupt(batch, randomKey(7, seed));
    for (const place of chosenOf(targets).at) counts[place]++;
  }
  assertEquals([counts[0], counts[11]], [0, 0]);
  const deviation = Math.sqrt(runs * 0.3 * 0.7); // five of them: one false alarm in a million
  for (const n of counts.slice(1, 11)) {
    assert(Math.abs(n - runs * 0.3) < 5 * deviation, `${counts}`);
  }
});

Deno.test("masked LM puts [MASK] for 80 %, another token for 10 %, the same for 10 %", () => {
  const n = 20_000, id = vocabulary.ids.get("c")!;
  const put = eightyTenTen(vocabulary)(new Array(n).fill(id), randomKey(3), []);
  const share = (of: (x: number) => boolean) => put.filter(of).length / n;
  const ordinary = V - Object.keys(special).length;
  const near = (found: number, wanted: number) =>
    assert(Math.abs(found - wanted) < 5 * Math.sqrt(wanted / n), `${found}, not ${wanted}`);
  near(share((x) => x === special.mask), 0.8);
  near(share((x) => x === id), 0.1 + 0.1 / ordinary); // a random token may be the token itself
  near(share((x) => x !== special.mask && x !== id), 0.1 - 0.1 / ordinary);
  const others = new Set(put.filter((x) => x !== special.mask));
  assertEquals(others.size, ordinary);
});

Deno.test("masked LM leaves every other position and column as it was", () => {
  const original = batchOf([5, 20, 9]), before = original.ids.slice();
  const { batch, inputs, targets } = maskedLM(vocabulary).corrupt(original, randomKey(5));
  const { at, were } = chosenOf(targets), restored = batch.ids.slice();
  at.forEach((place, i) => restored[place] = were[i]);
  assertEquals(restored, before);
  assertEquals(original.ids, before);
  assertEquals({ ...batch, ids: before }, original);
  assertEquals(given(inputs.ids), [...batch.ids]);
  assertEquals(given(inputs.segments), [...batch.segments]);
  assertEquals(given(inputs.mask), [...batch.mask]);
});

Deno.test("masked LM does the same for the same key, something else for another", () => {
  const batch = batchOf([30, 30]), objective = maskedLM(vocabulary);
  const ids = (seed: number, step: number) => [
    ...objective.corrupt(batch, randomKey(seed, step)).batch.ids,
  ];
  assertEquals(ids(1, 2), ids(1, 2));
  assertNotEquals(ids(1, 2), ids(1, 3));
  assertNotEquals(ids(1, 2), ids(2, 2));
});

Deno.test("masked LM does not care how far a batch is padded", () => {
  const objective = maskedLM(vocabulary), key = randomKey(4);
  const tight = batchOf([9, 20]), wide = batchOf([9, 20], 40);
  const chosen = (batch: EncodedBatch) =>
    chosenOf(objective.corrupt(batch, key).targets).at.map((place) => {
      const T = batch.shape[1];
      return [Math.floor(place / T), place % T];
    });
  assertEquals(chosen(tight), chosen(wide));
});

Deno.test("masked LM gives every batch of one shape targets of one shape", () => {
  const objective = maskedLM(vocabulary);
  const sizes = [[30, 30], [1, 30], [1, 2], [30, 0]].map((lengths) =>
    objective.corrupt(batchOf(lengths, 32), randomKey(1)).targets.places.size("M")
  );
  assertEquals(sizes, [10, 10, 10, 10]); // 2 texts · round(0.15 · 32)
});

Deno.test("masked LM takes which positions are chosen, and what is put there, as values", () => {
  const batch = encodeBatch(tokenizer, ["ax b cx dx"]); // a ##x b c ##x d ##x
  const key = randomKey(2), X = vocabulary.ids.get("##x")!;
  /** Whole words, as long as they fit. */
  const wholeWords: Choose = (candidates, count, key, { words }) => {
    const left = [...new Set(candidates.map((t) => words[t]))];
    const chosen: number[] = [];
    for (const word of anywhere(left, left.length, key, batch)) {
      const pieces = candidates.filter((t) => words[t] === word);
      if (chosen.length + pieces.length <= count) chosen.push(...pieces);
    }
    return chosen;
  };
  const objective = maskedLM(vocabulary, {
    rate: 0.6,
    choose: wholeWords,
    replace: (ids, _key, positions) => ids.map((id, i) => positions[i] > 4 ? X : id),
  });
  const { targets, batch: after } = objective.corrupt(batch, key);
  const { at } = chosenOf(targets), words = new Set(at.map((t) => batch.words[t]));
  assertEquals(at, [...batch.words.keys()].filter((t) => words.has(batch.words[t])));
  assertEquals([...after.ids], [...batch.ids].map((id, t) => at.includes(t) && t > 4 ? X : id));
});

Deno.test("masked LM says what is wrong with a batch, a rate or a choice", () => {
  const objective = maskedLM(vocabulary), key = randomKey(1);
  const empty = encodeBatch(tokenizer, ["", "[MASK] ☃"]);
  assertThrows(() => objective.corrupt(empty, key), RangeError, "no token to choose");
  for (const rate of [0, -1, 1.5, NaN]) {
    assertThrows(() => maskedLM(vocabulary, { rate }), RangeError, `the rate ${rate}`);
  }
  for (const wrong of [[0], [1, 1], [1, 2, 3, 4, 5, 6], [99]]) {
    const odd = maskedLM(vocabulary, { choose: () => wrong });
    assertThrows(() => odd.corrupt(batchOf([20]), key), RangeError, "choose()");
  }
});

Deno.test("masked LM goes on when some text of the batch has nothing to choose", () => {
  const { targets } = maskedLM(vocabulary).corrupt(batchOf([0, 10]), randomKey(1));
  assertEquals(targets.count, 2);
});

onEveryDevice("the masked LM's loss is the number worked out by hand", async () => {
  // Surprise ln 2 at place 1 and ln(1 + e⁻²) at place 3; the other positions are as wrong as can be.
  const logits = tensor("B T V", [[[-50, 50], [3, 3]], [[50, -50], [0, 2]]]);
  const targets = {
    places: tensor("M", [1, 3, 0]),
    labels: tensor("M", [0, 1, ignored]),
    count: 2,
    shape: [2, 2] as const,
  };
  const wanted = (Math.LN2 + Math.log1p(Math.exp(-2))) / 2;
  assertNear(await read(maskedLMLoss(logits, targets)), [wanted], 1e-6);
});

onEveryDevice(
  "the masked LM's loss is the same from all logits and from those picked",
  async () => {
    for (const lengths of [[9, 14, 3], [9], [1]]) {
      const { batch, targets } = maskedLM(vocabulary).corrupt(batchOf(lengths), randomKey(1));
      const [B, T] = batch.shape, x = some("B T D", [B, T, 4]), w = some("V D", [V, 4], 2);
      const logits = (x: Tensor<"B T D">) => einsum("B T D, V D -> B T V", x, w);
      const full = maskedLMLoss(logits(x), targets);
      const picked = maskedLMLoss(logits(atPlaces(x, targets.places)), targets);
      const slopes = { full: gradients(full, { x }).x, picked: gradients(picked, { x }).x };
      const found = await read({ full, picked, slopes });
      assertNear(found.full, found.picked, 1e-6);
      assertNear(found.slopes.full, found.slopes.picked, 1e-6);
    }
  },
);

onEveryDevice("the masked LM's loss tells no other position anything", async () => {
  const { batch, targets } = maskedLM(vocabulary).corrupt(batchOf([9, 14]), randomKey(1));
  const logits = some("B T V", [...batch.shape, V]), { at } = chosenOf(targets);
  const slope = await read(gradients(maskedLMLoss(logits, targets), { logits }).logits);
  slope.forEach((g, i) => assertEquals(g !== 0, at.includes(Math.floor(i / V)), `at ${i}`));
});

onEveryDevice(
  "the masked LM's loss with its whole batch chosen at once needs no telling",
  async () => {
    const objective = maskedLM(vocabulary, { rate: 1 });
    const { batch, targets } = objective.corrupt(batchOf([3]), randomKey(1)), T = batch.shape[1];
    const logits = some("B T V", [1, T, V]);
    const all = crossEntropy(logits, tensor("B T", batchOf([3]).ids, [1, T]), "V");
    const surprises = await read(all);
    const wanted = (surprises[1] + surprises[2] + surprises[3]) / 3;
    assertNear(await read(maskedLMLoss(logits, targets)), [wanted], 1e-6);
    const picked = atPlaces(logits, targets.places);
    assertNear(await read(maskedLMLoss(picked, targets)), [wanted], 1e-6);
  },
);

onEveryDevice("losses of the parts of a batch add up to that of the whole", async () => {
  const objective = maskedLM(vocabulary), lengths = [30, 4, 17, 9];
  const whole = batchOf(lengths, 32), T = whole.shape[1];
  const logits = some("B T V", [4, T, V]), { targets } = objective.corrupt(whole, randomKey(1));
  const cut = (from: number): MaskedTargets => {
    const { at, were } = chosenOf(targets);
    const mine = at.flatMap((place, i) => Math.floor(place / T / 2) === from ? [i] : []);
    return {
      places: tensor("M", mine.map((i) => at[i] - from * 2 * T)),
      labels: tensor("M", mine.map((i) => were[i])),
      count: mine.length,
      shape: [2, T],
    };
  };
  const halves = [0, 1].map((from) => {
    const values = given(logits).slice(from * 2 * T * V, (from + 1) * 2 * T * V);
    return tensor("B T V", values, [2, T, V]);
  });
  const parts = [cut(0), cut(1)],
    losses = (parts: MaskedTargets[]) =>
      add(maskedLMLoss(halves[0], parts[0]), maskedLMLoss(halves[1], parts[1]));
  const [sum] = await read(losses(asParts(parts)));
  const [wanted] = await read(maskedLMLoss(logits, targets));
  const [meanOfMeans] = await read(scale(losses(parts), 0.5));
  assertNear([sum], [wanted], 1e-6);
  assert(Math.abs(meanOfMeans - wanted) > 1e-3); // the wrong way is wrong: 7 places and 4
});

Deno.test("the masked LM's gradient is that of differences [reference]", async () => {
  await device("reference");
  const { batch, targets } = maskedLM(vocabulary).corrupt(batchOf([6, 3]), randomKey(1));
  const x = some("B T D", [...batch.shape, 3]), w = some("V D", [V, 3], 2);
  await assertGradients(
    ({ x, w }) =>
      maskedLMLoss(einsum("B T D, V D -> B T V", atPlaces(x, targets.places), w), targets),
    { x, w },
    20,
  );
});

Deno.test("the masked LM's loss refuses logits of another batch", () => {
  const { targets } = maskedLM(vocabulary).corrupt(batchOf([6, 3]), randomKey(1));
  const logits = some("B T V", [2, 9, V]);
  assertThrows(() => maskedLMLoss(logits, targets), RangeError, "2×9 positions");
});

onEveryDevice("the trap: a loss over every position praises a model that only copies", async () => {
  const original = batchOf([40, 40]), [B, T] = original.shape;
  const { batch, targets } = maskedLM(vocabulary).corrupt(original, randomKey(1));
  // This "model" names whatever it sees.
  const copies = Array.from(
    batch.ids,
    (seen) => vocabulary.tokens.map((_, v) => v === seen ? 9 : 0),
  );
  const logits = tensor("B T V", copies.flat(), [B, T, V]);
  const labels = tensor("B T", original.ids, [B, T]);
  const everywhere = crossEntropy(logits, labels, "V");
  const [buggy] = await read(mean(everywhere));
  const [right] = await read(maskedLMLoss(logits, targets));
  assert(buggy < Math.log(V) / 2, `${buggy}`); // it seems to have learned a lot
  assert(right > Math.log(V) * 1.5, `${right}`); // it is worse than a guess
});

Deno.test("atPlaces() keeps the name of the last axis", () => {
  const picked = atPlaces(some("B T V", [2, 3, 4]), tensor("M", [5, 0]));
  assertEquals([picked.axes, picked.shape], [["B", "T", "V"], [1, 2, 4]]);
  const flat = rearrange(picked, "B T V -> B (T V)");
  assertEquals(flat.shape, [1, 8]);
});
