/**
 * A random process that tells documents, and the exact probability of each of them.
 * Idea   Draw a scene (who, where, what for). Walk down a line of steps, each told or left out. A told
 *        step is one sentence: a row of places, each filled by one of a few words, all equally likely.
 *        Given the scene everything is independent, so the sums over what is hidden are short.
 * Maths  p(document) = Σ_s p(s) Σ_{k1<…<kn} Π_i gap(k_{i-1}, k_i) p(x_i | k_i, s) · gap(k_n, end)
 *        p(x | k, s) = Σ_{rows of step k} p(row | s) Π_j [x_j ∈ O_j(s)] / |O_j(s)|
 *        gap(a, b)   = told(b) Π_{a<c<b} (1 − told(c))
 *        The sum over k1 < … < kn is a forward algorithm (forward_backward.ts).
 * Axes   s scene · k step · i sentence · j place in the sentence
 * Differs from a probabilistic context-free grammar: no recursion, but a memory (the scene) that all
 *        sentences share; a context-free grammar could not repeat a name.
 * @module
 */
import type { Random } from "./random.ts";

/** A place in a sentence: the words that may stand there in a scene, all equally likely. */
export interface Place {
  /** The words that may stand here in the scene of this number. */
  readonly options: (scene: number) => readonly string[];
  /** For each word that can ever stand here: the scenes in which it can, in order. */
  readonly scenes: ReadonlyMap<string, readonly number[]>;
  /** The numbers of all scenes. */
  readonly everyScene: readonly number[];
}

/** One way to make a sentence. */
export interface Row {
  /** The step that this row tells. */
  readonly step: number;
  /** The probability that the step is told by this row, given the scene. */
  readonly chance: (scene: number) => number;
  readonly places: readonly Place[];
  /** The order in which places are filled; translations of a row are filled in the same order. */
  readonly order: readonly number[];
}

/** A process: scenes with their probabilities, steps with the probability to be told, rows. */
export interface Process<AnyRow extends Row = Row> {
  readonly prior: readonly number[];
  readonly told: readonly number[];
  readonly rows: readonly AnyRow[];
}

/** A sentence as it was drawn. */
export interface Drawn<AnyRow extends Row = Row> {
  readonly row: AnyRow;
  readonly words: readonly string[];
}

/**
 * A place whose options are given for every scene.
 * @param everyScene the numbers of all scenes, 0, 1, 2, …
 */
export function createPlace(
  everyScene: readonly number[],
  options: (scene: number) => readonly string[],
): Place {
  const table = everyScene.map(options);
  const scenes = new Map<string, number[]>();
  table.forEach((words, scene) => {
    for (const word of new Set(words)) {
      if (!scenes.has(word)) scenes.set(word, []);
      scenes.get(word)!.push(scene);
    }
  });
  return { options: (scene) => table[scene], scenes, everyScene };
}

/** A place whose options are the same in every scene. */
export function fixedPlace(everyScene: readonly number[], words: readonly string[]): Place {
  return {
    options: () => words,
    scenes: new Map(words.map((word) => [word, everyScene])),
    everyScene,
  };
}

/** Draws a document: the number of its scene, and its sentences. */
export function drawDocument<AnyRow extends Row>(
  process: Process<AnyRow>,
  random: Random,
): { scene: number; sentences: Drawn<AnyRow>[] } {
  const scene = drawIndex(process.prior, random);
  const sentences = process.told.flatMap((told, step) =>
    told === 1 || random.unit() < told ? [drawSentence(process, step, scene, random)] : []
  );
  return { scene, sentences };
}

/** Draws a sentence for a step of a scene. */
function drawSentence<AnyRow extends Row>(
  process: Process<AnyRow>,
  step: number,
  scene: number,
  random: Random,
): Drawn<AnyRow> {
  const rows = rowsByStep(process)[step];
  return fillRow(rows[drawIndex(rows.map((row) => row.chance(scene)), random)], scene, random);
}

/** Fills the places of a row. */
export function fillRow<AnyRow extends Row>(
  row: AnyRow,
  scene: number,
  random: Random,
): Drawn<AnyRow> {
  const words: string[] = [];
  for (const position of row.order) {
    const options = row.places[position].options(scene);
    words[position] = options.length === 1 ? options[0] : random.pick(options);
  }
  return { row, words };
}

function drawIndex(weights: readonly number[], random: Random): number {
  let rest = random.unit() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (rest -= weight) < 0);
  return index < 0 ? weights.findLastIndex((weight) => weight > 0) : index;
}

/** The rows of each step, kept with the process. */
function rowsByStep<AnyRow extends Row>(process: Process<AnyRow>): readonly (readonly AnyRow[])[] {
  if (!rowsOfProcess.has(process)) {
    const bySteps = process.told.map((_, step) => process.rows.filter((row) => row.step === step));
    rowsOfProcess.set(process, bySteps);
  }
  return rowsOfProcess.get(process) as AnyRow[][];
}
const rowsOfProcess = new WeakMap<Process, readonly (readonly Row[])[]>();
