/**
 * How a loop will run on vectors: which dimension becomes lanes, and what the kernel must be told.
 *
 * Idea   Dimensions that are one walk in memory are merged; the cheapest dimension is done four
 *        elements at a time. Loops that then look alike share a kernel; sizes, strides and addresses
 *        are numbers in memory that it reads.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder } from "../../program/expression.ts";
import { elementsOf, type Load, type Loop, type Store } from "../../program/program.ts";

/** How a place moves from lane to lane: not at all, to the next element, or farther. */
export type Walk = "flat" | "next" | "far";

/** A load or a store, its strides in the plan's order: outer, inner, lanes. */
export interface Place {
  /** Index into the program's buffers, -1 for the position itself. */
  buffer: number;
  /** First element. */
  offset: number;
  /** A stride for each dimension. */
  strides: number[];
  /** How it moves from lane to lane. */
  walk: Walk;
  /** Of a load: the row chosen by an id. */
  lookup?: Load["lookup"];
}

/** A stage; `to` is the place of a store, `once` says that it stores one value a row. */
export interface PlannedStage {
  kind: "sum" | "max" | "store";
  value: Expression;
  to: number;
  once: boolean;
}

/** A loop, ready to be written as a kernel. */
export interface LoopPlan {
  /** Sizes of the outer dimensions without the lanes. */
  outer: number[];
  /** Sizes of the inner dimensions without the lanes. */
  inner: number[];
  /** Size of the dimension done in lanes. */
  lanes: number;
  /** Whether the lanes are an outer dimension: each lane is a row of its own. */
  across: boolean;
  /** Elements of the lane dimension in one unit of work, if it is an outer one. */
  block: number;
  /** Vectors in one turn of the innermost loop. */
  width: number;
  /** Loads, then stores. */
  places: Place[];
  /** How many places are loads. */
  loads: number;
  /** The stages. */
  stages: PlannedStage[];
  /** Units of work, for the threads to share. */
  units: number;
  /** About how many machine instructions a unit takes. */
  work: number;
}

interface Dimension {
  size: number;
  strides: number[];
}

const BLOCK = 1024;

/** Plan a loop. */
export function planLoop(loop: Loop): LoopPlan {
  const stores = loop.stages.flatMap((s) => s.kind === "store" ? [s.to] : []);
  const all: (Load | Store)[] = [...loop.loads, ...stores];
  let outer = dimensions(loop.outer, all.map((p) => p.outer));
  let inner = dimensions(loop.inner, all.map((p) => p.inner ?? loop.inner.map(() => 0)));
  // Nothing is folded and every element stored: a map, whose dimensions are all alike.
  if (loop.stages.every((s) => s.kind === "store" && s.to.inner)) {
    outer = merge([...outer, ...inner]);
    inner = [];
  }
  const stages = loop.stages.map((s): PlannedStage => ({
    kind: s.kind === "store" ? "store" : s.by,
    value: s.value,
    to: s.kind === "store" ? loop.loads.length + stores.indexOf(s.to) : -1,
    once: s.kind === "store" && !s.to.inner && inner.length > 0,
  }));
  const nodes = costOf(stages.map((s) => s.value));
  const cost = (d: Dimension) => laneCost(d, all, nodes, inner.includes(d));
  const none = { size: 1, strides: all.map(() => 0) };
  const best = [...inner, ...outer].reduce(
    (a, b) => cost(b) < cost(a) ? b : a,
    inner[0] ?? outer[0] ?? none,
  );
  const across = !inner.includes(best);
  outer = outer.filter((d) => d !== best);
  inner = inner.filter((d) => d !== best);
  const order = [...outer, ...inner, best];
  const width = nodes > 40 ? 1 : nodes > 12 ? 2 : across && inner.length && nodes < 6 ? 8 : 4;
  const block = Math.max(1, Math.min(best.size, inner.length ? 4 * width : BLOCK));
  const rows = elementsOf(outer.map((d) => d.size));
  const elements = elementsOf(inner.map((d) => d.size)) * (across ? block : best.size);
  return {
    outer: outer.map((d) => d.size),
    inner: inner.map((d) => d.size),
    lanes: best.size,
    across,
    block,
    width,
    places: all.map((p, i) => ({
      buffer: p.buffer,
      offset: p.offset,
      strides: order.map((d) => d.strides[i]),
      walk: best.strides[i] === 0 ? "flat" : best.strides[i] === 1 ? "next" : "far",
      lookup: (p as Load).lookup,
    })),
    loads: loop.loads.length,
    stages,
    units: across ? rows * Math.ceil(best.size / block) : rows,
    work: 20 + elements * cost(best) / 4,
  };
}

