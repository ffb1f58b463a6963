import { assert, assertEquals } from "@std/assert";
import { createWorld } from "../data/mod.ts";
import { experiment } from "../experiments/c17_text_to_text.ts";
import { tableScore, taskPairs, tasks, textTokenizer, unseen } from "../experiments/text_tasks.ts";
import { around, checkVerdicts } from "./experiments.ts";

/** A row in which every task scores so much, one of them something else, and tables 0.2. */
const row = (score: number, translation = score) =>
  Object.fromEntries(
    tasks.flatMap((task) => [
      [task, task === "translation" ? translation : score],
      [`${task} table`, 0.2],
    ]),
  );

Deno.test("C17: text to text's rule gives each verdict", () => {
  checkVerdicts(experiment, {
    holds: around(row(0.9)),
    opposite: around(row(0.9, 0.3)), // one task is not learned
    unclear: [...around(row(0.9)), ...around(row(0.9, 0.5)), row(0.9, 0.7)],
  });
});

const world = createWorld(3), size = { seed: 2, documents: 20, opinions: 20 };

Deno.test("the five tasks are five kinds of pairs, the same for the same seed", () => {
  const pairs = taskPairs(world, size);
  assertEquals(pairs, taskPairs(world, size));
  for (const task of tasks) assert(pairs[task].every(({ answer }) => answer.length > 0), task);
  assertEquals([...new Set(pairs.sentiment.map(({ answer }) => answer))].sort(), ["bad", "good"]);
  assert(pairs.translation.every(({ answer }) => /\p{Script=Han}/u.test(answer)));
  for (const { source, answer } of pairs.question) assert(source.includes(answer));
  for (const { source, answer } of pairs.tags) {
    const named = answer.split(", ").map((item) => item.split(" ").slice(0, -1).join(" "));
    assert(named.every((name) => source.includes(name)), `${source}: ${answer}`);
  }
});

Deno.test("what is unseen was not told, and every token of it is known", () => {
  const told = taskPairs(world, size), held = unseen(taskPairs(world, { ...size, seed: 9 }), told);
  const { encode, vocabulary } = textTokenizer(told);
  for (const task of tasks) {
    const known = new Set(told[task].map(({ source }) => source));
    assert(held[task].length > 0 && held[task].every(({ source }) => !known.has(source)), task);
    const { answer } = told[task][0];
    assert(encode(answer).every(({ id }) => id !== vocabulary.special.unk), answer);
  }
});

Deno.test("tableScore() of three sources is the number worked out by hand", () => {
  const pair = (source: string, answer: string) => ({ source, answer });
  const told = [pair("a? 1", "x"), pair("a? 2", "x"), pair("b? 1", "y"), pair("b? 2", "z")];
  const asked = [pair("a? 3", "x"), pair("b? 3", "y"), pair("c? 3", "x"), pair("c? 4", "y")];
  assertEquals(tableScore(told, asked, (source) => source[0]), 3 / 4);
  assertEquals(tableScore(told, asked, () => ""), 1 / 2);
});
