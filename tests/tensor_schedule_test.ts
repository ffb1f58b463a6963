/**
 * The scheduler: whatever it fuses, reorders or writes in place, the numbers are those of the graph.
 * Random graphs are scheduled in several ways, run on the reference device, and compared in double
 * precision with what their tensors mean, element by element.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { referenceDevice } from "../core/devices/reference.ts";
import { type Request, schedule } from "../core/tensor/emit.ts";
import { input } from "../core/program/expression.ts";
import { GraphKey } from "../core/tensor/graph_key.ts";
import * as t from "../core/tensor/mod.ts";
import { Tensor, tensor } from "../core/tensor/mod.ts";
import { type Program, touched } from "../core/program/program.ts";
import { sourcesFirst } from "../core/tensor/walk.ts";
import { assertAgrees } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { given, some } from "./numbers.ts";
import { Meaning } from "./meaning.ts";
import { RandomGraph, randomUpdates } from "./random_graph.ts";

const WAYS = [
  { fuses: false, epilogues: false, buffersPerLoop: Infinity },
  { fuses: true, epilogues: true, buffersPerLoop: 4 },
  { fuses: true, epilogues: true, buffersPerLoop: 8 },
  { fuses: true, epilogues: true, buffersPerLoop: 100 },
  { fuses: true, epilogues: false, buffersPerLoop: 100 },
];

const computer = referenceDevice();

/** Every scratch slot as a binding, so that it can be filled before a run. */
function slotsBound(program: Program): Program {
  const { slots, bindings } = program;
  const buffers = program.buffers.map((b) =>
    b.slot < 0 ? b : { ...b, binding: bindings + b.slot, slot: -1 }
  );
  return { ...program, buffers, slots: [], bindings: bindings + slots.length };
}

/** The outputs and the updated tensors after a run in which all memory held NaN before. */
async function run(
  request: Request,
  way: typeof WAYS[number],
  numbersOf: (leaf: Tensor) => ArrayLike<number>,
): Promise<ArrayLike<number>[]> {
  const { program, leaves } = schedule(request, way);
  const sizes = [...leaves, ...request.outputs].map((x) => x.elements);
  const storages = [...sizes, ...program.slots].map((elements) => {
    const storage = computer.allocate(elements);
    computer.upload(storage, new Float64Array(elements).fill(NaN));
    return storage;
  });
  leaves.forEach((leaf, i) => computer.upload(storages[i], numbersOf(leaf)));
  const targets = request.updates.map(([to]) => leaves.findIndex((l) => l.origin === to.origin));
  const reads = [...request.outputs.map((_, i) => leaves.length + i), ...targets];
  return await computer.compile(slotsBound(program)).run(storages, reads);
}

/** Sums may run in another order, nothing else may differ: 1e-12 of a tensor's largest number. */
function assertSame(found: ArrayLike<number>, wanted: number[], what: string): void {
  const largest = Math.max(1, ...wanted.map(Math.abs).filter(Number.isFinite));
  assertEquals(found.length, wanted.length, what);
  wanted.forEach((w, i) => {
    const same = Object.is(found[i], w) || Math.abs(found[i] - w) <= 1e-12 * largest;
    assert(same, `${what} at ${i}: ${found[i]}, not ${w}`);
  });
}

/** What to ask of a random graph: some of its tensors and, often, gradients. */
function questions({ dice, tensors, leaves }: RandomGraph): Tensor[] {
  const asked = dice.shuffled(tensors).slice(0, 1 + dice.below(4));
  if (dice.chance(0.4)) return [...asked, tensors.at(-1)!];
  const losses = [...asked, tensors.at(-1)!].map((x) => t.sum(t.tanh(x)));
  const loss = losses.reduce((a, b) => t.add(a, b));
  return [...asked, ...t.gradients(loss, leaves), loss];
}

