/**
 * The WebGPU device against the reference: random programs, functions on grids, errors, memory.
 * Both ways to make kernels (a software adapter's and a real GPU's) are tested on whatever adapter there is.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Device, Precision, Storage } from "../core/program/device.ts";
import { referenceDevice } from "../core/devices/reference.ts";
import { findAdapter, type Gpu, openWebgpu, webgpuDevice } from "../core/devices/webgpu/device.ts";
import { type ProductTimes, timeProducts } from "../core/devices/webgpu/product_choice.ts";
import * as x from "../core/program/expression.ts";
import type { Expression } from "../core/program/expression.ts";
import {
  type Contraction,
  type Load,
  type Loop,
  type Matrix,
  type Program,
  type Stage,
  type Step,
  type Store,
  touched,
} from "../core/program/program.ts";

const found = await findAdapter();
const ignore = !found && Deno.env.get("LINEAGE_REQUIRE_WEBGPU") !== "1";
const opened = new Map<string, Promise<Device | null>>();

/** A device that makes kernels for a software adapter, or for a GPU on which tiles take so many ms. */
async function webgpu(software = true, tiled = 1): Promise<Device> {
  const key = `${software} ${tiled}`, timer = () => Promise.resolve({ tiled, registers: 1 });
  if (!opened.has(key)) opened.set(key, openWebgpu({ software, timer }));
  const device = await opened.get(key);
  assert(device, "no WebGPU adapter, but LINEAGE_REQUIRE_WEBGPU is 1");
  return device;
}

function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name: `webgpu: ${name}`, ignore, fn: body });
}

// ---- running a step on both devices

interface Case {
  step: Step;
  /** The numbers in each buffer before. */
  buffers: number[][];
}

/** A program over given buffers, of which the `halves` are kept in half precision. */
const bound = (steps: Step[], buffers: number[][], halves: readonly number[] = []): Program => ({
  steps,
  buffers: buffers.map(({ length: elements }, binding) => {
    const plan = { elements, binding, slot: -1 };
    return halves.includes(binding) ? { ...plan, half: true } : plan;
  }),
  slots: [],
  bindings: buffers.length,
});

async function run(device: Device, program: Program, buffers: number[][]): Promise<number[][]> {
  const storages = buffers.map((b, i) => {
    const storage = device.allocate(b.length, program.buffers[i].half ? "half" : "single");
    device.upload(storage, b);
    return storage;
  });
  const executable = device.compile(program);
  const values = await executable.run(storages, buffers.map((_, i) => i));
  executable.dispose();
  storages.forEach((s) => device.free(s));
  return values.map((v) => [...v]);
}

async function agree(
  device: Device,
  { step, buffers }: Case,
  tolerance = 3e-5,
  halves: readonly number[] = [],
): Promise<void> {
  const program = bound([step], buffers, halves);
  const [ours, theirs] = [
    await run(device, program, buffers),
    await run(referenceDevice(), program, buffers),
  ];
  theirs.forEach((want, b) =>
    want.forEach((w, i) => {
      const got = ours[b][i];
      const close = Object.is(got, w) || got === w ||
        Math.abs(got - w) <= tolerance * (1 + Math.abs(w));
      const show = () => JSON.stringify(step, (k, v) => k === "id" ? undefined : v);
      assert(close, `buffer ${b}[${i}]: ${got}, reference ${w}\n${close ? "" : show()}`);
    })
  );
}

/** The same with all that is only read in half precision, or with only the even or the odd ones of it. */
async function agreeInHalves(
  device: Device,
  { step, buffers }: Case,
  which: (buffer: number) => boolean,
  tolerance?: number,
): Promise<void> {
  const { writes } = touched(step);
  const halves = buffers.map((_, b) => b).filter((b) => !writes.includes(b) && which(b));
  const rounded = buffers.map((b, i) => halves.includes(i) ? [...new Float16Array(b)] : b);
  await agree(device, { step, buffers: rounded }, tolerance, halves);
}

/** Which of the buffers are kept in half precision. */
const MIXTURES = [() => true, (b: number) => b % 2 === 0, (b: number) => b % 2 === 1];

// ---- random programs

