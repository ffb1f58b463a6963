/**
 * Fusion: which nodes share a loop.
 *
 * Idea   Every map and reduction begins alone; then each is merged with the loops it reads from, if one
 *        loop can serve both. So max, exp, sum and divide become one softmax, and the statistics of a
 *        LayerNorm, its scaling and the sum before it become one pass over a row that stays in cache.
 * Maths  Two loops merge when (1) one space of indices fits both, (2) whatever one reads of the other
 *        it reads at its own place, (3) no third step stands between them, (4) the buffers suffice.
 * Differs from the paper: greedy; what could be gained by trying all partitions is left.
 * @module
 */
import { direct, type Node, resultShape, sourcesOf } from "./lower.ts";

/** Nodes that are computed by one loop. */
export interface Group {
  /** Dimensions of the loop; folded ones are those of its reductions. */
  dimensions: { size: number; folded: boolean }[];
  /** The nodes in order, each with the dimension of the group for each dimension of its space. */
  members: Map<Node, number[]>;
  /** A reduction that keeps the last axis: its rows lie apart in memory. */
  column: boolean;
  /** The contraction whose epilogue this loop is. */
  product?: Node;
}

/** What the fusion has to know of the graph. */
export interface Uses {
  /** Nodes whose values must be in a buffer whatever reads them. */
  stored: Set<Node>;
  /** The nodes that read a node. */
  users: Map<Node, Node[]>;
}

/** The loops that compute all maps and reductions, merged where that is possible if `merging`. */
export function fuse(
  nodes: Node[],
  uses: Uses,
  buffers: number,
  merging: boolean,
): Map<Node, Group> {
  const groups = new Map<Node, Group>();
  const reach = nodes.map((n) => n.id);
  for (const node of nodes) {
    if (node.kind !== "map" && node.kind !== "reduce") continue;
    groups.set(node, alone(node));
    if (!merging) continue;
    for (const source of new Set(sourcesOf(node))) {
      const [a, b] = [groups.get(node)!, groups.get(source)];
      if (!b || a === b || tooWide(a, b, source, uses)) continue;
      const merged = merge(a, b, node, source);
      if (!merged || countBuffers(merged, uses) > buffers) continue;
      if (between(a, b, groups, reach)) continue;
      for (const member of merged.members.keys()) groups.set(member, merged);
      noteReach(reach, merged);
    }
  }
  return groups;
}

function alone(node: Node): Group {
  const kept = node.space.length - node.folded;
  const dimensions = node.space.map((size, d) => ({ size, folded: d >= kept }));
  return {
    dimensions,
    members: new Map([[node, node.space.map((_, d) => d)]]),
    column: isColumn(node),
  };
}

/** Whether the folded dimensions of a reduction are not the fastest ones of what it reads. */
function isColumn(node: Node): boolean {
  if (node.kind !== "reduce") return false;
  const kept = node.space.length - node.folded;
  const fastest = (from: number, to: number) =>
    Math.min(...node.reads.flatMap((r) => r.strides.slice(from, to).filter((s) => s !== 0)));
  return kept > 0 && fastest(0, kept) < fastest(kept, node.space.length);
}

/** A loop by columns takes in only what nobody else needs: it must not also write whole matrices. */
function tooWide(a: Group, b: Group, source: Node, uses: Uses): boolean {
  if (!a.column && !b.column) return false;
  return source.kind === "map" && (uses.users.get(source)!.length > 1 || uses.stored.has(source));
}

/** The group of both, if `node` of a and `source` of b, which it reads, can share a loop. */
function merge(a: Group, b: Group, node: Node, source: Node): Group | undefined {
  const read = node.reads.find((r) => r.source === source)!;
  const link = direct(read, node.space);
  if (!link) return undefined;
  const toB = new Map<number, number>(); // dimension of a → dimension of b
  link.forEach((d, i) => toB.set(a.members.get(node)![d], b.members.get(source)![i]));
  const host = complete(a, b, toB);
  if (!host) return undefined;
  const place = host === b
    ? (d: number) => toB.get(d)!
    : (d: number) => [...toB].find(([, inB]) => inB === d)![0];
  const moved = host === b ? a : b;
  const dimensions = host.dimensions.map(({ size }, d) => ({
    size,
    folded: host.dimensions[d].folded ||
      moved.dimensions.some((m, i) => m.folded && place(i) === d),
  }));
  const members = [
    ...host.members,
    ...[...moved.members].map(([n, at]): [Node, number[]] => [n, at.map(place)]),
  ].sort(([x], [y]) => x.id - y.id);
  const merged = { dimensions, members: new Map(members), column: a.column || b.column };
  return consistent(merged) ? merged : undefined;
}

