/**
 * Expressions as SIMD code.
 *
 * Idea   Every node of a tree becomes one vector variable: 0.5 · x · (1 + erf(x / √2)) is a load of four
 *        x, a multiplication, the instructions of erf, an addition, two multiplications. Equal trees
 *        are one node, computed once. What does not differ from lane to lane is computed before the
 *        loop over the lanes.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder, input, type Operator } from "../../program/expression.ts";
import { type Code, f32x4, i32, i32x4, type Local, type Routine, v128 } from "./assembler.ts";
import { erf, exp, log, random, tanh } from "./mathematics.ts";
import { PlaceWriter } from "./place_code.ts";

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

/** Writes the values of expressions. */
export class ValueWriter extends PlaceWriter {
  /** The reductions done so far: a vector for each of the turn, or one for all. */
  protected results: Local[][] = [];
  /** Variables that hold values, by what they mean: the innermost stretch of code last. */
  readonly #kept: Map<string, Local>[] = [];
  readonly #uniform = new Map<Expression, boolean>();

  /** The variable that holds the value of e, computed now if there is none yet. */
  value(e: Expression): Local {
    if (e.operator === "constant") return this.f.number(e.value);
    if (e.operator === "result") return this.results[e.value][this.plan.across ? this.turn : 0];
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

  /** Forgets what was kept in the innermost stretch: the memory that it came from has changed. */
  forget(): void {
    this.#kept.at(-1)!.clear();
  }

  /** Computes what all lanes have in common, before they are looped over. */
  prepare(values: Expression[]): void {
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

  load(e: Expression): Code {
    const { walk, buffer, lookup } = this.plan.places[e.value];
    if (buffer < 0) return f32x4.convertS(this.whole(e));
    if (walk === "far" || lookup && !this.lookedUp(e)) return this.gather(e);
    const address = this.address(e);
    return walk === "flat" ? v128.splat(address) : v128.load(address, 16 * this.turn);
  }

  /** Whether e is a load from a row that is the same for all lanes. */
  lookedUp(e: Expression): boolean {
    const lookup = e.operator === "input" && this.plan.places[e.value].lookup;
    return !!lookup && this.isUniformLoad(lookup.by);
  }

  /** Where a load is at lane 0 of this turn's first vector. */
  address(e: Expression): Code {
    const at = this.at[e.value];
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
    const { walk, lookup } = this.plan.places[e.value], far = this.far[e.value];
    const at = i32x4.splat(this.at[e.value]);
    const first = lookup ? i32x4.add(at, this.displacement(e)) : at;
    const lanes = this.f.constant(i32x4.const(...[0, 1, 2, 3].map((l) => 4 * this.turn + l)));
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
}
