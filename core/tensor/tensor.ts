/**
 * Tensors: expressions with named axes.
 *
 * Idea   Building a tensor computes nothing. It remembers where its numbers will come from (its
 *        origin), from which other tensors, and how a gradient passes back through it. `read` and
 *        `keep` (run.ts) compute.
 * Maths  none here.
 * Axes   whatever the caller names them.
 * Differs from the paper: there is none.
 * @module
 */
import { AxisError, describeAxes, namesTwice, sameList, words } from "./axes.ts";
import type { Device, Storage } from "../program/device.ts";
import { constant, type Expression } from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";

/** Where the numbers of a tensor come from. */
export type Origin =
  /** Numbers given by the caller. */
  | { kind: "data"; values: ArrayLike<number> }
  /** Numbers kept on a device; updates may replace them, unless they are halves. */
  | { kind: "held"; device: Device; storage: Storage; half?: boolean }
  /** Each element is its own row-major position. */
  | { kind: "position" }
  /** An expression of the inputs, matched by axis names. `lookup`: input 0 is a table, input 1 its ids. */
  | { kind: "map"; expression: Expression; lookup?: boolean }
  /** Some axes of the input folded. */
  | { kind: "reduce"; by: "sum" | "max"; over: readonly string[] }
  /** Product of two inputs, summed over the axes that the output lacks. */
  | { kind: "contraction" }
  /** The input's numbers in another order: a window onto `base`, by strides. */
  | { kind: "view"; base: Tensor; strides: readonly number[]; offset: number }
  /** Rows (input 0) added up where ids (input 1) say. */
  | { kind: "scatter" }
  /** The inputs side by side along `axis`, each at its start; zeros elsewhere. */
  | { kind: "assemble"; axis: string; starts: readonly number[] };

/** The gradient with respect to each parent, given that of the tensor, and the tensor. */
export type Backward = (gradient: Tensor, tensor: Tensor) => (Tensor | undefined)[];

declare const named: unique symbol;

/** A tensor with the axes S, such as `Tensor<"B T D">`; `Tensor<"">` is a single number. */
export class Tensor<out S extends string = string> {
  /** The axes, for the compiler only. */
  declare readonly [named]: S;
  /** What gradients pass back to; the inputs, unless an operation says otherwise. */
  readonly parents: readonly Tensor[];
  /** @ignore Its place in the order of the latest walk that met it (walk.ts). */
  place = 0;

  /** For operations; others use `tensor`, `scalar`, `zeros`, `full`. */
  constructor(
    /** Names of the axes, in order of storage: the last one runs fastest. */
    readonly axes: readonly string[],
    /** Sizes of the axes. */
    readonly shape: readonly number[],
    /** Where the numbers come from. */
    readonly origin: Origin,
    /** What they come from. */
    readonly inputs: readonly Tensor[] = [],
    /** How a gradient passes back; without it, none does. */
    readonly backward?: Backward,
    parents?: readonly Tensor[],
  ) {
    this.parents = parents ?? inputs;
  }

  /** The size of one axis. */
  size(axis: string): number {
    return this.shape[axisIndex(this, axis, "size")];
  }

  /** Number of elements. */
  get elements(): number {
    return elementsOf(this.shape);
  }

  /** Tensor "B T D" 2×3×4 */
  toString(): string {
    return `Tensor ${describeAxes(this.axes, this.shape)}`;
  }

