/**
 * Instruction tuning (SFT) — Wei et al. 2021 (2109.01652); InstructGPT, first step: Ouyang et al. 2022 (2203.02155), §3.2.
 * Idea   A language model goes on with a text; asked a question, it may well ask another. Shown questions
 *        with answers it learns to answer. It is the same loss, but only the answer counts: the model is
 *        not to learn to ask.
 * Maths  L = 1/n Σ over the n positions t before a token of an answer of −log softmax(logits[t])[token t + 1]
 * Axes   B batch · T positions · V vocabulary; segment 0 is the instruction, segment 1 its answer
 * Differs from the paper: which does not say whether the instruction counts, too; here it does not. The
 *        mark that ends an answer is part of it, else the model would not know when to stop.
 * Trap   The first token of the answer is named at the last position of the instruction: a mask on the
 *        positions of the answer, instead of on what they name, loses it.
 * @module
 */
import type { EncodedBatch } from "../core/text/batch.ts";
import { ignored } from "../core/tensor/mod.ts";
import { type LanguageModelling, tokenLoss, tokenTargets } from "./left_to_right.ts";
import { asInputs } from "./objective.ts";

/**
 * At each position before a token of an answer, name it.
 *
 * Its `corrupt` throws a RangeError where the batch has no answers: encode pairs of instruction and
 * answer.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { instructionTuning } from "@lineage/lineage/objectives/instruction_tuning";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwho\noona\n"));
 * const template = { single: "cls A sep", pair: "cls A B:1 sep:1" };
 * const batch = encodeBatch({ ...tokenizer, template }, [["who", "oona"]]); // [CLS] who oona [SEP]
 * const { targets } = instructionTuning().corrupt(batch, randomKey(1));
 * assertEquals([...await read(targets.labels)], [-100, 6, 3, -100]);
 * ```
 */
export function instructionTuning(): LanguageModelling {
  const corrupt = (original: EncodedBatch) => {
    const { ids, mask, segments, shape } = original, [, T] = shape;
    const labels = Float32Array.from(ids, (_, i) => {
      const counts = i % T < T - 1 && mask[i + 1] === 1 && segments[i + 1] === 1;
      return counts ? ids[i + 1] : ignored;
    });
    const targets = tokenTargets(labels, shape);
    return { original, batch: original, inputs: asInputs(original), targets };
  };
  return { name: "instructionTuning", corrupt, loss: tokenLoss };
}
