/** Rows by number and back. */
import { assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertAgrees, assertRefused, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { some } from "./numbers.ts";

const table = tensor("V D", [[1, 2], [3, 4], [5, 6]]);

onEveryDevice("gather() looks rows up, in any arrangement of ids", async () => {
  const found = await t.read({
    row: t.gather(table, t.scalar(2)),
    rows: t.gather(table, tensor("B T", [[2, 0, 0], [1, 2, 1]])),
    none: t.gather(table, tensor("T", [])),
    numbers: t.gather(tensor("V", [7, 8, 9]), tensor("T", [2, 0])),
    sameName: t.gather(t.rename(table, "V D -> T D"), tensor("T", [1])),
  });
  assertEquals(Object.fromEntries(Object.entries(found).map(([k, v]) => [k, [...v]])), {
    row: [5, 6],
    rows: [5, 6, 1, 2, 1, 2, 3, 4, 5, 6, 3, 4],
    none: [],
    numbers: [9, 7],
    sameName: [3, 4],
  });
});

onEveryDevice("scatterAdd() adds rows where they belong, and leaves the others 0", async () => {
  const x = tensor("T D", [[1, 2], [10, 20], [100, 200]]);
  const sums = t.scatterAdd(x, tensor("T", [3, 1, 3]), "V", 5, ["D"]);
  assertEquals([...await t.read(sums)], [0, 0, 10, 20, 0, 0, 101, 202, 0, 0]);
  const none = t.scatterAdd(tensor("T D", [], [0, 2]), tensor("T", []), "V", 2, ["D"]);
  assertEquals([...await t.read(none)], [0, 0, 0, 0]);
});

onEveryDevice("computed ids outside of the table mean its first or last row", async () => {
  const ids = t.scale(tensor("T", [1, -1, 0.5]), 4);
  const found = await t.read({
    rows: t.gather(table, ids),
    fewer: t.gather(t.slice(table, "V", 0, 2), ids), // the same numbers, but another last row
    sums: t.scatterAdd(tensor("T D", [[1], [2], [4]]), ids, "V", 3, ["D"]),
  });
  assertEquals([...found.rows], [5, 6, 1, 2, 5, 6]);
  assertEquals([...found.fewer], [3, 4, 1, 2, 3, 4]);
  assertEquals([...found.sums], [2, 0, 5]);
});

onEveryDevice("a lookup in a view finds the view's rows", async () => {
  const columns = t.rearrange(table, "V D -> D V"), ids = tensor("T", [1, 0]);
  const { columns: found, cut } = await t.read({
    columns: t.gather(columns, ids),
    cut: t.gather(t.slice(t.scale(table, 10), "V", 1, 3), ids),
  });
  assertEquals([...found], [2, 4, 6, 1, 3, 5]);
  assertEquals([...cut], [50, 60, 30, 40]);
});

onEveryDevice("many rows into few: the sums agree", async (on) => {
  const ids = tensor("T", Array.from({ length: 500 }, (_, i) => (i * i) % 7));
  const x = some("T D", [500, 5], 2);
  const sums = t.scatterAdd(x, ids, "V", 9, ["D"]);
  await assertAgrees({ sums, back: t.gather(sums, ids) }, on);
});

testOperation("gather()", ({ table }) => {
  const ids = tensor("B T", [[2, 0, 2], [2, 1, 0]]);
  return t.exp(t.gather(t.tanh(table), ids));
}, { table: some("V D", [4, 3], 2) });

testOperation("scatterAdd()", ({ x }) => {
  return t.square(t.scatterAdd(t.exp(x), tensor("T", [1, 0, 1, 3]), "V", 4, ["D"]));
}, { x: some("T D", [4, 3], 3) });

testOperation("gather() of a row's own number", ({ x }) => {
  const one = t.gather(t.rearrange(x, "B V -> V B"), tensor("C", [1, 1, 2]));
  return t.multiply(one, t.at(x, "V", 0));
}, { x: some("B V", [2, 3], 4) });

Deno.test("an id outside of the table is refused with its place, the table's axis and size", () => {
  const bad = (...ids: number[]) => () => t.gather(table, tensor("T", ids));
  assertRefused(bad(0, 3), "gather: id 3 at place 1", '"T" 2', "3 rows 0 … 2", "axis V");
  assertRefused(bad(-1), "id -1 at place 0");
  assertRefused(bad(0.5), "id 0.5");
  assertRefused(bad(NaN), "id NaN");
});

Deno.test("rows that do not go with the ids are refused by scatterAdd()", () => {
  const x = some("T D", [2, 3]),
    add = (ids: Tensor, rest: string[]) => () => t.scatterAdd(x, ids, "V", 4, rest);
  assertRefused(add(tensor("T", [0, 4]), ["D"]), "scatterAdd: id 4 at place 1", "axis V");
  assertRefused(add(tensor("T", [0, 1, 2]), ["D"]), "scatterAdd", '"T D" 2×3', '"T" 3');
  assertRefused(add(tensor("T", [0, 1]), []), "scatterAdd", '"T D" 2×3', '"T" 2');
  assertRefused(add(tensor("T", [0, 1]), ["H"]), "scatterAdd", '"H"');
});

Deno.test("a lookup that would name an axis twice, or has no axis to look up, is refused", () => {
  const any: Tensor = table;
  assertRefused(() => t.gather(any, tensor("D", [0])), "gather", '"V D" 3×2', '"D" 1', "twice");
  assertRefused(() => t.gather(t.scalar(1), tensor("D", [0])), "gather", "no axis");
});
