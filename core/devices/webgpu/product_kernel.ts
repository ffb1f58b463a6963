/**
 * Matrix products as kernels, made of 4 × 4 blocks.
 *
 * Idea   WGSL multiplies 4 × 4 matrices: `c0_1 += b1 * a0`. A thread holds several blocks of c; for four k
 *        at a time it takes a block of a for each of its block rows and one of b for each block column.
 *        A block is four vec4f loads whichever way the matrix lies in memory.
 * Maths  c[i, j] = Σ_k a[i, k] · b[k, j]. A block's columns are rows of the matrix: C = A·B is Cᵀ = Bᵀ·Aᵀ.
 * Differs from the paper: there is none.
 * Trap   A software adapter's loads are its bottleneck and workgroup memory only costs: large pieces of c
 *        straight from the buffers. A real GPU wants smaller ones, and most want tiles of a and b that a
 *        workgroup shares (product_choice.ts asks it).
 * @module
 */
import {
  type BufferPlan,
  type Contraction,
  elementsOf,
  type Matrix,
  transposed,
} from "../../program/program.ts";
import { LoopWriter } from "./loop_writer.ts";
import {
  type Argument,
  assemble,
  four,
  type Kernel,
  numbersIn,
  one,
  Parameters,
  unravel,
  type Ways,
} from "./kernel.ts";

/** How many k a shared tile holds. */
const DEPTH = 16;

/** An epilogue does four neighbours in a row of c at a time. */
const ONE_FOUR = { axis: "outer", rows: 1, units: 1, team: { rows: 1, members: 1 } } as const;

/** How c is divided: a thread's blocks down and across, and a workgroup's threads. */
interface Division {
  blocks: [down: number, across: number];
  threads: [down: number, across: number];
}

/** The kernel of a contraction; null if the product is empty. */
export function productKernel(
  given: Contraction,
  plans: readonly BufferPlan[],
  ways: Ways,
): Kernel | null {
  if (elementsOf(given.batch) * given.m * given.n === 0) return null;
  const c = given.c.column !== 1 && given.c.row === 1 ? transposed(given) : given;
  return new ProductWriter(c, plans, ways).kernel();
}

/** 128 × 128 for a workgroup if that makes enough of them, else 64 × 64. */
function forGpu({ batch, m, n }: Contraction): Division {
  const side = Math.ceil(m / 128) * Math.ceil(n / 128) * elementsOf(batch) >= 128 ? 16 : 8;
  return { blocks: [2, 2], threads: [side, side] };
}

/**
 * The eight threads that run at once take neighbouring columns: a row of a is the same for all. Where
 * numbers are loaded or stored one by one, the code is long, and large pieces would compile for seconds.
 */
function forSoftware({ m, n, a, b, c }: Contraction): Division {
  const most = [a, b, c].every((x) => along(x) !== null) && n % 4 === 0 ? 4 : 2;
  const fit = (size: number) => size > 2 ? most : size;
  return { blocks: [fit(Math.ceil(m / 4)), fit(Math.ceil(n / 32))], threads: [1, 8] };
}

/** Which neighbours of a matrix are aligned fours: those in a row, in a column, or none. */
function along({ offset, batch, row, column }: Matrix): "row" | "column" | null {
  const aligned = (stride: number) => [offset, stride, ...batch].every((s) => s % 4 === 0);
  return column === 1 && aligned(row) ? "row" : row === 1 && aligned(column) ? "column" : null;
}

/** A factor, and how its blocks are loaded. */
interface Factor {
  /** The WGSL function that loads a block from a place, if so many k are `left`. */
  text: string;
  type: Argument["type"];
  /** Step from one k to the next, and step from row to row of a or from column to column of b. */
  k: string;
  side: string;
}

class ProductWriter {
  private readonly parameters = new Parameters();
  private readonly division: Division;
  private readonly tiled: boolean;
  private readonly size: { m: string; n: string; k: string };
  private readonly a: Factor;
  private readonly b: Factor;
  /** Whether four neighbours in a row of c are one aligned vec4f. */
  private readonly wide: boolean;

  constructor(
    private readonly c: Contraction,
    private readonly plans: readonly BufferPlan[],
    { software, tiled }: Ways,
  ) {
    const { parameters: p } = this;
    this.tiled = tiled;
    this.division = software ? forSoftware(c) : forGpu(c);
    this.size = { m: p.add(c.m), n: p.add(c.n), k: p.add(c.k) };
    this.a = this.factor("a", c.a);
    this.b = this.factor("b", c.b);
    this.wide = along(c.c) === "row" && c.n % 4 === 0;
  }

