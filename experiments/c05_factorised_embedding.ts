/**
 * C5: a factorised embedding costs little accuracy — Lan et al. 2019 (1909.11942), §3.1 and table 3.
 * Idea   The same small BERT with a whole table and with narrow ones that a matrix widens. What is compared is
 *        how many hidden words each guesses.
 * Maths  V·D numbers against V·E + E·D:  30,000 · 768 = 23,040,000 against 30,000 · 128 + 128 · 768 = 3,938,304
 * Axes   V vocabulary · E embedding width · D model width
 * Differs from the paper, which fine-tunes; here the accuracy is that of the first guess at hidden words of
 *        unseen documents. Tables start with the deviation for their own width, as all other weights do.
 * Trap   E is not only a part of D: a sixth of the paper's 768 is 128 dimensions, a sixth of 48 is 8, and in 8
 *        words stand in each other's way. And a narrow table learns later: too short a run blames its size.
 * @module
 */
import { factorized } from "../core/factorized_embedding.ts";
import { countParameters, initialise } from "../core/parameters.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { lineChart } from "../drawing/svg.ts";
import { BERT, BERT_BASE } from "../models/bert.ts";
import { type ModelParameters, modelParameters } from "../models/model.ts";
import { encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import { column, type Experiment, gain, inWords, judge } from "./experiment.ts";
import { deviationFor } from "./micro_bert.ts";
import {
  firstGuesses,
  lossOfSmall,
  pretrainSmall,
  smallSizes,
  worldInWords,
} from "./small_bert.ts";
import { summary } from "./statistics.ts";

const layers = 2, width = 48, steps = 1100, peak = 8e-3;

/** Embedding widths; that of the model stands for a whole table. */
const widths = [width, width / 2, width / 3];
const deciding = width / 3, margin = 0.03;

/** The experiment about factorised embeddings. */
export const experiment: Experiment = {
  name: "c05",
  claim: "Factorising the embedding saves most of its parameters and costs little accuracy",
  sources: ["D0, D1, D4", "ALBERT, 1909.11942, §3.1 and table 3"],
  setting:
    `${layers} layers of width ${width}, 571 words, ${steps} steps of 64 pairs of sentences, 30 % hidden, ` +
    `peak rate ${peak}. Embeddings of width ${
      widths.join(", ")
    }: whole, a half, a third. Accuracy: the first ` +
    "guess at hidden words (15 %) of unseen documents.",
  rule:
    `Holds where with E = ${deciding} at most half of the embedding's parameters are left and the accuracy is not ` +
    `lower than with a whole table by more than ${margin}: the whole interval of the paired difference above ` +
    `−${margin}. Opposite where the interval lies below, not visible where −${margin} is inside.`,
  columns: [
    ...widths.map((e) => ({ key: `accuracy${e}`, label: `accuracy of the first guess, E = ${e}` })),
    ...widths.map((e) => ({ key: `loss${e}`, label: `masked LM, nats, E = ${e}` })),
    ...widths.map((e) => ({
      key: `parameters${e}`,
      label: `embedding's parameters, E = ${e}`,
      digits: 0,
    })),
    { key: "wholeTable", label: "BERT-base's table, V = 30,000 (counted)", digits: 0 },
    { key: "factorised", label: "the same with E = 128 (counted)", digits: 0 },
  ],
  async run(seed, report) {
    const micro = worldInWords(seed), numbers: Record<string, number> = { ...countsOfThePaper() };
    for (const e of widths) {
      const { spec, sizes } = ofWidth(e, smallSizes(micro, layers, width));
      const from = firstOf(spec, sizes, e, seed);
      await report(`E = ${e}`);
      const model = await pretrainSmall({ spec, sizes, steps, seed, peak, from }, micro, report);
      numbers[`accuracy${e}`] = await firstGuesses(model, micro);
      numbers[`loss${e}`] = await lossOfSmall(model, micro);
      numbers[`parameters${e}`] = countParameters(encoderParameters(spec, sizes).embedding);
    }
    return numbers;
  },
  verdict(rows) {
    const cost = gain(rows, `accuracy${deciding}`, `accuracy${width}`);
    const left = rows[0][`parameters${deciding}`] / rows[0][`parameters${width}`];
    const because =
      `With E = ${deciding}, ${
        (100 * left).toFixed(1)
      } % of the embedding's parameters are left; ` +
      `accuracy: ${inWords(cost)} against the whole table. With E = ${width / 2}: ` +
      `${inWords(gain(rows, `accuracy${width / 2}`, `accuracy${width}`))}.`;
    return { verdict: left > 0.5 ? "opposite" : judge(cost, -margin), because };
  },
  plot(rows) {
    const accuracy = widths.map((e) => summary(column(rows, `accuracy${e}`)));
    return lineChart([{
      name: "first guess at hidden words",
      x: widths.map((e) => rows[0][`parameters${e}`]),
      y: accuracy.map(({ mean }) => mean),
      spread: accuracy.map(({ deviation }) => deviation),
      labels: widths.map((e) => `E = ${e}`),
    }], { title: "Narrower tables", xLabel: "parameters of the embedding", yLabel: "accuracy" });
  },
};

/** BERT, with a factorised embedding where it is narrower than the model. */
function ofWidth(e: number, sizes: Sizes): { spec: ModelSpec; sizes: Sizes } {
  if (e === sizes.width) return { spec: BERT, sizes };
  return { spec: { ...BERT, embed: factorized }, sizes: { ...sizes, embedding: e } };
}

/** First parameters, those of the embedding with the deviation for its own width. */
function firstOf(spec: ModelSpec, sizes: Sizes, e: number, seed: number): ModelParameters {
  const declared = modelParameters(spec, sizes, { maskedLM: true }), key = randomKey(seed);
  const { encoder, ...heads } = initialise(declared, key, deviationFor(sizes.width));
  const embedding = initialise(declared.encoder.embedding, key, deviationFor(e));
  return { ...heads, encoder: { ...encoder, embedding } };
}

/** The arithmetic of the claim: tables of words alone, as the paper counts them. */
export function countsOfThePaper(): { wholeTable: number; factorised: number } {
  const sizes = { ...BERT_BASE, vocabulary: 30_000 };
  const { word, up } = factorized.parameters({ ...sizes, embedding: 128 });
  return {
    wholeTable: countParameters(BERT.embed.parameters(sizes).word),
    factorised: countParameters([word, up!.weight]),
  };
}
