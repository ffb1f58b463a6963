/**
 * Random graphs of tensors, from a seed. An axis is a letter and its size ("a3"), so tensors that
 * share a name fit each other, and a cut or merged axis gets the name of its new size.
 */
import { randomBits } from "../core/program/expression.ts";
import * as typed from "../core/tensor/mod.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { elementsOf } from "../core/program/program.ts";

// The compiler cannot know the axes of a random graph.
// deno-lint-ignore no-explicit-any
const t = typed as any;

/** Random choices, from a seed. */
export class Dice {
  private counter = 0;
  constructor(private readonly seed: number) {}
  /** A number in [0, 1). */
  next = (): number => randomBits(this.seed, 5, this.counter++) / 2 ** 32;
  below = (n: number): number => Math.floor(this.next() * n);
  of = <T>(list: readonly T[]): T => list[this.below(list.length)];
  chance = (p: number): boolean => this.next() < p;
  some = <T>(list: readonly T[], p: number): T[] => list.filter(() => this.chance(p));
  shuffled = <T>(list: readonly T[]): T[] =>
    list.map((x) => ({ x, by: this.next() })).sort((a, b) => a.by - b.by).map(({ x }) => x);
}

const LETTERS = [..."abcdefghij"];
const sizeOf = (axis: string) => Number(axis.slice(1));
const alike = (x: Tensor) => (y: Tensor) => `${y}` === `${x}`;

/** Few enough that tensors meet others with the same axes. */
const COMMON = LETTERS.slice(0, 5);

/** Grows a graph, one random operation after another. */
export class RandomGraph {
  readonly dice: Dice;
  readonly leaves: Tensor[] = [];
  readonly tensors: Tensor[] = [];

  /** With `leaf`, given numbers become leaves of another kind; no tensor has more than `most` elements. */
  constructor(
    seed: number,
    private readonly leaf: (x: Tensor) => Tensor = (x) => x,
    sizes: readonly number[] = [1, 2, 2, 3, 3, 4],
    private readonly most = 300,
  ) {
    this.dice = new Dice(seed);
    const axes = COMMON.map((letter) => letter + this.dice.of(sizes));
    for (let i = 0; i < 3; i++) this.addLeaf(this.dice.shuffled(axes).slice(0, this.dice.below(4)));
    const operations = 3 + this.dice.below(12);
    for (let i = 0; i < operations; i++) this.grow();
  }

  /** Given numbers with these axes. */
  addLeaf(axes: readonly string[]): Tensor {
    const few = axes.filter((_, d) => elementsOf(axes.slice(0, d + 1).map(sizeOf)) <= this.most);
    const x = this.leaf(this.given(few, () => 2 * this.dice.next() - 1));
    this.leaves.push(x);
    this.tensors.push(x);
    return x;
  }

  /** Numbers that are part of the graph, but not asked for gradients. */
  given(axes: readonly string[], number: () => number): Tensor {
    const shape = axes.map(sizeOf);
    return t.tensor(axes.join(" "), Array.from({ length: elementsOf(shape) }, number), shape);
  }

  private grow(): void {
    const x = this.dice.chance(0.6) ? this.tensors.at(-1)! : this.dice.of(this.tensors);
    const operation = this.dice.of(x.axes.length ? [...ANY, ...WITH_AXES] : ANY);
    const made = operation(x, this);
    if (made && made.elements <= this.most) this.tensors.push(made);
  }

  /** Another tensor with no other axes than x. */
  fitting(x: Tensor): Tensor {
    const found = this.tensors.filter((y) => y.axes.every((axis) => x.axes.includes(axis)));
    return this.dice.chance(0.8) ? this.dice.of(found) : this.addLeaf(this.dice.some(x.axes, 0.5));
  }

  /** 0 and 1, without a rounding that could tip one over. */
  mask(axes: readonly string[]): Tensor {
    return t.less(this.given(axes, this.dice.next), 0.6);
  }

  /** A key of its own. */
  key(): Key {
    return t.randomKey(9).derive(this.dice.below(1000));
  }

  /** x with every axis named after its size, by letters that do not clash. */
  named(x: Tensor): Tensor {
    const letters = [...this.dice.shuffled(COMMON), ...LETTERS], taken = new Set<string>();
    const axes = x.axes.map((axis, d) => {
      const stays = axis === axis[0] + x.shape[d] && !taken.has(axis);
      const name = stays
        ? axis
        : letters.map((l) => l + x.shape[d]).find((n) => !taken.has(n) && !x.axes.includes(n))!;
      taken.add(name);
      return name;
    });
    return t.rename(x, `${x.axes.join(" ")} -> ${axes.join(" ")}`);
  }
}

type Operation = (x: Tensor, graph: RandomGraph) => Tensor | undefined;

const UNARY = [t.tanh, t.gelu, t.sigmoid, t.square, t.negate, t.relu, t.abs, t.silu, t.geluTanh];
const BINARY = [t.add, t.subtract, t.multiply, t.maximum, t.minimum];

