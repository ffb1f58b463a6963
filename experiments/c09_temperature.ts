/**
 * C9: what the temperature does — Hinton et al. 2015 (1503.02531), §2 and §3.
 * Idea   A high temperature shows a student all that the teacher holds for unlikely. A wide student gains by
 *        it. A narrow one has no room for it: what it spends on classes that are wrong anyway, it lacks
 *        where two classes are to be told apart.
 * Maths  p = softmax(z / tau);  ∂KL/∂student = (q − p) / tau → (student − teacher) / (C · tau²)
 * Axes   B texts · C classes
 * Differs from the paper: senses of words in place of digits; its students of 300 and of 30 units are of 32
 *        and of 4 here.
 * @module
 */
import { mean, read, type Tensor, tensor, valueAndGrad } from "../core/tensor/mod.ts";
import { lineChart } from "../drawing/svg.ts";
import { divergence } from "../objectives/distillation.ts";
import { type Bag, type Bags, bagScores, rowsOf, scoreBags, trainBag } from "./bag_classifier.ts";
import { type Classroom, classroom, firstOf, taughtBy } from "./bag_distillation.ts";
import { all, column, type Experiment, inWords, judge, type Numbers } from "./experiment.ts";
import { difference, summary } from "./statistics.ts";

const taus = [1, 2, 4, 8, 16], widths = [4, 8, 32], narrow = widths[0], wide = widths.at(-1)!;
const steps = 600, told = 200;

const entropyKey = (tau: number) => `entropy ${tau}`;
const scoreKey = (width: number, tau: number) => `score ${width} at ${tau}`;
const bestKey = (width: number) => `best ${width}`;

/** The mean entropy of what is said at a temperature, in nats. */
function entropy(said: readonly number[][], tau: number): number {
  const ofRow = (row: readonly number[]) => {
    const top = Math.max(...row), weights = row.map((z) => Math.exp((z - top) / tau));
    const total = weights.reduce((a, b) => a + b);
    return -weights.reduce((sum, w) => sum + (w > 0 ? w / total * Math.log(w / total) : 0), 0);
  };
  return said.reduce((sum, row) => sum + ofRow(row), 0) / said.length;
}

/** The length of the gradient of the soft loss without tau², over all parameters of a student. */
async function gradientNorm(student: Bag, some: Bags, said: number[][], tau: number) {
  const bags = rowsOf(some.shares), teacher = tensor("B C", said);
  const loss = (student: Bag): Tensor<""> =>
    mean(divergence(scoreBags(student, bags), teacher, "C", tau));
  const { words, hidden, output } = valueAndGrad(loss)(student).gradients;
  const parts = await read([words, hidden.weight, hidden.bias, output.weight, output.bias]);
  return Math.hypot(...parts.map((part) => Math.hypot(...part)));
}

/** The score of students of a width at a temperature: the mean of two, first weights apart. */
async function score(
  room: Classroom,
  some: Bags,
  said: number[][],
  width: number,
  tau: number,
  seed: number,
) {
  let sum = 0;
  for (const other of [1001, 2001]) {
    const loss = taughtBy(said, tau), { classes } = room;
    sum += await room.accuracyOf(
      await trainBag(some, { width, classes, steps, seed: seed + other, loss }),
    );
  }
  return sum / 2;
}

