/**
 * The text of a loop's kernel.
 *
 * Idea   The stages follow one another, each a loop over the row. A value gets a name when it is first
 *        needed: before the loop if it is the same along the row, else inside. So what the row shares,
 *        such as 1 / √(variance + ε), is computed once, and nothing is computed twice.
 * Differs from the paper: there is none.
 * Trap   After a store, what was computed from that buffer no longer holds and must be named anew.
 * @module
 */
import { type Expression, input } from "../../program/expression.ts";
import type { BufferPlan, Load, Loop, Store } from "../../program/program.ts";
import {
  type Argument,
  assemble,
  four,
  type Kernel,
  numbersIn,
  one,
  Parameters,
  unravel,
} from "./kernel.ts";
import { type Access, accessesOf, type Division, isAligned, loadsOf } from "./loop_kernel.ts";
import { formula, numeral } from "./wgsl.ts";

/** The parts of an access's index: where its row starts, and its steps along the row. */
interface Walk {
  start: string;
  inner: string[];
  lane: string;
  size: string;
  stride: string;
}

/** Writes one kernel. */
export class LoopWriter {
  /** What the kernel binds. */
  readonly arguments: Argument[];
  /** Lines that run once a row. */
  private readonly row: string[] = [];
  /** Lines that run for every element of the row, in the stage at hand. */
  private element: string[] = [];
  private inElement = false;
  private readonly rowNames = new Map<Expression, string>();
  private readonly elementNames = new Map<Expression, string>();
  private readonly walks = new Map<Access, Walk>();
  private readonly results: string[] = [];
  private names = 0;

  /**
   * For a loop over buffers with these plans, divided among threads in some way; as a part of a kernel
   * that binds arguments and has parameters already.
   */
  constructor(
    private readonly loop: Loop,
    private readonly plans: readonly BufferPlan[],
    private readonly division: Division,
    bound: readonly Argument[] = [],
    private readonly parameters: Parameters = new Parameters(),
  ) {
    const buffers = new Set(accessesOf(loop).map((a) => a.buffer).filter((b) => b >= 0));
    for (const { buffer } of bound) buffers.delete(buffer);
    this.arguments = [...bound, ...[...buffers].map((buffer) => this.argument(buffer))];
  }

  /** A buffer is an array of fours if all that is stored there fits and anything gains. */
  private argument(buffer: number): Argument {
    const { loads, stages } = this.loop;
    const fits = (a: Access) => isAligned(a, this.division.axis);
    const stores = stages.flatMap((s) =>
      s.kind === "store" && s.to.buffer === buffer ? [s.to] : []
    );
    const gains = [...stores, ...loads.filter((l) => l.buffer === buffer)].some(fits);
    const type = numbersIn(gains && stores.every(fits), this.plans[buffer].half);
    return { buffer, type, writes: stores.length > 0 };
  }

  /** The kernel. */
  kernel(): Kernel {
    const { loop, division: { axis, rows, team } } = this;
    this.header();
    const body = this.stages();
    const threads = team.rows * team.members;
    const kinds = loop.stages.map((s) => s.kind === "store" ? "store" : s.by);
    return assemble({
      label: `loop ${loop.outer.join("×")}|${loop.inner.join("×")} ${kinds.join(" ")}`,
      width: axis ? 4 : 1,
      arguments: this.arguments,
      parameters: this.parameters,
      threads,
      groups: Math.ceil(rows / team.rows),
      declarations: team.members > 1 ? `var<workgroup> folds: array<number, ${threads}>;` : "",
      body,
    });
  }

  /** The lines of the stages, where o0, o1 … are the outer indices. */
  stages(): string[] {
    const { loop } = this;
    for (const stage of loop.stages) {
      const whole = stage.kind === "store" && stage.to.inner === null;
      this.inElement = loop.inner.length > 0 && !whole;
      if (stage.kind === "store") this.store(stage.value, stage.to);
      else if (this.inElement) this.reduce(stage.value, stage.by);
      else this.results.push(this.of(stage.value));
    }
    return this.row;
  }

  /** Which row a thread has, and its indices. Teams stay whole for their barriers: some idle. */
  private header(): void {
    const { team, rows, units } = this.division;
    const [allRows, allUnits] = [rows, units].map((n) => `u32(${this.parameters.add(n)})`);
    this.row.push(`let mine = group * ${team.rows}u + local % ${team.rows}u;`);
    if (team.members === 1) {
      this.row.push(`if (mine >= ${allRows}) { return; }`, "let row = mine;");
      this.row.push(`let units = ${allUnits};`);
    } else {
      this.row.push(`let member = local / ${team.rows}u;`, `let row = min(mine, ${allRows} - 1u);`);
      this.row.push(`let units = select(0u, ${allUnits}, mine < ${allRows});`);
    }
    this.row.push(...this.indices("row", "outer", rows));
  }

