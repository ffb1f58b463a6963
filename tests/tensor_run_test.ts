/** Running: read and keep, updates in place, plans that are used again, devices that must not meet. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertClose, assertRefused } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, given, some } from "./numbers.ts";

onEveryDevice(
  "read() gives numbers in the form of the record, what is no tensor as it is",
  async (on) => {
    const x = tensor("T", [1, 2]), y = t.add(x, 1);
    const found = await t.read({
      x,
      list: [y, y] as const,
      again: { y },
      count: 3,
      nothing: undefined,
    });
    assertEquals([[...found.x], [...found.list[0]], [...found.again.y]], [[1, 2], [2, 3], [2, 3]]);
    assertEquals([found.count, found.nothing], [3, undefined]);
    assert(found.x instanceof (on.name === "reference" ? Float64Array : Float32Array));
    assertEquals(await t.read({}), {});
  },
);

onEveryDevice(
  "equal tensors, and a tensor beside what is computed from it, are each given",
  async () => {
    const x = some("T", [3], 4);
    const [a, b, c, d] = await t.read([
      t.tanh(x),
      t.tanh(x),
      t.square(t.tanh(x)),
      t.tanh(t.stopGradient(x)),
    ]);
    assertEquals([b, d], [a, a]);
    assertNear(c, [...a].map((v) => v * v), 1e-6);
  },
);

onEveryDevice(
  "keep() holds computed and given numbers, a tensor used twice only once",
  async () => {
    const w = tensor("D", [1, 2]);
    const held = await t.keep({ a: w, b: [w, t.scale(w, 2)], c: t.indices("D", 2), d: 5 });
    assertEquals(held.a, held.b[0]);
    const { a, b, c, d } = await t.read(held);
    assertEquals([[...a], [...b[1]], [...c], d], [[1, 2], [2, 4], [0, 1], 5]);
  },
);

onEveryDevice("a kept copy of what is kept does not change with it", async () => {
  const { w } = await t.keep({ w: tensor("D", [1, 2]) });
  const { copy } = await t.keep({ copy: w });
  await t.read({}, [[w, t.scale(w, 10)]]);
  assertEquals([[...await t.read(w)], [...await t.read(copy)]], [[10, 20], [1, 2]]);
});

onEveryDevice("the same graph of other numbers gives other results", async () => {
  for (const scale of [1, 2, 3]) {
    const x = tensor("T", [scale, -scale]);
    assertEquals([...await t.read(t.add(t.relu(x), x))], [2 * scale, -scale]);
  }
});

onEveryDevice("a tensor changed between two reads of the same graph is read anew", async () => {
  const { w } = await t.keep({ w: tensor("D", [1]) }), x = tensor("D", [5]);
  const y = t.multiply(w, x), found = [];
  for (let i = 0; i < 3; i++) {
    found.push(...await t.read(y));
    await t.read({}, [[w, t.add(w, 1)]]);
  }
  assertEquals(found, [5, 10, 15]);
});

onEveryDevice("reads that are not awaited keep the order of their calls", async () => {
  const { w } = await t.keep({ w: tensor("D", [0]) });
  const under = Array.from({ length: 20 }, (_, i) => t.read(w, [[w, t.add(w, t.scalar(i))]]));
  const found = (await Promise.all(under)).map(([v]) => v);
  assertEquals(found, Array.from({ length: 20 }, (_, i) => i * (i - 1) / 2));
});

onEveryDevice("more graphs than plans are remembered: each is still right", async (on) => {
  const count = on.name === "webgpu" ? 20 : 300, x = tensor("T", [1]);
  const sums = Array.from({ length: count }, (_, i) => t.sum(t.broadcast(x, "T S", { S: i + 1 })));
  for (const [i, y] of [...sums, ...sums].entries()) {
    assertEquals([...await t.read(y)], [i % count + 1]);
  }
});

/** Two AdamW-like steps by hand, in double precision. */
function stepByHand(p: number[], g: (p: number[]) => number[], steps: number): number[][] {
  let m = p.map(() => 0), v = p.map(() => 0);
  for (let s = 0; s < steps; s++) {
    const slope = g(p);
    m = m.map((x, i) => 0.9 * x + 0.1 * slope[i]);
    v = v.map((x, i) => 0.99 * x + 0.01 * slope[i] ** 2);
    p = p.map((x, i) => 0.9 * x - 0.5 * m[i] / (Math.sqrt(v[i]) + 1e-6));
  }
  return [p, m, v];
}

