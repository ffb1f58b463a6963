/**
 * Loops as kernels: element-wise work and reductions, fused.
 *
 * Idea   A thread takes a row, or four neighbouring rows at once; its stages follow one another, each a
 *        loop over the row (four neighbouring elements at once where the row is contiguous). What does
 *        not change along the row is computed once, before the loop. On a real GPU a team of threads
 *        shares a row and folds its partial results in a tree.
 * Differs from the paper: there is none.
 * Trap   One buffer is one binding: if it is both read and written, it is bound as read_write.
 * @module
 */
import { type Expression, inOrder, input } from "../../expression.ts";
import { elementsOf, type Load, type Loop, type Store } from "../../program.ts";
import { arranged, storesOf, usedLoads } from "./arrange.ts";
import { type Argument, assemble, type Kernel, Parameters, unravel } from "./kernel.ts";
import { formula, numeral } from "./wgsl.ts";

/** Where four neighbours are computed at once: along the rows' numbers, along the row, or nowhere. */
type Axis = "outer" | "inner" | null;

/** The threads of a workgroup: `rows` rows (or fours of rows) with `members` threads each. */
interface Team {
  rows: number;
  members: number;
}

/** The kernel of a loop; null if there is nothing to do. `trees`: a real GPU's way to reduce. */
export function loopKernel(given: Loop, trees: boolean): Kernel | null {
  const loop = arranged(given);
  if (loop.outer.includes(0)) return null;
  const axis = chooseAxis(loop, trees);
  const rows = elementsOf(loop.outer) / (axis === "outer" ? 4 : 1);
  const units = elementsOf(loop.inner) / (axis === "inner" ? 4 : 1);
  const team = chooseTeam(rows, units, axis, trees, loop);
  return new LoopWriter(loop, axis, team, rows, units).kernel();
}

/** The stride of an access from one of the four neighbours to the next. */
function laneStride(a: Load | Store, axis: Axis): number {
  if (axis === null) return 0;
  return a[axis]?.at(-1) ?? 0;
}

/** Whether four neighbours of an access are one aligned vec4f. */
function isUnit(a: Load | Store, axis: Axis): boolean {
  if (axis === null || laneStride(a, axis) !== 1) return false;
  const lookup = "lookup" in a && a.lookup ? [a.lookup.stride] : [];
  const others = [a.offset, ...a.outer, ...(a.inner ?? []), ...lookup];
  others.splice(axis === "outer" ? a.outer.length : a.outer.length + (a.inner?.length ?? 0), 1);
  return others.every((stride) => stride % 4 === 0);
}

function chooseAxis(loop: Loop, trees: boolean): Axis {
  const accesses = [...usedLoads(loop)].map((i) => loop.loads[i]).filter((l) => l.buffer >= 0);
  const score = (axis: Axis) =>
    [...accesses, ...storesOf(loop)].filter((a) => isUnit(a, axis)).length;
  const outer = loop.outer.length > 0 && loop.outer.at(-1)! % 4 === 0;
  const inner = loop.inner.length > 0 && loop.inner.at(-1)! % 4 === 0;
  if (inner && score("inner") > 0 && (!outer || score("inner") >= score("outer"))) return "inner";
  if (outer && (score("outer") > 0 || !trees || loop.inner.length === 0)) return "outer";
  return inner ? "inner" : null;
}

function chooseTeam(rows: number, units: number, axis: Axis, trees: boolean, loop: Loop): Team {
  const alone = { rows: 64, members: 1 };
  if (loop.stages.every((s) => s.kind === "store") && units === 1) return alone;
  if (axis === "outer") {
    if (trees) return units >= 32 ? { rows: 16, members: 16 } : alone;
    if (rows <= 16 && units >= 2048) return { rows: 8, members: 8 };
    return { rows: rows > 512 ? 64 : 8, members: 1 };
  }
  if (!trees) return rows <= 16 && units >= 512 ? { rows: 1, members: 64 } : alone;
  const members = Math.min(256, 2 ** Math.ceil(Math.log2(Math.max(1, units))));
  return { rows: Math.max(1, 64 / members), members };
}