class Dice {
  constructor(private state: number) {}
  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 1) | 0;
    return x.randomBits(7, 11, this.state) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
  number(): number {
    return Math.fround(4 * this.next() - 2);
  }
}

const SIZES = [1, 2, 3, 4, 4, 5, 7, 8, 8, 12, 16, 31, 64];

/** Strides that give every index of a box its own element, in some order, and where to start. */
function layout(dice: Dice, sizes: number[], plain: boolean) {
  const order = sizes.map((_, d) => d);
  if (!plain && dice.chance(0.4)) order.sort(() => dice.next() - 0.5);
  const strides: number[] = sizes.map(() => 0);
  let step = plain || dice.chance(0.7) ? 1 : dice.of([2, 3, 4]);
  for (const d of order.toReversed()) {
    strides[d] = step;
    step *= sizes[d];
  }
  let offset = dice.chance(0.7) ? 0 : dice.of([4, 3, 8]);
  sizes.forEach((size, d) => {
    if (plain || !dice.chance(0.15)) return;
    offset += strides[d] * Math.max(0, size - 1);
    strides[d] = -strides[d] || 0;
  });
  return { strides, offset, elements: step + 8 };
}

function randomExpression(dice: Dice, leaves: Expression[], depth = 3): Expression {
  if (depth === 0 || dice.chance(0.15)) {
    return dice.chance(0.2) ? x.constant(dice.number()) : dice.of(leaves);
  }
  const next = () => randomExpression(dice, leaves, depth - 1);
  const calm = (e: Expression) => x.minimum(x.maximum(e, x.constant(-4)), x.constant(4));
  return dice.of<() => Expression>([
    () => x.add(next(), next()),
    () => x.subtract(next(), next()),
    () => x.multiply(calm(next()), calm(next())),
    () => x.divide(next(), x.add(x.abs(next()), x.constant(1))),
    () => x.maximum(next(), next()),
    () => x.minimum(next(), next()),
    () => x.tanh(next()),
    () => x.erf(next()),
    () => x.exp(calm(next())),
    () => x.log(x.add(x.abs(next()), x.constant(0.5))),
    () => x.sqrt(x.add(x.abs(next()), x.constant(0.5))),
    () => x.negate(next()),
    () => x.select(x.less(dice.of(leaves), x.constant(dice.number())), next(), next()),
  ])();
}

function randomLoop(dice: Dice): Case {
  const outer = Array.from({ length: dice.below(4) }, () => dice.of(SIZES));
  const inner = dice.chance(0.4)
    ? []
    : Array.from({ length: 1 + dice.below(2) }, () => dice.of(SIZES));
  while ([...outer, ...inner].reduce((n, s) => n * s, 1) > 20_000) outer.pop();
  if (dice.chance(0.05) && outer.length) outer[0] = 0;
  if (dice.chance(0.05) && inner.length) inner[0] = 0;
  const sizes = [...outer, ...inner], all = sizes.map(() => true);
  const buffers: number[][] = [], loads: Load[] = [];
  const fill = (n: number, value = () => dice.number()) =>
    buffers.push(Array.from({ length: n }, value)) - 1;
  const split = (strides: number[]) => ({
    outer: strides.slice(0, outer.length),
    inner: strides.slice(outer.length),
  });
  /** A load, walking only some of the dimensions. */
  const load = (walked: boolean[]) => {
    const { strides, offset, elements } = layout(dice, sizes, dice.chance(0.5));
    const buffer = fill(elements);
    return loads.push({ buffer, offset, ...split(strides.map((s, d) => walked[d] ? s : 0)) }) - 1;
  };
  const leaves = [x.input(load(all))];
  if (dice.chance(0.6)) leaves.push(x.input(load(sizes.map(() => dice.chance(0.5)))));
  if (dice.chance(0.3)) leaves.push(x.input(load(sizes.map((_, d) => d < outer.length))));
  if (dice.chance(0.25)) leaves.push(x.input(lookup(dice, sizes, outer.length, loads, fill)));
  if (dice.chance(0.3)) {
    const { strides, offset } = layout(dice, sizes, true);
    const at = loads.push({ buffer: -1, offset, ...split(strides) }) - 1;
    leaves.push(x.random(x.constant(dice.below(2 ** 24)), x.constant(99), x.input(at)));
    if (dice.chance(0.5)) leaves.push(x.multiply(x.input(at), x.constant(1e-3)));
  }
  const stages: Stage[] = [];
  const store = (perElement: boolean) => {
    const { strides, offset, elements } = perElement
      ? layout(dice, sizes, dice.chance(0.7))
      : layout(dice, outer, dice.chance(0.7));
    const place = perElement ? split(strides) : { outer: strides, inner: null };
    const to = { buffer: fill(elements), offset, ...place };
    const there = inner.includes(0) ? [x.constant(2)] : leaves; // an empty row has nothing to load
    stages.push({ kind: "store", value: randomExpression(dice, there), to });
    if (perElement && dice.chance(0.5)) {
      leaves.push(x.input(loads.push({ ...to, inner: place.inner! }) - 1));
    }
  };
  if (dice.chance(0.3)) store(true);
  for (let k = 0; inner.length && k < 1 + dice.below(3); k++) {
    const by = dice.of(["sum", "max"] as const);
    stages.push({ kind: "reduce", by, value: x.tanh(randomExpression(dice, leaves)) });
    const bounded = x.tanh(x.multiply(x.result(k), x.constant(0.01)));
    leaves.push(inner.includes(0) ? x.constant(1) : bounded);
    if (dice.chance(0.3)) store(true);
  }
  store(inner.length === 0 || dice.chance(0.5));
  if (dice.chance(0.3)) { // in place
    const { buffer, offset, outer, inner } = loads[0];
    const to = { buffer, offset, outer, inner };
    stages.push({ kind: "store", value: randomExpression(dice, leaves), to });
  }
  return { step: { kind: "loop", outer, inner, loads, stages }, buffers };
}

