/**
 * Scores of answers — Rajpurkar et al. 2016 (1606.05250), §6.1; without an answer: 2018 (1806.03822).
 * Idea   People mark an answer with or without its article. So answers are compared as bags of words
 *        without case, punctuation and articles; exact match wants all of them, F1 counts the overlap.
 *        Where several people answered, the one that fits best counts.
 * Maths  F1 of the words that two bags share; 1 where both are empty, 0 where one of them is
 * Axes   none
 * Differs from the paper: a Chinese character is a word of its own, as in CMRC 2018 (1810.07366); for
 *        other text these are the numbers of the official script.
 * @module
 */
import { checkLengths, scoreOf, type Scores } from "./metrics.ts";

/**
 * The words of an answer that count.
 *
 * @example
 * ```ts
 * import { answerWords } from "@lineage/lineage/tasks/answer_scores";
 * import { assertEquals } from "@std/assert";
 * assertEquals(answerWords("The  old-fashioned Boat!"), ["oldfashioned", "boat"]);
 * ```
 */
export function answerWords(text: string): string[] {
  return text.toLowerCase()
    .replace(/[!-/:-@[-`{-~，。？！、：；「」《》（）]/g, "")
    .replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " ")
    .replace(/\p{Script=Han}/gu, " $& ")
    .split(/\s+/).filter((word) => word !== "");
}

/** Share of the words that two answers have in common. */
function overlap(truth: readonly string[], found: readonly string[]): number {
  if (truth.length === 0 || found.length === 0) return Number(truth.length === found.length);
  const left = [...truth];
  const right = found.filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
  return scoreOf("", { right, said: found.length, count: truth.length }).f1;
}

/**
 * Mean F1 and share of exact matches. `truth[i]` lists the right answers to question i; an empty list
 * says that it has none, and "" is the right thing to say.
 *
 * @throws {RangeError} where there is nothing to compare, or not as many answers as questions.
 *
 * @example
 * ```ts
 * import { answerScores } from "@lineage/lineage/tasks/answer_scores";
 * import { assertEquals } from "@std/assert";
 * const truth = [["the red boat", "boat"], []];
 * const { values } = answerScores(truth, ["a boat", ""]);
 * assertEquals(values, { F1: 1, "exact match": 1 });
 * assertEquals(answerScores(truth, ["red ship", "ship"]).values.F1, 0.25);
 * ```
 */
export function answerScores(
  truth: readonly (readonly string[])[],
  found: readonly string[],
): Scores {
  checkLengths(truth.length, found.length);
  const best = (compare: (truth: string[], found: string[]) => number) => {
    const each = truth.map((answers, i) =>
      Math.max(
        ...(answers.length ? answers : [""]).map((answer) =>
          compare(answerWords(answer), answerWords(found[i]))
        ),
      )
    );
    return each.reduce((sum, one) => sum + one, 0) / each.length;
  };
  const same = (a: string[], b: string[]) => Number(a.join(" ") === b.join(" "));
  return { values: { F1: best(overlap), "exact match": best(same) }, classes: [] };
}
