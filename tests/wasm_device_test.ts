/**
 * The wasm device against the reference: random programs on one and two threads, functions against
 * double precision, memory, errors.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../core/program/device.ts";
import { referenceDevice } from "../core/devices/reference.ts";
import { wasmDevice } from "../core/devices/wasm/device.ts";
import { Memory } from "../core/devices/wasm/memory.ts";
import * as x from "../core/program/expression.ts";
import {
  type Contraction,
  elementsOf,
  type Load,
  type Loop,
  type Matrix,
  type Program,
  type Scatter,
  type Stage,
  type Step,
} from "../core/program/program.ts";

const one = wasmDevice({ threads: 1 });
const two = wasmDevice({ threads: 2, eager: true });
const unfused = wasmDevice({ threads: 1, fusedMultiplyAdd: false });
const reference = referenceDevice();

// Running.

interface Task {
  program: Program;
  /** The numbers of each storage before. */
  storages: ArrayLike<number>[];
}

async function run(device: Device, { program, storages }: Task): Promise<ArrayLike<number>[]> {
  const given = storages.map((values) => {
    const storage = device.allocate(values.length);
    device.upload(storage, values);
    return storage;
  });
  const executable = device.compile(program);
  const results = await executable.run(given, storages.map((_, i) => i));
  executable.dispose();
  given.forEach((s) => device.free(s));
  return results;
}

/** A program of steps in which every buffer is a storage. */
const task = (steps: Step[], storages: ArrayLike<number>[]): Task => ({
  program: {
    steps,
    buffers: storages.map((s, binding) => ({ elements: s.length, binding, slot: -1 })),
    slots: [],
    bindings: storages.length,
  },
  storages,
});

function assertClose(
  got: ArrayLike<number>[],
  want: ArrayLike<number>[],
  tolerance: number,
  what: () => string,
): void {
  for (let s = 0; s < want.length; s++) {
    for (let i = 0; i < want[s].length; i++) {
      const [g, w] = [got[s][i], want[s][i]];
      if (Object.is(g, w) || g === w || Math.abs(g - w) <= tolerance * (1 + Math.abs(w))) continue;
      throw new Error(`storage ${s}, element ${i}: ${g} instead of ${w}\n${what()}`);
    }
  }
}

/** All devices agree with the reference; two threads give exactly what one gives. */
async function agree(task: Task, tolerance = 2e-5): Promise<void> {
  const want = await run(reference, task);
  const what = () =>
    JSON.stringify(task.program.steps, (key, v) => key === "id" ? undefined : v).slice(0, 9000);
  const alone = await run(one, task);
  assertClose(alone, want, tolerance, what);
  assertClose(await run(unfused, task), want, tolerance, what);
  assertClose(await run(two, task), alone, 0, what);
}

// Random programs.

class Dice {
  constructor(private counter: number) {}
  next(): number {
    return x.randomBits(3, 5, this.counter++) / 2 ** 32;
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
  numbers(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.number());
  }
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.below(rest.length), 1)[0]);
  }
}

interface Walk {
  offset: number;
  strides: number[];
  elements: number;
}

/** A walk that meets every element of a box once: in any order of dimensions, backwards, with gaps. */
function walk(dice: Dice, sizes: number[]): Walk {
  const strides = sizes.map(() => 0);
  let step = dice.chance(0.8) ? 1 : dice.of([2, 3]), offset = dice.below(4);
  const last = sizes.map((_, d) => d).reverse();
  for (const d of dice.chance(0.6) ? last : dice.shuffled(last)) {
    strides[d] = dice.chance(0.1) ? -step : step;
    if (strides[d] < 0) offset += step * Math.max(0, sizes[d] - 1);
    step *= Math.max(1, sizes[d]) + (dice.chance(0.1) ? 1 : 0);
  }
  return { offset, strides, elements: step + offset + 8 };
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 32, 50];

function sizesOf(dice: Dice, rank: number): number[] {
  return Array.from({ length: rank }, () => dice.chance(0.02) ? 0 : dice.of(SIZES));
}