onEveryDevice("an optimiser's step updates parameters and moments in place", async () => {
  const start = given(some("D", [6], 3)), target = some("D", [6], 5);
  const { p, m, v } = await t.keep({
    p: tensor("D", start),
    m: t.zeros("D", [6]),
    v: t.zeros("D", [6]),
  });
  for (let step = 0; step < 3; step++) {
    const { p: slope } = t.gradients(t.sum(t.square(t.subtract(p, target))), { p });
    const newM = t.add(t.scale(m, 0.9), t.scale(slope, 0.1));
    const newV = t.add(t.scale(v, 0.99), t.scale(t.square(slope), 0.01));
    const stride = t.divide(t.scale(newM, 0.5), t.add(t.sqrt(newV), 1e-6));
    await t.read({}, [[{ p, m, v }, { p: t.subtract(t.scale(p, 0.9), stride), m: newM, v: newV }]]);
  }
  const goal = given(target);
  const wanted = stepByHand(start, (p) => p.map((x, i) => 2 * (x - goal[i])), 3);
  const found = await t.read([p, m, v]);
  wanted.forEach((w, i) => assertClose(found[i], w, 1e-5, ["p", "m", "v"][i]));
});

/** Ways for updates to hinder each other: each value must be computed from what was there before. */
const HINDRANCES: Record<string, (a: Tensor<"D">, b: Tensor<"D">) => [Tensor<"D">, Tensor<"D">]> = {
  "swapped": (a, b) => [b, a],
  "each from both": (a, b) => [t.add(a, b), t.subtract(a, b)],
  "one from the other's new value": (a, b) => [t.scale(a, 2), t.add(t.scale(a, 2), b)],
  "the same value for both": (a, b) => [t.add(a, b), t.add(a, b)],
  "the same zeros for both": () => [t.zeros("D", [4]), t.zeros("D", [4])],
  "by a row's sum": (a, b) => [t.subtract(a, t.sum(b)), t.subtract(b, t.sum(a))],
  "reversed halves": (a, b) => [
    t.concat([t.slice(b, "D", 2, 4), t.slice(a, "D", 0, 2)], "D"),
    t.concat([t.slice(a, "D", 2, 4), t.slice(b, "D", 0, 2)], "D"),
  ],
  "in pieces, from others": (a, b) => [t.pad(t.slice(b, "D", 1, 3), "D", 2, 0), t.softmax(a, "D")],
  "looked up": (a, b) => {
    const places = t.scale(t.less(a, 0), 3);
    return [t.add(t.gather(b, places), t.scale(a, 2)), t.gather(a, places)];
  },
  "interleaved": (a, b) => {
    const wide = t.rearrange(t.concat([a, b], "D"), "D -> D");
    const pairs = t.rename(wide, "D -> P·Q");
    const mixed = t.rename(t.rearrange(pairs, "(P Q) -> (Q P)", { P: 2 }), "Q·P -> D");
    return [t.slice(mixed, "D", 0, 4), t.slice(mixed, "D", 4, 8)];
  },
};

for (const [name, hinder] of Object.entries(HINDRANCES)) {
  onEveryDevice(`updates that hinder each other: ${name}`, async () => {
    const [x, y] = [some("D", [4], 3), some("D", [4], 6)];
    const wanted = await t.read(hinder(x, y));
    const { a, b } = await t.keep({ a: x, b: y }), [newA, newB] = hinder(a, b);
    const found = await t.read({ before: [a, b], newA, sum: t.add(a, b) }, [[[a, b], [
      newA,
      newB,
    ]]]);
    const after = await t.read([a, b]);
    assertClose(found.before[0], given(x), 1e-6, "a before");
    assertClose(found.before[1], given(y), 1e-6, "b before");
    assertClose(found.newA, wanted[0], 1e-6, "the value read");
    assertClose(found.sum, given(x).map((v, i) => v + given(y)[i]), 1e-6, "computed from the old");
    wanted.forEach((w, i) => assertClose(after[i], w, 1e-6, `update ${i}`));
  });
}

onEveryDevice("a record with a shared tensor is updated by a record of the same form", async () => {
  const { shared } = await t.keep({ shared: tensor("D", [1, 2]) });
  const params = { one: { w: shared }, two: [shared] };
  await t.read({}, [[params, t.mapNested(params, (w) => t.scale(w, 3))]]);
  assertEquals([...await t.read(shared)], [3, 6]);
});

