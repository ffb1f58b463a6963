/**
 * C3: masks drawn anew are at least as good as masks drawn once — Liu et al. 2019, RoBERTa (1907.11692), §4.1.
 * Idea   BERT's data were masked before training, every text ten times. A text that comes up forty times then
 *        shows each mask four times; drawn anew, none comes twice. That matters only where texts come up
 *        often, so a few hundred sentences are read over and over.
 * Maths  nats a hidden word in documents that were not read, masks drawn anew for all models
 * Axes   B sentences · T positions · V vocabulary
 * Differs from the paper, which compares fine-tuned scores; here it is the loss of the task itself, on
 *        unseen text. A third model has one mask a text, to show that the test can tell.
 * Trap   By the loss of training one mask a text is far ahead, 0.02 nats against 2 at the end: the same few words
 *        come again and again, and are known by heart.
 * @module
 */
import { barChart } from "../drawing/svg.ts";
import { staticMasks } from "../objectives/static_masking.ts";
import { bar, type Experiment, gain, inWords, judge } from "./experiment.ts";
import { judgeBy, microSizes, microWorld } from "./micro_bert.ts";
import { hideWords, learnSentences, sentenceLessons, sentenceShape } from "./sentence_lessons.ts";

const steps = 300, read = 35, copies = 10;

/** How much worse, in nats, still counts as at least as good. */
const margin = 0.05;

/** The experiment about static masks. */
export const experiment: Experiment = {
  name: "c03",
  claim: "Dynamic masking is at least as good as static masking",
  sources: ["D0, D1", "RoBERTa, 1907.11692, §4.1 and table 1"],
  setting:
    `BERT of 2 layers, width 64, ${steps} steps of ${sentenceShape.batch} sentences from ${read} documents: ` +
    `each sentence comes up about forty times, as in the paper. Static masks: ${copies} a text (BERT's), and 1.`,
  rule:
    `Holds where the 95 % interval of loss (static, ${copies} masks) − loss (dynamic), on unseen documents, lies ` +
    `above −${margin} nats: not worse by more than that; opposite where it lies below. The model with one mask ` +
    "is a control and does not count.",
  columns: [
    { key: "once", label: "nats on unseen documents, static, 1 mask a text" },
    { key: "tenTimes", label: `nats on unseen documents, static, ${copies} masks a text` },
    { key: "anew", label: "nats on unseen documents, dynamic" },
    { key: "toldOnce", label: "nats on documents read, static, 1 mask a text" },
    { key: "toldTenTimes", label: `nats on documents read, static, ${copies} masks a text` },
    { key: "toldAnew", label: "nats on documents read, dynamic" },
  ],
  async run(seed, report) {
    const all = microWorld(seed), { tokenizer } = all, sizes = microSizes(tokenizer);
    const micro = { ...all, told: all.told.slice(0, read) };
    const dynamic = sentenceLessons(sizes, hideWords(tokenizer));
    const losses = async (lessons: typeof dynamic) => {
      const model = await learnSentences(lessons, { sizes, steps, seed }, micro, report);
      const on = (documents: typeof all.told) =>
        judgeBy(dynamic, model.params, documents, { batch: sentenceShape.batch });
      return [await on(all.unseen), await on(micro.told)];
    };
    const masks = (copies: number) =>
      sentenceLessons(
        sizes,
        hideWords(tokenizer, staticMasks(tokenizer.vocabulary, { seed, copies })),
      );
    const [once, toldOnce] = await losses(masks(1));
    const [tenTimes, toldTenTimes] = await losses(masks(copies));
    const [anew, toldAnew] = await losses(dynamic);
    return { once, tenTimes, anew, toldOnce, toldTenTimes, toldAnew };
  },
  verdict(rows) {
    const less = gain(rows, "tenTimes", "anew"), control = gain(rows, "once", "anew");
    return {
      verdict: judge(less, -margin),
      because: `nats more with ${copies} static masks: ${inWords(less)}; with one: ${
        inWords(control)
      }`,
    };
  },
  plot(rows) {
    return barChart([
      bar(rows, "one mask a text", "once", "unseen documents"),
      bar(rows, "ten masks", "tenTimes", "unseen documents"),
      bar(rows, "drawn anew", "anew", "unseen documents"),
      bar(rows, "one mask a text, read", "toldOnce", "documents read"),
      bar(rows, "ten masks, read", "toldTenTimes", "documents read"),
      bar(rows, "drawn anew, read", "toldAnew", "documents read"),
    ], { title: "Masks drawn once, ten times, anew", valueLabel: "nats a hidden word" });
  },
  reading:
    "Forty readings of a sentence under one mask teach the words that it hides and no others. RoBERTa finds static " +
    "and dynamic masks about equal (its table 1): its 16 GB hold so many sentences that what one mask hides another " +
    "sentence shows. With a few hundred sentences the masks themselves are learned by heart, ten of them more " +
    "slowly than one. D0 says that BERT hides the same words each time; its data hold every text ten times, with " +
    "ten masks.",
};
