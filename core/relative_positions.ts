/**
 * Relative positions — Dai et al. 2019 (Transformer-XL, 1901.02860), §3.3 and appendix B.
 * Idea   What matters is how far back a key stands, not where in the text: then what was learned about
 *        one place holds at every other, and in a memory, which has no place in the text at all.
 *        Distances are turned into sines and cosines, scores are computed for each distance, and a
 *        shift of the rows puts the score of distance i − j where query i meets key j.
 * Maths  R[d] = [sin(d/ω₀) … sin(d/ωₙ), cos(d/ω₀) … cos(d/ωₙ)],  ωᵢ = 10000^(2i/D)
 *        shift: out[i, j] = in[i, Tq + j − i];  column c belongs to the distance Tk − c
 * Axes   B batch · H heads · Tq,Tk query,key positions · R distances, falling · D model width
 * Differs from the paper: nothing; sines and cosines stand in two halves, as in the authors' code,
 *        not in turn. XLNet's shift and Transformer-XL's are one: where distances end at 0, what lies
 *        in a query's future is another row's score, which a causal mask must hide.
 * Trap   Without a causal mask distances must go down to 1 − Tq. Left at 0, a query reads for its
 *        future keys the next query's scores, and nothing fails.
 * @module
 */
import { AxisError, rearrange, rename, slice, type Tensor, tensor } from "./tensor/mod.ts";

/** Which distances between queries and keys there are vectors for. */
export interface Reach {
  /** Query positions, Tq: the last of the keys'. */
  queries: number;
  /** Key positions, Tk: memory and text. */
  keys: number;
  /** Whether keys may stand after the query: then distances go below 0. */
  future: boolean;
  /** The largest distance that is told from others; all are, where it is left out. */
  clamp?: number;
}

/**
 * The distances from Tk down to 0, or to 1 − Tq.
 *
 * @throws {RangeError} where there are more queries than keys.
 *
 * @example
 * ```ts
 * import { distances } from "@lineage/lineage/core/relative_positions";
 * import { assertEquals } from "@std/assert";
 * assertEquals(distances({ queries: 2, keys: 3, future: false }), [3, 2, 1, 0]);
 * assertEquals(distances({ queries: 2, keys: 3, future: true }), [3, 2, 1, 0, -1]);
 * assertEquals(distances({ queries: 2, keys: 3, future: false, clamp: 1 }), [1, 1, 1, 0]);
 * ```
 */
export function distances({ queries, keys, future, clamp = Infinity }: Reach): number[] {
  if (queries > keys) throw new RangeError(`${queries} queries cannot be the last of ${keys} keys`);
  const count = future ? keys + queries : keys + 1;
  return Array.from({ length: count }, (_, c) => Math.max(-clamp, Math.min(clamp, keys - c)));
}

/**
 * A vector for each distance: the sines, then the cosines.
 *
 * @throws {RangeError} for an odd width.
 *
 * @example
 * ```ts
 * import { relativePositions } from "@lineage/lineage/core/relative_positions";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = relativePositions({ queries: 1, keys: 1, future: false }, 4); // distances 1 and 0
 * assertEquals(table.shape, [2, 4]);
 * assertEquals([...await read(table)].slice(4), [0, 0, 1, 1]); // sin 0, cos 0
 * ```
 */
export function relativePositions(reach: Reach, width: number): Tensor<"R D"> {
  if (width % 2 !== 0) throw new RangeError(`sines and cosines need an even width, not ${width}`);
  const all = distances(reach), half = width / 2;
  const values = new Float32Array(all.length * width);
  all.forEach((distance, c) => {
    for (let i = 0; i < half; i++) {
      const angle = distance / 10000 ** (2 * i / width);
      values[c * width + i] = Math.sin(angle);
      values[c * width + half + i] = Math.cos(angle);
    }
  });
  return tensor("R D", values, [all.length, width]);
}

/**
 * From scores by distance to scores by key: each row moves one step further than the one below it.
 * Row after row in memory, that is a window that begins Tq numbers late and whose rows are one shorter.
 *
 * @throws {AxisError} where there are fewer distances than keys and one.
 *
 * @example
 * ```ts
 * import { relativeShift } from "@lineage/lineage/core/relative_positions";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const distance = [2, 1, 0, -1]; // as its own score
 * const scores = tensor("B H Tq R", [[[distance, distance]]]);
 * assertEquals([...await read(relativeShift(scores, 2))], [0, -1, 1, 0]); // i − j
 * ```
 */
export function relativeShift(x: Tensor<"B H Tq R">, keys: number): Tensor<"B H Tq Tk"> {
  const queries = x.size("Tq"), distances = x.size("R");
  if (distances <= keys) {
    throw new AxisError(`relativeShift: ${x} has too few distances R for ${keys} keys`);
  }
  const flat = rearrange(x, "B H Tq R -> B H (Tq R)");
  const late = slice(flat, "Tq·R", queries, queries * distances);
  const rows = rearrange(late, "B H (Tq R) -> B H Tq R", { Tq: queries });
  return rename(slice(rows, "R", 0, keys), "B H Tq R -> B H Tq Tk");
}
