/**
 * Scatter-add as kernels, without atomics and with one result only.
 *
 * Idea   Rows with the same id form a chain: `next[r]` is the next row with the id of row r, and the first
 *        row of a chain is marked. Then one thread for each chain and column walks the chain and adds.
 * Maths  to[v] = Σ over the chain of v, in the order of r
 * Differs from the paper: there is none.
 * @module
 */
import type { Scatter } from "../../program/program.ts";
import { assemble, type Kernel, Parameters } from "./kernel.ts";

/** Finds the chains: links[r] is the next row of the chain, links[rows + r] is 1 for its first. */
function linkKernel({ rows, ids, size }: Scatter, links: number): Kernel {
  const parameters = new Parameters();
  const n = `u32(${parameters.add(rows)})`, last = `number(${parameters.add(size)} - 1)`;
  return assemble({
    label: `scatter links of ${rows} rows`,
    width: 1,
    parameters,
    threads: 64,
    groups: Math.ceil(rows / 64),
    arguments: [
      { buffer: ids, type: "f32", writes: false },
      { buffer: links, type: "i32", writes: true },
    ],
    body: [
      "let r = group * 64u + local;",
      `if (r >= ${n}) { return; }`,
      `let id = clamp(b0[r], 0f, ${last});`,
      "var next = r + 1u;",
      `while (next < ${n} && clamp(b0[next], 0f, ${last}) != id) { next++; }`,
      "var before = r;",
      `while (before > 0u && clamp(b0[before - 1u], 0f, ${last}) != id) { before--; }`,
      "b1[r] = i32(next);",
      `b1[${n} + r] = select(0, 1, before == 0u);`,
    ],
  });
}

/** Walks the chains. */
function sumKernel({ rows, width, size, ids, from, to }: Scatter, links: number): Kernel {
  const parameters = new Parameters();
  const lanes = width % 4 === 0 ? 4 : 1;
  const n = parameters.add(rows), last = `${parameters.add(size)} - 1`;
  const columns = parameters.add(width / lanes);
  const type = lanes === 4 ? "vec4f" : "f32";
  return assemble({
    label: `scatter ${rows}×${width} into ${size}`,
    width: lanes,
    parameters,
    threads: 64,
    groups: Math.ceil(rows * width / lanes / 64),
    arguments: [
      { buffer: ids, type: "f32", writes: false },
      { buffer: links, type: "i32", writes: false },
      { buffer: from, type, writes: false },
      { buffer: to, type, writes: true },
    ],
    body: [
      "let x = i32(group * 64u + local);",
      `let first = i32(u32(x) / u32(${columns}));`,
      `if (first >= ${n} || b1[${n} + first] == 0) { return; }`,
      `let column = x - first * ${columns};`,
      "var sum = number();",
      `for (var r = first; r < ${n}; r = b1[r]) { sum += b2[r * ${columns} + column]; }`,
      `b3[clamp(i32(b0[first]), 0, ${last}) * ${columns} + column] = sum;`,
    ],
  });
}

/** The kernels of a scatter, to be run after `to` was set to zeros; `links` has room for 2·rows. */
export function scatterKernels(step: Scatter, links: number): Kernel[] {
  if (step.rows * step.width === 0) return [];
  return [linkKernel(step, links), sumKernel(step, links)];
}
