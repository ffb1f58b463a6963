/**
 * Loops as SIMD kernels: rows, lanes and passes around the expressions.
 *
 * Idea   A row is passed over once for every reduction it waits for; passes that do not need each
 *        other's results are one. Lanes are four elements of a row, or four rows side by side.
 * Maths  Along a row: several vectors of partial sums, folded at its end in a fixed order. Across rows:
 *        every lane is a row with a sum of its own. A row never depends on who computes it.
 * Differs from the paper: there is none.
 * @module
 */
import { inOrder } from "../../program/expression.ts";
import type { Loop } from "../../program/program.ts";
import { type Code, f32x4, i32, i32x4, type Local, v128 } from "./assembler.ts";
import { keyOf, parametersOf, planLoop, type PlannedStage, slot } from "./loop_plan.ts";
import type { Job } from "./threads.ts";
import { ValueWriter } from "./value_code.ts";

/** A loop as a job. */
export function loopJob(loop: Loop, pointerTo: (buffer: number) => number): Job {
  const plan = planLoop(loop);
  return {
    key: keyOf(plan),
    write: (module, name) => new LoopWriter(module.routine(4, name), plan).write(),
    parameters: parametersOf(plan, pointerTo),
    units: plan.units,
    work: plan.work,
  };
}

class LoopWriter extends ValueWriter {
  write(): void {
    const { f } = this, [, begin, end] = f.parameters;
    f.for(begin, end, 1, (unit) => f.scope(() => this.unit(f.integer(unit))));
  }

  /** A unit is a row, or where lanes lie across rows, a block of them. */
  unit(rest: Local): void {
    const { f, plan } = this;
    this.at = plan.places.map((p, i) =>
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
    this.results = [];
    if (plan.across) this.across(lanes);
    else for (const group of this.groups()) this.sweep(group, plan.width, lanes);
  }

  /** Rows side by side, one a lane. */
  across(lanes: Local): void {
    const oneElement = this.plan.inner.length === 0;
    this.within(() => {
      if (oneElement) this.prepare(this.plan.stages.map((s) => s.value));
      this.turns(lanes, (width) => {
        this.results = [];
        for (const group of this.groups()) this.sweep(group, width, null, oneElement);
      });
    });
  }

  /** One pass over the elements of a row (in lanes), or of the rows that are the lanes. */
  sweep(group: PlannedStage[], width: number, lanes: Local | null, prepared = false): void {
    const { f } = this, { once } = group[0];
    const sums = group.map((s) => this.identities(s, width));
    const visit = (width: number) => {
      for (this.turn = 0; this.turn < width; this.turn++) {
        this.within(() => group.forEach((s, g) => this.stage(s, sums[g][this.turn])));
      }
    };
    const pass = () =>
      this.within(() => {
        if (!prepared) this.prepare(group.map((s) => s.value));
        if (lanes) this.turns(f.integer(once ? 1 : lanes), visit);
        else visit(width);
      });
    if (once) pass();
    else this.nest(0, pass);
    group.forEach((s, g) => {
      if (s.kind !== "store") this.results.push(lanes ? [this.fold(s, sums[g])] : sums[g]);
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
      const steps = this.at.map((_, i) => f.integer(this.stride(i, d)));
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
          return walk === "far" ? i32.mul(this.far[i]!, 4 * width) : null;
        });
        f.add(left, -4 * width);
      });
    this.walking(() => {
      if (plan.width > 1) f.while(i32.geS(left, 4 * plan.width), turn(plan.width));
      this.left = left;
      f.while(i32.gtS(left, 0), turn(1));
      this.left = null;
    });
  }

  /** Fold the stage's value into `sum`, or store it. */
  stage(stage: PlannedStage, sum: Local): void {
    const { f, plan } = this, { kind, value, to } = stage;
    const partial = !plan.across && this.left;
    const { operator, operands: [a, b] } = value;
    if (kind === "store") {
      this.store(to, this.value(value));
      if (this.isReadAfter(stage)) this.forget();
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
}
