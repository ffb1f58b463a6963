/** Half precision: numbers rounded to the nearest half, the same on every device, read like any others. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { initialise, type Parameters } from "../core/parameters.ts";
import * as t from "../core/tensor/mod.ts";
import { type Device, type Tensor, tensor } from "../core/tensor/mod.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { continueAll } from "../generation/generate.ts";
import { GPT2 } from "../models/gpt2.ts";
import { gpt2Family, gptFamily } from "../models/huggingface/gpt.ts";
import { nameTokens } from "../models/model.ts";
import { loadModel, loadPretrained, type Pretrained } from "../models/pretrained.ts";
import { encode, encoderParameters } from "../models/spec.ts";
import { assertClose, onReference, SINGLE, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenModels, goldenRoot } from "./golden_models.ts";
import { given, some } from "./numbers.ts";
import { RandomGraph } from "./random_graph.ts";

/** What a tensor of given numbers becomes in half precision, as numbers given again. */
const rounded = <S extends string>(x: Tensor<S>): Tensor<S> =>
  tensor(x.axes.join(" ") as S, [...new Float16Array(given(x))], x.shape);

/** What is made of halves is what the reference makes of the rounded numbers. */
async function assertSame<P>(
  params: P,
  make: (params: P) => Record<string, Tensor>,
  on: Device,
  tolerance = SINGLE,
): Promise<void> {
  const found = await t.read(make(await t.keep(params, "half")));
  const wanted = await onReference(make(t.mapNested(params, rounded) as P), on);
  for (const [name, values] of Object.entries(wanted)) {
    assertClose(found[name], values, tolerance, name);
  }
}

onEveryDevice("a number becomes the nearest half, the even one of two as near", async () => {
  const tiny = 2 ** -24; // the smallest half above 0
  const pairs = [
    [1, 1],
    [0.1, 0.0999755859375],
    [2049, 2048],
    [2051, 2052],
    [1 + 2 ** -11 + 2 ** -40, 1 + 2 ** -10], // not by way of single precision, where this is a tie
    [65_519, 65_504],
    [65_520, Infinity],
    [-1e30, -Infinity],
    [6e-5, 1007 * tiny],
    [3.1e-8, tiny],
    [2.9e-8, 0],
    [-0, -0],
    [NaN, NaN],
    [-Infinity, -Infinity],
  ];
  const { x } = await t.keep({ x: tensor("N", pairs.map(([value]) => value)) }, "half");
  assertEquals([...await t.read(x)], pairs.map(([, half]) => half));
});

onEveryDevice("every half there is comes back as it was", async () => {
  const all = new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer);
  const { x } = await t.keep({ x: tensor("N", all) }, "half");
  const found = await t.read(x);
  assertEquals(found.findIndex((value, i) => !Object.is(value, all[i])), -1);
});

onEveryDevice("what was computed or kept before is rounded, too, and stays as it was", async () => {
  const x = some("D", [7], 3), single = await t.keep({ x, y: t.scale(x, 2) });
  const half = await t.keep({ ...single, z: t.indices("D", 7), n: 5, again: single.x }, "half");
  const found = await t.read(half), { x: before } = await t.read(single);
  assertEquals([...found.x], given(rounded(x)));
  assertEquals([...found.y], given(rounded(x)).map((v) => 2 * v));
  assertEquals([...found.z, found.n], [0, 1, 2, 3, 4, 5, 6, 5]);
  assertEquals(half.again, half.x);
  assertClose(before, given(x), 1e-6);
  const back = await t.keep(half.x);
  assertEquals([...await t.read(back)], given(rounded(x)));
});

onEveryDevice("parts of halves, from any place and in any order, are right", async (on) => {
  const params = { x: some("T D", [5, 7], 1), y: some("T D", [8, 12], 2), one: some("", [], 3) };
  const parts = ({ x, y, one }: typeof params) => ({
    odd: t.slice(x, "D", 1, 4),
    row: t.at(x, "T", 3),
    column: t.at(x, "D", 5),
    turned: t.rearrange(x, "T D -> D T"),
    fours: t.add(t.slice(y, "D", 4, 12), t.slice(y, "D", 3, 11)),
    sums: t.sum(y, "D"),
    columns: t.sum(y, "T"),
    soft: t.softmax(t.multiply(y, one), "T"),
    joined: t.concat([t.slice(x, "T", 1, 3), t.slice(x, "T", 0, 1)], "T"),
    all: t.sum(x),
  });
  await assertSame(params, parts, on);
});

