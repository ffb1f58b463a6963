/**
 * Relative positions in buckets — Raffel et al. 2019 (1910.10683), §2.1; after Shaw et al. 2018 (1803.02155).
 * Idea   What matters is how far a key is from its query, not where both stand. Each head learns one number
 *        for a distance and adds it to the score. Near distances have a bucket each; the further away,
 *        the wider the bucket, and from `furthest` on there is one for all.
 * Maths  score[h,q,k] += table[bucket(k − q), h];  of R buckets for a direction, with e = R/2:
 *        bucket(d) = d  for d < e,  else  min(R − 1, e + ⌊(R − e) · ln(d/e) / ln(furthest/e)⌋)
 * Axes   R buckets · H heads · Tq,Tk query,key positions
 * Differs from the paper: it says "32 buckets up to 128"; the formula is that of the authors' code. The encoder,
 *        who looks both ways, has half the buckets for keys before the query and half for those after it.
 * Trap   The decoder never looks ahead and spends all buckets backwards: the encoder's rule there loads
 *        without complaint and reads the wrong rows.
 * @module
 */
import { gather, rearrange, type Tensor, tensor } from "./tensor/mod.ts";

/** How distances are put into buckets. */
export interface Bucketing {
  /** How many buckets there are, R. */
  count: number;
  /** The distance from which on all share the last one. */
  furthest: number;
  /** Whether keys after the query have buckets of their own. */
  bothWays: boolean;
}

/**
 * The bucket of a distance: the key's position less the query's.
 *
 * @throws {RangeError} where there are too few buckets, or `furthest` has one of its own.
 *
 * @example
 * ```ts
 * import { bucketOf } from "@lineage/lineage/core/relative_buckets";
 * import { assertEquals } from "@std/assert";
 * const rule = { count: 8, furthest: 16, bothWays: true };
 * assertEquals([0, -1, -2, -3, -6, -99].map((d) => bucketOf(d, rule)), [0, 1, 2, 2, 3, 3]);
 * assertEquals(bucketOf(1, rule), 5); // the first of the other half
 * ```
 */
export function bucketOf(distance: number, { count, furthest, bothWays }: Bucketing): number {
  const own = bothWays ? count / 2 : count, exact = Math.floor(own / 2);
  if (!Number.isInteger(own) || exact < 1 || !(furthest > exact)) {
    const ways = bothWays ? "both ways" : "one way";
    throw new RangeError(
      `${count} buckets ${ways} cannot hold distances up to ${furthest}: take an even number from 4` +
        " on (one way: from 2 on), and more distance than half of a direction's buckets",
    );
  }
  const far = bothWays ? Math.abs(distance) : Math.max(0, -distance);
  const half = bothWays && distance > 0 ? own : 0;
  if (far < exact) return half + far;
  const part = Math.log(far / exact) / Math.log(furthest / exact);
  return half + Math.min(own - 1, exact + Math.floor(part * (own - exact)));
}

/**
 * What relative positions add to the scores of `queries` positions, the first of which is `start`, over
 * keys from position 0 on. The table's rows are the buckets.
 *
 * @throws {RangeError} as `bucketOf` does.
 *
 * @example
 * ```ts
 * import { relativeBias } from "@lineage/lineage/core/relative_buckets";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("P H", [[0], [10], [20], [30]]);
 * const bias = relativeBias(table, 3, 3, { furthest: 8, bothWays: false });
 * assertEquals([...await read(bias)], [0, 0, 0, 10, 0, 0, 20, 10, 0]);
 * ```
 */
export function relativeBias(
  table: Tensor<"P H">,
  queries: number,
  keys: number,
  rule: Omit<Bucketing, "count">,
  start = 0,
): Tensor<"H Tq Tk"> {
  const buckets = { ...rule, count: table.size("P") };
  const distance = (i: number) => i % keys - Math.floor(i / keys) - start;
  const ids = Float32Array.from(
    { length: queries * keys },
    (_, i) => bucketOf(distance(i), buckets),
  );
  const rows = gather(table, tensor("Tq Tk", ids, [queries, keys]));
  return rearrange(rows, "Tq Tk H -> H Tq Tk");
}
