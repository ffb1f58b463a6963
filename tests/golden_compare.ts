/** Comparing what was computed with golden figures. */
import { assert, assertEquals } from "@std/assert";
import { read, type Tensor } from "../core/tensor/mod.ts";
import type { StoredTensor } from "../core/training/safetensors.ts";
import type { GoldenCase, GoldenTensor } from "./golden_models.ts";

/** Largest difference of an output on each device. */
export const tolerance = { reference: 2e-5, wasm: 2e-5, webgpu: 1e-4 };

/** One number near another. */
export function near(what: string, found: number, wanted: number, tolerance: number): void {
  assert(Math.abs(found - wanted) <= tolerance, `${what}: ${found} instead of ${wanted}`);
}

/** A tensor as the golden file has it; of a 3-d one, perhaps only some positions. */
export async function assertGolden(
  what: string,
  x: Tensor,
  wanted: GoldenTensor,
  tolerance: number,
  positions?: readonly number[],
): Promise<void> {
  const values = await read(x), [, length, width] = x.shape;
  const cut = positions && x.shape.length === 3;
  const found = cut
    ? values.filter((_, i) => positions.includes(Math.floor(i / width) % length))
    : values;
  const shape = cut ? [x.shape[0], positions.length, width] : [...x.shape];
  assertEquals(shape, wanted.shape, what);
  wanted.data.forEach((w, i) => near(`${what} at ${i}`, found[i], w, tolerance));
}

/** Gradients under the names and in the layout of the file. */
export function assertGoldenGradients(
  found: ReadonlyMap<string, StoredTensor>,
  one: GoldenCase,
): void {
  const taken = (name: string) => {
    assert(found.has(name), `no gradient for ${name}`);
    return found.get(name)!.data;
  };
  for (const [name, wanted] of Object.entries(one.grad_norms ?? {})) {
    // A gradient that is exactly 0 is Hugging Face's own rounding there: it cannot be asked for.
    const tolerance = wanted === null ? 0 : 1e-4 * wanted + (one.float32_noise ?? 0);
    near(`norm of the gradient of ${name}`, Math.hypot(...taken(name)), wanted ?? 0, tolerance);
  }
  for (const [name, { values, first8 = [], at = [], norm }] of Object.entries(one.grads ?? {})) {
    for (const [i, value] of [...(values ?? first8).entries(), ...at]) {
      near(`gradient of ${name} at ${i}`, taken(name)[i], value, 1e-4 * norm);
    }
  }
}