  kernel(): Kernel {
    const { c, division: { blocks, threads }, parameters } = this;
    const down = Math.ceil(c.m / (4 * blocks[0] * threads[0]));
    const across = Math.ceil(c.n / (4 * blocks[1] * threads[1]));
    const bound = [
      { buffer: c.c.buffer, type: numbersIn(this.wide), writes: true },
      { buffer: c.a.buffer, type: this.a.type, writes: false },
      { buffer: c.b.buffer, type: this.b.type, writes: false },
    ];
    const after = c.epilogue && new LoopWriter(c.epilogue, this.plans, ONE_FOUR, bound, parameters);
    return assemble({
      label: `product ${c.batch.join("×")} ${c.m}×${c.k}×${c.n}${after ? " and more" : ""}`,
      width: 4,
      arguments: after?.arguments ?? bound,
      parameters,
      threads: threads[0] * threads[1],
      groups: down * across * elementsOf(c.batch),
      declarations: this.a.text + this.b.text + this.storeFunction() +
        (this.tiled ? this.tiles() : ""),
      body: [
        ...this.position(down, across),
        ...this.each((x, y) => `var c${x}_${y} = mat4x4f();`),
        ...(this.tiled ? this.sharedLoop() : this.plainLoop()),
        ...this.each((x, y) =>
          `store_block(c${x}_${y}, c_start, ${this.row(x)}, ${this.column(y)});`
        ),
        ...(after ? this.epilogue(after) : []),
      ],
    });
  }

  /** A thread goes once more over what it has stored: as a loop, since its code is long. */
  private epilogue(loop: LoopWriter): string[] {
    const { c: { batch }, size, division: { blocks, threads } } = this;
    const [row, column] = [`o${batch.length}`, `o${batch.length + 1}`];
    return [
      ...batch.map((_, d) => `let o${d} = z${d};`),
      `for (var x = 0; x < ${4 * blocks[0]}; x++) {`,
      `let ${row} = i + (x >> 2u) * ${4 * threads[0]} + (x & 3);`,
      `for (var y = 0; y < ${blocks[1]}; y++) {`,
      `let ${column} = j + y * ${4 * threads[1]};`,
      `if (${row} < ${size.m} && ${column} < ${size.n}) {`,
      ...loop.stages(),
      "}",
      "}",
      "}",
    ];
  }

  /** A line for each of the thread's blocks. */
  private each(line: (x: number, y: number) => string): string[] {
    const [down, across] = this.division.blocks;
    return range(down).flatMap((x) => range(across).map((y) => line(x, y)));
  }

  /** A workgroup's blocks lie side by side: neighbouring threads have neighbouring blocks. */
  private row = (x: number) => `i + ${x * 4 * this.division.threads[0]}`;
  private column = (y: number) => `j + ${y * 4 * this.division.threads[1]}`;

  /** Which product and which part of it this workgroup has; its own part of that for each thread. */
  private position(down: number, across: number): string[] {
    const { parameters: p, c, division: { blocks, threads } } = this;
    const start = (m: Matrix) =>
      [p.add(m.offset), ...m.batch.map((s, d) => `z${d} * ${p.add(s)}`)].join(" + ");
    const [tilesDown, tilesAcross] = [`u32(${p.add(down)})`, `u32(${p.add(across)})`];
    return [
      `let strip = group / ${tilesAcross};`,
      `let n0 = i32(group % ${tilesAcross}) * ${4 * blocks[1] * threads[1]};`,
      `let m0 = i32(strip % ${tilesDown}) * ${4 * blocks[0] * threads[0]};`,
      `let batch = strip / ${tilesDown};`,
      ...unravel("batch", elementsOf(c.batch), "z", c.batch.map((s) => p.add(s))),
      `let i = m0 + i32(local / ${threads[1]}u) * 4;`,
      `let j = n0 + i32(local % ${threads[1]}u) * 4;`,
      ...(["a", "b", "c"] as const).map((x) => `let ${x}_start = ${start(c[x])};`),
    ];
  }

  /** Loads of blocks: column x, entry y is the number x rows down and y columns across. */
  private factor(name: "a" | "b", matrix: Matrix): Factor {
    const buffer = name === "a" ? "b1" : "b2", way = along(matrix);
    const type = numbersIn(way !== null, this.plans[matrix.buffer].half);
    const [row, column] = [matrix.row, matrix.column].map((s) => this.parameters.add(s));
    const fours = (stride: string) =>
      `mat4x4f(${range(4).map((x) => four(buffer, type, `at + ${x} * ${stride}`)).join(", ")})`;
    const ones = (x: number) =>
      range(4).map((y) => one(buffer, type, `at + ${x} * ${row} + ${y} * ${column}`)).join(", ");
    const single = () => `mat4x4f(${range(4).map((x) => `vec4f(${ones(x)})`).join(", ")})`;
    const block = way === "row" ? fours(row) : way ? `transpose(${fours(column)})` : single();
    const within = (x: number) => name === "a" ? "place(0, 1, 2, 3) < place(left)" : `${x} < left`;
    const kept = range(4).map((x) => `select(vec4f(), block[${x}], ${within(x)})`).join(", ");
    const ragged = this.c.k % (this.tiled ? DEPTH : 4) !== 0;
    const text = `fn block_${name}(at: i32, left: i32) -> mat4x4f {
  let block = ${block};
  return ${ragged ? `mat4x4f(${kept})` : "block"};
}
`;
    const [side, k] = name === "a" ? [row, column] : [column, row];
    return { text, type, k, side };
  }

