/**
 * Explaining: the program that tensors become, in words and as a picture.
 *
 * Idea   A line of tensors does not show what it costs; its program does: which operations became
 *        one loop, which numbers travel through memory, how much is computed.
 * Maths  as counted in cost.ts; a number takes 4 bytes, on the reference device 8.
 * Axes   are gone inside of a program; given tensors and results still show theirs.
 * Differs from the paper: there is none.
 * @module
 */
import { describeAxes } from "./axes.ts";
import { flopsOf, numbersMoved } from "./cost.ts";
import type { Device } from "./device.ts";
import { chosenDevice, device } from "./devices.ts";
import { schedule } from "./emit.ts";
import { costOf, type ExplainedPart, Explanation } from "./explanation.ts";
import { leaves } from "./gradient.ts";
import { amount, plural, stepInWords } from "./in_words.ts";
import { type Program, touched } from "./program.ts";

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
  const results = leaves(wanted), outputs = results.map(([, x]) => x);
  const { program, leaves: given } = schedule({ outputs, updates: [] }, chosen);
  const size = chosen.name === "reference" ? 8 : 4;
  const names = [...given.map((_, i) => `x${i + 1}`), ...results.map(([path]) => path || "result")];
  const tensors = [...given, ...outputs].map((x, i): ExplainedPart => ({
    kind: i < given.length ? "given" : "result",
    title: `${names[i]} ${describeAxes(x.axes, x.shape)}`,
    lines: [],
    flops: 0,
    bytes: x.elements * size,
  }));
  const kernels = program.steps.map((step): ExplainedPart => ({
    kind: step.kind === "contraction" ? "product" : step.kind,
    ...stepInWords(step, bufferNames(program, names)),
    flops: flopsOf(step),
    bytes: numbersMoved(step, program.buffers) * size,
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
