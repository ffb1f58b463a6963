/**
 * Fine-tuning a pre-trained encoder to classify texts.
 *
 * Idea   Keep the encoder, put a fresh linear layer on its pooled vector, and train both a little.
 * Maths  L = mean over texts of −log softmax(W·pooled + b)[label]
 * Axes   B texts · C classes
 * @module
 */
import { keep, type Key, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, type StepReport, train } from "../core/training/loop.ts";
import { classifyText } from "../models/heads.ts";
import { type ModelParameters, withHeads } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { classLoss } from "../objectives/next_sentence.ts";
import { asInputs, draws } from "../objectives/objective.ts";

/** A text and the number of its class. */
export interface Labelled {
  /** What is to be classified. */
  text: string;
  /** Its class, from 0. */
  label: number;
}

/** A model with a classifier on top, its encoder copied from a pre-trained one. */
export async function withClassifier(
  model: Pretrained,
  labels: readonly string[],
  seed: number,
): Promise<Pretrained> {
  const { spec, sizes, tokenizer } = model, heads = { textClasses: labels.length };
  const params = await keep(withHeads(spec, sizes, model.params, heads, randomKey(seed)));
  return { spec, sizes, heads, params, tokenizer, labels };
}

/** Train a classifier, step by step. */
export async function* finetune(
  model: Pretrained,
  tokenizer: Tokenizer,
  examples: readonly Labelled[],
  options: { steps: number; batch: number; length: number; rate: number; seed: number },
): AsyncGenerator<StepReport> {
  const { spec, sizes } = model, { steps, batch, length } = options;
  const training = await startTraining(model.params, options.seed);
  const loss = (params: ModelParameters, chosen: Labelled[], key: Key) => {
    const inputs = inputsOf(tokenizer, chosen.map((e) => e.text), length);
    const { pooled } = encode(spec, sizes, params.encoder, inputs, key);
    const labels = tensor("B", chosen.map((e) => e.label));
    return classLoss(classifyText(pooled!, params.classifier!), { labels, count: batch });
  };
  yield* train(training, {
    steps,
    batch: (key) => {
      const draw = draws(key);
      return [Array.from({ length: batch }, () => examples[draw(examples.length)])];
    },
    loss,
    rate: linear({ peak: options.rate, warmup: Math.ceil(steps / 10), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
}

const inputsOf = (tokenizer: Tokenizer, texts: readonly string[], length: number) =>
  asInputs(encodeBatch(tokenizer, texts, {
    maxLength: length,
    padTo: length,
    truncation: "longest_first",
  }));

/** The class that a model finds most likely for each text. */
export async function classify(
  model: Pretrained,
  tokenizer: Tokenizer,
  texts: readonly string[],
  length: number,
): Promise<number[]> {
  const { spec, sizes, params } = model, found: number[] = [], size = 32;
  for (let start = 0; start < texts.length; start += size) {
    const chosen = texts.slice(start, start + size);
    const { pooled } = encode(spec, sizes, params.encoder, inputsOf(tokenizer, chosen, length));
    const scores = await read(classifyText(pooled!, params.classifier!));
    const classes = scores.length / chosen.length;
    for (let i = 0; i < chosen.length; i++) {
      const row = Array.from(scores.subarray(i * classes, (i + 1) * classes));
      found.push(row.indexOf(Math.max(...row)));
    }
  }
  return found;
}
