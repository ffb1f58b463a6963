/**
 * Language modelling, left to right or right to left — Bengio et al. 2003 (JMLR 3, 1137); GPT: Radford et al. 2018.
 * Idea   Nothing is hidden in the text: the model hides the future from itself (core/masks.ts), and at each
 *        position names the token that comes next. Or, in the other direction, the one before.
 * Maths  L = 1/n Σ over t of −log softmax(logits[t])[token t + 1];  right to left: token t − 1
 * Axes   B batch · T positions · V vocabulary
 * Differs from the paper: nothing. What is padding, and what follows on padding, does not count.
 * Trap   Labels that are not shifted teach the model to copy the token it sees: the loss falls to nothing.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import {
  crossEntropy,
  divide,
  ignored,
  scalar,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { asInputs, type Objective } from "./objective.ts";

/** Which token is to be named at which position. */
export interface TokenTargets {
  /** The tokens; `ignored` where none is. */
  readonly labels: Tensor<"B T">;
  /** What the sum of the losses is divided by: how many are to be named. */
  readonly count: number;
}

/** The objective of a language model. */
export type LanguageModelling = Objective<EncodedBatch, Tensor<"B T V">, TokenTargets>;

/**
 * At each position, name the token after it: GPT's objective.
 *
 * Its `corrupt` throws a RangeError where no token of the batch has one after it.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { nextToken } from "@lineage/lineage/objectives/left_to_right";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const batch = encodeBatch(tokenizer, ["boat"], { padTo: 4 }); // [CLS] boat [SEP] [PAD]
 * const { targets } = nextToken().corrupt(batch, randomKey(1));
 * assertEquals([...await read(targets.labels)], [5, 3, -100, -100]);
 * ```
 */
export const nextToken = (): LanguageModelling => towards("nextToken", 1);

/**
 * At each position, name the token before it: for models that see what comes after.
 *
 * Its `corrupt` throws a RangeError where no token of the batch has one before it.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { previousToken } from "@lineage/lineage/objectives/left_to_right";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n"));
 * const { targets } = previousToken().corrupt(encodeBatch(tokenizer, ["boat"]), randomKey(1));
 * assertEquals([...await read(targets.labels)], [-100, 2, 5]);
 * ```
 */
export const previousToken = (): LanguageModelling => towards("previousToken", -1);

function towards(name: string, step: 1 | -1): LanguageModelling {
  const corrupt = (original: EncodedBatch) => {
    const { ids, mask, shape } = original, [, T] = shape;
    const labels = Float32Array.from(ids, (_, i) => {
      const t = i % T + step, inText = t >= 0 && t < T;
      return inText && mask[i] === 1 && mask[i + step] === 1 ? ids[i + step] : ignored;
    });
    const targets = tokenTargets(labels, shape);
    return { original, batch: original, inputs: asInputs(original), targets };
  };
  return { name, corrupt, loss: tokenLoss };
}

/**
 * Targets of labels that are laid out as a batch is.
 *
 * @throws {RangeError} where all labels are `ignored`.
 *
 * @example
 * ```ts
 * import { tokenTargets } from "@lineage/lineage/objectives/left_to_right";
 * import { assertEquals } from "@std/assert";
 * assertEquals(tokenTargets(Float32Array.of(7, -100), [1, 2]).count, 1);
 * ```
 */
export function tokenTargets(labels: Float32Array, shape: readonly number[]): TokenTargets {
  const count = labels.reduce((n, label) => label === ignored ? n : n + 1, 0);
  if (count > 0) return { labels: tensor("B T", labels, shape), count };
  throw new RangeError("there is no token to be named: give texts of at least two tokens");
}

/**
 * The mean surprise at the tokens to be named, in nats.
 *
 * @example
 * ```ts
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { tokenLoss, tokenTargets } from "@lineage/lineage/objectives/left_to_right";
 * import { assertAlmostEquals } from "@std/assert";
 * const logits = tensor("B T V", [[[0, 0, 0, 0], [9, 0, 0, 0]]]);
 * const loss = tokenLoss(logits, tokenTargets(Float32Array.of(2, -100), [1, 2]));
 * assertAlmostEquals((await read(loss))[0], Math.log(4), 1e-6);
 * ```
 */
export function tokenLoss(
  logits: Tensor<"B T V">,
  { labels, count }: TokenTargets,
): Tensor<""> {
  return divide(sum(crossEntropy(logits, labels, "V")), scalar(count));
}