function expression(dice: Dice, leaves: x.Expression[], depth: number): x.Expression {
  if (depth === 0 || dice.chance(0.1)) return dice.of(leaves);
  const next = () => expression(dice, leaves, depth - 1);
  const tame = (e: x.Expression) => x.maximum(x.constant(-3), x.minimum(e, x.constant(3)));
  return dice.of([
    () => x.add(next(), next()),
    () => x.add(x.multiply(tame(next()), tame(next())), next()),
    () => x.subtract(next(), x.multiply(tame(next()), tame(next()))),
    () => x.multiply(tame(next()), next()),
    () => x.divide(next(), x.add(x.constant(1.5), x.abs(next()))),
    () => x.maximum(next(), next()),
    () => x.minimum(next(), next()),
    () => x.exp(tame(next())),
    () => x.log(x.add(x.constant(0.5), x.abs(next()))),
    () => x.sqrt(x.abs(x.add(next(), x.constant(4)))),
    () => x.tanh(next()),
    () => x.erf(next()),
    () => x.negate(next()),
    () => x.select(x.less(dice.of(leaves), x.constant(dice.number())), next(), next()),
    () => x.select(dice.of(leaves), next(), x.constant(dice.number())),
  ])();
}

function randomLoop(dice: Dice): Task {
  const outer = sizesOf(dice, dice.below(4)), inner = sizesOf(dice, dice.below(3));
  while (elementsOf([...outer, ...inner]) > 30000) (inner.length > 1 ? inner : outer).shift();
  const sizes = [...outer, ...inner];
  const storages: ArrayLike<number>[] = [], loads: Load[] = [], stages: Stage[] = [];
  const place = ({ strides, offset }: Walk) => ({
    offset,
    outer: strides.slice(0, outer.length),
    inner: strides.slice(outer.length),
  });
  const fresh = (w: Walk, values = dice.numbers(w.elements)) => ({
    buffer: storages.push(values) - 1,
    ...place(w),
  });
  const load = (l: Load) => x.input(loads.push(l) - 1);
  const broadcast = () => {
    const w = walk(dice, sizes);
    return { ...w, strides: w.strides.map((s) => dice.chance(0.5) ? s : 0) };
  };
  const leaves = [load(fresh(walk(dice, sizes))), load(fresh(broadcast())), x.constant(0.75)];
  if (dice.chance(0.3)) leaves.push(load(fresh(broadcast())));
  if (dice.chance(0.4)) {
    const position = load({
      buffer: -1,
      ...place(dice.chance(0.5) ? broadcast() : walk(dice, sizes)),
    });
    leaves.push(x.multiply(position, x.constant(1e-3)));
    leaves.push(
      x.random(x.constant(dice.below(2 ** 24)), leaves[1].operands[0] ?? x.constant(77), position),
    );
  }
  if (dice.chance(0.4)) {
    const rows = 1 + dice.below(9), ids = broadcast();
    const values = Float32Array.from({ length: ids.elements }, () => dice.below(rows + 3) - 1);
    const by = load(fresh(ids, values)).value;
    const table = broadcast();
    const lookup = { by, stride: table.elements, size: rows };
    leaves.push(load({ ...fresh(table, dice.numbers(table.elements * rows)), lookup }));
  }
  let results = 0;
  for (let s = 0, n = 1 + dice.below(5); s < n || !stages.some((s) => s.kind === "store"); s++) {
    const value = expression(dice, leaves, 1 + dice.below(4));
    if (dice.chance(0.5)) {
      const by = dice.of(["sum", "max"] as const);
      stages.push({ kind: "reduce", by, value });
      // Whatever the size of the row, what follows stays small.
      const folded = x.result(results++);
      leaves.push(x.tanh(x.multiply(x.constant(0.01), folded)));
    } else if (dice.chance(0.25)) {
      const w = walk(dice, outer);
      const to = {
        buffer: storages.push(dice.numbers(w.elements)) - 1,
        offset: w.offset,
        outer: w.strides,
      };
      stages.push({ kind: "store", value, to: { ...to, inner: null } });
      if (dice.chance(0.5)) leaves.push(load({ ...to, inner: inner.map(() => 0) }));
    } else if (dice.chance(0.3)) {
      const { lookup: _, ...to } = loads[0];
      stages.push({ kind: "store", value, to });
    } else {
      const to = fresh(walk(dice, sizes));
      stages.push({ kind: "store", value, to });
      if (dice.chance(0.5)) leaves.push(load(to));
    }
  }
  return task([{ kind: "loop", outer, inner, loads, stages }], storages);
}

