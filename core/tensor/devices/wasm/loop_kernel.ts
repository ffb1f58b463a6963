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
import { type Expression, inOrder, input } from "../../expression.ts";
import { type Code, f32x4, i32, i32x4, type Local, type Routine, v128 } from "./assembler.ts";
import { type LoopPlan, type PlannedStage, slot } from "./loop_plan.ts";
import { erf, exp, log, random, tanh } from "./mathematics.ts";

/** Write the kernel of a plan: its parameters are (parameters, first unit, end of units, scratch). */
export function writeLoop(f: Routine, plan: LoopPlan): void {
  new LoopWriter(f, plan).write();
}

/** Values already in variables, by what they mean; `of` says what they were computed from. */
type Kept = Map<string, { local: Local; of: Expression }>;

class LoopWriter {
  /** Kept values: the innermost stretch of code last. */
  #kept: Kept[] = [];
  /** Where each place is now. */
  #at: Local[] = [];
  /** Which vector of this turn is being computed. */
  #turn = 0;
  /** Lanes left in the row, where they may be fewer than four. */
  #left: Local | null = null;
  /** The reductions done so far: a vector for each of the turn, or one for all. */
  #results: Local[][] = [];
  /** The places that the stages at hand touch. */
  #used = new Set<number>();
  /** Bytes from lane to lane of the places that are far. */
  #far: (Local | null)[] = [];
  readonly #uniform = new Map<Expression, boolean>();

  constructor(readonly f: Routine, readonly plan: LoopPlan) {}

  write(): void {
    const { f, plan } = this;
    this.#far = plan.places.map((p, i) => p.walk === "far" ? f.integer(this.stride(i, -1)) : null);
    f.for(f.parameter(1), f.parameter(2), i32.const(1), (unit) => f.scope(() => this.unit(unit)));
  }