  /** How Deno prints it. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
}

/** The place of an axis in a tensor, or an error that names the axis, the tensor and the operation. */
export function axisIndex(x: Tensor, axis: string, operation: string): number {
  const at = x.axes.indexOf(axis);
  if (at < 0) {
    throw new AxisError(`${operation}: no axis "${axis}" in ${describeAxes(x.axes, x.shape)}`);
  }
  return at;
}

/** Throws where axes are named twice, or are not as many as the sizes, or a size is no size. */
export function checkAxes(
  axes: readonly string[],
  shape: readonly number[],
  operation: string,
): void {
  const fail = (problem: (shown: string) => string) => {
    throw new AxisError(`${operation}: ${problem(describeAxes(axes, shape))}`);
  };
  if (axes.length !== shape.length) {
    fail((shown) => `${axes.length} axes but ${shape.length} sizes in ${shown}`);
  }
  if (namesTwice(axes)) fail((shown) => `an axis is named twice in ${shown}; rename one`);
  if (!shape.every((s) => Number.isSafeInteger(s) && s >= 0)) {
    fail((shown) => `sizes must be whole numbers, not ${shown}`);
  }
}

/**
 * Whether two tensors have the same axes, in the same order, and the same sizes.
 *
 * @example
 * ```ts
 * import { sameForm, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T", [1, 2]);
 * assertEquals([sameForm(x, tensor("T", [3, 4])), sameForm(x, tensor("D", [3, 4]))], [true, false]);
 * ```
 */
export const sameForm = (a: Tensor, b: Tensor): boolean =>
  sameList(a.axes, b.axes) && sameList(a.shape, b.shape);

/** Nested lists of numbers, the innermost being the last axis. */
export type NestedNumbers = number | readonly NestedNumbers[];

/**
 * A tensor of given numbers: nested lists, whose lengths are the sizes, or a flat list and the sizes.
 *
 * @throws {AxisError} where there are not as many numbers as the sizes say, or axes and sizes do not fit.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T D", [[1, 2, 3], [4, 5, 6]]);
 * assertEquals(x.size("D"), 3);
 * assertEquals([...await read(tensor("T D", [1, 2, 3, 4], [2, 2]))], [1, 2, 3, 4]);
 * ```
 */
export function tensor<const S extends string>(
  axes: S,
  values: NestedNumbers | ArrayLike<number>,
  shape?: readonly number[],
): Tensor<S> {
  const names = words(axes);
  const sizes = shape ?? measure(values as NestedNumbers, names.length);
  checkAxes(names, sizes, "tensor");
  const flat = typeof values === "number"
    ? [values]
    : shape || names.length === 1
    ? values as ArrayLike<number>
    : (values as unknown[]).flat(Infinity) as number[];
  if (flat.length !== elementsOf(sizes)) {
    throw new AxisError(
      `tensor: ${flat.length} numbers do not fill ${describeAxes(names, sizes)}` +
        ` (${elementsOf(sizes)})`,
    );
  }
  return new Tensor(names, sizes, { kind: "data", values: flat });
}

function measure(values: NestedNumbers, depth: number): number[] {
  const sizes: number[] = [];
  for (let at: NestedNumbers = values; typeof at !== "number" && at !== undefined; at = at[0]) {
    sizes.push(at.length);
    if (at.length === 0) break;
  }
  while (sizes.length < depth && sizes.at(-1) === 0) sizes.push(0);
  const even = (at: NestedNumbers, d: number): boolean =>
    typeof at === "number"
      ? d === sizes.length
      : at.length === sizes[d] && (at.length === 0 || at.every((x) => even(x, d + 1)));
  if (ArrayBuffer.isView(values) ? depth !== 1 : !even(values, 0)) {
    throw new AxisError("tensor: nested lists of unequal length; give a flat list and the sizes");
  }
  return sizes;
}

/**
 * One number that may change from step to step without a new schedule, such as a learning rate.
 *
 * @example
 * ```ts
 * import { read, scalar } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(scalar(3))], [3]);
 * ```
 */
export function scalar(value: number): Tensor<""> {
  return new Tensor([], [], { kind: "data", values: [value] });
}

/**
 * A tensor of one repeated number.
 *
 * @example
 * ```ts
 * import { full, read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(full("T", [2], 7))], [7, 7]);
 * ```
 */
export function full<const S extends string>(
  axes: S,
  shape: readonly number[],
  value: number,
): Tensor<S> {
  const names = words(axes);
  checkAxes(names, shape, "full");
  return new Tensor(names, shape, { kind: "map", expression: constant(value) });
}

/**
 * A tensor of zeros.
 *
 * @example
 * ```ts
 * import { read, zeros } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(zeros("T", [2]))], [0, 0]);
 * ```
 */
export function zeros<const S extends string>(axes: S, shape: readonly number[]): Tensor<S> {
  return full(axes, shape, 0);
}

/**
 * Whether a tensor is zero by construction: the gradient of what the loss does not depend on.
 *
 * @example
 * ```ts
 * import { isZero, tensor, zeros } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([isZero(zeros("T", [2])), isZero(tensor("T", [0, 0]))], [true, false]);
 * ```
 */
export function isZero(x: Tensor): boolean {
  const { origin } = x;
  return origin.kind === "map" && origin.expression.operator === "constant" &&
    origin.expression.value === 0;
}

/**
 * The places along an axis: 0, 1, 2, … as a tensor.
 *
 * @example
 * ```ts
 * import { indices, read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(indices("T", 3))], [0, 1, 2]);
 * ```
 */
export function indices<const A extends string>(axis: A, size: number): Tensor<A> {
  checkAxes([axis], [size], "indices");
  return new Tensor([axis], [size], { kind: "position" });
}

/**
 * Check at run time that a tensor has certain axes, and tell the compiler so.
 *
 * @throws {AxisError} where it has others.
 *
 * @example
 * ```ts
 * import { type Tensor, tensor, withAxes } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const unknown: Tensor = tensor("B T", [[1, 2]]);
 * const known: Tensor<"B T"> = withAxes(unknown, "B T");
 * assertEquals(known.size("T"), 2);
 * ```
 */
export function withAxes<const S extends string>(x: Tensor, axes: S): Tensor<S> {
  if (!sameList(x.axes, words(axes))) {
    throw new AxisError(`expected the axes "${axes}", not ${describeAxes(x.axes, x.shape)}`);
  }
  return x as Tensor<S>;
}

/**
 * The same numbers with another way back: how softmax and others state their gradient in one line.
 *
 * @example
 * ```ts
 * import { gradients, negate, read, sum, tensor, withGradient } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("D", [1, 2]), reversed = withGradient(x, [x], (g) => [negate(g)]);
 * assertEquals([...await read(gradients(sum(reversed), { x }).x)], [-1, -1]);
 * ```
 */
export function withGradient<S extends string>(
  value: Tensor<S>,
  parents: readonly Tensor[],
  backward: Backward,
): Tensor<S> {
  return new Tensor(value.axes, value.shape, value.origin, value.inputs, backward, parents);
}

/**
 * The same numbers, through which no gradient passes.
 *
 * @example
 * ```ts
 * import { gradients, multiply, read, stopGradient, sum, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T", [2, 3]);
 * const loss = sum(multiply(x, stopGradient(x)));
 * assertEquals([...await read(gradients(loss, { x }).x)], [2, 3]); // not 2x
 * ```
 */
export function stopGradient<S extends string>(x: Tensor<S>): Tensor<S> {
  return new Tensor(x.axes, x.shape, x.origin, x.inputs, undefined, []);
}
