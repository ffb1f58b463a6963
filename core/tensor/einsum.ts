/**
 * Einstein summation: products of tensors, said by their axes.
 *
 * Idea   Multiply matching elements; sum over every axis that the output does not name. A linear
 *        layer, attention scores, a dot product, an outer product: all are one expression.
 * Maths  "B T D, F D -> B T F":  y[b,t,f] = Σ_d x[b,t,d] · w[f,d].
 * Axes   named in the expression and checked against the tensors, by the compiler and at run time.
 * Differs from the paper: Einstein (1916) sums over repeated indices; here the output decides.
 * @module
 */
import {
  AxisError,
  describeAxes,
  type Left,
  namesTwice,
  parseExpression,
  rememberedText,
  type Right,
  sameList,
} from "./axes.ts";
import { mapOver } from "./elementwise.ts";
import { input, multiply } from "../program/expression.ts";
import { sumTo } from "./reduce.ts";
import { type Backward, Tensor } from "./tensor.ts";
import { layoutOf, merges } from "./views.ts";

/** A tensor for each of the axes on the left of an expression. */
export type Operands<L> = L extends [infer Head extends string, ...infer Tail]
  ? [Tensor<Head>, ...Operands<Tail>]
  : [];

/**
 * The sum of products that `expression` names.
 *
 * @example
 * ```ts
 * import { einsum, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T D", [[1, 2], [3, 4]]), w = tensor("F D", [[1, 0], [1, 1], [0, 1]]);
 * const y = einsum("T D, F D -> T F", x, w);
 * assertEquals([...await read(y)], [1, 3, 2, 3, 7, 4]);
 * ```
 */
export function einsum<const E extends string>(
  expression: E,
  ...operands: Operands<Left<E>>
): Tensor<Right<E>> {
  const { inputs, output } = parsed(expression), xs = operands as Tensor[];
  check(expression, inputs, output, xs);
  let [product, ...others] = xs;
  for (const [i, next] of others.entries()) {
    const later = [...others.slice(i + 1).flatMap((x) => x.axes), ...output];
    const kept = [...new Set([...product.axes, ...next.axes])].filter((a) => later.includes(a));
    product = pair(product, next, i === others.length - 1 ? output : kept);
  }
  return sumTo(output, product) as Tensor<Right<E>>;
}

const parsed = rememberedText((expression) => parseExpression("einsum", expression));

function check(
  expression: string,
  inputs: (readonly string[])[],
  output: readonly string[],
  xs: Tensor[],
): void {
  const fail = (problem: string) => {
    const given = xs.map((x) => describeAxes(x.axes, x.shape)).join(" and ");
    throw new AxisError(`einsum "${expression}" with ${given}: ${problem}`);
  };
  if (inputs.length !== xs.length) fail(`expects ${inputs.length} tensors`);
  const sizes = new Map<string, number>();
  inputs.forEach((axes, i) => {
    if (!sameList(axes, xs[i].axes)) fail(`operand ${i + 1} has other axes`);
    axes.forEach((axis, d) => {
      const size = xs[i].shape[d], known = sizes.get(axis) ?? size;
      if (known !== size) fail(`axis ${axis} is ${known} and ${size}`);
      sizes.set(axis, size);
    });
  });
  for (const axis of output) if (!sizes.has(axis)) fail(`no operand has the axis ${axis}`);
  if (namesTwice(output)) fail("the output names an axis twice");
}

/** The product of two tensors, summed down to the axes of the output. */
function pair(a: Tensor, b: Tensor, output: readonly string[]): Tensor {
  const needed = (x: Tensor, other: Tensor) =>
    sumTo(x.axes.filter((axis) => other.axes.includes(axis) || output.includes(axis)), x);
  return multiplyPair(needed(a, b), needed(b, a), output);
}

function multiplyPair(a: Tensor, b: Tensor, output: readonly string[]): Tensor {
  const only = (x: Tensor, other: Tensor) => x.axes.some((axis) => !other.axes.includes(axis));
  const summed = a.axes.some((axis) => !output.includes(axis));
  return summed && only(a, b) && only(b, a) ? contraction(a, b, output) : loopPair(a, b, output);
}

/** An outer or element-wise product, or one with a vector: a loop does it as well as a matrix product. */
function loopPair(a: Tensor, b: Tensor, output: readonly string[]): Tensor {
  const summed = a.axes.filter((axis) => !output.includes(axis));
  const axes = [...output, ...summed];
  const product = mapOver(axes, sizesOf(axes, a, b), multiply(input(0), input(1)), [a, b]);
  return sumTo(output, product);
}

function contraction(a: Tensor, b: Tensor, output: readonly string[]): Tensor {
  const summed = a.axes.filter((axis) => !output.includes(axis));
  const inputs = [packed(a, summed), packed(b, summed)], shape = sizesOf(output, a, b);
  return new Tensor(output, shape, { kind: "contraction" }, inputs, backThroughProduct, [a, b]);
}

const backThroughProduct: Backward = (gradient, { parents: [a, b] }) => [
  multiplyPair(gradient, b, a.axes),
  multiplyPair(gradient, a, b.axes),
];

/** x itself if one stride can walk through all its summed axes, else a copy where they come last. */
function packed(x: Tensor, summed: readonly string[]): Tensor {
  if (summed.length === 1) return x;
  const { strides } = layoutOf(x);
  const at = summed.map((axis) => x.axes.indexOf(axis));
  if (merges(at.map((d) => x.shape[d]), at.map((d) => strides[d]))) return x;
  const axes = [...x.axes.filter((axis) => !summed.includes(axis)), ...summed];
  return mapOver(axes, sizesOf(axes, x), input(0), [x]);
}

function sizesOf(axes: readonly string[], ...xs: Tensor[]): number[] {
  return axes.map((axis) => xs.find((x) => x.axes.includes(axis))!.size(axis));
}
