/**
 * Going on with a text, token by token.
 *
 * Idea   Look at the scores, choose a token, read it, look again. The choice is a value (options.ts), the
 *        reading remembers (writing.ts). A token is given as soon as it is chosen.
 * Maths  greedy: argmax of the scores;  sampling: drawn from probabilities(scores), with one number of a
 *        key for each token, so the same seed writes the same text; several texts have a key each
 * Axes   none: one text, or a list of them
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
  if (methodOf(options) === "beams") {
    return yield* (await searchBeams(model, prompt, options, { cache })).ids;
  }
  const { maxTokens = Infinity, end = [], seed = 0 } = options, choose = chooser(options);
  const writing = await beginWriting(model, [prompt], { room: maxTokens, cache });
  const ids = [...prompt], key = randomKey(seed);
  for (let i = 0; writing.left > 0; i++) {
    const id = choose(writing.scores[0], ids, key.number(i));
    if (end.includes(id)) return;
    yield id;
    ids.push(id);
    if (writing.left > 1) await writing.append([id]);
    else return;
  }
}

/** How the next token is chosen, from its scores and the text so far; by the number u where chance decides. */
function chooser(options: GenerationOptions) {
  const method = methodOf(options), { repetitionPenalty = 1 } = options;
  if (method === "beams") throw new RangeError("beams search for one text: give them to generate");
  return (scores: Float32Array, text: readonly number[], u: number): number => {
    const own = penalised(scores, text, repetitionPenalty);
    return method === "greedy" ? argmax(own) : drawn(probabilities(own, options), u);
  };
}

/**
 * Continuations of several prompts at once, each up to a token of `end`: for judging a model on many
 * questions, or for learning from what it writes. Prompts may be of unequal length. Where chance decides, text
 * number b has the key `randomKey(seed, b)` for itself, so that no text depends on the others.
 *
 * @throws {RangeError} as `generate`, and where beams are asked for.
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
 * const model = { spec: GPT2, sizes, heads, params };
 * const likeliest = await continueAll(model, [[3, 1], [4]], { maxTokens: 3 });
 * assertEquals(likeliest.map((ids) => ids.length), [3, 3]);
 * const byChance = await continueAll(model, [[3, 1], [4]], { maxTokens: 3, temperature: 1, seed: 7 });
 * assertEquals(byChance.map((ids) => ids.length), [3, 3]);
 * ```
 */
export async function continueAll(
  model: Pretrained,
  prompts: readonly (readonly number[])[],
  options: Omit<GenerationOptions, "beams"> = {},
): Promise<number[][]> {
  chooser(options); // says what is out of range
  const writing = await beginWriting(model, prompts, { room: options.maxTokens });
  return await continueFrom(writing, options, prompts);
}

/**
 * Continuations of all texts of a writing, each up to a token of `end`, as `continueAll` has them.
 *
 * @param prompts what the texts began with: a repetition penalty counts it
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
 * assertEquals(await continueFrom(writing, { end: [2] }), [[1, 1, 1]]);
 * ```
 */
export async function continueFrom(
  writing: Writing,
  options: Omit<GenerationOptions, "beams" | "maxTokens"> = {},
  prompts: readonly (readonly number[])[] = writing.scores.map(() => []),
): Promise<number[][]> {
  const { end = [], seed = 0 } = options, choose = chooser(options);
  const texts = prompts.map((ids) => [...ids]), open = new Set(texts.keys());
  const keys = prompts.map((_, b) => randomKey(seed, b));
  for (let i = 0; writing.left > 0; i++) {
    const ids = writing.scores.map((scores, b) =>
      open.has(b) ? choose(scores, texts[b], keys[b].number(i)) : 0
    );
    for (const b of open) {
      if (end.includes(ids[b])) open.delete(b);
      else texts[b].push(ids[b]);
    }
    if (open.size === 0 || writing.left === 1) break;
    await writing.append(ids);
  }
  return texts.map((ids, b) => ids.slice(prompts[b].length));
}
