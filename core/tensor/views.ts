/**
 * Views: the same numbers under other axes, and pieces put together.
 *
 * Idea   Renaming, splitting, merging, permuting and cutting move no numbers: they only change the
 *        strides by which the numbers are walked. Only a merge of axes that no longer lie side by side,
 *        and `concat`, copy.
 * Maths  element (i, j, …) of a view lies at offset + i·strideᵢ + j·strideⱼ + ….
 * Axes   `rearrange(x, "B T (H K) -> B H T K", { H: 4 })` splits H·K in two and puts H before T.
 * Differs from the paper: the notation is that of einops (Rogozhnikov 2022).
 * @module
 */
import {
  AxisError,
  type AxisOf,
  describeAxes,
  type Flat,
  type Left,
  namesTwice,
  parseGroups,
  rememberedText,
  type Right,
  sameList,
  type Without,
  words,
} from "./axes.ts";
import { mapOver } from "./elementwise.ts";
import { input } from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";
import { axisIndex, type Backward, checkAxes, Tensor } from "./tensor.ts";

/** How the elements of a tensor lie in the buffer of another. */
export interface Layout {
  /** The tensor whose numbers they are; it is stored row-major. */
  base: Tensor;
  /** Elements to move for a step along each axis. */
  strides: readonly number[];
  /** The first element. */
  offset: number;
}

/** Strides of a row-major tensor: of sizes 2×3×4, 12, 4 and 1. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

/** Where a tensor's elements lie. */
export function layoutOf(x: Tensor): Layout {
  return x.origin.kind === "view" ? x.origin : { base: x, strides: rowMajor(x.shape), offset: 0 };
}

/** Whether axes with these sizes and strides can be walked as one. */
export function merges(sizes: readonly number[], strides: readonly number[]): boolean {
  const real = sizes.map((_, d) => d).filter((d) => sizes[d] !== 1);
  return real.every((d, i) => {
    const next = real[i + 1];
    return next === undefined || strides[d] === strides[next] * sizes[next];
  });
}

function view(
  x: Tensor,
  axes: readonly string[],
  shape: readonly number[],
  { base, strides, offset }: Layout,
  backward: Backward,
): Tensor {
  return new Tensor(axes, shape, { kind: "view", base, strides, offset }, [x], backward);
}

/** The tensor that the left side of a rearrangement asks for. */
export type Source<E extends string> = Left<E> extends [infer L extends string] ? Tensor<Flat<L>>
  : never;

/**
 * Split, merge, permute and rename axes. Sizes of split axes are given but for one a group.
 *
 * @throws {AxisError} where the pattern does not fit the axes and sizes.
 *
 * @example
 * ```ts
 * import { read, rearrange, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T H·K", [[1, 2, 3, 4], [5, 6, 7, 8]]);
 * const heads = rearrange(x, "T (H K) -> H T K", { H: 2 });
 * assertEquals(heads.shape, [2, 2, 2]);
 * assertEquals([...await read(heads)], [1, 2, 5, 6, 3, 4, 7, 8]);
 * ```
 */
export function rearrange<const E extends string>(
  x: Source<E>,
  expression: E,
  sizes: Record<string, number> = {},
): Tensor<Flat<Right<E>>> {
  const source = x as Tensor;
  const fail = (problem: string): never => {
    const given = describeAxes(source.axes, source.shape);
    throw new AxisError(`rearrange "${expression}" of ${given}: ${problem}`);
  };
  const groups = parsedGroups(expression);
  if (typeof groups === "string") return fail(groups);
  if (!sameList(backOf(groups).axes, source.axes)) fail("other axes");
  const split = groups.from.map((group, d) => splitSizes(group, source.shape[d], sizes, fail));
  return regroup(source, split, groups) as Tensor<Flat<Right<E>>>;
}

/** Axes in groups, each an axis of a tensor: those of the source, and those of the result. */
interface Groups {
  from: (readonly string[])[];
  to: (readonly string[])[];
  /** The axes of the result. */
  axes: string[];
  /** Of each axis of each of its groups: the place among all those of the source. */
  places: number[][];
  /** The way back, once it was needed. */
  back?: Groups;
  /** To each axis on its own, and from there, once a copy was needed. */
  detour?: [Groups, Groups];
}

function grouped(from: Groups["from"], to: Groups["to"]): Groups {
  const names = from.flat(), axes = to.map(merged);
  return { from, to, axes, places: to.map((group) => group.map((axis) => names.indexOf(axis))) };
}

const backOf = (groups: Groups) => groups.back ??= grouped(groups.to, groups.from);

function detour({ from, to }: Groups): [Groups, Groups] {
  const alone = to.flat().map((axis) => [axis]);
  return [grouped(from, alone), grouped(alone, to)];
}

