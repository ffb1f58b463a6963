/**
 * Parameters of our models from the weights of a workload.
 *
 * @module
 */
import { instantiate, type Parameters } from "../../core/parameters.ts";
import { tensor, zeros } from "../../core/tensor/mod.ts";
import { turned, type Weight } from "../workloads/weight.ts";

/** The weights by their paths, in an encoder or in a whole model; zeros where none is given. */
export function given<D>(declared: D, weights: Record<string, Weight>): Parameters<D> {
  return instantiate(declared, ({ axes, shape }, path) => {
    const weight = weights[path.replace(/^encoder\./, "")];
    if (!weight) return zeros(axes, shape);
    return tensor(axes, path.endsWith(".weight") ? turned(weight) : weight.values, shape);
  });
}
