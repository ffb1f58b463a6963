/**
 * Beam search — Graves 2012 (1211.3711), algorithm 1; length: Wu et al. 2016 (1609.08144), §7.
 * Idea   Greedy regrets nothing. A beam keeps several texts open, goes on with each in every way, and keeps
 *        the best of all. What ends is put aside; the likeliest for its length wins.
 * Maths  score(text) = Σ log p(token | before) / lengthᵅ, α = 1: the mean log-probability of its tokens
 * Axes   B beams, as the texts of a batch
 * Differs from the paper: Graves 2012 searches for transducers; the length rule is the simplest of those
 *        in use, and Hugging Face's.
 * Trap   Without a rule about length, short texts win: each further token costs something.
 * @module
 */
import type { Pretrained } from "../models/pretrained.ts";
import { type GenerationOptions, methodOf, penalised } from "./options.ts";
import { beginWriting, type Writing, type WritingOptions } from "./writing.ts";

/** A text and how likely it is. */
export interface Beam {
  /** What follows the prompt. */
  readonly ids: readonly number[];
  /** Σ log p of the tokens, that of the end included. */
  readonly logProbability: number;
}

/**
 * The likeliest continuation, for its length, that `beams` texts at a time find.
 *
 * @throws {RangeError} where the prompt is empty or longer than the positions, or the options contradict
 * each other.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { searchBeams } from "@lineage/lineage/generation/beam_search";
 * import { GPT2, GPT2_TINY } from "@lineage/lineage/models/gpt2";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const heads = { languageModel: true }, sizes = { ...GPT2_TINY, layers: 1 };
 * const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
 * const model = { spec: GPT2, sizes, heads, params };
 * const { ids } = await searchBeams(model, [3, 1, 4], { beams: 3, maxTokens: 4 });
 * assertEquals(ids.length, 4);
 * ```
 */
export async function searchBeams(
  model: Pretrained,
  prompt: readonly number[],
  options: GenerationOptions,
  { cache }: Pick<WritingOptions, "cache"> = {},
): Promise<Beam> {
  const { beams = 1, maxTokens = Infinity } = options;
  methodOf(options);
  const prompts = Array.from({ length: beams }, () => prompt);
  const writing = await beginWriting(model, prompts, { room: maxTokens, cache });
  return await searchFrom(writing, prompt, options);
}

/**
 * The likeliest continuation of a writing that has as many equal texts as there are `beams`.
 *
 * @param before What was written before it, for the repetition penalty.
 * @throws {RangeError} where the options contradict each other.
 *
 * @example
 * ```ts
 * import { searchFrom } from "@lineage/lineage/generation/beam_search";
 * import { assertEquals } from "@std/assert";
 * const scores = [Float32Array.of(0, 1), Float32Array.of(0, 1)]; // always the same: 1 is likelier
 * let left = 3;
 * const stay = () => Promise.resolve();
 * const writing = {
 *   scores,
 *   get left() {
 *     return left;
 *   },
 *   append: () => (left--, stay()),
 *   choose: stay,
 * };
 * assertEquals((await searchFrom(writing, [], { beams: 2 })).ids, [1, 1, 1]);
 * ```
 */
export async function searchFrom(
  writing: Writing,
  before: readonly number[],
  options: GenerationOptions,
): Promise<Beam> {
  methodOf(options);
  const { beams = 1, repetitionPenalty = 1, end = [] } = options;
  let open: Beam[] = [{ ids: [], logProbability: 0 }];
  const ended: Beam[] = [];
  while (writing.left > 0) {
    const ways = open.flatMap(({ ids, logProbability }, row) => {
      const scores = penalised(writing.scores[row], [...before, ...ids], repetitionPenalty);
      return best(logarithms(scores), 2 * beams).map(([id, log]) => ({
        row,
        id,
        beam: { ids: [...ids, id], logProbability: logProbability + log },
      }));
    }).sort((a, b) => b.beam.logProbability - a.beam.logProbability);
    for (const { id, beam } of ways.slice(0, beams)) {
      if (end.includes(id)) ended.push(beam);
    }
    const kept = ways.filter(({ id }) => !end.includes(id)).slice(0, beams);
    open = kept.map(({ beam }) => beam);
    if (ended.length >= beams || open.length === 0 || writing.left === 1) break;
    const rows = Array.from({ length: beams }, (_, i) => kept[i] ?? kept[0]);
    await writing.choose(rows.map(({ row }) => row));
    await writing.append(rows.map(({ id }) => id));
  }
  const found = [...ended, ...open].reduce((a, b) => mean(b) > mean(a) ? b : a);
  return { ...found, ids: found.ids.filter((id) => !end.includes(id)) };
}

const mean = ({ ids, logProbability }: Beam) => logProbability / ids.length;

function logarithms(scores: Float64Array): Float64Array {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = scores.reduce((sum, s) => sum + Math.exp(s - most), 0);
  return scores.map((s) => s - most - Math.log(total));
}

/** The `count` largest numbers and their places, the largest first. */
function best(values: Float64Array, count: number): [number, number][] {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a] || a - b);
  return order.slice(0, count).map((i) => [i, values[i]]);
}