Deno.test("250 random graphs mean the same however they are fused", async () => {
  for (let seed = 0; seed < 250; seed++) {
    const outputs = questions(new RandomGraph(seed)), meaning = new Meaning();
    for (const way of WAYS) {
      const found = await run({ outputs, updates: [] }, way, given);
      const what = `seed ${seed}, ${JSON.stringify(way)}`;
      outputs.forEach((x, i) => assertSame(found[i], meaning.of(x), `${what}, output ${i}, ${x}`));
    }
  }
});

/** A tensor that is held, and the numbers it holds before. */
function hold(x: Tensor, before: Map<unknown, number[]>): Tensor {
  const storage = computer.allocate(x.elements);
  const held = new Tensor(x.axes, x.shape, { kind: "held", device: computer, storage });
  before.set(held.origin, given(x));
  return held;
}

Deno.test("400 random updates are all computed from what was there before", async () => {
  for (let seed = 0; seed < 400; seed++) {
    const before = new Map<unknown, number[]>();
    const graph = new RandomGraph(seed, (x) => hold(x, before));
    const request = randomUpdates(graph);
    const numbersOf = (x: Tensor) => before.get(x.origin) ?? given(x),
      meaning = new Meaning(numbersOf);
    const wanted = [...request.outputs, ...request.updates.map(([, value]) => value)];
    if (wanted.length === 0) continue;
    for (const way of WAYS) {
      const found = await run(request, way, numbersOf);
      const what = `seed ${seed}, ${JSON.stringify(way)}`;
      wanted.forEach((x, i) => assertSame(found[i], meaning.of(x), `${what}, result ${i}, ${x}`));
    }
  }
});

onEveryDevice("random graphs agree with the reference, in single precision", async (on) => {
  const count = on.name === "webgpu" ? 6 : 60, sizes = [1, 3, 4, 5, 8, 16, 17, 33, 64];
  for (let seed = 1000; seed < 1000 + count; seed++) {
    const graph = new RandomGraph(seed, undefined, sizes, 3000);
    await assertAgrees({ [`seed ${seed}`]: questions(graph) }, on, 2e-5);
  }
});

Deno.test("a loop or an epilogue touches no more buffers than it may, unless one operation alone does", () => {
  for (let seed = 0; seed < 100; seed++) {
    const outputs = questions(new RandomGraph(seed));
    for (const limit of [8, 12]) {
      const { program } = schedule({ outputs, updates: [] }, {
        fuses: true,
        epilogues: true,
        buffersPerLoop: limit,
      });
      const loops = program.steps.filter((s) => s.kind === "loop" || "epilogue" in s && s.epilogue);
      for (const step of loops) {
        const { reads, writes } = touched(step);
        const buffers = new Set([...reads, ...writes]).size;
        assert(buffers <= limit, `seed ${seed}: ${buffers} buffers in one loop`);
      }
    }
  }
});

Deno.test("what is cheap to compute again is not folded in without end", () => {
  const scalars = Array.from({ length: 20 }, (_, i) => t.scalar(i));
  const wide = scalars.map((s) => t.broadcast(s, "T", { T: 4 }));
  const outputs = [t.gelu(wide.reduce((a, b) => t.add(a, b)))];
  const { program } = schedule({ outputs, updates: [] }, {
    fuses: true,
    epilogues: false,
    buffersPerLoop: 8,
  });
  for (const step of program.steps) {
    const { reads, writes } = touched(step);
    assert(new Set([...reads, ...writes]).size <= 8);
  }
});