onEveryDevice("any name may be that of a tensor", async () => {
  const named = JSON.parse('{ "__proto__": 1, "constructor": 2, "": 3 }');
  const params = Object.fromEntries(Object.keys(named).map((n) => [n, t.scalar(named[n])]));
  const kept = await t.keep(params);
  await t.read({}, [[kept, t.mapNested(kept, (x) => t.scale(x, 3))]]);
  const found = await t.read(kept);
  const told = Object.entries(found).map(([name, [x]]) => `${name} is ${x}`);
  assertEquals(told, ["__proto__ is 3", "constructor is 6", " is 9"]);
});

onEveryDevice("one value may go to two tensors", async () => {
  const { m, v } = await t.keep({ m: tensor("D", [1, 2]), v: tensor("D", [3, 4]) });
  const zero = t.zeros("D", [2]);
  await t.read({}, [[{ m, v }, { m: zero, v: zero }]]);
  assertEquals([[...await t.read(m)], [...await t.read(v)]], [[0, 0], [0, 0]]);
});

onEveryDevice("what cannot be updated is refused by name", async () => {
  const { w, v } = await t.keep({ w: tensor("D", [1, 2]), v: tensor("D", [1, 2]) });
  const refused = (updates: t.Updates, ...parts: string[]) =>
    Promise.all(parts.map((part) => assertRejects(() => t.read({}, updates), t.AxisError, part)));
  await refused([[tensor("D", [1]), tensor("D", [1])]], "not held", "keep it first", '"D" 1');
  await refused([[w, tensor("D", [1])]], '"D" 2', '"D" 1');
  await refused([[w, t.rename(w, "D -> E")]], '"D" 2', '"E" 2');
  await refused([[{ a: { w } }, { a: {} }]], "update a w: there is no value for", '"D" 2');
  await refused([[{ a: {} }, { a: { w } }]], "update a w: there is no tensor to take");
  await refused([[{}, { toString: w }]], "update toString: there is no tensor to take");
  await refused([[{ w, v: w }, { w: v, v: t.add(w, v) }]], "gets two values");
  assertEquals([...await t.read(w)], [1, 2]);
});

Deno.test("tensors of two devices must not meet in one graph", async () => {
  await t.device("reference");
  const { a } = await t.keep({ a: tensor("D", [1, 2]) });
  await t.device("wasm");
  const { b } = await t.keep({ b: tensor("D", [3, 4]) });
  for (const f of [() => t.read(t.add(a, b)), () => t.keep([a, b]), () => t.read({}, [[a, b]])]) {
    const error = await assertRejects(f as () => Promise<unknown>, Error, "two devices");
    assert(/reference and wasm|wasm and reference/.test(error.message), error.message);
  }
  assertEquals([...await t.read(t.add(a, 1))], [2, 3]); // on the reference, though wasm is chosen
});

Deno.test("a tensor tells its axes, its sizes and what it is", () => {
  const x = some("T D", [2, 3]), one = t.scalar(1);
  assertEquals([x.size("T"), x.size("D"), x.elements, one.elements], [2, 3, 6, 1]);
  assertEquals([`${x}`, `${one}`], ['Tensor "T D" 2×3', "Tensor a scalar"]);
  assertEquals(Deno.inspect({ x }), '{ x: Tensor "T D" 2×3 }');
  assertRefused(() => x.size("Q"), 'size: no axis "Q"', '"T D" 2×3');
});

Deno.test("the device chosen last computes what is held nowhere", async () => {
  for (const name of ["wasm", "reference"] as const) {
    const chosen = await t.device(name);
    assertEquals([chosen.name, t.chosenDevice()], [name, chosen]);
    assertEquals(chosen.description.length > 0, true);
  }
  assert(await t.read(t.scalar(1 / 3)) instanceof Float64Array);
});

Deno.test("what is kept goes to the device that was chosen when that was asked for", async () => {
  await t.device("wasm");
  const keeping = t.keep(tensor("D", new Float32Array(2 ** 24))); // so much that it makes a pause
  await t.device("reference");
  assert(await t.read(t.slice(await keeping, "D", 0, 1)) instanceof Float32Array);
});

Deno.test("a device of no known name is refused with those that are", async () => {
  await assertRejects(
    () => t.device("cuda" as t.DeviceName),
    Error,
    'unknown device "cuda": use auto, webgpu, wasm or reference',
  );
});
