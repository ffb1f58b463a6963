/**
 * C15: a permutation language model sees both sides without [MASK], and recurrence lowers the loss on long
 * text — Yang et al. 2019 (XLNet, 1906.08237); Dai et al. 2019 (Transformer-XL, 1901.02860).
 * Idea   Two XLNets make the same guesses, one from words on all sides in random orders, one from left to
 *        right. Two Transformer-XLs read the same streams of documents in segments shorter than these, one
 *        with a memory, one without.
 * Maths  gain of both sides = L(left to right) − L(any order);  gain of memory = L(without) − L(with)
 * Axes   B texts or streams · T positions
 * Differs from the papers: two layers of width 64, texts of the micro-world. That nothing is replaced by
 *        [MASK] holds by construction; the objective's tests show it.
 * @module
 */
import { randomKey } from "../core/tensor/mod.ts";
import type { Document } from "../data/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { TRANSFORMER_XL_TINY } from "../models/transformer_xl.ts";
import { all, bar, type Experiment, gain, inWords, judge } from "./experiment.ts";
import { microWorld } from "./micro_bert.ts";
import { streamsOf, surpriseByPosition, trainOnStreams } from "./micro_recurrence.ts";
import { judgeXLNet, type Order, trainXLNet } from "./micro_xlnet.ts";
import { mean } from "./statistics.ts";

const steps = 300, batch = 32, length = 16, memory = 32, judged = 16;

/** The experiment about orders and memory. */
export const experiment: Experiment = {
  name: "c15",
  claim:
    "A permutation language model sees both sides without [MASK], and recurrence lowers the loss on long text",
  sources: ["D1", "XLNet, 1906.08237, §2.2", "Transformer-XL, 1901.02860, §3.2 and §4"],
  setting:
    `XLNets (2 layers, width 64), ${steps} steps on pairs of sentences, in random orders or from left to right; ` +
    "judged where a single word is guessed. Transformer-XLs of the same size, " +
    `${steps} steps on streams of documents (about 60 tokens each) in segments of ${length}, with a memory of ` +
    `${memory} or none; judged on streams of unseen documents.`,
  rule:
    "Holds where both gains lie above 0 with their whole intervals: the loss from left to right less that in any " +
    "order, and the loss without memory less that with it. Opposite where one lies below 0.",
  columns: [
    { key: "anyOrder", label: "XLNet, any order, nats" },
    { key: "leftToRight", label: "XLNet, left to right, nats" },
    { key: "oneSide", label: "trained in any order, given the left side only, nats" },
    { key: "remembers", label: "Transformer-XL with memory, nats" },
    { key: "forgets", label: "Transformer-XL without, nats" },
    { key: "firstRemembers", label: "with memory, first four of a segment, nats" },
    { key: "firstForgets", label: "without, first four of a segment, nats" },
    { key: "lastRemembers", label: "with memory, last four of a segment, nats" },
    { key: "lastForgets", label: "without, last four of a segment, nats" },
  ],
  async run(seed, report) {
    const micro = microWorld(seed), { told, unseen, tokenizer } = micro;
    const orders: Record<string, number> = {};
    for (const order of ["anyOrder", "leftToRight"] as Order[]) {
      const params = await trainXLNet(order, micro, { steps, seed }, report);
      orders[order] = await judgeXLNet(params, micro, order);
      if (order === "anyOrder") orders.oneSide = await judgeXLNet(params, micro, "leftToRight");
    }
    const streams = (documents: readonly Document[], segments: number, from: number) =>
      streamsOf(documents, tokenizer, { batch, length, segments, key: randomKey(seed, from) });
    const [learned, judging] = [streams(told, steps, 1), streams(unseen, judged + 2, 2)];
    const vocabulary = tokenizer.vocabulary.tokens.length;
    const small = { ...TRANSFORMER_XL_TINY, vocabulary, width: 64, embedding: 64, inner: 256 };
    const losses = async (memory: number) => {
      const sizes = { ...small, heads: 2, memory };
      const params = await trainOnStreams(sizes, learned, { steps, seed }, report);
      const by = await surpriseByPosition(sizes, params, judging, judged);
      return { whole: mean(by), first: mean(by.slice(0, 4)), last: mean(by.slice(-4)) };
    };
    const [remembers, forgets] = [await losses(memory), await losses(0)];
    return {
      ...orders,
      remembers: remembers.whole,
      forgets: forgets.whole,
      firstRemembers: remembers.first,
      firstForgets: forgets.first,
      lastRemembers: remembers.last,
      lastForgets: forgets.last,
    };
  },
  verdict(rows) {
    const sides = gain(rows, "leftToRight", "anyOrder"), kept = gain(rows, "forgets", "remembers");
    return {
      verdict: all([judge(sides), judge(kept)]),
      because: `both sides gain ${inWords(sides)} nats; a memory gains ${inWords(kept)} nats`,
    };
  },
  plot(rows) {
    return barChart([
      bar(rows, "XLNet, any order", "anyOrder", "with"),
      bar(rows, "XLNet, left to right", "leftToRight", "without"),
      bar(rows, "memory, whole segment", "remembers", "with"),
      bar(rows, "no memory, whole segment", "forgets", "without"),
      bar(rows, "memory, first four", "firstRemembers", "with"),
      bar(rows, "no memory, first four", "firstForgets", "without"),
      bar(rows, "memory, last four", "lastRemembers", "with"),
      bar(rows, "no memory, last four", "lastForgets", "without"),
    ], {
      title: "Both sides, and a memory",
      valueLabel: "loss in nats on unseen documents",
    });
  },
  reading:
    "A model trained in any order and then given the left side only is worse than one trained for it: it learned to " +
    "use what now is missing. A memory helps most at the beginning of a segment, where there is nothing else to " +
    "look at; a segment's own words make up for it soon.",
};