const ANY: Operation[] = [
  (x, { dice }) => dice.of(UNARY)(x),
  (x) => t.exp(t.negate(t.square(x))),
  (x) => t.sqrt(t.add(t.square(x), 0.5)),
  (x) => t.log(t.add(t.square(x), 0.5)),
  (x, graph) => graph.dice.of(BINARY)(x, graph.fitting(x)),
  (x, graph) => graph.dice.of(BINARY)(x, graph.fitting(x)),
  (x, graph) => t.divide(x, t.add(t.square(graph.fitting(x)), 0.5)),
  (x, { dice }) => dice.of(BINARY)(x, dice.of([0, 0.5, 1, -2])),
  (x, { dice }) => dice.of([t.sum, t.mean, t.max])(x, dice.some(x.axes, 0.5).join(" ")),
  (x, graph) => t.where(graph.mask(graph.dice.some(x.axes, 0.6)), x, 0.25),
  (x, graph) => t.dropout(x, 0.3, graph.key()),
  (x, graph) => t.multiply(x, t.uniform(graph.key(), x.axes.join(" "), x.shape)),
  einsum,
  einsum,
  (x, graph) => graph.named(rearrange(x, graph)),
  broadcast,
  scatter,
];

const WITH_AXES: Operation[] = [
  (x, { dice }) => dice.of([t.softmax, t.logSoftmax])(x, dice.of(x.axes)),
  (x, { dice }) => t.standardize(x, dice.of(x.axes), 0.1),
  (x, { dice }) => t.add(x, places(x, dice)),
  (x, graph) => graph.named(cut(x, graph.dice)),
  (x, { dice }) => t.at(x, ...placeIn(x, dice)),
  (x, graph) =>
    graph.named(t.pad(x, graph.dice.of(x.axes), graph.dice.below(2), graph.dice.below(2))),
  concat,
  gather,
  crossEntropy,
];

function placeIn(x: Tensor, dice: Dice): [string, number] {
  const axis = dice.of(x.axes);
  return [axis, dice.below(x.size(axis))];
}

function places(x: Tensor, dice: Dice): Tensor {
  const axis = dice.of(x.axes);
  return t.scale(t.indices(axis, x.size(axis)), 0.125);
}

function cut(x: Tensor, dice: Dice): Tensor {
  const [axis, start] = placeIn(x, dice);
  return t.slice(x, axis, start, start + 1 + dice.below(x.size(axis) - start));
}

function einsum(x: Tensor, { dice, tensors }: RandomGraph): Tensor {
  const all = [x, ...Array.from({ length: dice.of([0, 1, 1, 1, 2]) }, () => dice.of(tensors))];
  const output = dice.some(dice.shuffled([...new Set(all.flatMap((o) => o.axes))]), 0.6);
  return t.einsum(`${all.map((o) => o.axes.join(" ")).join(", ")} -> ${output.join(" ")}`, ...all);
}

/** Splits some axes, permutes all, merges some. */
function rearrange(x: Tensor, { dice }: RandomGraph): Tensor {
  const sizes: Record<string, number> = {};
  const groups = x.axes.map((axis, d) => {
    const size = x.shape[d], factor = [2, 3].find((f) => size % f === 0 && size > f);
    if (!factor || dice.chance(0.4)) return [axis];
    sizes[`p_${d}`] = factor;
    return [`p_${d}`, `q_${d}`];
  });
  const whole = t.rename(x, `${x.axes.join(" ")} -> ${groups.map((g) => g.join("·")).join(" ")}`);
  const order = dice.shuffled(groups.flat()), merged: string[][] = [];
  while (order.length) merged.push(order.splice(0, dice.of([1, 1, 1, 2, 3])));
  const side = (groups: string[][]) =>
    groups.map((g) => g.length > 1 ? `(${g.join(" ")})` : g[0]).join(" ");
  return t.rearrange(whole, `${side(groups)} -> ${side(merged)}`, sizes);
}

function concat(x: Tensor, graph: RandomGraph): Tensor {
  const same = graph.tensors.filter((y) => `${y.axes}` === `${x.axes}`);
  const parts = Array.from({ length: 1 + graph.dice.below(3) }, () => graph.dice.of(same));
  return graph.named(t.concat([x, ...parts], graph.dice.of(x.axes)));
}

function broadcast(x: Tensor, { dice }: RandomGraph): Tensor {
  const free = COMMON.filter((l) => !x.axes.some((axis) => axis[0] === l));
  const more = dice.some(free, 0.3).map((l) => l + (1 + dice.below(3)));
  const axes = dice.shuffled([...x.axes, ...more]).join(" ");
  return t.broadcast(x, axes, Object.fromEntries(more.map((axis) => [axis, sizeOf(axis)])));
}

