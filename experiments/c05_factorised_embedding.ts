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
import { countParameters, deviationFor, initialise } from "../core/parameters.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { BERT, BERT_BASE } from "../models/bert.ts";
import { type ModelParameters, modelParameters } from "../models/model.ts";
import { encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import { bar, type Experiment, gain, inWords, judge } from "./experiment.ts";

import {
  firstGuesses,
  lossOfSmall,
  pretrainSmall,
  smallSizes,
  worldInWords,
} from "./small_bert.ts";

const layers = 2, width = 48, narrow = width / 3, peak = 8e-3, margin = 0.03;

/** Short and long training, in steps: what a narrow table costs may pass. */
const lengths = [450, 900] as const;
const last = lengths[1];

const columnsOf = (part: string, what: string) =>
  [width, narrow].flatMap((e) =>
    lengths.map((n) => ({ key: `${part}${e}at${n}`, label: `${what}, E = ${e}, ${n} steps` }))
  );

/** The experiment about factorised embeddings. */
export const experiment: Experiment = {
  name: "c05",
  claim: "Factorising the embedding saves most of its parameters and costs little accuracy",
  sources: ["D0, D1, D4", "ALBERT, 1909.11942, §3.1 and table 3"],
  setting:
    `${layers} layers of width ${width}, 571 words; a whole table against one of width ${narrow}; ` +
    `${
      lengths.join(" and ")
    } steps of 64 pairs of sentences, 30 % hidden, peak rate ${peak}. Accuracy: the ` +
    "first guess at hidden words (15 %) of unseen documents.",
  rule:
    `Holds where with E = ${narrow} at most half of the embedding's parameters are left and, after ${last} steps, ` +
    `the accuracy is not lower than with a whole table by more than ${margin}: the whole interval of the paired ` +
    `difference above −${margin}. Opposite where the interval lies below, not visible where −${margin} is inside.`,
  columns: [
    ...columnsOf("accuracy", "accuracy"),
    ...columnsOf("loss", "masked LM, nats"),
    { key: "wholeParameters", label: `embedding's parameters, E = ${width}`, digits: 0 },
    { key: "narrowParameters", label: `embedding's parameters, E = ${narrow}`, digits: 0 },
    { key: "wholeTable", label: "BERT-base's table, V = 30,000 (counted)", digits: 0 },
    { key: "factorised", label: "the same with E = 128 (counted)", digits: 0 },
  ],
  async run(seed, report) {
    const micro = worldInWords(seed), ofModel = smallSizes(micro, layers, width);
    const numbers: Record<string, number> = {};
    for (const e of [width, narrow]) {
      const { spec, sizes } = ofWidth(e, ofModel);
      for (const steps of lengths) {
        const from = firstOf(spec, sizes, e, seed);
        await report(`E = ${e}, ${steps} steps`);
        const model = await pretrainSmall({ spec, sizes, steps, seed, peak, from }, micro, report);
        numbers[`accuracy${e}at${steps}`] = await firstGuesses(model, micro);
        numbers[`loss${e}at${steps}`] = await lossOfSmall(model, micro);
      }
    }
    const count = (e: number) => {
      const { spec, sizes } = ofWidth(e, ofModel);
      return countParameters(encoderParameters(spec, sizes).embedding);
    };
    const counts = { wholeParameters: count(width), narrowParameters: count(narrow) };
    return { ...numbers, ...counts, ...countsOfThePaper() };
  },
  verdict(rows) {
    const [early, late] = lengths.map((n) =>
      gain(rows, `accuracy${narrow}at${n}`, `accuracy${width}at${n}`)
    );
    const left = rows[0].narrowParameters / rows[0].wholeParameters;
    const because =
      `With E = ${narrow}, ${(100 * left).toFixed(1)} % of the embedding's parameters are left; ` +
      `accuracy against the whole table: ${inWords(late)} after ${last} steps, ${
        inWords(early)
      } after ${lengths[0]}.`;
    return { verdict: left > 0.5 ? "opposite" : judge(late, -margin), because };
  },
  plot(rows) {
    const bars = [width, narrow].flatMap((e) =>
      lengths.map((n) => bar(rows, `E = ${e}, ${n} steps`, `accuracy${e}at${n}`, `E = ${e}`))
    );
    return barChart(bars, {
      title: "A whole table and a narrow one",
      valueLabel: "accuracy of the first guess at hidden words",
    });
  },
  reading:
    "The arithmetic is exact: 23,040,000 numbers become 3,938,304. What it costs is another matter at another " +
    "scale: of 571 words none is rare, 16 dimensions are few for them, and the paper's 128 are many. A narrow " +
    "table learns later, so compare the two lengths of training before the table is blamed.",
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
