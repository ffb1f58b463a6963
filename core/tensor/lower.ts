/**
 * Lowering: from tensors with names to nodes with strides.
 *
 * Idea   Names are for people; loops walk strides. Each tensor that must be computed becomes a node that
 *        says, for each dimension of its loop, how far to move in each source. Views vanish here, and
 *        so do maps that cost nothing (constants, random numbers, repeats): they are folded into
 *        the expressions that use them. Equal nodes become one.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder, input, substitute } from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";
import type { Tensor } from "./tensor.ts";
import { layoutOf, rowMajor } from "./views.ts";
import { sourcesFirst } from "./walk.ts";

/** A value that a loop reads: an element of a source (or, without a source, a position). */
export interface Read {
  source?: Node;
  /** Elements to move for a step in each dimension of the reading node's space. */
  strides: number[];
  offset: number;
  /** This read is a table: its row is chosen by read number `by`. */
  lookup?: { by: number; stride: number; size: number };
  /** This read gives ids to a lookup. */
  ids?: boolean;
}

/** One operand of a contraction, or one part of an assembly. */
export interface Operand {
  source: Node;
  axes: readonly string[];
  shape: readonly number[];
  strides: readonly number[];
  offset: number;
}

/** What has to be computed, or (leaf) is given. */
export interface Node {
  id: number;
  kind: "leaf" | "map" | "reduce" | "contraction" | "scatter" | "assemble";
  tensor: Tensor;
  /** Sizes of the dimensions that are looped over; a reduction's folded ones come last. */
  space: number[];
  /** How many of them a reduction folds. */
  folded: number;
  by?: "sum" | "max";
  expression: Expression;
  reads: Read[];
  operands: Operand[];
}

/** Sizes of a result without those of 1. */
export const resultShape = (node: Node): number[] =>
  node.space.slice(0, node.space.length - node.folded);

/** What computing a map anew takes: nodes of its expression, and numbers read. */
interface Cost {
  work: number;
  reads: number;
}

/** The nodes that a node needs. */
export function sourcesOf(node: Node): Node[] {
  const read = node.reads.flatMap((r) => r.source ? [r.source] : []);
  return [...read, ...node.operands.map((o) => o.source)];
}

/** Lower the given tensors; nodes come in an order in which sources precede their users. */
export class Lowering {
  readonly nodes: Node[] = [];
  private readonly byTensor = new Map<Tensor, Node>();
  private readonly byKey = new Map<string, Node>();
  private readonly byOrigin = new Map<unknown, Node>();
  private readonly free = new Map<Tensor, Cost | undefined>();

  /** With `inline`, maps that cost nothing are folded into their users. */
  constructor(private readonly inline: boolean) {}

  /** Lower all that the given tensors need, sources first: deep graphs make no deep recursion. */
  prepare(roots: readonly Tensor[]): void {
    for (const x of sourcesFirst(roots)) {
      const { kind } = x.origin;
      if (kind === "view" || kind === "position" || this.isConstant(x) || this.isFree(x)) continue;
      this.node(x);
    }
  }

  /** The node of a tensor; a view or a position gets a map that copies it. */
  node(x: Tensor): Node {
    let found = this.byTensor.get(x);
    if (!found) this.byTensor.set(x, found = this.lower(x));
    return found;
  }

  private lower(x: Tensor): Node {
    const { origin } = x;
    switch (origin.kind) {
      case "data":
      case "held":
        return this.leaf(x);
      case "map":
      case "view":
      case "position":
        return this.loop(x, x, []);
      case "reduce": {
        const [source] = x.inputs;
        const kept = source.axes.filter((a) => !origin.over.includes(a));
        const over = source.axes.filter((a) => origin.over.includes(a));
        return this.loop(x, source, over, kept, origin.by);
      }
      case "contraction":
      case "assemble":
        return this.add(x, x.origin.kind as "assemble", x.inputs.map((i) => this.operand(i)));
      case "scatter":
        return this.add(x, "scatter", x.inputs.map((i) => this.operand(i, true)));
    }
  }

  /** A map that copies a leaf. */
  copy(x: Tensor): Node {
    const leaf = this.node(x), node = this.create(x, "map");
    const space = x.shape.filter((s) => s !== 1);
    return Object.assign(node, {
      space,
      reads: [{ source: leaf, strides: rowMajor(space), offset: 0 }],
    });
  }

