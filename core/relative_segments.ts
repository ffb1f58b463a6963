/**
 * Relative segments — Yang et al. 2019 (XLNet, 1906.08237), §2.5.
 * Idea   Not which segment a token is in, but whether two tokens are in the same one. So a model that
 *        was trained on two segments can be given three, or a memory of text that had others.
 * Maths  score[i, j] = (q[i] + s) · e[0 if i and j are in the same segment, else 1]
 * Axes   B batch · Tq,Tk query,key positions · S same or different · H heads · K head width
 * Differs from the paper: nothing; what lies in the memory counts as segment 0, as in the authors' code.
 * @module
 */
import { declare, type Declared, type Parameters } from "./parameters.ts";
import {
  add,
  at,
  broadcast,
  einsum,
  equal,
  multiply,
  pad,
  rename,
  scale,
  subtract,
  type Tensor,
} from "./tensor/mod.ts";

/** The declared parameters. */
export interface RelativeSegmentsDeclared {
  /** s: what all queries ask. */
  bias: Declared<"H K">;
  /** e: of the same segment, and of another. */
  table: Declared<"S H K">;
}

/** The parameters. */
export type RelativeSegmentsParameters = Parameters<RelativeSegmentsDeclared>;

/**
 * Declare them.
 *
 * @example
 * ```ts
 * import { relativeSegmentsParameters } from "@lineage/lineage/core/relative_segments";
 * import { assertEquals } from "@std/assert";
 * assertEquals(relativeSegmentsParameters({ heads: 2, headWidth: 3 }).table.shape, [2, 2, 3]);
 * ```
 */
export function relativeSegmentsParameters(
  { heads, headWidth }: { heads: number; headWidth: number },
): RelativeSegmentsDeclared {
  return {
    bias: declare("H K", [heads, headWidth], "zeros"),
    table: declare("S H K", [2, heads, headWidth]),
  };
}

/**
 * 1 where query and key are in different segments, with `memory` keys of segment 0 before the text.
 *
 * @example
 * ```ts
 * import { differentSegments } from "@lineage/lineage/core/relative_segments";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const different = differentSegments(tensor("B T", [[0, 1]]), 1);
 * assertEquals([...await read(different)], [0, 0, 1, 1, 1, 0]);
 * ```
 */
export function differentSegments(segments: Tensor<"B T">, memory = 0): Tensor<"B Tq Tk"> {
  const keys = rename(pad(segments, "T", memory, 0), "B T -> B Tk");
  const [B, Tq, Tk] = [...segments.shape, keys.size("Tk")];
  const ofQuery = broadcast(rename(segments, "B T -> B Tq"), "B Tq Tk", { B, Tq, Tk });
  return add(scale(equal(ofQuery, keys), -1), 1);
}

/**
 * The scores that segments add.
 *
 * @example
 * ```ts
 * import { segmentScores } from "@lineage/lineage/core/relative_segments";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = { bias: tensor("H K", [[1]]), table: tensor("S H K", [[[5]], [[7]]]) };
 * const q = tensor("B H Tq K", [[[[1]]]]), different = tensor("B Tq Tk", [[[0, 1]]]);
 * assertEquals([...await read(segmentScores(q, params, different))], [10, 14]);
 * ```
 */
export function segmentScores(
  q: Tensor<"B H Tq K">,
  { bias, table }: RelativeSegmentsParameters,
  different: Tensor<"B Tq Tk">,
): Tensor<"B H Tq Tk"> {
  const scores = einsum("B H Tq K, S H K -> B H Tq S", add(q, bias), table);
  const [same, other] = [at(scores, "S", 0), at(scores, "S", 1)];
  const [B, H, Tq] = same.shape, Tk = different.size("Tk");
  const spread = (x: Tensor<"B H Tq">) => broadcast(x, "B H Tq Tk", { B, H, Tq, Tk });
  return add(spread(same), multiply(spread(subtract(other, same)), different));
}
