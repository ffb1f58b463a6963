/**
 * Where a token stands — Vaswani et al. 2017 (1706.03762), §3.5; learned: Devlin et al. 2018 (1810.04805).
 * Idea   Attention does not see order: shuffle the tokens and the output shuffles along. So each position
 *        gets a vector that is added to the token's. BERT learns these vectors; the first Transformer
 *        took sines and cosines of falling frequency. Which vector is whose is a matter of counting:
 *        BERT counts places, RoBERTa counts tokens and leaves the padding out.
 * Maths  PE[t, 2i] = sin(t / 10000^(2i/D)),  PE[t, 2i+1] = cos(t / 10000^(2i/D))
 *        counted: place[b,t] = t;   after padding: place[b,t] = pad + (tokens up to t), pad for padding
 * Axes   B batch · T positions · P positions there are vectors for · D model width · E embedding width
 * Differs from the paper: nothing; RoBERTa's paper (1907.11692) does not mention its way of counting,
 *        which is that of the authors' code.
 * Trap   A text longer than P has no vectors: an error here, silent rubbish where ids are clamped. For
 *        RoBERTa the table of 514 rows is enough for 512 tokens only: the first pad + 1 rows are none's.
 * @module
 */
import { lookUp } from "./look_up.ts";
import {
  add,
  broadcast,
  einsum,
  equal,
  indices,
  less,
  multiply,
  rename,
  scale,
  slice,
  type Tensor,
  tensor,
} from "./tensor/mod.ts";

/** Which rows of a learned table the positions of a batch have. */
export type Positions = (
  table: Tensor<"P E">,
  ids: Tensor<"B T">,
  padding?: number,
) => Tensor<"T E"> | Tensor<"B T E">;

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
export function learnedPositions<W extends string>(
  table: Tensor<`P ${W}`>,
  length: number,
): Tensor<`T ${W}`> {
  enough(length, table.size("P"));
  const [, width] = table.axes;
  const rows: Tensor = slice<string>(table, "P", 0, length);
  return rename<string>(rows as never, `P ${width} -> T ${width}`) as Tensor as Tensor<`T ${W}`>;
}

function enough(length: number, most: number): void {
  if (length <= most) return;
  throw new RangeError(
    `a text of ${length} tokens is longer than the ${most} positions of the model; truncate it`,
  );
}

/**
 * BERT's way: the place in the text, 0, 1, 2, …, whatever stands there.
 *
 * @throws {RangeError} where the text is longer than the table.
 *
 * @example
 * ```ts
 * import { counted } from "@lineage/lineage/core/positions";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("P E", [[10], [20], [30]]), ids = tensor("B T", [[7, 8]]);
 * assertEquals([...await read(counted(table, ids))], [10, 20]);
 * ```
 */
export const counted: Positions = (table, ids): Tensor<"T E"> =>
  learnedPositions(table, ids.size("T"));

/**
 * RoBERTa's way: tokens are counted from the row after the padding's, padding is not counted and
 * has its own row, which learns nothing.
 *
 * @throws {RangeError} where the text is longer than the rows that are left.
 *
 * @example
 * ```ts
 * import { countedAfterPadding } from "@lineage/lineage/core/positions";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("P E", [[0], [1], [2], [3], [4]]), pad = 1;
 * const ids = tensor("B T", [[7, pad, 8]]);
 * assertEquals([...await read(countedAfterPadding(table, ids, pad))], [2, 1, 3]);
 * ```
 */
export const countedAfterPadding: Positions = (table, ids, padding = 0): Tensor<"B T E"> => {
  const length = ids.size("T");
  enough(length, table.size("P") - padding - 1);
  const isToken = add(scale(equal(ids, padding), -1), 1);
  const earlier = broadcast(indices("T'", length), "T' T", { T: length });
  const upTo = less(earlier, add(indices("T", length), 1));
  const tokens = einsum("B T', T' T -> B T", rename(isToken, "B T -> B T'"), upTo);
  return lookUp(table, add(multiply(tokens, isToken), padding), padding);
};

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
