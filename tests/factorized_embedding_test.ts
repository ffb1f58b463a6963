import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { embed, embeddingParameters, type EmbeddingSizes, table } from "../core/embedding.ts";
import { factorized, projected } from "../core/factorized_embedding.ts";
import { lookUp } from "../core/look_up.ts";
import { countParameters, type Declared, instantiate } from "../core/parameters.ts";
import { counted, countedAfterPadding } from "../core/positions.ts";
import {
  add,
  gradients,
  multiply,
  read,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "../core/tensor/mod.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

const full = <D>(declared: D) =>
  instantiate(
    declared,
    ({ axes, shape }: Declared, path) => some(axes, [...shape], path.length + path.charCodeAt(2)),
  );

const sizes: EmbeddingSizes = { vocabulary: 7, positions: 6, segments: 2, width: 4, embedding: 3 };
const ids = tensor("B T", [[3, 1, 6], [2, 0, 0]]), segments = tensor("B T", [[0, 1, 1], [0, 0, 0]]);
const epsilon = 1e-12;

Deno.test("23,040,000 numbers of a table become 3,938,304 when it is factorised", () => {
  const large = { vocabulary: 30_000, positions: 512, segments: 2, width: 768 };
  const { word, up } = factorized.parameters({ ...large, embedding: 128 });
  assertEquals(countParameters(table.parameters(large).word), 23_040_000);
  assertEquals(countParameters([word, up!.weight]), 3_938_304);
});

onEveryDevice(
  "factorized has a hand-made embedding: norm of the row, then the matrix",
  async () => {
    const params = {
      word: tensor("V E", [[0, 0], [3, 5]]),
      position: zeros("P E", [1, 2]),
      norm: { gain: tensor("D", [1, 1]), bias: tensor("D", [0, 0]) },
      up: { weight: tensor("D E", [[1, 0], [0, 1], [10, 20]]), bias: tensor("D", [0, 0, 7]) },
    };
    const x = factorized.embed({ ids: tensor("B T", [[1]]) }, params, { epsilon: 0 });
    assertNear(await read(x), [-1, 1, -10 + 20 + 7], 1e-5); // (3, 5) is normalised to (-1, 1)
  },
);

onEveryDevice("factorized by the identity is the table", async () => {
  const params = full(embeddingParameters({ ...sizes, width: 4 }));
  const eye = tensor("D E", [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
  const up = { weight: eye, bias: zeros("D", [4]) };
  const wide = await read(embed({ ids, segments }, params, { epsilon }));
  const narrow = factorized.embed({ ids, segments }, { ...params, up }, { epsilon });
  assertNear(await read(narrow), wide, 1e-5);
});

onEveryDevice(
  "factorized is the same, and has the gradients of differences, on every device",
  async (on) => {
    const params = full(factorized.parameters(sizes));
    const run = (p: typeof params) => factorized.embed({ ids, segments }, p, { epsilon: 1e-3 });
    if (on.name === "reference") return await assertGradients((p) => weigh(run(p)), params);
    await assertAgrees({ x: run(params), slopes: gradients(weigh(run(params)), params) }, on);
  },
);

Deno.test("the trap: factorised with E = D there are D·D + D numbers more than in the table", () => {
  const same = { ...sizes, embedding: 4 };
  const [more, less] = [factorized, table].map((one) => countParameters(one.parameters(same)));
  assertEquals(more - less, 4 * 4 + 4);
});

Deno.test("projected is a table where E is D, and goes up or down where it is not", () => {
  assertEquals(projected.parameters({ ...sizes, embedding: 4 }).up, undefined);
  assertEquals(projected.parameters({ ...sizes, embedding: undefined }).word.shape, [7, 4]);
  assertEquals(projected.parameters({ ...sizes, embedding: 9 }).up!.weight.shape, [4, 9]);
});

Deno.test("a table of another width than the model's, and a factorised one without, are refused", () => {
  const wide = assertThrows(() => table.parameters(sizes), RangeError);
  for (const part of ["4", "3", "factorised"]) assertStringIncludes(wide.message, part);
  const none = () => factorized.parameters({ ...sizes, embedding: undefined });
  assertStringIncludes(assertThrows(none, RangeError).message, "embedding: 128");
});

onEveryDevice("an embedding without segments does not look at them", async () => {
  const params = full(embeddingParameters({ ...sizes, segments: 0 }));
  assert(!("segment" in params));
  const plain = await read(embed({ ids }, params, { epsilon }));
  assertNear(await read(embed({ ids, segments }, params, { epsilon })), plain, 0);
});

onEveryDevice("an embedding with a single segment adds its vector everywhere", async () => {
  const params = full(embeddingParameters({ ...sizes, segments: 1 }));
  const plain = await read(embed({ ids }, params, { epsilon }));
  assertNear(await read(embed({ ids, segments }, params, { epsilon })), plain, 0);
});

onEveryDevice("lookUp() adds up the gradients of a row, and gives the padding's none", async () => {
  const rows = some("V E", [4, 2]), twice = tensor("T", [2, 0, 2, 3]);
  const upstream = tensor("T E", [[1, 2], [30, 40], [5, 6], [7, 8]]);
  const loss = sum(multiply(lookUp(rows, twice, 0), upstream));
  assertNear(await read(gradients(loss, { rows }).rows), [0, 0, 0, 0, 6, 8, 7, 8], 1e-6);
});

onEveryDevice("the trap: a tied output layer teaches the padding's row, too", async () => {
  const word = some("V E", [3, 2]), x = lookUp(word, tensor("T", [0, 1]), 0);
  const tied = sum(multiply(x, lookUp(word, tensor("T", [1, 0])))); // without the rule: as an output
  const slopes = await read(gradients(tied, { word }).word);
  assert(Math.abs(slopes[0]) > 0.01);
});

/** RoBERTa's rule, position by position. */
function byHand(rows: number[][], pad: number): number[] {
  return rows.flatMap((row) => {
    let seen = 0;
    return row.map((id) => id === pad ? pad : pad + ++seen);
  });
}

for (const pad of [0, 1, 3]) {
  onEveryDevice(
    `countedAfterPadding() counts the tokens after ${pad} and leaves out padding`,
    async () => {
      const rows = [[5, 6, pad, 7, pad], [pad, pad, 5, 5, 2], [5, 4, 4, 4, 4], [
        pad,
        pad,
        pad,
        pad,
        pad,
      ]];
      const places = tensor("P E", Array.from({ length: 12 }, (_, i) => [i]));
      const ids = tensor("B T", rows);
      assertNear(await read(countedAfterPadding(places, ids, pad)), byHand(rows, pad), 0);
      const computed = add(ids, zeros("B T", [4, 5])); // not known before the run
      assertNear(await read(countedAfterPadding(places, computed, pad)), byHand(rows, pad), 0);
    },
  );
}

onEveryDevice("countedAfterPadding() teaches no position to the padding", async () => {
  const places = some("P E", [5, 1]), ids = tensor("B T", [[7, 1, 8]]);
  const loss = sum(countedAfterPadding(places, ids, 1));
  assertNear(await read(gradients(loss, { places }).places), [0, 0, 1, 1, 0], 0);
});

onEveryDevice("without padding both ways of counting differ by pad + 1 rows", async () => {
  const places = some("P E", [9, 2]), ids = tensor("B T", [[7, 8, 9, 7]]);
  const later = tensor("P E", given(places).slice(4), [7, 2]);
  const here: Tensor = countedAfterPadding(places, ids, 1);
  assertNear(await read(here), await read(counted(later, ids) as Tensor), 0);
});

Deno.test("the trap: a table of 8 rows is enough for 6 tokens after padding 1, not for 7", () => {
  const places = some("P E", [8, 2]), text = (length: number) => zeros("B T", [1, length]);
  countedAfterPadding(places, text(6), 1);
  const error = assertThrows(() => countedAfterPadding(places, text(7), 1), RangeError);
  assertStringIncludes(error.message, "7 tokens is longer than the 6 positions");
});