/** C9, as an experiment. */
export const experiment: Experiment = {
  name: "c09",
  claim:
    "Higher temperature smooths; tau² keeps the gradient's size; small students want lower temperatures",
  sources: ["D4", "Hinton et al. 2015 (1503.02531), §2, §2.1 and §3"],
  setting:
    `a classifier of bags of words, 64 wide, learns 32 senses from 4,000 examples and teaches students of ${
      widths.join(", ")
    } units with soft targets alone, on ${told} of those examples, for ${steps} steps at each temperature; accuracy on unseen examples, mean of two students`,
  rule:
    "holds if (1) in every seed the teacher's entropy grows with every rise of tau, (2) in every seed the gradient at an untrained student falls from tau 1 to tau 16 below a tenth without tau², and stays within a factor of three with it, and (3) the 95 % interval of log2 of the best temperature, widest minus narrowest student, lies above 0; (1) or (2) reversed in every seed, or an interval below 0, is the opposite",
  columns: [
    ...taus.map((tau) => ({
      key: entropyKey(tau),
      label: `teacher's entropy at tau ${tau}, nats`,
    })),
    { key: "without", label: "gradient at tau 16 / at tau 1, without tau²", digits: 4 },
    { key: "with", label: "gradient at tau 16 / at tau 1, with tau²" },
    ...widths.flatMap((width) =>
      taus.map((tau) => ({
        key: scoreKey(width, tau),
        label: `accuracy of ${width} units at tau ${tau}`,
      }))
    ),
    ...widths.map((width) => ({
      key: bestKey(width),
      label: `log2 of the best tau of ${width} units`,
    })),
  ],
  async run(seed, report) {
    const room = classroom(seed, 4000), { classes } = room;
    const teacher = await trainBag(room.told, { width: 64, classes, steps: 600, seed });
    await report(`teacher: accuracy ${(await room.accuracyOf(teacher)).toFixed(3)}`);
    const some = firstOf(room.told, told), said = await bagScores(teacher, some);
    const numbers: Record<string, number> = {};
    for (const tau of taus) numbers[entropyKey(tau)] = entropy(said, tau);
    const untrained = await trainBag(some, {
      width: wide,
      classes,
      steps: 1,
      rate: 0,
      seed: seed + 1,
    });
    const [low, high] = [1, 16].map((tau) => gradientNorm(untrained, some, said, tau));
    numbers.without = await high / await low;
    numbers.with = numbers.without * 16 ** 2;
    for (const width of widths) {
      const scores: number[] = [];
      for (const tau of taus) scores.push(await score(room, some, said, width, tau, seed));
      taus.forEach((tau, i) => numbers[scoreKey(width, tau)] = scores[i]);
      numbers[bestKey(width)] = Math.log2(taus[scores.indexOf(Math.max(...scores))]);
      await report(`${width} units at tau ${taus}: ${scores.map((x) => x.toFixed(3)).join(" ")}`);
    }
    return numbers;
  },
  verdict(rows) {
    const smooths = always(rows, (row) => rises(taus.map((tau) => row[entropyKey(tau)])));
    const kept = always(rows, (row) => {
      if (row.without < 1 / 10 && row.with > 1 / 3 && row.with < 3) return 1;
      return Math.abs(Math.log(row.without)) < Math.abs(Math.log(row.with)) ? -1 : 0;
    });
    const best = difference(column(rows, bestKey(wide)), column(rows, bestKey(narrow)));
    return {
      verdict: all([smooths, kept, judge(best)]),
      because:
        `(1) entropy grows with tau: ${smooths}. (2) tau² keeps the gradient: ${kept}; at tau 16 it is ${
          summary(column(rows, "without")).mean.toFixed(4)
        } of that at tau 1 without, ${
          summary(column(rows, "with")).mean.toFixed(2)
        } with. (3) log2 of the best temperature, ${wide} units minus ${narrow}: ${
          inWords(best, 2)
        }.`,
    };
  },
  plot: (rows) =>
    lineChart(
      widths.map((width) => {
        const scores = taus.map((tau) => summary(column(rows, scoreKey(width, tau))));
        return {
          name: `${width} units`,
          x: taus.map(Math.log2),
          y: scores.map(({ mean }) => mean),
          spread: scores.map(({ deviation }) => deviation),
        };
      }),
      {
        title: "Students of three widths, taught at five temperatures",
        note: `Mean and deviation of ${rows.length} seeds; soft targets alone`,
        xLabel: "log2 of the temperature",
        yLabel: "accuracy on unseen examples",
      },
    ),
  reading:
    "That entropy grows and that tau² keeps the gradient's size follow from the formulas; the run shows that the code does as they say. The factor keeps the size only while the student is far from its teacher: near it, gradients shrink at every temperature. The student's best temperature is the empirical part. A narrow student at a high temperature also learns more slowly: in a trial with three times the steps it gained most there, and low temperatures were still the best.",
};

/** 1 if each number is above the one before, -1 if each is below, else 0. */
function rises(numbers: readonly number[]): number {
  const signs = numbers.slice(1).map((x, i) => Math.sign(x - numbers[i]));
  return signs.every((sign) => sign === signs[0]) ? signs[0] : 0;
}

/** The verdict where every seed must say the same: 1 for the claim, -1 against it. */
function always(rows: readonly Numbers[], says: (row: Numbers) => number) {
  const said = rows.map(says);
  if (said.every((x) => x === 1)) return "holds";
  return said.every((x) => x === -1) ? "opposite" : "not visible at this scale";
}
