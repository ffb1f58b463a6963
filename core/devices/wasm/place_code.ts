/**
 * Places as code: where the loads and stores of a loop are, lane by lane.
 *
 * Idea   Every load and store has a variable with its address, which moves by the place's strides as the
 *        loops turn. Four numbers that lie side by side are one instruction; if they do not, or fewer
 *        than four are left, each lane has its turn.
 * Differs from the paper: there is none.
 * @module
 */
import { type Code, i32, type Local, type Operand, type Routine, v128 } from "./assembler.ts";
import { type LoopPlan, slot } from "./loop_plan.ts";

/** Writes what a kernel does with places. */
export class PlaceWriter {
  /** Where each place is now. */
  protected at: Local[] = [];
  /** Which vector of this turn is being computed. */
  protected turn = 0;
  /** Lanes left, where they may be fewer than four. */
  protected left: Local | null = null;
  /** Bytes from lane to lane of the places that are far. */
  protected readonly far: (Local | null)[];

  /** For a new kernel of this plan. */
  constructor(readonly f: Routine, readonly plan: LoopPlan) {
    this.far = plan.places.map((p, i) => p.walk === "far" ? f.integer(this.stride(i, -1)) : null);
  }

  /** The address of each lane, one after another; that of a lane that is not there repeats the last. */
  lanes(place: number, first: Code, body: (lane: number, at: Local) => void): void {
    const { f } = this, next = this.plan.places[place].walk === "next";
    const step = this.far[place] ?? (next ? 4 : 0);
    const at = f.integer(i32.add(first, i32.mul(step, 4 * this.turn)));
    for (let lane = 0; lane < 4; lane++) {
      const there = this.left && i32.gtS(this.left, lane);
      if (lane) f.add(at, there ? i32.select(step, 0, there) : step);
      body(lane, at);
    }
  }

  /** Stores a vector, or what is left of it. */
  store(place: number, vector: Local): void {
    const { f } = this, left = this.left;
    const together = () => f.do(v128.store(this.at[place], vector, 16 * this.turn));
    const singly = () =>
      this.lanes(place, this.at[place], (lane, at) => {
        const put = () => f.do(v128.storeLane(at, vector, lane));
        if (left) f.if(i32.gtS(left, lane), put);
        else put();
      });
    if (this.plan.places[place].walk !== "next") singly();
    else if (left) f.if(i32.geS(left, 4), together, singly);
    else together();
  }

  /** Whatever places move inside, they are back afterwards. */
  walking(body: () => void): void {
    const outside = this.at;
    this.f.scope(() => {
      this.at = outside.map((p) => this.f.integer(p));
      body();
    });
    this.at = outside;
  }

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
    this.at.forEach((p, i) => {
      const step = by(i);
      if (step) this.f.add(p, step);
    });
  }
}
