/**
 * A key for a graph: two graphs with the same key need the same program.
 *
 * Idea   Number the tensors in the order in which a walk meets them; write down for each what it is, the
 *        numbers of its inputs, and its axes and sizes where they are not those of its first input. Values
 *        are not in the key, shapes are. A key is a list of whole numbers: every training step writes one,
 *        and writes it over that of the step before.
 * Trap   Two graphs must not come to one list by chance: each list within it begins with its length.
 * Differs from the paper: there is none.
 * @module
 */
import type { Request } from "./emit.ts";
import { type Origin, sameForm, type Tensor } from "./tensor.ts";
import { sourcesFirst } from "./walk.ts";

const names = new Map<string, number>();

/** A number for a word, such as the name of an axis. */
function numberOf(name: string): number {
  let number = names.get(name);
  if (number === undefined) names.set(name, number = names.size);
  return number;
}

/** The key of the graph at hand. */
export class GraphKey {
  private numbers = new Float64Array(256); // whole numbers, also those beyond 32 bits
  private end = 0;

  /** Write down a request; returns the given tensors (data and held) in its order. */
  write({ outputs, updates }: Request, keeps: boolean): Tensor[] {
    const leaves: Tensor[] = [], places = new Map<Origin, number>(), roots = updates.flat();
    const order = sourcesFirst([...outputs, ...roots]);
    this.end = 0;
    this.add(order.length);
    for (const x of order) {
      this.addOrigin(x.origin);
      if (x.origin.kind === "data" || x.origin.kind === "held") {
        if (!places.has(x.origin)) places.set(x.origin, leaves.push(x) - 1);
        this.add(places.get(x.origin)!);
      }
      this.addPlaces(x.inputs);
      this.addForm(x);
    }
    this.addPlaces(outputs);
    this.addPlaces(roots);
    this.add(keeps ? 1 : 0);
    return leaves;
  }

  /** Its numbers, to be remembered. */
  copy(): Float64Array {
    return this.numbers.slice(0, this.end);
  }

  /** Whether its numbers are these. */
  equals(remembered: Float64Array): boolean {
    if (remembered.length !== this.end) return false;
    for (let i = 0; i < this.end; i++) if (remembered[i] !== this.numbers[i]) return false;
    return true;
  }

  private addOrigin(origin: Origin): void {
    this.add(numberOf(origin.kind));
    switch (origin.kind) {
      case "held":
        this.add(origin.half ? 1 : 0);
        break;
      case "map":
        this.add(origin.expression.id);
        this.add(origin.lookup ? 1 : 0);
        break;
      case "reduce":
        this.add(numberOf(origin.by));
        this.addNames(origin.over);
        break;
      case "view":
        this.add(origin.base.place);
        this.add(origin.offset);
        this.addSizes(origin.strides);
        break;
      case "assemble":
        this.add(numberOf(origin.axis));
        this.addSizes(origin.starts);
    }
  }

  private addForm(x: Tensor): void {
    if (x.inputs.length > 0 && sameForm(x, x.inputs[0])) return this.add(-1); // not a length
    this.addNames(x.axes);
    this.addSizes(x.shape);
  }

  private addPlaces(list: readonly Tensor[]): void { // three loops: one with a function would be slower
    this.add(list.length);
    for (let i = 0; i < list.length; i++) this.add(list[i].place);
  }

  private addNames(list: readonly string[]): void {
    this.add(list.length);
    for (let i = 0; i < list.length; i++) this.add(numberOf(list[i]));
  }

  private addSizes(list: readonly number[]): void {
    this.add(list.length);
    for (let i = 0; i < list.length; i++) this.add(list[i]);
  }

  private add(number: number): void {
    if (this.end === this.numbers.length) {
      this.numbers = new Float64Array(this.numbers.buffer.transfer(16 * this.end)); // twice as long
    }
    this.numbers[this.end++] = number;
  }
}
