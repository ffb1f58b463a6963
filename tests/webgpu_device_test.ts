/**
 * The WebGPU device against the reference: random programs, functions on grids, errors, memory.
 * Both ways to make kernels (a software adapter's and a real GPU's) are tested on whatever adapter there is.
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Device, Storage } from "../core/tensor/device.ts";
import { referenceDevice } from "../core/tensor/devices/reference.ts";
import { findAdapter, openWebgpu, webgpuDevice } from "../core/tensor/devices/webgpu/device.ts";
import * as x from "../core/tensor/expression.ts";
import type { Expression } from "../core/tensor/expression.ts";
import type {
  Contraction,
  Load,
  Loop,
  Matrix,
  Program,
  Stage,
  Step,
} from "../core/tensor/program.ts";

const found = await findAdapter();
const ignore = !found && Deno.env.get("LINEAGE_REQUIRE_WEBGPU") !== "1";
const opened = new Map<boolean, Promise<Device | null>>();

async function webgpu(trees = false): Promise<Device> {
  if (!opened.has(trees)) opened.set(trees, openWebgpu({ trees }));
  const device = await opened.get(trees);
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

const bound = (steps: Step[], buffers: number[][]): Program => ({
  steps,
  buffers: buffers.map((b, binding) => ({ elements: b.length, binding, slot: -1 })),
  slots: [],
  bindings: buffers.length,
});

async function run(device: Device, program: Program, buffers: number[][]): Promise<number[][]> {
  const storages = buffers.map((b) => {
    const storage = device.allocate(b.length);
    device.upload(storage, b);
    return storage;
  });
  const executable = device.compile(program);
  const values = await executable.run(storages, buffers.map((_, i) => i));
  executable.dispose();
  storages.forEach((s) => device.free(s));
  return values.map((v) => [...v]);
}

async function agree(device: Device, { step, buffers }: Case, tolerance = 3e-5): Promise<void> {
  const program = bound([step], buffers);
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
    stages.push({ kind: "store", value: randomExpression(dice, leaves), to });
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
    const { strides, offset, elements } = layout(dice, [...batch, rows, columns], plain);
    buffers.push(Array.from({ length: elements }, () => dice.number()));
    const [row, column] = strides.slice(-2);
    const still = !plain && dice.chance(0.2);
    const steps = strides.slice(0, -2).map((s) => still ? 0 : s);
    if (dice.chance(0.4)) { // transposed
      const turned = layout(dice, [...batch, columns, rows], plain);
      const [c, r] = turned.strides.slice(-2);
      const steps = turned.strides.slice(0, -2);
      return { buffer: buffers.length - 1, offset: turned.offset, batch: steps, row: r, column: c };
    }
    return { buffer: buffers.length - 1, offset, batch: steps, row, column };
  };
  const [a, b] = [matrix(m, k, dice.chance(0.8)), matrix(k, n, dice.chance(0.8))];
  const c = matrix(m, n, true);
  c.batch = layout(new Dice(1), [...batch, m, n], true).strides.slice(0, -2);
  [c.row, c.column, c.offset] = [n, 1, 0];
  // room for the largest layout (4 times as far apart, with 8 before the first)
  buffers.forEach((values) => {
    const longest = 4 * Math.max(1, ...batch) ** batch.length * 72 * 72 + 16;
    while (values.length < Math.min(longest, 60_000)) values.push(dice.number());
  });
  return { step: { kind: "contraction", batch, m, n, k, a, b, c }, buffers };
}

for (const trees of [false, true]) {
  const way = trees ? "a real GPU's way" : "a software adapter's way";
  test(`random loops agree with the reference, ${way}`, async () => {
    const dice = new Dice(trees ? 1 : 2);
    for (let i = 0; i < 40; i++) await agree(await webgpu(trees), randomLoop(dice));
  });
  test(`random matrix products agree with the reference, ${way}`, async () => {
    const dice = new Dice(trees ? 3 : 4);
    for (let i = 0; i < 25; i++) await agree(await webgpu(trees), randomContraction(dice), 1e-4);
  });
}
void [assertEquals, assertRejects, assertThrows, webgpuDevice];
void (null as unknown as Storage | Contraction | Loop);
