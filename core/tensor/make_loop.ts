/**
 * Making a loop out of a group of nodes.
 *
 * Idea   Walk through the nodes in order. A map is an expression in the group's loads; a reduction
 *        becomes a pass over the row, after which its value is a `result`. What depends on a result
 *        belongs to a later pass: the level of a node is the number of passes that must come before it.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, input, result, substitute } from "../program/expression.ts";
import { type Group, resultPlace } from "./fuse.ts";
import { type Node, type Read, resultShape } from "./lower.ts";
import { type Load, type Loop, placesOf, type Stage, type Store } from "../program/program.ts";
import { rowMajor } from "./views.ts";

/** The loop that computes a group and stores the given members; with as few dimensions as will do. */
export function makeLoop(
  group: Group,
  stores: Set<Node>,
  bufferOf: (node: Node) => number,
): Loop {
  return simplify(unsimplifiedLoop(group, stores, bufferOf));
}

/** The same with every dimension of the group. */
export function unsimplifiedLoop(
  group: Group,
  stores: Set<Node>,
  bufferOf: (node: Node) => number,
): Loop {
  return new LoopMaker(group, stores, bufferOf).make();
}

/** A loop that stores one value at every place. */
export function copyLoop(
  shape: readonly number[],
  value: Expression,
  loads: Load[],
  to: Store,
): Loop {
  const stages: Stage[] = [{ kind: "store", value, to }];
  return simplify({ kind: "loop", outer: [...shape], inner: [], loads, stages });
}

class LoopMaker {
  private readonly outer: number[];
  private readonly inner: number[];
  private readonly loads: Load[] = [];
  private readonly valueOf = new Map<Node, Expression>();
  private readonly levelOf = new Map<Node, number>();
  private readonly stages: { level: number; stage: Stage }[] = [];

  constructor(
    private readonly group: Group,
    private readonly stores: Set<Node>,
    private readonly bufferOf: (node: Node) => number,
  ) {
    const all = group.dimensions.map((_, d) => d);
    this.outer = all.filter((d) => !group.dimensions[d].folded);
    this.inner = all.filter((d) => group.dimensions[d].folded);
  }

  make(): Loop {
    this.rankReductions();
    for (const [node, at] of this.group.members) this.visit(node, at);
    const stages = this.stages.sort((a, b) => a.level - b.level).map((s) => s.stage);
    const sizes = (list: number[]) => list.map((d) => this.group.dimensions[d].size);
    const outer = sizes(this.outer), inner = sizes(this.inner);
    return { kind: "loop", outer, inner, loads: this.loads, stages };
  }

  /** Reductions are numbered by their pass, so the levels come first. */
  private rankReductions(): void {
    for (const node of this.group.members.keys()) {
      const before = node.reads.map(({ source }) =>
        source && this.group.members.has(source)
          ? this.levelOf.get(source)! + (source.kind === "reduce" ? 1 : 0)
          : 0
      );
      this.levelOf.set(node, Math.max(0, ...before));
    }
    const reductions = [...this.group.members.keys()].filter((n) => n.kind === "reduce");
    reductions.sort((a, b) => this.levelOf.get(a)! - this.levelOf.get(b)! || a.id - b.id);
    reductions.forEach((node, k) => this.valueOf.set(node, result(k)));
  }

  private visit(node: Node, at: number[]): void {
    const level = this.levelOf.get(node)!;
    const values = node.reads.map((read) => this.read(node, read, at, level));
    const value = substitute(node.expression, (i) => values[i]);
    if (node.kind === "reduce") {
      this.stages.push({ level, stage: { kind: "reduce", by: node.by!, value } });
    } else this.valueOf.set(node, value);
    if (!this.stores.has(node)) return;
    const [stored, after] = node.kind === "reduce" ? [this.valueOf.get(node)!, 1] : [value, 0];
    this.stages.push({
      level: level + after,
      stage: { kind: "store", value: stored, to: this.place(node, at) },
    });
  }

  private place(node: Node, at: number[]): Store {
    const strides = rowMajor(resultShape(node)), where = resultPlace(node, at);
    const along = (d: number) => where.includes(d) ? strides[where.indexOf(d)] : 0;
    const everywhere = this.inner.length > 0 && where.some((d) => this.inner.includes(d));
    return {
      buffer: this.bufferOf(node),
      offset: 0,
      outer: this.outer.map(along),
      inner: everywhere ? this.inner.map(along) : null,
    };
  }

  /** What a member reads: another member's expression, or a load. */
  private read(node: Node, read: Read, at: number[], level: number): Expression {
    const { source } = read;
    const inside = source && this.group.members.get(source);
    if (!inside) return this.load(read, at, node);
    const again = source.kind === "map" && this.stores.has(source) &&
      this.levelOf.get(source)! < level && inside.some((d) => this.inner.includes(d));
    if (!again) return this.valueOf.get(source)!;
    const { buffer, offset, outer, inner } = this.place(source, inside);
    return this.addLoad({ buffer, offset, outer, inner: inner! });
  }

  private load(read: Read, at: number[], node: Node): Expression {
    const along = (d: number) => at.includes(d) ? read.strides[at.indexOf(d)] : 0;
    const load: Load = {
      buffer: read.source ? this.bufferOf(read.source) : -1,
      offset: read.offset,
      outer: this.outer.map(along),
      inner: this.inner.map(along),
    };
    if (read.lookup) {
      const ids = this.load(node.reads[read.lookup.by], at, node);
      load.lookup = { ...read.lookup, by: ids.value };
    }
    return this.addLoad(load);
  }

  private addLoad(load: Load): Expression {
    const key = JSON.stringify(load);
    const known = this.loads.findIndex((l) => JSON.stringify(l) === key);
    return input(known >= 0 ? known : this.loads.push(load) - 1);
  }
}

/** Merge neighbouring dimensions that every load and store walks as one. */
function simplify(loop: Loop): Loop {
  const places = placesOf(loop), outerWalks = places.map((x) => x.outer);
  const innerWalks = places.flatMap((x) => x.inner ? [x.inner] : []);
  const outer = joinDimensions(loop.outer, outerWalks);
  const inner = joinDimensions(loop.inner, innerWalks);
  const pick = <T extends { outer: number[]; inner: number[] | null }>(x: T): T => ({
    ...x,
    outer: outer.map((d) => x.outer[d.last]),
    inner: x.inner && inner.map((d) => x.inner![d.last]),
  });
  return {
    kind: "loop",
    outer: outer.map((d) => d.size),
    inner: inner.map((d) => d.size),
    loads: loop.loads.map(pick),
    stages: loop.stages.map((s) => s.kind === "store" ? { ...s, to: pick(s.to) } : s),
  };
}

function joinDimensions(
  sizes: readonly number[],
  walks: readonly number[][],
): { size: number; last: number }[] {
  const joined: { size: number; last: number }[] = [];
  sizes.forEach((size, d) => {
    if (size === 1) return;
    const before = joined.at(-1);
    const one = before && walks.every((w) => w[before.last] === w[d] * size);
    if (one) Object.assign(before, { size: before.size * size, last: d });
    else joined.push({ size, last: d });
  });
  return joined;
}
