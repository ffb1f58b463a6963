/**
 * Small tasks of the micro-world, and a classifier trained on them: what the experiments about using and
 * distilling models have in common.
 * Idea   Few examples, because with many every model is right. The loss is a function of the scores and
 *        the examples, so that labels, a teacher, or both can speak.
 * Maths  scores = W · pooled + b;  L as given, by default the cross-entropy against the labels
 * Axes   B texts · C classes
 * Differs from the papers: the labels of the micro-world are never wrong; `withNoise` makes some so.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { keep, type Key, randomKey, read, type Tensor, tensor } from "../core/tensor/mod.ts";
import { encodeBatch, type TextInput } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { emojiExamples, paraphrases, senseExamples, sentimentExamples } from "../data/mod.ts";
import type { DocumentOptions, World } from "../data/mod.ts";
import { classifyText } from "../models/heads.ts";
import { type ModelParameters, withHeads } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { classLoss } from "../objectives/next_sentence.ts";
import { asInputs, draws } from "../objectives/objective.ts";

/** A text, or a pair, and the number of its class. */
export interface Example {
  /** What is to be classified. */
  readonly text: TextInput;
  /** Its class, from 0. */
  readonly label: number;
}

/** Examples to learn from and others to be judged by. */
export interface Task {
  /** Names of the classes. */
  readonly labels: readonly string[];
  /** To learn from. */
  readonly told: readonly Example[];
  /** To be judged by; none of their texts was told. */
  readonly unseen: readonly Example[];
}

/** The kinds of task: each draws named examples. */
const kinds = {
  sentiment: (world: World, options: DocumentOptions) =>
    sentimentExamples(world, options).map(({ text, label }) => ({ text, name: label })),
  emoji: (world: World, options: DocumentOptions) =>
    emojiExamples(world, options).map(({ text, emoji }) => ({ text, name: emoji })),
  senses: (world: World, options: DocumentOptions) =>
    senseExamples(world, options).map(({ text, word, sense }) => ({
      text,
      name: `${word}: ${sense}`,
    })),
  paraphrases: (world: World, options: DocumentOptions) =>
    paraphrases(world, options).map(({ first, second, same }) => (
      { text: [first, second] as const, name: same ? "same" : "other" }
    )),
};

/** A task of the micro-world with `told` examples to learn from and about `unseen` to be judged by. */
export function microTask(
  kind: keyof typeof kinds,
  world: World,
  { told, unseen = 500, seed }: { told: number; unseen?: number; seed: number },
): Task {
  const first = kinds[kind](world, { seed, count: told });
  const known = new Set(first.map(({ text }) => String(text)));
  const others = kinds[kind](world, { seed: seed + 1_000_000, count: unseen })
    .filter(({ text }) => !known.has(String(text)));
  const labels = [...new Set([...first, ...others].map(({ name }) => name))].sort();
  const numbered = ({ text, name }: { text: TextInput; name: string }) => (
    { text, label: labels.indexOf(name) }
  );
  return { labels, told: first.map(numbered), unseen: others.map(numbered) };
}

/** The same examples, of which a share has a class drawn at random. */
export function withNoise(
  examples: readonly Example[],
  classes: number,
  share: number,
  key: Key,
): Example[] {
  const draw = draws(key);
  return examples.map((example) =>
    draw(1e6) < share * 1e6 ? { ...example, label: draw(classes) } : example
  );
}

/** How a classifier is trained. */
export interface TuneOptions {
  /** Steps, of which a tenth is warm-up. */
  readonly steps: number;
  /** Of the new head and of the batches. */
  readonly seed: number;
  /** Texts a step (default 16). */
  readonly batch?: number;
  /** Tokens a text (default 24). */
  readonly length?: number;
  /** The highest learning rate (default 5e-4). */
  readonly rate?: number;
  /** What is lost (default: the cross-entropy against the labels). */
  readonly loss?: (scores: Tensor<"B C">, chosen: Chosen) => Tensor<"">;
  /** Called every `every` steps with the model as it is then. */
  readonly watch?: { every: number; look: (model: Pretrained, step: number) => Promise<void> };
}

