/**
 * Segment recurrence — Dai et al. 2019 (Transformer-XL, 1901.02860), §3.2.
 * Idea   A long text is read segment by segment. Each layer keeps what came into it and, in the next
 *        segment, looks at it as if it stood before the text. So a model of L layers reaches L times
 *        further than its memory, though no segment grows. What is remembered does not learn.
 * Maths  m[n] = stop(the last M of [m[n] ; x[n]]),  keys and values from [m[n] ; x[n]], queries from x[n]
 * Axes   B batch · T positions · Tq,Tk query,key positions · D model width
 * Differs from the paper: nothing. The paper begins without a memory; Hugging Face's Transformer-XL with
 *        one of zeros, which is looked at (`emptyMemory`).
 * Trap   A memory is of a row of the batch: row b of the next batch must go on where row b stopped.
 * @module
 */
import {
  AxisError,
  concat,
  slice,
  stopGradient,
  type Tensor,
  tensor,
  zeros,
} from "./tensor/mod.ts";

/** For each layer what came into it, up to now. */
export type Memory = readonly Tensor<"B T D">[];

/**
 * The memory for the next segment: the last `length` of what was and what came; all, if not said.
 *
 * @throws {RangeError} where the length is not a whole number from 0.
 *
 * @example
 * ```ts
 * import { remember } from "@lineage/lineage/core/recurrence";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const before = [tensor("B T D", [[[1], [2]]])], came = [tensor("B T D", [[[3], [4]]])];
 * const [memory] = remember(before, came, 3);
 * assertEquals([...await read(memory)], [2, 3, 4]);
 * ```
 */
export function remember(
  before: Memory | undefined,
  came: readonly Tensor<"B T D">[],
  length: number = Infinity,
): Memory {
  if (length !== Infinity && !(Number.isInteger(length) && length >= 0)) {
    throw new RangeError(`a memory of ${length} positions; give a whole number from 0`);
  }
  return came.map((x, layer) => {
    const all = afterMemory(before?.[layer], x), end = all.size("T");
    return stopGradient(slice(all, "T", Math.max(0, end - length), end));
  });
}

/**
 * What a segment looks at: the memory of a layer, then what comes into the layer now.
 *
 * @throws {AxisError} where the memory belongs to another batch or another model.
 *
 * @example
 * ```ts
 * import { afterMemory } from "@lineage/lineage/core/recurrence";
 * import { tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const memory = tensor("B T D", [[[1], [2]]]), x = tensor("B T D", [[[3]]]);
 * assertEquals(afterMemory(memory, x).shape, [1, 3, 1]);
 * ```
 */
export function afterMemory(
  memory: Tensor<"B T D"> | undefined,
  x: Tensor<"B T D">,
): Tensor<"B T D"> {
  if (!memory || memory.size("T") === 0) return x;
  if (memory.size("B") === x.size("B") && memory.size("D") === x.size("D")) {
    return concat([stopGradient(memory), x], "T");
  }
  throw new AxisError(`a memory ${memory} is not of the batch or the model of ${x}; begin anew`);
}

/**
 * A memory of zeros, which is looked at like any other.
 *
 * @example
 * ```ts
 * import { emptyMemory } from "@lineage/lineage/core/recurrence";
 * import { assertEquals } from "@std/assert";
 * const memory = emptyMemory({ layers: 2, width: 8 }, 1, 5);
 * assertEquals(memory.map((m) => m.shape), [[1, 5, 8], [1, 5, 8]]);
 * ```
 */
export function emptyMemory(
  { layers, width }: { layers: number; width: number },
  batch: number,
  length: number,
): Memory {
  return Array.from({ length: layers }, () => zeros("B T D", [batch, length, width]));
}

/**
 * Who may look at whom from left to right, with `keys − queries` positions of memory in front. With a
 * `window` no one looks further back than that many keys, itself included: all see equally far.
 *
 * @throws {RangeError} where there are more queries than keys, or the window is empty.
 *
 * @example
 * ```ts
 * import { leftToRight } from "@lineage/lineage/core/recurrence";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(leftToRight(2, 3))], [1, 1, 0, 1, 1, 1]);
 * assertEquals([...await read(leftToRight(2, 3, 2))], [1, 1, 0, 0, 1, 1]);
 * ```
 */
export function leftToRight(queries: number, keys: number, window = Infinity): Tensor<"Tq Tk"> {
  if (queries > keys) throw new RangeError(`${queries} queries cannot be the last of ${keys} keys`);
  if (!(window >= 1)) throw new RangeError(`a window of ${window} keys hides every key from all`);
  const visible = Float32Array.from({ length: queries * keys }, (_, n) => {
    const distance = keys - queries + Math.floor(n / keys) - n % keys;
    return distance >= 0 && distance < window ? 1 : 0;
  });
  return tensor("Tq Tk", visible, [queries, keys]);
}
