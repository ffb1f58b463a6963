/**
 * Matrix products as SIMD code — after Goto & van de Geijn 2008, "Anatomy of High-Performance Matrix
 * Multiplication".
 *
 * Idea   Eight columns of b are copied side by side (a panel), so that they stream from the nearest cache
 *        while the rows of a pass by in tiles. Rows and k come in blocks that stay in the next cache.
 *        Strides are numbers, so transposed operands need no copy of the whole.
 * Maths  c[i, j] = Σ_k a[i, k] · b[k, j], k in blocks that fit the cache
 * Differs from the paper: a is copied only where its columns lie far apart, as in the gradient of a
 *         weight: then tile after tile, since numbers so far apart would push each other out of the cache.
 * @module
 */
import { input, multiply, result } from "../../program/expression.ts";
import {
  type Contraction,
  elementsOf,
  type Loop,
  type Matrix,
  transposed,
} from "../../program/program.ts";
import { i32, type Module, type Routine } from "./assembler.ts";
import { loopJob } from "./loop_kernel.ts";
import { COLUMNS, PANEL_ROW, rowsOf, writePack, writeSpill, writeTile } from "./product_tile.ts";
import type { Job } from "./threads.ts";

/** The longest panel. */
const DEEPEST = 512;
/** Numbers of a in a block of rows; where they are copied: tiles, as long as the longest panel. */
const BLOCK = 96 * 1024;
const COPIED_TILES = 24;
/** Columns of a that lie so many numbers apart lie far apart. */
const FAR = 512;
/** A copy of a pays where so many panels use it. */
const PANELS_PER_COPY = 8;
/** Memory that a thread needs for itself: a tile, a panel and the copied tiles. */
export const SCRATCH_BYTES = PANEL_ROW * (rowsOf(true) + DEEPEST * (1 + COPIED_TILES));

/** What the kernel is told, in words; the blocks follow, four words each: where a, b, c begin; rows. */
const FIELDS = ["a", "aRow", "aColumn", "b", "bRow", "bColumn", "c", "cRow", "cColumn"]
  .concat("n", "k", "depth", "panels", "packsLeft", "packsRight");

