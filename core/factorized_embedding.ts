/**
 * Factorised embedding — Lan et al. 2019 (1909.11942), §3.1.
 * Idea   What a word is, regardless of its neighbours, needs less room than what it means in a sentence.
 *        So the table is narrow (E = 128), and one matrix widens a looked-up row to the model's D. With
 *        it D can grow without the table growing along.
 * Maths  x = e·Wᵀ + b,  e = LN(word + position + segment):  V·E + E·D numbers for V·D
 *        V = 30,000, D = 768, E = 128:  23,040,000 → 3,840,000 + 98,304 = 3,938,304
 *        and back: logits = LN(f(h·W'ᵀ + b')) · wordᵀ + c, where W' takes D to E (models/heads.ts)
 * Axes   B batch · T positions · V vocabulary · E embedding width · D model width
 * Differs from the paper: position and segment tables are E wide, too, and the way up has a bias, as in
 *        the authors' code. ELECTRA goes up (or down) only where E is not D (`projected`).
 * Trap   With E = D this is no longer BERT's embedding: `factorized` still multiplies by a D×D matrix.
 * @module
 */
import { type Embedding, embeddingParameters, type EmbeddingSizes, table } from "./embedding.ts";
import { declare } from "./parameters.ts";
import { add, einsum, rename } from "./tensor/mod.ts";

/**
 * ALBERT's embedding: a narrow table and a way up.
 *
 * @throws {RangeError} where the sizes have no embedding width.
 *
 * @example
 * ```ts
 * import { factorized } from "@lineage/lineage/core/factorized_embedding";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 30_000, positions: 512, segments: 2, width: 768, embedding: 128 };
 * const { word, up } = factorized.parameters(sizes);
 * assertEquals(countParameters([word, up!.weight]), 3_938_304); // V·E + E·D
 * ```
 */
export const factorized: Embedding = {
  width(sizes) {
    if (sizes.embedding !== undefined) return sizes.embedding;
    throw new RangeError("a factorised embedding needs a width of its own, such as embedding: 128");
  },
  parameters(sizes) {
    const { width } = sizes, narrow = factorized.width(sizes);
    return {
      ...embeddingParameters({ ...sizes, width: narrow }),
      up: { weight: declare("D E", [width, narrow]), bias: declare("D", [width], "zeros") },
    };
  },
  embed(tokens, params, options) {
    const { weight, bias } = params.up!;
    const narrow = rename(table.embed(tokens, params, options), "B T D -> B T E");
    return add(einsum("B T E, D E -> B T D", narrow, weight), bias);
  },
};

const sameWidth = ({ embedding, width }: EmbeddingSizes) => (embedding ?? width) === width;

/**
 * ELECTRA's embedding: a table where E is D, factorised where it is not. So a generator and a
 * discriminator of different widths can look up the same words.
 *
 * @example
 * ```ts
 * import { projected } from "@lineage/lineage/core/factorized_embedding";
 * import { assertEquals } from "@std/assert";
 * const sizes = { vocabulary: 100, positions: 8, segments: 2, width: 16, embedding: 16 };
 * assertEquals("up" in projected.parameters(sizes), false);
 * assertEquals(projected.parameters({ ...sizes, width: 4 }).up!.weight.shape, [4, 16]);
 * ```
 */
export const projected: Embedding = {
  width: ({ embedding, width }) => embedding ?? width,
  parameters: (sizes) => (sameWidth(sizes) ? table : factorized).parameters(sizes),
  embed: (tokens, params, options) =>
    (params.up ? factorized : table).embed(tokens, params, options),
};