class LoopWriter {
  private readonly parameters = new Parameters();
  private readonly arguments: Argument[] = [];
  /** Lines that run once a row. */
  private readonly row: string[] = [];
  /** Lines that run for every element of the row, in the stage at hand. */
  private element: string[] = [];
  private inElement = false;
  private readonly rowNames = new Map<Expression, string>();
  private readonly elementNames = new Map<Expression, string>();
  private readonly starts = new Map<Load | Store, string>();
  private readonly keys = new Map<object, Map<string, string>>();
  private readonly results: string[] = [];
  private names = 0;

  constructor(
    private readonly loop: Loop,
    private readonly axis: Axis,
    private readonly team: Team,
    private readonly rows: number,
    private readonly units: number,
  ) {
    this.chooseTypes();
  }

  kernel(): Kernel {
    const { loop, team } = this;
    this.header();
    loop.stages.forEach((_, i) => this.stage(i));
    const threads = team.rows * team.members;
    return assemble({
      label: `loop ${loop.outer.join("×")}|${loop.inner.join("×")} ` +
        loop.stages.map((s) => s.kind === "store" ? s.kind : s.by).join(" "),
      width: this.axis ? 4 : 1,
      arguments: this.arguments,
      parameters: this.parameters,
      threads,
      groups: Math.ceil(this.rows / team.rows),
      declarations: team.members > 1 ? `var<workgroup> folds: array<number, ${threads}>;` : "",
      body: this.row,
    });
  }

  /** A buffer is an array of vec4f if every store fits and anything gains; else of f32. */
  private chooseTypes(): void {
    const loads = [...usedLoads(this.loop)].map((i) => this.loop.loads[i]);
    const stores = storesOf(this.loop);
    const named = [...loads, ...stores].map((a) => a.buffer).filter((b) => b >= 0);
    for (const buffer of new Set(named)) {
      const written = stores.filter((a) => a.buffer === buffer);
      const read = loads.filter((a) => a.buffer === buffer);
      const fits = written.every((a) => isUnit(a, this.axis)) &&
        [...read, ...written].some((a) => isUnit(a, this.axis));
      this.arguments.push({ buffer, type: fits ? "vec4f" : "f32", writes: written.length > 0 });
    }
  }

  /** Which row this thread has, and where it lies in the outer dimensions. */
  private header(): void {
    const { team, axis, loop } = this;
    const rows = `u32(${this.parameters.add(this.rows)})`;
    if (team.members === 1) {
      this.row.push(`let row = group * ${team.rows}u + local;`, `if (row >= ${rows}) { return; }`);
    } else {
      this.row.push(
        `let mine = group * ${team.rows}u + local % ${team.rows}u;`,
        `let member = local / ${team.rows}u;`,
        `let live = mine < ${rows};`,
        `let row = min(mine, ${rows} - 1u);`,
      );
    }
    if (loop.inner.length) {
      const units = `u32(${this.parameters.add(this.units)})`;
      this.row.push(`let units = ${team.members > 1 ? `select(0u, ${units}, live)` : units};`);
    }
    this.row.push(...unravel("row", this.rows, "o", this.sizes("outer")));
    if (axis === "outer") this.row.push(`let first = o${loop.outer.length - 1} * 4;`);
  }

  private sizes(which: "outer" | "inner"): string[] {
    const sizes = [...this.loop[which]];
    if (this.axis === which) sizes[sizes.length - 1] /= 4;
    return sizes.map((s) => this.parameters.add(s));
  }

  private stage(index: number): void {
    const stage = this.loop.stages[index];
    const perElement = stage.kind === "reduce" || stage.to.inner !== null;
    this.inElement = perElement && this.loop.inner.length > 0;
    this.elementNames.clear();
    this.element = [];
    if (stage.kind === "store") {
      this.storeStage(stage.value, stage.to);
      this.forget(stage.to.buffer, index);
    } else if (this.inElement) this.reduceStage(stage.value, stage.by);
    else this.results.push(this.of(stage.value));
  }

  private storeStage(value: Expression, to: Store): void {
    const lines = this.store(to, this.of(value));
    if (this.inElement) {
      this.element.push(...lines);
      this.closeElements();
    } else if (this.team.members > 1) {
      this.row.push("if (live && member == 0u) {", ...lines, "}");
    } else this.row.push(...lines);
  }