/** The examples of a batch. */
export interface Chosen {
  /** Their numbers among all examples, for whoever has something to say about each. */
  readonly numbers: readonly number[];
  /** Their classes. */
  readonly labels: Tensor<"B">;
  /** How many steps were done before. */
  readonly done: number;
}

/** The loss against the labels alone. */
export const hardLoss = (scores: Tensor<"B C">, { labels, numbers }: Chosen): Tensor<""> =>
  classLoss(scores, { labels, count: numbers.length });

/** A classifier on a copy of a model, trained on examples. */
export async function tune(
  model: Pretrained,
  tokenizer: Tokenizer,
  { told, labels }: Pick<Task, "told" | "labels">,
  options: TuneOptions,
): Promise<Pretrained> {
  const { steps, seed, batch = 16, length = 24, rate = 5e-4, loss = hardLoss, watch } = options;
  const { spec, sizes } = model, heads = { textClasses: labels.length };
  const params = await keep(withHeads(spec, sizes, model.params, heads, randomKey(seed)));
  const tuned = { spec, sizes, heads, params, labels };
  const running = train(await startTraining(params, seed), {
    steps,
    batch: (key, step) => {
      const draw = draws(key);
      const numbers = Array.from({ length: batch }, () => draw(told.length));
      const inputs = inputsOf(tokenizer, numbers.map((i) => told[i].text), length);
      const labels = tensor("B", numbers.map((i) => told[i].label));
      return [{ inputs, chosen: { numbers, labels, done: step - 1 } }];
    },
    loss: (params: ModelParameters, { inputs, chosen }, key) => {
      const { pooled } = encode(spec, sizes, params.encoder, inputs, key);
      return loss(classifyText(pooled!, params.classifier!), chosen);
    },
    rate: linear({ peak: rate, warmup: Math.ceil(steps / 10), steps }),
    adamw: { decays: exceptBiasesAndNorms },
  });
  for await (const { step } of running) {
    if (watch && step % watch.every === 0) await watch.look(tuned, step);
  }
  return tuned;
}

const inputsOf = (tokenizer: Tokenizer, texts: readonly TextInput[], length: number) =>
  asInputs(encodeBatch(tokenizer, texts, {
    maxLength: length,
    padTo: length,
    truncation: "longest_first",
  }));

/** The scores of every class for each text, as rows. */
export async function scoresOf(
  { spec, sizes, params }: Pretrained,
  tokenizer: Tokenizer,
  examples: readonly Example[],
  { length = 24 }: { length?: number } = {},
): Promise<number[][]> {
  const rows: number[][] = [], size = 64;
  for (let start = 0; start < examples.length; start += size) {
    const texts = examples.slice(start, start + size).map(({ text }) => text);
    const { pooled } = encode(spec, sizes, params.encoder, inputsOf(tokenizer, texts, length));
    const scores = [...await read(classifyText(pooled!, params.classifier!))];
    const classes = scores.length / texts.length;
    texts.forEach((_, i) => rows.push(scores.slice(i * classes, (i + 1) * classes)));
  }
  return rows;
}

/** The share of examples whose highest score is that of their class. */
export function accuracy(scores: readonly number[][], examples: readonly Example[]): number {
  const right = examples.filter(({ label }, i) => argmax(scores[i]) === label);
  return right.length / examples.length;
}

/** The mean surprise at the class of an example, in nats. */
export function surprise(scores: readonly number[][], examples: readonly Example[]): number {
  const of = (row: number[], label: number) => {
    const top = Math.max(...row);
    return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) - row[label];
  };
  return examples.reduce((sum, { label }, i) => sum + of(scores[i], label), 0) / examples.length;
}
