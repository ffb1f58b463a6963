/**
 * Fine-tuning — Devlin et al. 2018 (1810.04805), §3.2, §4 and appendix A.3.
 * Idea   Keep what pre-training has learned, put one new layer on top, and train everything a little on
 *        the examples of a task. Judge on examples set apart (dev) and keep the best state seen.
 * Maths  θ₀ = pre-trained, head random;  θₙ = AdamW(θₙ₋₁, ∇L(batch n));  kept: argmax over n of score_dev(θₙ)
 * Axes   B rows · T positions
 * Differs from the paper: it chooses the best of several learning rates on dev; here the best moment of
 *        one run is chosen. A tenth of the steps warm up, as in the authors' code.
 * Trap   To choose on test is to report luck: dev chooses, test is looked at once, after.
 * @module
 */
import { keep, type Key, randomKey } from "../core/tensor/mod.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, type StepReport, train } from "../core/training/loop.ts";
import { type ModelParameters, withHeads } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { asInputs, rowOf, shuffled } from "../objectives/objective.ts";
import { evaluate, mainScore, type Report } from "./evaluate.ts";
import type { Scores } from "./metrics.ts";
import { asBatch, type Row, type Task } from "./task.ts";

/** Which rows a step learns from. */
export type Batches<Example> = (key: Key, step: number) => readonly Row<Example>[];

/** How to fine-tune. */
export interface FinetuneOptions<Example> {
  /** Which rows each step learns from. */
  readonly batches: Batches<Example>;
  /** How many steps. */
  readonly steps: number;
  /** The highest learning rate. */
  readonly rate: number;
  /** Of dropout, and of the key that the batches get. */
  readonly seed: number;
  /** Examples set apart, after how many steps each to judge on them, and who is told how far that is. */
  readonly dev?: {
    readonly examples: readonly Example[];
    readonly every: number;
    readonly report?: Report;
  };
}

/** What a step did, and what dev says if it was asked. */
export interface FinetuneReport extends StepReport {
  /** Scores on dev, after this step. */
  readonly dev?: Scores;
  /** Whether the model is now the one to keep: the best on dev so far; without dev, the last. */
  readonly best: boolean;
}

/**
 * A model with the head of a task, started anew, on an encoder that learned elsewhere.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { withHeadOf } from "@lineage/lineage/tasks/finetune";
 * import { textClassification } from "@lineage/lineage/tasks/text_classification";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 6, layers: 1 }, heads = { maskedLM: true };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const learned = { spec: BERT, sizes, heads, params, tokenizer };
 * const task = textClassification(learned, ["bad", "good"], 16);
 * const model = await withHeadOf(task, learned, 1);
 * assertEquals(model.params.classifier?.weight.shape, [2, BERT_TINY.width]);
 * ```
 */
export async function withHeadOf<Example, Answer>(
  { heads, labels }: Task<Example, Answer>,
  model: Pretrained,
  seed: number,
): Promise<Pretrained> {
  const { spec, sizes } = model;
  const params = await keep(withHeads(spec, sizes, model.params, heads, randomKey(seed)));
  return { ...model, heads, params, labels };
}

/**
 * Each row once in every epoch, in an order of its own, `size` at a time.
 *
 * @throws {RangeError} where there is no row, or `size` is no whole number above 0.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { inEpochs } from "@lineage/lineage/tasks/finetune";
 * import { assertEquals } from "@std/assert";
 * const rows = ["a", "b", "c"].map((text) => ({ example: text, text, from: 0, to: 1 }));
 * const batches = inEpochs(rows, 2, 1), key = randomKey(1);
 * const drawn = [1, 2, 3].flatMap((step) => batches(key, step)).map((row) => row.text);
 * assertEquals(drawn.slice(0, 3).sort(), ["a", "b", "c"]);
 * assertEquals(drawn.slice(3).sort(), ["a", "b", "c"]);
 * ```
 */
export function inEpochs<Example>(
  rows: readonly Row<Example>[],
  size: number,
  seed: number,
): Batches<Example> {
  if (rows.length === 0) throw new RangeError("there is no row to learn from; give examples");
  if (!(Number.isInteger(size) && size > 0)) {
    throw new RangeError(`a batch of ${size} rows; give a whole number above 0`);
  }
  let epoch = -1, order: Row<Example>[] = [];
  return (_, step) =>
    Array.from({ length: size }, (_, i) => {
      const place = (step - 1) * size + i, now = Math.floor(place / rows.length);
      if (now !== epoch) order = shuffled(rows, randomKey(seed, now));
      epoch = now;
      return order[place % rows.length];
    });
}

/**
 * Train a model on a task, step by step: in the body of your `for await` the model is as the step left
 * it; save it there when the report says `best`.
 *
 * @throws {DivergedError} when loss or gradient is not finite.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { finetune, inEpochs, withHeadOf } from "@lineage/lineage/tasks/finetune";
 * import { textClassification } from "@lineage/lineage/tasks/text_classification";
 * import { assertEquals } from "@std/assert";
 * const words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\n";
 * const sizes = { ...BERT_TINY, vocabulary: 7, layers: 1 }, heads = { maskedLM: true };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const tokenizer = wordPiece(parseVocabulary(words));
 * const learned = { spec: BERT, sizes, heads, params, tokenizer };
 *
 * const examples = ["good", "bad"].map((text) => ({ text, label: text }));
 * const task = textClassification(learned, ["bad", "good"], 8);
 * const model = await withHeadOf(task, learned, 1);
 * const batches = inEpochs(examples.flatMap(task.rows), 4, 1);
 * const options = { batches, steps: 20, rate: 2e-3, seed: 1, dev: { examples, every: 20 } };
 * for await (const { dev } of finetune(model, task, options)) {
 *   if (dev) assertEquals(dev.values.accuracy, 1);
 * }
 * ```
 */
export async function* finetune<Example, Answer>(
  model: Pretrained,
  task: Task<Example, Answer>,
  { batches, steps, rate, seed, dev }: FinetuneOptions<Example>,
): AsyncGenerator<FinetuneReport, void, void> {
  const training = await startTraining(model.params, seed);
  let best = -Infinity;
  const running = train(training, {
    steps,
    batch: (key, step) => [batches(key, step)],
    loss: (params: ModelParameters, rows: readonly Row<Example>[], key) => {
      const batch = asBatch(task, rows);
      const targets = rows.map((row, b) => task.target(row, rowOf(batch, b)));
      return task.loss(task.scores(params, asInputs(batch), key), targets);
    },
    rate: linear({ peak: rate, warmup: Math.ceil(steps / 10), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
  for await (const report of running) {
    const due = dev && (report.step % dev.every === 0 || report.step === steps);
    const scores = due ? await evaluate(model, task, dev.examples, dev.report) : undefined;
    const score = scores ? mainScore(scores) : -Infinity;
    yield { ...report, dev: scores, best: dev ? score > best : report.step === steps };
    best = Math.max(best, score);
  }
}
