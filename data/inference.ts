/**
 * What a perfect reader knows: the probability of a document, and of the words hidden in it.
 * Idea   Find the rows that could have made each sentence and the scenes that agree with all of them;
 *        run forward–backward over the steps in each scene. A hidden word agrees with every option.
 * Maths  p(visible): as in process.ts, with hidden places left out of the products.
 *        p(x_ij = w | visible) ∝ Σ_s p(s) Σ_k around_i(k, s) Σ_rows p(row | s) Π_visible p(x)
 *                                · [w ∈ O_j(s)] / |O_j(s)|,   around: forward_backward.ts
 * Axes   s scene · k step · i sentence · j place in the sentence · w word
 * Differs from a masked language model: the reader knows where sentences end even if the full stop is
 *        hidden, so its loss bounds the model's from below.
 * @module
 */
import { walkSteps } from "./forward_backward.ts";
import type { Process, Row } from "./process.ts";

/** A sentence as words; `null` is a hidden word. */
export type Words = readonly (string | null)[];

/** A hidden word, and the exact probability of every word that may stand there. */
export interface HiddenWord {
  /** The number of its sentence. */
  readonly sentence: number;
  /** Its place in the sentence. */
  readonly position: number;
  /** Words and their probabilities, which sum to one. */
  readonly probabilities: ReadonlyMap<string, number>;
}

/** What a perfect reader says about a document with hidden words. */
export interface Reading {
  /** The logarithm (nats) of the probability of the visible words; -Infinity if nothing fits. */
  readonly logProbability: number;
  /** The hidden words, in order. */
  readonly hidden: readonly HiddenWord[];
}

/** A sentence under study: its words, the rows that could have made it, its hidden words. */
interface Candidate {
  readonly words: Words;
  readonly rows: readonly Row[];
  readonly blanks: readonly { position: number; weights: Map<string, number> }[];
}

/** A piece of a document: how many of its sentences came before, unread. More may follow. */
export interface Excerpt {
  /** The number of sentences before the excerpt. */
  readonly before: number;
}

/** Reads a document, or an excerpt of one: its probability, and those of every hidden word. */
export function readDocument(
  process: Process,
  document: readonly Words[],
  excerpt?: Excerpt,
): Reading {
  const candidates = document.map((words) => candidateOf(process, words));
  let total = 0;
  for (const scene of likelyScenes(candidates)) {
    total += process.prior[scene] * readScene(process, candidates, scene, excerpt);
  }
  const hidden = candidates.flatMap(({ blanks }, sentence) =>
    blanks.map(({ position, weights }) => ({ sentence, position, probabilities: shares(weights) }))
  );
  return { logProbability: Math.log(total), hidden };
}

function candidateOf(process: Process, words: Words): Candidate {
  const blanks = words.flatMap((word, position) =>
    word === null ? [{ position, weights: new Map<string, number>() }] : []
  );
  return { words, rows: process.rows.filter((row) => couldBe(row, words)), blanks };
}

/** Could the row make this sentence in some scene? */
function couldBe(row: Row, words: Words): boolean {
  return row.places.length === words.length &&
    words.every((word, j) => word === null || row.places[j].scenes.has(word));
}

/** The scenes left open by the sentence that says most about the scene. */
function likelyScenes(candidates: readonly Candidate[]): Iterable<number> {
  const lists = candidates.map(({ rows, words }) => rows.map((row) => fewestScenes(row, words)));
  const size = (rows: readonly (readonly number[])[]) =>
    rows.reduce((sum, list) => sum + list.length, 0);
  return new Set(lists.toSorted((a, b) => size(a) - size(b))[0]?.flat());
}

/** The scenes allowed by the word of the sentence that allows fewest. */
function fewestScenes(row: Row, words: Words): readonly number[] {
  return row.places.map((place, j) => {
    const word = words[j];
    return word === null ? place.everyScene : place.scenes.get(word)!;
  }).reduce((best, scenes) => scenes.length < best.length ? scenes : best);
}

/** The probability of the visible words in one scene; adds to the weights of the hidden ones. */
function readScene(
  process: Process,
  candidates: readonly Candidate[],
  scene: number,
  excerpt?: Excerpt,
): number {
  const fits: number[][] = [];
  for (const { rows, words } of candidates) {
    const fit = rows.map((row) => rowProbability(row, words, scene));
    if (!fit.some((probability) => probability > 0)) return 0;
    fits.push(fit);
  }
  const said = candidates.map(({ rows }, i) =>
    process.told.map((_, k) =>
      rows.reduce((sum, row, r) => row.step === k ? sum + fits[i][r] : sum, 0)
    )
  );
  // An unread sentence may say anything, at any step.
  const unread = Array.from({ length: excerpt?.before ?? 0 }, () => process.told.map(() => 1));
  const { around, probability } = walkSteps(
    process.told,
    [...unread, ...said],
    excerpt !== undefined,
  );
  candidates.forEach(({ rows, blanks }, i) =>
    rows.forEach((row, r) => {
      const weight = process.prior[scene] * around[unread.length + i][row.step] * fits[i][r];
      if (weight > 0) {
        blanks.forEach(({ position, weights }) =>
          addOptions(weights, row, position, scene, weight)
        );
      }
    })
  );
  return probability;
}

/** The probability of the row and of its visible words, given the scene. */
function rowProbability(row: Row, words: Words, scene: number): number {
  let probability = 1;
  for (let j = 0; j < words.length && probability > 0; j++) {
    if (words[j] === null) continue;
    const options = row.places[j].options(scene);
    let hits = 0;
    for (const option of options) if (option === words[j]) hits++;
    probability *= hits / options.length;
  }
  return probability && probability * row.chance(scene);
}

function addOptions(
  weights: Map<string, number>,
  row: Row,
  position: number,
  scene: number,
  weight: number,
) {
  const options = row.places[position].options(scene);
  for (const word of options) {
    weights.set(word, (weights.get(word) ?? 0) + weight / options.length);
  }
}

function shares(weights: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return new Map([...weights].map(([word, weight]) => [word, weight / total]));
}
