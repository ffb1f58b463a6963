/**
 * From the steps of a program to kernels.
 *
 * Idea   A loop and a contraction are a kernel each; a scatter is three: zeros, chains, sums. Buffers that
 *        lie at the same place get one number, as a kernel can bind a place only once.
 * Differs from the paper: there is none.
 * @module
 */
import { constant } from "../../expression.ts";
import type { Contraction, Loop, Program, Scatter, Step } from "../../program.ts";
import type { Kernel } from "./kernel.ts";
import { loopKernel } from "./loop_kernel.ts";
import { productKernel } from "./product_kernel.ts";
import { scatterKernels } from "./scatter_kernel.ts";

/** The kernels of a program, and the program with the scratch that they need besides. */
export function lower(
  program: Program,
  trees: boolean,
  buffersPerLoop: number,
): { kernels: Kernel[]; program: Program } {
  const all: Program = {
    ...program,
    buffers: [...program.buffers],
    slots: [...program.slots],
  };
  const home = homes(program);
  const kernels = program.steps.flatMap((step) => kernelsOf(moved(step, home), trees, all));
  for (const { label, buffers } of kernels) {
    if (buffers.length <= buffersPerLoop) continue;
    throw new RangeError(
      `${label} touches ${buffers.length} buffers, but this GPU binds at most ${buffersPerLoop} for ` +
        `one kernel: split the step`,
    );
  }
  return { kernels, program: all };
}

function kernelsOf(step: Step, trees: boolean, program: Program): Kernel[] {
  if (step.kind === "scatter") {
    const slot = program.slots.push(step.rows * 2) - 1;
    const links = program.buffers.push({ elements: step.rows * 2, binding: -1, slot }) - 1;
    const zeros = loopKernel(zero(step), trees);
    return [...zeros ? [zeros] : [], ...scatterKernels(step, links)];
  }
  const kernel = step.kind === "loop" ? loopKernel(step, trees) : productKernel(step, trees);
  return kernel ? [kernel] : [];
}

/** to = 0 */
function zero({ to, size, width }: Scatter): Loop {
  const all = { buffer: to, offset: 0, outer: [1], inner: [] };
  const stages: Loop["stages"] = [{ kind: "store", value: constant(0), to: all }];
  return { kind: "loop", outer: [size * width], inner: [], loads: [], stages };
}

/** For each buffer the first one at the same place. */
function homes({ buffers }: Program): (buffer: number) => number {
  const home = buffers.map(({ binding, slot }) =>
    buffers.findIndex((b) => b.binding === binding && b.slot === slot)
  );
  return (buffer) => buffer < 0 ? buffer : home[buffer];
}

function moved(step: Step, home: (buffer: number) => number): Step {
  const at = <T extends { buffer: number }>(x: T): T => ({ ...x, buffer: home(x.buffer) });
  if (step.kind === "contraction") {
    return { ...step, a: at(step.a), b: at(step.b), c: at(step.c) } satisfies Contraction;
  }
  if (step.kind === "scatter") {
    return { ...step, ids: home(step.ids), from: home(step.from), to: home(step.to) };
  }
  const stages = step.stages.map((s) => s.kind === "store" ? { ...s, to: at(s.to) } : s);
  return { ...step, loads: step.loads.map(at), stages };
}
