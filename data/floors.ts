/**
 * How well a perfect reader would do: the floors of the losses — Shannon 1948 (entropy).
 * Idea   No language model can on average be less surprised than one that knows the process. Its surprise,
 *        measured on the same kind of documents, is the line that a loss curve approaches.
 * Maths  autoregressive: mean over words of −log p(document), per word (the end of the document included)
 *        masked:         mean over hidden words of −log p(word | all visible words), each word on its own
 *        single word:    the same, one word hidden at a time
 * Differs from a model's task: the reader knows where sentences begin and end even if a full stop is hidden.
 *        So the masked floors bound the loss from below; what BERT leaves unmasked or swaps (10 % + 10 %)
 *        makes its task harder, or easier where the word itself is kept.
 * Trap   With 15 % hidden the floor is higher than with one word hidden: a name may be gone everywhere.
 * @module
 */
import { type DocumentOptions, documents, logProbability, read } from "./documents.ts";
import type { HiddenWord } from "./inference.ts";
import { createRandom } from "./random.ts";
import type { World } from "./world.ts";

/** An average over documents. */
export interface Floor {
  /** Nats a word. */
  readonly nats: number;
  /** How far off it may be: the standard error, from the spread between documents. */
  readonly standardError: number;
  /** Over how many words. */
  readonly words: number;
}

/**
 * The floor of the autoregressive loss, in nats a word.
 *
 * @example
 * ```ts
 * import { autoregressiveFloor, createWorld } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 *
 * const { nats } = autoregressiveFloor(createWorld(1), { seed: 1, count: 50 });
 * assert(0.5 < nats && nats < 1);
 * ```
 */
export function autoregressiveFloor(world: World, options: DocumentOptions): Floor {
  return average([...documents(world, options)].map(({ sentences }) => {
    const words = sentences.map((sentence) => sentence.words);
    return { nats: -logProbability(world, words, options.language), words: words.flat().length };
  }));
}

/**
 * The floor of the masked loss when each word is hidden with probability `rate`, all at once.
 * With `size`, documents are cut into excerpts of so many sentences, each read alone.
 *
 * @example
 * ```ts
 * import { createWorld, maskedFloor } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 *
 * const world = createWorld(1);
 * const whole = maskedFloor(world, { seed: 1, count: 100 });
 * const excerpts = maskedFloor(world, { seed: 1, count: 100, size: 2 });
 * assert(whole.nats < excerpts.nats);
 * ```
 */
export function maskedFloor(world: World, options: MaskOptions): Floor {
  const { rate = 0.15, size = Infinity, seed, language } = options;
  if (!(rate > 0 && rate <= 1)) {
    throw new RangeError(`A rate lies in (0, 1], but this one is ${rate}.`);
  }
  if (!(size >= 1)) throw new RangeError(`An excerpt has 1 or more sentences, not ${size}.`);
  return average([...documents(world, options)].map(({ sentences }, number) => {
    const random = createRandom(seed, number, MASKS);
    const words = sentences.map((sentence) => sentence.words);
    const shown = words.map((list) => list.map((word) => random.unit() < rate ? null : word));
    if (size === Infinity) return surprise(words, read(world, shown, language).hidden);
    const parts: Surprise[] = [];
    for (let before = 0; before < words.length; before += size) {
      const { hidden } = read(world, shown.slice(before, before + size), language, { before });
      parts.push(surprise(words.slice(before, before + size), hidden));
    }
    return total(parts);
  }));
}

/** Which words are hidden, and how much of a document is read at once. */
export interface MaskOptions extends DocumentOptions {
  /** The probability that a word is hidden; 0.15 unless told otherwise. */
  readonly rate?: number;
  /** How many sentences are read at once; all of them unless told otherwise. */
  readonly size?: number;
}

/** Sets the streams of masks apart from those of documents. */
const MASKS = 1;

/**
 * The floor of the masked loss when one word is hidden at a time: each word of each document in turn.
 *
 * @example
 * ```ts
 * import { createWorld, maskedFloor, singleWordFloor } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 * const world = createWorld(1), some = { seed: 1, count: 20 };
 * assert(singleWordFloor(world, some).nats < maskedFloor(world, some).nats); // more is visible
 * ```
 */
export function singleWordFloor(world: World, options: DocumentOptions): Floor {
  return average([...documents(world, options)].map(({ sentences }) => {
    const words = sentences.map((sentence) => sentence.words);
    const hidden = words.flatMap((list, i) =>
      list.flatMap((_, j) => {
        const shown = words.map((other, k) =>
          k === i ? other.map((w, l) => l === j ? null : w) : other
        );
        return read(world, shown, options.language).hidden;
      })
    );
    return surprise(words, hidden);
  }));
}

interface Surprise {
  readonly nats: number;
  readonly words: number;
}

function surprise(words: readonly (readonly string[])[], hidden: readonly HiddenWord[]): Surprise {
  const nats = hidden.map(({ sentence, position, probabilities }) =>
    -Math.log(probabilities.get(words[sentence][position]) ?? 0)
  );
  return { nats: nats.reduce((sum, n) => sum + n, 0), words: nats.length };
}

function total(parts: readonly Surprise[]): Surprise {
  return {
    nats: parts.reduce((sum, part) => sum + part.nats, 0),
    words: parts.reduce((sum, part) => sum + part.words, 0),
  };
}

/** A ratio of two sums, and its standard error. */
function average(parts: readonly Surprise[]): Floor {
  const { words, nats: sum } = total(parts);
  const nats = sum / words;
  const squares = parts.reduce((sum, part) => sum + (part.nats - nats * part.words) ** 2, 0);
  return { nats, standardError: Math.sqrt(squares) / words, words };
}