Deno.test("softmax, LayerNorm with what is around it, and AdamW are one loop each", () => {
  const loops = (outputs: Tensor[], updates: [Tensor, Tensor][] = []) =>
    schedule({ outputs, updates }, WAYS[3]).program.steps.length;
  const x = some("T D", [3, 4]), row = some("D", [4]);
  assertEquals(loops([t.softmax(x, "D")]), 1);
  const normed = t.standardize(t.add(x, t.gelu(some("T D", [3, 4], 2))), "D", 1e-5);
  assertEquals(loops([t.add(t.multiply(normed, row), row)]), 1);
  const before = new Map(), [p, m, v] = [1, 2, 3].map((seed) => hold(some("D", [4], seed), before));
  const newM = t.add(t.scale(m, 0.9), t.scale(row, 0.1));
  const newV = t.add(t.scale(v, 0.99), t.scale(t.square(row), 0.01));
  const newP = t.subtract(p, t.divide(newM, t.add(t.sqrt(newV), 1e-8)));
  assertEquals(loops([], [[m, newM], [v, newV], [p, newP]]), 1);
});

Deno.test("a bias and an activation are the epilogue of their product, one of a pair", () => {
  const x = some("T D", [3, 4]), w = some("D F", [4, 8]), bias = some("F", [8]);
  const product = t.einsum("T D, D F -> T F", x, w), hidden = t.gelu(t.add(product, bias));
  const stepsOf = (output: Tensor, way = WAYS[3]) =>
    schedule({ outputs: [output], updates: [] }, way).program.steps;
  const [one, ...rest] = stepsOf(hidden);
  assertEquals(rest, []);
  assert(one.kind === "contraction" && one.epilogue, "the product has an epilogue");
  assertEquals(stepsOf(hidden, WAYS[4]).map((s) => s.kind), ["contraction", "loop"]);
  const gated = t.multiply(t.add(product, bias), t.einsum("T D, D F -> T F", x, t.exp(w)));
  const kinds = stepsOf(gated).map((s) => s.kind === "contraction" && s.epilogue ? "with" : s.kind);
  assertEquals(kinds, ["contraction", "loop", "with"]);
  // Who is asked for, needed twice, folded or not made of fours stays as it is.
  assertEquals(stepsOf(t.sum(hidden, "F")).length, 2);
  const again = t.einsum("T F, F G -> T G", product, some("F G", [8, 8]));
  assertEquals(stepsOf(t.add(product, t.rename(again, "T G -> T F"))).length, 2);
  const odd = t.einsum("T D, D F -> T F", x, some("D F", [4, 7]));
  assertEquals(stepsOf(t.exp(odd)).length, 2);
});

Deno.test("a product that is needed in another order of its axes is stored in it", () => {
  const scores = some("B H T U", [2, 4, 3, 3]), values = some("B U H K", [2, 3, 4, 8]);
  const heads = t.einsum("B H T U, B U H K -> B H T K", scores, values);
  const merged = t.rearrange(heads, "B H T K -> B T (H K)");
  const out = t.einsum("B T H·K, H·K D -> B T D", merged, some("H·K D", [32, 5]));
  for (const way of [WAYS[3], WAYS[4]]) {
    const { steps } = schedule({ outputs: [out], updates: [] }, way).program;
    assertEquals(steps.map((s) => s.kind), ["contraction", "contraction"]);
  }
});

Deno.test("equal tensors are computed once, and buffers whose lives do not overlap share a slot", () => {
  const x = some("T", [8]), same = t.add(t.sum(t.exp(x)), t.sum(t.exp(x)));
  const { program } = schedule({ outputs: [same], updates: [] }, WAYS[0]);
  assertEquals(program.steps.length, 3); // exp, sum, add
  let long: Tensor<"T"> = x;
  for (let i = 0; i < 30; i++) long = t.tanh(long);
  assertEquals(schedule({ outputs: [long], updates: [] }, WAYS[0]).program.slots, [8, 8]);
});

/** The key of a request; with `over`, written over what is there. */
function keyOf(request: Request, over = new GraphKey()): Float64Array {
  over.write(request, false);
  assert(over.equals(over.copy()) && !over.equals(over.copy().fill(-2, 0, 1)));
  return over.copy();
}

