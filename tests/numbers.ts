/** Numbers for tests: made from a seed, compared within a tolerance, differentiated by differences. */
import { assert } from "@std/assert";
import { gradients, leaves, read, type Tensor, tensor } from "../core/tensor/mod.ts";
import { elementsOf } from "../core/program/program.ts";

/** Numbers between -1.7 and 1.7 that look random and are the same everywhere. */
export function some<const S extends string>(axes: S, shape: number[], seed = 1): Tensor<S> {
  const at = (i: number) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 1.7;
  return tensor(axes, Array.from({ length: elementsOf(shape) }, (_, i) => at(i)), shape);
}

/** The numbers that a tensor was made from. */
export function given(x: Tensor): number[] {
  assert(x.origin.kind === "data");
  return Array.from(x.origin.values);
}

/** Every number within `tolerance` of the wanted one. */
export function assertNear(
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance = 1e-5,
  what = "value",
): void {
  assert(found.length === wanted.length, `${what}: ${found.length} numbers, not ${wanted.length}`);
  for (let i = 0; i < found.length; i++) {
    const near = Object.is(found[i], wanted[i]) || Math.abs(found[i] - wanted[i]) <= tolerance;
    assert(near, `${what} at ${i}: ${found[i]}, not ${wanted[i]}`);
  }
}

/**
 * Every gradient of `loss` against central differences, at up to `points` places of each tensor.
 * For the reference device: double precision makes a step of 1e-5 sharp.
 */
export async function assertGradients<P extends Record<string, unknown>>(
  loss: (params: P) => Tensor<"">,
  params: P,
  points = 5,
): Promise<void> {
  const step = 1e-5, found = await read(gradients(loss(params), params));
  const slopes = new Map(leaves(params).map(([path]) => [path, follow(found, path)]));
  for (const [path, x] of leaves(params)) {
    const stride = Math.max(1, Math.floor(x.elements / points));
    for (let i = 0; i < x.elements; i += stride) {
      const at = async (d: number) => (await read(loss(moved(params, x, i, d))))[0];
      const wanted = (await at(step) - await at(-step)) / (2 * step);
      const slope = (slopes.get(path) as ArrayLike<number>)[i];
      const tolerance = 1e-6 * Math.max(1, Math.abs(wanted));
      assert(Math.abs(slope - wanted) <= tolerance, `${path}[${i}]: ${slope}, not ${wanted}`);
    }
  }
}

const follow = (nested: unknown, path: string) =>
  path.split(".").reduce((at, name) => (at as Record<string, unknown>)[name], nested);

function moved<P>(params: P, x: Tensor, i: number, by: number): P {
  const values = given(x);
  values[i] += by;
  const there = tensor(x.axes.join(" "), values, x.shape);
  const swap = (at: unknown): unknown =>
    at === x
      ? there
      : at && typeof at === "object" && !("origin" in at)
      ? Array.isArray(at)
        ? at.map(swap)
        : Object.fromEntries(Object.entries(at).map(([k, v]) => [k, swap(v)]))
      : at;
  return swap(params) as P;
}
