/**
 * Scores of classes — precision and recall: Kent et al. 1955; F: van Rijsbergen 1979, chapter 7.
 * Idea   Count, for each class, how often it is so, how often it was said, and how often both. Accuracy
 *        hides rare classes; the mean of the classes' F1 gives each the same say.
 * Maths  precision = right / said,  recall = right / true,  F1 = 2 · precision · recall / (precision + recall)
 *        0 where it would be 0/0;  macro: the mean over the classes that are true or said at least once
 * Axes   none
 * Differs from the paper: nothing.
 * Trap   Macro F1 is the mean of the F1, not the F1 of the mean precision and the mean recall: the two
 *        differ by up to a half (Opitz & Burst 2019, 1911.03347).
 * @module
 */

/** What a class, or a kind of entity, scores. */
export interface ClassScore {
  /** The class. */
  readonly name: string;
  /** Right among those said. */
  readonly precision: number;
  /** Found among those there are. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
  /** How many there are. */
  readonly count: number;
}

/** How well a task is done. */
export interface Scores {
  /** Numbers from 0 to 1 by name; the first decides which checkpoint is best. */
  readonly values: Readonly<Record<string, number>>;
  /** The same for each class, where there are classes. */
  readonly classes: readonly ClassScore[];
}

/**
 * Precision, recall and F1 from counts: 0 where there is nothing to divide by.
 *
 * @example
 * ```ts
 * import { scoreOf } from "@lineage/lineage/tasks/metrics";
 * import { assertEquals } from "@std/assert";
 * const { precision, recall, f1 } = scoreOf("cat", { right: 2, said: 4, count: 2 });
 * assertEquals([precision, recall, f1], [0.5, 1, 2 / 3]);
 * ```
 */
export function scoreOf(
  name: string,
  { right, said, count }: { right: number; said: number; count: number },
): ClassScore {
  const ratio = (a: number, b: number) => b === 0 ? 0 : a / b;
  const [precision, recall] = [ratio(right, said), ratio(right, count)];
  return { name, precision, recall, f1: ratio(2 * precision * recall, precision + recall), count };
}

/**
 * Accuracy, the means of the classes' precision, recall and F1, and these for each class.
 *
 * @throws {RangeError} where there is nothing to compare, or not as many answers as questions.
 *
 * @example
 * ```ts
 * import { classScores } from "@lineage/lineage/tasks/metrics";
 * import { assertEquals } from "@std/assert";
 * const { values, classes } = classScores(["a", "a", "b", "b"], ["a", "a", "a", "b"]);
 * assertEquals(values.accuracy, 0.75);
 * assertEquals(classes.map(({ recall }) => recall), [1, 0.5]);
 * ```
 */
export function classScores(truth: readonly string[], found: readonly string[]): Scores {
  checkLengths(truth.length, found.length);
  const times = (list: readonly string[], name: string) => list.filter((x) => x === name).length;
  const both = truth.filter((name, i) => found[i] === name);
  const classes = [...new Set([...truth, ...found])].sort().map((name) =>
    scoreOf(name, {
      right: times(both, name),
      said: times(found, name),
      count: times(truth, name),
    })
  );
  const mean = (of: (one: ClassScore) => number) =>
    classes.reduce((sum, one) => sum + of(one), 0) / classes.length;
  const values = {
    accuracy: both.length / truth.length,
    precision: mean((one) => one.precision),
    recall: mean((one) => one.recall),
    F1: mean((one) => one.f1),
  };
  return { values, classes };
}

/**
 * How often each class (row) was called what (column).
 *
 * @throws {RangeError} as `classScores`, and for a name that is not among the labels.
 *
 * @example
 * ```ts
 * import { confusion } from "@lineage/lineage/tasks/metrics";
 * import { assertEquals } from "@std/assert";
 * assertEquals(confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b"]), [[1, 1], [0, 1]]);
 * ```
 */
export function confusion(
  truth: readonly string[],
  found: readonly string[],
  labels: readonly string[],
): number[][] {
  checkLengths(truth.length, found.length);
  const counts = labels.map(() => labels.map(() => 0));
  const place = (name: string) => {
    const at = labels.indexOf(name);
    if (at >= 0) return at;
    throw new RangeError(`confusion: "${name}" is not one of the labels ${labels.join(", ")}`);
  };
  truth.forEach((name, i) => counts[place(name)][place(found[i])]++);
  return counts;
}

/**
 * That two lists of these lengths can be compared one by one.
 *
 * @throws {RangeError} where they cannot, or are empty.
 *
 * @example
 * ```ts
 * import { checkLengths } from "@lineage/lineage/tasks/metrics";
 * import { assertThrows } from "@std/assert";
 * assertThrows(() => checkLengths(3, 2), RangeError, "2 answers to 3 questions");
 * ```
 */
export function checkLengths(truth: number, found: number): void {
  if (truth === found && truth > 0) return;
  throw new RangeError(`scores: ${found} answers to ${truth} questions cannot be compared`);
}