onEveryDevice("tables of halves are looked up, and rows of halves added up", async (on) => {
  const ids = tensor("B T", [[3, 0, 8], [9, 3, 3]]);
  for (const width of [1, 7, 8]) {
    const params = { table: some("V D", [10, width], 1), rows: some("B T D", [2, 3, width], 2) };
    await assertSame(params, ({ table, rows }) => ({
      found: t.gather(table, ids),
      scaled: t.multiply(t.gather(table, ids), rows),
      added: t.scatterAdd(rows, ids, "V", 10, ["D"]),
      slope: t.gradients(weigh(t.gather(table, ids)), { table }).table,
    }), on);
  }
});

onEveryDevice("ids may be halves as long as they are small", async (on) => {
  const params = { ids: tensor("T", [3, 0, 5, 3]), table: some("V D", [6, 4], 1) };
  const rows = some("T D", [4, 4], 2);
  await assertSame(params, ({ ids, table }) => ({
    found: t.gather(table, ids),
    added: t.scatterAdd(rows, ids, "V", 6, ["D"]),
  }), on);
});

onEveryDevice("products take halves on either side, turned or not", async (on) => {
  for (const [m, k, n] of [[8, 12, 16], [5, 7, 3], [1, 64, 33]]) {
    const params = { a: some("M K", [m, k], 1), b: some("K N", [k, n], 2) };
    const turned = { a: some("K M", [k, m], 3), b: some("N K", [n, k], 4) };
    const single = { a: some("M K", [m, k], 5), b: some("K N", [k, n], 6) };
    await assertSame({ ...params, turned }, ({ a, b, turned }) => ({
      both: t.einsum("M K, K N -> M N", a, b),
      left: t.einsum("M K, K N -> M N", a, single.b),
      right: t.einsum("M K, K N -> M N", single.a, b),
      turned: t.einsum("K M, N K -> M N", turned.a, turned.b),
      shifted: t.einsum("M K, K N -> M N", t.slice(a, "K", 1, k), t.slice(b, "K", 0, k - 1)),
    }), on);
  }
});

onEveryDevice("graphs with halves and with singles get plans of their own", async () => {
  const x = some("D", [5], 1), make = (w: Tensor<"D">) => t.add(t.multiply(w, 2), 1);
  const [single, half] = [await t.keep(x), await t.keep(x, "half")];
  const of = (values: number[]) => values.map((v) => 2 * v + 1);
  for (let i = 0; i < 2; i++) {
    assertClose(await t.read(make(single)), of(given(x)), 1e-6);
    assertClose(await t.read(make(half)), of(given(rounded(x))), 1e-6);
    assertClose(await t.read(make(x)), of(given(x)), 1e-6);
  }
});

onEveryDevice("random graphs of halves and singles agree with the reference", async (on) => {
  const count = on.name === "webgpu" ? 6 : 40, sizes = [1, 3, 4, 5, 8, 16, 17, 33, 64];
  for (let seed = 3000; seed < 3000 + count; seed++) {
    const numbers: Tensor[] = [], isHalf = (i: number) => i % 3 !== 0;
    const grow = (leaf: (x: Tensor, i: number) => Tensor) => {
      let i = 0;
      const { leaves, tensors } = new RandomGraph(seed, (x) => leaf(x, i++), sizes, 3000);
      const last = tensors.at(-1)!;
      return { last, slopes: t.gradients(weigh(last), [...leaves]) };
    };
    const wanted = grow((x, i) => numbers[i] = isHalf(i) ? rounded(x) : x);
    const kept = await Promise.all(numbers.map((x, i) => t.keep(x, isHalf(i) ? "half" : "single")));
    const ours = await t.read(grow((_, i) => kept[i])), theirs = await onReference(wanted, on);
    assertClose(ours.last, theirs.last, 2e-5, `seed ${seed}`);
    theirs.slopes.forEach((s, i) =>
      assertClose(ours.slopes[i], s, 2e-5, `seed ${seed}, slope ${i}`)
    );
  }
});

onEveryDevice("an update of halves is refused, and is told what to do", async () => {
  const { w } = await t.keep({ w: some("D", [3], 1) }, "half");
  const refused = () => t.read({}, [[{ w }, { w: t.scale(w, 2) }]]);
  const { message } = await assertRejects(refused, t.AxisError, 'update w: Tensor "D" 3 is kept');
  assert(
    message.includes('in half precision and only read; keep it again, without "half"'),
    message,
  );
  const again = await t.keep(w);
  await t.read({}, [[again, t.scale(again, 2)]]);
  assertEquals([...await t.read(again)], [...await t.read(w)].map((v) => 2 * v));
});

