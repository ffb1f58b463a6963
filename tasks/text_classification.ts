/**
 * Text classification — Devlin et al. 2018 (1810.04805), §4.1 and figure 4 a, b.
 * Idea   One text or a pair, one class: sentiment, topic, does A follow from B. The pooled vector of the
 *        first position has seen everything; a linear layer on it tells the classes.
 * Maths  L = 1/B Σ_b −log softmax(W·pooled_b + c)[label_b]
 * Axes   B texts · T positions · C classes
 * Differs from the paper: nothing; the dropout before the linear layer is in the authors' code only.
 *        What is too long loses its end, the longer text of a pair first.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { dropout, type Key, type Tensor, tensor } from "../core/tensor/mod.ts";
import { classifyText } from "../models/heads.ts";
import type { ModelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { classLoss } from "../objectives/next_sentence.ts";
import type { ModelInputs } from "../objectives/objective.ts";
import { classScores } from "./metrics.ts";
import { readingOf, type Task } from "./task.ts";
import type { Labelled } from "./tsv.ts";

/**
 * The task for a model: texts of up to `length` tokens, and these classes.
 *
 * Its `target` throws a RangeError for a label that is not among them.
 *
 * @throws {RangeError} where the model has no tokenizer.
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
 * import { textClassification } from "@lineage/lineage/tasks/text_classification";
 * import { assert } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 6, layers: 1 }, heads = { textClasses: 2 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const model = { spec: BERT, sizes, heads, params, tokenizer };
 * const task = textClassification(model, ["bad", "good"], 16);
 * const [said] = await answers(model, task, [{ text: "boat", label: "good" }]);
 * assert(task.labels!.includes(said));
 * ```
 */
export function textClassification(
  model: Pretrained,
  labels: readonly string[],
  length: number,
): Task<Labelled, string> {
  const { spec, sizes } = model;
  return {
    ...readingOf(model, length),
    heads: { textClasses: labels.length },
    labels,
    rows: (example) => [{ example, text: example.text, from: 0, to: 1 }],
    target: ({ example: { label } }) => [numberOf(labels, label)],
    scores: (params: ModelParameters, inputs: ModelInputs, key?: Key): Tensor => {
      const { pooled } = encode(spec, sizes, params.encoder, inputs, key);
      const kept = dropout(pooled!, sizes.dropout.hidden, key?.derive(sizes.layers + 1));
      return classifyText(kept, params.classifier!);
    },
    loss: (scores, targets) => {
      const numbers = targets.map(([label]) => label);
      const wanted = { labels: tensor("B", numbers), count: numbers.length };
      return classLoss(scores as Tensor<"B C">, wanted);
    },
    answer: (_, [{ scores }]) => labels[argmax(scores)],
    judge: (examples, found) => classScores(examples.map(({ label }) => label), found),
  };
}

/**
 * The number of a label.
 *
 * @throws {RangeError} where it is not one of the labels.
 *
 * @example
 * ```ts
 * import { numberOf } from "@lineage/lineage/tasks/text_classification";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(numberOf(["bad", "good"], "good"), 1);
 * assertThrows(() => numberOf(["bad", "good"], "fair"), RangeError, "fair");
 * ```
 */
export function numberOf(labels: readonly string[], label: string): number {
  const found = labels.indexOf(label);
  if (found >= 0) return found;
  throw new RangeError(
    `the label "${label}" is not one of ${labels.join(", ")}; correct it, or name it among them`,
  );
}