/** A load of rows chosen by ids that differ along some of the dimensions. */
function lookup(
  dice: Dice,
  sizes: number[],
  rank: number,
  loads: Load[],
  fill: (n: number, value?: () => number) => number,
): number {
  const by = layout(dice, sizes, true), rows = 1 + dice.below(9), width = dice.of([1, 4, 5, 8]);
  const walked = sizes.map((_, d) => d === 0 || dice.chance(0.5));
  const ids = fill(by.elements, () => dice.below(rows + 2) - 1);
  const split = (strides: number[]) => ({
    outer: strides.slice(0, rank),
    inner: strides.slice(rank),
  });
  const strides = by.strides.map((s, d) => walked[d] ? s : 0);
  const id = loads.push({ buffer: ids, offset: by.offset, ...split(strides) }) - 1;
  const last = sizes.map((_, d) => d === sizes.length - 1 ? 1 : 0);
  const buffer = fill(rows * width + 64);
  return loads.push({
    buffer,
    offset: 0,
    ...split(last),
    lookup: { by: id, stride: width, size: rows },
  }) - 1;
}

function randomContraction(dice: Dice): Case {
  const size = () => dice.of([1, 3, 4, 5, 8, 8, 16, 20, 33, 64, 72]);
  const batch = Array.from({ length: dice.of([0, 0, 1, 2]) }, () => dice.of([1, 2, 3]));
  const [m, n] = [size(), size()], k = dice.chance(0.05) ? 0 : size();
  const buffers: number[][] = [];
  const matrix = (rows: number, columns: number, plain: boolean): Matrix => {
    const turned = dice.chance(0.4), last = turned ? [columns, rows] : [rows, columns];
    const { strides, offset, elements } = layout(dice, [...batch, ...last], plain);
    const [row, column] = turned ? strides.slice(-2).toReversed() : strides.slice(-2);
    const buffer = buffers.push(Array.from({ length: elements }, () => dice.number())) - 1;
    const alike = !plain && dice.chance(0.2); // one matrix for the whole batch
    return { buffer, offset, batch: strides.slice(0, -2).map((s) => alike ? 0 : s), row, column };
  };
  const [a, b] = [matrix(m, k, dice.chance(0.8)), matrix(k, n, dice.chance(0.8))];
  const c = matrix(m, n, true);
  const step: Contraction = { kind: "contraction", batch, m, n, k, a, b, c };
  const fours = c.column === 1 ? n : c.row === 1 ? m : 1;
  return {
    step: fours % 4 || dice.chance(0.3) ? step : withEpilogue(dice, step, buffers),
    buffers,
  };
}

