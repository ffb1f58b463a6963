import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { readDocument } from "../data/inference.ts";
import { createPlace, drawDocument, fixedPlace, type Process } from "../data/process.ts";
import { createRandom } from "../data/random.ts";
import { walkSteps } from "../data/mod.ts";

/**
 * Two scenes, three steps (the middle one is told now and then), an ambiguous pair of rows:
 * "a a" can be made by both rows of the first step, and "b" by two different steps.
 */
function tinyProcess(): Process {
  const scenes = [0, 1];
  const hero = createPlace(scenes, (scene) => [["a"], ["a", "b"]][scene]);
  const free = createPlace(scenes, (scene) => [["a", "c"], ["c"]][scene]);
  const a = fixedPlace(scenes, ["a"]),
    b = fixedPlace(scenes, ["b"]),
    any = fixedPlace(scenes, ["a", "b"]);
  const row = (step: number, chances: number[], places: typeof a[]) => ({
    step,
    chance: (scene: number) => chances[scene],
    places,
    order: places.map((_, j) => j),
  });
  return {
    prior: [0.25, 0.75],
    told: [1, 0.4, 0.7],
    rows: [
      row(0, [0.5, 0.2], [a, any]),
      row(0, [0.5, 0.8], [hero, free]),
      row(1, [1, 1], [b]),
      row(2, [0.3, 1], [hero]),
      row(2, [0.7, 0], [free]),
    ],
  };
}

const WORDS = ["a", "b", "c"];

/** Every document of one to three sentences, each of one or two words, the first of two. */
function everyDocument(): string[][][] {
  const pairs = WORDS.flatMap((x) => WORDS.map((y) => [x, y]));
  const singles = WORDS.map((x) => [x]);
  const tails = [
    [],
    ...singles.map((x) => [x]),
    ...singles.flatMap((x) => singles.map((y) => [x, y])),
  ];
  return pairs.flatMap((pair) => tails.map((tail) => [pair, ...tail]));
}

const probability = (process: Process, document: readonly (readonly (string | null)[])[]) =>
  Math.exp(readDocument(process, document).logProbability);

Deno.test("the probabilities of all documents of a tiny process sum to one", () => {
  const process = tinyProcess();
  const total = everyDocument().reduce((sum, document) => sum + probability(process, document), 0);
  assertAlmostEquals(total, 1, 1e-12);
});

Deno.test("a document that several rows and steps can make is the sum over them, worked out by hand", () => {
  // "a a / b": first sentence 0.5·(1/2) + 0.5·(1/2) in scene 0, 0.2·(1/2) + 0 in scene 1;
  // "b" at step 1 and the end, or at step 2 (scene 1 only, 1/2).
  const scene0 = 0.25 * 0.5 * (0.4 * 0.3);
  const scene1 = 0.75 * 0.1 * (0.4 * 0.3 + 0.6 * 0.7 * 0.5);
  assertAlmostEquals(probability(tinyProcess(), [["a", "a"], ["b"]]), scene0 + scene1, 1e-15);
});

Deno.test("the cross-entropy of drawn documents equals the entropy of the enumerated ones", () => {
  const process = tinyProcess();
  const surprises = everyDocument().map((document) =>
    readDocument(process, document).logProbability
  )
    .filter((logP) => logP > -Infinity);
  const entropy = surprises.reduce((sum, logP) => sum - Math.exp(logP) * logP, 0);
  const variance = surprises.reduce((sum, logP) => sum + Math.exp(logP) * (logP + entropy) ** 2, 0);
  const count = 20_000;
  let total = 0;
  for (let number = 0; number < count; number++) {
    const { sentences } = drawDocument(process, createRandom(3, number));
    total -= readDocument(process, sentences.map(({ words }) => words)).logProbability;
  }
  assertAlmostEquals(total / count, entropy, 4 * Math.sqrt(variance / count));
});

Deno.test("documents are drawn as often as their probability says", () => {
  const process = tinyProcess(), count = 20_000;
  const times = new Map<string, number>();
  for (let number = 0; number < count; number++) {
    const key = JSON.stringify(
      drawDocument(process, createRandom(4, number)).sentences.map((s) => s.words),
    );
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  for (const document of everyDocument()) {
    const p = probability(process, document);
    const drawn = (times.get(JSON.stringify(document)) ?? 0) / count;
    assert(Math.abs(drawn - p) <= 5 * Math.sqrt(p * (1 - p) / count), JSON.stringify(document));
  }
});

Deno.test("hidden words: sum over all ways to fill them, and Bayes' rule for each", () => {
  const process = tinyProcess();
  const hidden = [[null, "a"], [null]];
  const fillings = everyDocument().filter((d) => d.length === 2 && d[0][1] === "a");
  const weights = fillings.map((document) => probability(process, document));
  const total = weights.reduce((sum, p) => sum + p, 0);
  const reading = readDocument(process, hidden);
  assertAlmostEquals(Math.exp(reading.logProbability), total, 1e-14);
  for (const { sentence, position, probabilities } of reading.hidden) {
    for (const word of WORDS) {
      const matching = fillings.map((d, n) => d[sentence][position] === word ? weights[n] : 0);
      const expected = matching.reduce((sum, p) => sum + p, 0) / total;
      assertAlmostEquals(probabilities.get(word) ?? 0, expected, 1e-14);
    }
  }
});

Deno.test("a document that no scene can make has probability zero", () => {
  for (
    const document of [[["c", "c"]], [["a", "a"], ["b"], ["b"], ["b"]], [["a"]], [], [["a", "x"]]]
  ) {
    assertEquals(readDocument(tinyProcess(), document).logProbability, -Infinity);
  }
});

Deno.test("walking the steps: the sentences' sums agree at every sentence", () => {
  const told = [0.9, 0.5, 1, 0.3];
  const said = [[0.2, 0.1, 0, 0], [0, 0.3, 0.6, 0.1]];
  const { around, probability } = walkSteps(told, said);
  const sums = said.map((row, i) => row.reduce((sum, p, k) => sum + p * around[i][k], 0));
  sums.forEach((sum) => assertAlmostEquals(sum, probability, 1e-15));
  // By hand: (0,1) cannot reach the end without the third step; so (0,2), (1,2) and (0,1)… are:
  const byHand = 0.9 * 0.2 * (0.5 * 1 * 0.6) * 0.7 + 0.1 * 0.5 * 0.1 * 1 * 0.6 * 0.7;
  assertAlmostEquals(probability, byHand, 1e-15);
});

Deno.test("an excerpt is read as the sum over all documents that contain it at its place", () => {
  const process = tinyProcess();
  for (const piece of [[["b"]], [["a"]], [["c"]], [["b"], ["a"]]]) {
    const expected = everyDocument()
      .filter((d) => JSON.stringify(d.slice(1, 1 + piece.length)) === JSON.stringify(piece))
      .reduce((sum, document) => sum + probability(process, document), 0);
    const { logProbability } = readDocument(process, piece, { before: 1 });
    assertAlmostEquals(Math.exp(logProbability), expected, 1e-14);
  }
});
