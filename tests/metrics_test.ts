import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { answerScores, answerWords } from "../tasks/answer_scores.ts";
import { areEntityTags, entities, entityScores } from "../tasks/entities.ts";
import { classScores, confusion } from "../tasks/metrics.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { draws } from "../objectives/objective.ts";

/** Lists of labels drawn at random. */
function drawn(seed: number, count: number, labels: readonly string[]): string[] {
  const draw = draws(randomKey(seed));
  return Array.from({ length: count }, () => labels[draw(labels.length)]);
}

Deno.test("precision, recall and F1 of classes, worked out by hand", () => {
  const truth = [..."aaaabbc"], found = [..."aabbbca"];
  const { values, classes } = classScores(truth, found);
  // a: 2 of 3 said are right, 2 of 4 found; b: 1 of 3, 1 of 2; c: 0 of 1, 0 of 1
  assertEquals(classes.map((c) => [c.name, c.precision, c.recall, c.count]), [
    ["a", 2 / 3, 2 / 4, 4],
    ["b", 1 / 3, 1 / 2, 2],
    ["c", 0, 0, 1],
  ]);
  assertAlmostEquals(values.accuracy, 3 / 7);
  assertAlmostEquals(values.precision, (2 / 3 + 1 / 3) / 3);
  assertAlmostEquals(values.recall, (2 / 4 + 1 / 2) / 3);
  assertAlmostEquals(values.F1, (4 / 7 + 2 / 5) / 3);
});

Deno.test("the mean of the F1 is not the F1 of the means", () => {
  const { values: { precision, recall, F1 } } = classScores([..."aaab"], [..."abbb"]);
  const ofMeans = 2 * precision * recall / (precision + recall);
  assert(Math.abs(F1 - ofMeans) > 0.1, `${F1} and ${ofMeans}`);
});

Deno.test("a class that is said but never true counts 0, one that is neither does not count", () => {
  const { classes, values } = classScores(["a", "a"], ["a", "b"]);
  assertEquals(classes.map(({ name, f1 }) => [name, f1]), [["a", 2 / 3], ["b", 0]]);
  assertAlmostEquals(values.F1, 1 / 3);
});

Deno.test("scores lie between 0 and 1, do not mind the order, and are 1 for the truth alone", () => {
  for (let seed = 0; seed < 20; seed++) {
    const truth = drawn(seed, 30, ["x", "y", "z"]), found = drawn(seed + 100, 30, ["x", "y", "z"]);
    const { values } = classScores(truth, found);
    for (const x of Object.values(values)) assert(x >= 0 && x <= 1);
    assertEquals(classScores(truth.toReversed(), found.toReversed()).values, values);
    assert(Object.values(classScores(truth, truth).values).every((x) => x === 1));
    const counts = confusion(truth, found, ["x", "y", "z"]);
    const right = counts.reduce((sum, row, i) => sum + row[i], 0);
    assertAlmostEquals(right / 30, values.accuracy);
  }
});

Deno.test("nothing to compare and lists of unequal length are errors", () => {
  assertThrows(() => classScores([], []), RangeError, "0 answers to 0 questions");
  assertThrows(() => classScores(["a"], []), RangeError, "0 answers to 1 questions");
  assertThrows(() => entityScores([["O"]], []), RangeError);
  assertThrows(() => answerScores([["a"]], []), RangeError);
  assertThrows(() => confusion(["a"], ["b"], ["a"]), RangeError, '"b" is not one of');
});

Deno.test("entities of IOB1, IOB2 and IOBES are the same", () => {
  const wanted = [{ type: "PER", start: 0, end: 2 }, { type: "PER", start: 2, end: 3 }, {
    type: "LOC",
    start: 3,
    end: 4,
  }];
  assertEquals(entities(["I-PER", "I-PER", "B-PER", "I-LOC", "O"]), wanted);
  assertEquals(entities(["B-PER", "I-PER", "B-PER", "B-LOC", "O"]), wanted);
  assertEquals(entities(["B-PER", "E-PER", "S-PER", "S-LOC", "O"]), wanted);
});

Deno.test("half an entity, or the right words of another type, is no entity", () => {
  const truth = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O"]];
  const found = [["B-PER", "O", "O", "B-LOC"], ["B-PER", "O"]];
  const { values, classes } = entityScores(truth, found);
  assertEquals(values, { F1: 1 / 3, precision: 1 / 3, recall: 1 / 3 });
  assertEquals(classes.map((c) => [c.name, c.precision, c.recall]), [["LOC", 1, 0.5], [
    "PER",
    0,
    0,
  ]]);
});

Deno.test("the same words in another sentence are another entity", () => {
  const { values } = entityScores([["B-PER"], ["O"]], [["O"], ["B-PER"]]);
  assertEquals(values.F1, 0);
});

Deno.test("tags that speak of entities are known from others", () => {
  assert(areEntityTags(["O", "B-PER", "I-PER"]));
  assert(!areEntityTags(["O"]) && !areEntityTags(["B-PER", "VERB"]));
});

Deno.test("answers are compared without case, punctuation and articles", () => {
  assertEquals(answerWords("An  Apple, the pear."), ["apple", "pear"]);
  assertEquals(answerWords("theatre of a man"), ["theatre", "of", "man"]);
  assertEquals(answerWords("北京。"), ["北", "京"]);
});

Deno.test("F1 of answers counts shared words, each once; the best of several truths counts", () => {
  const f1 = (truth: string[], found: string) => answerScores([truth], [found]).values.F1;
  assertAlmostEquals(f1(["red boat"], "red red boat"), 4 / 5); // 2 of 3 said, 2 of 2 found
  assertAlmostEquals(f1(["ship", "red boat"], "boat"), 2 / 3);
  assertEquals(f1(["ship"], "boat"), 0);
  assertEquals([f1([], ""), f1([], "boat"), f1(["boat"], "")], [1, 0, 0]);
  assertEquals(answerScores([["the boat"], ["ship"]], ["Boat!", "red ship"]).values, {
    F1: (1 + 2 / 3) / 2,
    "exact match": 0.5,
  });
});
