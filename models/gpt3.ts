/**
 * GPT-3 — Brown et al. 2020 (2005.14165).
 * Idea   The same again, a hundred times larger. Shown a few examples in its prompt it does the task:
 *        nothing is trained, the examples are read. Every other layer looks back over a band only.
 * Maths  GPT-2's, with the sight of core/sparse_attention.ts.
 * Axes   as in spec.ts.
 * Differs from the paper: its table 2.1 has two misprints, which no head count divides: XL with 24 heads
 *        of 128 in a width of 2048 (here 16), and 13B with a width of 5140 (here 5120).
 * Trap   It is a left-to-right language model; that it was trained on corrupted spans, as one can read,
 *        is T5's way, not GPT-3's.
 * @module
 */
import { denseThenBanded } from "../core/sparse_attention.ts";
import { GPT2, GPT2_SMALL } from "./gpt2.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** GPT-2 with one key changed. */
export const GPT3: ModelSpec = {
  ...GPT2,
  name: "GPT-3",
  paper: "2005.14165",
  layout: "none", // its weights were never published
  sight: denseThenBanded, // was: leftToRight
};

const sized = (layers: number, width: number, heads: number): Sizes => ({
  ...GPT2_SMALL,
  positions: 2048,
  layers,
  width,
  heads,
  inner: 4 * width,
});

/** The eight models of its table 2.1. */
export const GPT3_SIZES: Readonly<
  Record<"small" | "medium" | "large" | "xl" | "2.7B" | "6.7B" | "13B" | "175B", Sizes>
> = {
  small: sized(12, 768, 12),
  medium: sized(24, 1024, 16),
  large: sized(24, 1536, 16),
  xl: sized(24, 2048, 16),
  "2.7B": sized(32, 2560, 32),
  "6.7B": sized(32, 4096, 32),
  "13B": sized(40, 5120, 40),
  "175B": sized(96, 12288, 96),
};

/**
 * Multiply–adds to read one token at place `place` of a text: once for each weight of the layers and the
 * output layer, and twice for each number of a key that is seen. `band` is the width of the sparse half of
 * the layers.
 *
 * @example
 * ```ts
 * import { GPT3_SIZES, multiplyAdds } from "@lineage/lineage/models/gpt3";
 * import { assertEquals } from "@std/assert";
 * const { weights, attention } = multiplyAdds(GPT3_SIZES["175B"], 2047);
 * assertEquals((weights / 1e9).toFixed(1), "174.6");
 * assertEquals((attention / 1e9).toFixed(1), "2.6"); // 4.8 if all layers were dense
 * ```
 */
export function multiplyAdds(
  { layers, width, inner, vocabulary }: Sizes,
  place: number,
  band = 128,
): { weights: number; attention: number } {
  const weights = layers * (4 * width ** 2 + 2 * width * inner) + vocabulary * width;
  const dense = Math.ceil(layers / 2), seen = place + 1;
  const keys = dense * seen + (layers - dense) * Math.min(band, seen);
  return { weights, attention: 2 * keys * width };
}
