/**
 * Emission: from groups of nodes to the steps of a program, and a place for every buffer.
 *
 * Idea   A group becomes a loop: what its nodes read from outside are loads, what leaves it are stores,
 *        and its reductions are passes over the row. A value that a later pass needs again is read
 *        back from where it was stored. Buffers whose lives do not overlap share a slot.
 * Differs from the paper: slots are given out first come, best fit; optimal packing is hard and not needed.
 * @module
 */
import { attachProducts, withEpilogue } from "./epilogue.ts";
import { fuse, type Group, leaving, type Uses } from "./fuse.ts";
import { Lowering, type Node, type Operand, resultShape, sourcesOf } from "./lower.ts";
import { constant, input } from "../program/expression.ts";
import { copyLoop, makeLoop } from "./make_loop.ts";
import { contract } from "./make_contraction.ts";
import type { Device } from "../program/device.ts";
import { inPlace, layOut } from "../program/memory.ts";
import {
  type BufferPlan,
  elementsOf,
  type Program,
  type Step,
  touched,
} from "../program/program.ts";
import type { Tensor } from "./tensor.ts";
import { rowMajor } from "./views.ts";

/** What is to be computed. */
export interface Request {
  /** Tensors whose values are to be given bindings, in order. */
  outputs: readonly Tensor[];
  /** Held tensors that get new values: [which, value]. */
  updates: readonly (readonly [Tensor, Tensor])[];
}

/** A program with what its bindings are: first the leaves, then the outputs. */
export interface Scheduled {
  program: Program;
  /** The given tensors, one for each of the first bindings. */
  leaves: Tensor[];
}

/** What the program must keep to. */
export type DeviceNeeds = Pick<Device, "fuses" | "epilogues" | "buffersPerLoop">;

/** Turn a request into a program. */
export function schedule(
  request: Request,
  options: DeviceNeeds,
): Scheduled {
  const lowering = new Lowering(options.fuses);
  lowering.prepare([...request.outputs, ...request.updates.flat()]);
  const outputs = request.outputs.map((x) => stored(lowering, x));
  const updates = request.updates.map((
    [to, from],
  ): [Node, Node] => [lowering.node(to), stored(lowering, from)]);
  const emitter = new Emitter(lowering.nodes, outputs, updates, options);
  return { program: emitter.program(), leaves: emitter.leaves.map((n) => n.tensor) };
}

/** The node of a tensor; a leaf's values are copied, since it keeps its own buffer. */
function stored(lowering: Lowering, x: Tensor): Node {
  const node = lowering.node(x);
  return node.kind === "leaf" ? lowering.copy(x) : node;
}

/** A loop with the product whose epilogue it is, or another step. */
const membersOf = (unit: Group | Node): Node[] =>
  "members" in unit ? [...unit.product ? [unit.product] : [], ...unit.members.keys()] : [unit];

function buffersOf(step: Step): number {
  const { reads, writes } = touched(step);
  return new Set([...reads, ...writes]).size;
}

class Emitter {
  readonly leaves: Node[];
  private readonly uses: Uses;
  private readonly groups: Map<Node, Group>;
  private readonly steps: Step[] = [];
  private readonly elements: number[] = [];
  private readonly bufferOf = new Map<Node, number>();

  constructor(
    nodes: Node[],
    private readonly outputs: Node[],
    private readonly updates: [Node, Node][],
    private readonly options: DeviceNeeds,
  ) {
    const users = new Map<Node, Node[]>(nodes.map((n) => [n, []]));
    for (const n of nodes) for (const s of new Set(sourcesOf(n))) users.get(s)!.push(n);
    this.uses = { stored: new Set([...outputs, ...updates.map(([, from]) => from)]), users };
    this.leaves = nodes.filter((n) => n.kind === "leaf");
    this.leaves.forEach((leaf) => this.buffer(leaf));
    this.groups = fuse(nodes, this.uses, options.buffersPerLoop, options.fuses);
    const updated = new Set(updates.map(([, value]) => value));
    if (options.fuses) attachProducts(this.groups, this.uses, updated, options.epilogues);
    for (const unit of this.order(nodes)) this.emit(unit);
  }

  /**
   * Every group and every other node once, as soon as what it needs is there: a weight's gradient comes
   * right after the gradient that it is made of. Updates come last, when all have read.
   */
  private order(nodes: Node[]): (Group | Node)[] {
    const products = new Map<Node, Group>();
    for (const group of this.groups.values()) if (group.product) products.set(group.product, group);
    const unitOf = (node: Node) => this.groups.get(node) ?? products.get(node) ?? node;
    const units = [...new Set(nodes.filter((n) => n.kind !== "leaf").map(unitOf))];
    const waiting = new Map<Group | Node, number>(),
      users = new Map(units.map((u) => [u, new Set<Group | Node>()]));
    for (const unit of units) {
      const needs = new Set(membersOf(unit).flatMap(sourcesOf).map(unitOf));
      const missing = [...needs].filter((u) => u !== unit && users.has(u));
      missing.forEach((u) => users.get(u)!.add(unit));
      waiting.set(unit, missing.length);
    }
    const late = new Set(this.updates.map(([, value]) => unitOf(value)));
    const ready = units.filter((unit) => waiting.get(unit) === 0), order: (Group | Node)[] = [];
    for (let i = 0; i < ready.length; i++) {
      order.push(ready[i]);
      for (const user of users.get(ready[i])!) {
        if (late.has(ready[i])) late.add(user);
        waiting.set(user, waiting.get(user)! - 1);
        if (waiting.get(user) === 0) ready.push(user);
      }
    }
    return [...order.filter((unit) => !late.has(unit)), ...order.filter((unit) => late.has(unit))];
  }

