/**
 * A small Transformer-XL that reads documents as one long stream, segment by segment, with a memory or
 * without.
 * Idea   Row b of the next batch goes on where row b of this one stopped, so what a layer was given in one
 *        segment can be looked at in the next. The memory is replaced in the same run that takes a step.
 * Maths  L = mean over a segment's positions of −log p(next token | segment so far, memory)
 * Axes   B streams · T positions
 * Differs from the paper: every document begins with its mark, and streams are shuffled documents.
 * @module
 */
import { adaptiveSurprise } from "../core/adaptive_softmax.ts";
import { deviationFor, initialise } from "../core/parameters.ts";
import { emptyMemory, type Memory } from "../core/recurrence.ts";
import {
  keep,
  type Key,
  mean,
  randomKey,
  read,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../core/tensor/mod.ts";
import { encode } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { adamw, adamwState, exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { linear } from "../core/training/learning_rate.ts";
import type { Document } from "../data/mod.ts";
import {
  transformerXL,
  type TransformerXLParameters,
  transformerXLParameters,
  type TransformerXLSizes,
} from "../models/transformer_xl.ts";
import { draws } from "../objectives/objective.ts";
import type { Report } from "./experiment.ts";

/** Streams of tokens, cut into segments. */
export interface Streams {
  /** How many run side by side. */
  readonly batch: number;
  /** How long a segment is. */
  readonly length: number;
  /** The tokens of a segment, and of the same places one later. */
  segment(n: number): { ids: Tensor<"B T">; next: Tensor<"B T"> };
}

/** Documents one after another in each of `batch` streams, in an order drawn anew for each. */
export function streamsOf(
  documents: readonly Document[],
  tokenizer: Tokenizer,
  { batch, length, segments, key }: { batch: number; length: number; segments: number; key: Key },
): Streams {
  const encoded = documents.map(({ text }) => encode(tokenizer, text).ids.slice(0, -1)); // no [SEP]
  const rows = Array.from({ length: batch }, (_, b) => {
    const draw = draws(key.derive(b)), row: number[] = [];
    while (row.length <= segments * length) row.push(...encoded[draw(encoded.length)]);
    return row;
  });
  const cut = (from: number) =>
    tensor("B T", rows.flatMap((row) => row.slice(from, from + length)), [batch, length]);
  return {
    batch,
    length,
    segment: (n) => ({ ids: cut(n * length), next: cut(n * length + 1) }),
  };
}

/** How surprised a model is at each position of a segment, and what it remembers then. */
export function readSegment(
  sizes: TransformerXLSizes,
  params: TransformerXLParameters,
  { ids, next }: ReturnType<Streams["segment"]>,
  memory?: Memory,
): { surprise: Tensor<"B T">; memory: Memory } {
  const out = transformerXL(sizes, params, ids, memory);
  return { surprise: adaptiveSurprise(out.last, next, params.words), memory: out.memory };
}

/** A memory to begin with, or none where the model has none. */
const firstMemory = async (sizes: TransformerXLSizes, { batch }: Streams) =>
  sizes.memory > 0 ? await keep(emptyMemory(sizes, batch, sizes.memory)) : undefined;

/** Train on a stream, one segment a step; with a memory where the sizes have one. */
export async function trainOnStreams(
  sizes: TransformerXLSizes,
  streams: Streams,
  { steps, seed, peak = 3e-3 }: { steps: number; seed: number; peak?: number },
  report: Report,
): Promise<TransformerXLParameters> {
  const drawn = initialise(
    transformerXLParameters(sizes),
    randomKey(seed),
    deviationFor(sizes.width),
  );
  const params = await keep(drawn), state = await keep(adamwState(params));
  const memory = await firstMemory(sizes, streams);
  const schedule = linear({ peak, warmup: Math.ceil(steps / 20), steps });
  for (let step = 1; step <= steps; step++) {
    const segment = streams.segment(step - 1);
    let remembered: Memory = [];
    const { value, gradients } = valueAndGrad((params: TransformerXLParameters) => {
      const { surprise, memory: now } = readSegment(sizes, params, segment, memory);
      remembered = now;
      return mean(surprise);
    })(params);
    const clipped = clipByGlobalNorm(gradients, 1, params);
    const next = adamw(params, clipped.gradients, state, {
      rate: schedule(step - 1),
      step,
      decays: exceptBiasesAndNorms,
    });
    const [loss] = await read(value, [
      [params, next.params],
      [state, next.state],
      ...memory ? [[memory, remembered] as [Memory, Memory]] : [],
    ]);
    if (step % Math.ceil(steps / 4) === 0) {
      await report(
        `memory of ${sizes.memory}, step ${step} of ${steps}, loss ${loss.toFixed(2)}`,
      );
    }
  }
  return params;
}

/** The mean surprise at each position of a segment, over some segments of a stream. */
export async function surpriseByPosition(
  sizes: TransformerXLSizes,
  params: TransformerXLParameters,
  streams: Streams,
  segments: number,
): Promise<number[]> {
  const sums = new Array<number>(streams.length).fill(0), warm = 2; // a memory must fill first
  let memory = await firstMemory(sizes, streams);
  for (let n = 0; n < segments + warm; n++) {
    const out = readSegment(sizes, params, streams.segment(n), memory);
    const surprise = await read(mean(out.surprise, "B"));
    if (memory) memory = await keep(out.memory);
    if (n >= warm) surprise.forEach((nats, t) => sums[t] += nats / segments);
  }
  return sums;
}