  private leaf(x: Tensor): Node {
    const known = this.byOrigin.get(x.origin);
    if (known) return known;
    const node = this.create(x, "leaf");
    this.byOrigin.set(x.origin, node);
    return node;
  }

  private create(tensor: Tensor, kind: Node["kind"]): Node {
    const expression = input(0);
    const node: Node = {
      id: this.nodes.length,
      kind,
      tensor,
      space: [],
      folded: 0,
      expression,
      reads: [],
      operands: [],
    };
    this.nodes.push(node);
    return node;
  }

  private operand(x: Tensor, copy = false): Operand {
    const layout = layoutOf(x);
    const plain = layout.base.origin.kind !== "position" && !(copy && x.origin.kind === "view");
    const { base, strides, offset } = plain
      ? layout
      : { base: x, strides: rowMajor(x.shape), offset: 0 };
    return { source: this.node(base), axes: x.axes, shape: x.shape, strides, offset };
  }

  private add(x: Tensor, kind: "contraction" | "scatter" | "assemble", operands: Operand[]): Node {
    const origin = x.origin.kind === "assemble" ? [x.origin.axis, ...x.origin.starts] : [];
    const parts = operands.map((o) =>
      [o.source.id, o.axes, o.shape, o.strides, o.offset].join(";")
    );
    const key = [kind, x.axes, x.shape, origin, ...parts].join("|");
    let node = this.byKey.get(key);
    if (!node) {
      node = this.create(x, kind);
      node.operands = operands;
      node.space = x.shape.filter((s) => s !== 1);
      this.byKey.set(key, node);
    }
    return node;
  }

  /** A map (over is empty) or a reduction, as a loop over the axes of `source`. */
  private loop(
    x: Tensor,
    source: Tensor,
    over: readonly string[],
    kept: readonly string[] = x.axes,
    fold?: "sum" | "max",
  ): Node {
    const axes = [...kept, ...over].filter((a) => source.shape[source.axes.indexOf(a)] !== 1);
    const space = axes.map((a) => source.shape[source.axes.indexOf(a)]);
    const folded = axes.filter((a) => over.includes(a)).length;
    const by = folded > 0 ? fold : undefined; // folding axes of size 1 only is a copy
    const reads: Read[] = [];
    const { base, strides, offset } = layoutOf(source);
    const steps = axes.map((a) => strides[source.axes.indexOf(a)]);
    const expression = fold === undefined
      ? this.expand(source, axes, reads)
      : this.value(base, axes, steps, offset, reads);
    const sources = reads.map((r) =>
      [r.source?.id, r.strides, r.offset, r.lookup?.by, r.lookup?.stride, r.lookup?.size].join(";")
    );
    const key = [by, folded, space, expression.id, ...sources].join("|");
    const known = this.byKey.get(key);
    if (known) return known;
    const node = this.create(x, by === undefined ? "map" : "reduce");
    Object.assign(node, { space, folded, by, expression, reads });
    this.byKey.set(key, node);
    return node;
  }

  /** The value of a map, view or position tensor at each point of the space that `axes` span. */
  private expand(x: Tensor, axes: readonly string[], reads: Read[]): Expression {
    const { origin } = x;
    if (origin.kind === "position" || origin.kind === "view") {
      const { base, strides, offset } = layoutOf(x);
      return this.value(
        base,
        axes,
        axes.map((a) => strides[x.axes.indexOf(a)] ?? 0),
        offset,
        reads,
      );
    }
    if (origin.kind !== "map") throw new Error(`${x} is no map`);
    if (origin.lookup) return this.lookup(x, axes, reads);
    const values = x.inputs.map((i) => {
      const { base, strides, offset } = layoutOf(i);
      const steps = axes.map((a) => strides[i.axes.indexOf(a)] ?? 0);
      if (base === i && this.isFree(i)) return this.expand(i, axes, reads);
      return this.value(base, axes, steps, offset, reads);
    });
    return substitute(origin.expression, (i) => values[i]);
  }

