/**
 * Attention by relative position — Dai et al. 2019 (Transformer-XL, 1901.02860), §3.3.
 * Idea   A query asks two things of a key: what are you, and how far away are you. The first it asks of
 *        the key's content, the second of a vector for the distance. Two learned vectors, u and v, ask
 *        the same whatever the query is: which contents, and which distances, matter to everyone.
 * Maths  score[i, j] = ((q[i] + u) · k[j] + (q[i] + v) · (W R[i − j])) / √K
 * Axes   B batch · T positions · Tq,Tk query,key positions · R distances · H heads · K head width ·
 *        D model width; H·K need not be D
 * Differs from the paper: nothing; there are no biases in the linear maps, as in the authors' code.
 *        `also` lets a model add scores of its own (relative_segments.ts).
 * Trap   u and v are added to the query before the products. Added to the scores, they would move a
 *        whole row by one number, which the softmax does not see.
 * @module
 */
import type { Dropout } from "./attention.ts";
import type { AttentionBias } from "./masks.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { relativeShift } from "./relative_positions.ts";
import { add, dropout, einsum, rename, scale, softmax, type Tensor } from "./tensor/mod.ts";

/** The declared parameters of an attention block by relative position. */
export interface RelativeAttentionDeclared {
  /** Wq */
  query: Declared<"D H K">;
  /** Wk of contents */
  key: Declared<"D H K">;
  /** Wv */
  value: Declared<"D H K">;
  /** Wk of distances */
  relative: Declared<"D H K">;
  /** Wo */
  output: Declared<"D H K">;
  /** u: what all queries ask of contents. */
  content: Declared<"H K">;
  /** v: what all queries ask of distances. */
  position: Declared<"H K">;
}

/** The parameters of an attention block by relative position. */
export type RelativeAttentionParameters = Parameters<RelativeAttentionDeclared>;

/** What queries look at. */
export interface Context {
  /** Of each position, what it is asked for. */
  k: Tensor<"B H Tk K">;
  /** Of each position, what it tells. */
  v: Tensor<"B H Tk K">;
  /** Of each distance, what it is asked for. */
  r: Tensor<"H R K">;
}

/** Who may look at whom, and more. */
export interface RelativeOptions {
  /** Added to the scores: 0 where a query may look. */
  bias?: AttentionBias;
  /** Further scores from the queries, before the division by √K. */
  also?: (q: Tensor<"B H Tq K">) => Tensor<"B H Tq Tk">;
  /** Of the weights, while training. */
  drop?: Dropout;
}

/**
 * Declare an attention block.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { relativeAttentionParameters } from "@lineage/lineage/core/relative_attention";
 * import { assertEquals } from "@std/assert";
 * const declared = relativeAttentionParameters({ width: 8, heads: 2, headWidth: 3 });
 * assertEquals(countParameters(declared), 5 * 8 * 2 * 3 + 2 * 2 * 3);
 * ```
 */
export function relativeAttentionParameters(
  { width, heads, headWidth }: { width: number; heads: number; headWidth: number },
): RelativeAttentionDeclared {
  const map = () => declare("D H K", [width, heads, headWidth]);
  const ask = () => declare("H K", [heads, headWidth], "zeros");
  return {
    query: map(),
    key: map(),
    value: map(),
    relative: map(),
    output: map(),
    content: ask(),
    position: ask(),
  };
}

/**
 * Queries, keys or values of a state.
 *
 * @example
 * ```ts
 * import { toHeads } from "@lineage/lineage/core/relative_attention";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("B T D", [[[1, 2]]]), weight = tensor("D H K", [[[1], [0]], [[0], [10]]]);
 * assertEquals([...await read(toHeads(x, weight))], [1, 20]); // a number for each head
 * ```
 */
export function toHeads(x: Tensor<"B T D">, weight: Tensor<"D H K">): Tensor<"B H T K"> {
  return einsum("B T D, D H K -> B H T K", x, weight);
}