/** A product with one row or one column is a loop. */
function asLoop({ batch, m, n, k, a, b, c }: Contraction): Loop {
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

/** A contraction as a job: its tiles, and where its blocks of rows begin. */
export function productJob(
  step: Contraction,
  fma: boolean,
  pointerTo: (buffer: number) => number,
): Job {
  if (step.epilogue) {
    throw new TypeError("wasm: a product has an epilogue, but this device does none");
  }
  if (step.m === 1 || step.n === 1) return loopJob(asLoop(step), pointerTo);
  const { batch, m, n, k, a, b, c } = rowsInMemory(step);
  const depth = Math.min(k, DEEPEST), tile = rowsOf(fma), tiles = Math.ceil(m / tile);
  const panels = Math.ceil(n / COLUMNS);
  const packsLeft = a.row === 1 && a.column >= FAR && panels >= PANELS_PER_COPY;
  const most = packsLeft ? COPIED_TILES * DEEPEST : BLOCK / tile;
  const fit = Math.max(1, Math.floor(most / Math.max(1, depth)));
  const rows = tile * Math.max(1, Math.ceil(tiles / Math.ceil(tiles / fit)));
  const blocks: number[] = [];
  for (let z = 0; z < elementsOf(batch); z++) {
    const [a0, b0, c0] = [a, b, c].map((x) => x.offset + positionOf(z, batch, x.batch));
    for (let r = 0; r < m; r += rows) {
      blocks.push(4 * (a0 + r * a.row), 4 * b0, 4 * (c0 + r * c.row), Math.min(rows, m - r));
    }
  }
  const matrix = (x: Matrix) => [pointerTo(x.buffer), 4 * x.row, 4 * x.column];
  const packsRight = b.column !== 1 || m > tile;
  return {
    key: "product",
    write: writeProduct,
    parameters: [a, b, c].flatMap(matrix)
      .concat(n, k, depth, panels, Number(packsLeft), Number(packsRight), blocks),
    units: panels * blocks.length / 4,
    together: packsLeft ? PANELS_PER_COPY : 1,
    work: COLUMNS * Math.min(m, rows) * k / 4,
  };
}

/** The same product with rows of c that lie in memory, and as many of them as the batch allows. */
function rowsInMemory(step: Contraction): Contraction {
  const { batch, m, a, b, c } = step;
  if (c.column !== 1 && c.row === 1) return rowsInMemory(transposed(step));
  // Where b is the same for all of a batch, the batch is more rows.
  const [more, aStep, bStep, cStep] = [batch, a.batch, b.batch, c.batch].map((list) => list.at(-1));
  if (more === undefined || bStep !== 0 || aStep !== m * a.row || cStep !== m * c.row) return step;
  const without = (x: Matrix): Matrix => ({ ...x, batch: x.batch.slice(0, -1) });
  const whole = { a: without(a), b: without(b), c: without(c), m: m * more };
  return rowsInMemory({ ...step, ...whole, batch: batch.slice(0, -1) });
}

/** How far from the first the z-th of a batch lies. */
function positionOf(z: number, sizes: number[], strides: number[]): number {
  let position = 0;
  for (let d = sizes.length - 1; d >= 0; d--) {
    position += z % sizes[d] * strides[d];
    z = Math.floor(z / sizes[d]);
  }
  return position;
}

/** Write the kernel; its parameters are (parameters, first unit, end of units, scratch). */
function writeProduct(module: Module, name: string): void {
  const pack = writePack(module), packTiles = writePackTiles(module, pack);
  const panelOf = writePanel(module);
  const f = module.routine(4, name);
  const [parameters, begin, end, scratch] = f.parameters;
  const word = (field: string) => i32.load(parameters, 4 * FIELDS.indexOf(field));
  const tile = rowsOf(module.fma);
  const panelAt = f.integer(i32.add(scratch, PANEL_ROW * tile));
  const tilesAt = f.integer(i32.add(panelAt, PANEL_ROW * DEEPEST));
  f.while(i32.ltS(begin, end), () => {
    // The panels of this chunk that belong to one block of rows.
    const panels = f.integer(word("panels"));
    const first = f.integer(i32.remU(begin, panels));
    const last = f.integer(f.least(panels, i32.add(first, i32.sub(end, begin))));
    const block = f.integer(
      i32.add(parameters, i32.mul(i32.divU(begin, panels), 16)),
    );
    f.add(begin, i32.sub(last, first));
    const [a, b, c] = ["a", "b", "c"].map((x, i) =>
      f.integer(i32.add(i32.load(word(x)), i32.load(block, 4 * FIELDS.length + 4 * i)))
    );
    const rows = f.integer(i32.load(block, 4 * FIELDS.length + 12));
    const k = f.integer(word("k")), add = f.integer(0), again = f.integer(1);
    f.while(again, () => {
      const deep = f.integer(f.least(k, word("depth")));
      const left = f.integer(a), leftRow = f.integer(word("aRow"));
      const leftColumn = f.integer(word("aColumn")), leftTile = f.integer(i32.mul(leftRow, tile));
      f.if(word("packsLeft"), () => {
        f.call(packTiles, tilesAt, left, deep, leftColumn, leftRow, rows);
        f.set(left, tilesAt);
        f.set(leftRow, 4);
        f.set(leftColumn, PANEL_ROW);
        f.set(leftTile, i32.mul(deep, PANEL_ROW));
      });
      f.for(first, last, 1, (panel) => {
        const column = f.integer(i32.mul(panel, COLUMNS));
        const columns = f.integer(f.least(i32.sub(word("n"), column), COLUMNS));
        const right = f.integer(i32.add(b, i32.mul(column, word("bColumn"))));
        const rightRow = f.integer(word("bRow"));
        f.if(word("packsRight"), () => {
          f.call(pack, panelAt, right, deep, rightRow, word("bColumn"), columns);
          f.set(right, panelAt);
          f.set(rightRow, PANEL_ROW);
        });
        const out = i32.add(c, i32.mul(column, word("cColumn")));
        const operands = [left, leftRow, leftColumn, leftTile, right, rightRow, deep];
        f.call(panelOf, parameters, scratch, ...operands, out, rows, columns, add);
      });
      f.add(a, i32.mul(deep, word("aColumn")));
      f.add(b, i32.mul(deep, word("bRow")));
      f.add(k, i32.sub(0, deep));
      f.set(add, 1);
      f.set(again, k);
    });
  });
}

/** A block's rows of a as panels of their own, one for each tile; what a tile does not use is not looked at. */
function writePackTiles(module: Module, pack: Routine): Routine {
  const f = module.routine(6), tile = rowsOf(module.fma);
  const [to, from, deep, column, row, rows] = f.parameters;
  f.for(0, rows, tile, (done) => {
    f.call(pack, to, from, deep, column, row, i32.sub(rows, done));
    f.add(to, i32.mul(deep, PANEL_ROW));
    f.add(from, i32.mul(row, tile));
  });
  return f;
}

/** One panel for all rows of a block, tile by tile. */
function writePanel(module: Module): Routine {
  const tile = rowsOf(module.fma), spill = writeSpill(module);
  const tiles = Array.from({ length: tile }, (_, i) => writeTile(module, i + 1));
  const f = module.routine(13);
  const [parameters, scratch, left, leftRow, leftColumn, leftTile, ...others] = f.parameters;
  const [right, rightRow, k, out, rows, columns, add] = others;
  const [cRow, cColumn] = ["cRow", "cColumn"]
    .map((field) => f.integer(i32.load(parameters, 4 * FIELDS.indexOf(field))));
  const whole = f.integer(
    i32.and(i32.eq(columns, COLUMNS), i32.eq(cColumn, 4)),
  );
  const run = (rows: number) => {
    const operands = [left, leftRow, leftColumn, right, rightRow, k];
    f.if(whole, () => f.call(tiles[rows - 1], ...operands, out, cRow, add), () => {
      f.call(tiles[rows - 1], ...operands, scratch, PANEL_ROW, 0);
      f.call(spill, scratch, out, rows, columns, cRow, cColumn, add);
    });
  };
  f.while(i32.geS(rows, tile), () => {
    run(tile);
    f.add(left, leftTile);
    f.add(out, i32.mul(cRow, tile));
    f.add(rows, -tile);
  });
  for (let r = tile - 1; r > 0; r--) f.if(i32.eq(rows, r), () => run(r));
  return f;
}