/** The product with a loop that follows it: over c, other numbers and its place, into c and elsewhere. */
function withEpilogue(dice: Dice, step: Contraction, buffers: number[][]): Contraction {
  const { batch, m, n, c } = step, sizes = [...batch, m, n];
  const place = { buffer: c.buffer, offset: c.offset, outer: [...c.batch, c.row, c.column] };
  const loads: Load[] = [{ ...place, inner: [] }];
  const fresh = (plain: boolean) => {
    const { strides, offset, elements } = layout(dice, sizes, plain);
    const buffer = buffers.push(Array.from({ length: elements }, () => dice.number())) - 1;
    return { buffer, offset, outer: strides.map((s) => !plain && dice.chance(0.4) ? 0 : s) };
  };
  const load = (l: Load) => x.input(loads.push(l) - 1);
  const leaves = [x.input(0), x.input(0), x.constant(0.75)];
  while (dice.chance(0.6)) leaves.push(load({ ...fresh(dice.chance(0.5)), inner: [] }));
  if (dice.chance(0.4)) {
    const position = load({ ...fresh(false), buffer: -1, inner: [] });
    leaves.push(x.random(x.constant(dice.below(2 ** 24)), x.constant(77), position));
  }
  const stages: Stage[] = [];
  const store = (to: Store) =>
    stages.push({ kind: "store", value: randomExpression(dice, leaves), to });
  if (dice.chance(0.4)) store({ ...fresh(true), inner: null });
  store({ ...place, inner: null });
  return { ...step, epilogue: { kind: "loop", outer: sizes, inner: [], loads, stages } };
}

// ---- the tests

for (const software of [true, false]) {
  const way = software ? "a software adapter's way" : "a real GPU's way";
  test(`random loops agree with the reference, ${way}`, async () => {
    const dice = new Dice(software ? 2 : 1);
    for (let i = 0; i < 40; i++) await agree(await webgpu(software), randomLoop(dice));
  });
  test(`random matrix products agree with the reference, ${way}`, async () => {
    const dice = new Dice(software ? 4 : 3);
    const count = software ? 14 : 8; // each is a kernel to compile
    for (let i = 0; i < count; i++) {
      await agree(await webgpu(software), randomContraction(dice), 1e-4);
    }
  });
  test(`random loops over halves agree with the reference, ${way}`, async () => {
    const dice = new Dice(software ? 12 : 11), device = await webgpu(software);
    for (let i = 0; i < 15; i++) await agreeInHalves(device, randomLoop(dice), MIXTURES[i % 3]);
  });
  test(`random products of halves agree with the reference, ${way}`, async () => {
    const dice = new Dice(software ? 14 : 13), device = await webgpu(software);
    for (let i = 0; i < 6; i++) {
      await agreeInHalves(device, randomContraction(dice), MIXTURES[i % 3], 1e-4);
    }
  });
  test(`long rows and columns are folded by teams, ${way}`, async () => {
    const fold = (rows: number, length: number, down: number, along: number): Case => {
      const load = { buffer: 0, offset: 0, outer: [down], inner: [along] };
      const value = x.subtract(x.input(0), x.result(0));
      const stages: Stage[] = [
        { kind: "reduce", by: "max", value: x.input(0) },
        { kind: "reduce", by: "sum", value },
        {
          kind: "store",
          value: x.result(1),
          to: { buffer: 1, offset: 0, outer: [1], inner: null },
        },
      ];
      const step: Loop = { kind: "loop", outer: [rows], inner: [length], loads: [load], stages };
      const numbers = Array.from({ length: rows * length }, (_, i) => i * 7 % 13 / 8);
      return { step, buffers: [numbers, Array(rows).fill(0)] };
    };
    const device = await webgpu(software);
    for (const rows of [1, 3, 16, 70]) {
      await agree(device, fold(rows, 4100, 4100, 1)); // rows lie apart
      await agree(device, fold(rows, 1030, 1, rows)); // columns
    }
  });
}

test("random matrix products agree with the reference, by the registers of a real GPU", async () => {
  const dice = new Dice(15), device = await webgpu(false, 2);
  for (let i = 0; i < 8; i++) await agree(device, randomContraction(dice), 1e-4);
  for (let i = 0; i < 3; i++) {
    await agreeInHalves(device, randomContraction(dice), MIXTURES[i], 1e-4);
  }
});