function randomContraction(dice: Dice): Task {
  const size = () => dice.of([0, 1, 2, 3, 5, 6, 7, 8, 9, 12, 16, 20, 31, 48, 64]);
  const batch = Array.from({ length: dice.below(3) }, () => dice.of([1, 2, 3]));
  const m = size(), n = size(), k = dice.chance(0.1) ? 600 + dice.below(600) : size();
  const storages: ArrayLike<number>[] = [];
  const matrix = (rows: number, columns: number, repeat: boolean): Matrix => {
    const turned = dice.chance(0.5);
    const w = walk(dice, [...batch, ...(turned ? [columns, rows] : [rows, columns])]);
    const [outside, inside] = w.strides.slice(-2);
    return {
      buffer: storages.push(dice.numbers(w.elements)) - 1,
      offset: w.offset,
      batch: w.strides.slice(0, -2).map((s) => repeat && dice.chance(0.3) ? 0 : s),
      row: turned ? inside : outside,
      column: turned ? outside : inside,
    };
  };
  const a = matrix(m, k, true), b = matrix(k, n, true);
  const c = matrix(m, n, false);
  // Sums of k products of about 1 in size.
  const half = storages.map((s) => Float32Array.from(s, (v) => v / Math.max(1, k) ** 0.25));
  return task([{ kind: "contraction", batch, m, n, k, a, b, c }], half);
}

function randomScatter(dice: Dice): Task {
  const rows = dice.below(40),
    width = dice.of([1, 3, 4, 20, 64, 65, 200, 300]),
    size = 1 + dice.below(20);
  const ids = Float32Array.from({ length: rows }, () => dice.below(size + 4) - 2);
  const step: Scatter = { kind: "scatter", rows, width, size, ids: 0, from: 1, to: 2 };
  return task([step], [ids, dice.numbers(rows * width), dice.numbers(size * width)]);
}

