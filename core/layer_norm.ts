/**
 * Layer normalisation — Ba et al. 2016 (1607.06450), eq. 3.
 * Idea   Each position's vector is moved to mean 0 and scaled to variance 1, whatever the rest of the
 *        batch does; then a learned gain and bias put it where the next layer wants it.
 * Maths  y = gain · (x − mean) / √(variance + ε) + bias,  variance = mean (x − mean)².
 * Axes   B batch · T positions · D model width
 * Differs from the paper: nothing; ε keeps a constant row finite (10⁻¹² in BERT).
 * Trap   The variance is divided by D, not by D − 1; dividing by D − 1 shifts every output.
 * @module
 */
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, multiply, standardize, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of a layer norm. */
export interface LayerNormDeclared {
  /** Scale of each dimension, 1 at first. */
  gain: Declared<"D">;
  /** Shift of each dimension, 0 at first. */
  bias: Declared<"D">;
}

/** The parameters of a layer norm. */
export type LayerNormParameters = Parameters<LayerNormDeclared>;

/**
 * Declare a layer norm over vectors of the given width.
 *
 * @example
 * ```ts
 * import { layerNormParameters } from "@lineage/lineage/core/layer_norm";
 * import { assertEquals } from "@std/assert";
 * assertEquals(layerNormParameters(8).gain.start, "ones");
 * ```
 */
export function layerNormParameters(width: number): LayerNormDeclared {
  return { gain: declare("D", [width], "ones"), bias: declare("D", [width], "zeros") };
}

/**
 * Normalise each vector along D.
 *
 * @example
 * ```ts
 * import { layerNorm } from "@lineage/lineage/core/layer_norm";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = { gain: tensor("D", [2, 2]), bias: tensor("D", [1, 1]) };
 * const y = layerNorm(tensor("B T D", [[[3, 5]]]), params, 0);
 * assertEquals([...await read(y)], [-1, 3]);
 * ```
 */
export function layerNorm(
  x: Tensor<"B T D">,
  { gain, bias }: LayerNormParameters,
  epsilon: number,
): Tensor<"B T D"> {
  return add(multiply(standardize(x, "D", epsilon), gain), bias);
}
