/** Permutations: orders, masks, the two streams, XLNet under them, and the objectives that draw them. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { permutationMasks, ranks, targetMapping } from "../core/permutation.ts";
import { device, gradients, keep, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { nameWords, xlnet, XLNET_TINY, xlnetParameters } from "../models/xlnet.ts";
import { permutationLM } from "../objectives/permutation_lm.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { given } from "./numbers.ts";
import { tokenizerOf, upTo } from "./objectives.ts";

const square = (mask: ReturnType<typeof permutationMasks>["query"], b = 0) => {
  const length = mask.size("Tk"), all = given(mask).slice(b * length * length);
  return upTo(length).map((i) => all.slice(i * length, (i + 1) * length));
};

Deno.test("by hand: 3 1 2 0, told in order", () => {
  const { content, query } = permutationMasks([[3, 1, 2, 0]]);
  assertEquals(square(query), [[0, 1, 1, 1], [0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]]);
  assertEquals(square(content), [[1, 1, 1, 1], [0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1]]);
});

Deno.test("from left to right is one of the orders", () => {
  const { content } = permutationMasks([[0, 1, 2]]);
  assertEquals(square(content), [[1, 0, 0], [1, 1, 0], [1, 1, 1]]);
});

Deno.test("what is given sees all of it and none of what is guessed", () => {
  const order = [4, 0, 2, 3, 1], { content, query } = permutationMasks([order], 3);
  for (const i of order.slice(0, 3)) {
    assertEquals(upTo(5).filter((j) => square(content)[i][j]), [0, 2, 4]);
  }
  assertEquals(upTo(5).filter((j) => square(query)[3][j]), [0, 2, 4]);
  assertEquals(upTo(5).filter((j) => square(query)[1][j]), [0, 2, 3, 4]);
});

Deno.test("a permutation that is none is refused by what is wrong with it", () => {
  const refused = (order: number[], ...parts: string[]) => {
    const { message } = assertThrows(() => ranks(order), RangeError);
    for (const part of ["no permutation", ...parts]) assertStringIncludes(message, part);
  };
  refused([0, 1, 1], "1 twice", "0 … 2");
  refused([0, 3, 1], "no position 3");
  refused([0, -1, 1], "no position -1");
  refused([0, 0.5, 1], "no position 0.5");
  assertThrows(() => permutationMasks([[0, 1], [0]]), RangeError, "1 positions beside one of 2");
  assertThrows(() => targetMapping([[3]], 3), RangeError, "target 3");
});

const sizes = { ...XLNET_TINY, vocabulary: 11, width: 8, heads: 2, headWidth: 3, inner: 12 };
const params = () => initialise(xlnetParameters(sizes), randomKey(5), 0.5);
const orders = [[2, 0, 3, 1], [1, 3, 2, 0]], guessed = orders.map((order) => order.slice(2));
const input = (ids: number[][]) => ({
  ids: tensor("B T", ids),
  visible: permutationMasks(orders).query,
  targets: targetMapping(guessed, 4),
});

onEveryDevice(
  "a guess depends on what comes earlier in the order, and on nothing else",
  async () => {
    const held = await keep(params());
    const run = async (ids: number[]) =>
      [...await read(xlnet(sizes, held, input([ids, [1, 2, 3, 4]])).last)].slice(0, 16);
    const base = await run([5, 6, 7, 8]);
    const first = (x: number[]) => x.slice(0, 8), second = (x: number[]) => x.slice(8);
    // The order is 2 0 3 1; positions 3 and 1 are guessed.
    const itself = await run([5, 6, 7, 9]);
    assertEquals(first(itself), first(base)); // 3 does not know its own word
    assert(second(itself).some((x, i) => Math.abs(x - second(base)[i]) > 1e-4)); // 1 does
    const last = await run([5, 9, 7, 8]);
    assertEquals(last, base); // nobody looks at position 1, not even itself
    const earlier = await run([9, 6, 7, 8]);
    assert(first(earlier).some((x, i) => Math.abs(x - first(base)[i]) > 1e-4));
  },
);

Deno.test("the trap: a query that sees its own content knows the word", async () => {
  await device("reference");
  const held = params(), leaking = permutationMasks(orders).content;
  const run = async (word: number, visible: typeof leaking) => {
    const given = input([[5, 6, 7, word], [1, 2, 3, 4]]);
    return [...await read(xlnet(sizes, held, { ...given, visible }).last)].slice(0, 8);
  };
  const hidden = permutationMasks(orders).query;
  assertEquals(await run(8, hidden), await run(9, hidden));
  const [one, other] = [await run(8, leaking), await run(9, leaking)];
  assert(one.some((x, i) => Math.abs(x - other[i]) > 1e-4));
});

onEveryDevice(
  "XLNet's two streams are the same on every device, as are their gradients",
  async (on) => {
    const given = {
      ...input([[5, 6, 7, 8], [1, 2, 3, 4]]),
      segments: tensor("B T", [[0, 0, 1, 1], [0, 1, 1, 1]]),
    };
    const one = params(), { last, states } = xlnet(sizes, one, given);
    const loss = weigh(nameWords(one, last));
    await assertAgrees(
      { last, content: states[1].content, slopes: gradients(loss, one) },
      on,
      1e-4,
    );
  },
);

const words = ["boat", "ship", "walk", "talk", "sea", "."];
const tokenizer = tokenizerOf(...words);
const batch = encodeBatch(tokenizer, ["boat ship walk talk sea .", "walk ship"], { padTo: 10 });

Deno.test("the last 1/K of an order is guessed, special tokens and padding never", () => {
  const objective = permutationLM(tokenizer.vocabulary, 3);
  const { inputs, targets, orders } = objective.corrupt(batch, randomKey(1));
  assertEquals(inputs.targets.shape, [2, 3, 10]);
  const rows = given(inputs.targets), labels = given(targets.labels);
  const places = upTo(6).map((m) => rows.slice(10 * m, 10 * m + 10).indexOf(1));
  const special = new Set(Object.values(tokenizer.vocabulary.special));
  labels.forEach((label, m) => {
    if (label === -100) return assertEquals(places[m], -1); // a prediction about nothing
    const b = m < 3 ? 0 : 1;
    assertEquals(batch.ids[10 * b + places[m]], label);
    assert(!special.has(label));
  });
  assertEquals(targets.count, labels.filter((label) => label !== -100).length);
  assertEquals(targets.count, 3); // two of six words, one of two
  for (const order of orders) assertEquals([...order].sort((a, b) => a - b), upTo(10));
});

Deno.test("every word that is not guessed stays and is seen by every guess", () => {
  const { inputs, orders, batch: after } = permutationLM(tokenizer.vocabulary, 3)
    .corrupt(batch, randomKey(2));
  assertEquals(after.ids, batch.ids);
  const last = orders[0].at(-1)!, visible = square(inputs.visible)[last];
  assertEquals(upTo(10).filter((j) => !visible[j]), [last]);
});

Deno.test("the same key draws the same order, another another", () => {
  const objective = permutationLM(tokenizer.vocabulary, 3);
  const draw = (seed: number) => objective.corrupt(batch, randomKey(seed)).orders.join();
  assertEquals(draw(1), draw(1));
  assert(upTo(5).some((seed) => draw(seed) !== draw(seed + 1)));
  assertThrows(() => permutationLM(tokenizer.vocabulary, 0.5), RangeError, "0.5");
  const bare = encodeBatch(tokenizer, [""]);
  assertThrows(() => objective.corrupt(bare, randomKey(1)), RangeError, "no token");
});
