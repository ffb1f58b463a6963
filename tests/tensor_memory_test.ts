/** Memory: thousands of steps take no more than the first ones. */
import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { referenceDevice } from "../core/devices/reference.ts";
import type { Memory } from "../core/devices/wasm/memory.ts";
import * as t from "../core/tensor/mod.ts";
import { tensor } from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";
import { some } from "./numbers.ts";

/** The memory of the wasm device, as any of its storages knows it. */
async function wasmMemory(): Promise<Memory> {
  const on = await t.device("wasm"), storage = on.allocate(1);
  on.free(storage);
  return (storage as unknown as { memory: Memory }).memory;
}

/** A training-like step: a small network, dropout of its own for each step, AdamW-like updates. */
async function trainer() {
  const start = { up: some("F D", [8, 4], 1), down: some("D F", [4, 8], 2) };
  const flat = (seed: number) =>
    t.mapNested(start, (x) => t.scale(some(x.axes.join(" "), [...x.shape], seed), 0));
  const [params, m, v] = await t.keep([start, flat(1), flat(2)] as const);
  return async (step: number, batch: number) => {
    const x = some("B D", [batch, 4], step), rate = t.scalar(0.1 / (1 + step / 1000));
    const { value, gradients } = t.valueAndGrad((p: typeof params) => {
      const hidden = t.dropout(
        t.gelu(t.einsum("B D, F D -> B F", x, p.up)),
        0.1,
        t.randomKey(1, step),
      );
      return t.mean(t.square(t.subtract(t.einsum("B F, D F -> B D", hidden, p.down), x)));
    })(params);
    const pairs = (["up", "down"] as const).flatMap((name) => {
      const slope = gradients[name] as t.Tensor;
      const newM = t.add(t.scale(m[name] as t.Tensor, 0.9), t.scale(slope, 0.1));
      const newV = t.add(t.scale(v[name] as t.Tensor, 0.99), t.scale(t.square(slope), 0.01));
      const stride = t.multiply(t.divide(newM, t.add(t.sqrt(newV), 1e-6)), rate);
      return [[params[name], t.subtract(params[name] as t.Tensor, stride)], [m[name], newM], [
        v[name],
        newV,
      ]] as const;
    });
    return (await t.read(value, pairs))[0];
  };
}

Deno.test("2,000 steps take no more of wasm's memory than the first 100", async () => {
  const memory = await wasmMemory(), step = await trainer();
  const batch = (i: number) => 3 + i % 4; // a few shapes, so a few programs
  const losses: number[] = [];
  for (let i = 0; i < 100; i++) losses.push(await step(i, batch(i)));
  const before = { used: memory.used, pages: memory.memory.buffer.byteLength };
  for (let i = 100; i < 2000; i++) losses.push(await step(i, batch(i)));
  assertEquals({ used: memory.used, pages: memory.memory.buffer.byteLength }, before);
  assert(losses.at(-1)! < losses[0] / 2, `it learns: ${losses[0]} → ${losses.at(-1)}`);
});

Deno.test("programs that are forgotten give back what they held", async () => {
  const memory = await wasmMemory(), x = tensor("T", [1]);
  const round = async () => {
    for (let size = 1000; size < 1300; size++) await t.read(t.broadcast(x, "T S", { S: size }));
    return memory.used;
  };
  const after = [await round(), await round(), await round()];
  assertEquals(after, [after[0], after[0], after[0]]);
});

onEveryDevice("the same steps again give the same losses, to the last bit", async () => {
  const [one, other] = [await trainer(), await trainer()];
  for (let i = 0; i < 10; i++) assertEquals(await one(i, 4), await other(i, 4));
});

Deno.test("a loop that keeps a tensor in every step does not keep them all", async () => {
  const memory = await wasmMemory(), before = memory.used, size = 2 ** 18;
  let cache = await t.keep(t.zeros("T", [size]));
  for (let i = 0; i < 1500; i++) cache = await t.keep(t.add(cache, 1));
  assert(memory.used - before < 1500 * 4 * size / 2, `${memory.used - before} bytes of 1.5 GB`);
  assertEquals((await t.read(cache))[size - 1], 1500);
});

Deno.test("what is kept anew into one variable is not all kept: large tensors go in time", async () => {
  const memory = await wasmMemory(), before = memory.used, megabytes = 64;
  const most = { used: 0 };
  let params = await t.keep(t.zeros("D", [megabytes << 18]));
  for (let i = 1; i < 40; i++) {
    params = await t.keep(t.full("D", [megabytes << 18], i));
    most.used = Math.max(most.used, memory.used - before);
  }
  assertEquals((await t.read(t.slice(params, "D", 0, 1)))[0], 39);
  assert(most.used < 12 * megabytes * 2 ** 20, `${most.used >> 20} MB of ${40 * megabytes}`);
});

Deno.test("what waits for numbers does not hold the graph that they come from", async () => {
  const arrivals: ((values: t.Values[]) => void)[] = [];
  const run = () => new Promise<t.Values[]>((resolve) => arrivals.push(resolve));
  const slow: t.Device = {
    ...referenceDevice(),
    allocate: (elements) => ({ elements }),
    upload: () => {},
    compile: () => ({ run, profile: () => Promise.resolve([]), dispose: () => {} }),
  };
  const begin = () => {
    const origin = { kind: "held", device: slow, storage: slow.allocate(1) } as const;
    const x = new t.Tensor(["T"], [1], origin), y = t.exp(x);
    return { reading: t.read({ list: [y, x, y] }, [[x, y]]), graph: new WeakRef(y) };
  };
  const { reading, graph } = begin();
  await new Promise((resolve) => setTimeout(resolve)); // a WeakRef holds on until the task is done
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  assertEquals(graph.deref(), undefined);
  const [one, two] = [new Float32Array([1]), new Float32Array([2])];
  arrivals[0]([one, two]);
  assertEquals(await reading, { list: [one, two, one] });
});
