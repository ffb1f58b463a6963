/**
 * Writing text: from a prompt in words to words, as they come.
 *
 * Idea   Tokens are not letters: a letter may be cut between two tokens, and a stop string may begin in
 *        one and end in the next. So what may still change is held back.
 * Maths  none.
 * Axes   none: one text
 * Differs from the paper: there is none.
 * Trap   A prompt that ends with a space reads unlike any text the model has seen: in byte-level BPE the
 *        space belongs to the next word.
 * @module
 */
import type { Pretrained } from "../models/pretrained.ts";
import { generate } from "./generate.ts";
import type { GenerationOptions } from "./options.ts";

/** How text is written. */
export interface WriteOptions extends GenerationOptions {
  /** The text ends before the first of these. */
  readonly stop?: readonly string[];
}

/**
 * The text that follows a prompt, piece by piece.
 *
 * @throws {RangeError} as `generate`, and {Error} where the model has no tokenizer.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { byteBPE } from "@lineage/lineage/core/text/byte_bpe";
 * import { trainByteBPE } from "@lineage/lineage/core/text/train_byte_bpe";
 * import { write } from "@lineage/lineage/generation/write";
 * import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assert } from "@std/assert";
 * const tokenizer = byteBPE(trainByteBPE(["a boat, a boat"], { vocabSize: 260 }));
 * const heads = { languageModel: true }, sizes = { ...GPT2_TINY, vocabulary: 260, layers: 1 };
 * const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
 * const model = { spec: GPT2, sizes, heads, params, tokenizer };
 * let text = "";
 * for await (const piece of write(model, "a boat", { topK: 50, maxTokens: 8, stop: ["."] })) text += piece;
 * assert(!text.includes("."));
 * ```
 */
export async function* write(
  model: Pretrained,
  prompt: string,
  { stop = [], ...options }: WriteOptions = {},
): AsyncGenerator<string, void, void> {
  const { tokenizer } = model;
  if (!tokenizer) throw new Error("the model has no tokenizer: load it from a folder that has one");
  if (stop.includes("")) throw new RangeError("an empty stop string ends every text: leave it out");
  const { sep } = tokenizer.vocabulary.special;
  const ids: number[] = [], asked = { end: [sep], ...options };
  let text = "", given = 0;
  for await (const id of generate(model, tokenizer.encode(prompt).map(({ id }) => id), asked)) {
    ids.push(id);
    text = tokenizer.decode(ids, { cleanUp: false });
    const ends = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
    if (ends.length) {
      text = text.slice(0, Math.min(...ends));
      break;
    }
    const sure = settled(text, stop);
    if (sure > given) yield text.slice(given, sure);
    given = Math.max(given, sure);
  }
  if (text.length > given) yield text.slice(given);
}

/** How much of a text will stay: not a letter that is cut, nor what may be the beginning of a stop string. */
function settled(text: string, stop: readonly string[]): number {
  const whole = text.replace(/\uFFFD+$/, "").length;
  const open = stop.map((s) => {
    for (let n = Math.min(s.length - 1, whole); n > 0; n--) {
      if (text.slice(whole - n, whole) === s.slice(0, n)) return n;
    }
    return 0;
  });
  return whole - Math.max(0, ...open);
}
