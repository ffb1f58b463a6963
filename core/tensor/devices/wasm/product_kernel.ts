/**
 * Matrix products as SIMD code — after Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix
 * Multiplication".
 *
 * Idea   A tile of 6 × 8 sums stays in registers while k runs: eight numbers of b are loaded once for six
 *        rows, each number of a once for eight columns. Eight columns of b are first copied side by
 *        side (a panel), so that they stream from the nearest cache. Strides are numbers, so
 *        transposed operands need no copy of the whole.
 * Maths  c[i, j] = Σ_k a[i, k] · b[k, j], k in blocks that fit the cache
 * Differs from the paper: a is not copied; where multiplication and addition are not fused, 4 × 8.
 * @module
 */
import type { Contraction, Loop, Matrix } from "../../program.ts";
import { input, multiply, result } from "../../expression.ts";
import { elementsOf } from "../../program.ts";
import { f32x4, i32, type Local, type Module, type Routine, v128 } from "./assembler.ts";
import { merge } from "./loop_plan.ts";

const COLUMNS = 8;
const PANEL_ROW = 4 * COLUMNS;
const rowsOf = (fma: boolean) => fma ? 6 : 4;
/** Longest panel; the block of a that goes with it has at most so many numbers. */
const DEEPEST = 512;
const BLOCK = 96 * 1024;

/** What the kernel reads, word by word; for each batch dimension four words follow. */
const slots = [
  "a",
  "aAt",
  "aRow",
  "aColumn",
  "b",
  "bAt",
  "bRow",
  "bColumn",
  "c",
  "cAt",
  "cRow",
  "cColumn",
]
  .concat("m", "n", "k", "rows", "depth", "panels", "blocks", "packs", "rank");
const wordOf = Object.fromEntries(slots.map((name, i) => [name, i]));
const BATCH = slots.length;

/** A contraction, ready to be run by the kernel. */
export interface ProductPlan {
  parameters: number[];
  /** Panels of c, for the threads to share. */
  units: number;
  /** Multiplications in a unit. */
  work: number;
}

/** A product with one row or one column is a loop. */
export function asLoop({ batch, m, n, k, a, b, c }: Contraction): Loop {
  const outer = (x: Matrix, row: number, column: number) => [...x.batch, row, column];
  return {
    kind: "loop",
    outer: [...batch, m, n],
    inner: [k],
    loads: [
      { buffer: a.buffer, offset: a.offset, outer: outer(a, a.row, 0), inner: [a.column] },
      { buffer: b.buffer, offset: b.offset, outer: outer(b, 0, b.column), inner: [b.row] },
    ],
    stages: [
      { kind: "reduce", by: "sum", value: multiply(input(0), input(1)) },
      {
        kind: "store",
        value: result(0),
        to: { buffer: c.buffer, offset: c.offset, outer: outer(c, c.row, c.column), inner: null },
      },
    ],
  };
}

const transposed = (x: Matrix): Matrix => ({ ...x, row: x.column, column: x.row });

/** Plan a contraction for `fma`-tiles. */
export function planProduct(
  step: Contraction,
  fma: boolean,
  pointerTo: (buffer: number) => number,
): ProductPlan {
  let { m, n, a, b, c } = step;
  // cᵀ = bᵀ aᵀ: the rows of c should be the ones that lie in memory.
  if (c.column !== 1 && c.row === 1) {
    [m, n, a, b, c] = [n, m, transposed(b), transposed(a), transposed(c)];
  }
  const { k } = step;
  let batch = merge(
    step.batch.map((size, d) => ({ size, strides: [a.batch[d], b.batch[d], c.batch[d]] })),
  );
  // A batch that shares b is more rows.
  const last = batch.at(-1);
  if (
    last && last.strides[1] === 0 && last.strides[0] === m * a.row && last.strides[2] === m * c.row
  ) {
    m *= last.size;
    batch = batch.slice(0, -1);
  }
  const depth = Math.min(k, DEEPEST), tile = rowsOf(fma), tiles = Math.ceil(m / tile);
  const fit = Math.max(1, Math.floor(BLOCK / Math.max(1, depth) / tile));
  const rows = tile * Math.max(1, Math.ceil(tiles / Math.ceil(tiles / fit)));
  const panels = Math.ceil(n / COLUMNS), blocks = Math.ceil(m / rows);
  const packs = b.column !== 1 || m > tile ? 1 : 0;
  const matrix = (x: Matrix) => [pointerTo(x.buffer), 4 * x.offset, 4 * x.row, 4 * x.column];
  return {
    parameters: [
      ...[a, b, c].flatMap(matrix),
      ...[m, n, k, rows, depth, panels, blocks, packs, batch.length],
      ...batch.flatMap((d) => [d.size, ...d.strides.map((s) => 4 * s)]),
    ],
    units: panels * blocks * elementsOf(batch.map((d) => d.size)),
    work: COLUMNS * Math.min(m, rows) * k,
  };
}

