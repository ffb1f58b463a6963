/**
 * How a GPU should multiply: measured once, when its device is made.
 *
 * Idea   Whether tiles in workgroup memory pay depends on caches of which no adapter tells. So products of a
 *        transformer's size are run both ways, by the GPU's own clock. Compiling is what this costs; on
 *        a software adapter that takes a second and the answer is known, so it is not asked. Nor
 *        can be a GPU without a clock: it tiles.
 * Maths  tiled unless registers alone take less than 0.9 of its time: where both are as fast, every device of
 *        that GPU makes the same choice, and so the same roundings.
 * Differs from the paper: there is none.
 * @module
 */
import type { Contraction, Matrix, Program } from "../../program/program.ts";
import type { Gpu } from "./device.ts";
import { GpuProgram } from "./program.ts";

/** The best time of a product in ms, by tiles of workgroups and by the registers of each thread. */
export interface ProductTimes {
  /** With tiles in workgroup memory. */
  tiled: number;
  /** Without. */
  registers: number;
}

/** What measures; undefined where nothing can be measured. */
export type ProductTimer = (device: Gpu) => Promise<ProductTimes | undefined>;

/** A matrix product, three times in a row: the first finds no factor in a cache. */
function products(m: number, k: number, n: number): Program {
  const rowMajor = { offset: 0, batch: [], column: 1 };
  const a: Matrix = { buffer: 0, row: k, ...rowMajor };
  const b: Matrix = { buffer: 1, row: n, ...rowMajor };
  const c: Matrix = { buffer: 2, row: n, ...rowMajor };
  const step: Contraction = { kind: "contraction", batch: [], m, n, k, a, b, c };
  const plan = (elements: number, binding: number) => ({ elements, binding, slot: -1 });
  const buffers = [m * k, k * n, m * n].map(plan);
  return { steps: [step, step, step], buffers, slots: [], bindings: 3 };
}

/** Run products both ways, in turns, and wait for the GPU once. */
export async function timeProducts(device: Gpu): Promise<ProductTimes | undefined> {
  if (!device.gpu.features.has("timestamp-query")) return undefined;
  const { software, buffersPerLoop } = device, program = products(512, 768, 768);
  const storages = program.buffers.map(({ elements }) => device.allocate(elements));
  const ways = [true, false].map((tiled) =>
    new GpuProgram(device, program, { software, tiled, buffersPerLoop })
  );
  const runs = await Promise.all([...ways, ...ways].map((way) => way.profile(storages)));
  for (const storage of storages) device.free(storage);
  for (const way of ways) way.dispose();
  const [tiled, registers] = [0, 1].map((way) => Math.min(...runs[way], ...runs[way + 2]));
  return { tiled, registers };
}

/** Whether to tile, by what was measured. */
export const shouldTile = (times: ProductTimes | undefined): boolean =>
  times === undefined || !(times.registers < 0.9 * times.tiled);
