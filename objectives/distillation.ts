/**
 * Distillation — Hinton et al. 2015 (1503.02531), §2; DistilBERT, Sanh et al. 2019 (1910.01108), §2.
 * Idea   The student copies the teacher's whole distribution, not its argmax: which wrong answers are
 *        almost right is what the teacher knows beyond the label. tau > 1 lets small probabilities
 *        speak; tau² gives the gradient, which shrinks with 1/tau², its size back.
 * Maths  KL(p‖q) = Σ_v p (log p − log q),  p = softmax(teacher / tau), q = softmax(student / tau)
 *        soft = tau² · mean KL;  DistilBERT: L = 5 · soft + 2 · masked LM + 1 · mean (1 − cos(h, h'))
 * Axes   B batch · T positions · V vocabulary · D width; any others for what works on each position
 * Differs from the paper: Hinton et al. write the cross-entropy −Σ p log q, which is greater by the
 *        teacher's entropy and has the same gradient. DistilBERT's weights and tau = 2 are those of
 *        the authors' script; a mask says which positions count.
 * Trap   Sum over V, mean over the positions that count. A mean over V too makes the loss V times too
 *        small, a sum over positions too T times too large (transformers#1181).
 * @module
 */
import {
  add,
  AxisError,
  type AxisOf,
  divide,
  exp,
  logSoftmax,
  mean,
  meanOver,
  multiply,
  negate,
  scalar,
  scale,
  sqrt,
  square,
  stopGradient,
  subtract,
  sum,
  type Tensor,
  type Without,
} from "../core/tensor/mod.ts";

/**
 * How far the student's distribution is from the teacher's at each position: KL(p‖q), in nats, at
 * the temperature tau. Zero where they are equal. The teacher gets no gradient.
 *
 * @throws {AxisError} where teacher and student differ in axes or sizes.
 * @throws {RangeError} for a temperature that is not above 0.
 *
 * @example
 * ```ts
 * import { log, read, tensor } from "@lineage/lineage/core/tensor";
 * import { divergence } from "@lineage/lineage/objectives/distillation";
 * import { assertAlmostEquals } from "@std/assert";
 * const teacher = log(tensor("C", [0.2, 0.4, 0.4])), student = log(tensor("C", [0.4, 0.2, 0.4]));
 * const [kl] = await read(divergence(student, teacher, "C"));
 * assertAlmostEquals(kl, 0.2 * Math.log(1 / 2) + 0.4 * Math.log(2), 1e-6);
 * ```
 */
export function divergence<S extends string, const A extends AxisOf<S>>(
  student: Tensor<S>,
  teacher: Tensor<S>,
  axis: A,
  tau = 1,
): Tensor<Without<S, A>> {
  checkAlike(student, teacher, "logits");
  checkTemperature(tau);
  const soften = (logits: Tensor) => logSoftmax(scale(logits, 1 / tau), axis);
  const logP = soften(stopGradient(teacher)), logQ = soften(student);
  return sum(multiply(exp(logP), subtract(logP, logQ)), axis) as Tensor<Without<S, A>>;
}

/**
 * Refuse a temperature at which there is no softmax.
 *
 * @throws {RangeError} for one that is not above 0, or not finite.
 *
 * @example
 * ```ts
 * import { checkTemperature } from "@lineage/lineage/objectives/distillation";
 * import { assertThrows } from "@std/assert";
 * checkTemperature(2);
 * assertThrows(() => checkTemperature(0), RangeError, "the temperature 0");
 * ```
 */
export function checkTemperature(tau: number): void {
  if (tau > 0 && tau < Infinity) return;
  throw new RangeError(
    `distillation: the temperature ${tau} is not above 0 and finite; 1 changes nothing`,
  );
}

/**
 * Refuse a student that cannot be compared with its teacher.
 *
 * @param what What they make, for the message.
 * @throws {AxisError} where their axes or sizes differ.
 *
 * @example
 * ```ts
 * import { AxisError, zeros } from "@lineage/lineage/core/tensor";
 * import { checkAlike } from "@lineage/lineage/objectives/distillation";
 * import { assertThrows } from "@std/assert";
 * const student = zeros("B V", [1, 500]), teacher = zeros("B V", [1, 600]);
 * assertThrows(() => checkAlike(student, teacher, "logits"), AxisError, "vocabulary");
 * ```
 */