/** Write the kernel; its parameters are (parameters, first unit, end of units, scratch). */
export function writeProduct(module: Module, name: string): void {
  const tiles = Array.from({ length: rowsOf(module.fma) }, (_, i) => writeTile(module, i + 1));
  const pack = writePack(module);
  const spill = writeSpill(module);
  const f = module.routine(4, name);
  const [parameters, begin, end, scratch] = [0, 1, 2, 3].map((i) => f.parameter(i));
  const word = (name: string) => i32.load(parameters, 4 * wordOf[name]);
  const tile = tiles.length;
  const panelAt = f.integer(i32.add(scratch, i32.const(PANEL_ROW * tile)));

  const unit = f.integer(begin);
  f.while(i32.ltS(unit, end), () => {
    // The panels of this chunk that belong to one block of rows.
    const panels = f.integer(word("panels"));
    const block = f.integer(i32.divU(unit, panels));
    const first = f.integer(i32.remU(unit, panels));
    const last = f.integer(f.least(panels, i32.add(first, i32.sub(end, unit))));
    f.add(unit, i32.sub(last, first));

    const row = f.integer(i32.mul(i32.remU(block, word("blocks")), word("rows")));
    const z = f.integer(i32.divU(block, word("blocks")));
    const [aRow, aColumn, cRow, cColumn, bRow, bColumn] = [
      "aRow",
      "aColumn",
      "cRow",
      "cColumn",
      "bRow",
      "bColumn",
    ]
      .map((name) => f.integer(word(name)));
    const a = f.integer(i32.add(i32.add(i32.load(word("a")), word("aAt")), i32.mul(row, aRow)));
    const b = f.integer(i32.add(i32.load(word("b")), word("bAt")));
    const c = f.integer(i32.add(i32.add(i32.load(word("c")), word("cAt")), i32.mul(row, cRow)));
    const rows = f.integer(f.least(i32.sub(word("m"), row), word("rows")));

    // Where in the batch.
    const rank = f.integer(word("rank"));
    const at = f.integer(i32.add(parameters, i32.mul(rank, i32.const(16))));
    f.while(i32.gtS(rank, i32.const(0)), () => {
      const size = i32.load(at, 4 * BATCH - 16);
      const index = f.integer(i32.remU(z, size));
      f.set(z, i32.divU(z, size));
      [a, b, c].forEach((p, i) => f.add(p, i32.mul(index, i32.load(at, 4 * BATCH - 12 + 4 * i))));
      f.add(at, i32.const(-16));
      f.add(rank, i32.const(-1));
    });

    const k = f.integer(word("k"));
    const depth = f.integer(word("depth"));
    const add = f.integer(i32.const(0));
    const again = f.integer(i32.const(1));
    f.while(again, () => {
      const deep = f.integer(f.least(k, depth));
      f.for(first, last, 1, (panel) => {
        const column = f.integer(i32.mul(panel, i32.const(COLUMNS)));
        const columns = f.integer(f.least(i32.sub(word("n"), column), i32.const(COLUMNS)));
        const right = f.integer(i32.add(b, i32.mul(column, bColumn)));
        const rightStep = f.integer(bRow);
        f.if(word("packs"), () => {
          f.call(pack, panelAt, right, deep, bRow, bColumn, columns);
          f.set(right, panelAt);
          f.set(rightStep, i32.const(PANEL_ROW));
        });
        const out = f.integer(i32.add(c, i32.mul(column, cColumn)));
        const left = f.integer(a);
        const open = f.integer(rows);
        const whole = f.integer(
          i32.mul(i32.eq(columns, i32.const(8)), i32.eq(cColumn, i32.const(4))),
        );
        const run = (rows: number) => {
          const operands = [left, aRow, aColumn, right, rightStep, deep];
          f.if(whole, () => f.call(tiles[rows - 1], ...operands, out, cRow, add), () => {
            f.call(tiles[rows - 1], ...operands, scratch, i32.const(PANEL_ROW), i32.const(0));
            f.call(spill, scratch, out, i32.const(rows), columns, cRow, cColumn, add);
          });
        };
        f.while(i32.geS(open, i32.const(tile)), () => {
          run(tile);
          f.add(left, i32.mul(aRow, i32.const(tile)));
          f.add(out, i32.mul(cRow, i32.const(tile)));
          f.add(open, i32.const(-tile));
        });
        for (let r = tile - 1; r > 0; r--) f.if(i32.eq(open, i32.const(r)), () => run(r));
      });
      f.add(a, i32.mul(deep, aColumn));
      f.add(b, i32.mul(deep, bRow));
      f.set(k, i32.sub(k, deep));
      f.set(add, i32.const(1));
      f.set(again, k);
    });
  });
}

