/**
 * From the steps of a program to kernels.
 *
 * Idea   A loop and a contraction are a kernel each; a scatter is three: zeros, chains, sums. Buffers that
 *        lie at the same place get one number, as a kernel can bind a place only once.
 * Differs from the paper: there is none.
 * @module
 */
import { constant } from "../../program/expression.ts";
import type { BufferPlan, Loop, Program, Scatter, Step } from "../../program/program.ts";
import { type Kernel, MOST_TURNS, tooLong, type Ways } from "./kernel.ts";
import { loopKernel } from "./loop_kernel.ts";
import { productKernel } from "./product_kernel.ts";
import { scatterKernels } from "./scatter_kernel.ts";

/** The kernels of each step of a program, and its buffers and slots with those that they need besides. */
export function lower(
  program: Program,
  ways: Ways,
): { kernels: Kernel[][]; buffers: BufferPlan[]; slots: number[] } {
  const buffers = [...program.buffers], slots = [...program.slots];
  const { software, buffersPerLoop } = ways, trees = !software;
  const kernels = program.steps.map((given): Kernel[] => {
    const step = atHome(given, program.buffers);
    if (software) checkTurns(step);
    if (step.kind === "loop") return [loopKernel(step, buffers, trees) ?? []].flat();
    if (step.kind === "contraction") return [productKernel(step, buffers, ways) ?? []].flat();
    const elements = step.rows * 2, slot = slots.push(elements) - 1;
    const links = buffers.push({ elements, binding: -1, slot }) - 1;
    const cleared = loopKernel(zeros(step), buffers, trees) ?? [];
    return [cleared, scatterKernels(step, buffers, links)].flat();
  });
  const writes = kernels.flat().find((k) =>
    k.buffers.some((b, i) => k.writes[i] && buffers[b].half)
  );
  if (writes) throw new TypeError(`webgpu: ${writes.label} writes halves, which are only read`);
  const wide = kernels.flat().find((k) => k.buffers.length > buffersPerLoop);
  if (!wide) return { kernels, buffers, slots };
  throw new RangeError(
    `webgpu: ${wide.label} touches ${wide.buffers.length} buffers, but this GPU binds at most ` +
      `${buffersPerLoop} for one kernel: split the step`,
  );
}

/** Loops of kernels that a software adapter would not do to their end; rows of loops are shared. */
function checkTurns(step: Step): void {
  const ofEpilogue = 80; // at most: 16 rows of a thread's piece, and 4 blocks across in each
  if (step.kind === "contraction" && step.k / 4 > MOST_TURNS - ofEpilogue) {
    throw tooLong(`a sum of ${step.k} products`);
  }
  if (step.kind === "scatter" && step.rows > MOST_TURNS) {
    throw tooLong(`a list of ${step.rows} ids`);
  }
}

/** to = 0 */
function zeros({ to, size, width }: Scatter): Loop {
  const all = { buffer: to, offset: 0, outer: [1], inner: null };
  const stages: Loop["stages"] = [{ kind: "store", value: constant(0), to: all }];
  return { kind: "loop", outer: [size * width], inner: [], loads: [], stages };
}

/** The step with the first of all buffers at the same place in place of each. */
function atHome(step: Step, plans: BufferPlan[]): Step {
  const home = (b: number) =>
    plans.findIndex((p) => p.binding === plans[b]?.binding && p.slot === plans[b].slot);
  const at = <T extends { buffer: number }>(x: T): T => ({ ...x, buffer: home(x.buffer) });
  if (step.kind === "contraction") {
    const epilogue = step.epilogue && atHome(step.epilogue, plans) as Loop;
    return { ...step, a: at(step.a), b: at(step.b), c: at(step.c), epilogue };
  }
  if (step.kind === "scatter") {
    return { ...step, ids: home(step.ids), from: home(step.from), to: home(step.to) };
  }
  const stages = step.stages.map((s) => s.kind === "store" ? { ...s, to: at(s.to) } : s);
  return { ...step, loads: step.loads.map(at), stages };
}
