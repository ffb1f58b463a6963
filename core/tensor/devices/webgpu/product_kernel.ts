/**
 * Matrix products as kernels.
 *
 * Idea   A thread computes 8 × 8 numbers of c in registers, four k at a time: for each of them the outer
 *        product of eight numbers of a and eight of b. a and b arrive in blocks of 4 × 4, whose four
 *        columns are four k; a block is four vec4f loads whichever way the matrix lies in memory.
 * Maths  c[i, j] = Σ_k a[i, k] · b[k, j] = Σ_k (column k of a) ⊗ (row k of b)
 * Differs from the paper: there is none.
 * Trap   On a software adapter workgroup memory only costs; on a real GPU all depends on it. So there are
 *        two ways: blocks straight from the buffers, or shared by a workgroup as a tile of both factors.
 * @module
 */
import { type Contraction, elementsOf, type Matrix } from "../../program.ts";
import { type Argument, assemble, type Kernel, Parameters, unravel } from "./kernel.ts";

/** Depth of a shared tile: how many k it holds. */
const DEPTH = 16;

/** A factor, seen from its own side: t counts rows of a or columns of b, k what is summed over. */
interface Factor {
  name: "a" | "b";
  matrix: Matrix;
  /** Elements between neighbours in t. */
  t: number;
  /** Elements between neighbours in k. */
  k: number;
  /** Along which of the two a vec4f can be loaded. */
  along: "t" | "k" | null;
}

/** The kernel of a contraction; null if the product is empty. `tiled`: a real GPU's way. */
export function productKernel(given: Contraction, tiled: boolean): Kernel | null {
  if (elementsOf(given.batch) * given.m * given.n === 0) return null;
  const c = given.c.column !== 1 && given.c.row === 1 ? transposed(given) : given;
  return new ProductWriter(c, tiled).kernel();
}

/** (a b)ᵀ = bᵀ aᵀ */
function transposed({ batch, m, n, k, a, b, c }: Contraction): Contraction {
  const turn = (x: Matrix): Matrix => ({ ...x, row: x.column, column: x.row });
  return { kind: "contraction", batch, m: n, n: m, k, a: turn(b), b: turn(a), c: turn(c) };
}

function factor(name: "a" | "b", matrix: Matrix): Factor {
  const [t, k] = name === "a" ? [matrix.row, matrix.column] : [matrix.column, matrix.row];
  const aligned = (other: number) =>
    [matrix.offset, other, ...matrix.batch].every((s) => s % 4 === 0);
  const along = k === 1 && aligned(t) ? "k" : t === 1 && aligned(k) ? "t" : null;
  return { name, matrix, t, k, along };
}

class ProductWriter {
  private readonly parameters = new Parameters();
  private readonly a: Factor;
  private readonly b: Factor;
  private readonly size: { m: string; n: string; k: string };
  /** Rows of c for a thread: 8, or 4 if there are no more. */
  private readonly rows: number;
  /** Threads of a workgroup down and across. */
  private readonly down: number;
  private readonly across: number;
  private readonly wide: boolean;

  constructor(private readonly c: Contraction, private readonly tiled: boolean) {
    const { m, n, k } = c;
    const large = tiled && Math.ceil(m / 128) * Math.ceil(n / 128) * elementsOf(c.batch) >= 128;
    this.rows = m <= 4 && !tiled ? 4 : 8;
    this.across = large ? 16 : 8;
    this.down = tiled ? this.across : m <= 8 ? 1 : 8;
    this.a = factor("a", c.a);
    this.b = factor("b", c.b);
    this.wide = c.c.column === 1 && n % 4 === 0 &&
      [c.c.offset, c.c.row, ...c.c.batch].every((s) => s % 4 === 0);
    const { parameters: p } = this;
    this.size = { m: p.add(m), n: p.add(n), k: p.add(k) };
  }

  kernel(): Kernel {
    const { c, rows, across, down, tiled } = this;
    const [tilesDown, tilesAcross] = [
      Math.ceil(c.m / (rows * down)),
      Math.ceil(c.n / (8 * across)),
    ];
    const body = [...this.position(tilesDown, tilesAcross), ...this.accumulators()];
    body.push(...tiled ? this.sharedLoop() : this.plainLoop(), ...this.stores());
    const type = (wide: boolean): Argument["type"] => wide ? "vec4f" : "f32";
    return assemble({
      label: `product ${c.batch.join("×")} ${c.m}×${c.k}×${c.n}`,
      width: 4,
      arguments: [
        { buffer: c.c.buffer, type: type(this.wide), writes: true },
        { buffer: c.a.buffer, type: type(this.a.along !== null), writes: false },
        { buffer: c.b.buffer, type: type(this.b.along !== null), writes: false },
      ],
      parameters: this.parameters,
      threads: across * down,
      groups: tilesDown * tilesAcross * elementsOf(c.batch),
      declarations: this.blockFunction(this.a, "b1") + this.blockFunction(this.b, "b2") +
        (tiled ? this.tiles() : ""),
      body,
    });
  }

  /** Which tile of which product this workgroup has, and where its first element lies. */
  private position(tilesDown: number, tilesAcross: number): string[] {
    const { parameters: p, c, across, rows } = this;
    const start = (m: Matrix) =>
      [p.add(m.offset), ...m.batch.map((s, d) => `z${d} * ${p.add(s)}`)].join(" + ");
    const [acrossName, downName] = [p.add(tilesAcross), p.add(tilesDown)];
    return [
      `let tile = group / u32(${acrossName});`,
      `let n0 = i32((group % u32(${acrossName})) * ${across * 8}u);`,
      `let m0 = i32((tile % u32(${downName})) * ${this.down * rows}u);`,
      `let batch = tile / u32(${downName});`,
      ...unravel("batch", "z", c.batch.map((s) => p.add(s))),
      `let i = m0 + i32(local / ${across}u) * ${rows};`,
      `let j = n0 + i32(local % ${across}u) * 8;`,
      `let a_start = ${start(c.a)};`,
      `let b_start = ${start(c.b)};`,
      `let c_start = ${start(c.c)};`,
    ];
  }

