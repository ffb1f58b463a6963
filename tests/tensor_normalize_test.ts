/** Softmax, its logarithm, LayerNorm's rows, cross-entropy, the mean over what counts. */
import { assert, assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { ignored, type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertClose, assertRefused, testOperation, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

onEveryDevice("softmax() of logarithms gives back the odds", async () => {
  const x = tensor("T V", [[1, 2, 5], [4, 4, 2]].map((row) => row.map(Math.log)));
  const { p, logP } = await t.read({ p: t.softmax(x, "V"), logP: t.logSoftmax(x, "V") });
  const odds = [1 / 8, 2 / 8, 5 / 8, 4 / 10, 4 / 10, 2 / 10];
  assertNear(p, odds, 1e-6);
  assertNear(logP, odds.map(Math.log), 1e-6);
});

onEveryDevice(
  "rows of softmax() sum to one and do not mind a constant, however large",
  async () => {
    const x = some("T V", [5, 37], 3);
    const [plain, moved, huge] = [x, t.add(x, 7), t.scale(x, 1e4)].map((x) => t.softmax(x, "V"));
    const found = await t.read({
      sums: t.sum(huge, "V"),
      columns: t.sum(t.softmax(x, "T"), "T"),
      plain,
      moved,
    });
    assertNear(found.sums, new Array(5).fill(1), 1e-5);
    assertNear(found.columns, new Array(37).fill(1), 1e-5);
    assertNear(found.moved, found.plain, 1e-6);
  },
);

onEveryDevice("logSoftmax() keeps what softmax() rounds to zero", async () => {
  const x = tensor("V", [0, -200, 3e4]);
  const { p, logP } = await t.read({ p: t.softmax(x, "V"), logP: t.logSoftmax(x, "V") });
  assertEquals([...p], [0, 0, 1]);
  assertEquals([...logP], [-3e4, -30200, 0]);
});

onEveryDevice("a row of scores of which none counts is uniform, not NaN", async () => {
  const lowest = -3.4028234663852886e38;
  const x = tensor("V", [lowest, lowest, lowest, lowest]);
  assertEquals([...await t.read(t.softmax(x, "V"))], [0.25, 0.25, 0.25, 0.25]);
});

onEveryDevice("standardize() gives mean 0 and variance 1, and 0 for a constant row", async () => {
  const x = t.add(t.scale(some("T D", [3, 50], 2), 5), 100);
  const y = t.standardize(x, "D", 0);
  const { mean, variance, byHand, constant } = await t.read({
    mean: t.mean(y, "D"),
    variance: t.mean(t.square(y), "D"),
    byHand: t.standardize(tensor("D", [1, 3, 5, 7]), "D", 4),
    constant: t.standardize(tensor("D", [3, 3, 3]), "D", 1e-12),
  });
  assertNear(mean, [0, 0, 0], 1e-5);
  assertNear(variance, [1, 1, 1], 1e-4);
  assertNear(byHand, [-1, -1 / 3, 1 / 3, 1], 1e-6); // deviations ±3 and ±1 over √(5 + 4)
  assertEquals([...constant], [0, 0, 0]);
});

onEveryDevice(
  "crossEntropy() is the surprise at the label, and 0 where it is ignored",
  async () => {
    const x = tensor(
      "B T V",
      [[[1, 2, 5], [1, 2, 5], [4, 4, 2]]].map((b) => b.map((r) => r.map(Math.log))),
    );
    const labels = tensor("B T", [[2, ignored, 0]]);
    const loss = t.crossEntropy(x, labels, "V");
    const { loss: found, x: slope } = await t.read({ loss, ...t.gradients(t.sum(loss), { x }) });
    assertNear(found, [Math.log(8 / 5), 0, Math.log(10 / 4)], 1e-6);
    assertNear(slope, [1 / 8, 2 / 8, 5 / 8 - 1, 0, 0, 0, 4 / 10 - 1, 4 / 10, 2 / 10], 1e-6);
  },
);

onEveryDevice("crossEntropy() is minus logSoftmax() at the label, over any axis", async () => {
  const x = some("V T", [9, 4], 6), labels = tensor("T", [8, 0, 3, 3]);
  const logP = t.logSoftmax(t.rearrange(x, "V T -> T V"), "V");
  const { loss, own } = await t.read({ loss: t.crossEntropy(x, labels, "V"), own: logP });
  assertNear(loss, [8, 0, 3, 3].map((label, row) => -own[row * 9 + label]), 1e-5);
});

onEveryDevice(
  "the loss stays finite where the label's probability is rounded to zero",
  async () => {
    const x = tensor("T V", [[0, 500], [-1e30, 1e30]]);
    const found = await t.read(t.crossEntropy(x, tensor("T", [0, 1]), "V"));
    assertEquals([...found], [500, 0]);
  },
);

onEveryDevice("meanOver() divides by what counts, and is NaN when nothing does", async () => {
  const x = tensor("B T", [[2, 4], [6, 100]]);
  const { some, rows, none } = await t.read({
    some: t.meanOver(x, tensor("B T", [[1, 1], [1, 0]])),
    rows: t.meanOver(x, tensor("B", [1, 0])),
    none: t.meanOver(x, t.zeros("B T", [2, 2])),
  });
  assertEquals([...some, ...rows, ...none], [4, 3, NaN]);
});

const x = some("T V", [4, 5], 3);
const labels = tensor("T", [4, ignored, 0, 2]);
testOperation("softmax() along the rows", ({ x }) => t.softmax(t.scale(x, 2), "V"), { x });
testOperation("softmax() along the columns", ({ x }) => t.softmax(x, "T"), { x });
testOperation("logSoftmax()", ({ x }) => t.logSoftmax(t.square(x), "V"), { x });
testOperation("standardize() along the rows", ({ x }) => t.standardize(x, "V", 1e-5), { x });
testOperation("standardize() along the columns", ({ x }) => t.standardize(x, "T", 0.1), { x });
testOperation("crossEntropy()", ({ x }) => t.crossEntropy(t.scale(x, 2), labels, "V"), { x });
testOperation("meanOver()", ({ x }) => t.meanOver(t.exp(x), tensor("T", [1, 0, 1, 1])), { x });

/** The gradient is a tensor like others: its own gradient must be right as well. */
const SECOND: Record<string, (x: Tensor<"T V">) => Tensor> = {
  softmax: (x) => t.softmax(x, "V"),
  logSoftmax: (x) => t.logSoftmax(x, "V"),
  standardize: (x) => t.standardize(x, "V", 0.1),
  crossEntropy: (x) => t.crossEntropy(x, labels, "V"),
};
for (const [name, f] of Object.entries(SECOND)) {
  Deno.test(`${name}() has the second derivative that differences of the first give`, async () => {
    await t.device("reference");
    const slope = (params: { x: Tensor<"T V"> }) =>
      weigh(t.gradients(weigh(t.square(f(params.x))), params).x);
    await assertGradients(slope, { x }, 12);
  });
}

Deno.test("an axis that is not there is refused by the operation's own name", () => {
  const any: Tensor = x;
  assertRefused(() => t.softmax(any, "Q"), 'softmax: no axis "Q"', '"T V" 4×5');
  assertRefused(() => t.softmax(any, "T V"), 'softmax: no axis "T V"');
  assertRefused(() => t.logSoftmax(any, "Q"), 'logSoftmax: no axis "Q"');
  assertRefused(() => t.standardize(any, "Q", 0), 'standardize: no axis "Q"');
  assertRefused(() => t.crossEntropy(any, labels, "Q"), 'crossEntropy: no axis "Q"');
});

Deno.test("labels of other axes or of no class are refused with place, axes and sizes", () => {
  const any: Tensor = x;
  const loss = (...labels: number[]) => () => t.crossEntropy(any, tensor("T", labels), "V");
  assertRefused(loss(0, 1, 5, 2), "label 5 at place 2", "5 classes 0 … 4", "axis V");
  assertRefused(loss(0, 1, 1, -1), "label -1 at place 3", "-100 (ignored)");
  assertRefused(loss(0, 1, 1.5, 2), "label 1.5");
  const wide = () => t.crossEntropy(any, tensor("V", [0, 0, 0, 0, 0]), "V");
  assertRefused(wide, "crossEntropy over V", '"T V" 4×5', '"V" 5');
});

onEveryDevice(
  "long rows: a softmax over 5,000 classes sums to one and finds its maximum",
  async () => {
    const x = t.scale(some("T V", [2, 5000], 8), 3), p = t.softmax(x, "V");
    const { sums, largest, top } = await t.read({
      sums: t.sum(p, "V"),
      largest: t.max(p, "V"),
      top: t.exp(t.negate(t.log(t.sum(t.exp(t.subtract(x, t.max(x, "V"))), "V")))),
    });
    assertNear(sums, [1, 1], 1e-5);
    assertClose(largest, top, 1e-6);
    assert(largest.every((p) => p > 1 / 5000));
  },
);
