/**
 * One text under every objective, side by side.
 * Idea   What an objective takes from a text, and what it asks for, is best seen. A view is an
 *        objective at work on one text: what the model is given, and what it is to answer.
 *        Tokens between ‹ › are asked for although they can be seen, or are not the original ones.
 * Maths  none
 * Axes   none: one text at a time
 * Differs from the paper: there is none. Where replaced tokens need a generator, one that has learned
 *        nothing stands in.
 * @module
 */
import { encode, encodeBatch, type EncodedBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { broadcast, ignored, type Key, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { type AnnotatedText, withWords } from "./annotation.ts";
import { documentRotation } from "./document_rotation.ts";
import { entityMasking } from "./entity_masking.ts";
import { nextToken, previousToken, type TokenTargets } from "./left_to_right.ts";
import { maskedLM, type MaskedTargets } from "./masked_language_model.ts";
import { maskedSequenceToSequence } from "./masked_sequence_to_sequence.ts";
import { isNext, nextSentence } from "./next_sentence.ts";
import { discriminatorInputs, replacedTokens } from "./replaced_tokens.ts";
import { inOrder, sentenceOrder } from "./sentence_order.ts";
import { sentencePermutation } from "./sentence_permutation.ts";
import { sentinelsOf, spanCorruption } from "./span_corruption.ts";
import { spanMasking } from "./span_masking.ts";
import { staticMasks } from "./static_masking.ts";
import { textInfilling } from "./text_infilling.ts";
import type { AnswerTargets } from "./text_to_text.ts";
import { wholeWordMasking } from "./whole_word_masking.ts";

/** What becomes of a text. */
export interface View {
  /** The tokens that the model is given. */
  sees: string;
  /** What it is to say. */
  answers: string;
}

/** A row of the table. */
export type Shown = { objective: string; sees: string; answers: string };

/** Objectives by name, each at work on a text. */
export type Views = Readonly<Record<string, (text: AnnotatedText) => Promise<View>>>;

/** What is known besides the text, and where chance begins. */
export interface ViewOptions {
  /** Decides what is hidden (default `randomKey(1)`). */
  readonly key?: Key;
  /** Sentences of another document: with them next sentence is shown. */
  readonly elsewhere?: readonly string[];
  /** The chosen part of the tokens (default 0.15; more shows more in a short text). */
  readonly rate?: number;
}

/**
 * All objectives of this folder that take a text.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { everyObjective } from "@lineage/lineage/objectives/show";
 * import { assert } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n.\n"));
 * const views = everyObjective(tokenizer);
 * const { sees } = await views["masked LM"]({ text: "a b a b .", spans: [] });
 * assert(sees.startsWith("[CLS]"));
 * ```
 */
export function everyObjective(tokenizer: Tokenizer, options: ViewOptions = {}): Views {
  const { key = randomKey(1), elsewhere, rate } = options, { vocabulary } = tokenizer;
  const one = ({ text }: AnnotatedText) => encodeBatch(tokenizer, [text]);
  const inWords = (text: AnnotatedText) =>
    withWords(one(text), () => text.spans.filter(({ kind }) => kind === "word"));
  const chance = maskedLM(vocabulary, { rate }), words = wholeWordMasking(vocabulary, { rate });
  const fixed = maskedLM(vocabulary, { rate, ...staticMasks(vocabulary) });
  const entities = entityMasking(tokenizer, { rate }), later = key.derive(1);
  const hidden = ({ batch, targets }: Hidden) => showHidden(batch, targets, vocabulary);
  const named = (corrupted: ToBeNamed) => showNamed(corrupted, vocabulary);
  const written = (corrupted: ToBeWritten) => showAnswer(corrupted, vocabulary);
  return {
    "masked LM": (text) => hidden(chance.corrupt(one(text), key)),
    "the same, later": (text) => hidden(chance.corrupt(one(text), later)),
    "static masks": (text) => hidden(fixed.corrupt(one(text), key)),
    "static, later": (text) => hidden(fixed.corrupt(one(text), later)),
    "whole words": (text) => hidden(words.corrupt(inWords(text), key)),
    "names and phrases": (text) => hidden(entities.corrupt([text], key)),
    "spans": (text) => showSpans(inWords(text), vocabulary, key, rate),
    "sentence order": ({ text }) => showOrder(text, tokenizer, key),
    ...elsewhere && { "next sentence": ({ text }) => showNext(text, elsewhere, tokenizer, key) },
    "replaced tokens": (text) => showReplaced(one(text), vocabulary, key, rate),
    ...sentinelsOf(vocabulary).length > 0 && {
      "spans by sentinels": (text: AnnotatedText) =>
        written(spanCorruption(vocabulary, { rate }).corrupt(one(text), key)),
    },
    "left to right": (text) => named(nextToken().corrupt(one(text), key)),
    "right to left": (text) => named(previousToken().corrupt(one(text), key)),
    "half to be written": (text) =>
      written(maskedSequenceToSequence(vocabulary).corrupt(one(text), key)),
    "gaps of any length": (text) =>
      written(textInfilling(vocabulary, { rate }).corrupt(one(text), key)),
    "turned": (text) => written(documentRotation(vocabulary).corrupt(one(text), key)),
    "shuffled": ({ text }) => {
      const maxLength = roomFor(text, tokenizer);
      return written(
        sentencePermutation(tokenizer, { maxLength }).corrupt([sentencesOf(text)], key),
      );
    },
  };
}

interface Hidden {
  readonly batch: EncodedBatch;
  readonly targets: MaskedTargets;
}

interface ToBeWritten {
  readonly batch: EncodedBatch;
  readonly targets: AnswerTargets;
}

interface ToBeNamed {
  readonly batch: EncodedBatch;
  readonly targets: TokenTargets;
}

async function showNamed({ batch, targets }: ToBeNamed, vocabulary: Vocabulary): Promise<View> {
  const labels = [...await read(targets.labels)].filter((id) => id !== ignored);
  const answers = labels.map((id) => vocabulary.tokens[id]).join(" ");
  return { sees: tokensOf(batch, vocabulary, new Set()), answers };
}

async function showAnswer({ batch, targets }: ToBeWritten, vocabulary: Vocabulary): Promise<View> {
  const ids = [...await read(targets.answer)].filter((id) => id !== ignored);
  const answers = ids.map((id) => vocabulary.tokens[id]).join(" ");
  return { sees: tokensOf(batch, vocabulary, new Set()), answers };
}

/** The first row's tokens; those at `marked` places stand between ‹ ›. */
function tokensOf(
  { ids, mask, shape: [, T] }: EncodedBatch,
  { tokens }: Vocabulary,
  marked: Set<number>,
): string {
  const real = [...ids.subarray(0, T).keys()].filter((t) => mask[t] === 1);
  return real.map((t) => marked.has(t) ? `‹${tokens[ids[t]]}›` : tokens[ids[t]]).join(" ");
}

async function showHidden(
  batch: EncodedBatch,
  targets: MaskedTargets,
  vocabulary: Vocabulary,
): Promise<View> {
  const { places, labels } = await read({ places: targets.places, labels: targets.labels });
  const chosen = [...places.slice(0, targets.count)], { mask } = vocabulary.special;
  const seen = chosen.filter((place) => batch.ids[place] !== mask);
  const answers = Array.from(chosen, (_, m) => vocabulary.tokens[labels[m]]).join(" ");
  return { sees: tokensOf(batch, vocabulary, new Set(seen)), answers };
}

async function showSpans(
  original: EncodedBatch,
  vocabulary: Vocabulary,
  key: Key,
  rate?: number,
): Promise<View> {
  const { batch, targets } = spanMasking(vocabulary, { rate }).corrupt(original, key);
  const { sees, answers } = await showHidden(batch, targets, vocabulary);
  const { before, after } = await read({ before: targets.before, after: targets.after });
  const ends = Array.from({ length: targets.count }, (_, m) => [before[m], after[m]]);
  const named = new Set(
    ends.map((pair) => pair.map((t) => vocabulary.tokens[batch.ids[t]]).join(" … ")),
  );
  return { sees, answers: `${answers}; and again, from ${[...named].join(", ")} alone` };
}

async function showOrder(text: string, tokenizer: Tokenizer, key: Key): Promise<View> {
  const objective = sentenceOrder(tokenizer, { maxLength: roomFor(text, tokenizer) });
  const { batch, targets } = objective.corrupt([sentencesOf(text)], key);
  const [label] = await read(targets.labels);
  return {
    sees: tokensOf(batch, tokenizer.vocabulary, new Set()),
    answers: label === inOrder ? "in order" : "swapped",
  };
}

async function showNext(
  text: string,
  elsewhere: readonly string[],
  tokenizer: Tokenizer,
  key: Key,
): Promise<View> {
  const maxLength = roomFor([text, ...elsewhere].join(" "), tokenizer);
  const { batch, targets } = nextSentence(tokenizer, { maxLength }).corrupt([
    sentencesOf(text),
    elsewhere,
  ], key);
  const [label] = await read(targets.labels);
  return {
    sees: tokensOf(batch, tokenizer.vocabulary, new Set()),
    answers: label === isNext ? "it follows" : "it does not follow",
  };
}

const roomFor = (text: string, tokenizer: Tokenizer) =>
  tokenizer.encode(text).length + encode(tokenizer, ["", ""]).ids.length;

const sentencesOf = (text: string) =>
  [...new Intl.Segmenter("en", { granularity: "sentence" }).segment(text)].map(({ segment }) =>
    segment.trim()
  );

/** A generator that has learned nothing: all tokens but special ones are alike to it. */
async function showReplaced(
  original: EncodedBatch,
  vocabulary: Vocabulary,
  key: Key,
  rate?: number,
): Promise<View> {
  const { inputs, targets } = replacedTokens(vocabulary, { rate }).corrupt(original, key);
  const special = new Set(Object.values(vocabulary.special)), [B, T] = original.shape;
  const scores = tensor("V", vocabulary.tokens.map((_, id) => special.has(id) ? -99 : 0));
  const generator = broadcast(scores, "B T V", { B, T });
  const ids = Int32Array.from(
    await read(discriminatorInputs(inputs, targets, generator, key.derive(2)).ids),
  );
  const replaced = new Set([...ids.keys()].filter((t) => ids[t] !== original.ids[t]));
  const answers =
    `${replaced.size} of ${targets.discriminator.count} tokens are not the original ones`;
  return { sees: tokensOf({ ...original, ids }, vocabulary, replaced), answers };
}

/**
 * A text under each objective, as rows of a table. What an objective refuses to do is its row.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { everyObjective, underEach } from "@lineage/lineage/objectives/show";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n.\n"));
 * const rows = await underEach("a b. b a.", everyObjective(tokenizer));
 * assertEquals(rows[0].objective, "masked LM");
 * ```
 */
export async function underEach(text: string | AnnotatedText, views: Views): Promise<Shown[]> {
  const annotated = typeof text === "string" ? { text, spans: [] } : text;
  const rows: Shown[] = [];
  for (const [objective, view] of Object.entries(views)) {
    rows.push({ objective, ...await viewOf(annotated, view) });
  }
  return rows;
}

async function viewOf(text: AnnotatedText, view: Views[string]): Promise<View> {
  try {
    return await view(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { sees: "—", answers: error.message };
  }
}

/**
 * Print a text under each objective.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { everyObjective, show } from "@lineage/lineage/objectives/show";
 *
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n.\n"));
 * const { spans } = everyObjective(tokenizer);
 * await show("a b. b a.", { spans }); // one of them, or all
 * ```
 */
export async function show(text: string | AnnotatedText, views: Views): Promise<void> {
  const rows = await underEach(text, views);
  const width = Math.max(...rows.map(({ objective }) => objective.length));
  const lines = rows.flatMap(({ objective, sees, answers }) => [
    `${objective.padEnd(width)}  ${sees}`,
    `${" ".repeat(width)}  → ${answers}`,
  ]);
  console.log(lines.join("\n"));
}