  private reduceStage(value: Expression, by: "sum" | "max"): void {
    const name = `fold${this.results.length}`;
    const join = (a: string, b: string) => by === "sum" ? `${a} + ${b}` : `larger(${a}, ${b})`;
    this.element.push(`${name} = ${join(name, this.of(value))};`);
    this.row.push(`var ${name} = ${numeral(by === "sum" ? 0 : -Infinity)};`);
    this.closeElements();
    if (this.team.members > 1) this.row.push(...this.tree(name, join));
    if (this.axis === "inner") {
      this.row.push(`${name} = ${join(name, `${name}.zwxy`)};`);
      this.row.push(`${name} = ${join(name, `${name}.yxwz`)};`);
    }
    this.results.push(name);
  }

  /** The members' folds become one, half of them at a time. */
  private tree(name: string, join: (a: string, b: string) => string): string[] {
    const { rows, members } = this.team;
    const lines = [`folds[local] = ${name};`, "workgroupBarrier();"];
    for (let half = members / 2; half >= 1; half /= 2) {
      const other = `folds[local + ${half * rows}u]`;
      lines.push(`if (member < ${half}u) { folds[local] = ${join("folds[local]", other)}; }`);
      lines.push("workgroupBarrier();");
    }
    return [...lines, `${name} = folds[local % ${rows}u];`, "workgroupBarrier();"];
  }

  /** The loop over the row around the lines collected in `element`. */
  private closeElements(): void {
    const { members } = this.team;
    const last = this.loop.inner.length - 1;
    this.row.push(
      `for (var unit = ${members > 1 ? "member" : "0u"}; unit < units; unit += ${members}u) {`,
      ...unravel("unit", this.units, "i", this.sizes("inner")),
      ...(this.axis === "inner" ? [`let start = i${last} * 4;`] : []),
      ...this.element,
      "}",
    );
  }

  /** After a store, what was computed from that buffer must be computed anew. */
  private forget(buffer: number, index: number): void {
    const stale = (i: number): boolean => {
      const { buffer: b, lookup } = this.loop.loads[i];
      return b === buffer || (lookup !== undefined && stale(lookup.by));
    };
    for (const e of this.rowNames.keys()) {
      if (inOrder(e).some((x) => x.operator === "input" && stale(x.value))) this.rowNames.delete(e);
    }
    const later = inOrder(...this.loop.stages.slice(index + 1).map((s) => s.value));
    const again = later.some((x) => x.operator === "input" && stale(x.value));
    if (again && this.team.members > 1) this.row.push("storageBarrier();");
  }

  /** The name of an expression's value; what it needs is written first. */
  private of(e: Expression): string {
    if (e.operator === "constant") return numeral(e.value);
    if (e.operator === "result") return this.results[e.value];
    const names = this.inElement && this.varies(e) ? this.elementNames : this.rowNames;
    const known = names.get(e);
    if (known) return known;
    const text = e.operator === "input"
      ? this.load(this.loop.loads[e.value])
      : formula(e, (x) => this.of(x), (x) => this.whole(x));
    const name = this.define(text, names === this.elementNames);
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
    if (e.operator === "input" && this.loop.loads[e.value].buffer < 0) {
      return `bits(${this.place(this.loop.loads[e.value], true)})`;
    }
    if (!(e.operator in signs)) return `bits(${this.of(e)})`;
    return `(${e.operands.map((x) => this.whole(x)).join(` ${signs[e.operator]} `)})`;
  }

  private varies(e: Expression): boolean {
    return inOrder(e).some((x) => x.operator === "input" && this.loadVaries(x.value));
  }

  private loadVaries(i: number): boolean {
    const { inner, lookup } = this.loop.loads[i];
    return inner.some((s) => s !== 0) || (lookup !== undefined && this.loadVaries(lookup.by));
  }

  /** The axis, seen from where the code stands: outside the row's loop, the row is at its start. */
  private get lanes(): Axis {
    return this.axis === "inner" && !this.inElement ? null : this.axis;
  }

  /** Whether the four neighbours of an access are one and the same element. */
  private isSplat(a: Load | Store): boolean {
    const lookup = "lookup" in a ? a.lookup : undefined;
    return laneStride(a, this.lanes) === 0 &&
      (!lookup || this.isSplat(this.loop.loads[lookup.by]));
  }