  /** s5_1 is row 5, columns 4 to 7. */
  private accumulators(): string[] {
    return range(this.rows).map((r) => `var s${r}_0 = vec4f(); var s${r}_1 = vec4f();`);
  }

  /** Four neighbours in t times four k as four columns; beyond the last k there are zeros. */
  private blockFunction(f: Factor, buffer: string): string {
    const { parameters: p } = this;
    const [t, k] = [p.add(f.t), p.add(f.k)];
    const vec = (stride: string) =>
      range(4).map((u) => `${buffer}[(at + ${u} * ${stride}) >> 2u]`).join(", ");
    const single = range(4).map((u) =>
      `vec4f(${range(4).map((v) => `${buffer}[at + ${u} * ${k} + ${v} * ${t}]`).join(", ")})`
    ).join(", ");
    const block = f.along === "t"
      ? `mat4x4f(${vec(k)})`
      : f.along === "k"
      ? `transpose(mat4x4f(${vec(t)}))`
      : `mat4x4f(${single})`;
    const kept = range(4).map((u) => `select(vec4f(), all[${u}], left > ${u})`).join(", ");
    return `fn block_${f.name}(start: i32, t: i32, k: i32) -> mat4x4f {
  let at = start + t * ${t} + k * ${k};
${
      this.ragged
        ? `  let all = ${block};\n  let left = ${this.size.k} - k;\n  return mat4x4f(${kept});`
        : `  return ${block};`
    }
}
`;
  }

  private get ragged(): boolean {
    return this.c.k % (this.tiled ? DEPTH : 4) !== 0;
  }

  /** Every thread loads its own blocks. */
  private plainLoop(): string[] {
    const { rows, size } = this;
    const a = range(rows / 4).map((x) => `let a${x} = block_a(a_start, i + ${x * 4}, k);`);
    const b = range(2).map((x) => `let b${x}_ = block_b(b_start, j + ${x * 4}, k);`);
    const lines = range(4).flatMap((u) =>
      this.outerProduct((x) => `a${x}[${u}]`, (x) => `b${x}_[${u}]`)
    );
    return [
      `if (i >= ${size.m} || j >= ${size.n}) { return; }`,
      `for (var k = 0; k < ${size.k}; k += 4) {`,
      ...a,
      ...b,
      ...lines,
      "}",
    ];
  }

  /** One column of a times one row of b, added to the accumulators. */
  private outerProduct(a: (x: number) => string, b: (x: number) => string): string[] {
    return range(this.rows).map((r) => {
      const factor = `${a(r >> 2)}.${"xyzw"[r & 3]}`;
      return [0, 1].map((v) => `s${r}_${v} += ${factor} * ${b(v)};`).join(" ");
    });
  }

  /** [k][t / 4]: eight numbers of either factor are two neighbours. */
  private tiles(): string {
    const size = DEPTH * this.across * 2;
    return `var<workgroup> tile_a: array<vec4f, ${size}>;\nvar<workgroup> tile_b: array<vec4f, ${size}>;\n`;
  }

  /** The workgroup loads DEPTH of k together; then every thread works from the shared tiles. */
  private sharedLoop(): string[] {
    const pitch = this.across * 2, blocks = pitch * DEPTH / 4;
    const fill = (name: string, first: string) => [
      `let ${name} = block_${name}(${name}_start, ${first} + i32(x % ${pitch}u) * 4, k + i32(x / ${pitch}u) * 4);`,
      ...range(4).map((u) =>
        `tile_${name}[(x / ${pitch}u * 4u + ${u}u) * ${pitch}u + x % ${pitch}u] = ${name}[${u}];`
      ),
    ];
    const two = (name: string, place: string) =>
      range(2).map((x) =>
        `let ${name}${x}_ = tile_${name}[depth * ${pitch}u + ${place} * 2u + ${x}u];`
      );
    return [
      `for (var k = 0; k < ${this.size.k}; k += ${DEPTH}) {`,
      `for (var x = local; x < ${blocks}u; x += ${this.across * this.down}u) {`,
      ...fill("a", "m0"),
      ...fill("b", "n0"),
      "}",
      "workgroupBarrier();",
      `for (var depth = 0u; depth < ${DEPTH}u; depth++) {`,
      ...two("a", `(local / ${this.across}u)`),
      ...two("b", `(local % ${this.across}u)`),
      ...this.outerProduct((x) => `a${x}_`, (x) => `b${x}_`),
      "}",
      "workgroupBarrier();",
      "}",
    ];
  }

  private stores(): string[] {
    const { parameters: p, size, rows, wide, c } = this;
    const [row, column] = [p.add(c.c.row), p.add(c.c.column)];
    const lines = range(rows).flatMap((r) => {
      const at = `let at${r} = c_start + (i + ${r}) * ${row} + j * ${column};`;
      const put = wide
        ? [0, 1].map((v) =>
          `if (i + ${r} < ${size.m} && j + ${
            v * 4
          } < ${size.n}) { b0[(at${r} >> 2u) + ${v}] = s${r}_${v}; }`
        )
        : range(8).map((x) =>
          `if (i + ${r} < ${size.m} && j + ${x} < ${size.n}) { b0[at${r} + ${x} * ${column}] = s${r}_${
            x >> 2
          }.${"xyzw"[x & 3]}; }`
        );
      return [at, ...put];
    });
    return lines;
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