  /** Lines that name the indices o0, o1 … of the outer dimensions or i0, i1 … of the inner ones. */
  private indices(flat: string, which: "outer" | "inner", count: number): string[] {
    const width = this.division.axis === which ? 4 : 1, sizes = this.loop[which];
    const names = sizes.map((s, d) => this.parameters.add(d < sizes.length - 1 ? s : s / width));
    return unravel(flat, count, which[0], names, width);
  }

  private store(value: Expression, to: Store): void {
    const lines = this.put(to, this.of(value)), { members } = this.division.team;
    if (this.inElement) this.overRow(lines);
    else if (members > 1) this.row.push("if (member == 0u && mine == row) {", ...lines, "}");
    else this.row.push(...lines);
    const stale = (e: Expression) => loadsOf(this.loop, e).some((l) => l.buffer === to.buffer);
    if (members > 1 && this.loop.loads.some((l) => l.buffer === to.buffer)) {
      this.row.push("storageBarrier();");
    }
    for (const e of this.rowNames.keys()) if (stale(e)) this.rowNames.delete(e);
  }

  private reduce(value: Expression, by: "sum" | "max"): void {
    const name = `fold${this.results.length}`;
    const join = (a: string, b: string) => by === "sum" ? `${a} + ${b}` : `larger(${a}, ${b})`;
    const line = `${name} = ${join(name, this.of(value))};`;
    this.row.push(`var ${name} = ${numeral(by === "sum" ? 0 : -Infinity)};`);
    this.overRow([line]);
    if (this.division.team.members > 1) this.row.push(...this.tree(name, join));
    if (this.division.axis === "inner") {
      this.row.push(`${name} = ${join(name, `${name}.zwxy`)};`);
      this.row.push(`${name} = ${join(name, `${name}.yxwz`)};`);
    }
    this.results.push(name);
  }

  /** The members' folds become one, half of them at a time. */
  private tree(name: string, join: (a: string, b: string) => string): string[] {
    const { rows, members } = this.division.team;
    const lines = [`folds[local] = ${name};`, "workgroupBarrier();"];
    for (let half = members / 2; half >= 1; half /= 2) {
      const both = join("folds[local]", `folds[local + ${half * rows}u]`);
      lines.push(`if (member < ${half}u) { folds[local] = ${both}; }`, "workgroupBarrier();");
    }
    return [...lines, `${name} = folds[local % ${rows}u];`, "workgroupBarrier();"];
  }

  /** The loop over the row around what was collected for its elements. */
  private overRow(last: string[]): void {
    const { team: { members }, units } = this.division;
    this.row.push(
      `for (var unit = ${members > 1 ? "member" : "0u"}; unit < units; unit += ${members}u) {`,
      ...this.indices("unit", "inner", units),
      ...this.element,
      ...last,
      "}",
    );
    this.element = [];
    this.elementNames.clear();
  }

  /** The name of an expression's value; what it needs is written first. */
  private of(e: Expression): string {
    if (e.operator === "constant") return numeral(e.value);
    if (e.operator === "result") return this.results[e.value];
    const varies = this.varies(e), names = varies ? this.elementNames : this.rowNames;
    const known = names.get(e);
    if (known) return known;
    const text = e.operator === "input"
      ? this.load(this.loop.loads[e.value], varies)
      : formula(e, (x) => this.of(x), (x) => this.whole(x));
    const name = this.define(text, varies);
    names.set(e, name);
    return name;
  }

  private define(text: string, varies: boolean): string {
    const name = `v${this.names++}`;
    (varies ? this.element : this.row).push(`let ${name} = ${text};`);
    return name;
  }

  /** An operand of `random` as 32 bits: positions and their sums never become floating point. */
  private whole(e: Expression): string {
    const signs: Record<string, string> = { add: "+", subtract: "-", multiply: "*" };
    if (e.operator === "constant") return `bits(${e.value >>> 0}u)`;
    const load = e.operator === "input" && this.loop.loads[e.value];
    if (load && load.buffer < 0) return `bits(${this.places(load)})`;
    if (!(e.operator in signs)) return `bits(${this.of(e)})`;
    return `(${e.operands.map((x) => this.whole(x)).join(` ${signs[e.operator]} `)})`;
  }

