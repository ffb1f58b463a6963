/**
 * Teachers: leaving them, becoming one, having several.
 * Idea   Annealing (Clark et al. 2019, BAM, 1907.04829): first the teacher, at the end the labels, so that
 *        the student may outgrow it. Born-again (Furlanello et al. 2018, 1805.04770): a student as
 *        large as its teacher, which teaches the next. Ensembles (Hinton et al. 2015, 1503.02531;
 *        MT-DNN, 1904.09482): several teachers, and the mean of what they say.
 * Maths  annealing: L = λ · hard + (1 − λ) · soft,  λ = done / steps
 *        ensemble:  p = 1/K Σ_k softmax(teacher_k / tau)
 * Axes   any; the classes are named
 * Differs from the paper: BAM mixes the targets; mixing the losses is the same, but for the teacher's
 *        entropy, in which no parameter is. MT-DNN's teachers speak at temperature 1.
 * Trap   The mean of logits is not the mean of distributions: it is their geometric mean, and one
 *        teacher that is sure a class is wrong silences all others.
 * @module
 */
import {
  add,
  AxisError,
  type AxisOf,
  exp,
  log,
  logSoftmax,
  maximum,
  scale,
  subtract,
  type Tensor,
} from "../core/tensor/mod.ts";
import { checkTemperature } from "./distillation.ts";

/**
 * The weight of the labels after so many steps, for `hardAndSoft`: from 0 in a straight line to 1.
 *
 * @throws {RangeError} for a number of steps that is not above 0.
 *
 * @example
 * ```ts
 * import { teacherAnnealing } from "@lineage/lineage/objectives/teachers";
 * import { assertEquals } from "@std/assert";
 * assertEquals([0, 50, 100, 150].map(teacherAnnealing(100)), [0, 0.5, 1, 1]);
 * ```
 */
export function teacherAnnealing(steps: number): (done: number) => number {
  if (!(steps > 0)) throw new RangeError(`annealing: ${steps} steps; give a number above 0`);
  return (done) => Math.min(1, Math.max(0, done / steps));
}

/**
 * Logits whose softmax at the temperature tau is the mean of those of all teachers: one teacher that
 * stands for them.
 *
 * @throws {AxisError} where there is no teacher, or they differ in axes or sizes.
 * @throws {RangeError} for a temperature that is not above 0.
 *
 * @example
 * ```ts
 * import { log, read, softmax, tensor } from "@lineage/lineage/core/tensor";
 * import { ensemble } from "@lineage/lineage/objectives/teachers";
 * import { assertAlmostEquals } from "@std/assert";
 * const teachers = [[0.9, 0.1], [0.3, 0.7]].map((p) => log(tensor("C", p)));
 * const [first] = await read(softmax(ensemble(teachers, "C"), "C"));
 * assertAlmostEquals(first, 0.6, 1e-6);
 * ```
 */
export function ensemble<S extends string>(
  teachers: readonly Tensor<S>[],
  axis: AxisOf<S>,
  tau = 1,
): Tensor<S> {
  checkTemperature(tau);
  checkTeachers(teachers);
  const said: Tensor[] = teachers.map((logits) => logSoftmax(scale(logits, 1 / tau), axis));
  const top = said.reduce((a, b) => maximum(a, b)); // taken out, so that no exponential underflows
  const total = said.map((one) => exp(subtract(one, top))).reduce((a, b) => add(a, b));
  return scale(add(add(log(total), top), -Math.log(said.length)), tau) as Tensor<S>;
}

function checkTeachers(teachers: readonly Tensor[]): void {
  if (teachers.length === 0) throw new AxisError("ensemble: there is no teacher; give one or more");
  const odd = teachers.find((one) => `${one}` !== `${teachers[0]}`);
  if (odd === undefined) return;
  throw new AxisError(
    `ensemble: one teacher says ${teachers[0]}, another ${odd}; give all of them the same batch,` +
      " and teachers of one vocabulary and the same classes",
  );
}

/**
 * Generations of one model: the first learns from the labels alone, each further one from the one
 * before, too. All of them are given back, for the last may be beaten by their `ensemble`.
 *
 * @param train Trains a new model; its first has no teacher.
 * @throws {RangeError} for a number of generations that is not a whole number above 0.
 *
 * @example
 * ```ts
 * import { bornAgain } from "@lineage/lineage/objectives/teachers";
 * import { assertEquals } from "@std/assert";
 * const born = await bornAgain(3, (teacher?: string) => Promise.resolve(`${teacher ?? ""}+`));
 * assertEquals(born, ["+", "++", "+++"]);
 * ```
 */
export async function bornAgain<Model>(
  generations: number,
  train: (teacher: Model | undefined, generation: number) => Promise<Model>,
): Promise<Model[]> {
  if (!(Number.isInteger(generations) && generations > 0)) {
    throw new RangeError(`born again: ${generations} generations; give a whole number above 0`);
  }
  const models: Model[] = [];
  while (models.length < generations) models.push(await train(models.at(-1), models.length));
  return models;
}
