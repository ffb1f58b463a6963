/**
 * Gradient accumulation: a batch that does not fit into memory, in parts.
 *
 * Idea   The gradient of a sum is the sum of the gradients. Compute one part, add its gradients to
 *        sums that stay on the device, forget everything else, go on with the next part.
 * Maths  ∇L = Σₚ ∇Lₚ,  if L = Σₚ Lₚ
 * Axes   those of each parameter
 * Differs from the paper: there is none.
 * Trap   The losses of the parts have to add up to that of the whole. Means do not: a part with
 *        fewer masked tokens would weigh as much as one with more. `asParts` of the objectives sees
 *        to it.
 * @module
 */
import {
  add,
  full,
  isZero,
  keep,
  mapNested,
  read,
  subtract,
  type Tensor,
  valueAndGrad,
  zeros,
} from "../tensor/mod.ts";
import { together } from "./together.ts";

/** A loss and its gradients. */
export interface LossAndGradients<P> {
  /** The loss. */
  value: Tensor<"">;
  /** Its gradients, in a record of the parameters' form. */
  gradients: P;
}

/**
 * Room for a loss and gradients on the device of the parameters.
 *
 * @example
 * ```ts
 * import { gradientSums } from "@lineage/lineage/core/training/accumulate";
 * import { keep, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const sums = await gradientSums(await keep({ w: tensor("D", [1, 2]) }));
 * assertEquals(sums.gradients.w.shape, [2]);
 * ```
 */
export function gradientSums<P>(params: P): Promise<LossAndGradients<P>> {
  const gradients = mapNested(params, (x) => subtract(x, x));
  return keep({ value: full("", [], 0), gradients });
}

/**
 * The loss of all parts together and its gradients, computed part by part into `sums`; whatever was
 * in there is overwritten.
 *
 * @throws {RangeError} without a part.
 *
 * @example
 * ```ts
 * import { accumulate, gradientSums } from "@lineage/lineage/core/training/accumulate";
 * import { keep, multiply, read, sum, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = await keep({ w: tensor("D", [1, 2]) });
 * const parts = [tensor("D", [1, 1]), tensor("D", [10, 20])];
 * const sums = await gradientSums(params);
 * const loss = (p: typeof params, x: typeof params.w) => sum(multiply(p.w, x));
 * const { value, gradients } = await accumulate(sums, params, parts, loss);
 * assertEquals([...await read(value)], [53]);
 * assertEquals([...await read(gradients.w)], [11, 21]);
 * ```
 */
export async function accumulate<P, Part>(
  sums: LossAndGradients<P>,
  params: P,
  parts: readonly Part[],
  loss: (params: P, part: Part, index: number) => Tensor<"">,
): Promise<LossAndGradients<P>> {
  if (parts.length === 0) {
    throw new RangeError("accumulate: the batch has no part; give one or more");
  }
  const begun = new Map<Tensor, Tensor>();
  for (const [i, part] of parts.entries()) {
    const { value, gradients } = valueAndGrad(loss)(params, part, i);
    const updates: [Tensor, Tensor][] = [[sums.value, i === 0 ? value : add(sums.value, value)]];
    for (const [, x, g, sum] of together(params, gradients, sums.gradients)) {
      if (isZero(g)) continue;
      updates.push([sum, begun.has(x) ? add(sum, g) : g]);
      begun.set(x, sum);
    }
    await read({}, updates);
  }
  const gradients = mapNested(params, (x) => begun.get(x) ?? zeros(x.axes.join(" "), x.shape));
  return { value: sums.value, gradients };
}
