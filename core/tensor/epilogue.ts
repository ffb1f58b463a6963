/**
 * Epilogues: element-wise work that is done where a matrix product has just been stored.
 *
 * Idea   A bias and an activation read the product at their own place, and nobody else reads it. So each
 *        piece of the product gets them while it is still near the arithmetic: a step and two ways
 *        through memory fewer. If all that is done is to store it in another order, the product is
 *        stored so at once.
 * Maths  y = f(x W + b, …), f element by element
 * Axes   the loop has the axes of the product, in any order.
 * Differs from the paper: CUTLASS (Thakkar et al. 2023) applies f to the registers that hold the sums;
 *        here they are stored and read again.
 * Trap   What takes the place of an old value (an update) stays a loop: it must come last of all.
 * @module
 */
import { input } from "../program/expression.ts";
import { type Contraction, type Stage, walked } from "../program/program.ts";
import type { Group, Uses } from "./fuse.ts";
import { direct, type Node } from "./lower.ts";
import { contract } from "./make_contraction.ts";
import { unsimplifiedLoop } from "./make_loop.ts";
import { rowMajor } from "./views.ts";

/** Give loops that can be epilogues their products; without `epilogues` only those that copy. */
export function attachProducts(
  groups: Map<Node, Group>,
  uses: Uses,
  updated: Set<Node>,
  epilogues: boolean,
): void {
  for (const [product, users] of uses.users) {
    const [group, ...others] = new Set(users.map((user) => groups.get(user)));
    if (product.kind !== "contraction" || uses.stored.has(product)) continue;
    if (!group || others.length || !placesIn(group, product)) continue;
    const members = [...group.members.keys()];
    if (members.some((member) => updated.has(member)) || !epilogues && !isCopy(members)) continue;
    group.product = product; // of several products the last one: the others are read
  }
}

/** Whether all that a loop does is to put its numbers elsewhere. */
const isCopy = (members: Node[]) => members.length === 1 && members[0].expression === input(0);

/** The dimension of the group for each of the product's, if all members read it at their own place. */
function placesIn(group: Group, product: Node): number[] | undefined {
  if (group.dimensions.some((d) => d.folded)) return undefined;
  if (group.dimensions.length !== product.space.length) return undefined;
  let places: number[] | undefined;
  for (const [member, at] of group.members) {
    for (const read of member.reads.filter((r) => r.source === product)) {
      const found = direct(read, member.space)?.map((d) => at[d]);
      if (!found || places && places.join() !== found.join()) return undefined;
      places = found;
    }
  }
  return places;
}

/**
 * The product of a group with the group as its epilogue, whose `stores` leave it; undefined where that
 * would cut the product into smaller ones, or be more than a device can do.
 */
export function withEpilogue(
  group: Group,
  product: Node,
  stores: Node[],
  bufferOf: (node: Node) => number,
): Contraction | undefined {
  const places = placesIn(group, product)!, sums = stores.at(-1)!;
  const bufferFor = (node: Node) => bufferOf(node === product ? sums : node);
  const loop = unsimplifiedLoop(group, new Set(stores), bufferFor);
  const ofProduct = (list: number[]) => places.map((d) => list[d]);
  const epilogue = walked(loop, ofProduct(loop.outer), ofProduct);
  // The sums lie where the last stage will overwrite them.
  const { to } = epilogue.stages.at(-1) as Stage & { kind: "store" };
  epilogue.loads = epilogue.loads.map((x) =>
    x.buffer === to.buffer ? { ...x, outer: to.outer } : x
  );
  const [a, b] = product.operands, { axes, shape } = product.tensor;
  const real = axes.filter((_, d) => shape[d] !== 1);
  const c = { source: sums, axes: real, shape: product.space, strides: to.outer, offset: 0 };
  const plain = contract(a, b, { ...c, strides: rowMajor(product.space) }, bufferOf);
  const copies = isCopy([...group.members.keys()]);
  const whole = contract(a, b, c, bufferOf, copies ? undefined : epilogue);
  // A device does four neighbours in memory at a time.
  const neighbours = whole.c.column === 1 ? whole.n : whole.c.row === 1 ? whole.m : 1;
  const possible = whole.m === plain.m && whole.n === plain.n &&
    (copies ? neighbours > 1 : neighbours % 4 === 0) &&
    loop.loads.every(({ lookup }) => !lookup);
  return possible ? whole : undefined;
}