/**
 * What is looked at: keys and values of a text, with its memory before it, and keys of the distances.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { contextOf, relativeAttentionParameters } from "@lineage/lineage/core/relative_attention";
 * import { relativePositions } from "@lineage/lineage/core/relative_positions";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const declared = relativeAttentionParameters({ width: 8, heads: 2, headWidth: 3 });
 * const params = initialise(declared, randomKey(1)), x = normal(randomKey(2), "B T D", [1, 5, 8]);
 * const table = relativePositions({ queries: 2, keys: 5, future: false }, 8);
 * assertEquals(contextOf(x, table, params).r.shape, [2, 6, 3]);
 * ```
 */
export function contextOf(
  x: Tensor<"B T D">,
  positions: Tensor<"R D">,
  { key, value, relative }: RelativeAttentionParameters,
): Context {
  return {
    k: rename(toHeads(x, key), "B H T K -> B H Tk K"),
    v: rename(toHeads(x, value), "B H T K -> B H Tk K"),
    r: einsum("R D, D H K -> H R K", positions, relative),
  };
}

/**
 * Attention of queries to a context.
 *
 * @example
 * ```ts
 * import { relativeAttention } from "@lineage/lineage/core/relative_attention";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const zero = tensor("B H Tq K", [[[[0]]]]), key = tensor("B H Tk K", [[[[0]]]]);
 * const v = tensor("B H Tk K", [[[[7]]]]), r = tensor("H R K", [[[1], [0]]]);
 * const [content, position] = [tensor("H K", [[0]]), tensor("H K", [[0]])];
 * const { out } = relativeAttention(zero, { k: key, v, r }, { content, position });
 * assertEquals([...await read(out)], [7]); // a single key gets all
 * ```
 */
export function relativeAttention(
  q: Tensor<"B H Tq K">,
  { k, v, r }: Context,
  { content, position }: Pick<RelativeAttentionParameters, "content" | "position">,
  { bias, also, drop }: RelativeOptions = {},
): { out: Tensor<"B H Tq K">; weights: Tensor<"B H Tq Tk"> } {
  const what = einsum("B H Tq K, B H Tk K -> B H Tq Tk", add(q, content), k);
  const far = einsum("B H Tq K, H R K -> B H Tq R", add(q, position), r);
  const both = add(what, relativeShift(far, k.size("Tk")));
  const scores = scale(also ? add(both, also(q)) : both, 1 / Math.sqrt(q.size("K")));
  const weights = softmax(bias ? add(scores, bias) : scores, "Tk");
  const used = dropout(weights, drop?.rate ?? 0, drop?.key);
  return { out: einsum("B H Tq Tk, B H Tk K -> B H Tq K", used, v), weights };
}

/**
 * Self-attention: the queries come from x, which is the end of the context.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import * as relative from "@lineage/lineage/core/relative_attention";
 * import { relativePositions } from "@lineage/lineage/core/relative_positions";
 * import { normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const declared = relative.relativeAttentionParameters({ width: 8, heads: 2, headWidth: 3 });
 * const params = initialise(declared, randomKey(1)), x = normal(randomKey(2), "B T D", [1, 5, 8]);
 * const table = relativePositions({ queries: 5, keys: 5, future: true }, 8);
 * const context = relative.contextOf(x, table, params);
 * assertEquals(relative.relativeSelfAttention(x, context, params).out.shape, [1, 5, 8]);
 * ```
 */
export function relativeSelfAttention(
  x: Tensor<"B T D">,
  context: Context,
  params: RelativeAttentionParameters,
  options: RelativeOptions = {},
): { out: Tensor<"B T D">; weights: Tensor<"B H Tq Tk"> } {
  const q = rename(toHeads(x, params.query), "B H T K -> B H Tq K");
  const { out, weights } = relativeAttention(q, context, params, options);
  const told = rename(out, "B H Tq K -> B H T K");
  return { out: einsum("B H T K, D H K -> B T D", told, params.output), weights };
}
