/** Masks: who sees whom, by hand, in the golden figures, together with padding, and drawn. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { attention } from "../core/attention.ts";
import {
  bothSides,
  hide,
  leftToRight,
  lowest,
  mask,
  rightToLeft,
  sequenceToSequence,
  type Sight,
  visibleBias,
} from "../core/masks.ts";
import { alternating, banded, denseThenBanded, visiblePairs } from "../core/sparse_attention.ts";
import { add, indices, multiply, read, sum, tensor } from "../core/tensor/mod.ts";
import { heatMap } from "../drawing/svg.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot } from "./golden_models.ts";
import { assertNear, some } from "./numbers.ts";

const golden = JSON.parse(Deno.readTextFileSync(`${goldenRoot}/nonmodel/masks.json`));
const padding = tensor("B T", golden.padding_mask as number[][]);
const segments = tensor("B T", golden.segment_ids as number[][]);
const length = segments.size("T");

onEveryDevice("golden masks: left to right, right to left, sequence to sequence", async () => {
  const found = await read({
    left_to_right: mask(leftToRight, length),
    right_to_left: mask(rightToLeft, length),
    unilm_seq2seq: sequenceToSequence(segments),
  });
  for (const [name, values] of Object.entries(found)) {
    assertEquals([...values], (golden[name] as number[][]).flat(2), name);
  }
});

onEveryDevice("golden masks: sequence to sequence with padding", async () => {
  const bias = await read(visibleBias(undefined, multiply(sequenceToSequence(segments), keys()))!);
  const wanted = (golden.unilm_seq2seq_with_padding as number[][][]).flat(2);
  assertEquals([...bias].map((b) => b === 0 ? 1 : 0), wanted);
});

/** The padding of the golden masks for each query. */
const keys = () => {
  const rows = golden.padding_mask as number[][];
  return tensor("B Tq Tk", rows.map((row) => row.map(() => row)));
};

onEveryDevice("a sight and padding hide together, once", async () => {
  const bias = await read(visibleBias(mask(leftToRight, length), padding)!);
  const wanted = (golden.padding_mask as number[][]).flatMap((row) =>
    row.flatMap((_, q) => row.map((real, k) => real && k <= q ? 0 : Math.fround(lowest)))
  );
  assertEquals([...bias].map((x) => x || 0), wanted);
});

onEveryDevice("who sees everything needs no bias", async () => {
  assertEquals(bothSides(indices("Tq", 3), indices("Tk", 3), 0), undefined);
  assertEquals(visibleBias(undefined, undefined), undefined);
  assertEquals([...await read(mask(bothSides, 2))], [1, 1, 1, 1]);
});

onEveryDevice("a later word changes nothing for an earlier one under leftToRight", async () => {
  const [q, k, v] = [1, 2, 3].map((seed) => some("B H T K", [1, 2, 5, 3], seed));
  const run = async (last: number) => {
    const changed = (x: typeof q) => add(x, multiply(tensor("T", [0, 0, 0, 0, 1]), last));
    const { out } = attention(
      tensor("B H Tq K", await read(changed(q)), [1, 2, 5, 3]),
      tensor("B H Tk K", await read(changed(k)), [1, 2, 5, 3]),
      tensor("B H Tk K", await read(changed(v)), [1, 2, 5, 3]),
      hide(mask(leftToRight, 5)),
    );
    const values = await read(out);
    return [0, 1].flatMap((h) => [...values.subarray(h * 15, h * 15 + 12)]);
  };
  assertNear(await run(3), await run(0), 1e-6);
});

onEveryDevice("two texts' worth of queries see by their places, not by their rows", async () => {
  const later = leftToRight(add(indices("Tq", 2), 3), indices("Tk", 6), 0)!;
  assertEquals([...await read(later)], [1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0]);
});

onEveryDevice("a band sees as many pairs as its arithmetic says", async () => {
  for (const [length, width] of [[7, 3], [7, 1], [5, 9], [6, 6]]) {
    const [seen] = await read(sum(mask(banded(width), length)));
    assertEquals(seen, visiblePairs(length, width), `${length} ${width}`);
  }
  const [dense] = await read(sum(mask(leftToRight, 9)));
  assertEquals(dense, visiblePairs(9));
});

onEveryDevice("GPT-3's layers see everything and a band of 128 in turn", async () => {
  const seen = [0, 1, 2, 3].map((layer) => sum(mask(denseThenBanded, 300, layer)));
  const counts = (await read(seen)).map(([n]) => n);
  const [dense, band] = [visiblePairs(300), visiblePairs(300, 128)];
  assertEquals(counts, [dense, band, dense, band]);
});

Deno.test("the trap: two biases of the lowest float make −∞, one made from both does not", () => {
  assertEquals(Math.fround(2 * lowest), -Infinity);
  assert(Number.isFinite(Math.fround(lowest)));
});

Deno.test("a band without positions and alternating between nothing are refused", () => {
  assertStringIncludes(assertThrows(() => banded(0), RangeError).message, "not 0");
  assertThrows(() => banded(1.5), RangeError, "1.5");
  assertThrows(() => alternating(), RangeError, "one or more");
});

onEveryDevice("every sight can be drawn", async () => {
  const sights: Record<string, Sight> = { bothSides, leftToRight, rightToLeft, band: banded(2) };
  for (const [title, sight] of Object.entries(sights)) {
    const flat = await read(mask(sight, 4));
    const rows = [0, 1, 2, 3].map((q) => [...flat.subarray(4 * q, 4 * q + 4)]);
    assertStringIncludes(heatMap(rows, { title, range: [0, 1] }), title);
  }
});
