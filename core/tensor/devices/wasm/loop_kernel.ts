/**
 * Loops as SIMD code: from the expression trees of the stages to a WebAssembly function.
 *
 * Idea   Every node of a tree becomes one vector variable: 0.5 · x · (1 + erf(x / √2)) is a load of four
 *        x, a multiplication, the instructions of erf, an addition, two multiplications, a store. Equal
 *        trees are one node, computed once. What does not differ from lane to lane is computed before
 *        the loop over the lanes.
 * Maths  Along a row: several vectors of partial sums, folded at its end in a fixed order. Across rows:
 *        every lane is a row with a sum of its own. A row never depends on who computes it.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder, input, type Operator } from "../../expression.ts";
import {
  type Code,
  f32x4,
  i32,
  i32x4,
  type Local,
  type Operand,
  type Routine,
  v128,
} from "./assembler.ts";
import { type LoopPlan, type PlannedStage, slot } from "./loop_plan.ts";
import { erf, exp, log, random, tanh } from "./mathematics.ts";

/** Operators that are one instruction. */
const instructions: Partial<Record<Operator, (...values: Code[]) => Code>> = {
  negate: f32x4.neg,
  sqrt: f32x4.sqrt,
  floor: f32x4.floor,
  abs: f32x4.abs,
  add: f32x4.add,
  subtract: f32x4.sub,
  multiply: f32x4.mul,
  divide: f32x4.div,
  maximum: f32x4.max,
  minimum: f32x4.min,
};
/** Operators that are several. */
const functions: Partial<Record<Operator, (f: Routine, x: Local) => Code>> = {
  exp,
  log,
  tanh,
  erf,
};

/** Write the kernel of a plan: its parameters are (parameters, first unit, end of units, scratch). */
export function writeLoop(f: Routine, plan: LoopPlan): void {
  new LoopWriter(f, plan).write();
}

class LoopWriter {
  /** Variables that hold values, by what they mean: the innermost stretch of code last. */
  #kept: Map<string, Local>[] = [];
  /** Where each place is now. */
  #at: Local[] = [];
  /** Which vector of this turn is being computed. */
  #turn = 0;
  /** Lanes left, where they may be fewer than four. */
  #left: Local | null = null;
  /** The reductions done so far: a vector for each of the turn, or one for all. */
  #results: Local[][] = [];
  /** Bytes from lane to lane of the places that are far. */
  #far: (Local | null)[] = [];
  readonly #uniform = new Map<Expression, boolean>();

  constructor(readonly f: Routine, readonly plan: LoopPlan) {}

  write(): void {
    const { f, plan } = this;
    this.#far = plan.places.map((p, i) => p.walk === "far" ? f.integer(this.stride(i, -1)) : null);
    f.for(f.parameters[1], f.parameters[2], 1, (unit) => f.scope(() => this.unit(f.integer(unit))));
  }

