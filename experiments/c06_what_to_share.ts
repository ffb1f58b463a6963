/**
 * C6: sharing attention costs little, sharing feed-forward networks most — Lan et al. 2019 (1909.11942), table 4.
 * Idea   Four stacks that differ in nothing but who owns what: nothing shared, attention shared, feed-forward
 *        shared, all shared. They learn the same lessons, and what they know then is compared.
 * Maths  cost of sharing = L(shared) − L(nothing shared), hidden words of unseen documents
 * Axes   none of its own
 * Differs from the paper, which trains for 125,000 steps and compares scores of tasks; here a few hundred steps,
 *        and hidden words decide. What is seen is how fast a shared stack learns, not where it ends.
 * Trap   A feed-forward network (8·D²) is twice as large as attention (4·D²): sharing it saves twice as much,
 *        too. So the cost for each parameter saved is told as well.
 * @module
 */
import {
  attentionOnly,
  eachItsOwn,
  feedForwardOnly,
  oneForAll,
  type Stack,
} from "../core/layer_sharing.ts";
import { countParameters } from "../core/parameters.ts";
import { barChart } from "../drawing/svg.ts";
import { BERT } from "../models/bert.ts";
import { encoderParameters } from "../models/spec.ts";
import { bar, type Experiment, gain, inWords, judge, type Numbers } from "./experiment.ts";
import {
  firstGuesses,
  lossOfSmall,
  pretrainSmall,
  smallSizes,
  worldInWords,
} from "./small_bert.ts";

const layers = 6, width = 24, steps = 400, peak = 6e-3;

/** What is shared, in words. */
const stacks: Record<string, { name: string; stack: Stack }> = {
  own: { name: "nothing", stack: eachItsOwn },
  attention: { name: "attention", stack: attentionOnly },
  feedForward: { name: "feed-forward", stack: feedForwardOnly },
  all: { name: "all", stack: oneForAll },
};

const columnsOf = (part: string, what: string, digits?: number) =>
  Object.entries(stacks).map(([key, { name }]) => ({
    key: key + part,
    label: `${what}, ${name} shared`,
    digits,
  }));

/** The experiment about what to share. */
export const experiment: Experiment = {
  name: "c06",
  claim: "Of the parts of a layer, attention is the cheapest to share and feed-forward the dearest",
  sources: ["D4", "ALBERT, 1909.11942, §4.5 and table 4"],
  setting:
    `${layers} layers of width ${width}, ${steps} steps of 64 pairs of sentences, 30 % hidden, peak rate ${peak}; ` +
    "judged by hidden words (15 %) of unseen documents: their loss, and how many are guessed at once. After so " +
    "few steps a fine-tuned score would say nothing yet.",
  rule:
    "Holds where the loss with feed-forward networks shared is above that with attention shared: the whole " +
    "interval of the paired difference above 0. Opposite where it is below, not visible where 0 is inside.",
  columns: [
    ...columnsOf("Loss", "masked LM, nats"),
    ...columnsOf("Score", "accuracy of the first guess"),
    ...columnsOf("Parameters", "parameters", 0),
  ],
  async run(seed, report) {
    const micro = worldInWords(seed), sizes = smallSizes(micro, layers, width);
    const numbers: Record<string, number> = {};
    for (const [key, { name, stack }] of Object.entries(stacks)) {
      const spec = { ...BERT, stack };
      await report(`${name} shared`);
      const model = await pretrainSmall({ spec, sizes, steps, seed, peak }, micro, report);
      numbers[`${key}Loss`] = await lossOfSmall(model, micro);
      numbers[`${key}Score`] = await firstGuesses(model, micro);
      numbers[`${key}Parameters`] = countParameters(encoderParameters(spec, sizes, false));
    }
    return numbers;
  },
  verdict(rows) {
    const between = gain(rows, "feedForwardLoss", "attentionLoss");
    const costs = ["attention", "feedForward", "all"].map((key) =>
      `${stacks[key].name} ${gain(rows, `${key}Loss`, "ownLoss").mean.toFixed(2)} nats ` +
      `(${perThousand(rows, key).toFixed(3)} for each 1,000 parameters saved)`
    );
    return {
      verdict: judge(between),
      because: `Feed-forward shared loses ${inWords(between)} nats more than attention shared. ` +
        `Cost of sharing: ${costs.join("; ")}.`,
    };
  },
  plot(rows) {
    const bars = Object.entries(stacks).map(([key, { name }]) =>
      bar(rows, `${name} shared`, `${key}Loss`)
    );
    return barChart(bars, {
      title: "Six layers, and what they share",
      valueLabel: "nats at a hidden word of unseen documents",
    });
  },
  reading:
    "After so few steps the numbers say who learns quickly: about 4.7 nats is what a model loses that knows how " +
    "often words are and nothing else, and a stack that shares its feed-forward networks stays there longest. " +
    "A feed-forward network is also twice as large as attention, so sharing it saves twice as much; the cost " +
    "for each parameter saved is the fairer number.",
};

/** Nats lost by sharing, for every thousand parameters that it saves. */
function perThousand(rows: readonly Numbers[], key: string): number {
  const saved = gain(rows, "ownParameters", `${key}Parameters`).mean;
  return 1000 * gain(rows, `${key}Loss`, "ownLoss").mean / saved;
}
