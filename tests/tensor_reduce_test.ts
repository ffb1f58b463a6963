/** Reductions: sums, means and maxima over named axes. */
import { assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertAgrees, assertRefused, onReference, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

const cube = tensor("A B C", [[[1, 2], [3, 4]], [[5, 6], [7, -8]]]);

onEveryDevice("sum(), mean() and max() fold the axes they name and keep the others", async () => {
  const found = await t.read({
    first: t.sum(cube, "A"),
    last: t.sum(cube, "C"),
    outer: t.sum(cube, "C A"),
    all: t.sum(cube),
    mean: t.mean(cube, "A B"),
    meanOfAll: t.mean(cube),
    max: t.max(cube, "B"),
    maxOfTwo: t.max(cube, "A C"),
  });
  assertEquals(Object.fromEntries(Object.entries(found).map(([k, v]) => [k, [...v]])), {
    first: [6, 8, 10, -4],
    last: [3, 7, 11, -1],
    outer: [14, 6],
    all: [20],
    mean: [4, 1],
    meanOfAll: [2.5],
    max: [3, 4, 7, 6],
    maxOfTwo: [6, 7],
  });
});

onEveryDevice(
  "folding an axis of size 1 copies, also inside of a loop over longer rows",
  async () => {
    const x = tensor("A B C", [[[1, 2, 3]]]), row = tensor("B C", [[10, 20, 30]]);
    const y = t.add(t.scale(row, 1), t.sum(t.add(x, t.sum(row, "C")), "A") as Tensor<"B C">);
    assertEquals([...await t.read(t.sum(y, "C"))], [60 + 6 + 3 * 60]);
  },
);

onEveryDevice("a sum over no elements is 0", async () => {
  assertEquals([...await t.read(t.sum(tensor("A B", [], [0, 2]), "A"))], [0, 0]);
});

onEveryDevice("the mean of equal numbers is that number, to the last bit", async () => {
  const x = t.full("A B", [5, 7], 3);
  const { mean, rest } = await t.read({ mean: t.mean(x), rest: t.subtract(x, t.mean(x, "B")) });
  assertEquals([...mean], [3]);
  assertEquals([...rest], new Array(35).fill(0));
});

onEveryDevice("folding axis by axis is folding at once", async (on) => {
  const x = some("A B C", [5, 33, 7], 2);
  const { steps, once, maxSteps, maxOnce } = await t.read({
    steps: t.sum(t.sum(t.sum(x, "B"), "A"), "C"),
    once: t.sum(x),
    maxSteps: t.max(t.max(x, "C"), "A"),
    maxOnce: t.max(x, "A C"),
  });
  assertNear(steps, once, 1e-3);
  assertEquals(maxSteps, maxOnce);
  assertNear(once, await onReference(t.sum(x), on), 1e-3);
});

onEveryDevice("the gradient of max() goes to every element that attains it", async () => {
  const x = tensor("T D", [[1, 3, 3], [2, -1, 0]]), weights = tensor("T", [5, 7]);
  const { x: slope } = await t.read(
    t.gradients(t.sum(t.multiply(t.max(x, "D"), weights)), { x }),
  );
  assertEquals([...slope], [0, 5, 5, 7, 0, 0]);
});

onEveryDevice("the maximum of computed numbers finds them again in the gradient", async (on) => {
  const a = some("T D", [7, 19], 4), b = some("D", [19], 5);
  const computed = t.add(t.multiply(t.exp(a), b), t.scale(t.tanh(a), 0.3));
  const loss = t.sum(t.square(t.max(computed, "D")));
  await assertAgrees({ gradients: t.gradients(loss, { a, b }), loss }, on);
});

const x = some("A B C", [3, 4, 2], 3);
testOperation("sum() over an inner axis", ({ x }) => t.tanh(t.sum(t.square(x), "B")), { x });
testOperation("sum() over two axes apart", ({ x }) => t.square(t.sum(x, "A C")), { x });
testOperation("mean() of everything", ({ x }) => t.exp(t.mean(t.square(x))), { x });
testOperation("max() over two axes", ({ x }) => t.square(t.max(x, "A B")), { x });

Deno.test("an axis that is not there, or named twice, is refused by name", () => {
  const x: Tensor = some("A B", [2, 3]);
  for (const f of [t.sum, t.mean, t.max] as ((x: Tensor, over: string) => Tensor)[]) {
    assertRefused(() => f(x, "Q"), f.name, '"Q"', '"A B" 2×3');
    assertRefused(() => f(x, "A A"), f.name, "twice", '"A B" 2×3');
  }
});

Deno.test("the maximum and the mean of no elements are refused", () => {
  const none = tensor("A B", [], [2, 0]);
  assertRefused(() => t.max(none, "B"), "max", '"A B" 2×0');
  assertRefused(() => t.mean(none, "B"), "mean", '"A B" 2×0');
});
