/**
 * Explaining: the program that tensors become, in words and as a picture.
 *
 * Idea   A line of tensors does not show what it costs; its program does: which operations became
 *        one loop, which numbers travel through memory, how much is computed.
 * Maths  as counted in cost.ts; a number takes 4 bytes, on the reference device 8, a half on WebGPU 2.
 * Axes   are gone inside of a program; given tensors and results still show theirs.
 * Differs from the paper: there is none.
 * @module
 */
import { describeAxes } from "./axes.ts";
import { bytesMoved, flopsOf } from "../program/cost.ts";
import type { Device } from "../program/device.ts";
import { chosenDevice, device } from "../devices/choice.ts";
import { schedule } from "./emit.ts";
import { costOf, type ExplainedPart, Explanation } from "../program/explanation.ts";
import { leaves } from "./gradient.ts";
import { amount, plural, stepInWords } from "../program/in_words.ts";
import { type Program, touched } from "../program/program.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Explain what reading tensors would run: kernels in order with what is fused in them, operations and
 * bytes. Nothing is computed. A device may split a large kernel in two.
 *
 * @param wanted A tensor, or tensors in nested records and lists; names become names of results.
 * @param on The device to explain it for; the one chosen last unless given.
 *
 * @example
 * ```ts
 * import { explain, softmax, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const weights = softmax(tensor("Tq Tk", [[1, 2], [3, 4]]), "Tk");
 * const [loop] = (await explain({ weights })).kernels; // four operations became one loop
 * assertEquals(loop.lines, [
 *   "r1 = max of x1",
 *   "u1 = exp(x1 − r1)",
 *   "r2 = sum of u1",
 *   "weights = u1/r2",
 * ]);
 * ```
 */
export async function explain(wanted: unknown, on?: Device): Promise<Explanation> {
  const chosen = on ?? chosenDevice() ?? await device("auto");
  return inParts(wanted, schedule({ outputs: outputsOf(wanted), updates: [] }, chosen), chosen);
}

/**
 * Explain what reading tensors runs, and how long each kernel takes: it is run a few times, kernel by
 * kernel, and the median is told. On WebGPU the times are those of the GPU's own clock, and what lies
 * between two kernels is in none of them.
 *
 * @param wanted Tensors, as for {@linkcode explain}.
 * @param on The device to run it on; the one chosen last unless given.
 * @param runs How often.
 * @throws {Error} where the GPU has no clock.
 *
 * @example
 * ```ts
 * import { device, einsum, full, profile } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 * const x = full("M K", [64, 64], 1), y = full("K N", [64, 64], 1);
 * const [product] = (await profile(einsum("M K, K N -> M N", x, y), await device("wasm"))).kernels;
 * assert(product.milliseconds! > 0);
 * ```
 */
export async function profile(wanted: unknown, on?: Device, runs = 5): Promise<Explanation> {
  const chosen = on ?? chosenDevice() ?? await device("auto");
  const scheduled = schedule({ outputs: outputsOf(wanted), updates: [] }, chosen);
  return inParts(
    wanted,
    scheduled,
    chosen,
    await timed(scheduled, outputsOf(wanted), chosen, runs),
  );
}

/**
 * The WGSL of each kernel that reading tensors would run on a GPU; to print it, none is needed.
 *
 * @param wanted Tensors, as for {@linkcode explain}.
 *
 * @example
 * ```ts
 * import { add, shaders, tensor } from "@lineage/lineage/core/tensor";
 * import { assertStringIncludes } from "@std/assert";
 * const [kernel] = await shaders(add(tensor("D", [1, 2]), 1));
 * assertStringIncludes(kernel, "@compute");
 * ```
 */
export async function shaders(wanted: unknown): Promise<string[]> {
  const { lower } = await import("../devices/webgpu/lower.ts");
  const limits = { fuses: true, epilogues: true, buffersPerLoop: 8 }; // what every GPU has
  const { program } = schedule({ outputs: outputsOf(wanted), updates: [] }, limits);
  const { kernels } = lower(program, { ...limits, software: false, tiled: true });
  return kernels.flat().map(({ code }) => code);
}