/** Match the dimensions that the read does not link; returns the group whose space holds both. */
function complete(a: Group, b: Group, toB: Map<number, number>): Group | undefined {
  const folds = (g: Group) => g.dimensions.some((d) => d.folded);
  const inB = new Set(toB.values());
  const restA = a.dimensions.map((_, d) => d).filter((d) => !toB.has(d));
  const restB = b.dimensions.map((_, d) => d).filter((d) => !inB.has(d));
  const allFolded = (g: Group, rest: number[]) =>
    rest.every((d) => g.dimensions[d].folded) &&
    rest.length === g.dimensions.filter((d) => d.folded).length;
  if (folds(a) && folds(b)) {
    const agree = [...toB].every(([x, y]) => a.dimensions[x].folded === b.dimensions[y].folded);
    if (!agree) return undefined;
  }
  if (restA.length === 0 && restB.length === 0) return folds(a) ? a : b;
  if (restB.length === 0) return folds(a) && !folds(b) && allFolded(a, restA) ? a : undefined;
  if (!allFolded(b, restB)) return undefined;
  if (restA.length === 0) return folds(a) ? undefined : b;
  const fits = restA.length === restB.length && (!folds(a) || allFolded(a, restA)) &&
    restA.every((d, i) => a.dimensions[d].size === b.dimensions[restB[i]].size);
  if (!fits) return undefined;
  restA.forEach((d, i) => toB.set(d, restB[i]));
  return b;
}

/** Whether members read each other only at their own place, and each is a whole row or once a row. */
function consistent(group: Group): boolean {
  const folded = group.dimensions.filter((d) => d.folded).length;
  for (const [node, at] of group.members) {
    const inRow = at.filter((d) => group.dimensions[d].folded).length;
    const whole = at.length === group.dimensions.length;
    if (!whole && !(inRow === 0 && at.length === group.dimensions.length - folded)) return false;
    if (
      node.kind === "reduce" &&
      !at.every((d, i) => group.dimensions[d].folded === i >= at.length - node.folded)
    ) return false;
    for (const read of node.reads) {
      const from = read.source && group.members.get(read.source);
      if (!from) continue;
      const link = direct(read, node.space);
      if (!link || !link.every((d, i) => at[d] === from[i])) return false;
    }
  }
  return true;
}

/** Members whose values leave the loop. */
export function leaving(group: Group, uses: Uses): Node[] {
  return [...group.members.keys()].filter((node) =>
    uses.stored.has(node) || uses.users.get(node)!.some((user) => !group.members.has(user))
  );
}

function countBuffers(group: Group, uses: Uses): number {
  const outside = new Set<Node>();
  for (const node of group.members.keys()) {
    for (const source of sourcesOf(node)) if (!group.members.has(source)) outside.add(source);
  }
  return outside.size + leaving(group, uses).length;
}

/** For each node's id, the first id of all groups that reach across it. */
function noteReach(reach: number[], group: Group): void {
  const ids = [...group.members.keys()].map((n) => n.id);
  const first = Math.min(...ids), last = Math.max(...ids);
  for (let id = first; id <= last; id++) reach[id] = Math.min(reach[id], first);
}

/** Whether some step outside both groups comes after one and before the other. */
function between(a: Group, b: Group, groups: Map<Node, Group>, reach: number[]): boolean {
  let first = Math.min(...[...a.members.keys(), ...b.members.keys()].map((n) => n.id));
  while (reach[first] < first) first = reach[first]; // what comes before needs nothing after
  const reaches = (from: Group, target: Group): boolean => {
    const seen = new Set<Node>();
    const visit = (node: Node): boolean => {
      if (seen.has(node) || node.id < first) return false;
      const group = groups.get(node);
      if (group === target) return true;
      const members = group ? [...group.members.keys()] : [node];
      members.forEach((m) => seen.add(m));
      return members.some((m) => sourcesOf(m).some(visit));
    };
    return [...from.members.keys()].some((n) =>
      sourcesOf(n).some((s) => !from.members.has(s) && !target.members.has(s) && visit(s))
    );
  };
  return reaches(a, b) || reaches(b, a);
}

/** The result's dimensions of a node, as dimensions of its group. */
export const resultPlace = (node: Node, at: number[]): number[] =>
  at.slice(0, resultShape(node).length);
