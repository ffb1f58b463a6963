import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { randomKey, tensor } from "../core/tensor/mod.ts";
import { maskedLM } from "../objectives/masked_language_model.ts";
import { inOrder, sentenceOrder, swapped } from "../objectives/sentence_order.ts";
import { given } from "./numbers.ts";
import { tokenizerOf, upTo } from "./objectives.ts";

// Token dNsMwK: word K of sentence M of document N, so a row says where each of its words is from.
const length = (n: number, m: number) => 1 + (2 * n + 3 * m) % 4;
const documents = upTo(5).map((n) =>
  upTo(2 + n).map((m) => upTo(length(n, m)).map((k) => `d${n}s${m}w${k}`).join(" "))
);
const tokenizer = tokenizerOf(...documents.flat().flatMap((sentence) => sentence.split(" ")));
const { vocabulary } = tokenizer, { special } = vocabulary;

/** A row taken apart: its two segments as [document, sentence, word], and the label. */
function rows(maxLength: number, seed: number, from = documents) {
  const { batch, targets } = sentenceOrder(tokenizer, { maxLength }).corrupt(from, randomKey(seed));
  const labels = given(targets.labels), [B, T] = batch.shape;
  return upTo(B).map((b) => {
    const ids = [...batch.ids.subarray(b * T, (b + 1) * T)],
      segments = batch.segments.subarray(b * T);
    const cut = (segment: number) =>
      ids.map((id) => vocabulary.tokens[id])
        .filter((token, t) => !token.startsWith("[") && segments[t] === segment)
        .map((token) => token.match(/\d+/g)!.map(Number));
    return { ids, first: cut(0), second: cut(1), label: labels[b] };
  });
}
const all = (maxLength: number) => upTo(40).flatMap((seed) => rows(maxLength, seed));

Deno.test("sentence order: both parts are of one document, and follow each other as the label says", () => {
  for (const { first, second, label } of all(64)) {
    const [before, after] = label === inOrder ? [first, second] : [second, first];
    const [document, sentence] = before.at(-1)!;
    assertEquals(after[0], [document, sentence + 1, 0]);
  }
});

Deno.test("sentence order: row b is from document b, and both parts are runs of its sentences", () => {
  for (const seed of upTo(40)) {
    rows(64, seed).forEach(({ first, second }, b) => {
      for (const part of [first, second]) {
        const [[n, m]] = part, [, last] = part.at(-1)!;
        assertEquals(n, b);
        const run = documents[b].slice(m, last + 1).join(" ");
        assertEquals(part.map(([n, m, k]) => `d${n}s${m}w${k}`).join(" "), run);
      }
    });
  }
});

Deno.test("sentence order: half of the pairs are swapped", () => {
  const labels = upTo(300).flatMap((seed) => rows(64, seed).map(({ label }) => label));
  const share = labels.filter((label) => label === swapped).length / labels.length;
  assert(Math.abs(share - 0.5) < 5 * 0.5 / Math.sqrt(labels.length), `${share}`);
});

Deno.test("sentence order: a pair is filled as far as whole sentences go, and cut where it must be", () => {
  for (const maxLength of [5, 6, 9, 14, 64]) {
    for (const { ids, first, second, label } of all(maxLength)) {
      assertEquals(ids.length, maxLength);
      assertEquals(ids.filter((id) => id === special.sep).length, 2);
      assert(first.length >= 1 && second.length >= 1);
      const used = first.length + second.length,
        [n, m] = (label === inOrder ? second : first).at(-1)!;
      const more = documents[n][m + 1]?.split(" ").length ?? Infinity;
      assert(used + more > maxLength - 3, `${used} tokens, and ${more} more would fit`);
    }
  }
});

Deno.test("sentence order: what stands first has segment 0, swapped or not", () => {
  // Else the segments would give the answer away.
  for (const { ids, first, second } of all(64)) {
    const tokens = ids.map((id) => vocabulary.tokens[id]),
      at = ([n, m, k]: number[]) => tokens.indexOf(`d${n}s${m}w${k}`);
    assert(at(first[0]) < at(second[0]));
  }
});

Deno.test("sentence order does the same for the same key, something else for another", () => {
  assertEquals(rows(32, 1), rows(32, 1));
  assertNotEquals(rows(32, 1), rows(32, 2));
});

Deno.test("sentence order needs no second document; empty sentences do not count", () => {
  assertEquals(
    rows(16, 1, [["d0s0w0", "", " ", "d0s1w0"]])[0].ids.filter((id) => id !== special.pad).length,
    5,
  );
});

Deno.test("sentence order refuses empty documents and those of one sentence", () => {
  const objective = sentenceOrder(tokenizer, { maxLength: 16 }), key = randomKey(1);
  assertThrows(() => objective.corrupt([], key), RangeError, "one document at least");
  assertThrows(
    () => objective.corrupt([documents[0], []], key),
    RangeError,
    "document 1 has 0 sentences",
  );
  assertThrows(() => objective.corrupt([["d0s0w0"]], key), RangeError, "document 0 has 1 sentence");
  assertThrows(
    () => objective.corrupt([["d0s0w0", " "]], key),
    RangeError,
    "document 0 has 1 sentence",
  );
  const narrow = sentenceOrder(tokenizer, { maxLength: 2 });
  assertThrows(() => narrow.corrupt(documents, key), RangeError, "maxLength 2");
});

Deno.test("the pairs of sentence order can be masked, too", () => {
  const pairs = sentenceOrder(tokenizer, { maxLength: 24 }).corrupt(documents, randomKey(1));
  const { batch, targets } = maskedLM(vocabulary).corrupt(pairs.batch, randomKey(2));
  assertEquals(batch.segments, pairs.batch.segments);
  assert(targets.count >= documents.length);
});

Deno.test("sentence order has the loss of next sentence, with label 1 for what is not in order", () => {
  const { loss } = sentenceOrder(tokenizer, { maxLength: 8 });
  const wrong = loss(tensor("B C", [[0, 0]]), { labels: tensor("B", [swapped]), count: 1 });
  assertEquals(wrong.axes, []);
  assertEquals([inOrder, swapped], [0, 1]);
});

Deno.test("the trap: a part of another document, called swapped, lets topic tell", () => {
  // A reader that knows nothing of order: it says swapped where the two documents differ.
  const reader = (first: number[], second: number[]) => first[0] === second[0] ? inOrder : swapped;
  const told = (pairs: { first: number[][]; second: number[][]; label: number }[]) =>
    pairs.filter(({ first, second, label }) => reader(first[0], second[0]) === label).length /
    pairs.length;
  const buggy = all(64).map((row, i) => row.label === inOrder ? row : { ...row, first: [[9, i, 0]] } // a stretch of document 9
  );
  assertEquals(told(buggy), 1);
  assert(Math.abs(told(all(64)) - 0.5) < 0.2);
});