  private buffer(node: Node): number {
    let found = this.bufferOf.get(node);
    if (found === undefined) this.bufferOf.set(node, found = this.newBuffer(node));
    return found;
  }

  private newBuffer(node: Node): number {
    const loops = node.kind === "map" || node.kind === "reduce";
    return this.elements.push(elementsOf(loops ? resultShape(node) : node.tensor.shape)) - 1;
  }

  private emit(unit: Group | Node): void {
    if ("members" in unit) this.loop(unit);
    else if (unit.kind === "contraction") this.contraction(unit);
    else if (unit.kind === "scatter") this.scatter(unit);
    else this.assemble(unit);
  }

  /** A loop, and before it its product, or both as one step if its buffers are not too many. */
  private loop(group: Group): void {
    const stores = leaving(group, this.uses), { product } = group;
    const bufferOf = (node: Node) => this.buffer(node);
    const whole = product && withEpilogue(group, product, stores, bufferOf);
    if (whole && buffersOf(whole) <= this.options.buffersPerLoop) this.steps.push(whole);
    else {
      if (product) this.contraction(product);
      this.steps.push(makeLoop(group, new Set(stores), bufferOf));
    }
  }

  private contraction(node: Node): void {
    const { axes, shape } = node.tensor;
    const output: Operand = { source: node, axes, shape, strides: rowMajor(shape), offset: 0 };
    const [a, b] = node.operands;
    this.steps.push(contract(a, b, output, (n) => this.buffer(n)));
  }

  private scatter(node: Node): void {
    const [from, ids] = node.operands;
    const [size] = node.tensor.shape;
    this.steps.push({
      kind: "scatter",
      rows: elementsOf(ids.shape),
      width: elementsOf(node.tensor.shape) / Math.max(size, 1),
      size,
      ids: this.buffer(ids.source),
      from: this.buffer(from.source),
      to: this.buffer(node),
    });
  }

  private assemble(node: Node): void {
    const { axis, starts } = node.tensor.origin as { axis: string; starts: readonly number[] };
    const { axes, shape } = node.tensor, d = axes.indexOf(axis);
    const outer = rowMajor(shape), buffer = this.buffer(node);
    const covered = node.operands.reduce((n, part) => n + part.shape[d], 0);
    if (covered < shape[d]) {
      const to = { buffer, offset: 0, outer, inner: null };
      this.steps.push(copyLoop(shape, constant(0), [], to));
    }
    node.operands.forEach((part, i) => {
      const to = { buffer, offset: starts[i] * outer[d], outer, inner: null };
      const from = this.buffer(part.source);
      const load = { buffer: from, offset: part.offset, outer: [...part.strides], inner: [] };
      this.steps.push(copyLoop(part.shape, input(0), [load], to));
    });
  }

  /** The whole program: updates brought home, outputs bound, scratch buffers laid out. */
  program(): Program {
    const bound = this.leaves.map((leaf) => this.buffer(leaf));
    const results = [...this.outputs, ...this.updates.map(([, value]) => value)];
    for (const [target, value] of this.updates) {
      const [from, to] = [this.buffer(value), this.buffer(target)];
      const shared = results.filter((n) => n === value).length > 1;
      if (shared || !inPlace(this.steps, from, to)) this.copy(from, to);
    }
    for (const node of this.outputs) {
      const from = this.buffer(node);
      const fresh = bound.includes(from) ? this.newBuffer(node) : from;
      if (fresh !== from) this.copy(from, fresh);
      bound.push(fresh);
    }
    const program = layOut(this.steps, this.elements, bound);
    return { ...program, buffers: program.buffers.map((plan) => this.withPrecision(plan)) };
  }

  /** What holds halves says so. */
  private withPrecision(plan: BufferPlan): BufferPlan {
    const origin = this.leaves[plan.binding]?.tensor.origin;
    return origin?.kind === "held" && origin.half ? { ...plan, half: true } : plan;
  }

  private copy(from: number, to: number): void {
    const load = { buffer: from, offset: 0, outer: [1], inner: [] };
    const store = { buffer: to, offset: 0, outer: [1], inner: null };
    this.steps.push(copyLoop([this.elements[from]], input(0), [load], store));
  }
}