/** Both sides of a rearrangement, or what is wrong with them. */
const parsedGroups = rememberedText((expression): Groups | string => {
  const [from, to, ...more] = expression.split("->").map(parseGroups);
  if (!to || more.length) return 'write it as "axes -> axes"';
  if ([...from, ...to].some((group) => group.length === 0)) return "an empty group is no axis";
  if (namesTwice(from.flat())) return "an axis is named twice";
  const same = sameList(from.flat().sort(), to.flat().sort());
  return same ? grouped(from, to) : "both sides must name the same axes";
});

/** The name of the axis that a group makes. */
const merged = (group: readonly string[]) => group.length === 1 ? group[0] : group.join("·");

function splitSizes(
  group: readonly string[],
  whole: number,
  sizes: Record<string, number>,
  fail: (problem: string) => void,
): number[] {
  if (group.length === 1) return [whole];
  const found = group.map((axis) => sizes[axis]);
  const open = found.flatMap((size, i) => size === undefined ? [i] : []);
  if (open.length > 1) fail(`give the size of ${open.slice(1).map((i) => group[i]).join(", ")}`);
  const known = found.reduce((n: number, s) => n * (s ?? 1), 1);
  if (open.length === 1) found[open[0]] = known === 0 ? 0 : whole / known;
  if (!found.every(Number.isInteger) || found.reduce((n, s) => n * s, 1) !== whole) {
    fail(
      `${group.join("·")} is ${whole}, which ${group.join("×")} = ${found.join("×")} does not make`,
    );
  }
  return found;
}

/** Split the axes of x, whose parts have the sizes `split`, and gather them into other groups. */
function regroup(x: Tensor, split: number[][], groups: Groups): Tensor {
  const { axes, places } = groups, { base, strides, offset } = layoutOf(x);
  const sizes = split.flat();
  const steps = split.flatMap((own, d) => rowMajor(own).map((step) => step * strides[d]));
  const parts = places.map((group) => group.map((i) => sizes[i]));
  if (
    places.every((group, d) => group.length === 1 || merges(parts[d], group.map((i) => steps[i])))
  ) {
    const lastStep = (group: number[]) =>
      steps[group.findLast((i) => sizes[i] !== 1) ?? group.at(-1)!];
    const layout = { base, strides: places.map(lastStep), offset };
    const back: Backward = (g) => [regroup(g, parts, backOf(groups))];
    return view(x, axes, parts.map(elementsOf), layout, back);
  }
  const [apart, together] = groups.detour ??= detour(groups), loose = regroup(x, split, apart);
  const copy = mapOver(loose.axes, loose.shape, input(0), [loose]);
  return regroup(copy, loose.shape.map((size) => [size]), together);
}

/**
 * The same numbers under other names of axes, in the same order.
 *
 * @throws {AxisError} where the pattern does not name the axes, or gives two one name.
 *
 * @example
 * ```ts
 * import { rename, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals(rename(tensor("T D", [[1, 2]]), "T D -> Tk K").axes, ["Tk", "K"]);
 * ```
 */
export function rename<const E extends string>(
  x: Source<E>,
  expression: E,
): Tensor<Flat<Right<E>>> {
  const source = x as Tensor;
  const [from, to, ...more] = parsedNames(expression);
  if (!sameList(from, source.axes) || to?.length !== from.length || more.length) {
    throw new AxisError(`rename "${expression}" of ${source}: the axes do not match`);
  }
  return renamed(source, to) as Tensor<Flat<Right<E>>>;
}

const parsedNames = rememberedText((expression) => expression.split("->").map(words));

/** The same numbers with these names of axes. */
export function renamed(x: Tensor, axes: readonly string[]): Tensor {
  if (namesTwice(axes)) {
    throw new AxisError(`rename: an axis is named twice in "${axes.join(" ")}"`);
  }
  return view(x, axes, x.shape, layoutOf(x), backToNames);
}

const backToNames: Backward = (gradient, { inputs: [x] }) => [renamed(gradient, x.axes)];

/**
 * The part of an axis from `start` up to, but not including, `end`.
 *
 * @throws {AxisError} where the places are not within the axis.
 *
 * @example
 * ```ts
 * import { read, slice, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(slice(tensor("T", [1, 2, 3, 4]), "T", 1, 3))], [2, 3]);
 * ```
 */
export function slice<S extends string>(
  x: Tensor<S>,
  axis: AxisOf<S>,
  start: number,
  end: number,
): Tensor<S> {
  const d = axisIndex(x, axis, "slice");
  const whole = Number.isInteger(start) && Number.isInteger(end);
  if (!whole || start < 0 || start > end || end > x.shape[d]) {
    throw new AxisError(`slice: ${start} to ${end} is not within axis ${axis} of ${x}`);
  }
  const { base, strides, offset } = layoutOf(x);
  const shape = x.shape.map((s, i) => i === d ? end - start : s);
  const layout = { base, strides, offset: offset + start * strides[d] };
  const back: Backward = (g) => [assemble(axis, x.shape[d], [g], [start])];
  return view(x, x.axes, shape, layout, back) as Tensor<S>;
}

