/**
 * Position-wise feed-forward network — Vaswani et al. 2017 (1706.03762), §3.3, eq. 2.
 * Idea   After attention has mixed positions, each position thinks for itself: up to a wider space,
 *        through a bend, and down again. Two thirds of a layer's parameters are here.
 * Maths  FFN(x) = f(xW₁ + b₁)W₂ + b₂
 * Axes   B batch · T positions · D model width · F inner width, usually 4·D
 * Differs from the paper: the activation f is given; BERT takes GELU where Vaswani et al. take ReLU.
 * @module
 */
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, einsum, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of a feed-forward network. */
export interface FeedForwardDeclared {
  /** W₁, b₁ */
  up: { weight: Declared<"F D">; bias: Declared<"F"> };
  /** W₂, b₂ */
  down: { weight: Declared<"D F">; bias: Declared<"D"> };
}

/** The parameters of a feed-forward network. */
export type FeedForwardParameters = Parameters<FeedForwardDeclared>;

/** An element-wise function, such as `gelu`. */
export type Activation = <S extends string>(x: Tensor<S>) => Tensor<S>;

/**
 * Declare the two linear layers.
 *
 * @example
 * ```ts
 * import { feedForwardParameters } from "@lineage/lineage/core/feed_forward";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(feedForwardParameters(8, 32)), 2 * 8 * 32 + 32 + 8);
 * ```
 */
export function feedForwardParameters(width: number, inner: number): FeedForwardDeclared {
  return {
    up: { weight: declare("F D", [inner, width]), bias: declare("F", [inner], "zeros") },
    down: { weight: declare("D F", [width, inner]), bias: declare("D", [width], "zeros") },
  };
}

/**
 * Two linear layers with an activation between them.
 *
 * @example
 * ```ts
 * import { feedForward } from "@lineage/lineage/core/feed_forward";
 * import { read, relu, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = {
 *   up: { weight: tensor("F D", [[1], [-1]]), bias: tensor("F", [0, 0]) },
 *   down: { weight: tensor("D F", [[1, 1]]), bias: tensor("D", [0]) },
 * };
 * const y = feedForward(tensor("B T D", [[[3], [-2]]]), params, relu); // |x|
 * assertEquals([...await read(y)], [3, 2]);
 * ```
 */
export function feedForward(
  x: Tensor<"B T D">,
  { up, down }: FeedForwardParameters,
  activation: Activation,
): Tensor<"B T D"> {
  const hidden = activation(add(einsum("B T D, F D -> B T F", x, up.weight), up.bias));
  return add(einsum("B T F, D F -> B T D", hidden, down.weight), down.bias);
}