for (
  const [name, make, count] of [
    ["loops", randomLoop, 400],
    ["contractions", randomContraction, 300],
    ["scatters", randomScatter, 40],
  ] as const
) {
  Deno.test(`wasm: random ${name} agree with the reference, with one thread and two`, async () => {
    for (let seed = 0; seed < count; seed++) {
      const dice = new Dice(1000 * seed);
      await agree(make(dice)).catch((error) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  });
}

Deno.test("wasm: a product whose left columns lie far apart agrees with the reference", async () => {
  const dice = new Dice(7);
  for (const [m, n, k] of [[512, 64, 1], [517, 61, 9], [530, 57, 515], [1030, 90, 24]]) {
    const row = (width: number) => ({ offset: 0, row: width, column: 1 });
    const step: Contraction = {
      ...{ kind: "contraction", batch: [2], m, n, k },
      a: { buffer: 0, offset: 0, batch: [k * m], row: 1, column: m },
      b: { buffer: 1, batch: [0], ...row(n) },
      c: { buffer: 2, batch: [m * n], ...row(n) },
    };
    const numbers = (count: number) => dice.numbers(count).map((v) => v / k ** 0.25);
    await agree(task([step], [numbers(2 * k * m), numbers(k * n), new Float32Array(2 * m * n)]));
  }
});

// Functions.

/** f of every value, computed by the device. */
async function map(device: Device, f: x.Expression, values: Float32Array): Promise<Float64Array> {
  const n = values.length, place = { offset: 0, outer: [1], inner: [] };
  const loads = [{ buffer: 0, ...place }, { buffer: -1, ...place }];
  const stages: Stage[] = [{ kind: "store", value: f, to: { buffer: 1, ...place } }];
  const step: Loop = { kind: "loop", outer: [n], inner: [], loads, stages };
  return Float64Array.from((await run(device, task([step], [values, new Float32Array(n)])))[1]);
}

/** Floats of all magnitudes and both signs: every 4099th bit pattern, and the special ones. */
function allFloats(): Float32Array {
  const limits = [88.72, 88.73, -87.4, -103.9, -104, 2 ** -126, 2 ** -149, 0.99999994, 1.0000001];
  const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, 9, -9, 3.92, ...limits];
  const bits = Uint32Array.from({ length: 2 ** 32 / 4099 }, (_, i) => i * 4099);
  const values = new Float32Array(bits.buffer);
  values.set(special, 1000);
  return values;
}

const functions: [string, (e: x.Expression) => x.Expression, (v: number) => number][] = [
  ["exp", x.exp, Math.exp],
  ["log", x.log, Math.log],
  ["tanh", x.tanh, Math.tanh],
  ["erf", x.erf, x.errorFunction],
];
for (const [name, build, exact] of functions) {
  Deno.test(`wasm: ${name} is exact to 5e-7, relative, for all floats`, async () => {
    const dense = Float32Array.from({ length: 200_000 }, (_, i) => (i - 100_000) / 5000);
    for (const values of [dense, allFloats()]) {
      for (const device of [one, unfused]) {
        const got = await map(device, build(x.input(0)), values);
        got.forEach((g, i) => {
          const want = exact(values[i]), nearest = Math.fround(want);
          if (Object.is(g, nearest) || g === nearest) return;
          const close = Math.abs(g - want) <= 5e-7 * Math.abs(want) + 2 ** -149;
          assert(close, `${name}(${values[i]}): ${g} instead of ${want}`);
        });
      }
    }
  });
}

// What else a program may be.

Deno.test("wasm: random numbers have exactly the bits that every device computes", async () => {
  const first = 2 ** 32 - 500, [high, low] = [0xabcdef, 0x123457];
  const place = { outer: [1], inner: [] };
  const value = x.random(x.input(1), x.constant(low), x.input(0));
  const step: Loop = {
    kind: "loop",
    outer: [1001],
    inner: [],
    loads: [{ buffer: -1, offset: first, ...place }, {
      buffer: 0,
      offset: 0,
      outer: [0],
      inner: [],
    }],
    stages: [{ kind: "store", value, to: { buffer: 1, offset: 0, ...place } }],
  };
  for (const device of [one, two]) {
    const [, got] = await run(device, task([step], [[high], new Float32Array(1001)]));
    for (let i = 0; i < 1001; i++) {
      assertEquals(got[i], (x.randomBits(high, low, first + i) >>> 8) / 2 ** 24);
    }
  }
});

Deno.test("wasm: a chain of steps over scratch slots, run again with other storages", async () => {
  const n = 40, dice = new Dice(9);
  const matrix = (buffer: number): Matrix => ({ buffer, offset: 0, batch: [], row: n, column: 1 });
  const square = { offset: 0, outer: [n], inner: [1] };
  const multiply: Contraction = {
    kind: "contraction",
    batch: [],
    m: n,
    n,
    k: n,
    a: matrix(0),
    b: matrix(1),
    c: matrix(2),
  };
  const softmax: Loop = {
    kind: "loop",
    outer: [n],
    inner: [n],
    loads: [{ buffer: 2, ...square }],
    stages: [
      { kind: "reduce", by: "max", value: x.input(0) },
      { kind: "reduce", by: "sum", value: x.exp(x.subtract(x.input(0), x.result(0))) },
      {
        kind: "store",
        value: x.divide(x.exp(x.subtract(x.input(0), x.result(0))), x.result(1)),
        to: { buffer: 3, ...square },
      },
    ],
  };
  const last = { ...multiply, a: matrix(3), b: { ...matrix(1), row: 1, column: n }, c: matrix(1) };
  const elements = n * n;
  const program: Program = {
    steps: [multiply, softmax, { ...last, c: matrix(0) }],
    buffers: [
      { elements, binding: 0, slot: -1 },
      { elements, binding: 1, slot: -1 },
      { elements, binding: -1, slot: 1 },
      { elements, binding: -1, slot: 0 },
    ],
    slots: [elements, elements + 7],
    bindings: 2,
  };
  const [p, q] = [one, two].map((device) => device.compile(program));
  for (let round = 0; round < 3; round++) {
    const given = { program, storages: [dice.numbers(elements), dice.numbers(elements)] };
    const want = await run(reference, given);
    for (const [device, executable] of [[one, p], [two, q]] as const) {
      const storages = given.storages.map((values) => {
        const storage = device.allocate(values.length);
        device.upload(storage, values);
        return storage;
      });
      // A program with larger slots in between moves the scratch memory.
      const larger = { ...program, steps: [], slots: [elements << (round + 1)] };
      device.compile(larger).dispose();
      const [got] = await executable.run(storages, [0]);
      assertClose([got], [want[0]], 2e-5, () => `round ${round}`);
      storages.forEach((s) => device.free(s));
    }
  }
});

Deno.test("wasm: two threads give the same bits every time", async () => {
  const n = 300_000, dice = new Dice(4);
  const row = { offset: 0, outer: [], inner: [1] };
  const fold: Loop = {
    kind: "loop",
    outer: [],
    inner: [n],
    loads: [{ buffer: 0, ...row }],
    stages: [
      { kind: "reduce", by: "sum", value: x.exp(x.input(0)) },
      { kind: "store", value: x.result(0), to: { buffer: 1, offset: 0, outer: [], inner: null } },
    ],
  };
  const product: Contraction = {
    kind: "contraction",
    batch: [],
    m: 200,
    n: 100,
    k: 1500,
    a: { buffer: 0, offset: 0, batch: [], row: 1500, column: 1 },
    b: { buffer: 0, offset: 0, batch: [], row: 1, column: 1500 },
    c: { buffer: 2, offset: 0, batch: [], row: 100, column: 1 },
  };
  const given = task([fold, product], [dice.numbers(n), [0], new Float32Array(20_000)]);
  const want = await run(one, given);
  for (let i = 0; i < 20; i++) assertEquals(await run(two, given), want);
});

Deno.test("wasm: sums of a million numbers keep six digits", async () => {
  const n = 1_000_003, values = new Dice(8).numbers(n).map((v) => Math.abs(v) + 0.1);
  for (const [outer, inner] of [[[], [n]], [[3], [n / 3 | 0]]]) {
    const strides = outer.length ? { outer: [1], inner: [3] } : { outer: [], inner: [1] };
    const step: Loop = {
      kind: "loop",
      outer,
      inner,
      loads: [{ buffer: 0, offset: 0, ...strides }],
      stages: [
        { kind: "reduce", by: "sum", value: x.input(0) },
        {
          kind: "store",
          value: x.result(0),
          to: { buffer: 1, offset: 0, outer: outer.map(() => 1), inner: null },
        },
      ],
    };
    await agree(task([step], [values, new Float32Array(3)]), 1e-6);
  }
});

// Memory and errors.

Deno.test("wasm: memory is handed out without overlap and used again", () => {
  const memory = new Memory(false), dice = new Dice(1);
  const taken = new Map<number, number>();
  for (let i = 0; i < 3000; i++) {
    if (dice.chance(0.48) && taken.size) {
      const at = dice.of([...taken.keys()]);
      memory.give(at);
      taken.delete(at);
    } else {
      const bytes = dice.below(40_000), at = memory.take(bytes);
      assertEquals(at % 64, 0);
      assert(at + bytes <= memory.memory.buffer.byteLength - 64);
      for (const [a, n] of taken) assert(at + bytes <= a || a + n <= at, "pieces overlap");
      taken.set(at, Math.max(1, bytes));
    }
  }
  for (const at of taken.keys()) memory.give(at);
  assertEquals(memory.used, 0);
  const size = memory.memory.buffer.byteLength;
  for (let i = 0; i < 100; i++) memory.give(memory.take(size - 256));
  assertEquals(memory.memory.buffer.byteLength, size);
});

Deno.test("wasm: too large a request names its size and a remedy, and harms nothing", () => {
  const device = wasmDevice({ threads: 1 });
  assertThrows(() => device.allocate(2 ** 31), Error, "8589934592 more bytes");
  assertThrows(() => device.allocate(2 ** 31), Error, "smaller batches");
  device.free(device.allocate(1000));
});

Deno.test("wasm: storages that are freed or foreign, or too few, are refused", () => {
  const storage = one.allocate(4);
  assertThrows(() => two.upload(storage, [1, 2, 3, 4]), Error, "another device");
  one.free(storage);
  assertThrows(() => one.free(storage), Error, "freed");
  const { program } = task([], [[1], [2]]);
  assertThrows(() => one.compile(program).run([one.allocate(1)], []), Error, "2 storages, not 1");
});

Deno.test("wasm: the description says how many threads", () => {
  assert(two.description.includes("2 threads"), two.description);
  assertEquals([one.name, two.name], ["wasm", "wasm"]);
});
