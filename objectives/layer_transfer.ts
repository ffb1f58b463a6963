/**
 * Layer transfer — Jiao et al. 2019, TinyBERT (1909.10351); Wang et al. 2020, MiniLM (2002.10957).
 * Idea   What a teacher computes on the way tells more than what it says at the end. TinyBERT's student
 *        imitates states and attention scores of chosen layers. MiniLM's imitates the last layer
 *        only, and only how tokens relate, so widths of heads may differ.
 * Maths  states: mean (xW − y)²;  scores: mean (a − a')²
 *        relation(u, v) = softmax(uvᵀ / √K);  L = mean over b, h, q of KL(relation of teacher ‖ of student)
 * Axes   B batch · T positions, as queries Tq and keys Tk · D width, D' the teacher's · H heads · K head width
 * Differs from the paper: nothing. All positions count; padding, if any, counts too.
 * Trap   TinyBERT compares scores before the softmax, MiniLM distributions after it.
 * @module
 */
import {
  einsum,
  mean,
  scale,
  square,
  stopGradient,
  subtract,
  type Tensor,
} from "../core/tensor/mod.ts";
import { checkAlike, divergence } from "./distillation.ts";

/**
 * The mean squared difference of states, the student's taken to the teacher's width first.
 *
 * @param toTeacher Learned with the student, and thrown away afterwards.
 * @throws {AxisError} where batches or widths do not fit.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { statesDistance } from "@lineage/lineage/objectives/layer_transfer";
 * import { assertEquals } from "@std/assert";
 * const student = tensor("B T D", [[[1]]]), teacher = tensor("B T D'", [[[2, 5]]]);
 * const [loss] = await read(statesDistance(student, tensor("D' D", [[2], [3]]), teacher));
 * assertEquals(loss, 2); // 2 is hit, 3 misses 5
 * ```
 */
export function statesDistance(
  student: Tensor<"B T D">,
  toTeacher: Tensor<"D' D">,
  teacher: Tensor<"B T D'">,
): Tensor<""> {
  const wide = einsum("B T D, D' D -> B T D'", student, toTeacher);
  checkAlike(wide, teacher, "states");
  return mean(square(subtract(wide, stopGradient(teacher))));
}

/**
 * The mean squared difference of attention scores, before the softmax.
 *
 * @throws {AxisError} where heads or lengths differ.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { scoresDistance } from "@lineage/lineage/objectives/layer_transfer";
 * import { assertEquals } from "@std/assert";
 * const [a, b] = [[[[[1, 2]]]], [[[[1, 4]]]]].map((x) => tensor("B H Tq Tk", x));
 * assertEquals([...await read(scoresDistance(a, b))], [2]);
 * ```
 */
export function scoresDistance(
  student: Tensor<"B H Tq Tk">,
  teacher: Tensor<"B H Tq Tk">,
): Tensor<""> {
  checkAlike(student, teacher, "scores");
  return mean(square(subtract(student, stopGradient(teacher))));
}

/** Two sets of vectors whose products say how positions relate: queries and keys, or values twice. */
export interface Related {
  /** One for each position that looks. */
  readonly from: Tensor<"B H Tq K">;
  /** One for each position looked at. */
  readonly to: Tensor<"B H Tk K">;
}

/**
 * How far the student's relation of positions is from the teacher's, in nats. MiniLM's loss is that of
 * queries and keys plus that of values and values.
 *
 * @throws {AxisError} where heads or lengths differ.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { relationDivergence } from "@lineage/lineage/objectives/layer_transfer";
 * import { assertAlmostEquals } from "@std/assert";
 * const related = (q: number[], k: number[][]) => ({
 *   from: tensor("B H Tq K", [[[q]]]),
 *   to: tensor("B H Tk K", [[k]]),
 * });
 * const narrow = related([1], [[2], [3]]), wide = related([1, 1, 1, 1], [[1, 1, 1, 1], [6, 0, 0, 0]]);
 * assertAlmostEquals((await read(relationDivergence(narrow, wide)))[0], 0, 1e-6);
 * ```
 */
export function relationDivergence(student: Related, teacher: Related): Tensor<""> {
  const scores = ({ from, to }: Related) =>
    scale(einsum("B H Tq K, B H Tk K -> B H Tq Tk", from, to), from.size("K") ** -0.5);
  return mean(divergence(scores(student), scores(teacher), "Tk"));
}