test("a GPU multiplies in the way that was faster, or as fast, with tiles", async () => {
  const registers: [number, boolean][] = [[5, true], [1, true], [0.95, true], [0.8, false], [
    0.1,
    false,
  ]];
  for (const [time, tiled] of registers) {
    const timer = () => Promise.resolve({ tiled: 1, registers: time });
    const device = await openWebgpu({ software: false, timer }) as Gpu;
    const way = tiled ? "products tiled by workgroups" : "products in registers";
    assertEquals([device.tiled, device.description.endsWith(way)], [tiled, true]);
    device.gpu.destroy();
  }
  const silent = await openWebgpu({ software: false, timer: () => Promise.resolve(undefined) });
  assertEquals((silent as Gpu).tiled, true);
  const refuse = () => Promise.reject(new Error("a software adapter was measured"));
  assertEquals((await openWebgpu({ software: true, timer: refuse }) as Gpu).tiled, false);
});

test("a GPU is measured by its own clock when its device is made, which costs it no room", async () => {
  let times: ProductTimes | undefined;
  const timer = async (device: Gpu) => times = await timeProducts(device);
  const { gpu, numbers, tiled } = await openWebgpu({ software: false, timer }) as Gpu;
  if (!gpu.features.has("timestamp-query")) return assertEquals([times, tiled], [undefined, true]);
  assert(times && times.tiled > 0 && times.registers > 0, JSON.stringify(times));
  assertEquals((numbers as unknown as { inUse: number }).inUse, 0);
});

/** The values of an expression of one input. */
async function values(e: Expression, inputs: ArrayLike<number>): Promise<number[]> {
  const n = inputs.length, along = { offset: 0, outer: [1], inner: [] };
  const step: Loop = {
    kind: "loop",
    outer: [n],
    inner: [],
    loads: [{ buffer: 0, ...along }],
    stages: [{ kind: "store", value: e, to: { buffer: 1, ...along } }],
  };
  const buffers = [Array.from(inputs), Array(n).fill(0)];
  return (await run(await webgpu(), bound([step], buffers), buffers))[1];
}

const grid = (from: number, to: number, n = 40_000) =>
  Float32Array.from({ length: n }, (_, i) => from + (to - from) * i / (n - 1));
const decades = Float32Array.from({ length: 40_000 }, (_, i) => 10 ** (-37 + 75 * i / 40_000));
const signed = Float32Array.from([...decades, ...decades.map((v) => -v)]);
const functions: [string, (e: Expression) => Expression, Float32Array][] = [
  ["exp", x.exp, grid(-87, 88.7)],
  ["log", x.log, decades],
  ["log near 1", x.log, grid(0.5, 2)],
  ["sqrt", x.sqrt, decades],
  ["tanh", x.tanh, grid(-12, 12)],
  ["tanh of any size", x.tanh, signed],
  ["erf", x.erf, grid(-6, 6)],
  ["erf of any size", x.erf, signed],
  ["floor", x.floor, grid(-70_000, 70_000)],
  ["1 / x", (e) => x.divide(x.constant(1), e), grid(0.1, 1000)],
];
for (const [name, make, inputs] of functions) {
  test(`${name} is good to 2e-6 of its value`, async () => {
    const e = make(x.input(0)), got = await values(e, inputs);
    inputs.forEach((v, i) => {
      const want = x.evaluate(e, () => v);
      const good = Math.abs(got[i] - want) <= 2e-6 * Math.abs(want) + 1e-37;
      assert(good, `${name}(${v}) = ${want}, but got ${got[i]}`);
    });
  });
}

