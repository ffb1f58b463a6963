/**
 * Records of one form, side by side: each parameter with its gradient and the optimiser's memory.
 *
 * Idea   Walk the first record; look into the others at the same place. What is shared in the first
 *        is visited once, so a parameter of twelve tied layers is clipped, counted and moved once.
 * Maths  none here.
 * Axes   tensors at the same place must have the same axes and sizes.
 * Differs from the paper: there is none.
 * @module
 */
import { AxisError, sameForm, Tensor } from "../tensor/mod.ts";

/** A path and the tensors that lie there, that of the first record first. */
export type Row = [path: string, ...tensors: Tensor[]];

/**
 * Every distinct tensor of the first record with those at the same place of the others.
 *
 * @throws {AxisError} where another record has no tensor there, or one of other axes or sizes.
 *
 * @example
 * ```ts
 * import { together } from "@lineage/lineage/core/training/together";
 * import { tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const w = tensor("D", [1, 2]), g = tensor("D", [3, 4]);
 * assertEquals(together({ a: w, b: w }, { a: g, b: g }), [["a", w, g]]);
 * ```
 */
export function together(first: unknown, ...others: unknown[]): Row[] {
  const found = new Map<Tensor, Row>();
  const inside = (x: unknown, name: string) => (x as Record<string, unknown> | undefined)?.[name];
  const visit = (at: unknown, path: string, beside: unknown[]): void => {
    if (at instanceof Tensor) {
      if (!found.has(at)) found.set(at, [path, at, ...beside.map((x) => likeFirst(x, at, path))]);
    } else if (at && typeof at === "object") {
      for (const name of Object.keys(at)) {
        const around = beside.map((x) => inside(x, name));
        visit(inside(at, name), path ? `${path}.${name}` : name, around);
      }
    }
  };
  visit(first, "", others);
  return [...found.values()];
}

function likeFirst(x: unknown, first: Tensor, path: string): Tensor {
  if (x instanceof Tensor && sameForm(x, first)) return x;
  throw new AxisError(`at "${path}" is ${first}, but in the record beside it ${x ?? "nothing"}`);
}
