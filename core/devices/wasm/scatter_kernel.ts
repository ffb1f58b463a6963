/**
 * Scatter: rows added where ids say, the gradient of an embedding table.
 *
 * Idea   Threads share the columns, not the rows, so every sum runs in the order of the ids.
 * Maths  to[v, :] = Σ over r with ids[r] = v of from[r, :]
 * Differs from the paper: there is none.
 * @module
 */
import type { Scatter } from "../../program/program.ts";
import { f32x4, fill, i32, i32x4, type Module, v128 } from "./assembler.ts";
import type { Job } from "./threads.ts";

/** Columns in a unit of work. */
const COLUMNS = 64;

/** A scatter as a job. */
export function scatterJob(
  { rows, width, size, ids, from, to }: Scatter,
  pointerTo: (buffer: number) => number,
): Job {
  return {
    key: "scatter",
    write: writeScatter,
    parameters: [ids, from, to].map(pointerTo).concat(rows, 4 * width, size),
    units: Math.ceil(width / COLUMNS),
    work: (rows + size / 2) * (10 + Math.min(width, COLUMNS) / 4),
  };
}

/** Write the kernel; its parameters are (parameters, first unit, end of units, scratch). */
function writeScatter(module: Module, name: string): void {
  const f = module.routine(4, name);
  const word = (i: number) => i32.load(f.parameters[0], 4 * i);
  const [ids, from, to] = [0, 1, 2].map((i) => f.integer(i32.load(word(i))));
  const [rows, width, size] = [3, 4, 5].map((i) => f.integer(word(i)));
  const first = f.integer(i32.mul(f.parameters[1], 4 * COLUMNS));
  const end = f.integer(i32.mul(f.parameters[2], 4 * COLUMNS));
  const bytes = f.integer(i32.sub(f.least(width, end), first));
  f.add(from, first);
  f.add(to, first);
  const zero = f.integer(to);
  f.for(0, size, 1, () => {
    f.do(fill(zero, 0, bytes));
    f.add(zero, width);
  });
  const last = f.vector(i32x4.splat(i32.sub(size, 1)));
  f.for(0, rows, 1, () => {
    const id = i32x4.lane(i32x4.minU(i32x4.truncU(v128.splat(ids)), last), 0);
    const target = f.integer(i32.add(to, i32.mul(id, width)));
    const source = f.integer(from), left = f.integer(bytes);
    f.while(i32.geS(left, 16), () => {
      f.do(v128.store(target, f32x4.add(v128.load(target), v128.load(source))));
      for (const p of [target, source]) f.add(p, 16);
      f.add(left, -16);
    });
    f.while(i32.gtS(left, 0), () => {
      const sum = f32x4.add(v128.loadOne(target), v128.loadOne(source));
      f.do(v128.storeLane(target, sum, 0));
      for (const p of [target, source]) f.add(p, 4);
      f.add(left, -4);
    });
    f.add(ids, 4);
    f.add(from, width);
  });
}
