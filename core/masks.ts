/**
 * Attention masks — which position may look at which.
 *
 * Idea   One attention, many models: what a query may see is all that tells BERT from GPT from UniLM.
 *        A mask is a tensor of ones (visible) and zeros (hidden), for keys alone ("B Tk") or for
 *        pairs ("B Tq Tk"); as a bias it is added to the scores before the softmax. What a model's own
 *        rule hides (its sight) and what is padding are hidden together.
 * Maths  bias = (1 − mask) · lowest, with lowest = −3.4028235·10³⁸, the most negative float.
 *        both sides: 1;  left to right: k ≤ q;  right to left: k ≥ q
 *        sequence to sequence: c[k] ≤ c[q], c[t] = Σ over s ≤ t of segment[s]
 * Axes   B batch · Tq query positions · Tk key positions
 * Differs from the paper: Vaswani et al. 2017 add −∞, which makes a row without any visible key NaN;
 *        with the lowest float it becomes uniform, as in Hugging Face's BERT. UniLM (1905.03197)
 *        writes its mask as segments; as in its authors' code, positions of the target count up.
 * Trap   Adding −10⁴ instead leaves e⁻¹⁰⁰⁰⁰ = 0 only while scores stay small. Adding two biases of
 *        the lowest float gives −∞; masks are multiplied, then made a bias once.
 * @module
 */
import {
  add,
  broadcast,
  einsum,
  indices,
  less,
  multiply,
  rename,
  scale,
  type Tensor,
  withAxes,
} from "./tensor/mod.ts";

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
 * A model's own rule: which of the keys, by their places in the text, the queries at theirs may see,
 * in the layer of that number. `undefined`: all of them.
 */
export type Sight = (
  queries: Tensor<"Tq">,
  keys: Tensor<"Tk">,
  layer: number,
) => Tensor<"Tq Tk"> | undefined;

/**
 * BERT's sight: everything.
 *
 * @example
 * ```ts
 * import { bothSides, mask } from "@lineage/lineage/core/masks";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(mask(bothSides, 2))], [1, 1, 1, 1]);
 * ```
 */
export const bothSides: Sight = (): undefined => undefined;

/**
 * GPT's sight: what was written so far, the place itself included.
 *
 * @example
 * ```ts
 * import { leftToRight, mask } from "@lineage/lineage/core/masks";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(mask(leftToRight, 2))], [1, 0, 1, 1]);
 * ```
 */
export const leftToRight: Sight = (queries, keys): Tensor<"Tq Tk"> =>
  less(across(keys, queries), add(queries, 1));

/**
 * The sight of a model that writes from the end: the place itself and what comes after it.
 *
 * @example
 * ```ts
 * import { mask, rightToLeft } from "@lineage/lineage/core/masks";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(mask(rightToLeft, 2))], [1, 1, 0, 1]);
 * ```
 */
export const rightToLeft: Sight = (queries, keys): Tensor<"Tq Tk"> =>
  less(across(add(queries, -1), keys), keys);

/** The places of one axis for all of the other's. */
function across(places: Tensor<"Tq"> | Tensor<"Tk">, others: Tensor): Tensor<"Tq Tk"> {
  return broadcast(places, "Tq Tk", { [others.axes[0]]: others.shape[0] });
}

/**
 * The mask of a sight over a text of `length` positions: to draw, and to combine.
 *
 * @example
 * ```ts
 * import { leftToRight, mask } from "@lineage/lineage/core/masks";
 * import { assertEquals } from "@std/assert";
 * assertEquals(mask(leftToRight, 5).shape, [5, 5]);
 * ```
 */
export function mask(sight: Sight, length: number, layer = 0): Tensor<"Tq Tk"> {
  const queries = indices("Tq", length), keys = indices("Tk", length);
  const everything = () => add(scale(across(keys, queries), 0), 1);
  return sight(queries, keys, layer) ?? everything();
}

/**
 * UniLM's third mask: the source (segment 0) sees all of itself, the target (segment 1) the source and
 * what was written so far.
 *
 * @example
 * ```ts
 * import { sequenceToSequence } from "@lineage/lineage/core/masks";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const mask = await read(sequenceToSequence(tensor("B T", [[0, 0, 1]])));
 * assertEquals([...mask], [1, 1, 0, 1, 1, 0, 1, 1, 1]);
 * ```
 */
export function sequenceToSequence(segments: Tensor<"B T">): Tensor<"B Tq Tk"> {
  const upTo = rename(mask(leftToRight, segments.size("T")), "Tq Tk -> T' T");
  const counted = einsum("B T, T' T -> B T'", segments, upTo);
  const ofQueries = rename(counted, "B T' -> B Tq"), ofKeys = rename(counted, "B T' -> B Tk");
  const all = broadcast(ofKeys, "B Tq Tk", { Tq: ofQueries.size("Tq") });
  return less(all, add(ofQueries, 1));
}

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
  return hide(overKeys(mask) as Tensor<"B Tk">);
}

/** A mask of positions is one of keys. */
const overKeys = (mask: Tensor<"B T"> | Tensor<"B Tq Tk">): Tensor<"B Tk"> | Tensor<"B Tq Tk"> =>
  mask.axes.length === 3 ? withAxes(mask, "B Tq Tk") : rename(withAxes(mask, "B T"), "B T -> B Tk");

/**
 * The bias of what a model may see and what the batch has: hidden is what either hides.
 *
 * @example
 * ```ts
 * import { leftToRight, lowest, mask, visibleBias } from "@lineage/lineage/core/masks";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const bias = visibleBias(mask(leftToRight, 2), tensor("B T", [[0, 1]]))!;
 * assertEquals([...await read(bias)].map((b) => b === 0), [false, false, false, true]);
 * ```
 */
export function visibleBias(
  seen?: Tensor<"Tq Tk">,
  given?: Tensor<"B T"> | Tensor<"B Tq Tk">,
): AttentionBias | undefined {
  if (!seen) return given && paddingBias(given);
  if (!given) return hide(seen);
  const all = broadcast(overKeys(given), "B Tq Tk", { Tq: seen.size("Tq") });
  return hide(multiply(all, seen));
}
