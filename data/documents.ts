/**
 * Documents: days in the world, told in English or in Chinese.
 * Idea   Document n of a seed has its own stream of random numbers, so it is the same however many are
 *        asked for. Both languages draw alike: the same seed gives translations, sentence by sentence.
 * Maths  log p(document) is exact, in nats; see process.ts.
 * Differs from a real corpus: the truth is known. Each sentence carries its step of the day, the fact
 *        that it states, and spans of characters for names, things, phrases and senses.
 * @module
 */
import { processOf } from "./grammar.ts";
import { type Excerpt, readDocument, type Reading, type Words } from "./inference.ts";
import type { Language } from "./lexicon.ts";
import { drawDocument } from "./process.ts";
import { createRandom } from "./random.ts";
import { type Sentence, writeSentence } from "./sentences.ts";
import type { Scene, World } from "./world.ts";

/** A day of somebody's life. */
export interface Document {
  /** The sentences, one after another. */
  readonly text: string;
  /** The name of the topic, e.g. `kitchen`. */
  readonly topic: string;
  /** What the document is about. */
  readonly scene: Scene;
  /** The sentences, in order, and what is known about them. */
  readonly sentences: readonly Sentence[];
}

/** Which documents, and how many. */
export interface DocumentOptions {
  /** The seed of the documents (not of the world). */
  readonly seed: number;
  /** How many documents or examples. */
  readonly count: number;
  /** English unless told otherwise. */
  readonly language?: Language;
}

/**
 * Documents about a world, one at a time.
 *
 * @example
 * ```ts
 * import { createWorld, documents } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * const world = createWorld(1);
 * const [english] = documents(world, { seed: 1, count: 1 });
 * const [chinese] = documents(world, { seed: 1, count: 1, language: "zh" });
 * assertEquals(english.sentences.length, chinese.sentences.length);
 * ```
 */
export function* documents(world: World, options: DocumentOptions): Generator<Document> {
  for (let number = 0; number < options.count; number++) {
    yield documentNumber(world, options.seed, number, options.language);
  }
}

/**
 * Document `number` of a seed.
 *
 * @example
 * ```ts
 * import { createWorld, documentNumber, documents } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 * const world = createWorld(1), [, second] = documents(world, { seed: 1, count: 2 });
 * assertEquals(documentNumber(world, 1, 1).text, second.text);
 * ```
 */
export function documentNumber(
  world: World,
  seed: number,
  number: number,
  language: Language = "en",
): Document {
  const process = processOf(world, language);
  const drawn = drawDocument(process, createRandom(seed, number));
  const scene = world.scenes[drawn.scene];
  const sentences = drawn.sentences.map((sentence) => writeSentence(sentence, scene, language));
  const text = sentences.map((sentence) => sentence.text).join(language === "zh" ? "" : " ");
  return { text, topic: scene.topic.place.en, scene, sentences };
}

/**
 * The probability of a document, and the exact probabilities of words hidden in it (`null`).
 * Sentences are lists of words, as in `Sentence.words` or from `splitWords`.
 * An `excerpt` says how many sentences of the document come before those given; its end is open.
 *
 * @example
 * ```ts
 * import { createWorld, documentNumber, read } from "@lineage/lineage/data";
 * import { assertAlmostEquals } from "@std/assert";
 * const world = createWorld(1), sentences = documentNumber(world, 1, 0).sentences.map(({ words }) => [...words]);
 * const [first, ...others] = sentences, [, ...rest] = first;
 * const { hidden: [{ probabilities }] } = read(world, [[null, ...rest], ...others]);
 * assertAlmostEquals([...probabilities.values()].reduce((a, b) => a + b), 1);
 * ```
 */
export function read(
  world: World,
  sentences: readonly Words[],
  language: Language = "en",
  excerpt?: Excerpt,
): Reading {
  return readDocument(processOf(world, language), sentences, excerpt);
}

/**
 * The logarithm of the probability of a document, in nats: -Infinity if the world cannot tell it.
 *
 * @example
 * ```ts
 * import { createWorld, documents, logProbability, splitWords } from "@lineage/lineage/data";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const world = createWorld(1);
 * const [document] = documents(world, { seed: 1, count: 1 });
 * assert(logProbability(world, document.sentences.map((sentence) => sentence.words)) > -60);
 * assertEquals(logProbability(world, splitWords("Colorless green ideas sleep.")), -Infinity);
 * ```
 */
export function logProbability(
  world: World,
  sentences: readonly (readonly string[])[],
  language: Language = "en",
): number {
  return read(world, sentences, language).logProbability;
}

/**
 * All words that documents of the world can hold, in alphabetical order (questions have a few more).
 *
 * @example
 * ```ts
 * import { createWorld, vocabularyOf } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 * assert(vocabularyOf(createWorld(1)).includes("the"));
 * ```
 */
export function vocabularyOf(world: World, language: Language = "en"): string[] {
  const words = processOf(world, language).rows.flatMap((row) =>
    row.places.flatMap((place) => [...place.scenes.keys()])
  );
  return [...new Set(words)].sort();
}
