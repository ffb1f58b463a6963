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
import type { Sight } from "./masks.ts";
import {
  add,
  AxisError,
  concat,
  indices,
  slice,
  stopGradient,
  type Tensor,
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
 * How many positions a model of so many layers remembers; none without a memory.
 *
 * @throws {AxisError} where the memory is of a model with more layers, or fewer.
 *
 * @example
 * ```ts
 * import { emptyMemory, memoryLength } from "@lineage/lineage/core/recurrence";
 * import { assertEquals, assertThrows } from "@std/assert";
 * const memory = emptyMemory({ layers: 2, width: 8 }, 1, 5);
 * assertEquals([memoryLength(memory, 2), memoryLength(undefined, 2)], [5, 0]);
 * assertThrows(() => memoryLength(memory, 3), Error, "a memory of 2 layers");
 * ```
 */
export function memoryLength(memory: Memory | undefined, layers: number): number {
  if (!memory) return 0;
  if (memory.length === layers) return memory[0].size("T");
  throw new AxisError(
    `a memory of ${memory.length} layers is not of a model of ${layers}; begin anew`,
  );
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
 * Who may look at whom in a segment with `past` positions of memory before it, by a model's sight.
 *
 * @example
 * ```ts
 * import { leftToRight } from "@lineage/lineage/core/masks";
 * import { maskAfterMemory } from "@lineage/lineage/core/recurrence";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(maskAfterMemory(leftToRight, 1, 2)!)], [1, 1, 0, 1, 1, 1]);
 * ```
 */
export function maskAfterMemory(
  sight: Sight,
  past: number,
  length: number,
): Tensor<"Tq Tk"> | undefined {
  return sight(add(indices("Tq", length), past), indices("Tk", past + length), 0);
}