  /** The index of the (first) element of an access, or (`all`) the indices of all four. */
  private place(a: Load | Store, all: boolean): string {
    let at = this.start(a);
    if (this.inElement) {
      (a.inner ?? []).forEach((stride, d) => {
        if (stride === 0) return;
        const last = this.axis === "inner" && d === this.loop.inner.length - 1;
        at += this.step(last ? "start" : `i${d}`, a, "inner", d);
      });
    }
    const lookup = "lookup" in a ? a.lookup : undefined;
    const id = lookup && this.of(input(lookup.by));
    const size = lookup && this.named(lookup, "size", lookup.size);
    const stride = lookup && this.named(lookup, "stride", lookup.stride);
    const together = !lookup || this.isSplat(this.loop.loads[lookup.by]);
    if (lookup && together) {
      at += ` + clamp(i32(${id}${this.axis ? ".x" : ""}), 0, ${size} - 1) * ${stride}`;
    }
    if (!all) return at;
    let places = `place(${at})`;
    const lane = laneStride(a, this.lanes);
    if (lane !== 0) places += ` + place(0, 1, 2, 3) * ${this.laneName(a)}`;
    if (!together) places += ` + clamp(place(${id}), place(0), place(${size} - 1)) * ${stride}`;
    return places;
  }

  /** The name of the parameter `key` of an access or a lookup. */
  private named(owner: object, key: string, value: number): string {
    let names = this.keys.get(owner);
    if (!names) this.keys.set(owner, names = new Map());
    let name = names.get(key);
    if (!name) names.set(key, name = this.parameters.add(value));
    return name;
  }

  /** `index` times the stride of an access in one dimension; a stride of 1 needs no number. */
  private step(index: string, a: Load | Store, which: "outer" | "inner", d: number): string {
    const stride = a[which]![d], lane = d === a[which]!.length - 1;
    if (stride === 1 && lane) return ` + ${index}`;
    return ` + ${index} * ${this.named(a, which + d, stride)}`;
  }

  private laneName(a: Load | Store): string {
    const which = this.lanes!;
    return this.named(a, which + (a[which]!.length - 1), a[which]!.at(-1)!);
  }

  /** The name of the index where this row of an access starts. */
  private start(a: Load | Store): string {
    let name = this.starts.get(a);
    if (name) return name;
    let text = a.offset ? this.named(a, "offset", a.offset) : "0";
    a.outer.forEach((stride, d) => {
      if (stride === 0) return;
      const last = this.axis === "outer" && d === this.loop.outer.length - 1;
      text += this.step(last ? "first" : `o${d}`, a, "outer", d);
    });
    name = `at${this.starts.size}`;
    this.row.push(`let ${name} = ${text};`);
    this.starts.set(a, name);
    return name;
  }

  private load(a: Load): string {
    if (a.buffer < 0) return `number(${this.place(a, true)})`;
    const [name, type] = this.argument(a.buffer);
    const one = (at: string) =>
      type === "vec4f" ? `${name}[(${at}) >> 2u][(${at}) & 3]` : `${name}[${at}]`;
    if (this.isSplat(a)) return `number(${one(this.place(a, false))})`;
    if (type === "vec4f" && isUnit(a, this.lanes) && this.idIsSplat(a)) {
      return `${name}[(${this.place(a, false)}) >> 2u]`;
    }
    const varies = this.inElement && this.loadVaries(this.loop.loads.indexOf(a));
    const at = this.define(this.place(a, true), varies);
    return `number(${[..."xyzw"].map((lane) => one(`${at}.${lane}`)).join(", ")})`;
  }

  private idIsSplat(a: Load): boolean {
    return !a.lookup || this.isSplat(this.loop.loads[a.lookup.by]);
  }

  private store(to: Store, value: string): string[] {
    const [name, type] = this.argument(to.buffer);
    const at = this.place(to, false);
    if (this.axis === null) return [`${name}[${at}] = ${value};`];
    if (this.isSplat(to)) return [`${name}[${at}] = ${value}.x;`];
    if (type === "vec4f") return [`${name}[(${at}) >> 2u] = ${value};`];
    const places = this.define(this.place(to, true), this.inElement);
    return [..."xyzw"].map((lane) => `${name}[${places}.${lane}] = ${value}.${lane};`);
  }

  private argument(buffer: number): [string, Argument["type"]] {
    const i = this.arguments.findIndex((a) => a.buffer === buffer);
    return [`b${i}`, this.arguments[i].type];
  }
}
