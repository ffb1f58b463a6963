/**
 * C7: sharing layers shrinks a model's parameters, not the time it takes — Lan et al. 2019 (1909.11942), §3.1.
 * Idea   Two stacks of twelve layers, one with layers of their own, one with the same layer twelve times,
 *        read the same batch in turn. A third stack, as small as the second but half as deep, shows what
 *        does save time.
 * Maths  parameters of the layers: L · n against n;  operations: those of L layers for both
 *        BERT-base: 109,482,240 − 11 · 7,087,872 = 31,515,648 when shared
 * Axes   B texts · T positions
 * Differs from the paper, which reports the speed of training on many machines. There sharing does help,
 *        for fewer gradients have to travel between them; here one machine reads.
 * Trap   The weights of a small stack stay in the processor's cache, so its time can fall a little though it
 *        computes as much.
 * @module
 */
import { oneForAll } from "../core/layer_sharing.ts";
import { countParameters, deviationFor, initialise } from "../core/parameters.ts";
import { keep, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { BERT, BERT_BASE, BERT_TINY } from "../models/bert.ts";
import { encode, encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import { draws } from "../objectives/objective.ts";
import { bar, column, type Experiment, inWords, type Numbers, type Verdict } from "./experiment.ts";

import { summary } from "./statistics.ts";
import { inTurn } from "./timing.ts";

const sizes: Sizes = { ...BERT_TINY, layers: 12 };
const shared: ModelSpec = { ...BERT, stack: oneForAll };
const stacks = [
  { spec: BERT, sizes },
  { spec: shared, sizes },
  { spec: shared, sizes: { ...sizes, layers: 6 } },
];
const texts = 8, length = 64, rounds = 31;

/** How many times smaller and how many times faster counts as a change. */
const limits = { smaller: 1 / 2, faster: 0.8, slower: 1.25 };

/** The experiment about sharing and time. */
export const experiment: Experiment = {
  name: "c07",
  claim: "Sharing layers shrinks a model's parameters, not the time of inference",
  sources: ["D1, D4", "ALBERT, 1909.11942, §3.1 and table 2"],
  setting:
    `Stacks of 12 layers, width ${sizes.width}, random weights and texts: ${texts} texts of ${length} ` +
    `tokens, ${rounds} rounds in which each model reads once. A shared stack of 6 layers is the control.`,
  rule:
    "Holds where sharing leaves at most half of the parameters and the interval of time shared / own lies " +
    `within ${limits.faster} to ${limits.slower}. Opposite where the parameters are not halved, or where that ` +
    `interval lies below ${limits.faster}, so that sharing does save time, or above ${limits.slower}.`,
  columns: [
    { key: "ownParameters", label: "parameters, each layer its own", digits: 0 },
    { key: "sharedParameters", label: "parameters, one for all", digits: 0 },
    { key: "ownTime", label: "ms, each its own", digits: 1 },
    { key: "sharedTime", label: "ms, one for all", digits: 1 },
    { key: "timeRatio", label: "time shared / own" },
    { key: "halfRatio", label: "time shared with 6 layers / own" },
    { key: "baseOwn", label: "parameters of BERT-base (counted)", digits: 0 },
    { key: "baseShared", label: "parameters of BERT-base, one for all (counted)", digits: 0 },
  ],
  async run(seed, report) {
    const draw = draws(randomKey(seed, 1));
    const ids = Float32Array.from({ length: texts * length }, () => draw(sizes.vocabulary));
    const input = { ids: tensor("B T", ids, [texts, length]) };
    const readers = await Promise.all(stacks.map(async ({ spec, sizes }) => {
      const first = initialise(
        encoderParameters(spec, sizes),
        randomKey(seed),
        deviationFor(sizes.width),
      );
      const params = await keep(first);
      return () => read(encode(spec, sizes, params, input).pooled!);
    }));
    await report("timing");
    const [own, one, half] = await inTurn(readers, rounds);
    const count = (spec: ModelSpec, sizes: Sizes) =>
      countParameters(encoderParameters(spec, sizes));
    return {
      ownParameters: count(BERT, sizes),
      sharedParameters: count(shared, sizes),
      ownTime: own.milliseconds,
      sharedTime: one.milliseconds,
      timeRatio: one.ratio,
      halfRatio: half.ratio,
      baseOwn: count(BERT, BERT_BASE),
      baseShared: count(shared, BERT_BASE),
    };
  },
  verdict(rows) {
    const time = summary(column(rows, "timeRatio")), left = partLeft(rows);
    const because = `${(100 * left).toFixed(1)} % of the parameters are left; time shared / own: ${
      inWords(time)
    }`;
    return { verdict: judged(left, time), because };
  },
  plot(rows) {
    return barChart([
      { name: "parameters, one for all", value: partLeft(rows) },
      bar(rows, "time, one for all", "timeRatio"),
      bar(rows, "time, one for all, half as deep", "halfRatio"),
    ], {
      title: "Sharing twelve layers",
      valueLabel: "part of the stack whose layers are their own",
      floors: [{ name: "no change", value: 1 }],
    });
  },
  reading:
    "Every layer is still computed, whoever owns it: depth costs time, not ownership. Counted without " +
    'being built, BERT-base has 109,482,240 parameters and 31,515,648 when its layers are shared; D4\'s "31M" ' +
    "is this number, not ALBERT-base's, whose factorised embedding brings it down to 11,683,584. Where the time " +
    "falls a little, it is the cache: one layer's weights stay there, those of twelve do not.",
};

const partLeft = (rows: readonly Numbers[]) =>
  Math.max(...rows.map((row) => row.sharedParameters / row.ownParameters));

function judged(left: number, { low, high }: { low: number; high: number }): Verdict {
  const { smaller, faster, slower } = limits;
  if (left > smaller || high < faster || low > slower) return "opposite";
  return low > faster && high < slower ? "holds" : "not visible at this scale";
}
