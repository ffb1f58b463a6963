/**
 * What a model answers to the examples of a task, and how good that is.
 *
 * Idea   Rows go through the model a handful at a time; an example is answered when all of its rows were
 *        seen, and the task judges the answers.
 * Maths  none here; the scores are in metrics.ts, entities.ts and answer_scores.ts.
 * Axes   B rows · T positions
 * Differs from the paper: there is none.
 * @module
 */
import { read } from "../core/tensor/mod.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { asInputs, rowOf } from "../objectives/objective.ts";
import type { Scores } from "./metrics.ts";
import { asBatch, type Seen, type Task } from "./task.ts";

/** Is told how many rows of how many are done. */
export type Report = (done: number, of: number) => void | Promise<void>;

/**
 * The score that decides: the first.
 *
 * @example
 * ```ts
 * import { mainScore } from "@lineage/lineage/tasks/evaluate";
 * import { assertEquals } from "@std/assert";
 * assertEquals(mainScore({ values: { accuracy: 0.9, F1: 0.8 }, classes: [] }), 0.9);
 * ```
 */
export const mainScore = ({ values }: Scores): number => Object.values(values)[0];

/** How many rows the model answers at once. */
const size = 32;

/**
 * A model's answers to the examples of a task, in order. `report` is told how many rows of how many are
 * done.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { answers } from "@lineage/lineage/tasks/evaluate";
 * import { tagging } from "@lineage/lineage/tasks/tagging";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 6, layers: 1 }, heads = { tokenClasses: 2 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const model = { spec: BERT, sizes, heads, params, tokenizer };
 * const sentences = [{ words: ["boat", "boat"], tags: [] }, { words: ["boat"], tags: [] }];
 * const said = await answers(model, tagging(model, ["NOUN", "VERB"], 16), sentences);
 * assertEquals(said.map((tags) => tags.length), [2, 1]);
 * ```
 */
export async function answers<Example, Answer>(
  model: Pretrained,
  task: Task<Example, Answer>,
  examples: readonly Example[],
  report?: Report,
): Promise<Answer[]> {
  const seen = examples.map((): Seen<Example>[] => []);
  const rows = examples.flatMap((example, i) => task.rows(example).map((row) => ({ ...row, i })));
  for (let start = 0; start < rows.length; start += size) {
    const chosen = rows.slice(start, start + size), batch = asBatch(task, chosen);
    const scores = await read(task.scores(model.params, asInputs(batch)));
    const each = scores.length / chosen.length;
    chosen.forEach(({ i, ...row }, b) => {
      const ofRow = scores.subarray(b * each, (b + 1) * each);
      seen[i].push({ ...row, encoding: rowOf(batch, b), scores: ofRow });
    });
    await report?.(start + chosen.length, rows.length);
  }
  return examples.map((example, i) => task.answer(example, seen[i]));
}

/**
 * How well a model does a task on examples.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { evaluate } from "@lineage/lineage/tasks/evaluate";
 * import { textClassification } from "@lineage/lineage/tasks/text_classification";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 6, layers: 1 }, heads = { textClasses: 2 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const model = { spec: BERT, sizes, heads, params, tokenizer };
 * const task = textClassification(model, ["bad", "good"], 16);
 * const both = ["bad", "good"].map((label) => ({ text: "boat", label }));
 * assertEquals((await evaluate(model, task, both)).values.accuracy, 0.5);
 * ```
 */
export async function evaluate<Example, Answer>(
  model: Pretrained,
  task: Task<Example, Answer>,
  examples: readonly Example[],
  report?: Report,
): Promise<Scores> {
  return task.judge(examples, await answers(model, task, examples, report));
}
