/**
 * The reference device: every step as plain loops in double precision.
 *
 * Idea   This file is the definition of what a program means. It is unhurried; the other devices must
 *        agree with it.
 * Maths  Sums run in index order, accumulated in float64.
 * Differs from the paper: there is none.
 * @module
 */
import type { Device, Executable, Storage, Values } from "../program/device.ts";
import { evaluate } from "../program/expression.ts";
import {
  type Contraction,
  elementsOf,
  type Loop,
  type Program,
  type Scatter,
} from "../program/program.ts";

class Numbers implements Storage {
  constructor(readonly values: Float64Array<ArrayBuffer>) {}
  get elements(): number {
    return this.values.length;
  }
}

/** The device whose results are the definition of all operations. */
export function referenceDevice(): Device {
  return {
    name: "reference",
    description: "plain loops in double precision",
    fuses: false,
    epilogues: false,
    buffersPerLoop: Infinity,
    allocate: (elements) => new Numbers(new Float64Array(elements)),
    upload: (storage, values) => (storage as Numbers).values.set(values),
    free: () => {},
    compile,
  };
}

function compile(program: Program): Executable {
  const runSteps = (storages: readonly Storage[]): number[] => {
    const slots = program.slots.map((elements) => new Float64Array(elements));
    const buffers = program.buffers.map((b) =>
      b.binding < 0 ? slots[b.slot] : (storages[b.binding] as Numbers).values
    );
    return program.steps.map((step) => {
      const start = performance.now();
      if (step.kind === "loop") runLoop(step, buffers);
      else if (step.kind === "contraction") runContraction(step, buffers);
      else runScatter(step, buffers);
      return performance.now() - start;
    });
  };
  return {
    run(storages, reads) {
      runSteps(storages);
      return Promise.resolve(
        reads.map((i): Values => (storages[i] as Numbers).values.slice()),
      );
    },
    profile: (storages) => Promise.resolve(runSteps(storages)),
    dispose() {},
  };
}

/** Every index of a box with the given sizes, row-major. */
function* indices(sizes: readonly number[]): Generator<number[]> {
  if (sizes.some((s) => s === 0)) return;
  const index = sizes.map(() => 0);
  for (;;) {
    yield index;
    let d = sizes.length - 1;
    while (d >= 0 && ++index[d] === sizes[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

const dot = (strides: readonly number[], index: readonly number[]) =>
  strides.reduce((sum, s, d) => sum + s * index[d], 0);

function runLoop(loop: Loop, buffers: Float64Array[]): void {
  for (const outer of indices(loop.outer)) {
    const results: number[] = [];
    let inner: number[] = [];
    const load = (i: number): number => {
      const { buffer, offset, outer: o, inner: n, lookup } = loop.loads[i];
      let at = offset + dot(o, outer) + dot(n, inner);
      if (lookup) at += lookup.stride * Math.min(Math.max(load(lookup.by), 0), lookup.size - 1);
      return buffer < 0 ? at : buffers[buffer][at];
    };
    for (const stage of loop.stages) {
      const value = () => evaluate(stage.value, load, (k) => results[k]);
      if (stage.kind === "reduce") {
        let folded = stage.by === "sum" ? 0 : -Infinity;
        for (inner of indices(loop.inner)) {
          folded = stage.by === "sum" ? folded + value() : Math.max(folded, value());
        }
        results.push(folded);
      } else {
        const { buffer, offset, outer: o, inner: n } = stage.to;
        for (inner of n ? indices(loop.inner) : [loop.inner.map(() => 0)]) {
          buffers[buffer][offset + dot(o, outer) + (n ? dot(n, inner) : 0)] = value();
        }
      }
    }
  }
}

function runContraction(step: Contraction, buffers: Float64Array[]): void {
  const { batch, m, n, k, a, b, c, epilogue } = step;
  const [A, B, C] = [buffers[a.buffer], buffers[b.buffer], buffers[c.buffer]];
  for (const z of indices(batch)) {
    const [a0, b0, c0] = [a, b, c].map((x) => x.offset + dot(x.batch, z));
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let x = 0; x < k; x++) {
          sum += A[a0 + i * a.row + x * a.column] * B[b0 + x * b.row + j * b.column];
        }
        C[c0 + i * c.row + j * c.column] = sum;
      }
    }
  }
  if (epilogue) runLoop(epilogue, buffers);
}

function runScatter({ rows, width, size, ids, from, to }: Scatter, buffers: Float64Array[]): void {
  buffers[to].fill(0, 0, elementsOf([size, width]));
  for (let r = 0; r < rows; r++) {
    const id = Math.min(Math.max(buffers[ids][r], 0), size - 1);
    for (let j = 0; j < width; j++) buffers[to][id * width + j] += buffers[from][r * width + j];
  }
}
