/**
 * Reductions: axes folded away by a sum or a maximum.
 *
 * Idea   The axis to fold is named, so no one counts dimensions. A mean is a sum divided.
 * Maths  y = Σ_a x, ∂L/∂x = ∂L/∂y repeated along a.
 * Axes   `sum(x: "B T D", "T")` is "B D"; without a name all axes go.
 * Differs from the paper: there is none.
 * @module
 */
import { AxisError, namesTwice, sameList, type Within, type Without, words } from "./axes.ts";
import { divide, mapOver } from "./elementwise.ts";
import { equal, input, multiply } from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";
import { axisIndex, type Backward, Tensor } from "./tensor.ts";

/** A list of axes of S, such as "T" or "B T". */
export type AxesOf<A extends string, S extends string> = Within<A, S> extends true ? A : never;

function reduce(by: "sum" | "max", x: Tensor, over: readonly string[]): Tensor {
  if (over.length === 0) return x;
  const kept = x.axes.filter((a) => !over.includes(a));
  const shape = kept.map((a) => x.shape[axisIndex(x, a, by)]);
  if (by === "max" && over.some((a) => x.shape[axisIndex(x, a, by)] === 0)) {
    throw new AxisError(`max: nothing to choose from in ${x}`);
  }
  return new Tensor(kept, shape, { kind: "reduce", by, over }, [x], backThrough[by]);
}

const backThrough: Record<"sum" | "max", Backward> = {
  sum: (gradient, { inputs: [x] }) => [mapOver(x.axes, x.shape, input(0), [gradient])],
  max: (gradient, y) => {
    const [x] = y.inputs, reached = multiply(input(1), equal(input(0), input(2)));
    return [mapOver(x.axes, x.shape, reached, [x, gradient, y])];
  },
};

/** Sum a gradient down to some of its axes, in their order. */
export function sumTo(axes: readonly string[], x: Tensor): Tensor {
  if (sameList(axes, x.axes)) return x;
  const total = reduce("sum", x, x.axes.filter((a) => !axes.includes(a)));
  if (sameList(axes, total.axes)) return total;
  const shape = axes.map((a) => total.shape[axisIndex(total, a, "sum")]);
  return mapOver(axes, shape, input(0), [total]);
}

function named(x: Tensor, over: string | undefined, operation: string): readonly string[] {
  const axes = over === undefined ? x.axes : words(over);
  axes.forEach((a) => axisIndex(x, a, operation));
  if (namesTwice(axes)) {
    throw new AxisError(`${operation} of ${x}: an axis is named twice in "${over}"`);
  }
  return axes;
}

/**
 * Sum over one or more axes; over all of them when none is named.
 *
 * @example
 * ```ts
 * import { read, sum, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T D", [[1, 2], [3, 4]]);
 * assertEquals([...await read(sum(x, "T"))], [4, 6]);
 * assertEquals([...await read(sum(x))], [10]);
 * ```
 */
export function sum<S extends string>(x: Tensor<S>): Tensor<"">;
/** Over the named axes. */
export function sum<S extends string, A extends string>(
  x: Tensor<S>,
  over: AxesOf<A, S>,
): Tensor<Without<S, A>>;
/** Both ways. */
export function sum(x: Tensor, over?: string): Tensor {
  return sumOver(x, named(x, over, "sum"));
}

function sumOver(x: Tensor, axes: readonly string[]): Tensor {
  // Folding everything would be one long row; folding the last axis first makes many rows of it.
  const rows = axes.length === x.axes.length && axes.length > 1
    ? reduce("sum", x, [x.axes.at(-1)!])
    : x;
  return reduce("sum", rows, axes);
}

/**
 * Arithmetic mean over one or more axes; over all of them when none is named.
 *
 * @throws {AxisError} where there is nothing to average.
 *
 * @example
 * ```ts
 * import { mean, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(mean(tensor("T D", [[1, 2], [3, 4]]), "D"))], [1.5, 3.5]);
 * ```
 */
export function mean<S extends string>(x: Tensor<S>): Tensor<"">;
/** Over the named axes. */
export function mean<S extends string, A extends string>(
  x: Tensor<S>,
  over: AxesOf<A, S>,
): Tensor<Without<S, A>>;
/** Both ways. */
export function mean(x: Tensor, over?: string): Tensor {
  const axes = named(x, over, "mean");
  const count = elementsOf(axes.map((a) => x.shape[axisIndex(x, a, "mean")]));
  if (count === 0) throw new AxisError(`mean: nothing to average in ${x}`);
  return divide(sumOver(x, axes), count); // of equal numbers the mean is that number, exactly
}

/**
 * The largest element along one or more axes. Its gradient goes to every element that attains it.
 *
 * @example
 * ```ts
 * import { max, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(max(tensor("T D", [[1, 2], [4, 3]]), "D"))], [2, 4]);
 * ```
 */
export function max<S extends string, A extends string>(
  x: Tensor<S>,
  over: AxesOf<A, S>,
): Tensor<Without<S, A>> {
  return reduce("max", x, named(x, over, "max")) as Tensor<Without<S, A>>;
}