/** The median time of each step, in ms. */
async function timed(
  { program, leaves: given }: Scheduled,
  outputs: Tensor[],
  on: Device,
  runs: number,
): Promise<number[]> {
  const fresh = ({ elements, origin }: Tensor) => {
    const storage = on.allocate(elements);
    if (origin.kind === "data") on.upload(storage, origin.values);
    return storage;
  };
  const inputs = given.map((x) => x.origin.kind === "held" ? x.origin.storage : fresh(x));
  const storages = [...inputs, ...outputs.map(fresh)];
  const executable = on.compile(program), times: number[][] = [];
  try {
    for (let i = 0; i <= runs; i++) times.push(await executable.profile(storages));
  } finally {
    executable.dispose();
    storages.forEach((storage, i) => given[i]?.origin.kind !== "held" && on.free(storage));
  }
  const later = times.slice(1); // the first run makes kernels ready
  return program.steps.map((_, i) => later.map((run) => run[i]).sort((a, b) => a - b)[runs >> 1]);
}

type Scheduled = ReturnType<typeof schedule>;

const outputsOf = (wanted: unknown): Tensor[] => leaves(wanted).map(([, x]) => x);

function inParts(
  wanted: unknown,
  { program, leaves: given }: Scheduled,
  chosen: Device,
  times: readonly number[] = [],
): Explanation {
  const results = leaves(wanted), outputs = outputsOf(wanted);
  const size = chosen.name === "reference" ? 8 : 4;
  const bytesOf = ({ half }: { half?: boolean }) => half && chosen.name === "webgpu" ? 2 : size;
  const names = [...given.map((_, i) => `x${i + 1}`), ...results.map(([path]) => path || "result")];
  const tensors = [...given, ...outputs].map((x, i): ExplainedPart => ({
    kind: i < given.length ? "given" : "result",
    title: `${names[i]} ${describeAxes(x.axes, x.shape)}`,
    lines: [],
    flops: 0,
    bytes: x.elements * bytesOf(program.buffers.find(({ binding }) => binding === i)!),
  }));
  const kernels = program.steps.map((step, i): ExplainedPart => ({
    kind: step.kind === "contraction" ? "product" : step.kind,
    ...stepInWords(step, bufferNames(program, names)),
    flops: flopsOf(step),
    bytes: bytesMoved(step, program, bytesOf),
    ...i in times && { milliseconds: times[i] },
  }));
  return new Explanation(
    `${plural(kernels.length, "kernel")} on ${chosen.name}: ${costOf(...kernels)}`,
    scratchOf(program, size),
    [...tensors.slice(0, given.length), ...kernels, ...tensors.slice(given.length)],
    arrowsOf(program, given.length),
  );
}

function bufferNames({ buffers }: Program, bound: readonly string[]): string[] {
  let scratch = 0;
  return buffers.map(({ binding, slot }) =>
    binding >= 0 ? bound[binding] : slot >= 0 ? `t${++scratch}` : ""
  );
}

function scratchOf({ buffers, slots }: Program, size: number): string {
  const scratch = buffers.filter(({ slot }) => slot >= 0).length;
  if (scratch === 0) return "nothing is stored in between";
  const room = amount(slots.reduce((sum, elements) => sum + elements, 0) * size, "B");
  return `in between: ${plural(scratch, "buffer")} in ${plural(slots.length, "slot")} of ${room}`;
}

/** Who writes what another reads, as places among given tensors, kernels and results. */
function arrowsOf({ buffers, steps }: Program, given: number): [from: number, to: number][] {
  const makers = buffers.map(({ binding }) => binding >= 0 && binding < given ? [binding] : []);
  const between = steps.flatMap((step, i) => {
    const { reads, writes } = touched(step);
    const from = new Set(reads.flatMap((b) => makers[b]));
    for (const b of writes) makers[b].push(given + i);
    return [...from].map((maker): [number, number] => [maker, given + i]);
  });
  const home = buffers.flatMap(({ binding }, b) =>
    binding < given
      ? []
      : makers[b].map((maker): [number, number] => [maker, steps.length + binding])
  );
  return [...between, ...home];
}