  /** Stores what of a block lies within c. */
  private storeFunction(): string {
    const { parameters: p, c, size, wide } = this;
    const [down, across] = [p.add(c.c.row), p.add(c.c.column)];
    const put = (x: number) =>
      wide
        ? `if (row + ${x} < ${size.m} && column < ${size.n}) { b0[(at + ${x} * ${down}) >> 2u] = block[${x}]; }`
        : range(4).map((y) =>
          `if (row + ${x} < ${size.m} && column + ${y} < ${size.n}) ` +
          `{ b0[at + ${x} * ${down} + ${y} * ${across}] = block[${x}].${"xyzw"[y]}; }`
        ).join("\n  ");
    return `fn store_block(block: mat4x4f, start: i32, row: i32, column: i32) {
  let at = start + row * ${down} + column * ${across};
  ${range(4).map(put).join("\n  ")}
}
`;
  }

  /** Every thread loads its own blocks. */
  private plainLoop(): string[] {
    const { size, division: { blocks: [down, across] }, a, b } = this;
    return [
      `if (i >= ${size.m} || j >= ${size.n}) { return; }`,
      ...range(down).map((x) => `let a_at${x} = a_start + (${this.row(x)}) * ${a.side};`),
      ...range(across).map((y) => `let b_at${y} = b_start + (${this.column(y)}) * ${b.side};`),
      `for (var k = 0; k < ${size.k}; k += 4) {`,
      `let left = ${size.k} - k;`,
      ...range(down).map((x) => `let a${x} = block_a(a_at${x} + k * ${a.k}, left);`),
      ...range(across).map((y) => `let b${y} = block_b(b_at${y} + k * ${b.k}, left);`),
      ...this.each((x, y) => `c${x}_${y} += b${y} * a${x};`),
      "}",
    ];
  }

  /** [k / 4][column of the block][block]: neighbouring threads read neighbouring vec4f. */
  private tiles(): string {
    const { blocks, threads } = this.division;
    const sizes = [0, 1].map((d) => DEPTH * blocks[d] * threads[d]);
    return `var<workgroup> tile_a: array<vec4f, ${sizes[0]}>;
var<workgroup> tile_b: array<vec4f, ${sizes[1]}>;
`;
  }

  /** The workgroup loads DEPTH of k together; then every thread takes its blocks from the tiles. */
  private sharedLoop(): string[] {
    const { division: { blocks, threads }, size } = this;
    const pitch = blocks[0] * threads[0];
    const fill = (name: "a" | "b", first: string) => [
      `let ${name}_at = ${name}_start + (${first} + side) * ${this[name].side} + depth * ${
        this[name].k
      };`,
      `let ${name} = block_${name}(${name}_at, ${size.k} - depth);`,
      ...range(4).map((x) => `tile_${name}[to + ${x * pitch}u] = ${name}[${x}];`),
    ];
    const take = (name: "a" | "b", place: string) => {
      const at = (x: number) => `tile_${name}[(deep * 4u + ${x}u) * ${pitch}u + ${place}]`;
      return `mat4x4f(${range(4).map(at).join(", ")})`;
    };
    const [down, across] = [`local / ${threads[1]}u`, `local % ${threads[1]}u`];
    return [
      `for (var k = 0; k < ${size.k}; k += ${DEPTH}) {`,
      `for (var x = local; x < ${pitch * DEPTH / 4}u; x += ${threads[0] * threads[1]}u) {`,
      `let to = (x / ${pitch}u) * ${4 * pitch}u + x % ${pitch}u;`,
      `let depth = k + i32(x / ${pitch}u) * 4;`,
      `let side = i32(x % ${pitch}u) * 4;`,
      ...fill("a", "m0"),
      ...fill("b", "n0"),
      "}",
      "workgroupBarrier();",
      `for (var deep = 0u; deep < ${DEPTH / 4}u; deep++) {`,
      ...range(blocks[0]).map((x) => `let a${x} = ${take("a", `${down} + ${x * threads[0]}u`)};`),
      ...range(blocks[1]).map((y) => `let b${y} = ${take("b", `${across} + ${y * threads[1]}u`)};`),
      ...this.each((x, y) => `c${x}_${y} += b${y} * a${x};`),
      "}",
      "workgroupBarrier();",
      "}",
    ];
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
