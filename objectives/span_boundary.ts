/**
 * The span boundary's head — Joshi et al. 2019, SpanBERT (1907.10529), §3.2.
 * Idea   A hidden token is named from the two tokens outside its span and from its place in the span:
 *        two linear layers, then the word table. It serves pre-training only and is thrown away, so it
 *        stands with its objective and not with the model; published checkpoints lack it, too.
 * Maths  h₀ = [x₍before₎; x₍after₎; p₍offset₎],  h₁ = LN(f(W₁h₀ + b₁)),  h₂ = LN(f(W₂h₁ + b₂))
 *        logits = h₂·wordᵀ + c
 * Axes   B 1, T the places, as `atPlaces` has it · D model width · E embedding width, mostly D
 *        I what goes in, 2D + 200 · O offsets · V vocabulary
 * Differs from the paper: nothing; the biases b, c and the 200 numbers of an offset are those of the
 *        authors' code.
 * Trap   If states of the hidden places go in, too, they name themselves and the boundary learns
 *        nothing.
 * @module
 */
import type { Activation } from "../core/feed_forward.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "../core/layer_norm.ts";
import { declare, type Declared, type Parameters } from "../core/parameters.ts";
import { add, broadcast, concat, einsum, gather, rename, type Tensor } from "../core/tensor/mod.ts";
import { atPlaces } from "./objective.ts";
import type { SpanTargets } from "./span_masking.ts";

/** The declared parameters of the head. */
export interface SpanBoundaryDeclared {
  /** A vector for each place in a span. */
  offsets: Declared<"O D">;
  /** From both boundaries and the offset to the model's width. */
  first: { weight: Declared<"D I">; bias: Declared<"D">; norm: LayerNormDeclared };
  /** To the width of the word table. */
  second: { weight: Declared<"E D">; bias: Declared<"E">; norm: LayerNormDeclared };
  /** One for each token. */
  bias: Declared<"V">;
}

/** The parameters of the head. */
export type SpanBoundaryParameters = Parameters<SpanBoundaryDeclared>;

/** What the head has to fit. */
export interface SpanBoundarySizes {
  /** Of the model, D. */
  readonly width: number;
  /** Tokens, V. */
  readonly vocabulary: number;
  /** Of the word table, E (default: `width`). */
  readonly embedding?: number;
  /** As many as the objective is told (default 20). */
  readonly offsets?: number;
  /** Numbers for each offset (default 200). */
  readonly offsetWidth?: number;
}

/**
 * Declare the head.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { spanBoundaryParameters } from "@lineage/lineage/objectives/span_boundary";
 * import { assertEquals } from "@std/assert";
 * const head = spanBoundaryParameters({ width: 8, vocabulary: 100, offsets: 5, offsetWidth: 4 });
 * assertEquals(countParameters(head), 5 * 4 + (20 * 8 + 8 + 16) + (8 * 8 + 8 + 16) + 100);
 * ```
 */
export function spanBoundaryParameters(sizes: SpanBoundarySizes): SpanBoundaryDeclared {
  const { width, vocabulary, embedding = width, offsets = 20, offsetWidth = 200 } = sizes;
  return {
    offsets: declare("O D", [offsets, offsetWidth]),
    first: {
      weight: declare("D I", [width, 2 * width + offsetWidth]),
      bias: declare("D", [width], "zeros"),
      norm: layerNormParameters(width),
    },
    second: {
      weight: declare("E D", [embedding, width]),
      bias: declare("E", [embedding], "zeros"),
      norm: layerNormParameters(embedding),
    },
    bias: declare("V", [vocabulary], "zeros"),
  };
}

/**
 * A score of every token for each chosen place, from its span's boundaries: 1×M×V.
 *
 * @throws {AxisError} where an offset has no vector.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { gelu, normal, randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { fromBoundaries, spanBoundaryParameters } from "@lineage/lineage/objectives/span_boundary";
 * import { assertEquals } from "@std/assert";
 * const head = initialise(spanBoundaryParameters({ width: 8, vocabulary: 100 }), randomKey(1));
 * const words = normal(randomKey(2), "V E", [100, 8]), x = normal(randomKey(3), "B T D", [2, 5, 8]);
 * const [before, after, offsets] = [[0, 0], [3, 3], [0, 1]].map((list) => tensor("M", list));
 * const logits = fromBoundaries(x, { before, after, offsets }, head, words, gelu, 1e-12);
 * assertEquals(logits.shape, [1, 2, 100]);
 * ```
 */
export function fromBoundaries(
  x: Tensor<"B T D">,
  { before, after, offsets }: Pick<SpanTargets, "before" | "after" | "offsets">,
  { first, second, offsets: table, bias }: SpanBoundaryParameters,
  words: Tensor<"V E">,
  activation: Activation,
  epsilon: number,
): Tensor<"B T V"> {
  const place = broadcast(rename(gather(table, offsets), "M D -> T D"), "B T D", { B: 1 });
  const known = concat([atPlaces(x, before), atPlaces(x, after), place], "D");
  const mixed = einsum("B T I, D I -> B T D", rename(known, "B T D -> B T I"), first.weight);
  const h1 = layerNorm(activation(add(mixed, first.bias)), first.norm, epsilon);
  const bent = activation(add(einsum("B T D, E D -> B T E", h1, second.weight), second.bias));
  const h2 = layerNorm(rename(bent, "B T E -> B T D"), second.norm, epsilon); // a norm calls its axis D
  return add(einsum("B T E, V E -> B T V", rename(h2, "B T D -> B T E"), words), bias);
}