test("NaN stays NaN, infinity comes and goes as it should", async () => {
  const [a, big] = [x.input(0), 3.4028234663852886e38];
  const special = [NaN, Infinity, -Infinity, 0, big, -big, 1];
  const expected: [Expression, number[]][] = [
    [x.exp(a), [NaN, Infinity, 0, 1, Infinity, 0, Math.fround(Math.E)]],
    [x.log(a), [NaN, Infinity, NaN, -Infinity, Math.fround(Math.log(big)), NaN, 0]],
    [x.tanh(a), [NaN, 1, -1, 0, 1, -1, Math.fround(Math.tanh(1))]],
    [x.erf(a), [NaN, 1, -1, 0, 1, -1, Math.fround(x.errorFunction(1))]],
    [x.maximum(a, x.constant(0)), [NaN, Infinity, 0, 0, big, 0, 1]],
    [x.minimum(x.constant(0), a), [NaN, 0, -Infinity, 0, 0, -big, 0]],
    [x.exp(x.subtract(x.constant(-big), a)), [NaN, 0, Infinity, 0, 0, 1, 0]],
    [x.add(a, x.constant(-big)), [NaN, Infinity, -Infinity, -big, 0, -Infinity, -big]],
    [x.maximum(a, x.constant(-Infinity)), special],
    [x.minimum(a, x.constant(Infinity)), special],
    [x.less(a, x.constant(big)), [0, 0, 1, 1, 0, 1, 1]],
    [x.select(x.less(a, x.constant(2)), x.constant(NaN), a), [
      NaN,
      Infinity,
      NaN,
      NaN,
      big,
      NaN,
      NaN,
    ]],
  ];
  for (const [e, want] of expected) {
    (await values(e, special)).forEach((got, i) => {
      const close = Object.is(got, want[i]) || got === want[i] ||
        Math.abs(got / want[i] - 1) < 1e-6;
      assert(close, `${e.operator} of ${special[i]}: ${got}, expected ${want[i]}`);
    });
  }
});

test("a NaN anywhere in a row makes its largest and its sum NaN", async () => {
  for (const software of [true, false]) {
    const to = (buffer: number) => ({ buffer, offset: 0, outer: [1], inner: null });
    const step: Loop = {
      kind: "loop",
      outer: [3],
      inner: [8],
      loads: [{ buffer: 0, offset: 0, outer: [8], inner: [1] }],
      stages: [
        { kind: "reduce", by: "max", value: x.input(0) },
        { kind: "reduce", by: "sum", value: x.input(0) },
        { kind: "store", value: x.result(0), to: to(1) },
        { kind: "store", value: x.result(1), to: to(2) },
      ],
    };
    const numbers = Array.from({ length: 24 }, (_, i) => i === 3 || i === 12 ? NaN : i);
    const buffers = [numbers, [0, 0, 0], [0, 0, 0]];
    const [, most, sums] = await run(await webgpu(software), bound([step], buffers), buffers);
    assertEquals([most, sums], [[NaN, NaN, 23], [NaN, NaN, 156]]);
  }
});

test("random numbers are those of the definition, bit by bit", async () => {
  const at = { outer: [1], inner: [] };
  const step: Loop = {
    kind: "loop",
    outer: [4096],
    inner: [],
    loads: [
      { buffer: -1, offset: 2 ** 24 - 7, ...at }, // beyond what f32 counts
      { buffer: 0, offset: 0, outer: [0], inner: [] },
    ],
    stages: [{
      kind: "store",
      value: x.random(x.input(1), x.constant(0xabcdef), x.add(x.input(0), x.constant(2 ** 31))),
      to: { buffer: 1, offset: 0, ...at },
    }],
  };
  await agree(await webgpu(), { step, buffers: [[0x123456], Array(4096).fill(0)] }, 0);
});

test("positions are exact in large loops, which take more workgroups than a row of them", async () => {
  const device = await webgpu();
  for (const [rows, columns] of [[1021, 1023], [4099, 1031]]) {
    const step: Loop = {
      kind: "loop",
      outer: [rows, columns],
      inner: [],
      loads: [{ buffer: -1, offset: 0, outer: [columns, 1], inner: [] }],
      stages: [{
        kind: "store",
        value: x.input(0),
        to: { buffer: 0, offset: 0, outer: [1, rows], inner: [] },
      }],
    };
    const storage = device.allocate(rows * columns);
    const program = bound([step], [Array(rows * columns)]);
    const [turned] = await device.compile(program).run([storage], [0]);
    device.free(storage);
    const wrong = turned.findIndex((v, i) => v !== i % rows * columns + Math.floor(i / rows));
    assertEquals(wrong, -1);
  }
});

