/**
 * Scatter-add as kernels, without atomics and with one result only.
 *
 * Idea   Rows with the same id form a chain: `next[r]` is the next row with the id of row r, and the first
 *        row of a chain is marked. Then one thread for each chain and column walks the chain and adds.
 * Maths  to[v] = Σ over the chain of v, in the order of r
 * Differs from the paper: there is none.
 * @module
 */
import type { BufferPlan, Scatter } from "../../program/program.ts";
import { assemble, four, type Kernel, numbersIn, one, Parameters } from "./kernel.ts";

/** Finds the chains: links[r] is the next row of the chain, links[rows + r] is 1 for its first. */
function linkKernel({ rows, ids, size }: Scatter, plans: readonly BufferPlan[], links: number) {
  const parameters = new Parameters(), type = numbersIn(false, plans[ids].half);
  const n = parameters.add(rows), last = `number(${parameters.add(size)} - 1)`;
  const id = (r: string) => `clamp(${one("b0", type, r)}, 0f, ${last})`;
  return assemble({
    label: `scatter links of ${rows} rows`,
    width: 1,
    parameters,
    threads: 64,
    groups: Math.ceil(rows / 64),
    arguments: [
      { buffer: ids, type, writes: false },
      { buffer: links, type: "i32", writes: true },
    ],
    body: [
      "let r = i32(group * 64u + local);",
      `if (r >= ${n}) { return; }`,
      `let id = ${id("r")};`,
      "var next = r + 1;",
      `while (next < ${n} && ${id("next")} != id) { next++; }`,
      "var before = r;",
      `while (before > 0 && ${id("before - 1")} != id) { before--; }`,
      "b1[r] = next;",
      `b1[${n} + r] = select(0, 1, before == 0);`,
    ],
  });
}

/** Walks the chains. */
function sumKernel(step: Scatter, plans: readonly BufferPlan[], links: number): Kernel {
  const { rows, width, size, ids, from, to } = step, parameters = new Parameters();
  const lanes = width % 4 === 0 ? 4 : 1, load = lanes === 4 ? four : one;
  const n = parameters.add(rows), last = `${parameters.add(size)} - 1`;
  const pitch = parameters.add(width);
  const [idType, rowType] = [
    numbersIn(false, plans[ids].half),
    numbersIn(lanes === 4, plans[from].half),
  ];
  const target = `clamp(i32(${one("b0", idType, "first")}), 0, ${last}) * ${pitch} + column`;
  return assemble({
    label: `scatter ${rows}×${width} into ${size}`,
    width: lanes,
    parameters,
    threads: 64,
    groups: Math.ceil(rows * width / lanes / 64),
    arguments: [
      { buffer: ids, type: idType, writes: false },
      { buffer: links, type: "i32", writes: false },
      { buffer: from, type: rowType, writes: false },
      { buffer: to, type: numbersIn(lanes === 4), writes: true },
    ],
    body: [
      `let x = i32(group * 64u + local) * ${lanes};`,
      `let first = i32(u32(x) / u32(${pitch}));`,
      `if (first >= ${n} || b1[${n} + first] == 0) { return; }`,
      `let column = x - first * ${pitch};`,
      "var sum = number();",
      `for (var r = first; r < ${n}; r = b1[r]) { sum += ${
        load("b2", rowType, `r * ${pitch} + column`)
      }; }`,
      `let to = ${target};`,
      `b3[${lanes === 4 ? "to >> 2u" : "to"}] = sum;`,
    ],
  });
}

/**
 * The kernels of a scatter, to be run after `to` was set to zeros; `plans` are those of the program's
 * buffers, `links` is one with room for 2·rows.
 */
export function scatterKernels(
  step: Scatter,
  plans: readonly BufferPlan[],
  links: number,
): Kernel[] {
  if (step.rows * step.width === 0) return [];
  return [linkKernel(step, plans, links), sumKernel(step, plans, links)];
}
