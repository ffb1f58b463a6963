/**
 * The dimensions of a loop, tidied before code is made of them.
 *
 * Idea   A loop over 16 × 64 × 128 whose buffers are all contiguous is a loop over 131,072; one without
 *        reductions has a row for each element. Fewer dimensions mean fewer divisions in the kernel.
 * Differs from the paper: there is none.
 * @module
 */
import type { Loop, Store } from "../../program.ts";
import { inOrder } from "../../expression.ts";

/** The loads that the loop's stages use, and those that their lookups use. */
export function usedLoads(loop: Loop): Set<number> {
  const used = new Set<number>();
  const use = (i: number) => {
    used.add(i);
    const { lookup } = loop.loads[i];
    if (lookup && !used.has(lookup.by)) use(lookup.by);
  };
  for (const e of inOrder(...loop.stages.map((s) => s.value))) {
    if (e.operator === "input") use(e.value);
  }
  return used;
}

/** Where a stage stores, if it does. */
export const storesOf = (loop: Loop): Store[] =>
  loop.stages.flatMap((s) => s.kind === "store" ? [s.to] : []);

/** The same loop: no dimension of size 1, neighbours merged where every buffer allows it. */
export function arranged(loop: Loop): Loop {
  return merged(merged(isMap(loop) ? elementRows(loop) : loop, "outer"), "inner");
}

const isMap = (loop: Loop) => loop.stages.every((s) => s.kind === "store" && s.to.inner !== null);

/** A loop without reductions has no need of rows: every element is one. */
function elementRows(loop: Loop): Loop {
  const flat = <A extends Store>(a: A): A => ({
    ...a,
    outer: [...a.outer, ...(a.inner ?? [])],
    inner: [],
  });
  return withAccesses(
    { ...loop, outer: [...loop.outer, ...loop.inner], inner: [] },
    (a) => flat(a),
  );
}

function merged(loop: Loop, which: "outer" | "inner"): Loop {
  const used = usedLoads(loop);
  const accesses = [...storesOf(loop), ...loop.loads.filter((_, i) => used.has(i))]
    .map((a) => a[which]).filter((strides) => strides !== null);
  const dims = loop[which].map((size, d) => ({ size, strides: accesses.map((a) => a[d]), d }))
    .filter(({ size }) => size !== 1)
    .sort((x, y) => bigger(y.strides, x.strides));
  const kept: typeof dims = [];
  for (const dim of dims) {
    const last = kept.at(-1);
    const one = last?.strides.every((s, i) => s === dim.strides[i] * dim.size);
    if (last && one) kept[kept.length - 1] = { ...dim, size: last.size * dim.size };
    else kept.push(dim);
  }
  const pick = <A extends Store>(a: A): A => ({
    ...a,
    [which]: a[which] && kept.map(({ d }) => a[which]![d]),
  });
  return withAccesses({ ...loop, [which]: kept.map(({ size }) => size) }, pick);
}

/** Which of two dimensions takes larger steps, the stores deciding first. */
function bigger(x: number[], y: number[]): number {
  const i = x.findIndex((s, i) => Math.abs(s) !== Math.abs(y[i]));
  return i < 0 ? 0 : Math.abs(x[i]) - Math.abs(y[i]);
}

function withAccesses(loop: Loop, change: <A extends Store>(a: A) => A): Loop {
  return {
    ...loop,
    loads: loop.loads.map((l) => change(l as Store & typeof l)) as Loop["loads"],
    stages: loop.stages.map((s) => s.kind === "store" ? { ...s, to: change(s.to) } : s),
  };
}
