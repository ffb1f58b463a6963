/**
 * Root-mean-square normalisation — Zhang & Sennrich 2019 (1910.07467), eq. 4; T5: Raffel et al. 2019 (1910.10683), §2.1.
 * Idea   Layer normalisation without moving to the middle: each vector is only scaled to length √D, then
 *        by a learned gain. Half the work, half the parameters, and T5 misses nothing.
 * Maths  y = gain · x / √(mean x² + ε)
 * Axes   B batch · T positions · D model width
 * Differs from the paper: ε, which keeps a row of zeros finite (10⁻⁶ in T5).
 * Trap   It is not layer normalisation without a bias: the mean stays, and with it what all dimensions share.
 * @module
 */
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, divide, mean, multiply, sqrt, square, type Tensor } from "./tensor/mod.ts";

/** The declared parameter of an RMS norm. */
export interface RmsNormDeclared {
  /** Scale of each dimension, 1 at first. */
  gain: Declared<"D">;
}

/** The parameter of an RMS norm. */
export type RmsNormParameters = Parameters<RmsNormDeclared>;

/**
 * Declare an RMS norm over vectors of the given width.
 *
 * @example
 * ```ts
 * import { rmsNormParameters } from "@lineage/lineage/core/rms_norm";
 * import { assertEquals } from "@std/assert";
 * assertEquals(rmsNormParameters(8).gain.start, "ones");
 * ```
 */
export function rmsNormParameters(width: number): RmsNormDeclared {
  return { gain: declare("D", [width], "ones") };
}

/**
 * Scale each vector along D to a mean square of 1, then by the gain.
 *
 * @example
 * ```ts
 * import { rmsNorm } from "@lineage/lineage/core/rms_norm";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const y = rmsNorm(tensor("B T D", [[[1, 7]]]), { gain: tensor("D", [5, 10]) }, 0);
 * assertEquals([...await read(y)], [1, 14]); // the root of the mean square is 5
 * ```
 */
export function rmsNorm(
  x: Tensor<"B T D">,
  { gain }: RmsNormParameters,
  epsilon: number,
): Tensor<"B T D"> {
  const size = sqrt(add(mean(square(x), "D"), epsilon));
  return multiply(divide(x, size), gain);
}