export function checkAlike(student: Tensor, teacher: Tensor, what: string): void {
  const axes = student.axes.join(" ") === teacher.axes.join(" ");
  const differs = student.axes.find((_, i) => student.shape[i] !== teacher.shape[i]);
  if (axes && !differs) return;
  const remedies: Record<string, string> = {
    V: "both need one vocabulary: train the student with the teacher's tokenizer",
    D: "a student of another width needs a layer that takes its states to the teacher's",
    "D'": "the layer that takes the student's states to the teacher's must be as wide as those",
    H: "both need as many heads",
    C: "both need the same classes in the same order",
  };
  const problem = axes ? `differ in ${differs}` : "have different axes";
  const remedy = axes && remedies[differs!] || "give both the same batch";
  throw new AxisError(
    `distillation: the ${what} of the student, ${student}, and of the teacher, ${teacher},` +
      ` ${problem}; ${remedy}`,
  );
}

/**
 * The soft-target loss of a batch: tau² times the mean divergence over the positions kept.
 *
 * For texts with one label each: `scale(mean(divergence(student, teacher, "C", tau)), tau ** 2)`.
 *
 * @throws {AxisError} where teacher and student differ in axes or sizes.
 * @throws {RangeError} for a temperature that is not above 0.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { distillationLoss } from "@lineage/lineage/objectives/distillation";
 * import { assertEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[1, 2], [9, 9]]]), other = tensor("B T V", [[[1, 2], [0, 5]]]);
 * const [loss] = await read(distillationLoss(logits, other, tensor("B T", [[1, 0]])));
 * assertEquals(loss, 0); // they differ only where nothing is kept
 * ```
 */
export function distillationLoss(
  student: Tensor<"B T V">,
  teacher: Tensor<"B T V">,
  keep: Tensor<"B T">,
  tau = 2,
): Tensor<""> {
  return scale(meanOver(divergence(student, teacher, "V", tau), keep), tau ** 2);
}

/**
 * The mean squared difference of logits at each position — Ba & Caruana 2014 (1312.6184): what
 * soft targets become as tau grows, but for a constant factor and the mean of the logits.
 *
 * @throws {AxisError} where teacher and student differ in axes or sizes.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { logitsDistance } from "@lineage/lineage/objectives/distillation";
 * import { assertEquals } from "@std/assert";
 * const student = tensor("B C", [[1, 2]]), teacher = tensor("B C", [[1, 6]]);
 * assertEquals([...await read(logitsDistance(student, teacher, "C"))], [8]);
 * ```
 */
export function logitsDistance<S extends string, const A extends AxisOf<S>>(
  student: Tensor<S>,
  teacher: Tensor<S>,
  axis: A,
): Tensor<Without<S, A>> {
  checkAlike(student, teacher, "logits");
  const difference = subtract<string, string>(student, stopGradient(teacher));
  return mean<string, string>(square(difference), axis) as Tensor<Without<S, A>>;
}

/**
 * 1 − the cosine of two vectors at each position: 0 where they point the same way, 2 where they point
 * opposite ways, whatever their lengths.
 *
 * @throws {AxisError} where teacher and student differ in axes or sizes.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { cosineDistance } from "@lineage/lineage/objectives/distillation";
 * import { assertAlmostEquals } from "@std/assert";
 * const student = tensor("T D", [[3, 0]]), teacher = tensor("T D", [[1, 1]]);
 * const [distance] = await read(cosineDistance(student, teacher, "D"));
 * assertAlmostEquals(distance, 1 - Math.SQRT1_2, 1e-6);
 * ```
 */
export function cosineDistance<S extends string, const A extends AxisOf<S>>(
  student: Tensor<S>,
  teacher: Tensor<S>,
  axis: A,
): Tensor<Without<S, A>> {
  checkAlike(student, teacher, "states");
  const x: Tensor = student, y: Tensor = stopGradient(teacher);
  // Without epsilon a vector of zeros would have no direction, but NaN.
  const length = (x: Tensor) => sqrt(add(sum(square(x), axis), 1e-12));
  const cosine = divide(divide(sum(multiply(x, y), axis), length(x)), length(y));
  return add(negate(cosine), 1) as Tensor<Without<S, A>>;
}

/**
 * Labels and a teacher together: weight · hard + (1 − weight) · soft.
 *
 * @param hard The loss against the labels, at temperature 1.
 * @param soft The loss against the teacher, times tau².
 * @throws {RangeError} for a weight that is not from 0 to 1.
 *
 * @example
 * ```ts
 * import { read, scalar } from "@lineage/lineage/core/tensor";
 * import { hardAndSoft } from "@lineage/lineage/objectives/distillation";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(hardAndSoft(scalar(2), scalar(4), 0.25))], [3.5]);
 * ```
 */
export function hardAndSoft(hard: Tensor<"">, soft: Tensor<"">, weight: number): Tensor<""> {
  if (!(weight >= 0 && weight <= 1)) {
    throw new RangeError(`distillation: the weight ${weight} of the labels is not from 0 to 1`);
  }
  return add(multiply(hard, scalar(weight)), multiply(soft, scalar(1 - weight)));
}