/**
 * One place of an axis; the axis goes.
 *
 * @throws {AxisError} where the axis has no such place.
 *
 * @example
 * ```ts
 * import { at, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(at(tensor("T D", [[1, 2], [3, 4]]), "T", 1))], [3, 4]);
 * ```
 */
export function at<S extends string, const A extends AxisOf<S>>(
  x: Tensor<S>,
  axis: A,
  index: number,
): Tensor<Without<S, A>> {
  const d = axisIndex(x, axis, "at");
  if (!(Number.isInteger(index) && index >= 0 && index < x.shape[d])) {
    throw new AxisError(`at: axis ${axis} of ${x} has no place ${index}`);
  }
  const piece = slice(x, axis, index, index + 1);
  const without = <T>(list: readonly T[]) => list.filter((_, i) => i !== d);
  const { base, strides, offset } = layoutOf(piece);
  const layout = { base, strides: without(strides), offset };
  const back: Backward = (g) => [mapOver(piece.axes, piece.shape, input(0), [g])];
  return view(piece, without(x.axes), without(x.shape), layout, back) as Tensor<Without<S, A>>;
}

/**
 * Tensors one after another along an axis.
 *
 * @throws {AxisError} where there is nothing to join, or the tensors differ in another axis.
 *
 * @example
 * ```ts
 * import { concat, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const [a, b] = [tensor("T", [1, 2]), tensor("T", [3])];
 * assertEquals([...await read(concat([a, b], "T"))], [1, 2, 3]);
 * ```
 */
export function concat<S extends string>(xs: readonly Tensor<S>[], axis: AxisOf<S>): Tensor<S> {
  if (xs.length === 0) throw new AxisError("concat: no tensors given");
  const first = xs[0], d = axisIndex(first, axis, "concat");
  for (const x of xs) {
    const same = x.axes.join() === first.axes.join() &&
      x.shape.every((s, i) => i === d || s === first.shape[i]);
    if (!same) throw new AxisError(`concat along ${axis}: ${first} and ${x} differ elsewhere`);
  }
  const starts: number[] = [];
  let total = 0;
  for (const x of xs) total += (starts.push(total), x.shape[d]);
  return assemble(axis, total, xs, starts) as Tensor<S>;
}

/** The parts, each at its start along `axis`, in zeros. */
export function assemble(
  axis: string,
  size: number,
  parts: readonly Tensor[],
  starts: readonly number[],
): Tensor {
  const d = axisIndex(parts[0], axis, "assemble");
  const shape = parts[0].shape.map((s, i) => i === d ? size : s);
  const origin = { kind: "assemble", axis, starts } as const;
  return new Tensor(
    parts[0].axes,
    shape,
    origin,
    parts,
    (g) => parts.map((part, i) => slice(g, axis, starts[i], starts[i] + part.shape[d])),
  );
}

/**
 * Zeros before and after along an axis.
 *
 * @throws {AxisError} where `before` or `after` is no whole number from 0.
 *
 * @example
 * ```ts
 * import { pad, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(pad(tensor("T", [1, 2]), "T", 1, 0))], [0, 1, 2]);
 * ```
 */
export function pad<S extends string>(
  x: Tensor<S>,
  axis: AxisOf<S>,
  before: number,
  after: number,
): Tensor<S> {
  const size = x.shape[axisIndex(x, axis, "pad")];
  if (![before, after].every((n) => Number.isInteger(n) && n >= 0)) {
    throw new AxisError(`pad along ${axis} of ${x}: ${before} and ${after} are not both counts`);
  }
  return assemble(axis, before + size + after, [x], [before]) as Tensor<S>;
}

/**
 * The same numbers repeated along new axes, which come where `axes` names them.
 *
 * @throws {AxisError} where an axis of x is gone or of another size, or a new one has no size.
 *
 * @example
 * ```ts
 * import { broadcast, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(broadcast(tensor("D", [1, 2]), "T D", { T: 2 }))], [1, 2, 1, 2]);
 * ```
 */
export function broadcast<const S extends string>(
  x: Tensor,
  axes: S,
  sizes: Record<string, number>,
): Tensor<S> {
  const names = words(axes);
  const fail = (problem: string): never => {
    throw new AxisError(`broadcast of ${x} to "${axes}": ${problem}`);
  };
  for (const axis of x.axes) if (!names.includes(axis)) fail(`${axis} is gone`);
  const shape = names.map((axis) => {
    const known: number | undefined = x.shape[x.axes.indexOf(axis)];
    const size = sizes[axis] ?? known ?? fail(`how long is ${axis}?`);
    return size === (known ?? size) ? size : fail(`${axis} is ${known}, not ${size}`);
  });
  checkAxes(names, shape, "broadcast");
  return mapOver(names, shape, input(0), [x]) as Tensor<S>;
}
