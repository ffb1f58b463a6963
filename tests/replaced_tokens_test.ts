import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import {
  add,
  type Device,
  device,
  gather,
  gradients,
  keep,
  mean,
  randomKey,
  read,
  scale,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../core/tensor/mod.ts";
import { maskedLMLoss } from "../objectives/masked_language_model.ts";
import { asParts, atPlaces } from "../objectives/objective.ts";
import {
  detectionLoss,
  discriminatorInputs,
  replacedTokens,
  sampleTokens,
} from "../objectives/replaced_tokens.ts";
import { wholeWords } from "../objectives/whole_word_masking.ts";
import { onReference } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf("a", "b", "c", "d", "e", "f", "##x"), { vocabulary } = tokenizer;
const { special } = vocabulary, V = vocabulary.tokens.length;
const text = (n: number) =>
  upTo(n).map((i) => "abcdef"[(i * 5 + (i >> 2)) % 6] + (i % 4 ? "" : "x")).join(" ");
const batch = encodeBatch(tokenizer, [text(30), [text(9), text(6)], text(3)]), [B, T] = batch.shape;

Deno.test("replaced tokens: the generator sees [MASK] in every chosen place, and nothing else changes", () => {
  for (const seed of upTo(30)) {
    const { targets, batch: after } = replacedTokens(vocabulary, { rate: 0.3 }).corrupt(
      batch,
      randomKey(seed),
    );
    const { at, were } = chosenOf(targets.generator);
    assert(at.every((place) => after.ids[place] === special.mask));
    assertEquals(were, at.map((place) => batch.ids[place]));
    const hidden = new Set(at);
    after.ids.forEach((id, place) => hidden.has(place) || assertEquals(id, batch.ids[place]));
    assertEquals(given(targets.discriminator.ids), [...batch.ids]);
    assertEquals(given(targets.discriminator.mask), [...batch.mask]);
    assertEquals(targets.discriminator.count, batch.mask.filter((real) => real === 1).length);
  }
});

Deno.test("replaced tokens may be chosen word by word", () => {
  const { targets } = replacedTokens(vocabulary, { rate: 0.4, choose: wholeWords }).corrupt(
    batch,
    randomKey(1),
  );
  const { at } = chosenOf(targets.generator), X = vocabulary.ids.get("##x");
  for (const place of at) if (batch.ids[place] === X) assert(at.includes(place - 1));
});

onEveryDevice(
  "the discriminator sees the generator's tokens in the chosen places, the text elsewhere",
  async () => {
    const { inputs, targets } = replacedTokens(vocabulary, { rate: 0.3 }).corrupt(
      batch,
      randomKey(2),
    );
    const { at } = chosenOf(targets.generator), one = vocabulary.ids.get("d")!;
    const sure = upTo(B * T).flatMap(() => upTo(V).map((v) => v === one ? 60 : 0));
    const logits = tensor("B T V", sure, [B, T, V]), wanted = [...batch.ids];
    at.forEach((place) => wanted[place] = one);
    const filled = discriminatorInputs(inputs, targets, logits, randomKey(3));
    const picked = discriminatorInputs(
      inputs,
      targets,
      atPlaces(logits, targets.generator.places),
      randomKey(3),
    );
    assertEquals([...await read(filled.ids)], wanted);
    assertEquals([...await read(picked.ids)], wanted);
    assertEquals([filled.segments, filled.mask], [inputs.segments, inputs.mask]);
  },
);

onEveryDevice("tokens are drawn with their probabilities", async () => {
  const n = 4000, chances = [0.5, 0.25, 0.15, 0.09, 0.01];
  const scores = tensor("M V", upTo(n).flatMap(() => chances.map((p) => 3 + Math.log(p))), [n, 5]);
  const drawn = await read(sampleTokens(scores, randomKey(11)));
  chances.forEach((p, v) => {
    const found = drawn.filter((token) => token === v).length / n;
    assert(Math.abs(found - p) < 5 * Math.sqrt(p * (1 - p) / n), `${v}: ${found}, not ${p}`);
  });
});

onEveryDevice(
  "the same key draws the same tokens on every device, another key others",
  async (on: Device) => {
    const scores = some("M V", [50, 30]);
    const draw = (seed: number) => sampleTokens(scores, randomKey(seed));
    const [one, again, other] = await read([draw(1), draw(1), draw(2)]);
    assertEquals([...one], [...again]);
    assert(one.some((token, m) => token !== other[m]));
    assertEquals([...one], [...await onReference(draw(1), on)]);
  },
);

onEveryDevice("drawing does not stumble over scores that are far apart or very low", async () => {
  const lowest = -3.4e38,
    scores = tensor("M V", [[lowest, 0, lowest], [1e4, -1e4, 0], [lowest, lowest, 5]]);
  for (const seed of upTo(5)) {
    assertEquals([...await read(sampleTokens(scores, randomKey(seed)))], [1, 0, 2]);
  }
});

onEveryDevice("the discriminator's loss is the number worked out by hand", async () => {
  const ids = tensor("B T", [[3, 4, 5], [6, 0, 0]]), mask = tensor("B T", [[1, 1, 1], [1, 0, 0]]);
  const seen = tensor("B T", [[3, 9, 5], [7, 0, 0]]), x = [-1, 2, 0.5, -3];
  const scores = tensor("B T", [[x[0], x[1], x[2]], [x[3], 99, -99]]);
  const softplus = (x: number) => Math.log1p(Math.exp(x));
  const wanted = (softplus(x[0]) + softplus(-x[1]) + softplus(x[2]) + softplus(-x[3])) / 4;
  assertNear(await read(detectionLoss(scores, seen, { ids, mask, count: 4 })), [wanted], 1e-6);
});

onEveryDevice("the discriminator's loss stays finite for scores that are sure", async () => {
  const ids = tensor("B T", [[1, 1]]),
    seen = tensor("B T", [[1, 2]]),
    mask = tensor("B T", [[1, 1]]);
  const scores = tensor("B T", [[200, -200]]), targets = { ids, mask, count: 2 };
  const loss = detectionLoss(scores, seen, targets);
  const found = await read({ loss, slope: gradients(loss, { scores }).scores });
  assertNear(found.loss, [200], 1e-3);
  assertNear(found.slope, [0.5, -0.5], 1e-6);
});

onEveryDevice("the gradient of a score of 0 is half of its weight, not nothing", async () => {
  const ids = tensor("B T", [[1, 1]]),
    seen = tensor("B T", [[1, 2]]),
    mask = tensor("B T", [[1, 1]]);
  const scores = zeros("B T", [1, 2]), loss = detectionLoss(scores, seen, { ids, mask, count: 2 });
  assertNear(await read(gradients(loss, { scores }).scores), [0.25, -0.25], 1e-6);
});

onEveryDevice("the whole loss is the generator's and 50 times the discriminator's", async () => {
  const generator = some("B T V", [B, T, V]), discriminator = some("B T", [B, T], 2);
  for (const weight of [undefined, 50, 0, 3]) {
    const objective = replacedTokens(vocabulary, { weight });
    const { inputs, targets } = objective.corrupt(batch, randomKey(4));
    const { ids: seen } = discriminatorInputs(inputs, targets, generator, randomKey(5));
    const [whole] = await read(objective.loss({ generator, seen, discriminator }, targets));
    const [one] = await read(maskedLMLoss(generator, targets.generator));
    const [two] = await read(detectionLoss(discriminator, seen, targets.discriminator));
    assertNear([whole], [one + (weight ?? 50) * two], 1e-4);
  }
});

onEveryDevice("no gradient of the discriminator reaches the generator", async () => {
  const objective = replacedTokens(vocabulary),
    { inputs, targets } = objective.corrupt(batch, randomKey(4));
  const params = { generator: some("B T V", [B, T, V]), table: some("V", [V], 3) };
  const discriminate = ({ generator, table }: typeof params) => {
    const { ids: seen } = discriminatorInputs(inputs, targets, generator, randomKey(5));
    const scores = gather(table, seen); // one score for each token of the vocabulary
    return detectionLoss(scores, seen, targets.discriminator);
  };
  const slopes = await read(gradients(discriminate(params), params));
  assert(slopes.generator.every((g) => g === 0));
  assert(slopes.table.some((g) => g !== 0));
});

onEveryDevice(
  "generator and discriminator run in one go, from parameters that are kept",
  async () => {
    const { inputs, targets } = replacedTokens(vocabulary).corrupt(batch, randomKey(4));
    const params = await keep({ generator: some("B T V", [B, T, V]), table: some("V", [V], 3) });
    const { ids: seen } = discriminatorInputs(inputs, targets, params.generator, randomKey(5));
    const [loss] = await read(
      detectionLoss(gather(params.table, seen), seen, targets.discriminator),
    );
    const [ids, table] = [await read(seen), given(some("V", [V], 3))];
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    const each = upTo(B * T).filter((i) => batch.mask[i] === 1)
      .map((i) => softplus(ids[i] === batch.ids[i] ? table[ids[i]] : -table[ids[i]]));
    assertNear([loss], [each.reduce((sum, x) => sum + x) / each.length], 1e-5);
  },
);

Deno.test("the replaced-token loss's gradient is that of differences [reference]", async () => {
  await device("reference");
  const objective = replacedTokens(vocabulary),
    { inputs, targets } = objective.corrupt(batch, randomKey(1));
  const generator = some("B T V", [B, T, V]),
    seen = discriminatorInputs(inputs, targets, generator, randomKey(5)).ids;
  const params = { generator, discriminator: some("B T", [B, T], 2) };
  await assertGradients(
    ({ generator, discriminator }) => objective.loss({ generator, seen, discriminator }, targets),
    params,
    12,
  );
});

onEveryDevice("the discriminator's losses of parts add up to that of the whole", async () => {
  const ids = [3, 4, 5, 6], seen = [3, 9, 5, 7], x = [0.3, -1, 2, 0.7];
  const part = (from: number, to: number) => ({
    ids: tensor("B T", [ids.slice(from, to)]),
    mask: tensor("B T", [ids.slice(from, to).map(() => 1)]),
    count: to - from,
  });
  const loss = (from: number, to: number, targets: ReturnType<typeof part>) =>
    detectionLoss(
      tensor("B T", [x.slice(from, to)]),
      tensor("B T", [seen.slice(from, to)]),
      targets,
    );
  const parts = asParts([part(0, 1), part(1, 4)]);
  const [sum] = await read(add(loss(0, 1, parts[0]), loss(1, 4, parts[1])));
  assertNear([sum], await read(loss(0, 4, part(0, 4))), 1e-6);
});

Deno.test("replaced tokens say what is wrong", () => {
  for (const weight of [-1, NaN]) {
    assertThrows(() => replacedTokens(vocabulary, { weight }), RangeError, `${weight}`);
  }
  assertThrows(() => replacedTokens(vocabulary, { rate: 0 }), RangeError, "the rate 0");
  const empty = encodeBatch(tokenizer, ["", "[MASK]"]);
  assertThrows(
    () => replacedTokens(vocabulary).corrupt(empty, randomKey(1)),
    RangeError,
    "no token to choose",
  );
});

onEveryDevice("the trap: labels from the places of the [MASK]s punish who is right", async () => {
  // A generator that always guesses right, and a discriminator that says so: original, everywhere.
  const { inputs, targets } = replacedTokens(vocabulary).corrupt(batch, randomKey(4));
  const right = [...batch.ids].flatMap((id) => upTo(V).map((v) => v === id ? 60 : 0));
  const { ids: seen } = discriminatorInputs(
    inputs,
    targets,
    tensor("B T V", right, [B, T, V]),
    randomKey(1),
  );
  assertEquals([...await read(seen)], [...batch.ids]);
  const scores: Tensor<"B T"> = scale(some("B T", [B, T]), 0);
  const sure = where(tensor("B T", new Array(B * T).fill(0), [B, T]), scores, -20);
  const [loss] = await read(detectionLoss(sure, seen, targets.discriminator));
  assert(loss < 1e-6, `${loss}`);
  const { at } = chosenOf(targets.generator),
    wasMask = upTo(B * T).map((i) => at.includes(i) ? 1 : 0);
  const [buggy] = await read(
    mean(tensor("M", wasMask.map((label) => Math.log1p(Math.exp(label ? 20 : -20))))),
  );
  assert(buggy > 1, `${buggy}`);
});