onEveryDevice("explaining counts two bytes for a half where it takes two", async (on) => {
  const table = await t.keep(some("V D", [6, 8], 1), "half"),
    size = on.name === "reference" ? 8 : 4;
  const { parts: [x, loop, y] } = await t.explain({ y: t.add(table, 1) }, on);
  const half = on.name === "webgpu" ? 2 : size;
  assertEquals([x.bytes, loop.bytes, y.bytes], [48 * half, 48 * (half + size), 48 * size]);
});

const SIZES = {
  ...BERT_TINY,
  vocabulary: 13,
  positions: 9,
  width: 16,
  heads: 2,
  inner: 24,
  layers: 2,
};

/** A rounded number is off by at most 2⁻¹¹ of itself, or by half the smallest half. */
const RELATIVE = 2 ** -11, ABSOLUTE = 2 ** -25;

for (const [spec, sizes] of [[BERT, SIZES], [GPT2, { ...SIZES, segments: 0 }]] as const) {
  const declared = encoderParameters(spec, sizes, true);
  type Params = Parameters<typeof declared>;
  const forward = (params: Params) =>
    encode(spec, sizes, params, { ids: tensor("B T", [[5, 6, 7, 1], [8, 3, 0, 2]]) }).last;
  /** First values as given numbers, from the reference: the same for all. */
  const start = async (on: Device) => {
    const made = initialise(declared, t.randomKey(7), 0.5);
    const found = new Map<Tensor, Tensor>();
    for (const [, x] of t.leaves(made)) {
      found.set(x, tensor(x.axes.join(" "), await onReference(x, on) as Float64Array, x.shape));
    }
    return t.mapNested(made, (x) => found.get(x)) as Params;
  };

  onEveryDevice(`${spec.name} with halves is what the reference makes of them`, async (on) => {
    await assertSame(await start(on), (params) => ({ last: forward(params) }), on, 1e-4);
  });

  onEveryDevice(`${spec.name} with halves differs from itself as its slopes allow`, async (on) => {
    const params = await start(on), loss = (params: Params) => weigh(forward(params));
    const [[whole], [halved]] = await t.read([loss(params), loss(await t.keep(params, "half"))]);
    const all = t.leaves(params).map(([, x]) => x), slopes = t.gradients(loss(params), all);
    assertAsSlopesAllow(whole, halved, await onReference(slopes, on), all.map(given));
  });
}

/** Rounding moves a result by no more than the sum of what each number's slope makes of its rounding. */
function assertAsSlopesAllow(
  whole: number,
  halved: number,
  slopes: readonly ArrayLike<number>[],
  values: readonly ArrayLike<number>[],
): void {
  let most = SINGLE * Math.max(1, Math.abs(whole));
  slopes.forEach((slope, i) => {
    for (let j = 0; j < slope.length; j++) {
      most += Math.abs(slope[j]) * Math.max(RELATIVE * Math.abs(values[i][j]), ABSOLUTE);
    }
  });
  assert(whole !== halved && Math.abs(whole - halved) <= most, `${whole}, ${halved}: ${most}`);
}

for (const name of goldenModels([gptFamily, gpt2Family].map(({ spec }) => spec.layout))) {
  onEveryDevice(`${name} is loaded with halves, and names tokens as its slopes allow`, async () => {
    const folder = `${goldenRoot}/models/${name}`;
    const single = await loadPretrained(folder), half = await loadPretrained(folder, "half");
    const all = t.leaves(single.params).map(([, x]) => x);
    const found = await t.read({ all, halves: t.leaves(half.params).map(([, x]) => x) });
    assertEquals(found.halves.map((x) => [...x]), found.all.map((x) => [...new Float16Array(x)]));
    const loss = ({ spec, sizes, params }: Pretrained) => {
      const { last } = encode(spec, sizes, params.encoder, { ids: tensor("B T", [[5, 6, 7, 1]]) });
      return weigh(nameTokens(spec, sizes, params, last));
    };
    const [[whole], [halved]] = await t.read([loss(single), loss(half)]);
    assertAsSlopesAllow(whole, halved, await t.read(t.gradients(loss(single), all)), found.all);
    const options = { maxTokens: 4 }, prompt = [5, 6, 7, 1];
    assertEquals((await continueAll(half, [prompt], options))[0].length, 4);
  });
}

onEveryDevice("a model of every kind is loaded with halves", async () => {
  for (const { name } of Deno.readDirSync(`${goldenRoot}/models`)) {
    const folder = `${goldenRoot}/models/${name}`;
    const [single, half] = [await loadModel(folder), await loadModel(folder, undefined, "half")];
    const first = ({ params }: typeof single) => t.leaves(params)[0][1];
    const [whole, halved] = await t.read([first(single), first(half)]);
    assertEquals([...halved], [...new Float16Array(whole)], name);
  }
});
