/**
 * Single sentences with labels: opinions with their sentiment, evenings with their emoji, ambiguous words
 * with their sense.
 * Idea   A random scene, and a row of the wanted kind: the label is known because the scene is.
 *        Opinions must be read as a whole: "not awful at all" praises, "looked lovely, but it was dull" blames.
 * Differs from corpora: labels are never wrong. Draws repeat now and then; filter test texts by training texts.
 * @module
 */
import type { DocumentOptions } from "./documents.ts";
import { processOf, type WorldRow } from "./grammar.ts";
import type { Mood } from "./lexicon.ts";
import { fillRow } from "./process.ts";
import { createRandom } from "./random.ts";
import { type Sentence, type Span, writeSentence } from "./sentences.ts";
import type { Scene, World } from "./world.ts";

/** A sentence with the scene that it was drawn from. */
interface Told {
  readonly sentence: Sentence;
  readonly scene: Scene;
}

/** Sentences from the rows that fit. */
function* sentencesFrom(
  world: World,
  { seed, count, language = "en" }: DocumentOptions,
  fits: (row: WorldRow) => boolean,
): Generator<Told> {
  const rows = processOf(world, language).rows.filter(fits);
  for (let number = 0; number < count; number++) {
    const random = createRandom(seed, number);
    const scene = random.below(world.scenes.length);
    const row = random.pick(rows.filter((row) => row.chance(scene) > 0));
    const sentence = writeSentence(fillRow(row, scene, random), world.scenes[scene], language);
    yield { sentence, scene: world.scenes[scene] };
  }
}

/** An opinion and whether it praises. */
export interface SentimentExample {
  /** One sentence. */
  readonly text: string;
  /** Does it praise or blame? */
  readonly label: Mood;
}

/**
 * Opinions, half of them good.
 *
 * @example
 * ```ts
 * import { createWorld, sentimentExamples } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 *
 * const examples = sentimentExamples(createWorld(1), { seed: 1, count: 100 });
 * assert(examples.some(({ text, label }) => label === "good" && text.includes(" not ")));
 * ```
 */
export function sentimentExamples(world: World, options: DocumentOptions): SentimentExample[] {
  return [...sentencesFrom(world, options, (row) => row.opinion === true)]
    .map(({ sentence, scene }) => ({ text: sentence.text, label: scene.mood }));
}

/** A text and the emoji that ends it. */
export interface EmojiExample {
  /** The sentence without its emoji. */
  readonly text: string;
  /** The emoji that was there. */
  readonly emoji: string;
}

/**
 * Evenings without their emoji, and the emoji: it shows the feeling, or the place.
 *
 * @example
 * ```ts
 * import { createWorld, emojiExamples } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 * const [{ text, emoji }] = emojiExamples(createWorld(1), { seed: 1, count: 50 });
 * assert(!text.includes(emoji));
 * ```
 */
export function emojiExamples(world: World, options: DocumentOptions): EmojiExample[] {
  const emojiOf = ({ spans }: Sentence) => spans.find(({ kind }) => kind === "emoji")!;
  const shown = (row: WorldRow) =>
    row.stretches.some(({ slot }) => slot === "face" || slot === "picture");
  return [...sentencesFrom(world, options, shown)].map(({ sentence }) => ({
    text: sentence.text.slice(0, emojiOf(sentence).start).trimEnd(),
    emoji: emojiOf(sentence).label,
  }));
}

/** An ambiguous word in a sentence: `text.slice(span.start, span.end)`, meant in the sense `span.label`. */
export interface SenseExample {
  /** One sentence. */
  readonly text: string;
  /** The ambiguous word, in lower case. */
  readonly word: string;
  /** The name of its sense, e.g. `river`. */
  readonly sense: string;
  /** Where the word stands. */
  readonly span: Span;
}

/**
 * Ambiguous words, each beside a word that gives its sense away.
 *
 * @example
 * ```ts
 * import { createWorld, senseExamples } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * const examples = senseExamples(createWorld(1), { seed: 1, count: 500 });
 * const senses = new Set(examples.filter(({ word }) => word === "bank").map(({ sense }) => sense));
 * assertEquals([...senses].sort(), ["money", "river"]);
 * ```
 */
export function senseExamples(world: World, options: DocumentOptions): SenseExample[] {
  const cued = (row: WorldRow) => row.stretches.some(({ slot }) => slot === "cue");
  return [...sentencesFrom(world, options, cued)].map(({ sentence: { text, spans } }) => {
    const span = spans.find(({ kind }) => kind === "sense")!;
    return { text, word: text.slice(span.start, span.end).toLowerCase(), sense: span.label, span };
  });
}
