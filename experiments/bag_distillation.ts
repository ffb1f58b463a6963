/**
 * Distilling classifiers of bags: what the experiments C9, C10 and C11 have in common.
 * Idea   Which of 32 senses an ambiguous word has, from the words around it. Some labels may be wrong. A
 *        teacher says its scores once for each example; students hear them at a temperature.
 * Maths  L = λ · hard + (1 − λ) · tau² · mean KL(teacher‖student at tau)
 * Axes   B texts · C classes
 * Differs from the papers: they distil images, speech and GLUE; here a step takes a millisecond.
 * @module
 */
import { mean, randomKey, scale, type Tensor, tensor } from "../core/tensor/mod.ts";
import { divergence, hardAndSoft } from "../objectives/distillation.ts";
import { type Bag, type Bags, bagScores, bagsOf } from "./bag_classifier.ts";
import { microWorld } from "./micro_bert.ts";
import { accuracy, type Chosen, hardLoss, microTask, withNoise } from "./micro_tasks.ts";

/** Examples to learn from, and a judge with others. */
export interface Classroom {
  /** Number of classes. */
  readonly classes: number;
  /** To learn from. */
  readonly told: Bags;
  /** To be judged by. */
  readonly unseen: Bags;
  /** The share of unseen examples that a classifier gets right. */
  readonly accuracyOf: (bag: Bag) => Promise<number>;
}

/** A classroom of a seed with `told` examples, a share `wrong` of which has a label drawn at random. */
export function classroom(seed: number, told: number, wrong = 0): Classroom {
  const { world, tokenizer } = microWorld(seed);
  const task = microTask("senses", world, { told, unseen: 1500, seed });
  const classes = task.labels.length;
  const noisy = withNoise(task.told, classes, wrong, randomKey(seed, 5));
  const [learned, unseen] = bagsOf(tokenizer, noisy, task.unseen);
  const accuracyOf = async (bag: Bag) => accuracy(await bagScores(bag, unseen), task.unseen);
  return { classes, told: learned, unseen, accuracyOf };
}

/** The first of some examples. */
export const firstOf = ({ shares, labels }: Bags, count: number): Bags => (
  { shares: shares.slice(0, count), labels: labels.slice(0, count) }
);

/**
 * The loss of a student whose teacher said a row of scores about each example.
 *
 * @param labelWeight λ, after so many steps; without it the labels are not heard at all.
 */
export function taughtBy(
  said: readonly number[][],
  tau: number,
  labelWeight: (done: number) => number = () => 0,
): (scores: Tensor<"B C">, chosen: Chosen) => Tensor<""> {
  return (scores, chosen) => {
    const teacher = tensor("B C", chosen.numbers.map((i) => said[i]));
    const soft = scale(mean(divergence(scores, teacher, "C", tau)), tau ** 2);
    return hardAndSoft(hardLoss(scores, chosen), soft, labelWeight(chosen.done));
  };
}