test("what a software adapter would not do to its end is refused, with the remedy", async () => {
  const device = await webgpu(true), k = 300_000, one = { offset: 0, batch: [], row: 0, column: 0 };
  const plan = (elements: number, binding: number) => ({ elements, binding, slot: -1 });
  const [a, b, c] = [0, 1, 2].map((buffer) => ({ ...one, buffer, ...buffer < 2 && { column: 1 } }));
  const product = {
    kind: "contraction",
    batch: [],
    m: 1,
    n: 1,
    k,
    a,
    b: { ...b, row: 1 },
    c,
  } as const;
  const scatter = {
    kind: "scatter",
    rows: 70_000,
    width: 1,
    size: 3,
    ids: 0,
    from: 1,
    to: 2,
  } as const;
  const load = { buffer: 0, offset: 0, outer: [], inner: [1] };
  const stages: Stage[] = [{ kind: "reduce", by: "sum", value: x.input(0) }];
  const row: Loop = { kind: "loop", outer: [], inner: [2 ** 27], loads: [load], stages };
  for (const step of [product, scatter, row]) {
    const buffers = [k, k, 3].map(plan);
    assertThrows(
      () => device.compile({ steps: [step as Step], buffers, slots: [], bindings: 3 }),
      RangeError,
      'take device("wasm")',
    );
  }
});

test("scatter adds rows in their order, whatever the ids", async () => {
  for (const [rows, width, size] of [[50, 8, 7], [33, 3, 40], [1, 1, 1], [0, 4, 3], [200, 4, 1]]) {
    const ids = Array.from({ length: rows }, (_, r) => (r * r) % (size + 3) - 1);
    const from = Array.from(
      { length: rows * width },
      (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 5)),
    );
    const step: Step = { kind: "scatter", rows, width, size, ids: 0, from: 1, to: 2 };
    const scatter = { step, buffers: [ids, from, Array(size * width).fill(5)] };
    await agree(await webgpu(), scatter, 1e-5);
    await agreeInHalves(await webgpu(), scatter, MIXTURES[rows % 3], 1e-5);
  }
});

test("halves take half the room, are only read, and only where the plan says so", async () => {
  const device = await webgpu();
  const sizeOf = (precision: Precision) => {
    const storage = device.allocate(2 ** 20, precision) as Storage & { buffer: GPUBuffer };
    device.free(storage);
    return storage.buffer.size;
  };
  assertEquals([sizeOf("single"), sizeOf("half")], [2 ** 22, 2 ** 21]);
  const { steps, ...program } = addTwo(8), [from, middle, to] = program.buffers;
  const halves = { ...from, half: true };
  const right = device.compile({ ...program, steps, buffers: [halves, middle, to] });
  const [single, half] = [device.allocate(8), device.allocate(8, "half")];
  device.upload(half, [0.1, 0, 0, 0, 0, 0, 0, 7]);
  const [result, given] = await right.run([half, single], [1, 0]);
  assertEquals([result[0], result[7]], [Math.fround(2 + Math.f16round(0.1)), 9]);
  assertEquals([given[0], given[7]], [Math.f16round(0.1), 7]);
  await assertRejects(() => right.run([single, half], []), TypeError, "of another precision");
  const written = { ...program, steps, buffers: [from, middle, { ...to, half: true }] };
  assertThrows(() => device.compile(written), TypeError, "loop 8| store writes halves");
});

/** to = from + 1, n numbers, twice: the middle is scratch. */
function addTwo(n: number, buffer = { binding: 1, slot: -1 }): Program {
  const add = (from: number, to: number): Loop => ({
    kind: "loop",
    outer: [n],
    inner: [],
    loads: [{ buffer: from, offset: 0, outer: [1], inner: [] }],
    stages: [{
      kind: "store",
      value: x.add(x.input(0), x.constant(1)),
      to: { buffer: to, offset: 0, outer: [1], inner: [] },
    }],
  });
  const buffers = [{ binding: 0, slot: -1 }, { binding: -1, slot: 0 }, buffer]
    .map((b) => ({ elements: n, ...b }));
  return { steps: [add(0, 1), add(1, 2)], buffers, slots: [n], bindings: 2 };
}