Deno.test("a graph built again has the same key; graphs with one key have one program", () => {
  const programs = new Map<string, string>(), before = new GraphKey();
  for (let seed = 0; seed < 400; seed++) {
    const request = (): Request => ({
      outputs: questions(new RandomGraph(seed, undefined, [1, 2], 50)),
      updates: [],
    });
    const one = request(), key = keyOf(one).join();
    assertEquals(key, keyOf(request()).join(), `seed ${seed}`);
    assertEquals(key, keyOf(one, before).join(), `seed ${seed}: nothing is left of the key before`);
    const program = JSON.stringify(schedule(one, WAYS[3]).program);
    assertEquals(programs.get(key) ?? program, program, `seed ${seed}`);
    programs.set(key, program);
  }
});

Deno.test("what makes another program makes another key", () => {
  const x = some("T D", [3, 4]), held = hold(x, new Map()), half = hold(x, new Map());
  Object.assign(half.origin, { half: true });
  const view = (strides: number[], offset: number) =>
    new Tensor(["T"], [2], { kind: "view", base: x, strides, offset }, [x]);
  const found: Tensor = t.gather(x, tensor("B", [0, 1]));
  const asked: [Tensor[], [Tensor, Tensor][]?][] = [
    [[x]],
    [[x, x]],
    [[held]],
    [[half]],
    [[t.rename(x, "T D -> T E")]],
    [[tensor("T D", new Float32Array(12), [4, 3])]],
    [[t.sum(x, "T")]],
    [[t.sum(x, "D")]],
    [[t.max(x, "D")]],
    [[view([4], 0)]],
    [[view([4], 1)]],
    [[view([4], 2 ** 32 + 1)]],
    [[view([1], 0)]],
    [[t.pad(x, "T", 1, 2)]],
    [[t.pad(x, "T", 2, 1)]],
    [[t.pad(x, "D", 1, 2)]],
    [[t.subtract(held, x)]],
    [[t.subtract(x, held)]],
    [[t.subtract(x, x)]],
    [[found]],
    [[new Tensor(found.axes, found.shape, { kind: "map", expression: input(0) }, found.inputs)]],
    [[t.exp(held), held]],
    [[held, t.exp(held)]],
    [[t.exp(held)], [[held, t.exp(held)]]],
    [[], [[held, t.exp(held)]]],
  ];
  const keys = asked.map(([outputs, updates = []]) => keyOf({ outputs, updates }).join());
  keys.forEach((key, i) => assertEquals(keys.indexOf(key), i));
});

Deno.test("a walk meets every tensor once, after its sources, whatever was walked before", () => {
  for (let seed = 0; seed < 100; seed++) {
    const { tensors } = new RandomGraph(seed), whole = sourcesFirst(tensors);
    for (const roots of [tensors.slice(-1), tensors.slice(0, 3), tensors]) {
      const order = sourcesFirst(roots);
      assertEquals(new Set(order).size, order.length);
      order.forEach((x, i) => assert(x.inputs.every((s) => order.slice(0, i).includes(s))));
      assert(roots.every((x) => order.includes(x)));
    }
    assert(sourcesFirst(tensors).every((x, i) => x === whole[i]));
  }
});

Deno.test("graphs whose descriptions could be run together have different keys", () => {
  const leaves = Array.from({ length: 100 }, (_, i) => tensor("T", [i]));
  const key = (id: number, leaf: number) => {
    const origin = { kind: "map", expression: { ...input(0), id } } as const;
    const map = new Tensor(["T"], [1], origin, [leaves[leaf]]);
    return keyOf({ outputs: [...leaves, map], updates: [] });
  };
  assertNotEquals(key(54, 7), key(5, 47));
  const fold = (over: string, leaf: number) => {
    const wide = leaves.map((x) => t.broadcast(x, "T T4", { T4: 2 }) as Tensor);
    const sum = t.sum(wide[leaf], over);
    return keyOf({ outputs: [...leaves, ...wide, sum], updates: [] });
  };
  assertNotEquals(fold("T4", 7), fold("T", 47));
});
