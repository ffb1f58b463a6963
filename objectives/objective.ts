/**
 * Objectives: what a model is trained to do, in one shape for all.
 * Idea   An objective is two functions. `corrupt` takes something from a text and remembers what:
 *        inputs for the model, targets for the loss. `loss` says how badly the model's outputs
 *        guess it. An objective sees tensors and batches, never a model.
 * Maths  L = 1/n Σ over the n things to be guessed of their loss.  Where the parts of a batch are
 *        all divided by the n of the whole, their losses, and so gradients, add up: L = Σₚ Lₚ.
 * Axes   B batch · T positions · M places, flat: position t of row b is place b·T + t
 * Differs from the paper: there is none; each objective's file names its own.
 * @module
 */
import type { EncodedBatch, Encoding } from "../core/text/batch.ts";
import { gather, type Key, rearrange, rename, type Tensor, tensor } from "../core/tensor/mod.ts";

/** A corrupted batch. */
export interface Corrupted<Batch, Targets> {
  /** What was given, untouched. */
  readonly original: Batch;
  /** What became of it, on the host: to be printed, or given to a further objective. */
  readonly batch: EncodedBatch;
  /** The same for the model. */
  readonly inputs: ModelInputs;
  /** What is to be guessed. */
  readonly targets: Targets;
}

/** What every encoder takes. */
export interface ModelInputs {
  /** Which token stands where. */
  readonly ids: Tensor<"B T">;
  /** 0 for the first text, 1 for the second. */
  readonly segments: Tensor<"B T">;
  /** 1 where a token is, 0 where padding is. */
  readonly mask: Tensor<"B T">;
}

/** The two functions of an objective. */
export interface Objective<Batch, Outputs, Targets> {
  /** The name by which models list it. */
  readonly name: string;
  /** Take something away and remember it. The same key takes the same. */
  corrupt(batch: Batch, key: Key): Corrupted<Batch, Targets>;
  /** How far the outputs are from the targets, in nats. */
  loss(outputs: Outputs, targets: Targets): Tensor<"">;
}

/**
 * A batch as tensors.
 *
 * @example
 * ```ts
 * import { asInputs } from "@lineage/lineage/objectives/objective";
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwalk\n"));
 * assertEquals(asInputs(encodeBatch(tokenizer, ["walk", "walk walk"])).ids.shape, [2, 4]);
 * ```
 */
export function asInputs({ ids, segments, mask, shape }: EncodedBatch): ModelInputs {
  const flat = (column: Int32Array) => tensor("B T", column, shape);
  return { ids: flat(ids), segments: flat(segments), mask: flat(mask) };
}

/**
 * The vectors at some places of a batch, as one long text: 1×M×D from B×T×D. What is costly at
 * every position, such as scores of a whole vocabulary, is then computed at these places only.
 *
 * @throws {AxisError} where a place is not in the batch.
 *
 * @example
 * ```ts
 * import { atPlaces } from "@lineage/lineage/objectives/objective";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("B T D", [[[1], [2]], [[3], [4]]]);
 * const picked = atPlaces(x, tensor("M", [3, 0, 0]));
 * assertEquals(picked.shape, [1, 3, 1]);
 * assertEquals([...await read(picked)], [4, 1, 1]);
 * ```
 */
export function atPlaces<A extends string>(
  x: Tensor<`B T ${A}`>,
  places: Tensor<"M">,
): Tensor<`B T ${A}`> {
  const [, , last] = x.axes;
  const rows = rearrange(x as never, `B T ${last} -> (B T) ${last}`) as Tensor;
  const picked = rename(gather(rows, places) as never, `M ${last} -> B·T ${last}`);
  return rearrange(picked as never, `(B T) ${last} -> B T ${last}`, { B: 1 }) as Tensor as Tensor<
    `B T ${A}`
  >;
}

/**
 * Targets of the parts of one batch: from now on each part's loss is divided by the count of all,
 * so that losses and gradients of the parts add up to those of the whole.
 *
 * @example
 * ```ts
 * import { asParts } from "@lineage/lineage/objectives/objective";
 * import { assertEquals } from "@std/assert";
 * assertEquals(asParts([{ count: 3 }, { count: 1 }]), [{ count: 4 }, { count: 4 }]);
 * ```
 */
export function asParts<Targets extends { readonly count: number }>(
  parts: readonly Targets[],
): Targets[] {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return parts.map((part) => ({ ...part, count }));
}

/**
 * One row of a batch; its columns share the batch's memory.
 *
 * @example
 * ```ts
 * import { rowOf } from "@lineage/lineage/objectives/objective";
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwalk\n"));
 * assertEquals([...rowOf(encodeBatch(tokenizer, ["walk", "walk walk"]), 0).ids], [2, 5, 3, 0]);
 * ```
 */
export function rowOf(batch: EncodedBatch, row: number): Encoding<Int32Array<ArrayBuffer>> {
  const length = batch.shape[1];
  const cut = (column: Int32Array<ArrayBuffer>) =>
    column.subarray(row * length, (row + 1) * length);
  const { ids, segments, mask, words, starts, ends } = batch;
  return {
    ids: cut(ids),
    segments: cut(segments),
    mask: cut(mask),
    words: cut(words),
    starts: cut(starts),
    ends: cut(ends),
  };
}

/**
 * Random whole numbers from 0 up to, but not including, a size: one after another from a key.
 *
 * @example
 * ```ts
 * import { draws } from "@lineage/lineage/objectives/objective";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const [draw, again] = [draws(randomKey(1)), draws(randomKey(1))];
 * assertEquals([draw(6), draw(6)], [again(6), again(6)]);
 * ```
 */
export function draws(key: Key): (size: number) => number {
  let drawn = 0;
  return (size) => Math.floor(key.number(drawn++) * size);
}

/**
 * The same items in a random order (Fisher & Yates 1938; Durstenfeld 1964).
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { shuffled } from "@lineage/lineage/objectives/objective";
 * import { assertEquals } from "@std/assert";
 * assertEquals(shuffled([3, 1, 2], randomKey(1)).sort(), [1, 2, 3]);
 * ```
 */
export function shuffled<T>(items: readonly T[], key: Key): T[] {
  const mixed = [...items], draw = draws(key);
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
  }
  return mixed;
}
