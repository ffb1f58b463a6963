import { assertEquals, assertThrows } from "@std/assert";
import { createWorld, documents } from "../data/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { joinTexts, type Stretch, withWords } from "../objectives/annotation.ts";
import { locate, termFinder } from "../objectives/word_list.ts";
import { tokenizerOf } from "./objectives.ts";

const tokenizer = tokenizerOf("a", "b", "c", "##x", "##y", "银", "湖", "在");
const pieces = (text: string, stretches: Stretch[] = []) =>
  stretches.map(({ start, end }) => text.slice(start, end));

Deno.test("a stretch makes one word of all that it overlaps, other words stay", () => {
  const batch = encodeBatch(tokenizer, ["axy b c ax"]); // a ##x ##y, b, c, a ##x
  const words = (...stretches: Stretch[]) => [...withWords(batch, () => stretches).words];
  assertEquals(words(), [-1, 0, 0, 0, 1, 2, 3, 3, -1]);
  assertEquals(words({ start: 4, end: 7 }), [-1, 0, 0, 0, 1, 1, 2, 2, -1]);
  assertEquals(words({ start: 2, end: 5 }), [-1, 0, 0, 0, 0, 1, 2, 2, -1]); // from within a word
  assertEquals(words({ start: 0, end: 5 }, { start: 4, end: 7 }), [-1, 0, 0, 0, 0, 0, 1, 1, -1]);
  assertEquals(words({ start: 40, end: 50 }), words()); // of text that was cut off
});

Deno.test("with only, words outside all stretches are no words any more", () => {
  const batch = encodeBatch(tokenizer, ["axy b c ax"]);
  const { words } = withWords(batch, () => [{ start: 9, end: 10 }], { only: true });
  assertEquals([...words], [-1, -1, -1, -1, -1, -1, 3, 3, -1]); // a piece names its whole word
  const { words: none } = withWords(batch, () => [], { only: true });
  assertEquals([...none], new Array(9).fill(-1));
});

Deno.test("each text of a pair has its own stretches, whatever the segments say", () => {
  const second = (_row: number, text: number) => text === 1 ? [{ start: 0, end: 3 }] : [];
  const batch = encodeBatch(tokenizer, [["a b", "b c"], ["", "b c"]]);
  assertEquals([...withWords(batch, second).words], [
    -1,
    0,
    1,
    -1,
    2,
    2,
    -1,
    -1,
    -1,
    0,
    0,
    -1,
    -1,
    -1,
  ]);
  const roberta = { ...tokenizer, template: { single: "cls A sep", pair: "cls A sep sep B sep" } };
  const alike = encodeBatch(roberta, [["a b", "b c"]]);
  assertEquals([...alike.segments], new Array(8).fill(0));
  assertEquals([...withWords(alike, second).words], [-1, 0, 1, -1, -1, 2, 2, -1]);
});

Deno.test("words by annotation leave the batch as it was and change nothing else", () => {
  const batch = encodeBatch(tokenizer, ["axy b", "c"]), before = batch.words.slice();
  const joined = withWords(batch, (row) => row === 0 ? [{ start: 0, end: 5 }] : []);
  assertEquals(batch.words, before);
  assertEquals({ ...joined, words: before }, batch);
});

Deno.test("a stretch that is none is refused with its row", () => {
  const batch = encodeBatch(tokenizer, ["a", "b"]);
  for (const [start, end] of [[1, 1], [2, 1], [-1, 1], [0.5, 1], [0, NaN]]) {
    const wrong = (row: number) => row === 1 ? [{ start, end, kind: "name" }] : [];
    assertThrows(
      () => withWords(batch, wrong),
      RangeError,
      `row 1: the name from ${start} to ${end}`,
    );
  }
});

Deno.test("joined texts keep their spans, in English and in Chinese", () => {
  const world = createWorld(3);
  for (const [language, gap] of [["en", " "], ["zh", ""]] as const) {
    for (const { text, sentences } of documents(world, { seed: 5, count: 20, language })) {
      const joined = joinTexts(sentences, gap);
      assertEquals(joined.text, text);
      const were = sentences.flatMap((one) => pieces(one.text, [...one.spans]));
      assertEquals(pieces(joined.text, [...joined.spans]), were);
    }
  }
  assertEquals(joinTexts([]), { text: "", spans: [] });
});

Deno.test("a word list finds the longest term from the left, whatever the case", () => {
  const find = termFinder(["Silver", "silver lake", "lake town", " b ", ""]);
  const found = (text: string) => pieces(text, find(text));
  assertEquals(found("At SILVER LAKE town: silver, B."), ["SILVER LAKE", "silver", "B"]);
  assertEquals(found("silver"), ["silver"]);
  assertEquals(found(""), []);
});

Deno.test("the trap: a term within a longer word is no term, but Chinese words stand side by side", () => {
  const text = "Art is a party, arts: art's art—ärt", art = termFinder(["art"]);
  assertEquals(art(text).map(({ start }) => start), [0, 22, 28]);
  const buggy = [...text.toLowerCase().matchAll(/art/g)].map(({ index }) => index);
  assertEquals(buggy.includes(10), true); // p(art)y
  const find = termFinder(["银湖", "湖在", "art"]);
  assertEquals(pieces("她在银湖在art里", find("她在银湖在art里")), ["银湖", "art"]);
});

Deno.test("terms may hold what regular expressions mean otherwise, and characters of two units", () => {
  const find = termFinder(["c++", "a.b", "😀 x"]), text = "c++ a.b axb 😀 x";
  assertEquals(pieces(text, find(text)), ["c++", "a.b", "😀 x"]);
});

Deno.test("an empty word list is refused", () => {
  assertThrows(() => termFinder([]), RangeError, "word list");
  assertThrows(() => termFinder(["", " "]), RangeError, "word list");
});

Deno.test("located words are where the text has them; what does not come next is refused", () => {
  const world = createWorld(2);
  for (const { sentences } of documents(world, { seed: 1, count: 20, language: "zh" })) {
    for (const { text, words } of sentences) assertEquals(pieces(text, locate(text, words)), words);
  }
  assertEquals(pieces("a a  b", locate("a a  b", ["a", "a", "b"])), ["a", "a", "b"]);
  assertThrows(
    () => locate("她在银湖", ["她", "湖"]),
    RangeError,
    '"湖" does not stand next after place 1',
  );
  assertThrows(() => locate("她", ["她", "她"]), RangeError, "after place 1");
  assertThrows(() => locate("她", [""]), RangeError, "does not stand");
});
