/**
 * Softmax, LayerNorm and cross-entropy: what is done to whole rows.
 *
 * Idea   Each is composed of element-wise operations and reductions over one named axis, which the
 *        scheduler makes one loop. Each states its gradient in closed form, which is shorter and safer than
 *        what differentiating the composition would give.
 * Maths  softmax: y = eˣ⁻ᵐ / Σ eˣ⁻ᵐ with m = max x; ∂L/∂x = y · (g − Σ g·y).
 * Axes   the axis is named: `softmax(scores, "Tk")`.
 * Differs from the paper: nothing; the maximum is subtracted so that nothing overflows.
 * @module
 */
import { AxisError, type AxisOf, sameList, type Without } from "./axes.ts";
import { exp, type Fitting, log, map, mapOver, multiply, subtract } from "./elementwise.ts";
import * as scalar from "../program/expression.ts";
import { max, mean, sum } from "./reduce.ts";
import { axisIndex, stopGradient, Tensor, withGradient } from "./tensor.ts";

const [first, second, third] = [0, 1, 2].map(scalar.input);

/**
 * Exponentials that sum to one along an axis. A row whose scores are all equal is uniform.
 *
 * @example
 * ```ts
 * import { read, softmax, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(softmax(tensor("T", [5, 5]), "T"))], [0.5, 0.5]);
 * ```
 */
export function softmax<S extends string>(x: Tensor<S>, axis: AxisOf<S>): Tensor<S> {
  const along: string = axis, { shifted, total } = shift("softmax", x, along);
  const ratio = scalar.divide(scalar.exp(first), second);
  return withGradient(map("softmax", ratio, shifted, total), [x], (g, y) => {
    const weighted = sum(multiply(g, y), along);
    const slope = scalar.multiply(second, scalar.subtract(first, third));
    return [mapOver(x.axes, x.shape, slope, [g, y, weighted])];
  }) as Tensor<S>;
}

/** x less its maximum along the axis, and the sum of the exponentials of that. */
function shift(operation: string, x: Tensor, axis: string): { shifted: Tensor; total: Tensor } {
  axisIndex(x, axis, operation);
  const still: Tensor = stopGradient(x);
  const shifted = subtract(still, max(still, axis));
  return { shifted, total: sum(exp(shifted), axis) };
}

/**
 * The logarithm of `softmax`, without its rounding.
 *
 * @example
 * ```ts
 * import { logSoftmax, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * const [p] = await read(logSoftmax(tensor("T", [5, 5]), "T"));
 * assertAlmostEquals(p, -Math.LN2, 1e-6);
 * ```
 */
export function logSoftmax<S extends string>(x: Tensor<S>, axis: AxisOf<S>): Tensor<S> {
  const along: string = axis, { shifted, total } = shift("logSoftmax", x, along);
  return withGradient(subtract(shifted, log(total)), [x], (g, y) => {
    const slope = scalar.subtract(first, scalar.multiply(scalar.exp(second), third));
    return [mapOver(x.axes, x.shape, slope, [g, y, sum(g, along)])];
  }) as Tensor<S>;
}

/**
 * Rows with mean 0 and variance 1 along an axis — Ba et al. 2016 (1607.06450), eq. 3, before gain and
 * bias: y = (x − mean) / √(variance + epsilon), with the variance divided by the axis' size.
 *
 * @example
 * ```ts
 * import { read, standardize, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(standardize(tensor("D", [1, 3]), "D", 0))], [-1, 1]);
 * ```
 */
export function standardize<S extends string>(
  x: Tensor<S>,
  axis: AxisOf<S>,
  epsilon: number,
): Tensor<S> {
  const along: string = axis;
  axisIndex(x, along, "standardize");
  const inverse = scalar.divide(
    scalar.constant(1),
    scalar.sqrt(scalar.add(first, scalar.constant(epsilon))),
  );
  const parts = (x: Tensor) => {
    const centred = subtract(x, mean(x, along));
    const variance = mean(multiply(centred, centred), along);
    return { centred, rate: map("standardize", inverse, variance) };
  };
  const { centred, rate: still } = parts(stopGradient(x));
  return withGradient(multiply(centred, still), [x], (g, y) => {
    const { rate } = parts(x); // the same numbers, through which a second derivative passes
    const level = mean(g, along), tilt = mean(multiply(g, y), along);
    const [gradient, value, l, t, r] = [0, 1, 2, 3, 4].map(scalar.input);
    const slope = scalar.subtract(scalar.subtract(gradient, l), scalar.multiply(value, t));
    return [mapOver(x.axes, x.shape, scalar.multiply(slope, r), [g, y, level, tilt, rate])];
  }) as Tensor<S>;
}

