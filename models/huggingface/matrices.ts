/**
 * Matrices as files have them, turned and joined.
 *
 * Idea   Some checkpoints store a linear layer input axis first, or queries, keys and values in one tensor.
 * Maths  none.
 * Axes   rows, columns, in row-major order
 * Differs from the paper: there is none.
 * @module
 */
import type { StoredTensor } from "../../core/training/safetensors.ts";

/**
 * Rows for columns; a vector stays what it is.
 *
 * @example
 * ```ts
 * import { transposed } from "@lineage/lineage/models/huggingface/matrices";
 * import { assertEquals } from "@std/assert";
 * const stored = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
 * assertEquals([...transposed(stored).data], [1, 4, 2, 5, 3, 6]);
 * ```
 */
export function transposed({ shape, data }: StoredTensor): StoredTensor {
  if (shape.length !== 2) return { shape, data };
  const [rows, columns] = shape, turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j];
  }
  return { shape: [columns, rows], data: turned };
}

/**
 * Tensors of one shape, one below the other.
 *
 * @example
 * ```ts
 * import { below } from "@lineage/lineage/models/huggingface/matrices";
 * import { assertEquals } from "@std/assert";
 * const row = (x: number) => ({ shape: [1, 2], data: Float32Array.of(x, x) });
 * assertEquals(below([row(1), row(2)]), { shape: [2, 2], data: Float32Array.of(1, 1, 2, 2) });
 * ```
 */
export function below(tensors: readonly StoredTensor[]): StoredTensor {
  const [{ shape: [rows, ...rest], data: { length } }] = tensors;
  const data = new Float32Array(length * tensors.length);
  tensors.forEach((x, i) => data.set(x.data, i * length));
  return { shape: [rows * tensors.length, ...rest], data };
}
