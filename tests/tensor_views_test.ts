/** Views and pieces: rearrange, rename, slice, at, concat, pad, broadcast. */
import { assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertClose, assertRefused, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { Meaning } from "./meaning.ts";
import { given, some } from "./numbers.ts";

const x = tensor("T D", [[1, 2, 3, 4], [5, 6, 7, 8]]);
const merged = tensor("T H·K", [[1, 2, 3, 4], [5, 6, 7, 8]]);

const lists = (found: Record<string, ArrayLike<number>>) =>
  Object.fromEntries(Object.entries(found).map(([name, values]) => [name, Array.from(values)]));

onEveryDevice("rearrange() splits, merges and permutes", async () => {
  const found = await t.read({
    permuted: t.rearrange(x, "T D -> D T"),
    split: t.rearrange(merged, "T (H K) -> H T K", { H: 2 }),
    interleaved: t.rearrange(merged, "T (H K) -> K T H", { K: 2 }),
    merged: t.rearrange(x, "T D -> (T D)"),
    mixed: t.rearrange(merged, "T (H K) -> (T K) H", { H: 2, K: 2 }),
  });
  assertEquals(lists(found), {
    permuted: [1, 5, 2, 6, 3, 7, 4, 8],
    split: [1, 2, 5, 6, 3, 4, 7, 8],
    interleaved: [1, 3, 5, 7, 2, 4, 6, 8],
    merged: [1, 2, 3, 4, 5, 6, 7, 8],
    mixed: [1, 3, 2, 4, 5, 7, 6, 8],
  });
});

onEveryDevice(
  "slice(), at(), concat(), pad() and broadcast() give the places they name",
  async () => {
    const found = await t.read({
      columns: t.slice(x, "D", 1, 3),
      nothing: t.slice(x, "D", 2, 2),
      row: t.at(x, "T", 1),
      column: t.at(x, "D", 2),
      below: t.concat([x, t.slice(x, "T", 0, 1)], "T"),
      beside: t.concat([t.slice(x, "D", 3, 4), t.slice(x, "D", 0, 1)], "D"),
      padded: t.pad(t.slice(x, "D", 0, 1), "D", 1, 2),
      unpadded: t.pad(x, "T", 0, 0),
      repeated: t.broadcast(tensor("D", [1, 2]), "T D B", { T: 2, B: 2 }),
      places: t.indices("T", 4),
    });
    assertEquals(lists(found), {
      columns: [2, 3, 6, 7],
      nothing: [],
      row: [5, 6, 7, 8],
      column: [3, 7],
      below: [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4],
      beside: [4, 1, 8, 5],
      padded: [0, 1, 0, 0, 0, 5, 0, 0],
      unpadded: [1, 2, 3, 4, 5, 6, 7, 8],
      repeated: [1, 1, 2, 2, 1, 1, 2, 2],
      places: [0, 1, 2, 3],
    });
  },
);

onEveryDevice("a rearrangement there and back changes nothing", async () => {
  const y = some("A·B C D", [6, 4, 5], 2);
  const there = t.rearrange(y, "(A B) C D -> D A (C B)", { A: 3 });
  const back = t.rearrange(there, "D A (C B) -> (A B) C D", { B: 2 });
  assertClose(await t.read(back), given(y), 1e-7);
  assertEquals([back.axes, back.shape], [["A·B", "C", "D"], [6, 4, 5]]);
});

onEveryDevice("pieces put together again are the whole, computed ones, too", async () => {
  const y = t.exp(some("T D", [7, 3], 2)),
    cut = (from: number, to: number) => t.slice(y, "T", from, to);
  const whole = t.concat([cut(0, 2), cut(2, 2), cut(2, 6), cut(6, 7)], "T");
  assertEquals(await t.read(whole), await t.read(y));
});

onEveryDevice("views of views of computed tensors find their elements", async () => {
  const y = t.tanh(some("A·B C D", [6, 4, 5], 3));
  const split = t.rename(t.rearrange(y, "(A B) C D -> B D (C A)", { A: 3 }), "B D C·A -> P Q R");
  const cut = t.at(t.slice(t.rearrange(split, "P Q R -> R P Q"), "R", 3, 11), "P", 1);
  const again = t.rearrange(t.rename(cut, "R Q -> U·V Q"), "(U V) Q -> V (Q U)", { V: 4 });
  const tensors = [split, cut, again, t.sum(t.square(again), "V")];
  const found = await t.read(tensors), meaning = new Meaning();
  tensors.forEach((y, i) => assertClose(found[i], meaning.of(y)));
});

onEveryDevice(
  "a view whose axes are named like others of its source is walked by its own",
  async () => {
    const twos = t.scale(t.indices("X", 4), 2); // free to compute: it is folded into what reads it
    const split = t.rearrange(t.rename(twos, "X -> H·K"), "(H K) -> H K", { H: 2 });
    const swapped = t.rename(t.broadcast(twos, "X Y", { Y: 3 }), "X Y -> Y X");
    const { misled, crossed } = await t.read({
      misled: t.add(t.rename(split, "H K -> B X"), 1),
      crossed: t.sum(t.add(swapped, 1), "X"),
    });
    assertEquals([...misled], [1, 3, 5, 7]);
    assertEquals([...crossed], [3, 9, 15, 21]);
  },
);

const y = some("A·B C", [6, 4], 4);
testOperation("rearrange() that only moves", ({ y }) => {
  return t.square(t.rearrange(y, "(A B) C -> C B A", { A: 2 }));
}, { y });
testOperation("rearrange() that copies", ({ y }) => {
  return t.square(t.rearrange(t.tanh(y), "(A B) C -> (C A) B", { A: 2 }));
}, { y });
testOperation("slice() and at()", ({ y }) => {
  return t.multiply(t.slice(t.exp(y), "C", 1, 3), t.at(t.square(y), "C", 0));
}, { y });
testOperation("concat() and pad()", ({ y }) => {
  const cut = t.slice(t.exp(y), "A·B", 2, 5);
  return t.square(t.concat([y, t.pad(cut, "C", 0, 0), t.tanh(cut)], "A·B"));
}, { y });
testOperation("pad() on both sides", ({ y }) => t.exp(t.pad(t.square(y), "C", 2, 1)), { y });
testOperation("broadcast() and rename()", ({ y }) => {
  const wide = t.broadcast(t.tanh(y), "P C A·B Q", { P: 2, Q: 3 });
  return t.square(t.sum(t.rename(wide, "P C A·B Q -> A B C D"), "A C"));
}, { y });

Deno.test("a wrong rearrangement is refused with the expression, the axes and the sizes", () => {
  const rearrange = t.rearrange as (x: Tensor, e: string, sizes?: Record<string, number>) => Tensor;
  const bad = (problem: string, e: string, sizes?: Record<string, number>) =>
    assertRefused(() => rearrange(merged, e, sizes), `rearrange "${e}"`, '"T H·K" 2×4', problem);
  bad("other axes", "T K -> K T");
  bad("both sides must name the same axes", "T H·K -> T");
  bad("give the size of K", "T (H K) -> T H K");
  bad("H·K is 4", "T (H K) -> T H K", { H: 3 });
  bad("H·K is 4", "T (H K) -> T H K", { H: 3, K: 2 });
  bad("an empty group", "T H·K -> T H·K ()");
  bad("axes -> axes", "T H·K");
  bad("axes -> axes", "T H·K -> H·K T -> T");
});

Deno.test("a wrong name, place or size is refused by the operation that met it", () => {
  const any: Tensor = x;
  assertRefused(() => t.rename(x, "T D -> T"), 'rename "T D -> T"', '"T D" 2×4');
  assertRefused(() => t.rename(x, "T D -> X X"), "rename", "twice", '"X X"');
  assertRefused(() => t.slice(any, "D", 3, 5), "slice: 3 to 5", "axis D", '"T D" 2×4');
  assertRefused(() => t.slice(any, "D", 0.5, 1), "slice: 0.5 to 1");
  assertRefused(() => t.slice(any, "Q", 0, 1), 'slice: no axis "Q"', '"T D" 2×4');
  assertRefused(() => t.at(any, "D", -1), "at: axis D", '"T D" 2×4', "no place -1");
  assertRefused(() => t.at(any, "D", 4), "no place 4");
  assertRefused(() => t.concat([], "T"), "concat: no tensors");
  const other: Tensor = some("T D", [2, 3]);
  assertRefused(() => t.concat([any, other], "T"), "concat along T", '"T D" 2×4', '"T D" 2×3');
  assertRefused(() => t.pad(any, "T", -1, 0), "pad along T", "-1");
  assertRefused(() => t.broadcast(any, "T", {}), "broadcast", '"T D" 2×4', "D is gone");
  assertRefused(() => t.broadcast(any, "B T D", {}), "how long is B?");
  assertRefused(() => t.broadcast(any, "B T D", { B: 2, D: 5 }), "D is 4, not 5");
  assertRefused(
    () => t.broadcast(any, "B T D", { B: -2 }),
    "broadcast: sizes must be whole numbers",
  );
  assertRefused(() => t.withAxes(any, "D T"), '"D T"', '"T D" 2×4');
});

Deno.test("numbers that do not fill their axes are refused with both", () => {
  assertRefused(() => tensor("T D", [1, 2, 3], [2, 2]), "3 numbers", '"T D" 2×2');
  assertRefused(() => tensor("T D", [[1, 2], [3]]), "unequal length");
  assertRefused(() => tensor("T D", new Float32Array(4)), "give a flat list and the sizes");
  assertRefused(() => tensor("T D", [1, 2]), "2 axes but 1 sizes");
  assertRefused(() => tensor("T T", [[1]]), "named twice", '"T T" 1×1');
  assertRefused(() => t.full("T", [-1], 0), "whole numbers", '"T" -1');
});
