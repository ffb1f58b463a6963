/** Adaptive embedding and softmax: clusters, probabilities, gradients, and the plain softmax as one cluster. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  adaptiveEmbedding,
  adaptiveLogProbabilities,
  adaptiveParameters,
  adaptiveSurprise,
} from "../core/adaptive_softmax.ts";
import { countParameters, initialise } from "../core/parameters.ts";
import {
  crossEntropy,
  device,
  einsum,
  gradients,
  randomKey,
  read,
  tensor,
} from "../core/tensor/mod.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

const sizes = {
  vocabulary: 12,
  cutoffs: [4, 7],
  embedding: 8,
  division: 2,
  width: 6,
  tied: [false, true, false],
};
const params = () => initialise(adaptiveParameters(sizes), randomKey(1), 0.5);
const labels = tensor("B T", [[0, 3, 4], [6, 11, -100]]), x = some("B T D", [2, 3, 6]);

Deno.test("clusters grow narrower; what is tied counts once", () => {
  const { clusters, gate } = adaptiveParameters(sizes);
  assertEquals(clusters.map((c) => c.table.shape), [[4, 8], [3, 4], [5, 2]]);
  assert(clusters[1].up === clusters[1].down && clusters[2].up !== clusters[2].down);
  assertEquals(gate!.weight.shape, [2, 8]);
  const tables = 4 * 8 + 3 * 4 + 5 * 2, maps = 6 * (8 + 8 + 4 + 2 + 2);
  assertEquals(countParameters(adaptiveParameters(sizes)), tables + maps + 12 + 2 * 8 + 2);
});

onEveryDevice("the surprise is that of the probabilities, whatever the cluster", async () => {
  const all = params();
  const [surprise, log] = await read([
    adaptiveSurprise(x, labels, all),
    adaptiveLogProbabilities(x, all),
  ]);
  const wanted = [0, 3, 4, 6, 11].map((v, n) => -log[12 * n + v]);
  assertNear([...surprise], [...wanted, 0], 1e-5);
});

onEveryDevice("all probabilities sum to one", async () => {
  const log = await read(adaptiveLogProbabilities(x, params()));
  for (let n = 0; n < 6; n++) {
    const p = Array.from(log.slice(12 * n, 12 * n + 12), Math.exp);
    assertNear([p.reduce((a, b) => a + b)], [1], 1e-5);
  }
});

onEveryDevice(
  "adaptive embedding and softmax agree on every device, with their gradients",
  async (on) => {
    const all = params(), loss = weigh(adaptiveSurprise(x, labels, all));
    const ids = tensor("B T", [[0, 3, 4], [6, 11, 7]]), embedded = adaptiveEmbedding(ids, all);
    await assertAgrees(
      {
        embedded,
        slopes: gradients(loss, all),
        ofTable: gradients(weigh(embedded), all),
      },
      on,
      1e-4,
    );
  },
);

Deno.test("gradients are those of differences; each table learns from its own tokens", async () => {
  await device("reference");
  const table = (V: number, E: number, seed: number) => ({
    table: some("V E", [V, E], seed),
    up: some("D E", [6, E], seed + 1),
    down: some("D E", [6, E], seed + 2),
    bias: some("V", [V], seed + 3),
  });
  const given = {
    x,
    clusters: [table(4, 4, 1), table(3, 2, 5)],
    gate: { weight: some("C E", [1, 4], 9), bias: some("C", [1], 10) },
  };
  const own = tensor("B T", [[0, 3, 4], [6, 5, -100]]);
  await assertGradients((p) => weigh(adaptiveSurprise(p.x, own, p)), given);
  const ids = tensor("B T", [[0, 5]]);
  await assertGradients((p) => weigh(adaptiveEmbedding(ids, p)), given);
  const { clusters } = given, slope = gradients(weigh(adaptiveEmbedding(ids, given)), clusters);
  const [frequent, rare] = await read(slope.map((c) => c.table));
  assert(frequent.slice(4).every((v) => v === 0) && frequent.slice(0, 4).some((v) => v !== 0));
  assert([...rare].filter((v) => v !== 0).length === 2); // row 1 of two numbers
});

Deno.test("one cluster is a plain softmax", async () => {
  await device("reference");
  const one = { ...sizes, cutoffs: [], tied: [true] };
  const all = initialise(adaptiveParameters(one), randomKey(1), 0.5);
  assertEquals(all.gate, undefined);
  const [{ table, down }] = all.clusters;
  const logits = einsum("B T E, V E -> B T V", einsum("B T D, D E -> B T E", x, down), table);
  const [ours, plain] = await read([
    adaptiveSurprise(x, labels, all),
    crossEntropy(logits, labels, "V"),
  ]);
  assertNear(ours, plain, 1e-9);
});

Deno.test("ids outside of the vocabulary and cutoffs that do not rise are refused", () => {
  const refused = (f: () => unknown, ...parts: string[]) => {
    const { message } = assertThrows(f, RangeError);
    for (const part of parts) assertStringIncludes(message, part);
  };
  refused(() => adaptiveEmbedding(tensor("B T", [[12]]), params()), "id 12", "12 tokens");
  refused(() => adaptiveParameters({ ...sizes, cutoffs: [7, 4] }), "7,4");
  refused(() => adaptiveParameters({ ...sizes, cutoffs: [12] }), "below 12");
});
