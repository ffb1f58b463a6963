/**
 * The feed-forward network with a gate — Shazeer 2020 (2002.05202), eq. 6; T5 v1.1.
 * Idea   Two ways up instead of one: the first is bent and says how much of the second passes. Without the
 *        gate it is the network of Vaswani et al. T5 takes both without biases.
 * Maths  gated:  FFN(x) = (f(xG) · xW₁)W₂      plain:  FFN(x) = f(xW₁ + b₁)W₂ + b₂
 * Axes   B batch · T positions · D model width · F inner width
 * Differs from the paper: nothing. Shazeer takes F smaller by a third, so that the gate costs no parameters.
 * Trap   The gate is what is bent. Bending W₁ instead loads and runs; only the numbers tell.
 * @module
 */
import type { Dropout } from "./attention.ts";
import type { Activation } from "./feed_forward.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, dropout, einsum, multiply, type Tensor } from "./tensor/mod.ts";

/** A linear layer from D to F. */
type Up = { weight: Declared<"F D">; bias?: Declared<"F"> };

/** The declared parameters, with or without a gate and biases; those of `feedForwardParameters` fit. */
export interface GatedDeclared {
  /** G */
  gate?: { weight: Declared<"F D">; bias?: Declared<"F"> };
  /** W₁, b₁ */
  up: { weight: Declared<"F D">; bias?: Declared<"F"> };
  /** W₂, b₂ */
  down: { weight: Declared<"D F">; bias?: Declared<"D"> };
}

/** The parameters. */
export type GatedParameters = Parameters<GatedDeclared>;

/**
 * Declare the linear layers.
 *
 * @example
 * ```ts
 * import { gatedParameters } from "@lineage/lineage/core/gated_feed_forward";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(gatedParameters(8, 20, { gated: true, biases: false })), 3 * 8 * 20);
 * ```
 */
export function gatedParameters(
  width: number,
  inner: number,
  { gated, biases }: { gated: boolean; biases: boolean },
): GatedDeclared {
  const up = (): Up => ({
    weight: declare("F D", [inner, width]),
    ...biases && { bias: declare("F", [inner], "zeros") },
  });
  return {
    ...gated && { gate: up() },
    up: up(),
    down: {
      weight: declare("D F", [width, inner]),
      ...biases && { bias: declare("D", [width], "zeros") },
    },
  };
}

/**
 * Up, bent, through the gate if there is one, and down.
 *
 * @example
 * ```ts
 * import { gatedFeedForward } from "@lineage/lineage/core/gated_feed_forward";
 * import { read, relu, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = {
 *   gate: { weight: tensor("F D", [[1], [-1]]) },
 *   up: { weight: tensor("F D", [[1], [1]]) },
 *   down: { weight: tensor("D F", [[1, 1]]) },
 * };
 * const y = gatedFeedForward(tensor("B T D", [[[3], [-2]]]), params, relu); // x·|x|
 * assertEquals([...await read(y)], [9, -4]);
 * ```
 */
export function gatedFeedForward(
  x: Tensor<"B T D">,
  { gate, up, down }: GatedParameters,
  activation: Activation,
  drop?: Dropout,
): Tensor<"B T D"> {
  const rise = ({ weight, bias }: GatedParameters["up"]) => {
    const y = einsum("B T D, F D -> B T F", x, weight);
    return bias ? add(y, bias) : y;
  };
  const bent = activation(rise(gate ?? up)), hidden = gate ? multiply(bent, rise(up)) : bent;
  const used = dropout(hidden, drop?.rate ?? 0, drop?.key);
  const y = einsum("B T F, D F -> B T D", used, down.weight);
  return down.bias ? add(y, down.bias) : y;
}