/** out = left · right, or out += left · right, for so many rows and eight columns. */
function writeTile(module: Module, rows: number): Routine {
  const f = module.routine(9);
  const [left, leftRow, leftColumn, right, rightStep, k, out, outRow, add] = parametersOf(f, 9);
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
    f.add(k, i32.const(-1));
  };
  f.while(i32.geS(k, i32.const(4)), () => [1, 2, 3, 4].forEach(step));
  f.while(i32.gtS(k, i32.const(0)), step);
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
function writePack(module: Module): Routine {
  const f = module.routine(6);
  const [to, from, k, row, column, columns] = parametersOf(f, 6);
  const next = (turns: number) => {
    f.add(to, i32.const(turns * PANEL_ROW));
    f.add(k, i32.const(-turns));
  };
  f.if(i32.eq(column, i32.const(4)), () =>
    f.while(i32.gtS(k, i32.const(0)), () => {
      f.do(v128.store(to, v128.load(from)), v128.store(to, v128.load(from, 16), 16));
      f.add(from, row);
      next(1);
    }));
  // Columns that are not there repeat the last one.
  const at: Local[] = [f.integer(from)];
  for (let j = 1; j < COLUMNS; j++) {
    const step = i32.select(column, i32.const(0), i32.gtS(columns, i32.const(j)));
    at.push(f.integer(i32.add(at[j - 1], step)));
  }
  f.if(i32.eq(row, i32.const(4)), () =>
    f.while(i32.geS(k, i32.const(4)), () => {
      for (const half of [0, 4]) transpose(f, at.slice(half, half + 4), to, 4 * half);
      at.forEach((p) => f.add(p, i32.const(16)));
      next(4);
    }));
  const vector = f.local("v128");
  f.while(i32.gtS(k, i32.const(0)), () => {
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
function writeSpill(module: Module): Routine {
  const f = module.routine(7);
  const [tile, out, rows, columns, row, column, add] = parametersOf(f, 7);
  f.for(i32.const(0), rows, 1, () => {
    const [from, to] = [f.integer(tile), f.integer(out)];
    f.for(i32.const(0), columns, 1, () => {
      const v = f.vector(v128.loadOne(from));
      f.if(add, () => f.set(v, f32x4.add(v, v128.loadOne(to))));
      f.do(v128.storeLane(to, v, 0));
      f.add(from, i32.const(4));
      f.add(to, column);
    });
    f.add(tile, i32.const(PANEL_ROW));
    f.add(out, row);
  });
  return f;
}

const parametersOf = (f: Routine, n: number) => Array.from({ length: n }, (_, i) => f.parameter(i));
