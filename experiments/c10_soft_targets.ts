/**
 * C10: soft targets regularise — Hinton et al. 2015 (1503.02531), §6.
 * Idea   A teacher that saw everything teaches a student of the same kind with a few of its examples. With
 *        their labels alone the student over-fits, and one has to stop it in time. With soft targets there
 *        is no such time: what the teacher says of each example cannot be learned by heart so easily.
 * Maths  hard: −log q(label);  soft: tau² · KL(teacher‖student at tau);  loss by over-fitting = best − last score
 * Axes   B texts · C classes
 * Differs from the paper: senses of words in place of speech, 200 of 4,000 examples in place of 3 %. A fifth of
 *        the labels is drawn at random, as speech has errors, too.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { lineChart } from "../drawing/svg.ts";
import { type Bags, bagScores, trainBag } from "./bag_classifier.ts";
import { type Classroom, classroom, firstOf, taughtBy } from "./bag_distillation.ts";
import { all, column, type Experiment, gain, inWords, judge } from "./experiment.ts";
import type { Chosen } from "./micro_tasks.ts";
import { summary } from "./statistics.ts";
import type { Tensor } from "../core/tensor/mod.ts";

const told = 200, wrong = 0.2, width = 32, tau = 4, steps = 600, every = 25;
const ways = ["hard", "soft", "guessed"] as const;
const moments = Array.from({ length: steps / every }, (_, i) => (i + 1) * every);
const key = (way: string, step: number) => `${way} ${step}`;

type Loss = (scores: Tensor<"B C">, chosen: Chosen) => Tensor<"">;

/** The score of a student at every moment of its training. */
async function watched(room: Classroom, some: Bags, seed: number, loss?: Loss): Promise<number[]> {
  const scores: number[] = [], { classes, accuracyOf } = room;
  const look = async (bag: Parameters<typeof accuracyOf>[0]) => {
    scores.push(await accuracyOf(bag));
  };
  await trainBag(some, { width, classes, steps, seed, loss, watch: { every, look } });
  return scores;
}

/** C10, as an experiment. */
export const experiment: Experiment = {
  name: "c10",
  claim: "Soft targets regularise: no early stopping needed, better than hard labels alone",
  sources: ["D4", "Hinton et al. 2015 (1503.02531), §6, table 5"],
  setting:
    `a classifier of bags of words, ${width} wide, learns 32 senses from 4,000 examples, of whose labels ${
      100 * wrong
    } % are drawn at random; students of the same size learn from ${told} of them for ${steps} steps, with the labels alone (hard), with soft targets alone (soft, tau ${tau}), or with the teacher's likeliest class as the label (guessed); accuracy on unseen examples with right labels, every ${every} steps`,
  rule:
    "holds if the 95 % intervals of three differences lie above 0: soft minus hard, both after the last step; soft after the last step minus hard at its best step, which early stopping could find at most; and what hard loses between its best and its last step minus what soft loses; one interval below 0 is the opposite",
  columns: [
    { key: "teacher", label: "accuracy of the teacher" },
    ...ways.flatMap((way) => [
      { key: `${way} last`, label: `${way}: accuracy after the last step` },
      { key: `${way} best`, label: `${way}: accuracy at the best step` },
      { key: `${way} lost`, label: `${way}: best − last` },
    ]),
    ...ways.flatMap((way) =>
      moments.map((step) => ({ key: key(way, step), label: `${way}, ${step}` }))
    ),
  ],
  async run(seed, report) {
    const room = classroom(seed, 4000, wrong), { classes, accuracyOf } = room;
    const teacher = await trainBag(room.told, { width, classes, steps: 600, seed });
    const some = firstOf(room.told, told), said = await bagScores(teacher, some);
    const numbers: Record<string, number> = { teacher: await accuracyOf(teacher) };
    const guessed = { ...some, labels: said.map(argmax) };
    for (const way of ways) {
      const loss = way === "soft" ? taughtBy(said, tau) : undefined;
      const learned = way === "guessed" ? guessed : some;
      const scores = await watched(room, learned, seed + 1000, loss);
      const best = Math.max(...scores), last = scores.at(-1)!;
      moments.forEach((step, i) => numbers[key(way, step)] = scores[i]);
      Object.assign(numbers, {
        [`${way} last`]: last,
        [`${way} best`]: best,
        [`${way} lost`]: best - last,
      });
      await report(`${way}: best ${best.toFixed(3)}, last ${last.toFixed(3)}`);
    }
    return numbers;
  },
  verdict(rows) {
    const better = gain(rows, "soft last", "hard last");
    const unstopped = gain(rows, "soft last", "hard best");
    const steadier = gain(rows, "hard lost", "soft lost");
    return {
      verdict: all([better, unstopped, steadier].map((difference) => judge(difference))),
      because: `soft − hard, last step: ${
        inWords(better)
      }; soft at its last step − hard at its best: ${
        inWords(unstopped)
      }; hard loses more from its best to its last step by ${
        inWords(steadier)
      }. Not part of the rule: soft − guessed, last step: ${
        inWords(gain(rows, "soft last", "guessed last"))
      }.`,
    };
  },
  plot: (rows) =>
    lineChart(
      ways.map((way) => {
        const scores = moments.map((step) => summary(column(rows, key(way, step))));
        return {
          name: `${way} targets`,
          x: moments,
          y: scores.map(({ mean }) => mean),
          spread: scores.map(({ deviation }) => deviation),
        };
      }),
      {
        title: `A student with ${told} examples, hard and soft targets`,
        note: `Mean and deviation of ${rows.length} seeds`,
        xLabel: "step",
        yLabel: "accuracy on unseen examples",
        floors: [{ name: "teacher", y: summary(column(rows, "teacher")).mean }],
      },
    ),
  reading:
    "What regularises here is two things, and the third way tells them apart. A student that gets nothing but the teacher's likeliest class has most of the gain, and hardly over-fits either: the teacher, who saw twenty times as many examples, has put the wrong labels right. What the soft targets add beyond that, which classes are nearly right, is smaller, but there in every seed. In the paper's figures both are together. With right labels only (a trial) nothing sinks after the best step, and soft targets gain a few hundredths.",
};
