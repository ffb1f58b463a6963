/**
 * C11: annealing, born again, ensembles — Clark et al. 2019 (1907.04829), §3; Furlanello et al. 2018
 * (1805.04770); Liu et al. 2019 (1904.09482), §3.
 * Idea   Three ways to get more out of a teacher: stop listening to it in the end, become it and begin again,
 *        hear several at once. Each is compared with the plain thing that it improves on.
 * Maths  annealing against λ = 0 throughout; generation 2 against generation 1; the mean of five
 *        distributions against the first of them
 * Axes   B texts · C classes
 * Differs from the papers: senses of words, 32 classes. Born again hears its teacher alone, as do the students
 *        of one and of five; Furlanello et al. add the labels.
 * Trap   Annealing ends with the labels. Where they are wrong, the student ends with their errors.
 * @module
 */
import { read, tensor } from "../core/tensor/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { bornAgain, ensemble, teacherAnnealing } from "../objectives/teachers.ts";
import { type Bag, bagScores, trainBag } from "./bag_classifier.ts";
import { type Classroom, classroom, taughtBy } from "./bag_distillation.ts";
import { all, bar, type Experiment, gain, inWords, judge, type Report } from "./experiment.ts";

const width = 32, small = 6, tau = 4, steps = 600, teachers = 5;

/** What is measured, in the order in which it is drawn. */
const measured: [key: string, label: string][] = [
  ["right teacher", `right labels: the teacher, ${small} units`],
  ["right hard", "right labels: labels alone"],
  ["right soft", "right labels: teacher alone"],
  ["right mixed", "right labels: half labels, half teacher"],
  ["right annealed", "right labels: teacher annealing"],
  ["noisy first", "noisy labels: labels alone, generation 1"],
  ["noisy second", "noisy labels: born again, generation 2"],
  ["noisy third", "noisy labels: born again, generation 3"],
  ["noisy many", `noisy labels: taught by an ensemble of ${teachers}`],
  ["noisy annealed", "noisy labels: teacher annealing"],
];

/** Right labels, and a teacher that is smaller than its students. */
async function rightLabels(room: Classroom, seed: number): Promise<Record<string, number>> {
  const { told, classes, accuracyOf } = room, setting = { classes, steps };
  const teacher = await trainBag(told, { ...setting, width: small, seed });
  const said = await bagScores(teacher, told);
  const student = async (loss?: ReturnType<typeof taughtBy>) =>
    await accuracyOf(await trainBag(told, { ...setting, width, seed: seed + 1000, loss }));
  return {
    "right teacher": await accuracyOf(teacher),
    "right hard": await student(),
    "right soft": await student(taughtBy(said, tau)),
    "right mixed": await student(taughtBy(said, tau, () => 1 / 2)),
    "right annealed": await student(taughtBy(said, tau, teacherAnnealing(steps))),
  };
}

/** Labels of which some are wrong, and teachers as large as their students. */
async function noisyLabels(room: Classroom, seed: number): Promise<Record<string, number>> {
  const { told, classes, accuracyOf } = room, setting = { classes, steps, width };
  const student = (seed: number, loss?: ReturnType<typeof taughtBy>) =>
    trainBag(told, { ...setting, seed, loss });
  const taught = async (teacher: Bag | undefined, generation: number) =>
    await student(
      seed + 1000 * generation,
      teacher && taughtBy(await bagScores(teacher, told), tau),
    );
  const born = await bornAgain(3, taught);
  const said = [await bagScores(born[0], told)];
  while (said.length < teachers) {
    said.push(await bagScores(await student(seed + 100 * said.length), told));
  }
  const together = await read(ensemble(said.map((rows) => tensor("B C", rows)), "C", tau));
  const many = said[0].map((_, b) => [...together.subarray(b * classes, (b + 1) * classes)]);
  const annealed = taughtBy(said[0], tau, teacherAnnealing(steps));
  return {
    "noisy first": await accuracyOf(born[0]),
    "noisy second": await accuracyOf(born[1]),
    "noisy third": await accuracyOf(born[2]),
    "noisy many": await accuracyOf(await student(seed + 1000, taughtBy(many, tau))),
    "noisy annealed": await accuracyOf(await student(seed + 1000, annealed)),
  };
}

/** C11, as an experiment. */
export const experiment: Experiment = {
  name: "c11",
  claim: "Teacher annealing, born-again networks and ensembles of teachers lift the student",
  sources: [
    "D4",
    "Clark et al. 2019, BAM (1907.04829), §3",
    "Furlanello et al. 2018 (1805.04770), §4",
    "Liu et al. 2019 (1904.09482), §3",
  ],
  setting:
    `classifiers of bags of words, ${width} wide, ${steps} steps, tau ${tau}, 32 senses; two classrooms: 200 examples with right labels and a teacher of ${small} units; 1,000 examples of whose labels 40 % are drawn at random, and teachers as wide as their students; accuracy on unseen examples with right labels`,
  rule:
    "holds if the 95 % intervals of three differences lie above 0: with right labels, a student with teacher annealing minus one that hears the teacher alone; with noisy labels, generation 2 minus generation 1; with noisy labels, a student of the ensemble minus generation 2, which is the student of one; one interval below 0 is the opposite",
  columns: measured.map(([key, label]) => ({ key, label })),
  async run(seed: number, report: Report) {
    const right = await rightLabels(classroom(seed, 200), seed);
    await report(inShort(right));
    const noisy = await noisyLabels(classroom(seed, 1000, 0.4), seed);
    await report(inShort(noisy));
    return { ...right, ...noisy };
  },
  verdict(rows) {
    const annealing = gain(rows, "right annealed", "right soft");
    const again = gain(rows, "noisy second", "noisy first");
    const several = gain(rows, "noisy many", "noisy second");
    return {
      verdict: all([annealing, again, several].map((difference) => judge(difference))),
      because: `annealing: ${inWords(annealing)}; born again: ${inWords(again)}; ensemble: ${
        inWords(several)
      }. Not part of the rule: annealing minus labels alone, right labels: ${
        inWords(gain(rows, "right annealed", "right hard"))
      }; annealing minus teacher alone, noisy labels: ${
        inWords(gain(rows, "noisy annealed", "noisy second"))
      }.`,
    };
  },
  plot: (rows) =>
    barChart(
      measured.map(([key, name]) => bar(rows, name, key, name.split(":")[0])),
      {
        title: "Three ways to get more out of a teacher",
        note: `Mean and deviation of ${rows.length} seeds`,
        valueLabel: "accuracy on unseen examples",
        width: 760,
      },
    ),
  reading:
    "Each way has its place. An ensemble and a second life average errors out, so they show where labels are noisy. Annealing lets the student outgrow a teacher, so it shows where the teacher is no better than the labels, and there it gains hardly more than the labels alone; where labels are noisy it ends by teaching their errors (in a trial with students of 64 units it lost all that the teacher had given). The two classrooms were chosen in trials with other seeds, for these effects to be seen; a half-and-half mixture does about as well as annealing.",
};

const inShort = (numbers: Record<string, number>) =>
  Object.entries(numbers).map(([key, x]) => `${key} ${x.toFixed(3)}`).join(", ");
