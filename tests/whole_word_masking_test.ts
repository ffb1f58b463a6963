import { assert, assertEquals, assertThrows } from "@std/assert";
import { createWorld, documents } from "../data/mod.ts";
import { encodeBatch, type EncodedBatch } from "../core/text/batch.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { withWords } from "../objectives/annotation.ts";
import { type Choose, maskedLM } from "../objectives/masked_language_model.ts";
import { rowOf } from "../objectives/objective.ts";
import { wholeWordMasking, wholeWords, wordsOf } from "../objectives/whole_word_masking.ts";
import { locate, termFinder } from "../objectives/word_list.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf("a", "b", "c", "d", "##x", "##y"), { vocabulary } = tokenizer;
const text = (n: number, from = 0) =>
  upTo(n).map((i) => "abcd"[(from + i) % 4] + ["", "x", "xy", "xyx"][(from + i * 3) % 4]).join(" ");
const seeds = upTo(60);

/** Row, and word of that row, of each chosen place, with how many of its pieces were chosen. */
function chosenWords(batch: EncodedBatch, at: number[]) {
  const T = batch.shape[1];
  const words = upTo(batch.shape[0]).flatMap((b) => {
    const row = rowOf(batch, b), real = upTo(T).filter((t) => row.words[t] >= 0);
    return wordsOf(real, row).map((word) => word.map((t) => b * T + t));
  });
  return words.map((word) => ({ word, chosen: word.filter((place) => at.includes(place)).length }));
}

Deno.test("whole-word masking hides all pieces of a word or none", () => {
  const batch = encodeBatch(tokenizer, [text(30), text(17, 1), [text(9, 2), text(12, 3)]]);
  for (const seed of seeds) {
    const { targets } = wholeWordMasking(vocabulary, { rate: 0.3 }).corrupt(batch, randomKey(seed));
    const { at } = chosenOf(targets);
    for (const { word, chosen } of chosenWords(batch, at)) {
      assert(chosen === 0 || chosen === word.length, `${chosen} of ${word}`);
    }
  }
});

Deno.test("whole-word masking fills its share as far as words of one piece are left", () => {
  const batch = encodeBatch(tokenizer, [text(40)]);
  const pieces = batch.words.filter((word) => word >= 0).length;
  for (const seed of seeds) {
    const { targets } = wholeWordMasking(vocabulary).corrupt(batch, randomKey(seed));
    assertEquals(targets.count, Math.round(0.15 * pieces));
  }
});

Deno.test("whole-word masking is masked LM where every word is one piece", () => {
  const batch = encodeBatch(tokenizer, ["a b c d a b c d a b", "d c b a"]);
  const key = randomKey(3),
    count = (choose?: Choose) => maskedLM(vocabulary, { choose }).corrupt(batch, key).targets.count;
  assertEquals(count(wholeWords), count());
});

Deno.test("whole-word masking chooses every word alike where there is room", () => {
  const batch = encodeBatch(tokenizer, ["a b c d a b c d ax bx"]), runs = 2000;
  const times = chosenWords(batch, []).map(() => 0);
  for (const seed of upTo(runs)) {
    const { targets } = wholeWordMasking(vocabulary, { rate: 0.5 }).corrupt(
      batch,
      randomKey(1, seed),
    );
    chosenWords(batch, chosenOf(targets).at).forEach(({ chosen }, i) =>
      times[i] += Math.sign(chosen)
    );
  }
  // A word of two pieces is passed over where one place is left: a little rarer, never absent.
  const single = times.slice(0, 8).map((n) => n / runs),
    double = times.slice(8).map((n) => n / runs);
  for (const share of single) assert(Math.abs(share - single[0]) < 0.06, `${single}`);
  for (const share of double) assert(share > 0.4 && share < single[0] + 0.02, `${double}`);
});

Deno.test("in Chinese the words come from a segmentation or a word list", () => {
  const world = createWorld(1),
    told = [...documents(world, { seed: 2, count: 12, language: "zh" })];
  const characters = new Set(told.flatMap(({ text }) => [...text]));
  const chinese = tokenizerOf(...characters),
    batch = encodeBatch(chinese, told.map(({ text }) => text));
  const words = told.map(({ text, sentences }) => locate(text, sentences.flatMap((s) => s.words)));
  const find = termFinder(told.flatMap(({ sentences }) => sentences.flatMap((s) => s.words)));
  for (
    const joined of [
      withWords(batch, (b) => words[b]),
      withWords(batch, (b) => find(told[b].text)),
    ]
  ) {
    const { targets } = wholeWordMasking(chinese.vocabulary).corrupt(joined, randomKey(1));
    const hidden = chosenWords(joined, chosenOf(targets).at).filter(({ chosen }) => chosen > 0);
    assert(hidden.every(({ word, chosen }) => chosen === word.length));
    assert(hidden.some(({ chosen }) => chosen > 1));
  }
});

Deno.test("a word with an unknown character in it is hidden but for that character", () => {
  const batch = encodeBatch(tokenizer, ["a b"]),
    all = withWords(batch, () => [{ start: 0, end: 3 }]);
  const ids = all.ids.map((id, t) => t === 2 ? vocabulary.special.unk : id);
  const { targets } = wholeWordMasking(vocabulary, { rate: 1 }).corrupt(
    { ...all, ids },
    randomKey(1),
  );
  assertEquals(chosenOf(targets).at, [1]);
});

Deno.test("whole-word masking refuses a batch without any word that may be chosen", () => {
  const objective = wholeWordMasking(vocabulary), key = randomKey(1);
  const refused = (texts: string[]) =>
    assertThrows(
      () => objective.corrupt(encodeBatch(tokenizer, texts), key),
      RangeError,
      "no token to choose",
    );
  refused(["", "[MASK]"]);
  refused(["axyxy"]); // its one word has five pieces, and one may be chosen
  const none = withWords(encodeBatch(tokenizer, ["a b"]), () => [], { only: true });
  assertThrows(() => objective.corrupt(none, key), RangeError, "no token to choose");
  assertThrows(() => wholeWordMasking(vocabulary, { rate: 0 }), RangeError, "the rate 0");
});

Deno.test("the trap: taking ## for the mark of a word's rest tears words of other tokenizers apart", () => {
  // Byte-level BPE marks the beginning of a word, not its rest.
  const tokens = ["Ġgar", "den", "Ġin", "Ġwin", "ter"], words = Int32Array.from([0, 0, 1, 2, 2]);
  const buggy: number[][] = [];
  tokens.forEach((token, t) => token.startsWith("##") ? buggy.at(-1)!.push(t) : buggy.push([t]));
  assertEquals(buggy.length, 5); // every piece on its own
  assertEquals(wordsOf(upTo(5), { words }), [[0, 1], [2], [3, 4]]);
});

Deno.test("the trap: words of a pair's two texts have the same numbers", () => {
  const batch = encodeBatch(tokenizer, [["ax b", "cx d"]]), row = rowOf(batch, 0);
  const places = [1, 2, 3, 5, 6, 7];
  const buggy = Map.groupBy(places, (t) => row.words[t]);
  assertEquals(buggy.get(0), [1, 2, 5, 6]); // ax and cx as one
  assertEquals(wordsOf(places, row), [[1, 2], [3], [5, 6], [7]]);
});
