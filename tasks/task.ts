/**
 * A task: what fine-tuning needs to know of it — Devlin et al. 2018 (1810.04805), §3.2 and figure 4.
 * Idea   One encoder, many tasks: each adds one linear layer, and says how its examples become rows of
 *        tokens, what is right at which place, and how an answer is read off the scores. What trains and
 *        judges (finetune.ts) is the same for all.
 * Maths  scores = head(encode(rows));  L = mean of −log softmax(scores)[target]
 * Axes   B rows · T positions · C classes
 * Differs from the paper: an example that is too long for the model becomes several rows, where its task
 *        can put their answers together.
 * @module
 */
import type { Key, Tensor } from "../core/tensor/mod.ts";
import {
  encodeBatch,
  type EncodedBatch,
  type Encoding,
  type TextInput,
} from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { countedAfterPadding } from "../core/positions.ts";
import type { Heads, ModelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import type { ModelInputs } from "../objectives/objective.ts";
import type { Scores } from "./metrics.ts";

/** A row for the model: an example, or a part of it. */
export interface Row<Example> {
  /** Of which it is made. */
  readonly example: Example;
  /** What the model reads. */
  readonly text: TextInput;
  /** Where the part begins and ends, in the task's own units. */
  readonly from: number;
  /** One past its end. */
  readonly to: number;
}

/** A row that the model has read. */
export interface Seen<Example> extends Row<Example> {
  /** Its tokens, padding included. */
  readonly encoding: Encoding<Int32Array>;
  /** The model's scores for this row, flat. */
  readonly scores: ArrayLike<number>;
}

/** A task as a record of functions. */
export interface Task<Example, Answer> {
  /** What stands on the encoder. */
  readonly heads: Heads;
  /** Names of the classes, if there are classes. */
  readonly labels?: readonly string[];
  /** Cuts text into tokens. */
  readonly tokenizer: Tokenizer;
  /** Most tokens in a row. */
  readonly length: number;
  /** The rows of an example; throws a RangeError where it cannot be put into rows. */
  readonly rows: (example: Example) => Row<Example>[];
  /** What is right, as numbers; throws a RangeError where that is not among the labels. */
  readonly target: (row: Row<Example>, encoding: Encoding<Int32Array>) => number[];
  /** What the model says of each row. */
  readonly scores: (params: ModelParameters, inputs: ModelInputs, key?: Key) => Tensor;
  /** How far that is from what is right, in nats. */
  readonly loss: (scores: Tensor, targets: readonly number[][]) => Tensor<"">;
  /** The answer to an example whose rows the model has seen. */
  readonly answer: (example: Example, seen: readonly Seen<Example>[]) => Answer;
  /** How good the answers are. */
  readonly judge: (examples: readonly Example[], answers: readonly Answer[]) => Scores;
}

/**
 * The tokenizer of a model, and the most tokens of a row that it can read, up to `length`.
 *
 * @throws {RangeError} where the model came without the files of a tokenizer.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { ROBERTA, ROBERTA_BASE } from "@lineage/lineage/models/roberta";
 * import { readingOf } from "@lineage/lineage/tasks/task";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"));
 * const model = { spec: ROBERTA, sizes: ROBERTA_BASE, tokenizer };
 * assertEquals(readingOf(model, 1000).length, 512); // of 514 positions
 * ```
 */
export function readingOf(
  { tokenizer, spec, sizes }: Pick<Pretrained, "tokenizer" | "spec" | "sizes">,
  length: number,
): { tokenizer: Tokenizer; length: number } {
  if (!tokenizer) {
    throw new RangeError(`this ${spec.name} has no tokenizer; add its files (vocab.txt)`);
  }
  const { positions, padding = 0 } = sizes;
  const usable = spec.positions === countedAfterPadding ? positions - padding - 1 : positions;
  return { tokenizer, length: Math.min(length, usable) };
}

/**
 * Rows as a batch. Its length is a multiple of 32, or the task's own, so that a few lengths serve all
 * texts and few programs are made.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { asBatch } from "@lineage/lineage/tasks/task";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const rows = [{ text: "boat ".repeat(40) }, { text: "boat" }];
 * assertEquals(asBatch({ tokenizer, length: 100 }, rows).shape, [2, 64]);
 * assertEquals(asBatch({ tokenizer, length: 24 }, rows).shape, [2, 24]);
 * ```
 */
export function asBatch(
  { tokenizer, length }: { tokenizer: Tokenizer; length: number },
  rows: readonly { readonly text: TextInput }[],
): EncodedBatch {
  const fitted = { maxLength: length, truncation: "longest_first" } as const;
  const texts = rows.map(({ text }) => text);
  const [, longest] = encodeBatch(tokenizer, texts, fitted).shape;
  const padTo = Math.min(length, 32 * Math.ceil(longest / 32));
  return encodeBatch(tokenizer, texts, { ...fitted, padTo });
}
