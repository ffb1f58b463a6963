/**
 * What an experiment is: a claim, a rule fixed before the run, and numbers for each seed.
 * Idea   `run` measures with one seed and knows no verdict; `verdict` sees the numbers of all seeds and
 *        nothing else. So the rule can be tested with made-up numbers, and the run cannot bend it.
 *        A file `cNN_what.ts` beside this one that exports `experiment` is found by its name.
 * Maths  holds where the whole 95 % interval of a paired difference lies above a line, opposite where it
 *        lies below, not visible where the line runs through it
 * Axes   none: a row of numbers for each seed
 * Differs from the papers, which mostly report one seed, or a mean without an interval.
 * @module
 */
import type { Bar } from "../drawing/svg.ts";
import { difference, type Summary, summary } from "./statistics.ts";

/** What the numbers say about a claim. */
export type Verdict = "holds" | "opposite" | "not visible at this scale";

/** The numbers of one seed, by the keys of the columns. */
export type Numbers = Readonly<Record<string, number>>;

/** A verdict and the numbers it rests on, in words. */
export interface Judgement {
  /** The verdict. */
  readonly verdict: Verdict;
  /** Why. */
  readonly because: string;
}

/** A number that every seed gives. */
export interface Column {
  /** Its name in the rows. */
  readonly key: string;
  /** Its name in the table, with a unit. */
  readonly label: string;
  /** Digits after the point (default 3). */
  readonly digits?: number;
}

/** An experiment about one claim. */
export interface Experiment {
  /** As the claim is numbered, in lower case: `c04`. */
  readonly name: string;
  /** What is claimed, in one sentence. */
  readonly claim: string;
  /** Who claims it: documents, and papers with their sections. */
  readonly sources: readonly string[];
  /** What is done, how large, how long. */
  readonly setting: string;
  /** How the numbers become a verdict, in words; fixed before the run. */
  readonly rule: string;
  /** What is measured. */
  readonly columns: readonly Column[];
  /** Measure with one seed; `report` is told what is being done. */
  run(seed: number, report: Report): Promise<Numbers>;
  /** The rule, as code. */
  verdict(rows: readonly Numbers[]): Judgement;
  /** A picture of the rows, as SVG text. */
  plot?(rows: readonly Numbers[]): string;
  /** How to read the result: what is special here, what the documents got wrong, what remains open. */
  readonly reading?: string;
}

/** Told what an experiment is doing, and how far it is. */
export type Report = (doing: string) => void | Promise<void>;

/**
 * One column of all rows.
 *
 * @example
 * ```ts
 * import { column } from "@lineage/lineage/experiments/experiment";
 * import { assertEquals } from "@std/assert";
 * assertEquals(column([{ bert: 0.8 }, { bert: 0.7 }], "bert"), [0.8, 0.7]);
 * ```
 */
export const column = (rows: readonly Numbers[], key: string): number[] =>
  rows.map((row) => row[key]);

/**
 * One column as a bar of a chart: its mean, and its deviation as the spread.
 *
 * @example
 * ```ts
 * import { bar } from "@lineage/lineage/experiments/experiment";
 * import { assertAlmostEquals } from "@std/assert";
 * const { value, spread } = bar([{ bert: 0.8 }, { bert: 0.6 }], "BERT", "bert");
 * assertAlmostEquals(value, 0.7);
 * assertAlmostEquals(spread!, Math.SQRT1_2 / 5);
 * ```
 */
export function bar(rows: readonly Numbers[], name: string, key: string, group?: string): Bar {
  const { mean, deviation } = summary(column(rows, key));
  return { name, value: mean, spread: deviation, group };
}

/**
 * The usual rule: on which side of a line the whole interval of a difference lies.
 *
 * A line of 0 asks whether something is better. A line of −margin asks whether it is not worse by more than
 * the margin, which is how "does not hurt" can be shown and not only fail to be refuted.
 *
 * @example
 * ```ts
 * import { judge } from "@lineage/lineage/experiments/experiment";
 * import { summary } from "@lineage/lineage/experiments/statistics";
 * import { assertEquals } from "@std/assert";
 * assertEquals(judge(summary([0.1, 0.12, 0.11])), "holds");
 * assertEquals(judge(summary([-0.01, 0.01, 0])), "not visible at this scale");
 * assertEquals(judge(summary([-0.001, 0.001, 0]), -0.01), "holds"); // not worse by 0.01
 * ```
 */
export function judge({ low, high }: Summary, line = 0): Verdict {
  if (low > line) return "holds";
  return high < line ? "opposite" : "not visible at this scale";
}

/**
 * Several verdicts as one: the claim holds where all its parts hold, and is opposite where one of them is.
 *
 * @example
 * ```ts
 * import { all } from "@lineage/lineage/experiments/experiment";
 * import { assertEquals } from "@std/assert";
 * assertEquals(all(["holds", "not visible at this scale"]), "not visible at this scale");
 * assertEquals(all(["holds", "opposite"]), "opposite");
 * ```
 */
export function all(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("opposite")) return "opposite";
  return verdicts.every((one) => one === "holds") ? "holds" : "not visible at this scale";
}

/**
 * How much higher one column is than another, seed by seed.
 *
 * @example
 * ```ts
 * import { gain } from "@lineage/lineage/experiments/experiment";
 * import { assertAlmostEquals } from "@std/assert";
 * const rows = [{ albert: 0.9, bert: 0.8 }, { albert: 0.7, bert: 0.5 }];
 * assertAlmostEquals(gain(rows, "albert", "bert").mean, 0.15);
 * ```
 */
export const gain = (rows: readonly Numbers[], first: string, second: string): Summary =>
  difference(column(rows, first), column(rows, second));

/**
 * A summary in words: `0.031 ± 0.012, 95 % from 0.016 to 0.046`.
 *
 * @example
 * ```ts
 * import { inWords } from "@lineage/lineage/experiments/experiment";
 * import { summary } from "@lineage/lineage/experiments/statistics";
 * import { assertEquals } from "@std/assert";
 * assertEquals(inWords(summary([1, 1]), 1), "1.0 ± 0.0, 95 % from 1.0 to 1.0");
 * ```
 */
export function inWords({ mean, deviation, low, high }: Summary, digits = 3): string {
  const [m, d, l, h] = [mean, deviation, low, high].map((x) => x.toFixed(digits));
  return `${m} ± ${d}, 95 % from ${l} to ${h}`;
}
