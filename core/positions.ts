/**
 * Where a token stands — Vaswani et al. 2017 (1706.03762), §3.5; learned: Devlin et al. 2018 (1810.04805).
 * Idea   Attention does not see order: shuffle the tokens and the output shuffles along. So each position
 *        gets a vector that is added to the token's. BERT learns these vectors; the first Transformer
 *        took sines and cosines of falling frequency.
 * Maths  PE[t, 2i] = sin(t / 10000^(2i/D)),  PE[t, 2i+1] = cos(t / 10000^(2i/D)).
 * Axes   T positions · P positions there are vectors for · D model width
 * Differs from the paper: nothing.
 * Trap   A text longer than P has no vectors: an error here, silent rubbish where ids are clamped.
 * @module
 */
import { rename, slice, type Tensor, tensor } from "./tensor/mod.ts";

/**
 * The first `length` rows of a learned table.
 *
 * @throws {RangeError} where the text is longer than the table.
 *
 * @example
 * ```ts
 * import { learnedPositions } from "@lineage/lineage/core/positions";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("P D", [[1, 2], [3, 4], [5, 6]]);
 * assertEquals([...await read(learnedPositions(table, 2))], [1, 2, 3, 4]);
 * ```
 */
export function learnedPositions(table: Tensor<"P D">, length: number): Tensor<"T D"> {
  const most = table.size("P");
  if (length > most) {
    throw new RangeError(
      `a text of ${length} tokens is longer than the ${most} positions of the model; truncate it`,
    );
  }
  const rows = slice(table, "P", 0, length);
  return rename(rows, "P D -> T D");
}

/**
 * The sinusoidal table of the first Transformer.
 *
 * @throws {RangeError} for an odd width.
 *
 * @example
 * ```ts
 * import { sinusoidalPositions } from "@lineage/lineage/core/positions";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(sinusoidalPositions(1, 4))], [0, 1, 0, 1]);
 * ```
 */
export function sinusoidalPositions(length: number, width: number): Tensor<"T D"> {
  if (width % 2 !== 0) throw new RangeError(`sines and cosines need an even width, not ${width}`);
  const values = new Float32Array(length * width);
  for (let t = 0; t < length; t++) {
    for (let i = 0; i < width; i += 2) {
      const angle = t / 10000 ** (i / width);
      values[t * width + i] = Math.sin(angle);
      values[t * width + i + 1] = Math.cos(angle);
    }
  }
  return tensor("T D", values, [length, width]);
}
