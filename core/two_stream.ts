/**
 * Two-stream attention — Yang et al. 2019 (XLNet, 1906.08237), §2.3, eq. 3–4.
 * Idea   Whoever guesses a word must know where it stands and must not know what it is; those who look
 *        at it afterwards must know what it is. So each position has two states. The content stream is a
 *        plain Transformer's. The query stream begins without the word, looks at the contents of
 *        others, and is what the guess is made from. Both use the same weights.
 * Maths  g[z] ← Attention(Q = g[z], K V = h[earlier in the order])      query: without itself
 *        h[z] ← Attention(Q = h[z], K V = h[up to z in the order])      content: with itself
 * Axes   B batch · T positions · M positions to be predicted · D model width · H heads · K head width
 * Differs from the paper: only positions that are to be predicted have a query stream (§2.3, "partial
 *        prediction"); a mapping of M rows says where they stand.
 * Trap   A query that sees its own content copies the word: the loss falls to nothing.
 * @module
 */
import {
  type Context,
  relativeAttention,
  type RelativeAttentionParameters,
  type RelativeOptions,
} from "./relative_attention.ts";
import { einsum, rename, type Tensor } from "./tensor/mod.ts";

/**
 * The query stream's attention: states of M positions look at the context that the content stream made.
 *
 * @throws {AxisError} where the mapping is not of these states, or of another text.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { hide } from "@lineage/lineage/core/masks";
 * import { permutationMasks, targetMapping } from "@lineage/lineage/core/permutation";
 * import { contextOf, relativeAttentionParameters } from "@lineage/lineage/core/relative_attention";
 * import { relativePositions } from "@lineage/lineage/core/relative_positions";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { queryStream } from "@lineage/lineage/core/two_stream";
 * import { assertEquals } from "@std/assert";
 *
 * const declared = relativeAttentionParameters({ width: 8, heads: 2, headWidth: 3 });
 * const params = initialise(declared, randomKey(1));
 * const contents = normal(randomKey(2), "B T D", [1, 4, 8]);
 * const table = relativePositions({ queries: 4, keys: 4, future: true }, 8);
 * const context = contextOf(contents, table, params);
 * const order = [3, 0, 2, 1], mapping = targetMapping([order.slice(2)], 4); // guess the last two
 * const bias = hide(permutationMasks([order]).query);
 * const queries = normal(randomKey(3), "B T D", [1, 2, 8]);
 * const { out } = queryStream(queries, mapping, context, params, { bias });
 * assertEquals(out.shape, [1, 2, 8]);
 * ```
 */
export function queryStream(
  queries: Tensor<"B T D">,
  mapping: Tensor<"B M T">,
  context: Context,
  params: RelativeAttentionParameters,
  options: RelativeOptions = {},
): { out: Tensor<"B T D">; weights: Tensor<"B H Tq Tk"> } {
  const q = einsum(
    "B M D, D H K -> B H M K",
    rename(queries, "B T D -> B M D"),
    params.query,
  );
  const placed = einsum("B H M K, B M T -> B H T K", q, mapping); // where they stand in the text
  const { out, weights } = relativeAttention(
    rename(placed, "B H T K -> B H Tq K"),
    context,
    params,
    options,
  );
  const picked = einsum("B H T K, B M T -> B H M K", rename(out, "B H Tq K -> B H T K"), mapping);
  const told = einsum("B H M K, D H K -> B M D", picked, params.output);
  return { out: rename(told, "B M D -> B T D"), weights };
}
