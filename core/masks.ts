/**
 * Attention masks — which position may look at which.
 *
 * Idea   One attention, many models: what a query may see is all that tells BERT from GPT from UniLM.
 *        A mask is a tensor of ones (visible) and zeros (hidden), for keys alone ("B Tk") or for
 *        pairs ("B Tq Tk"); as a bias it is added to the scores before the softmax.
 * Maths  bias = (1 − mask) · lowest, with lowest = −3.4028235·10³⁸, the most negative float.
 * Axes   B batch · Tq query positions · Tk key positions
 * Differs from the paper: Vaswani et al. 2017 add −∞, which makes a row without any visible key NaN;
 *        with the lowest float it becomes uniform, as in Hugging Face's BERT.
 * Trap   Adding −10⁴ instead leaves e⁻¹⁰⁰⁰⁰ = 0 only while scores stay small.
 * @module
 */
import { add, rename, scale, type Tensor, withAxes } from "./tensor/mod.ts";

/** What is added to attention scores: anything whose axes are among these. */
export type AttentionBias =
  | Tensor<"B Tk">
  | Tensor<"B Tq Tk">
  | Tensor<"Tq Tk">
  | Tensor<"H Tq Tk">
  | Tensor<"B H Tq Tk">;

/** The most negative 32-bit float. */
export const lowest: number = -3.4028234663852886e38;

/**
 * A mask of ones and zeros as a bias: 0 where a key is visible, `lowest` where it is hidden.
 *
 * @example
 * ```ts
 * import { hide, lowest } from "@lineage/lineage/core/masks";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const bias = await read(hide(tensor("B Tk", [[1, 1, 0]])));
 * assertEquals([...bias], [0, 0, Math.fround(lowest)]);
 * ```
 */
export function hide<S extends string>(mask: Tensor<S>): Tensor<S> {
  return scale(add(scale(mask as Tensor, -1), 1), lowest) as Tensor<S>;
}

/**
 * The bias of a mask as a tokenizer gives it: of keys, "B T", or of pairs, "B Tq Tk".
 *
 * @example
 * ```ts
 * import { paddingBias } from "@lineage/lineage/core/masks";
 * import { tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals(paddingBias(tensor("B T", [[1, 1, 0]])).axes, ["B", "Tk"]);
 * ```
 */
export function paddingBias(mask: Tensor<"B T"> | Tensor<"B Tq Tk">): AttentionBias {
  if (mask.axes.length === 3) return hide(withAxes(mask, "B Tq Tk"));
  return hide(rename(withAxes(mask, "B T"), "B T -> B Tk"));
}
