// %% [markdown]
// # 8 · The engine
//
// The first lessons wrote formulas and read numbers. What lies between? A line of tensors computes
// nothing; it grows an expression. Reading turns the expression into a *program* of a few kernels, and
// a device runs them. This lesson follows twelve lines of attention all the way down to the code that
// a GPU runs, and finds out where the time goes.
//
// **You will learn**
//
// - the three kinds of step that everything becomes: loops, products, scatters;
// - what fusion saves, counted in bytes;
// - how one recipe becomes WGSL for a GPU and WebAssembly for a processor;
// - how to time each kernel, and how to tell whether arithmetic or memory limits it;
// - why the first step of a training is slow and all others are not.
//
// Lesson 1 explains tensors with named axes, lesson 2 attention.

// %%
import { attention } from "@lineage/lineage/core/attention";
import {
  device,
  einsum,
  exp,
  explain,
  gelu,
  keep,
  mean,
  multiply,
  normal,
  profile,
  randomKey,
  read,
  shaders,
  square,
  sum,
  tensor,
  valueAndGrad,
} from "@lineage/lineage/core/tensor";
import { show, table } from "@lineage/lineage/drawing/show";
import { barChart, lineChart } from "@lineage/lineage/drawing/svg";
import { assert } from "@std/assert";

const here = await device("auto");
console.log(`This notebook runs on ${here.name}: ${here.description}.`);

// %% [markdown]
// ## Attention is three kernels
//
// Eight texts of 128 tokens, four heads of 32 numbers. `keep` puts the numbers on the device; the call
// of `attention` only writes down what is wanted.

// %%
const sizes = [8, 4, 128, 32];
const { q, k, v } = await keep({
  q: normal(randomKey(1), "B H Tq K", sizes),
  k: normal(randomKey(2), "B H Tk K", sizes),
  v: normal(randomKey(3), "B H Tk K", sizes),
});
const { out } = attention(q, k, v);
await show(await explain({ out }));

// %% [markdown]
// Read it from above. The product of queries and keys is a kernel of its own (`t1`). Scaling, the
// largest score of a row, the exponential, the sum and the division, five operations on paper, are
// **one** loop: it folds a row twice (`r1`, `r2`) and writes it once. Then the second product.
//
// What follows a product number by number, a bias or an activation, is part of its kernel on a GPU: its
// *epilogue*. A processor is faster with a loop of its own, which walks along memory.
//
// A device that fuses nothing, the reference, walks through memory once for every operation:

// %%
const reference = await device("reference");
await device("auto"); // the device that was chosen last computes
const single = await explain({ out }, reference), fused = await explain({ out });
console.log(single.title);
console.log(fused.title);
assert(fused.kernels.length === 3 && fused.kernels.length < single.kernels.length);

// %% [markdown]
// ## Down to the code
//
// A loop holds its formulas as *recipes*, small trees of operators. Printing a recipe in WGSL gives a
// kernel for a GPU; assembling the same recipe gives one for a processor's SIMD. So an operation is
// written once, and its gradient follows from the tree. Here is GELU, of one number and of many:
// follow `x·½·(1 + erf(x/√2))` through the loop and into the kernel.

// %%
const activated = gelu(tensor("D", [-1, 0, 1, 2]));
const kernel = (await explain({ activated })).kernels[0];
console.log(kernel.lines.join("\n"));

// %%
const [code] = await shaders({ activated });
console.log(code);

// %% [markdown]
// GPUs differ in how well they compute `exp`, `tanh` or `erf`; one is good to two units in a
// hundred thousand, another to two in ten million. So the polynomials are the library's own, and the same
// everywhere. How good are they? Relative to double precision:

// %%
const points = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 12);
const single32 = await read(exp(tensor("T", points, [points.length])));
const wrong = Array.from(points, (x, i) => Math.abs(single32[i] / Math.exp(x) - 1));
console.log(`exp between −83 and 83: at most ${Math.max(...wrong).toExponential(1)} of its value`);
assert(Math.max(...wrong) < 5e-7);
await show(lineChart([{ name: "error of exp", x: points, y: wrong, mark: "points" }], {
  title: "Single precision, and hardly worse than its own rounding",
  note: "6e-8 is the rounding of the result alone",
  xLabel: "x",
  yLabel: "relative error",
  floors: [{ name: "rounding", y: 6e-8 }],
}));

