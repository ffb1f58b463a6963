/**
 * Words by annotation: what is hidden as one when whole words are hidden.
 * Idea   A tokenizer cuts Chinese into single characters, and "Silver Lake" into two words. Stretches
 *        of a text, told by an annotation or found with a word list, say what belongs together. Then
 *        names, phrases and Chinese words are words, and whole-word masking hides them whole.
 * Maths  word(t) = word(t − 1)  if both are of one word, or some stretch overlaps both; else a new one
 * Axes   B batch · T positions; stretches count UTF-16 code units of their text, as `slice` does
 * Differs from the paper: there is none. ERNIE (1904.09223) and Chinese whole-word masking (1906.08101)
 *        rest on tools that cut a text into words and phrases; here any stretches will do.
 * Trap   The second text of a pair counts its characters from 0 again. Segments do not tell the texts
 *        apart in every model: RoBERTa's are all 0.
 * @module
 */
import type { EncodedBatch, Encoding } from "../core/text/batch.ts";
import { rowOf } from "./objective.ts";

/** A part of a text: `text.slice(start, end)`. */
export interface Stretch {
  /** Its first code unit. */
  readonly start: number;
  /** One past its last. */
  readonly end: number;
  /** What it is, for instance `phrase`. */
  readonly kind?: string;
}

/** A text and what is known about it. */
export interface AnnotatedText {
  /** The text. */
  readonly text: string;
  /** What belongs together in it. */
  readonly spans: readonly Stretch[];
}

/**
 * The same batch, in which every stretch is a word. With `only`, what is in no stretch is no word any
 * more (its number is -1), so that nobody who chooses words chooses it.
 *
 * @param stretches Those of a row's first text (0) or second text (1).
 * @throws {RangeError} for a stretch that ends before it begins.
 *
 * @example
 * ```ts
 * import { encodeBatch } from "@lineage/lineage/core/text/batch";
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { withWords } from "@lineage/lineage/objectives/annotation";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n银\n湖\n在\n"));
 * const batch = encodeBatch(tokenizer, ["在银湖"]), lake = [{ start: 1, end: 3 }];
 * assertEquals([...batch.words], [-1, 0, 1, 2, -1]);
 * assertEquals([...withWords(batch, () => lake).words], [-1, 0, 1, 1, -1]);
 * assertEquals([...withWords(batch, () => lake, { only: true }).words], [-1, -1, 1, 1, -1]);
 * ```
 */
export function withWords(
  batch: EncodedBatch,
  stretches: (row: number, text: number) => readonly Stretch[],
  { only = false }: { only?: boolean } = {},
): EncodedBatch {
  const words = batch.words.slice(), joined = { ...batch, words };
  for (let b = 0; b < batch.shape[0]; b++) {
    const ofTexts = [0, 1].map((text) => stretches(b, text));
    ofTexts.flat().forEach((stretch) => checkStretch(stretch, Infinity, `row ${b}`));
    rowOf(joined, b).words.set(joinWords(rowOf(batch, b), ofTexts, only));
  }
  return joined;
}

function joinWords(
  row: Encoding<Int32Array>,
  stretches: readonly (readonly Stretch[])[],
  only: boolean,
): Int32Array {
  const { words, starts, ends } = row, texts = textsOf(row);
  const over = Array.from(
    words,
    (word, t) =>
      word < 0
        ? []
        : stretches[texts[t]].filter(({ start, end }) => start < ends[t] && starts[t] < end),
  );
  let word = -1;
  const joined = words.map((old, t) => {
    if (old < 0) return -1;
    const goesOn = old === words[t - 1] ||
      over[t].some((stretch) => over[t - 1]?.includes(stretch));
    return goesOn ? word : ++word;
  });
  const named = new Set(joined.filter((_, t) => over[t].length > 0));
  return only ? joined.map((word) => named.has(word) ? word : -1) : joined;
}

/** Which text each position is of. Added tokens part the texts; segments do not in every model. */
function textsOf({ words, segments }: Encoding<Int32Array>): Int32Array {
  let runs = -1;
  return words.map((word, t) => {
    if (word >= 0 && !(words[t - 1] >= 0)) runs++;
    return Math.min(1, Math.max(runs, segments[t])); // the segment tells if the first text is empty
  });
}

/**
 * Refuse a stretch that is none, or that goes beyond a text of `length`.
 *
 * @throws {RangeError} with `where`, and the places.
 *
 * @example
 * ```ts
 * import { checkStretch } from "@lineage/lineage/objectives/annotation";
 * import { assertThrows } from "@std/assert";
 * assertThrows(() => checkStretch({ start: 3, end: 9 }, 5, "text 0"), RangeError, "text 0");
 * ```
 */
export function checkStretch({ start, end, kind }: Stretch, length: number, where: string): void {
  if (Number.isInteger(start) && start >= 0 && start < end && end <= length) return;
  throw new RangeError(
    `annotation of ${where}: the ${
      kind ?? "stretch"
    } from ${start} to ${end} is not within a text` +
      ` of ${length} code units; give 0 ≤ start < end ≤ length, counted in that text alone`,
  );
}

/**
 * Annotated texts one after another as one, such as the sentences of a document.
 *
 * @param gap What stands between them: a space, or nothing in Chinese.
 *
 * @example
 * ```ts
 * import { joinTexts } from "@lineage/lineage/objectives/annotation";
 * import { assertEquals } from "@std/assert";
 * const sentence = { text: "Mara left.", spans: [{ start: 0, end: 4, kind: "person" }] };
 * const { text, spans } = joinTexts([sentence, sentence]);
 * assertEquals(spans.map(({ start, end }) => text.slice(start, end)), ["Mara", "Mara"]);
 * ```
 */
export function joinTexts(texts: readonly AnnotatedText[], gap = " "): AnnotatedText {
  let start = 0;
  const spans = texts.flatMap((part) => {
    const shift = start;
    start += part.text.length + gap.length;
    return part.spans.map((span) => ({
      ...span,
      start: span.start + shift,
      end: span.end + shift,
    }));
  });
  return { text: texts.map(({ text }) => text).join(gap), spans };
}