/** The label that says: this position does not count. */
export const ignored: -100 = -100;

/**
 * −log softmax(logits)[label] at each position, in nats; 0 where the label is `ignored`.
 *
 * @throws {AxisError} where the labels' axes are not those of the logits without `axis`, or a label that
 * is given data is neither `ignored` nor one of the classes.
 *
 * @example
 * ```ts
 * import { crossEntropy, ignored, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * const logits = tensor("T V", [[0, 0], [1, 2]]);
 * const [one, other] = await read(crossEntropy(logits, tensor("T", [1, ignored]), "V"));
 * assertAlmostEquals(one, Math.LN2, 1e-6);
 * assertEquals(other, 0);
 * ```
 */
export function crossEntropy<S extends string, const A extends AxisOf<S>>(
  logits: Tensor<S>,
  labels: Tensor<Without<S, A>>,
  axis: A,
): Tensor<Without<S, A>> {
  const x = logits as Tensor, classes = x.shape[axisIndex(x, axis, "crossEntropy")];
  if (!sameList(labels.axes, x.axes.filter((a) => a !== axis))) {
    throw new AxisError(`crossEntropy over ${axis}: ${logits} cannot have the labels ${labels}`);
  }
  checkLabels(labels, axis, classes);
  const { shifted, total } = shift("crossEntropy", x, axis);
  const place: Tensor = new Tensor([axis], [classes], { kind: "position" });
  const own = scalar.select(scalar.equal(second, third), first, scalar.constant(0));
  const chosen = sum(mapOver(x.axes, x.shape, own, [shifted, place, labels]), axis);
  const counts = scalar.less(scalar.constant(-1), third);
  const surprise = scalar.select(
    counts,
    scalar.subtract(scalar.log(first), second),
    scalar.constant(0),
  );
  const loss = mapOver(labels.axes, labels.shape, surprise, [total, chosen, labels]);
  return withGradient(loss, [x], (g) => {
    const [gradient, probability, index, label] = [0, 1, 2, 3].map(scalar.input);
    const error = scalar.subtract(probability, scalar.equal(index, label));
    const slope = scalar.multiply(gradient, error);
    const kept = scalar.select(scalar.less(scalar.constant(-1), label), slope, scalar.constant(0));
    return [mapOver(x.axes, x.shape, kept, [g, softmax(x, axis), place, labels])];
  }) as Tensor<Without<S, A>>;
}

function checkLabels(labels: Tensor, axis: string, classes: number): void {
  if (labels.origin.kind !== "data") return;
  const { values } = labels.origin;
  for (let i = 0; i < values.length; i++) {
    const label = values[i];
    if (label === ignored || Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new AxisError(
      `crossEntropy: label ${label} at place ${i} is neither ${ignored} (ignored) nor one of the` +
        ` ${classes} classes 0 … ${classes - 1} of axis ${axis}`,
    );
  }
}

/**
 * Σ x·keep / Σ keep: the mean over the kept positions. NaN when none is kept, as the reference has it.
 *
 * @example
 * ```ts
 * import { meanOver, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(meanOver(tensor("T", [3, 9]), tensor("T", [1, 0])))], [3]);
 * ```
 */
export function meanOver<S extends string, R extends string>(
  x: Tensor<S>,
  keep: Fitting<R, S>,
): Tensor<""> {
  const kept = map("meanOver", second, x, keep as Tensor);
  const ratio = scalar.divide(first, second);
  return map("meanOver", ratio, sum(multiply<string, string>(x, kept)), sum(kept));
}