  /** A unit is a row, or where lanes lie across rows, a block of them. */
  unit(unit: Local): void {
    const { f, plan } = this;
    const rest = f.integer(unit);
    this.#at = plan.places.map((_, i) =>
      f.integer(
        plan.places[i].buffer < 0
          ? this.field(i, 1)
          : i32.add(i32.load(this.field(i, 0)), this.field(i, 1)),
      )
    );
    this.#results = [];
    this.#used = this.places(plan.stages);
    const lanes = f.integer(this.word(0));
    if (plan.across) {
      const blocks = this.word(2);
      const first = f.integer(i32.mul(i32.remU(rest, blocks), this.word(1)));
      f.set(rest, i32.divU(rest, blocks));
      this.move((i) => i32.mul(first, this.stride(i, -1)));
      f.set(lanes, i32.sub(lanes, first));
      const block = f.integer(this.word(1));
      f.set(lanes, i32.min(lanes, block));
    }
    for (let d = plan.outer.length - 1; d >= 0; d--) {
      const size = this.word(slot.size(d));
      const index = d > 0 ? f.integer(i32.remU(rest, size)) : rest;
      this.move((i) => i32.mul(index, this.stride(i, d)));
      if (d > 0) f.set(rest, i32.divU(rest, size));
    }
    if (plan.across) this.across(lanes);
    else for (const group of this.groups()) this.along(group, lanes);
  }

  /** Rows side by side, one a lane. */
  across(lanes: Local): void {
    const hoist = this.plan.inner.length === 0;
    this.within(() => {
      if (hoist) this.prepare(this.plan.stages);
      this.turns(lanes, (width) => {
        this.#results = [];
        const used = this.#used;
        for (const group of this.groups()) this.sweepAcross(group, width, hoist);
        this.#used = used;
      });
    });
  }

  sweepAcross(group: PlannedStage[], width: number, hoisted: boolean): void {
    const { f } = this;
    this.#used = this.places(group);
    const each = Array.from({ length: width }, (_, turn) => turn);
    const sums = group.map((s) => this.identities(s, width));
    const body = () => {
      if (!hoisted) this.prepare(group);
      for (this.#turn of each) {
        this.within(() => group.forEach((s, g) => this.stage(s, sums[g][this.#turn])));
      }
    };
    if (group[0].once) this.within(body);
    else this.nest(0, () => this.within(body));
    group.forEach((s, g) => s.kind !== "store" && this.#results.push(sums[g]));
  }

  /** One row, its elements in lanes. */
  along(group: PlannedStage[], lanes: Local): void {
    const { f, plan } = this;
    this.#used = this.places(group);
    if (group[0].once) {
      this.#left = f.integer(i32.const(1));
      this.#turn = 0;
      this.within(() => this.stage(group[0]));
      this.#left = null;
      return;
    }
    const sums = group.map((s) => this.identities(s, plan.width));
    this.nest(0, () =>
      this.within(() => {
        this.prepare(group);
        this.turns(f.integer(lanes), (width) => {
          for (this.#turn = 0; this.#turn < width; this.#turn++) {
            this.within(() => group.forEach((s, g) => this.stage(s, sums[g][this.#turn])));
          }
        });
      }));
    group.forEach((s, g) => s.kind !== "store" && this.#results.push([this.fold(s, sums[g])]));
  }

  /** Stages that one pass can do: none needs a result of the others. */
  groups(): PlannedStage[][] {
    const groups: PlannedStage[][] = [];
    let results = 0, known = 0;
    for (const stage of this.plan.stages) {
      const needs = Math.max(
        -1,
        ...inOrder(stage.value).map((e) => e.operator === "result" ? e.value : -1),
      );
      const last = groups.at(-1);
      if (last && !last[0].once && !stage.once && needs < known) last.push(stage);
      else {
        groups.push([stage]);
        known = results;
      }
      if (stage.kind !== "store") results++;
    }
    return groups;
  }

  /** The loads and stores of these stages. */
  places(stages: PlannedStage[]): Set<number> {
    const used = new Set<number>();
    const add = (load: number) => {
      used.add(load);
      const { lookup } = this.plan.places[load];
      if (lookup) add(lookup.by);
    };
    for (const e of inOrder(...stages.map((s) => s.value))) {
      if (e.operator === "input") add(e.value);
    }
    for (const s of stages) if (s.kind === "store") used.add(s.to);
    return used;
  }

  /** Loops over the inner dimensions that are not lanes. */
  nest(dimension: number, body: () => void): void {
    const { f, plan } = this;
    if (dimension === plan.inner.length) return body();
    const outside = this.#at;
    f.scope(() => {
      this.#at = outside.map((p, i) => this.#used.has(i) ? f.integer(p) : p);
      const d = plan.outer.length + dimension;
      const left = f.integer(this.word(slot.size(d)));
      const steps = outside.map((p, i) => this.#used.has(i) ? f.integer(this.stride(i, d)) : p);
      f.while(i32.gtS(left, i32.const(0)), () => {
        this.nest(dimension + 1, body);
        this.move((i) => steps[i]);
        f.add(left, i32.const(-1));
      });
    });
    this.#at = outside;
  }

  /** The loop over the lanes: `width` vectors at a time, then one at a time, the last perhaps not full. */
  turns(left: Local, body: (width: number) => void): void {
    const { f, plan } = this;
    const outside = this.#at;
    const turn = (width: number) => () =>
      f.scope(() => {
        body(width);
        this.move((i) => {
          const place = plan.places[i], unit = place.buffer < 0 ? 4 : 16;
          if (place.walk === "next") return i32.const(width * unit);
          return place.walk === "far" ? i32.mul(this.#far[i]!, i32.const(4 * width)) : null;
        });
        f.add(left, i32.const(-4 * width));
      });
    f.scope(() => {
      this.#at = outside.map((p, i) => this.#used.has(i) ? f.integer(p) : p);
      if (plan.width > 1) f.while(i32.geS(left, i32.const(4 * plan.width)), turn(plan.width));
      this.#left = left;
      f.while(i32.gtS(left, i32.const(0)), turn(1));
      this.#left = null;
    });
    this.#at = outside;
  }

  /** Fold the stage's value into `sum`, or store it. */
  stage(stage: PlannedStage, sum?: Local): void {
    const { f, plan } = this;
    if (stage.kind === "store") {
      this.store(stage.to, this.value(stage.value));
      return this.forget(plan.places[stage.to].buffer);
    }
    const { operator, operands: [a, b] } = stage.value;
    const partial = this.#left && !plan.across;
    if (stage.kind === "sum" && operator === "multiply" && !partial) {
      f.set(sum!, f.madd(this.value(a), this.value(b), sum!));
      return;
    }
    let value: Code = this.value(stage.value);
    if (partial) {
      const there = i32x4.gtS(i32x4.splat(this.#left!), f.constant(i32x4.const(0, 1, 2, 3)));
      value = v128.bitselect(value, f.number(stage.kind === "sum" ? 0 : -Infinity), there);
    }
    f.set(sum!, (stage.kind === "sum" ? f32x4.add : f32x4.max)(sum!, value));
  }

  /** Where a reduction starts. */
  identities(stage: PlannedStage, width: number): Local[] {
    if (stage.kind === "store") return [];
    const start = this.f.number(stage.kind === "max" ? -Infinity : 0);
    return Array.from({ length: width }, () => this.f.vector(start));
  }

  /** All partial sums as one, in every lane: vectors in pairs, then lanes in pairs. */
  fold(stage: PlannedStage, sums: Local[]): Local {
    const combine = stage.kind === "max" ? f32x4.max : f32x4.add;
    for (let n = sums.length; n > 1; n /= 2) {
      for (let i = 0; i < n / 2; i++) this.f.set(sums[i], combine(sums[i], sums[i + n / 2]));
    }
    const [s] = sums;
    this.f.set(s, combine(s, v128.shuffle(s, s, 2, 3, 0, 1)));
    return this.f.set(s, combine(s, v128.shuffle(s, s, 1, 0, 3, 2)));
  }

  // Values.

  /** The variable that holds the value of e, computed now if there is none yet. */
  value(e: Expression): Local {
    if (e.operator === "constant") return this.f.number(e.value);
    if (e.operator === "result") {
      const sums = this.#results[e.value];
      return sums[this.plan.across ? this.#turn : 0];
    }
    return this.keep(`${e.id}`, e, () => this.code(e));
  }

  code(e: Expression): Code {
    const { f } = this;
    const [a, b, c] = e.operands;
    switch (e.operator) {
      case "input":
        return this.load(e);
      case "negate":
        return f32x4.neg(this.value(a));
      case "exp":
        return exp(f, this.value(a));
      case "log":
        return log(f, this.value(a));
      case "sqrt":
        return f32x4.sqrt(this.value(a));
      case "tanh":
        return tanh(f, this.value(a));
      case "erf":
        return erf(f, this.value(a));
      case "floor":
        return f32x4.floor(this.value(a));
      case "abs":
        return f32x4.abs(this.value(a));
      case "add":
        if (a.operator === "multiply") return this.madd(a, b);
        if (b.operator === "multiply") return this.madd(b, a);
        return f32x4.add(this.value(a), this.value(b));
      case "subtract":
        if (b.operator !== "multiply") return f32x4.sub(this.value(a), this.value(b));
        return f.nmadd(this.value(b.operands[0]), this.value(b.operands[1]), this.value(a));
      case "multiply":
        return f32x4.mul(this.value(a), this.value(b));
      case "divide":
        return f32x4.div(this.value(a), this.value(b));
      case "maximum":
        return f32x4.max(this.value(a), this.value(b));
      case "minimum":
        return f32x4.min(this.value(a), this.value(b));
      case "less":
      case "equal":
        return v128.and(this.mask(e), f.number(1));
      case "select":
        return v128.bitselect(this.value(b), this.value(c), this.mask(a));
      case "random":
        return random(f, this.whole(a), this.whole(b), this.whole(c));
      default:
        throw new Error(`No SIMD code for "${e.operator}".`);
    }
  }

  madd({ operands: [a, b] }: Expression, c: Expression): Code {
    return this.f.madd(this.value(a), this.value(b), this.value(c));
  }

  /** All bits set in the lanes where e is not 0. */
  mask(e: Expression): Local {
    return this.keep(`mask ${e.id}`, e, () => {
      const [a, b] = e.operands;
      if (e.operator === "less") return f32x4.lt(this.value(a), this.value(b));
      if (e.operator === "equal") return f32x4.eq(this.value(a), this.value(b));
      return f32x4.ne(this.value(e), this.f.number(0));
    });
  }

  /** The value of e as whole numbers: a loop's position keeps all of its 32 bits. */
  whole(e: Expression): Local {
    if (e.operator === "constant") return this.f.constant(i32x4.const(e.value | 0));
    return this.keep(`whole ${e.id}`, e, () => {
      const position = e.operator === "input" && this.plan.places[e.value].buffer < 0;
      return position ? this.position(e) : i32x4.truncU(this.value(e));
    });
  }

  keep(key: string, of: Expression, make: () => Code): Local {
    for (const kept of this.#kept) {
      const found = kept.get(key);
      if (found) return found.local;
    }
    const local = this.f.vector(make());
    this.#kept.at(-1)!.set(key, { local, of });
    return local;
  }

  /** A stretch of code: what is kept inside is forgotten after it. */
  within(body: () => void): void {
    this.#kept.push(new Map());
    this.f.scope(body);
    this.#kept.pop();
  }

  /** Forgets what was computed from loads of this buffer. */
  forget(buffer: number): void {
    const stale = (e: Expression): boolean =>
      inOrder(e).some((n) => n.operator === "input" && this.reads(n.value, buffer));
    for (const kept of this.#kept) {
      for (const [key, { of }] of kept) if (stale(of)) kept.delete(key);
    }
  }

  reads(load: number, buffer: number): boolean {
    const { buffer: b, lookup } = this.plan.places[load];
    return b === buffer || (!!lookup && this.reads(lookup.by, buffer));
  }

  /** Computes what all lanes have in common, before they are looped over. */
  prepare(stages: PlannedStage[]): void {
    for (const e of inOrder(...stages.map((s) => s.value))) {
      if (e.operator === "input") {
        const { lookup } = this.plan.places[e.value];
        if (lookup && this.uniformLoad(lookup.by)) this.displacement(e);
      }
      if (this.isUniform(e)) continue;
      for (const o of e.operands.filter((o) => this.isUniform(o))) {
        if (e.operator === "random") this.whole(o);
        else this.value(o);
      }
    }
    for (const { value } of stages) if (this.isUniform(value)) this.value(value);
  }

  isUniform(e: Expression): boolean {
    let known = this.#uniform.get(e);
    if (known === undefined) {
      if (e.operator === "input") known = this.uniformLoad(e.value);
      else if (e.operator === "result") known = !this.plan.across;
      else known = e.operands.every((o) => this.isUniform(o));
      this.#uniform.set(e, known);
    }
    return known;
  }

  uniformLoad(load: number): boolean {
    const { places, loads, across } = this.plan;
    const { walk, buffer, lookup } = places[load];
    const stored = across && places.slice(loads).some((p) => p.buffer === buffer);
    return walk === "flat" && !stored && (!lookup || this.uniformLoad(lookup.by));
  }

  // Memory.

  load(e: Expression): Code {
    const { walk, buffer, lookup } = this.plan.places[e.value];
    if (buffer < 0) return f32x4.convertS(this.whole(e));
    if (walk === "far" || (lookup && !this.uniformLoad(lookup.by))) return this.gather(e);
    const address = this.address(e);
    return walk === "flat" ? v128.splat(address) : v128.load(address, 16 * this.#turn);
  }

  /** The address of lane 0 of this turn's first vector. */
  address(e: Expression): Code {
    const { lookup } = this.plan.places[e.value];
    if (!lookup || !this.uniformLoad(lookup.by)) return this.#at[e.value];
    return i32.add(this.#at[e.value], i32x4.lane(this.displacement(e), 0));
  }

  /** What the lookups of a load add to its addresses, in bytes. */
  displacement(e: Expression): Local {
    return this.keep(`row ${e.id}`, e, () => {
      const { f } = this;
      const { by } = this.plan.places[e.value].lookup!;
      const end = this.plan.outer.length + this.plan.inner.length + 3;
      const last = i32x4.splat(this.field(e.value, end + 1));
      const rows = i32x4.minU(this.id(by), last);
      return i32x4.mul(rows, i32x4.splat(this.field(e.value, end)));
    });
  }

  /** The ids that load number `load` gives, none negative. */
  id(load: number): Code {
    const whole = this.whole(input(load));
    return this.plan.places[load].buffer < 0
      ? i32x4.maxS(whole, this.f.constant(i32x4.const(0)))
      : whole;
  }

  /** The positions that a load without a buffer means. */
  position(e: Expression): Code {
    const { walk, lookup } = this.plan.places[e.value];
    let first: Code = i32x4.splat(this.#at[e.value]);
    if (lookup) first = i32x4.add(first, this.displacement(e));
    if (walk === "flat") return first;
    const lanes = this.f.constant(i32x4.const(...[0, 1, 2, 3].map((l) => 4 * this.#turn + l)));
    const far = this.#far[e.value];
    return i32x4.add(first, far ? i32x4.mul(i32x4.splat(far), lanes) : lanes);
  }

  /** Four numbers, each from an address of its own. */
  gather(e: Expression): Code {
    const { lookup } = this.plan.places[e.value];
    const varying = lookup && !this.uniformLoad(lookup.by);
    const vector = this.f.local("v128");
    const rows = varying ? this.displacement(e) : null;
    this.lanes(e.value, varying ? this.#at[e.value] : this.address(e), (lane, at) => {
      const address = rows ? i32.add(at, i32x4.lane(rows, lane)) : at;
      this.f.set(vector, lane ? v128.loadLane(address, vector, lane) : v128.loadOne(address));
    });
    return vector;
  }

  /** The address of each lane, one after another; that of a lane that is not there repeats the last. */
  lanes(place: number, first: Code, body: (lane: number, at: Local) => void): void {
    const { f } = this;
    const { walk } = this.plan.places[place];
    const step = walk === "far" ? this.#far[place] : walk === "next" ? i32.const(4) : null;
    const at = f.integer(first);
    if (step && this.#turn) f.add(at, i32.mul(step, i32.const(4 * this.#turn)));
    for (let lane = 0; lane < 4; lane++) {
      if (lane && step) {
        const there = this.#left && i32.gtS(this.#left, i32.const(lane));
        f.add(at, there ? i32.select(step, i32.const(0), there) : step);
      }
      body(lane, at);
    }
  }

  store(place: number, vector: Local): void {
    const { f } = this;
    const next = this.plan.places[place].walk === "next";
    const whole = () => f.do(v128.store(this.#at[place], vector, 16 * this.#turn));
    const single = () =>
      this.lanes(place, this.#at[place], (lane, at) => {
        const put = () => f.do(v128.storeLane(at, vector, lane));
        if (lane && this.#left) f.if(i32.gtS(this.#left, i32.const(lane)), put);
        else put();
      });
    if (!next) single();
    else if (this.#left) f.if(i32.geS(this.#left, i32.const(4)), whole, single);
    else whole();
  }

  // Parameters.

  word(index: number): Code {
    return i32.load(this.f.parameter(0), 4 * index);
  }
  field(place: number, field: number): Code {
    return this.word(slot.table(this.plan, place, field));
  }
  /** Bytes that a place moves for a step in dimension d; -1: from lane to lane. */
  stride(place: number, d: number): Code {
    const { outer, inner } = this.plan;
    return this.field(place, 2 + (d < 0 ? outer.length + inner.length : d));
  }
  /** Moves every place; null leaves it. */
  move(by: (place: number) => Code | null): void {
    for (const i of this.#used) {
      const step = by(i);
      if (step) this.f.add(this.#at[i], step);
    }
  }
}
