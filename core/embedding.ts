/**
 * BERT's input embedding — Devlin et al. 2018 (1810.04805), §3, figure 2.
 * Idea   A token enters as the sum of three learned vectors: which token it is, where it stands, and which
 *        of the two segments it belongs to. The sum is normalised.
 * Maths  x[b,t] = LN(word[ids[b,t]] + position[t] + segment[segments[b,t]])
 * Axes   B batch · T positions · V vocabulary · P positions · S segments · D model width
 * Differs from the paper: nothing; dropout comes last. The padding token's lookup passes no gradient,
 *        as in Hugging Face's model, so its vector learns from a tied output layer alone.
 * @module
 */
import type { Dropout } from "./attention.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "./layer_norm.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { learnedPositions } from "./positions.ts";
import {
  add,
  at,
  dropout,
  equal,
  gather,
  multiply,
  subtract,
  type Tensor,
  withGradient,
} from "./tensor/mod.ts";

/** The declared parameters of the input embedding. */
export interface EmbeddingDeclared {
  /** A vector for each token of the vocabulary. */
  word: Declared<"V D">;
  /** A vector for each position. */
  position: Declared<"P D">;
  /** A vector for each segment. */
  segment: Declared<"S D">;
  /** Of the sum. */
  norm: LayerNormDeclared;
}

/** The parameters of the input embedding. */
export type EmbeddingParameters = Parameters<EmbeddingDeclared>;

/** Token ids and what goes with them. */
export interface Tokens {
  /** Which token stands where. */
  ids: Tensor<"B T">;
  /** 0 for the first segment, 1 for the second; without it all are 0. */
  segments?: Tensor<"B T">;
}

/**
 * Declare the three tables and the norm.
 *
 * @example
 * ```ts
 * import { embeddingParameters } from "@lineage/lineage/core/embedding";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 30522, positions: 512, segments: 2, width: 768 };
 * assertEquals(countParameters(embeddingParameters(sizes)), 23_837_184); // BERT-base
 * ```
 */
export function embeddingParameters(
  sizes: { vocabulary: number; positions: number; segments: number; width: number },
): EmbeddingDeclared {
  return {
    word: declare("V D", [sizes.vocabulary, sizes.width]),
    position: declare("P D", [sizes.positions, sizes.width]),
    segment: declare("S D", [sizes.segments, sizes.width]),
    norm: layerNormParameters(sizes.width),
  };
}

/**
 * The sum of the three embeddings, normalised.
 *
 * @throws {RangeError} where the text is longer than the positions, or an id is not in the vocabulary.
 *
 * @example
 * ```ts
 * import { embed, embeddingParameters } from "@lineage/lineage/core/embedding";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 10, positions: 5, segments: 2, width: 4 };
 * const params = initialise(embeddingParameters(sizes), randomKey(1));
 * const x = embed({ ids: tensor("B T", [[2, 7, 3]]) }, params, { epsilon: 1e-12 });
 * assertEquals(x.axes, ["B", "T", "D"]);
 * ```
 */
export function embed(
  { ids, segments }: Tokens,
  params: EmbeddingParameters,
  options: { epsilon: number; padding?: number; dropout?: Dropout },
): Tensor<"B T D"> {
  const words = lookUp(params.word, ids, options.padding);
  const placed = add(words, learnedPositions(params.position, ids.size("T")));
  const x = segments
    ? add(placed, gather(params.segment, segments))
    : add(placed, at(params.segment, "S", 0));
  const { rate = 0, key } = options.dropout ?? {};
  return dropout(layerNorm(x, params.norm, options.epsilon), rate, key);
}

/** The rows of the ids; no gradient passes back to the row of the padding token. */
function lookUp(
  table: Tensor<"V D">,
  ids: Tensor<"B T">,
  padding: number | undefined,
): Tensor<"B T D"> {
  const rows = gather(table, ids);
  if (padding === undefined) return rows;
  const isPadding = equal(ids, padding);
  return withGradient(rows, [rows], (g) => [subtract(g, multiply(g, isPadding))]);
}
