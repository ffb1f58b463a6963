/**
 * Training a GPT on plain text, and judging it beside a model that counts.
 *
 * Idea   The documents are one long row of tokens with a mark between them. A lesson is some windows of it;
 *        text that was held back says how much was learnt and how much was learnt by heart.
 * Maths  L = mean over the tokens of the windows of −log p(token | those before it in the window)
 * Axes   B windows · T positions · V vocabulary
 * @module
 */
import { type Key, read, type Tensor, tensor } from "../core/tensor/mod.ts";
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
  /** What is to be named. */
  labels: Tensor<"B T">;
}

/** Windows that begin at these places. */
function windowsAt(ids: Int32Array, places: readonly number[], length: number): Windows {
  const cut = (shift: number) => {
    const rows = new Float32Array(places.length * length);
    places.forEach((at, b) => rows.set(ids.subarray(at + shift, at + shift + length), b * length));
    return tensor("B T", rows, [places.length, length]);
  };
  return { ids: cut(0), labels: cut(1) };
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
  return windowsAt(ids, Array.from({ length: batch }, () => draw(room)), length);
}

/** The mean surprise of a model at the tokens of windows, in nats; with a key, with dropout. */
export function windowLoss(
  { spec, sizes }: Pick<Pretrained, "spec" | "sizes">,
  params: ModelParameters,
  { ids, labels }: Windows,
  key?: Key,
): Tensor<""> {
  const { last } = encode(spec, sizes, params.encoder, { ids }, key);
  return tokenLoss(nameTokens(spec, sizes, params, last), { labels, count: labels.elements });
}

/** The mean surprise at all of a text, in nats a token: window after window, each without the one before. */
export async function judgeText(model: Pretrained, ids: Int32Array, batch = 16): Promise<number> {
  const { positions } = model.sizes, length = Math.min(positions, ids.length - 1);
  const places = Array.from(
    { length: Math.floor((ids.length - 1) / length) },
    (_, i) => i * length,
  );
  let sum = 0;
  for (let at = 0; at < places.length; at += batch) {
    const some = places.slice(at, at + batch);
    const [loss] = await read(windowLoss(model, model.params, windowsAt(ids, some, length)));
    sum += loss * some.length;
  }
  return sum / places.length;
}
