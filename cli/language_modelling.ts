/**
 * Training a GPT on plain text, and judging it beside a model that counts.
 *
 * Idea   The documents are one long row of tokens with a mark between them. A lesson is some windows of it;
 *        text that was held back says how much was learnt and how much was learnt by heart.
 * Maths  L = mean over the tokens of the windows of −log p(token | those before it in the window)
 * Axes   B windows · T positions · V vocabulary
 * Differs from the paper: there is none for the windows. They are drawn anywhere while learning, and
 *        overlap by half while judging.
 * Trap   Windows that are laid end to end judge their first tokens by next to nothing, and an n-gram that
 *        reads on past their ends is judged more kindly.
 * @module
 */
import { ignored, type Key, read, type Tensor, tensor } from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { type ModelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { tokenLoss } from "../objectives/left_to_right.ts";
import type { Sentences } from "../objectives/next_sentence.ts";
import { draws } from "../objectives/objective.ts";

/** The tokens of documents, each ended by the mark that ends a text. */
export function tokensOf(
  tokenizer: Tokenizer,
  documents: readonly Sentences[],
): Int32Array<ArrayBuffer> {
  const { sep } = tokenizer.vocabulary.special;
  return Int32Array.from(documents.flatMap((sentences) => [
    ...tokenizer.encode(sentences.join(" ")).map(({ id }) => id),
    sep,
  ]));
}

/** Windows: T tokens each, and the token after each of them. */
export interface Windows {
  /** What is read. */
  ids: Tensor<"B T">;
  /** What is to be named; `ignored` where nothing is. */
  labels: Tensor<"B T">;
  /** How many are to be named. */
  count: number;
}

/** A window begins here; what stands before `from` in it is read, but need not be named. */
interface Place {
  at: number;
  from: number;
}

function windowsAt(ids: Int32Array, places: readonly Place[], length: number): Windows {
  const shown = new Float32Array(places.length * length), asked = shown.slice().fill(ignored);
  let count = 0;
  places.forEach(({ at, from }, b) => {
    shown.set(ids.subarray(at, at + length), b * length);
    asked.set(ids.subarray(at + from + 1, at + length + 1), b * length + from);
    count += length - from;
  });
  const rows = (values: typeof shown) => tensor("B T", values, [places.length, length]);
  return { ids: rows(shown), labels: rows(asked), count };
}

/** Windows drawn by chance. */
export function drawWindows(
  ids: Int32Array,
  { batch, length }: { batch: number; length: number },
  key: Key,
): Windows {
  const room = ids.length - length, draw = draws(key);
  if (room < 1) {
    throw new RangeError(
      `a text of ${ids.length} tokens has no window of ${length} and one more; give more text, or a` +
        " shorter --length",
    );
  }
  return windowsAt(ids, Array.from({ length: batch }, () => ({ at: draw(room), from: 0 })), length);
}

/** The mean surprise of a model at the tokens of windows, in nats; with a key, with dropout. */
export function windowLoss(
  { spec, sizes }: Pick<Pretrained, "spec" | "sizes">,
  params: ModelParameters,
  { ids, ...targets }: Windows,
  key?: Key,
): Tensor<""> {
  const { last } = encode(spec, sizes, params.encoder, { ids }, key);
  return tokenLoss(nameTokens(spec, sizes, params, last), targets);
}

/**
 * The mean surprise at all tokens of a text but the first, in nats a token. Each is named once, with half a
 * window or more before it where the text has as much.
 */
export async function judgeText(model: Pretrained, ids: Int32Array, batch = 16): Promise<number> {
  const length = Math.min(model.sizes.positions, ids.length - 1), places = halfway(ids, length);
  let sum = 0;
  for (let i = 0; i < places.length; i += batch) {
    const windows = windowsAt(ids, places.slice(i, i + batch), length);
    const [loss] = await read(windowLoss(model, model.params, windows));
    sum += loss * windows.count;
  }
  return sum / (ids.length - 1);
}

/** Windows of which each begins half a window after the one before and goes on where that one ends. */
function halfway(ids: Int32Array, length: number): Place[] {
  const last = ids.length - 1 - length, step = Math.ceil(length / 2);
  return Array.from({ length: 1 + Math.ceil(last / step) }, (_, i) => {
    const at = Math.min(i * step, last);
    return { at, from: i === 0 ? 0 : (i - 1) * step + length - at };
  });
}