  private lookup(x: Tensor, axes: readonly string[], reads: Read[]): Expression {
    const [table, ids] = x.inputs;
    const { base, strides, offset } = layoutOf(table);
    const along = (t: Tensor, s: readonly number[]) => axes.map((a) => s[t.axes.indexOf(a)] ?? 0);
    const from = this.operand(ids);
    const place = { source: from.source, strides: along(ids, from.strides), offset: from.offset };
    const id = this.read(place, reads);
    reads[id.value].ids = true;
    const inRow = axes.map((a) => ids.axes.includes(a) ? 0 : strides[table.axes.indexOf(a)] ?? 0);
    const lookup = { by: id.value, stride: strides[0], size: table.shape[0] };
    return this.read({ source: this.node(base), strides: inRow, offset, lookup }, reads);
  }

  /** The element of `base` at offset + Σ strides·index. */
  private value(
    base: Tensor,
    axes: readonly string[],
    strides: number[],
    offset: number,
    reads: Read[],
  ): Expression {
    if (base.origin.kind === "position") return this.read({ strides, offset }, reads);
    if (this.isConstant(base)) return (base.origin as { expression: Expression }).expression;
    if (this.isFree(base) && this.straight(base, axes, strides, offset)) {
      return this.expand(base, axes, reads);
    }
    return this.read({ source: this.node(base), strides, offset }, reads);
  }

  private read(read: Read, reads: Read[]): Expression {
    const same = (r: Read) =>
      r.source === read.source && r.offset === read.offset && r.lookup?.by === read.lookup?.by &&
      r.lookup?.stride === read.lookup?.stride && r.lookup?.size === read.lookup?.size &&
      r.strides.join() === read.strides.join();
    const known = reads.findIndex(same);
    return input(known >= 0 ? known : reads.push(read) - 1);
  }

  private isConstant(x: Tensor): boolean {
    return this.inline && x.origin.kind === "map" && x.origin.expression.operator === "constant";
  }

  /** Whether `axes` walk x, and nothing but x, by its own names: its expression can stand in its place. */
  private straight(
    x: Tensor,
    axes: readonly string[],
    strides: readonly number[],
    offset: number,
  ): boolean {
    const own = rowMajor(x.shape), real = x.axes.filter((_, d) => x.shape[d] !== 1);
    return offset === 0 && axes.every((a, i) => strides[i] === 0 || real.includes(a)) &&
      real.every((a) => strides[axes.indexOf(a)] === own[x.axes.indexOf(a)]);
  }

  /** Maps that are cheaper to compute again than to store: repeats, and what reads single numbers only. */
  private isFree(x: Tensor): boolean {
    if (!this.free.has(x)) this.free.set(x, this.cost(x));
    return this.free.get(x) !== undefined;
  }

  /** What it takes to compute a map again, if that is little. */
  private cost(x: Tensor): Cost | undefined {
    const { origin, inputs } = x;
    if (!this.inline || origin.kind !== "map" || origin.lookup) return undefined;
    const repeats = origin.expression.operator === "input" && inputs[0].elements < x.elements;
    const total = { work: inOrder(origin.expression).length, reads: 0 };
    for (const i of inputs) {
      const single = repeats || i.elements === 1 ? { work: 0, reads: 1 } : undefined;
      const position = i.origin.kind === "position" ? { work: 0, reads: 0 } : undefined;
      const cost = position ?? (this.isFree(i) ? this.free.get(i) : single);
      if (!cost) return undefined;
      total.work += cost.work;
      total.reads += cost.reads;
    }
    const most = x.elements === 1 ? 0 : 2; // a single number is read as easily as what it is made of
    return total.work <= 32 && total.reads <= most ? total : undefined;
  }
}

/** Whether a read walks the result of its source element by element: dimension of source → of reader. */
export function direct(read: Read, space: readonly number[]): number[] | undefined {
  if (!read.source || read.offset !== 0 || read.lookup || read.ids) return undefined;
  const shape = resultShape(read.source), steps = rowMajor(shape);
  const used = read.strides.filter((s) => s !== 0).length;
  if (used !== shape.length || elementsOf(shape) === 0) return undefined;
  const found = steps.map((step, d) =>
    read.strides.findIndex((s, i) => s === step && space[i] === shape[d])
  );
  return found.includes(-1) ? undefined : found;
}
