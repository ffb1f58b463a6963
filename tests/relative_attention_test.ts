/** Relative positions: the shift, the vectors of distances, attention by content and distance, segments. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { hide, leftToRight, mask } from "../core/masks.ts";
import {
  contextOf,
  relativeAttention,
  relativeAttentionParameters,
  relativeSelfAttention,
} from "../core/relative_attention.ts";
import { distances, relativePositions, relativeShift } from "../core/relative_positions.ts";
import { differentSegments, segmentScores } from "../core/relative_segments.ts";
import {
  AxisError,
  concat,
  device,
  pad,
  randomKey,
  read,
  rearrange,
  slice,
  tensor,
} from "../core/tensor/mod.ts";
import { testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot, type GoldenTensor } from "./golden_models.ts";
import { assertNear, some } from "./numbers.ts";

interface GoldenShift {
  input: GoldenTensor;
  output: GoldenTensor;
}
const golden: { xlnet: GoldenShift; transfo_xl: GoldenShift } = JSON.parse(
  Deno.readTextFileSync(`${goldenRoot}/nonmodel/rel_shift.json`),
);

onEveryDevice("golden rel_shift: XLNet's, over distances into the future", async () => {
  const { input, output } = golden.xlnet;
  const shifted = relativeShift(tensor("B H Tq R", input.data, input.shape), output.shape[3]);
  assertEquals([...await read(shifted)], output.data);
});

onEveryDevice("golden rel_shift: Transformer-XL's is the same with a column in front", async () => {
  const { input, output } = golden.transfo_xl;
  const given = rearrange(tensor("Tq R B H", input.data, input.shape), "Tq R B H -> B H Tq R");
  const shifted = relativeShift(pad(given, "R", 1, 0), output.shape[1]);
  assertEquals([...await read(rearrange(shifted, "B H Tq Tk -> Tq Tk B H"))], output.data);
});

testOperation(
  "the shift of rows",
  ({ x }) => relativeShift(x, 4),
  { x: some("B H Tq R", [2, 2, 3, 7]) },
);

Deno.test("the score of a distance comes where query and key are that far apart", async () => {
  await device("reference");
  const reach = { queries: 3, keys: 5, future: true }, row = distances(reach); // 5 … -2
  const x = tensor("B H Tq R", [[[row, row, row]]]);
  const found = await read(relativeShift(x, 5));
  const wanted = [0, 1, 2].map((i) => [0, 1, 2, 3, 4].map((j) => 2 + i - j)).flat();
  assertEquals([...found], wanted);
});

Deno.test("the trap: without distances into the future a query reads its neighbour's scores", async () => {
  await device("reference");
  const reach = { queries: 3, keys: 3, future: false }, row = distances(reach);
  const own = [0, 100, 200].map((who) => row.map((d) => who + d));
  const found = [...await read(relativeShift(tensor("B H Tq R", [[own]]), 3))];
  assertEquals(found, [0, 103, 102, 101, 100, 203, 202, 201, 200]);
  const visible = [...await read(mask(leftToRight, 3))];
  const right = found.map((x, n) => x === 100 * Math.floor(n / 3) + Math.floor(n / 3) - n % 3);
  assertEquals(right.map(Number), visible); // right exactly where a causal mask looks
});

Deno.test("vectors of distances are sines, then cosines; clamped distances are alike", async () => {
  await device("reference");
  const width = 6, reach = { queries: 2, keys: 4, future: true };
  const table = await read(relativePositions(reach, width)), [far] = distances(reach);
  const wanted = [0, 2, 4].map((i) => far / 10000 ** (i / width));
  assertNear(table.slice(0, 6), [...wanted.map(Math.sin), ...wanted.map(Math.cos)], 1e-6);
  const clamped = await read(relativePositions({ ...reach, clamp: 2 }, width));
  assertEquals(clamped.slice(0, 6), clamped.slice(6, 12));
  assertThrows(() => relativePositions(reach, 5), RangeError, "even width, not 5");
  assertThrows(() => distances({ queries: 3, keys: 2, future: false }), RangeError, "3 queries");
  const few = assertThrows(() => relativeShift(some("B H Tq R", [1, 1, 2, 3]), 3), AxisError);
  assertStringIncludes(few.message, "3 keys");
});

const sizes = { width: 6, heads: 2, headWidth: 4 };
const params = () => {
  const { content: _, position: __, ...maps } = initialise(
    relativeAttentionParameters(sizes),
    randomKey(1),
    0.5,
  );
  return { ...maps, content: some("H K", [2, 4], 3), position: some("H K", [2, 4], 4) };
};

onEveryDevice("attention does not ask where a text begins", async () => {
  const x = some("B T D", [1, 5, 6]), all = params();
  const run = (at: number) => {
    const part = slice(x, "T", at, at + 3), reach = { queries: 3, keys: 3, future: true };
    const table = relativePositions(reach, 6);
    return read(relativeSelfAttention(part, contextOf(part, table, all), all).out);
  };
  const moved = concat([some("B T D", [1, 2, 6], 9), slice(x, "T", 1, 4)], "T");
  const inside = slice(moved, "T", 2, 5);
  const table = relativePositions({ queries: 3, keys: 3, future: true }, 6);
  const again = await read(relativeSelfAttention(inside, contextOf(inside, table, all), all).out);
  assertNear(again, await run(1), 1e-6);
});

testOperation(
  "attention by content and distance",
  ({ q, k, v, r, content, position }) =>
    relativeAttention(q, { k, v, r }, { content, position }, {
      bias: hide(mask(leftToRight, 3)),
    }).out,
  {
    q: some("B H Tq K", [2, 2, 3, 4]),
    k: some("B H Tk K", [2, 2, 3, 4], 2),
    v: some("B H Tk K", [2, 2, 3, 4], 3),
    r: some("H R K", [2, 4, 4], 4),
    content: some("H K", [2, 4], 5),
    position: some("H K", [2, 4], 6),
  },
);

Deno.test("a score by hand: what the key is, and how far away it is", async () => {
  await device("reference");
  const q = tensor("B H Tq K", [[[[1]]]]), k = tensor("B H Tk K", [[[[2], [3]]]]);
  const v = tensor("B H Tk K", [[[[1], [0]]]]), r = tensor("H R K", [[[9], [5], [7]]]); // 2, 1, 0
  const u = tensor("H K", [[10]]), w = tensor("H K", [[20]]);
  const { weights } = relativeAttention(q, { k, v, r }, { content: u, position: w });
  const scores = [11 * 2 + 21 * 5, 11 * 3 + 21 * 7]; // distances 1 and 0
  const total = 1 + Math.exp(scores[0] - scores[1]);
  assertNear(await read(weights), [1 - 1 / total, 1 / total], 1e-12);
});

Deno.test("the trap: what is added to a row of scores alone changes nothing", async () => {
  await device("reference");
  const q = some("B H Tq K", [1, 1, 2, 3]), k = some("B H Tk K", [1, 1, 2, 3], 2);
  const v = some("B H Tk K", [1, 1, 2, 3], 3), r = some("H R K", [1, 3, 3], 4);
  const none = tensor("H K", [[0, 0, 0]]), some_ = some("H K", [1, 3], 5);
  const run = (content: typeof none, also?: typeof shift) =>
    read(relativeAttention(q, { k, v, r }, { content, position: none }, { also }).weights);
  const shift = () => tensor("B H Tq Tk", [[[[3, 3], [-1, -1]]]]); // one number for each row
  const plain = await run(none);
  assertNear(await run(none, shift), plain, 1e-12);
  assert((await run(some_)).some((x, i) => Math.abs(x - plain[i]) > 1e-3));
});

testOperation(
  "scores of segments",
  ({ q, bias, table }) =>
    segmentScores(
      q,
      { bias, table },
      differentSegments(tensor("B T", [[0, 0, 1], [0, 1, 1]]), 1),
    ),
  {
    q: some("B H Tq K", [2, 2, 3, 4]),
    bias: some("H K", [2, 4], 2),
    table: some("S H K", [2, 2, 4], 3),
  },
);