/** Ids as given numbers, or computed; computed ones may lie outside and are clamped. */
function idsFor(graph: RandomGraph, axes: readonly string[], size: number): Tensor {
  const { dice } = graph;
  if (dice.chance(0.5)) return t.scale(graph.mask(axes), dice.of([1, size - 1, size]));
  return graph.given(axes, () => dice.below(size));
}

function gather(x: Tensor, graph: RandomGraph): Tensor {
  const free = COMMON.filter((l) => !x.axes.slice(1).some((axis) => axis[0] === l));
  const axes = graph.dice.some(free, 0.3).map((l) => l + (1 + graph.dice.below(3)));
  return t.gather(x, idsFor(graph, axes, x.shape[0]));
}

function scatter(x: Tensor, graph: RandomGraph): Tensor {
  const by = graph.dice.some(x.axes, 0.5), rest = x.axes.filter((axis) => !by.includes(axis));
  const letter = LETTERS.find((l) => !rest.some((axis) => axis[0] === l));
  const size = 1 + graph.dice.below(4);
  return t.scatterAdd(x, idsFor(graph, by, size), `${letter}${size}`, size, rest);
}

function crossEntropy(x: Tensor, graph: RandomGraph): Tensor {
  const { dice } = graph, axis = dice.of(x.axes), rest = x.axes.filter((a) => a !== axis);
  const label = () => dice.chance(0.3) ? typed.ignored : dice.below(x.size(axis));
  return t.crossEntropy(x, graph.given(rest, label), axis);
}

/** New values for held leaves of a graph, of every kind that could hinder another, and things to read. */
export function randomUpdates(
  graph: RandomGraph,
): { outputs: Tensor[]; updates: [Tensor, Tensor][] } {
  const { dice } = graph;
  for (const leaf of [...graph.leaves]) if (dice.chance(0.4)) graph.addLeaf(leaf.axes);
  const outputs = dice.shuffled(graph.tensors).slice(0, dice.below(3));
  const loss = graph.tensors.slice(-2).reduce(
    (sum, x) => t.add(sum, t.sum(t.tanh(x))),
    t.scalar(0),
  );
  const slopes: Tensor[] = t.gradients(loss, [...graph.leaves]);
  const updates: [Tensor, Tensor][] = [];
  slopes.forEach((slope, i) => {
    if (dice.chance(0.4)) return;
    const target = graph.leaves[i];
    const given = {
      slope,
      graph,
      earlier: updates.map(([, value]) => value).filter(alike(target)),
    };
    const value = dice.of(target.axes.length ? [...VALUES, ...VALUES_WITH_AXES] : VALUES)(
      target,
      given,
    );
    if (value && alike(target)(value)) updates.push([target, value]);
  });
  if (updates.length && dice.chance(0.4)) outputs.push(dice.of(dice.of(updates)));
  return { outputs, updates };
}

interface Given {
  slope: Tensor;
  graph: RandomGraph;
  earlier: Tensor[];
}

const other = (x: Tensor, { dice, leaves }: RandomGraph): Tensor =>
  dice.of(leaves.filter(alike(x)));

const VALUES: ((x: Tensor, given: Given) => Tensor | undefined)[] = [
  (x, { graph }) => other(x, graph),
  (x, { graph: { dice, tensors } }) => dice.of(tensors.filter(alike(x))),
  (x, { graph }) => t.add(t.scale(x, 0.9), graph.fitting(x)),
  (x, { slope }) => t.subtract(x, t.scale(slope, 0.1)),
  (x, { slope, graph }) => t.subtract(t.add(t.scale(x, 0.9), slope), other(x, graph)),
  (_, { graph: { dice }, earlier }) => earlier.length ? dice.of(earlier) : undefined,
  (_, { graph: { dice }, earlier }) => earlier.length ? t.tanh(dice.of(earlier)) : undefined,
  (x) => t.zeros(x.axes.join(" "), x.shape),
  (x) => t.multiply(t.stopGradient(x), 2),
];

const VALUES_WITH_AXES: typeof VALUES = [
  (x, { graph }) => t.softmax(other(x, graph), graph.dice.of(x.axes)),
  (x, { slope, graph }) => t.subtract(x, t.standardize(slope, graph.dice.of(x.axes), 0.1)),
  (x, { graph }) => {
    const [axis, place] = placeIn(x, graph.dice), size = x.size(axis);
    return t.concat(
      [t.slice(other(x, graph), axis, place, size), t.slice(x, axis, 0, place)],
      axis,
    );
  },
  (x, { graph }) => {
    const [axis, place] = placeIn(x, graph.dice);
    return t.pad(t.slice(other(x, graph), axis, place, x.size(axis)), axis, place, 0);
  },
  (x, { graph }) => {
    const axes = graph.dice.shuffled(x.axes);
    const shuffled = t.rearrange(x, `${x.axes.join(" ")} -> ${axes.join(" ")}`);
    return t.rename(shuffled, `${axes.join(" ")} -> ${x.axes.join(" ")}`);
  },
];