// %% [markdown]
// ## The way back is a program, too
//
// A gradient is an expression like any other. What the way there has computed and the way back needs
// again is stored once; everything else is fused with its neighbours, the sums for the gradients included.

// %%
const wanted = (parts: { q: typeof q; k: typeof k; v: typeof v }) =>
  mean(square(attention(parts.q, parts.k, parts.v).out));
const both = valueAndGrad(wanted)({ q, k, v });
const steps = await explain(both);
console.log(steps.toString());

// %% [markdown]
// ## Where the time goes
//
// `profile` runs the program kernel by kernel and tells how long each took; on a GPU by the GPU's own
// clock. Operations over bytes is a kernel's *intensity*: many operations for each byte, and
// arithmetic limits it; few, and memory does.

// %%
const timed = await profile(both);
await show(table(timed.kernels.map(({ kind, title, flops, bytes, milliseconds: ms }) => ({
  kernel: `${kind}: ${title}`,
  ms: Number(ms!.toFixed(3)),
  "GFLOP/s": Number((flops / ms! / 1e6).toFixed(1)),
  "GB/s": Number((bytes / ms! / 1e6).toFixed(1)),
  "FLOP for each byte": Number((flops / bytes).toFixed(1)),
}))));
await show(barChart(
  timed.kernels.map(({ title, milliseconds }, i) => ({
    name: `${i + 1}: ${title}`,
    value: milliseconds!,
  })),
  { title: "Attention, there and back", valueLabel: "ms" },
));

// %% [markdown]
// ## Small work is expensive
//
// A kernel has to be started, and threads have to be woken. The larger the product, the nearer the
// device comes to what it can do.

// %%
const edges = [16, 32, 64, 128, 256, 512, 1024], speeds: number[] = [];
for (const edge of edges) {
  const [a, b] = await keep([
    normal(randomKey(4), "M D", [edge, edge]),
    normal(randomKey(5), "D N", [edge, edge]),
  ]);
  const [product] = (await profile(einsum("M D, D N -> M N", a as never, b as never))).kernels;
  speeds.push(2 * edge ** 3 / product.milliseconds! / 1e6);
}
await show(lineChart([{ name: "product", x: edges, y: speeds }], {
  title: "Square products",
  note: `${here.name}: ${here.description}`,
  xLabel: "rows and columns",
  yLabel: "GFLOP/s",
  xAxis: "log",
}));

// %% [markdown]
// ## A step is planned once
//
// Planning (what to fuse, which buffers may share a place) and writing kernels take longer than
// running them. But a training builds the same expression at every step, only with other
// numbers. The engine recognises it by its shape, finds the finished program, and runs that.

// %%
const durations: number[] = [];
for (let step = 0; step < 12; step++) {
  const x = normal(randomKey(6, step), "B D", [64, 64]);
  const weights = tensor("F D", Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)), [
    64,
    64,
  ]);
  const start = performance.now();
  await read(sum(square(multiply(einsum("B D, F D -> B F", x, weights), 1.5))));
  durations.push(performance.now() - start);
}
console.log(`first step ${durations[0].toFixed(1)} ms, twelfth ${durations[11].toFixed(1)} ms`);

// %% [markdown]
// And memory: buffers whose lives do not overlap share a slot. The last line of `explain` says how many
// buffers the whole program needs in between, and into how many slots they go.

// %%
console.log(steps.scratch);

// %% [markdown]
// ## Where to look
//
// An operation such as `gelu` lies in `core/tensor/elementwise.ts` and says its recipe. `lower.ts` turns
// names into strides, `fuse.ts` decides who shares a loop, `emit.ts` writes the program of
// `program.ts`. From there it is one arrow to each device: `devices/reference.ts` (the definition, in
// a hundred lines), `devices/wasm/` and `devices/webgpu/`.
//
// ## Exercises
//
// **1.** Explain `softmax` over an axis that is not the last one. What changes in the loop?
//
// **2.** In which of the kernels of *there and back* would half precision help most? Think of the
// intensity first, then of what `profile` says.
//
// **3.** Multiply two matrices of 4096 × 4096 on paper: how many operations, how many bytes, which
// intensity? Then explain them.
