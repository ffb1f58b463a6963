/**
 * The wasm device against the reference: random programs on one and two threads, functions against
 * double precision, memory, errors.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../core/tensor/device.ts";
import { referenceDevice } from "../core/tensor/devices/reference.ts";
import { wasmDevice } from "../core/tensor/devices/wasm/device.ts";
import { Memory } from "../core/tensor/devices/wasm/memory.ts";
import * as x from "../core/tensor/expression.ts";
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
} from "../core/tensor/program.ts";

const one = wasmDevice({ threads: 1 });
const two = wasmDevice({ threads: 2, chunkWork: 1 });
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

const only = Number(Deno.env.get("ONLY") ?? -1);
for (
  const [name, make, count] of [
    ["loops", randomLoop, 400],
    ["contractions", randomContraction, 300],
    ["scatters", randomScatter, 40],
  ] as const
) {
  Deno.test(`wasm: random ${name} agree with the reference, with one thread and two`, async () => {
    for (let seed = 0; seed < count; seed++) {
      if (only >= 0 && seed !== only) continue;
      try {
        await agree(make(new Dice(1000 * seed)));
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}
void [assert, assertEquals, assertThrows, Memory];
void (null as unknown as Contraction | Loop);