  /** Whether an expression changes along the row, where the code stands. */
  private varies(e: Expression): boolean {
    return this.inElement && loadsOf(this.loop, e).some((l) => l.inner.some((s) => s !== 0));
  }

  /** The step of an access from one of the four neighbours to the next. */
  private lane(a: Access): number {
    const { axis } = this.division;
    if (axis === "outer") return a.outer.at(-1)!;
    return axis === "inner" && this.inElement ? a.inner!.at(-1)! : 0;
  }

  /** Whether an id is one and the same for all four neighbours. */
  private isShared(lookup: Load["lookup"]): boolean {
    return !lookup || loadsOf(this.loop, input(lookup.by)).every((l) => this.lane(l) === 0);
  }

  /** What does not depend on where the code stands is written once for each access. */
  private walk(a: Access): Walk {
    let walk = this.walks.get(a);
    if (walk) return walk;
    const names = (numbers: number[]) =>
      numbers.map((n) => n === 0 || n === 1 ? `${n}` : this.parameters.add(n));
    const [[offset], outer, inner] = [[a.offset], a.outer, a.inner ?? []].map(names);
    const [size, stride] = a.lookup
      ? [a.lookup.size, a.lookup.stride].map((n) => this.parameters.add(n))
      : [];
    const start = `at${this.walks.size}`;
    this.row.push(`let ${start} = ${offset}${steps("o", outer)};`);
    const lane = (this.division.axis === "outer" ? outer : inner).at(-1)!;
    this.walks.set(a, walk = { start, inner, lane, size, stride });
    return walk;
  }

  /** The index of an access, or of the first of four neighbours. */
  private place(a: Access): string {
    const { start, inner, size, stride } = this.walk(a);
    const at = `${start}${this.inElement ? steps("i", inner) : ""}`;
    if (!a.lookup || !this.isShared(a.lookup)) return at;
    const id = this.of(input(a.lookup.by)) + (this.division.axis ? ".x" : "");
    return `${at} + clamp(i32(${id}), 0, ${size} - 1) * ${stride}`;
  }

  /** The indices of all four neighbours. */
  private places(a: Access): string {
    const { lane, size, stride } = this.walk(a);
    let at = `place(${this.place(a)})`;
    if (this.lane(a) !== 0) at += ` + place(0, 1, 2, 3) * ${lane}`;
    if (!a.lookup || this.isShared(a.lookup)) return at;
    const id = `place(${this.of(input(a.lookup.by))})`;
    return `${at} + clamp(${id}, place(0), place(${size} - 1)) * ${stride}`;
  }

  private load(a: Load, varies: boolean): string {
    if (a.buffer < 0) return `number(${this.places(a)})`;
    const [name, type] = this.bound(a.buffer), shared = this.isShared(a.lookup);
    const fours = type === "vec4f" || type === "vec2u";
    if (shared && this.lane(a) === 0) return `number(${one(name, type, this.place(a))})`;
    if (shared && this.lane(a) === 1 && fours && isAligned(a, this.division.axis)) {
      return four(name, type, this.place(a));
    }
    const at = this.define(this.places(a), varies);
    return `number(${[..."xyzw"].map((lane) => one(name, type, `${at}.${lane}`)).join(", ")})`;
  }

  private put(to: Store, value: string): string[] {
    const [name, type] = this.bound(to.buffer);
    if (!this.division.axis) return [`${name}[${this.place(to)}] = ${value};`];
    if (this.lane(to) === 0) return [`${name}[${this.place(to)}] = ${value}.x;`];
    if (type === "vec4f") return [`${name}[(${this.place(to)}) >> 2u] = ${value};`];
    const at = this.define(this.places(to), this.inElement);
    return [..."xyzw"].map((lane) => `${name}[${at}.${lane}] = ${value}.${lane};`);
  }

  private bound(buffer: number): [name: string, type: Argument["type"]] {
    const i = this.arguments.findIndex((a) => a.buffer === buffer);
    return [`b${i}`, this.arguments[i].type];
  }
}

/** The sum of indices times their strides: ` + o0 * p[1].z + o1`. */
function steps(prefix: string, strides: string[]): string {
  return strides.map((stride, d) => {
    if (stride === "0") return "";
    return stride === "1" ? ` + ${prefix}${d}` : ` + ${prefix}${d} * ${stride}`;
  }).join("");
}