  /** A unit is a row, or where lanes lie across rows, a block of them. */
  unit(rest: Local): void {
    const { f, plan } = this;
    this.#at = plan.places.map((p, i) =>
      f.integer(
        p.buffer < 0 ? this.field(i, 1) : i32.add(i32.load(this.field(i, 0)), this.field(i, 1)),
      )
    );
    const split = (size: Code) => {
      const index = f.integer(i32.remU(rest, size));
      f.set(rest, i32.divU(rest, size));
      return index;
    };
    const lanes = f.integer(this.word(0));
    if (plan.across) {
      const first = f.integer(i32.mul(split(this.word(2)), this.word(1)));
      this.move((i) => i32.mul(first, this.stride(i, -1)));
      f.set(lanes, f.least(i32.sub(lanes, first), this.word(1)));
    }
    for (let d = plan.outer.length - 1; d >= 0; d--) {
      const index = d > 0 ? split(this.word(slot.size(d))) : rest;
      this.move((i) => i32.mul(index, this.stride(i, d)));
    }
    this.#results = [];
    if (plan.across) this.across(lanes);
    else for (const group of this.groups()) this.sweep(group, plan.width, lanes);
  }

  /** Rows side by side, one a lane. */
  across(lanes: Local): void {
    const oneElement = this.plan.inner.length === 0;
    this.within(() => {
      if (oneElement) this.prepare(this.plan.stages);
      this.turns(lanes, (width) => {
        this.#results = [];
        for (const group of this.groups()) this.sweep(group, width, null, oneElement);
      });
    });
  }

  /** One pass over the elements of a row (in lanes), or of the rows that are the lanes. */
  sweep(group: PlannedStage[], width: number, lanes: Local | null, prepared = false): void {
    const { f } = this, { once } = group[0];
    const sums = group.map((s) => this.identities(s, width));
    const visit = (width: number) => {
      for (this.#turn = 0; this.#turn < width; this.#turn++) {
        this.within(() => group.forEach((s, g) => this.stage(s, sums[g][this.#turn])));
      }
    };
    const pass = () =>
      this.within(() => {
        if (!prepared) this.prepare(group);
        if (lanes) this.turns(f.integer(once ? 1 : lanes), visit);
        else visit(width);
      });
    if (once) pass();
    else this.nest(0, pass);
    group.forEach((s, g) => {
      if (s.kind !== "store") this.#results.push(lanes ? [this.fold(s, sums[g])] : sums[g]);
    });
  }

  /** Stages that one pass can do: none needs a result of the others. */
  groups(): PlannedStage[][] {
    const groups: PlannedStage[][] = [];
    let results = 0, known = 0;
    for (const stage of this.plan.stages) {
      const ready = inOrder(stage.value).every((e) => e.operator !== "result" || e.value < known);
      const last = groups.at(-1);
      if (last && ready && !last[0].once && !stage.once) last.push(stage);
      else {
        groups.push([stage]);
        known = results;
      }
      if (stage.kind !== "store") results++;
    }
    return groups;
  }

  /** Loops over the inner dimensions that are not lanes. */
  nest(dimension: number, body: () => void): void {
    const { f, plan } = this, d = plan.outer.length + dimension;
    if (dimension === plan.inner.length) return body();
    this.walking(() => {
      const steps = this.#at.map((_, i) => f.integer(this.stride(i, d)));
      f.for(0, f.integer(this.word(slot.size(d))), 1, () => {
        this.nest(dimension + 1, body);
        this.move((i) => steps[i]);
      });
    });
  }

  /** The loop over the lanes: `width` vectors at a time, then one at a time, the last perhaps not full. */
  turns(left: Local, body: (width: number) => void): void {
    const { f, plan } = this;
    const turn = (width: number) => () =>
      f.scope(() => {
        body(width);
        this.move((i) => {
          const { walk, buffer } = plan.places[i];
          if (walk === "next") return 4 * width * (buffer < 0 ? 1 : 4);
          return walk === "far" ? i32.mul(this.#far[i]!, 4 * width) : null;
        });
        f.add(left, -4 * width);
      });
    this.walking(() => {
      if (plan.width > 1) f.while(i32.geS(left, 4 * plan.width), turn(plan.width));
      this.#left = left;
      f.while(i32.gtS(left, 0), turn(1));
      this.#left = null;
    });
  }

  /** Whatever places move inside, they are back afterwards. */
  walking(body: () => void): void {
    const outside = this.#at;
    this.f.scope(() => {
      this.#at = outside.map((p) => this.f.integer(p));
      body();
    });
    this.#at = outside;
  }

  /** Fold the stage's value into `sum`, or store it. */
  stage(stage: PlannedStage, sum: Local): void {
    const { f, plan } = this, { kind, value, to } = stage;
    const partial = !plan.across && this.#left;
    const { operator, operands: [a, b] } = value;
    if (kind === "store") {
      this.store(to, this.value(value));
      if (this.isReadAfter(stage)) this.#kept.at(-1)!.clear();
    } else if (kind === "sum" && operator === "multiply" && !partial) {
      f.set(sum, f.madd(this.value(a), this.value(b), sum));
    } else {
      let all: Code = this.value(value);
      if (partial) {
        const there = i32x4.gtS(i32x4.splat(partial), f.constant(i32x4.const(0, 1, 2, 3)));
        all = v128.bitselect(all, f.number(kind === "sum" ? 0 : -Infinity), there);
      }
      f.set(sum, (kind === "sum" ? f32x4.add : f32x4.max)(sum, all));
    }
  }

  /** Whether a later stage loads what this one has stored. */
  isReadAfter(stage: PlannedStage): boolean {
    const { places, stages } = this.plan, { buffer } = places[stage.to];
    const reads = (load: number): boolean => {
      const { buffer: from, lookup } = places[load];
      return from === buffer || !!lookup && reads(lookup.by);
    };
    const later = stages.slice(stages.indexOf(stage) + 1).map((s) => s.value);
    return inOrder(...later).some((e) => e.operator === "input" && reads(e.value));
  }

  /** Where a reduction starts. */
  identities({ kind }: PlannedStage, width: number): Local[] {
    const start = this.f.number(kind === "max" ? -Infinity : 0);
    return kind === "store" ? [] : Array.from({ length: width }, () => this.f.vector(start));
  }

  /** All partial sums as one, in every lane: vectors in pairs, then lanes in pairs. */
  fold({ kind }: PlannedStage, sums: Local[]): Local {
    const [s] = sums;
    const combine = (a: Local, b: Code) =>
      this.f.set(a, (kind === "max" ? f32x4.max : f32x4.add)(a, b));
    for (let n = sums.length / 2; n >= 1; n /= 2) {
      for (let i = 0; i < n; i++) combine(sums[i], sums[i + n]);
    }
    combine(s, v128.shuffle(s, s, 2, 3, 0, 1));
    return combine(s, v128.shuffle(s, s, 1, 0, 3, 2));
  }

  // Values.

  /** The variable that holds the value of e, computed now if there is none yet. */
  value(e: Expression): Local {
    if (e.operator === "constant") return this.f.number(e.value);
    if (e.operator === "result") return this.#results[e.value][this.plan.across ? this.#turn : 0];
    return this.keep(`${e.id}`, () => this.code(e));
  }

  code(e: Expression): Code {
    const { f } = this, { operator } = e, [a, b, c] = e.operands;
    const fused = (product: Expression) => product.operands.map((o) => this.value(o));
    if (operator === "input") return this.load(e);
    if (operator === "random") return random(f, this.whole(a), this.whole(b), this.whole(c));
    if (operator === "select") return v128.bitselect(this.value(b), this.value(c), this.mask(a));
    if (operator === "less" || operator === "equal") return v128.and(this.mask(e), f.number(1));
    if (operator === "add" && a.operator === "multiply") {
      const [x, y] = fused(a);
      return f.madd(x, y, this.value(b));
    }
    if ((operator === "add" || operator === "subtract") && b.operator === "multiply") {
      const [x, y] = fused(b);
      return operator === "add" ? f.madd(x, y, this.value(a)) : f.nmadd(x, y, this.value(a));
    }
    return functions[operator]?.(f, this.value(a)) ??
      instructions[operator]!(...e.operands.map((o) => this.value(o)));
  }

  /** All bits set in the lanes where e is not 0. */
  mask(e: Expression): Local {
    const [a, b] = e.operands;
    return this.keep(`mask ${e.id}`, () => {
      if (e.operator === "less") return f32x4.lt(this.value(a), this.value(b));
      if (e.operator === "equal") return f32x4.eq(this.value(a), this.value(b));
      return f32x4.ne(this.value(e), this.f.number(0));
    });
  }

  /** The value of e as whole numbers: a loop's position keeps all of its 32 bits. */
  whole(e: Expression): Local {
    if (e.operator === "constant") return this.f.constant(i32x4.const(e.value | 0));
    return this.keep(`whole ${e.id}`, () => {
      const position = e.operator === "input" && this.plan.places[e.value].buffer < 0;
      return position ? this.position(e) : i32x4.truncU(this.value(e));
    });
  }

  keep(key: string, make: () => Code): Local {
    const found = this.#kept.find((kept) => kept.has(key))?.get(key);
    if (found) return found;
    const local = this.f.vector(make());
    this.#kept.at(-1)!.set(key, local);
    return local;
  }

  /** A stretch of code: what is kept inside is forgotten after it. */
  within(body: () => void): void {
    this.#kept.push(new Map());
    this.f.scope(body);
    this.#kept.pop();
  }

  /** Computes what all lanes have in common, before they are looped over. */
  prepare(stages: PlannedStage[]): void {
    const values = stages.map((s) => s.value);
    for (const e of inOrder(...values)) {
      if (this.lookedUp(e)) this.displacement(e);
      if (this.isUniform(e)) continue;
      for (const o of e.operands.filter((o) => this.isUniform(o))) {
        if (e.operator === "random") this.whole(o);
        else this.value(o);
      }
    }
    for (const e of values) if (this.isUniform(e)) this.value(e);
  }

  isUniform(e: Expression): boolean {
    if (e.operator === "input") return this.isUniformLoad(e.value);
    if (e.operator === "result") return !this.plan.across;
    const known = this.#uniform.get(e) ?? e.operands.every((o) => this.isUniform(o));
    this.#uniform.set(e, known);
    return known;
  }

  isUniformLoad(load: number): boolean {
    const { places, loads, across } = this.plan, { walk, buffer, lookup } = places[load];
    const stored = across && places.slice(loads).some((p) => p.buffer === buffer);
    return walk === "flat" && !stored && (!lookup || this.isUniformLoad(lookup.by));
  }

  // Memory.

  load(e: Expression): Code {
    const { walk, buffer, lookup } = this.plan.places[e.value];
    if (buffer < 0) return f32x4.convertS(this.whole(e));
    if (walk === "far" || lookup && !this.lookedUp(e)) return this.gather(e);
    const address = this.address(e);
    return walk === "flat" ? v128.splat(address) : v128.load(address, 16 * this.#turn);
  }

  /** Whether e is a load from a row that is the same for all lanes. */
  lookedUp(e: Expression): boolean {
    const lookup = e.operator === "input" && this.plan.places[e.value].lookup;
    return !!lookup && this.isUniformLoad(lookup.by);
  }

  /** Where a load is at lane 0 of this turn's first vector. */
  address(e: Expression): Code {
    const at = this.#at[e.value];
    return this.lookedUp(e) ? i32.add(at, i32x4.lane(this.displacement(e), 0)) : at;
  }

  /** What the lookup of a load adds to the address of each lane. */
  displacement(e: Expression): Local {
    return this.keep(`row ${e.id}`, () => {
      const by = input(this.plan.places[e.value].lookup!.by);
      const position = this.plan.places[by.value].buffer < 0;
      const id = position ? i32x4.maxS(this.whole(by), i32x4.const(0)) : this.whole(by);
      const rows = i32x4.minU(id, i32x4.splat(this.field(e.value, -1)));
      return i32x4.mul(rows, i32x4.splat(this.field(e.value, -2)));
    });
  }

  /** The positions that a load without a buffer means. */
  position(e: Expression): Code {
    const { walk, lookup } = this.plan.places[e.value], far = this.#far[e.value];
    const at = i32x4.splat(this.#at[e.value]);
    const first = lookup ? i32x4.add(at, this.displacement(e)) : at;
    const lanes = this.f.constant(i32x4.const(...[0, 1, 2, 3].map((l) => 4 * this.#turn + l)));
    if (walk === "flat") return first;
    return i32x4.add(first, far ? i32x4.mul(i32x4.splat(far), lanes) : lanes);
  }

  /** Four numbers, each from an address of its own. */
  gather(e: Expression): Code {
    const { f } = this, { lookup } = this.plan.places[e.value];
    const rows = lookup && !this.lookedUp(e) ? this.displacement(e) : null;
    const vector = f.local("v128");
    this.lanes(e.value, this.address(e), (lane, at) => {
      const address = rows ? i32.add(at, i32x4.lane(rows, lane)) : at;
      f.set(vector, lane ? v128.loadLane(address, vector, lane) : v128.loadOne(address));
    });
    return vector;
  }

  /** The address of each lane, one after another; that of a lane that is not there repeats the last. */
  lanes(place: number, first: Code, body: (lane: number, at: Local) => void): void {
    const { f } = this, next = this.plan.places[place].walk === "next";
    const step = this.#far[place] ?? (next ? 4 : 0);
    const at = f.integer(i32.add(first, i32.mul(step, 4 * this.#turn)));
    for (let lane = 0; lane < 4; lane++) {
      const there = this.#left && i32.gtS(this.#left, lane);
      if (lane) f.add(at, there ? i32.select(step, 0, there) : step);
      body(lane, at);
    }
  }

  store(place: number, vector: Local): void {
    const { f } = this, left = this.#left;
    const together = () => f.do(v128.store(this.#at[place], vector, 16 * this.#turn));
    const singly = () =>
      this.lanes(place, this.#at[place], (lane, at) => {
        const put = () => f.do(v128.storeLane(at, vector, lane));
        if (left) f.if(i32.gtS(left, lane), put);
        else put();
      });
    if (this.plan.places[place].walk !== "next") singly();
    else if (left) f.if(i32.geS(left, 4), together, singly);
    else together();
  }

  // Parameters.

  word(index: number): Code {
    return i32.load(this.f.parameters[0], 4 * index);
  }
  /** A field of a place; the last two, -2 and -1, are those of its lookup. */
  field(place: number, field: number): Code {
    return this.word(slot.field(this.plan, place, field));
  }
  /** How far a place moves for a step in dimension d; -1: from lane to lane. */
  stride(place: number, d: number): Code {
    return this.field(place, d < 0 ? -3 : 2 + d);
  }
  /** Moves every place; null leaves it. */
  move(by: (place: number) => Operand | null): void {
    this.#at.forEach((p, i) => {
      const step = by(i);
      if (step) this.f.add(p, step);
    });
  }
}
