/**
 * The parts of a matrix product that touch numbers: panels are packed, tiles computed and put in place.
 *
 * Idea   A tile of 6 × 8 sums stays in registers while k runs: eight numbers of b are loaded once for six
 *        rows, each number of a once for eight columns.
 * Differs from the paper: where multiplication and addition are not fused, a tile is 4 × 8.
 * @module
 */
import { f32x4, i32, type Local, type Module, type Routine, v128 } from "./assembler.ts";

/** Columns of a panel and of a tile. */
export const COLUMNS = 8;
/** Bytes from row to row of a panel. */
export const PANEL_ROW = 4 * COLUMNS;
/** Rows of a tile. */
export const rowsOf = (fma: boolean): number => fma ? 6 : 4;

/** out = left · right, or out += left · right, for so many rows and eight columns. */
export function writeTile(module: Module, rows: number): Routine {
  const f = module.routine(9);
  const [left, leftRow, leftColumn, right, rightStep, k, out, outRow, add] = f.parameters;
  const sums = Array.from({ length: rows }, () => [f.local("v128"), f.local("v128")]);
  const at: Local[] = [];
  for (let r = 0; r < rows; r++) at.push(f.integer(r ? i32.add(at[r - 1], leftRow) : left));
  const [b0, b1, a] = [f.local("v128"), f.local("v128"), f.local("v128")];
  const step = () => {
    f.set(b0, v128.load(right));
    f.set(b1, v128.load(right, 16));
    for (let r = 0; r < rows; r++) {
      f.set(a, v128.splat(at[r]));
      f.set(sums[r][0], f.madd(a, b0, sums[r][0]));
      f.set(sums[r][1], f.madd(a, b1, sums[r][1]));
      f.add(at[r], leftColumn);
    }
    f.add(right, rightStep);
    f.add(k, -1);
  };
  f.while(i32.geS(k, 4), () => [1, 2, 3, 4].forEach(step));
  f.while(i32.gtS(k, 0), step);
  f.if(add, () => {
    const at = f.integer(out);
    for (const [s0, s1] of sums) {
      f.set(s0, f32x4.add(s0, v128.load(at)));
      f.set(s1, f32x4.add(s1, v128.load(at, 16)));
      f.add(at, outRow);
    }
  });
  // The place for what follows a product, once for each number of c (a bias, an activation).
  for (const [s0, s1] of sums) {
    f.do(v128.store(out, s0), v128.store(out, s1, 16));
    f.add(out, outRow);
  }
  return f;
}

/** A panel: copied where rows lie in memory, 4 × 4 numbers transposed where columns do, else gathered. */
export function writePack(module: Module): Routine {
  const f = module.routine(6);
  const [to, from, k, row, column, columns] = f.parameters;
  const next = (turns: number) => {
    f.add(to, turns * PANEL_ROW);
    f.add(k, -turns);
  };
  f.if(i32.eq(column, 4), () =>
    f.while(i32.gtS(k, 0), () => {
      f.do(v128.store(to, v128.load(from)), v128.store(to, v128.load(from, 16), 16));
      f.add(from, row);
      next(1);
    }));
  // Columns that are not there repeat the last one.
  const at: Local[] = [f.integer(from)];
  for (let j = 1; j < COLUMNS; j++) {
    const step = i32.select(column, 0, i32.gtS(columns, j));
    at.push(f.integer(i32.add(at[j - 1], step)));
  }
  f.if(i32.eq(row, 4), () =>
    f.while(i32.geS(k, 4), () => {
      for (const half of [0, 4]) transpose(f, at.slice(half, half + 4), to, 4 * half);
      at.forEach((p) => f.add(p, 16));
      next(4);
    }));
  const vector = f.local("v128");
  f.while(i32.gtS(k, 0), () => {
    for (let j = 0; j < COLUMNS; j++) {
      f.set(vector, j % 4 ? v128.loadLane(at[j], vector, j % 4) : v128.loadOne(at[j]));
      if (j % 4 === 3) f.do(v128.store(to, vector, 4 * j - 12));
      f.add(at[j], row);
    }
    next(1);
  });
  return f;
}

/** Four numbers each from four addresses become four rows of a panel. */
function transpose(f: Routine, at: Local[], to: Local, offset: number): void {
  f.scope(() => {
    const [a, b, c, d] = at.map((p) => f.vector(v128.load(p)));
    const ab = [f.vector(v128.shuffle(a, b, 0, 4, 1, 5)), f.vector(v128.shuffle(a, b, 2, 6, 3, 7))];
    const cd = [f.vector(v128.shuffle(c, d, 0, 4, 1, 5)), f.vector(v128.shuffle(c, d, 2, 6, 3, 7))];
    for (let i = 0; i < 4; i++) {
      const lanes = i % 2 ? [2, 3, 6, 7] : [0, 1, 4, 5];
      f.do(v128.store(to, v128.shuffle(ab[i >> 1], cd[i >> 1], ...lanes), offset + i * PANEL_ROW));
    }
  });
}

/** A tile into a place that is narrower than eight columns or has strides of its own. */
export function writeSpill(module: Module): Routine {
  const f = module.routine(7);
  const [tile, out, rows, columns, row, column, add] = f.parameters;
  f.for(0, rows, 1, () => {
    const [from, to] = [f.integer(tile), f.integer(out)];
    f.for(0, columns, 1, () => {
      const v = f.vector(v128.loadOne(from));
      f.if(add, () => f.set(v, f32x4.add(v, v128.loadOne(to))));
      f.do(v128.storeLane(to, v, 0));
      f.add(from, 4);
      f.add(to, column);
    });
    f.add(tile, PANEL_ROW);
    f.add(out, row);
  });
  return f;
}
