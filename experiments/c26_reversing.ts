/**
 * C26: GPT-style models fail at writing a word backwards, even after thousands of examples — Brown et al. 2020 (2005.14165), §3.9.2.
 * Idea   GPT reads pieces, not letters: "stool" is one number. To write it backwards it must know how each
 *        piece is spelt. Two models see the same examples: one reads pieces, the other letters. Half of the
 *        examples copy a word, half turn it round; some pieces are copied only. Then both are asked about
 *        new words, of pieces that were turned round and of pieces that were not.
 * Maths  right = the whole word, letter for letter
 * Axes   none: rows of tokens
 * Differs from the paper: whose GPT-3 is shown examples in its prompt, and a document's 10,000 examples are
 *        for a model of the size of the web; here a small one is trained on them, in weights and in prompt.
 * @module
 */
import { randomKey } from "../core/tensor/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { continueAll } from "../generation/generate.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { draws } from "../objectives/objective.ts";
import { all, bar, column, type Experiment, gain, inWords, judge } from "./experiment.ts";
import { freshGPT, type Row, teach } from "./small_gpt.ts";
import { summary } from "./statistics.ts";

const letters = [..."abcdefghijklmnopqrstuvwxyz"], pieces = 60, turned = 45, each = 2;
const steps = 600, batch = 24, inRow = 3, asked = 128;

type Draw = (size: number) => number;

/** How a word becomes tokens, and back. */
interface Spelling {
  name: "pieces" | "letters";
  /** Tokens, three marks not counted. */
  size: number;
  ids: (word: readonly number[], backwards: boolean) => number[];
}

/** The pieces of a language: syllables, no two alike. */
function language(seed: number): string[] {
  const draw = draws(randomKey(seed, 7)), found = new Set<string>();
  const pick = (from: string) => from[draw(from.length)];
  while (found.size < pieces) {
    found.add(pick("bdfgklmnprstvz") + pick("aeiou"));
  }
  return [...found];
}

const idOf = (letter: string) => letters.indexOf(letter);

/** Letters: one token each. */
const byLetters = (syllables: readonly string[]): Spelling => ({
  name: "letters",
  size: letters.length,
  ids: (word, backwards) => {
    const ids = [...word.map((piece) => syllables[piece]).join("")].map(idOf);
    return backwards ? ids.reverse() : ids;
  },
});

/** Pieces: a syllable is one token; what is no piece any more is written in letters. */
const byPieces = (syllables: readonly string[]): Spelling => ({
  name: "pieces",
  size: letters.length + pieces,
  ids: (word, backwards) =>
    backwards ? byLetters(syllables).ids(word, true) : word.map((piece) => letters.length + piece),
});

/** Words that are kept for asking: every fifth. */
const isKept = ([first, second]: readonly number[]) => (7 * first + second) % 5 === 0;

/** A word of two pieces from a part of them, kept for asking or not. */
function wordOf(draw: Draw, [from, to]: readonly [number, number], kept: boolean): number[] {
  for (;;) {
    const word = [from + draw(to - from), from + draw(to - from)];
    if (isKept(word) === kept) return word;
  }
}

const everything = [0, pieces] as const, shownTurned = [0, turned] as const;
const neverTurned = [turned, pieces] as const;

/** What is asked: the word and, as a mark, what to do with it (0 copy, 1 turn round); then the answer. */
const asks = ({ size, ids }: Spelling, word: number[], task: number) => [
  ...ids(word, false),
  size + task,
];
const says = ({ size, ids }: Spelling, word: number[], task: number) => [
  ...ids(word, task === 1),
  size + 2,
];

/** Some examples one after another; the answers count. */
function examples(spelling: Spelling, draw: Draw): Row {
  const ids: number[] = [], counted = new Set<number>();
  for (let i = 0; i < inRow; i++) {
    const task = draw(2), word = wordOf(draw, task ? shownTurned : everything, false);
    ids.push(...asks(spelling, word, task));
    const answer = says(spelling, word, task);
    answer.forEach((_, j) => counted.add(ids.length + j));
    ids.push(...answer);
  }
  return { ids, counts: (position) => counted.has(position) };
}