test("runs and uploads follow one another in order, without waiting", async () => {
  const device = await webgpu();
  const [a, b] = [device.allocate(5), device.allocate(5)];
  const executable = device.compile(addTwo(5));
  const pending: Promise<number>[] = [];
  for (let i = 0; i < 100; i++) {
    device.upload(a, Array(5).fill(i));
    pending.push(executable.run([a, b], [1]).then(([values]) => values[4]));
    executable.run([b, a], []);
  }
  assertEquals(await Promise.all(pending), Array.from({ length: 100 }, (_, i) => i + 2));
  const [[last]] = await executable.run([a, b], [0]);
  assertEquals(last, 99 + 4);
  executable.dispose();
});

test("memory stays flat over 10,000 runs", async () => {
  const device = await webgpu(), executable = device.compile(addTwo(5_000));
  const spin = async (runs: number) => {
    for (let i = 0; i < runs; i++) {
      const [a, b] = [device.allocate(5_000), device.allocate(5_000)];
      if (i % 100 === 0) await executable.run([a, b], [1]);
      else executable.run([a, b], []);
      device.free(a);
      device.free(b);
    }
    await executable.run([device.allocate(5_000), device.allocate(5_000)], [1]);
    return Deno.memoryUsage().rss;
  };
  const early = await spin(500), late = await spin(9_500);
  assert(late < early * 1.1 + 30e6, `${early} bytes after 500 runs, ${late} after 10,000`);
});

test("what WebGPU refuses is thrown at the next run, with its label", async () => {
  const device = await openWebgpu();
  assert(device);
  const [a, b] = [device.allocate(8), device.allocate(8)], executable = device.compile(addTwo(8));
  const { gpu } = device as unknown as { gpu: GPUDevice };
  gpu.createShaderModule({ label: "loop 8", code: "fn main( {" });
  await assertRejects(() => executable.run([a, b], [1]), Error, "'loop 8'");
  const [values] = await executable.run([a, b], [1]); // and it works again
  assertEquals(values.length, 8);
});

test("bad storages are refused by name", async () => {
  const device = await webgpu(), executable = device.compile(addTwo(8));
  const [good, small, gone] = [device.allocate(8), device.allocate(7), device.allocate(8)];
  device.free(gone);
  await assertRejects(() => executable.run([good, small], []), RangeError, "do not fit");
  await assertRejects(() => executable.run([good, gone], []), Error, "after it was freed");
  const [first] = addTwo(8).steps as Loop[], stage = first.stages[0] as Stage & { kind: "store" };
  const across = { ...first, stages: [{ ...stage, to: { ...stage.to, buffer: 2 } }] };
  const copy = device.compile({ ...addTwo(8), steps: [across] });
  await assertRejects(() => copy.run([good, good], []), Error, "loop 8| store: a storage that is");
  await assertRejects(() => executable.run([good], []), TypeError, "none of its storages");
  assertThrows(() => device.upload(small, Array(8).fill(0)), RangeError, "do not fit");
  assertThrows(() => device.allocate(2 ** 40), RangeError, "binds at most");
  const program = addTwo(8);
  const loads = Array.from(
    { length: 99 },
    (_, i) => ({ buffer: i, offset: 0, outer: [1], inner: [] }),
  );
  const sum = loads.map((_, i) => x.input(i)).reduce(x.add);
  const step = { ...program.steps[0] as Loop, loads };
  step.stages = [{ kind: "store", value: sum, to: { ...loads[0], inner: [] } }];
  const wide = bound([step], loads.map(() => Array(8).fill(0)));
  assertThrows(() => device.compile(wide), RangeError, "binds at most");
});

test("a lost GPU is named on each later call", async () => {
  const device = await openWebgpu();
  assert(device);
  const storage = device.allocate(8), executable = device.compile(addTwo(8));
  (device as unknown as { gpu: GPUDevice }).gpu.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertThrows(() => device.allocate(1), Error, "was lost");
  await assertRejects(() => executable.run([storage, storage], [0]), Error, "was lost");
});

test("there is one device, and a software adapter only for those who ask", async () => {
  const one = await webgpuDevice({ allowSoftware: true });
  assert(one === await webgpuDevice({ allowSoftware: true }));
  assertEquals(await webgpuDevice(), found?.software ? null : one);
});