function dimensions(sizes: number[], strides: number[][]): Dimension[] {
  return merge(sizes.map((size, d) => ({ size, strides: strides.map((s) => s[d]) })));
}

/** Leaves out dimensions of size 1 and joins neighbours that every place walks in one stride. */
function merge(dimensions: Dimension[]): Dimension[] {
  const empty = dimensions.find((d) => d.size === 0);
  if (empty) return [{ size: 0, strides: empty.strides.map(() => 0) }];
  const merged: Dimension[] = [];
  for (const d of dimensions) {
    const last = merged.at(-1);
    if (d.size === 1) continue;
    if (last?.strides.every((s, i) => s === d.strides[i] * d.size)) {
      merged[merged.length - 1] = { size: last.size * d.size, strides: d.strides };
    } else merged.push(d);
  }
  return merged;
}

/** About how many instructions a vector of these expressions takes. */
function costOf(values: Expression[]): number {
  const costs: Record<string, number> = { exp: 14, log: 30, tanh: 18, erf: 20, random: 24 };
  return inOrder(...values).reduce((sum, e) => sum + (costs[e.operator] ?? 1), 0);
}

/** The same for an element, if the lanes ran along d; gathering four numbers takes eight. */
function laneCost(d: Dimension, places: (Load | Store)[], nodes: number, inside: boolean): number {
  const access = places.reduce((sum, p, i) => {
    const by = "lookup" in p && p.lookup ? d.strides[p.lookup.by] : 0;
    return sum + (by !== 0 ? 12 : d.strides[i] === 0 ? 0.3 : d.strides[i] === 1 ? 1 : 8);
  }, 0);
  const vectors = Math.ceil(d.size / 4) * (nodes + access) + (inside ? 24 : 12);
  return d.size ? 4 * vectors / d.size : Number.MAX_VALUE;
}

/** Two plans with the same key are done by the same kernel. */
export function keyOf(plan: LoopPlan): string {
  const names = new Map<number, number>();
  const name = (buffer: number) => {
    if (!names.has(buffer)) names.set(buffer, names.size);
    return buffer < 0 ? -1 : names.get(buffer);
  };
  return JSON.stringify([
    [plan.outer.length, plan.inner.length, plan.across, plan.width, plan.loads],
    plan.places.map((p) => [p.walk, name(p.buffer), p.lookup ? p.lookup.by : -1]),
    plan.stages.map((s) => [s.kind, s.value.id, s.to, s.once]),
  ]);
}

/** Where in its parameters a kernel finds what it must be told; `parametersOf` writes it there. */
export const slot = {
  size: (dimension: number): number => 3 + dimension,
  /** Fields of a place from its first, or with negative numbers from behind its last. */
  field: (plan: LoopPlan, place: number, field: number): number => {
    const dimensions = plan.outer.length + plan.inner.length, fields = dimensions + 5;
    return 3 + dimensions + fields * place + (field < 0 ? fields + field : field);
  },
};

/** The parameters of a plan: lanes, block, blocks, sizes, and five or more fields a place. */
export function parametersOf(plan: LoopPlan, pointerTo: (buffer: number) => number): number[] {
  const blocks = Math.ceil(plan.lanes / plan.block);
  const words = [plan.lanes, plan.block, blocks, ...plan.outer, ...plan.inner];
  for (const p of plan.places) {
    const bytes = p.buffer < 0 ? 1 : 4;
    words.push(p.buffer < 0 ? 0 : pointerTo(p.buffer), p.offset * bytes);
    words.push(...p.strides.map((s) => s * bytes));
    words.push((p.lookup?.stride ?? 0) * bytes, (p.lookup?.size ?? 1) - 1);
  }
  return words;
}
