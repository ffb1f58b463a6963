/**
 * C18: more examples in the prompt help, without any weight change — Brown et al. 2020 (2005.14165), §3, figure 1.2.
 * Idea   Words are to be given labels: all animals one, all foods another, and so with jobs and homes. Which
 *        label is whose is drawn anew for every prompt, so no weight can know it; only the examples in the
 *        prompt say so. A GPT that is used to such prompts is asked after 0, 1, 2 … examples.
 * Maths  best possible: 1 where an example of the same kind was shown, else 1/(labels that are left)
 * Axes   none: prompts of pairs (word, label)
 * Differs from the paper: whose model met such prompts in the text of the web, and whose tasks have names;
 *        here it is trained on nothing else, so that minutes are enough.
 * @module
 */
import { VALUES } from "../data/lexicon.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { lineChart } from "../drawing/svg.ts";
import { draws } from "../objectives/objective.ts";
import { all, column, type Experiment, gain, inWords, judge, type Numbers } from "./experiment.ts";
import { freshGPT, named, type Row, teach } from "./small_gpt.ts";
import { mean, summary } from "./statistics.ts";

const kinds = Object.keys(VALUES).length, each = 3;
const labels = 12, most = 8, shown = [0, 1, 2, 3, 4, 5, 6, 7], asked = 1024;
const steps = 2000;

/** Ids: words kind by kind, then labels. */
const wordId = (kind: number, word: number) => kind * each + word;
const labelId = (label: number) => kinds * each + label;

/** A prompt: pairs of a word and the label of its kind. */
interface Prompt extends Row {
  /** For each pair: how likely a perfect reader is to know the label. */
  readonly best: readonly number[];
}

/** Draw a prompt; where the examples lie, their labels are of other kinds. */
function prompt(draw: (size: number) => number, lying = false): Prompt {
  const left = Array.from({ length: labels }, (_, label) => label);
  const labelOf = Array.from({ length: kinds }, () => left.splice(draw(left.length), 1)[0]);
  const ids: number[] = [], best: number[] = [], seen = new Set<number>();
  for (let pair = 0; pair < most; pair++) {
    const kind = draw(kinds),
      label = lying && pair < most - 1 ? labelOf[draw(kinds)] : labelOf[kind];
    ids.push(wordId(kind, draw(each)), labelId(label));
    best.push(seen.has(kind) ? 1 : 1 / (labels - seen.size));
    seen.add(kind);
  }
  return { ids, best, counts: (position) => position % 2 === 1 };
}

const some = (seed: number, lying = false) => {
  const draw = draws(randomKey(seed, 9));
  return Array.from({ length: asked }, () => prompt(draw, lying));
};
const key = (count: number) => `after ${count}`;

/** C18, as an experiment. */
export const experiment: Experiment = {
  name: "c18",
  claim: "More examples in the prompt help, without any weight change",
  sources: ["D1", "D4", "Brown et al. 2020 (2005.14165), §3 and figure 1.2"],
  setting:
    `a GPT-2 of 2 layers, 32 wide, trained for ${steps} steps on prompts of ${most} pairs: one of ${each} words of ${kinds} kinds, and the label of its kind, out of ${labels}, drawn anew for every prompt; asked on ${asked} new prompts`,
  rule:
    "holds if the 95 % interval of the accuracy after 7 examples minus that after none lies above 0, as does that of 4 minus 1, and if examples with labels of any kind (the last pair is asked) help less than true ones; opposite if one of them lies below 0",
  columns: [
    ...shown.map((count) => ({ key: key(count), label: `right after ${count} examples` })),
    ...shown.map((count) => ({ key: `best ${count}`, label: `best possible after ${count}` })),
    { key: "lying", label: `right after 7 examples with labels of any kind` },
  ],
  async run(seed, report) {
    const sizes = { vocabulary: kinds * each + labels, positions: 2 * most, layers: 2 };
    const model = await freshGPT({ ...sizes, width: 32, heads: 2 }, seed);
    await teach(model, prompt, { steps, batch: 64, peak: 6e-3, seed }, report);
    const prompts = some(seed), right = await named(model, prompts);
    const numbers: Record<string, number> = {};
    for (const count of shown) {
      numbers[key(count)] = mean(right.map((row) => Number(row[2 * count + 1])));
      numbers[`best ${count}`] = mean(prompts.map(({ best }) => best[count]));
    }
    const misled = await named(model, some(seed, true));
    numbers.lying = mean(misled.map((row) => Number(row[2 * most - 1])));
    await report(shown.map((n) => `${n}: ${numbers[key(n)].toFixed(3)}`).join("  "));
    return numbers;
  },
  verdict(rows) {
    const [few, many] = [gain(rows, key(7), key(0)), gain(rows, key(4), key(1))];
    const true_ = gain(rows, key(7), "lying");
    return {
      verdict: all([judge(few), judge(many), judge(true_)]),
      because: `7 examples against none: ${inWords(few)}; 4 against 1: ${inWords(many)}; ` +
        `true labels against labels of any kind: ${inWords(true_)}`,
    };
  },
  plot(rows: readonly Numbers[]) {
    const line = (name: string, keyOf: (count: number) => string) => {
      const found = shown.map((count) => summary(column(rows, keyOf(count))));
      return { name, x: shown, y: found.map((s) => s.mean), spread: found.map((s) => s.deviation) };
    };
    return lineChart([line("GPT", key), line("best possible", (count) => `best ${count}`)], {
      title: "Examples in the prompt",
      xLabel: "examples before the question",
      yLabel: "share of right labels",
    });
  },
  reading:
    "Nothing is trained between one prompt and the next: what is learnt from the examples lives in the keys and values of the prompt. The way to learn from them was trained, on other labellings.",
};
