/**
 * Memory: which buffers can be one.
 *
 * Idea   A scratch buffer lives from the step that first writes it to the step that last reads it; then
 *        its slot is free for the next. A new value of a held tensor may be written where the old one
 *        stands, if nobody reads the old one afterwards.
 * Differs from the paper: there is none.
 * @module
 */
import { inOrder } from "./expression.ts";
import {
  type BufferPlan,
  type Loop,
  type Program,
  type Stage,
  type Step,
  touched,
} from "./program.ts";

/** Assign bindings to the bound buffers and slots to the others. */
export function layOut(
  steps: Step[],
  elements: readonly number[],
  bound: readonly number[],
): Program {
  const last = elements.map(() => -1);
  steps.forEach((step, i) => {
    const { reads, writes } = touched(step);
    for (const b of [...reads, ...writes]) last[b] = i;
  });
  const buffers = elements.map((n): BufferPlan => ({ elements: n, binding: -1, slot: -1 }));
  bound.forEach((b, i) => buffers[b].binding = i);
  const slots: number[] = [], free: number[] = [];
  steps.forEach((step, i) => {
    const { reads, writes } = touched(step);
    for (const b of writes) {
      if (buffers[b].binding < 0 && buffers[b].slot < 0) {
        buffers[b].slot = take(free, slots, elements[b]);
      }
    }
    for (const b of new Set([...reads, ...writes])) {
      if (last[b] === i && buffers[b].slot >= 0) free.push(buffers[b].slot);
    }
  });
  return { steps, buffers, slots, bindings: bound.length };
}

/** A free slot for a buffer: the tightest that is large enough, else the largest made larger. */
function take(free: number[], slots: number[], elements: number): number {
  const large = free.filter((s) => slots[s] >= elements).sort((a, b) => slots[a] - slots[b]);
  const slot = large[0] ?? free.toSorted((a, b) => slots[b] - slots[a])[0];
  if (slot === undefined) return slots.push(elements) - 1;
  slots[slot] = Math.max(slots[slot], elements);
  free.splice(free.indexOf(slot), 1);
  return slot;
}

/** Let buffer `from` be buffer `to`, if one loop writes it all and nothing needs the old values then. */
export function inPlace(steps: Step[], from: number, to: number): boolean {
  const writers = steps.filter((step) => touched(step).writes.includes(from));
  const [step] = writers, at = steps.indexOf(step);
  if (writers.length > 1) return false; // put together from pieces
  if (step?.kind !== "loop") return false;
  if (steps.slice(at + 1).some((s) => touched(s).reads.includes(to))) return false;
  if (steps.some((s) => touched(s).writes.includes(to))) return false;
  const own = step.stages.find((s) => s.kind === "store" && s.to.buffer === from) as
    & Stage
    & { kind: "store" };
  const inner = own.to.inner ?? step.inner.map(() => 0);
  const samePlace = step.loads.every((l) =>
    l.buffer !== to ||
    !l.lookup && l.offset === own.to.offset && l.outer.join() === own.to.outer.join() &&
      l.inner.join() === inner.join()
  );
  const stages = samePlace && readersFirst(step, own, to);
  if (!stages) return false;
  steps[at] = { ...step, stages: stages.map((s) => s === own ? redirect(own, to) : s) };
  for (let i = at + 1; i < steps.length; i++) steps[i] = rebuffer(steps[i], from, to);
  return true;
}

const redirect = (stage: Stage & { kind: "store" }, buffer: number): Stage => ({
  ...stage,
  to: { ...stage.to, buffer },
});

/** The stages in an order in which no stage reads what one before it has overwritten. */
function readersFirst(loop: Loop, own: Stage, to: number): Stage[] | undefined {
  const buffers = (load: number): number[] => {
    const { buffer, lookup } = loop.loads[load];
    return lookup ? [buffer, ...buffers(lookup.by)] : [buffer];
  };
  const loads = (stage: Stage) =>
    inOrder(stage.value).flatMap((e) => e.operator === "input" ? buffers(e.value) : []);
  const target = (stage: Stage) =>
    stage === own ? to : stage.kind === "store" ? stage.to.buffer : -1;
  // Reductions stay where they are; what comes after the last of them may change places.
  const folded = loop.stages.findLastIndex((s) => s.kind === "reduce") + 1;
  if (loop.stages.indexOf(own) < folded) return undefined;
  const open = new Set(loop.stages.slice(folded)), order = loop.stages.slice(0, folded);
  while (open.size) {
    const next = [...open].find((stage) =>
      [...open].every((other) => other === stage || !loads(other).includes(target(stage)))
    );
    if (!next) return undefined;
    open.delete(next);
    order.push(next);
  }
  return order;
}

function rebuffer(step: Step, from: number, to: number): Step {
  const swap = (b: number) => b === from ? to : b;
  if (step.kind === "contraction") {
    const matrix = (x: typeof step.a) => ({ ...x, buffer: swap(x.buffer) });
    const epilogue = step.epilogue && rebuffer(step.epilogue, from, to) as Loop;
    return { ...step, a: matrix(step.a), b: matrix(step.b), c: matrix(step.c), epilogue };
  }
  if (step.kind === "scatter") {
    return { ...step, ids: swap(step.ids), from: swap(step.from), to: swap(step.to) };
  }
  return { ...step, loads: step.loads.map((l) => ({ ...l, buffer: swap(l.buffer) })) };
}
