/**
 * Going on with a text, token by token.
 *
 * Idea   Look at the scores, choose a token, read it, look again. The choice is a value (options.ts), the
 *        reading remembers (writing.ts). A token is given as soon as it is chosen.
 * Maths  greedy: argmax of the scores;  sampling: drawn from probabilities(scores), with one number of a
 *        key for each token, so the same seed writes the same text
 * Axes   none: one text
 * Differs from the paper: there is none.
 * Trap   The likeliest token after the likeliest token is not the likeliest text: greedy goes round in
 *        circles, which is the model's doing, not a fault of the loop.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import { randomKey } from "../core/tensor/mod.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { searchBeams } from "./beam_search.ts";
import { drawn, type GenerationOptions, methodOf, penalised, probabilities } from "./options.ts";
import { beginWriting, type Writing, type WritingOptions } from "./writing.ts";

/**
 * The tokens that follow a prompt, one at a time; it ends at a token of `end`, after `maxTokens`, or
 * where the positions end. Beams are searched to the end before the first token is given.
 *
 * @throws {RangeError} where the prompt is empty or longer than the positions, or the options contradict
 * each other.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { generate } from "@lineage/lineage/generation/generate";
 * import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const heads = { languageModel: true }, sizes = { ...GPT2_TINY, layers: 1 };
 * const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
 * const written: number[] = [];
 * const options = { temperature: 0.8, maxTokens: 5 };
 * for await (const id of generate({ spec: GPT2, sizes, heads, params }, [3, 1, 4], options)) written.push(id);
 * assertEquals(written.length, 5);
 * ```
 */
export async function* generate(
  model: Pretrained,
  prompt: readonly number[],
  options: GenerationOptions = {},
  { cache }: Pick<WritingOptions, "cache"> = {},
): AsyncGenerator<number, void, void> {
  const method = methodOf(options);
  if (method === "beams") return yield* (await searchBeams(model, prompt, options, { cache })).ids;
  const { maxTokens = Infinity, repetitionPenalty = 1, end = [], seed = 0 } = options;
  const writing = await beginWriting(model, [prompt], { room: maxTokens, cache });
  const ids = [...prompt], key = randomKey(seed);
  for (let i = 0; writing.left > 0; i++) {
    const scores = penalised(writing.scores[0], ids, repetitionPenalty);
    const id = method === "greedy"
      ? argmax(scores)
      : drawn(probabilities(scores, options), key.number(i));
    if (end.includes(id)) return;
    yield id;
    ids.push(id);
    if (writing.left > 1) await writing.append([id]);
    else return;
  }
}

/**
 * The likeliest continuations of several prompts at once, each up to a token of `end`: for judging a
 * model on many questions. Prompts may be of unequal length.
 *
 * @throws {RangeError} as `generate`, and for a `maxTokens` that is no whole number above 0.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { continueAll } from "@lineage/lineage/generation/generate";
 * import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const heads = { languageModel: true }, sizes = { ...GPT2_TINY, layers: 1 };
 * const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
 * const found = await continueAll({ spec: GPT2, sizes, heads, params }, [[3, 1], [4]], { maxTokens: 3 });
 * assertEquals(found.map((ids) => ids.length), [3, 3]);
 * ```
 */
export async function continueAll(
  model: Pretrained,
  prompts: readonly (readonly number[])[],
  { maxTokens, end = [] }: { maxTokens: number; end?: readonly number[] },
): Promise<number[][]> {
  methodOf({ maxTokens }); // says what is out of range
  return await continueFrom(await beginWriting(model, prompts, { room: maxTokens }), end);
}

/**
 * The likeliest continuations of all texts of a writing, each up to a token of `end`.
 *
 * @example
 * ```ts
 * import { continueFrom } from "@lineage/lineage/generation/generate";
 * import { assertEquals } from "@std/assert";
 * let left = 3;
 * const stay = () => Promise.resolve();
 * const writing = {
 *   scores: [Float32Array.of(0, 1, 0)],
 *   get left() {
 *     return left;
 *   },
 *   append: () => (left--, stay()),
 *   choose: stay,
 * };
 * assertEquals(await continueFrom(writing, [2]), [[1, 1, 1]]);
 * ```
 */
export async function continueFrom(
  writing: Writing,
  end: readonly number[] = [],
): Promise<number[][]> {
  const found = writing.scores.map((): number[] => []), open = new Set(found.keys());
  while (writing.left > 0) {
    const ids = writing.scores.map(argmax);
    for (const b of open) {
      if (end.includes(ids[b])) open.delete(b);
      else found[b].push(ids[b]);
    }
    if (open.size === 0 || writing.left === 1) break;
    await writing.append(ids);
  }
  return found;
}