/** The share of new words that come out right, after examples of the same task in the prompt. */
async function right(
  model: Pretrained,
  spelling: Spelling,
  part: readonly [number, number],
  task: number,
  seed: number,
): Promise<number> {
  const draw = draws(randomKey(seed, 11));
  const words = Array.from({ length: asked }, () => wordOf(draw, part, true));
  const prompts = words.map((word) => {
    const before = Array.from({ length: inRow - 1 }, () => wordOf(draw, shownTurned, false));
    const shown = before.flatMap((w) => [...asks(spelling, w, task), ...says(spelling, w, task)]);
    return [...shown, ...asks(spelling, word, task)];
  });
  const wanted = words.map((word) => spelling.ids(word, task === 1).join());
  const most = 2 * each + 1, end = [spelling.size + 2];
  const found = await continueAll(model, prompts, { maxTokens: most, end });
  return found.filter((ids, i) => ids.join() === wanted[i]).length / asked;
}

const measures = {
  copied: { part: neverTurned, task: 0, label: "copies, pieces never turned round" },
  known: { part: shownTurned, task: 1, label: "turns round, pieces seen so" },
  unknown: { part: neverTurned, task: 1, label: "turns round, pieces never seen so" },
} as const;

/** C26, as an experiment. */
export const experiment: Experiment = {
  name: "c26",
  claim: "GPT-style models fail at reversing strings even after many examples",
  sources: ["D4", "Brown et al. 2020 (2005.14165), §3.9.2 and table 3.10"],
  setting:
    `two GPT-2 of 2 layers, 64 wide: one reads ${pieces} pieces of ${each} letters, one reads letters; ${steps} steps of ${batch} rows of ${inRow} examples, half copies, half reversals, the latter of ${turned} pieces; ${asked} new words of two pieces, after ${
      inRow - 1
    } examples in the prompt`,
  rule:
    "about the model that reads pieces and new words of pieces that were never turned round: holds if the 95 % interval of its reversals that are right lies below 0.1 and that of its copies above 0.9; opposite if that of its reversals lies above 0.9",
  columns: (["pieces", "letters"] as const).flatMap((name) =>
    Object.entries(measures).map(([key, { label }]) => (
      { key: `${name} ${key}`, label: `${name}: ${label}` }
    ))
  ),
  async run(seed, report) {
    const syllables = language(seed), numbers: Record<string, number> = {};
    for (const spelling of [byPieces(syllables), byLetters(syllables)]) {
      const word = [0, 1],
        example = asks(spelling, word, 1).length + says(spelling, word, 1).length;
      const positions = inRow * example, vocabulary = spelling.size + 3;
      const model = await freshGPT({ vocabulary, positions, layers: 2, width: 64, heads: 2 }, seed);
      const recipe = { steps, batch, peak: 4e-3, seed };
      await teach(model, (draw) => examples(spelling, draw), recipe, report);
      for (const [key, { part, task }] of Object.entries(measures)) {
        numbers[`${spelling.name} ${key}`] = await right(model, spelling, part, task, seed);
      }
      const said = Object.entries(numbers).map(([key, share]) => `${key} ${share.toFixed(3)}`);
      await report(said.join("  "));
    }
    return numbers;
  },
  verdict(rows) {
    const [reversed, copied] = ["unknown", "copied"].map((key) =>
      summary(column(rows, `pieces ${key}`))
    );
    const fails = reversed.high < 0.1 ? "holds" : "not visible at this scale";
    const copies = judge(copied, 0.9) === "holds" ? "holds" : "not visible at this scale";
    const letters = gain(rows, "letters unknown", "pieces unknown");
    return {
      verdict: reversed.low > 0.9 ? "opposite" : all([fails, copies]),
      because: `reading pieces, reversals right: ${inWords(reversed)}; copies right: ` +
        `${inWords(copied)}; reading letters turns more words round, by ${inWords(letters)}`,
    };
  },
  plot(rows) {
    const bars = experiment.columns.map(({ key, label }) => bar(rows, label, key));
    return barChart(bars, { title: "Words written backwards", valueLabel: "share of new words" });
  },
  reading:
    "It is not the direction of reading that fails, nor the number of examples: a model that reads letters turns any word round. One that reads pieces must have been told how each piece is spelt: it turns new words round if it has seen each of their pieces turned, and examples with other pieces, however many, do not help.",
};
