/**
 * Gradient clipping by the global norm — Pascanu et al. 2013 (1211.5063), algorithm 1.
 * Idea   A cliff in the loss gives one huge gradient, and one huge step throws away what was
 *        learned. Cap the length of the gradient of all parameters together; its direction stays.
 * Maths  g ← g · min(1, c / (‖g‖ + 10⁻⁶)),  ‖g‖ = √ Σ over all parameters of Σ g²
 * Axes   those of each parameter
 * Differs from the paper: 10⁻⁶ is added to the norm, as in PyTorch.
 * Trap   Clipping each parameter by its own norm turns the gradient; a shared parameter counted
 *        twelve times makes the norm too long.
 * @module
 */
import {
  add,
  divide,
  full,
  isZero,
  mapNested,
  minimum,
  multiply,
  scalar,
  sqrt,
  square,
  sum,
  type Tensor,
} from "../tensor/mod.ts";
import { together } from "./together.ts";

/**
 * Gradients of at most the given length, and the length that they had.
 *
 * Two tensors at different places count as one if they are the same; where different `params` may
 * have the very same gradient (those of a sum of two weights), give the parameters: then these tell
 * what is shared.
 *
 * @throws {RangeError} for a maximum that is not above 0.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm } from "@lineage/lineage/core/training/clip";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * const clipped = clipByGlobalNorm({ a: tensor("D", [3]), b: tensor("D", [4]) }, 1);
 * const { norm, gradients } = await read(clipped);
 * assertAlmostEquals(norm[0], 5, 1e-6);
 * assertAlmostEquals(gradients.a[0], 0.6, 1e-6);
 * ```
 */
export function clipByGlobalNorm<P>(
  gradients: P,
  maximum: number,
  params: unknown = gradients,
): { gradients: P; norm: Tensor<""> } {
  if (!(maximum > 0)) throw new RangeError(`clip: the maximum ${maximum} is not above 0`);
  const squares = together(params, gradients)
    .filter(([, , g]) => !isZero(g))
    .map(([, , g]) => sum(square(g)));
  const norm = sqrt(squares.reduce((total, one) => add(total, one), full("", [], 0)));
  const factor = minimum(divide(scalar(maximum), add(norm, 1e-6)), 1);
  return { gradients: mapNested(gradients, (g) => isZero(g) ? g : multiply(g, factor)), norm };
}
