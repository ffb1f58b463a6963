/**
 * BERT's input embedding — Devlin et al. 2018 (1810.04805), §3, figure 2.
 * Idea   A token enters as the sum of three learned vectors: which token it is, where it stands, and which
 *        of the two segments it belongs to. The sum is normalised.
 * Maths  x[b,t] = LN(word[ids[b,t]] + position[t] + segment[segments[b,t]])
 * Axes   B batch · T positions · V vocabulary · P positions · S segments · D model width
 *        E embedding width: here D; factorized_embedding.ts has it narrower
 * Differs from the paper: nothing; dropout comes last. GPT's embedding lacks norm and segments. The padding token's lookup passes no gradient,
 *        as in Hugging Face's model, so its vector learns from a tied output layer alone.
 * @module
 */
import type { Dropout } from "./attention.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "./layer_norm.ts";
import { lookUp } from "./look_up.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { counted, type Positions } from "./positions.ts";
import { add, at, dropout, rename, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of the input embedding. */
export interface EmbeddingDeclared {
  /** A vector for each token of the vocabulary. */
  word: Declared<"V E">;
  /** A vector for each position. */
  position: Declared<"P E">;
  /** A vector for each segment, if the model tells segments apart. */
  segment?: Declared<"S E">;
  /** Of the sum, if the model normalises it. */
  norm?: LayerNormDeclared;
  /** From E to D, if the embedding is not as wide as the model. */
  up?: { weight: Declared<"D E">; bias: Declared<"D"> };
}

/** The parameters of the input embedding. */
export type EmbeddingParameters = Parameters<EmbeddingDeclared>;

/** The sizes that an embedding depends on. */
export interface EmbeddingSizes {
  /** Tokens in the vocabulary, V. */
  vocabulary: number;
  /** Longest text, P. */
  positions: number;
  /** Segments, S; 0 where there is no vector for them. */
  segments: number;
  /** Model width, D. */
  width: number;
  /** Embedding width, E, if it is not D. */
  embedding?: number;
}

/** Token ids and what goes with them. */
export interface Tokens {
  /** Which token stands where. */
  ids: Tensor<"B T">;
  /** 0 for the first segment, 1 for the second; without it all are 0. */
  segments?: Tensor<"B T">;
  /** At which position each token stands, if not at the one that is counted. */
  places?: Tensor<"B T">;
}

/** What an embedding needs to know besides its parameters. */
export interface EmbeddingOptions {
  /** Of the norm. */
  epsilon: number;
  /** Id of the padding token, whose lookup learns nothing. */
  padding?: number;
  /** How positions are counted (default `counted`). */
  positions?: Positions;
  /** While training. */
  dropout?: Dropout;
}

/** A kind of embedding: how ids become the first state. */
export interface Embedding {
  /** The width E at which the output layer, too, meets the word table. */
  width(sizes: EmbeddingSizes): number;
  /** Its parameters. */
  parameters(sizes: EmbeddingSizes): EmbeddingDeclared;
  /** The first state. */
  embed(tokens: Tokens, params: EmbeddingParameters, options: EmbeddingOptions): Tensor<"B T D">;
}

/**
 * Declare the tables and the norm; the tables are as wide as the model.
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
  { vocabulary, positions, segments, width }: EmbeddingSizes,
): EmbeddingDeclared {
  return {
    word: declare("V E", [vocabulary, width]),
    position: declare("P E", [positions, width]),
    ...segments > 0 && { segment: declare("S E", [segments, width]) },
    norm: layerNormParameters(width),
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
  { ids, segments, places }: Tokens,
  params: EmbeddingParameters,
  { epsilon, padding, positions = counted, dropout: drop }: EmbeddingOptions,
): Tensor<"B T D"> {
  const words = lookUp(params.word, ids, padding);
  const placed = places
    ? add(words, lookUp(params.position, places))
    : add(words, positions(params.position, ids, padding));
  const sum = params.segment ? add(placed, ofSegments(params.segment, segments)) : placed;
  const x = rename(sum, "B T E -> B T D"); // the tables are as wide as what comes next
  const ready = params.norm ? layerNorm(x, params.norm, epsilon) : x;
  return dropout(ready, drop?.rate ?? 0, drop?.key);
}

/** A model with a single segment tells none apart, whatever the batch says. */
function ofSegments(
  table: Tensor<"S E">,
  segments?: Tensor<"B T">,
): Tensor<"E"> | Tensor<"B T E"> {
  return segments && table.size("S") > 1 ? lookUp(table, segments) : at(table, "S", 0);
}

/**
 * BERT's embedding as a value for a model's record.
 *
 * @throws {RangeError} where the sizes have another embedding width than D.
 *
 * @example
 * ```ts
 * import { table } from "@lineage/lineage/core/embedding";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 30_000, positions: 512, segments: 2, width: 768 };
 * assertEquals(countParameters(table.parameters(sizes).word), 23_040_000); // V·D
 * ```
 */
export const table: Embedding = {
  width: ({ width }) => width,
  parameters(sizes) {
    const { width, embedding = width } = sizes;
    if (embedding === width) return embeddingParameters(sizes);
    throw new RangeError(
      `a table is as wide as the model, ${width}, not ${embedding}; take a factorised embedding`,
    );
  },
  embed,
};

/**
 * GPT's embedding: the sum as it is. The first norm is the first layer's.
 *
 * @example
 * ```ts
 * import { plainTable } from "@lineage/lineage/core/embedding";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 50_257, positions: 1024, segments: 0, width: 768 };
 * assertEquals(countParameters(plainTable.parameters(sizes)), 51_281 * 768); // GPT-2
 * ```
 */
export const plainTable: Embedding = {
  ...table,
  parameters(sizes) {
    const { norm: _, ...tables } = table.parameters(sizes);
    return tables;
  },
};
