import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { crossEntropy, device, randomKey, read, sum, tensor, where } from "../core/tensor/mod.ts";
import { maskedLM } from "../objectives/masked_language_model.ts";
import { classLoss, isNext, nextSentence, notNext } from "../objectives/next_sentence.ts";
import { asParts } from "../objectives/objective.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

// Token dNsMwK: word K of sentence M of document N, so a row says where each of its words is from.
const size = { documents: 6, sentences: 5 };
const length = (n: number, m: number) => 1 + (3 * n + 5 * m) % 4;
const documents = Array.from(
  { length: size.documents },
  (_, n) =>
    Array.from(
      { length: size.sentences },
      (_, m) => Array.from({ length: length(n, m) }, (_, k) => `d${n}s${m}w${k}`).join(" "),
    ),
);
const words = documents.flat().flatMap((sentence) => sentence.split(" "));
const vocabulary = parseVocabulary(
  ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words].join("\n"),
);
const tokenizer = wordPiece(vocabulary);

/** A row taken apart: its two segments as [document, sentence, word], and the label. */
function rows(maxLength: number, seed: number, from = documents) {
  const { batch, targets } = nextSentence(tokenizer, { maxLength }).corrupt(from, randomKey(seed));
  const labels = given(targets.labels), [B, T] = batch.shape;
  return Array.from({ length: B }, (_, b) => {
    const ids = [...batch.ids.subarray(b * T, (b + 1) * T)];
    const segments = [...batch.segments.subarray(b * T, (b + 1) * T)];
    const cut = (segment: number) =>
      ids.filter((id, t) => id > 4 && segments[t] === segment).map((id) =>
        vocabulary.tokens[id].match(/\d+/g)!.map(Number)
      );
    return { ids, first: cut(0), second: cut(1), label: labels[b] };
  });
}

const seeds = Array.from({ length: 40 }, (_, seed) => seed);

Deno.test("next sentence: B follows A where the label is 0, and is from elsewhere where it is 1", () => {
  for (const row of seeds.flatMap((seed) => rows(64, seed))) {
    const [document, sentence] = row.first.at(-1)!, [other, start, word] = row.second[0];
    assertEquals(word, 0);
    if (row.label === isNext) assertEquals([other, start], [document, sentence + 1]);
    else assertNotEquals(other, document);
  }
});

Deno.test("next sentence: row b begins with a sentence of document b", () => {
  for (const seed of seeds) {
    rows(64, seed).forEach(({ first: [[document, , word]] }, b) =>
      assertEquals([document, word], [b, 0])
    );
  }
});

Deno.test("next sentence: half of the pairs are real", () => {
  const labels = Array.from({ length: 200 }, (_, seed) => rows(64, seed).map((r) => r.label))
    .flat();
  const share = labels.filter((label) => label === notNext).length / labels.length;
  assert(Math.abs(share - 0.5) < 5 * 0.5 / Math.sqrt(labels.length), `${share}`);
});

Deno.test("next sentence: both parts are runs of sentences as they stand in the document", () => {
  for (const { first, second } of seeds.flatMap((seed) => rows(64, seed))) {
    for (const part of [first, second]) {
      const [[n, m]] = part, [, last] = part.at(-1)!;
      const run = documents[n].slice(m, last + 1).join(" ");
      assertEquals(part.map(([n, m, k]) => `d${n}s${m}w${k}`).join(" "), run);
    }
  }
});

Deno.test("next sentence: a pair is filled as far as whole sentences go", () => {
  for (const { first, second, label } of seeds.flatMap((seed) => rows(14, seed))) {
    const used = first.length + second.length, [n, m] = second.at(-1)!;
    assert(used <= 11 || second.every(([, at]) => at === m)); // else one sentence, cut
    const more = documents[n][m + 1]?.split(" ").length ?? Infinity;
    if (label === isNext) assert(used + more > 11, `${used} tokens, and ${more} more would fit`);
  }
});

Deno.test("next sentence: what is too long is cut, and every row has the same length", () => {
  for (const maxLength of [5, 6, 9, 14, 64]) {
    for (const { ids, first, second } of seeds.flatMap((seed) => rows(maxLength, seed))) {
      assertEquals(ids.length, maxLength);
      assertEquals(ids[0], 2);
      assertEquals(ids.filter((id) => id === 3).length, 2);
      assert(first.length >= 1 && second.length >= 1);
    }
  }
});

Deno.test("next sentence does the same for the same key, something else for another", () => {
  assertEquals(rows(32, 1), rows(32, 1));
  assertNotEquals(rows(32, 1), rows(32, 2));
});

Deno.test("next sentence says what it lacks", () => {
  const objective = nextSentence(tokenizer, { maxLength: 16 }), key = randomKey(1);
  assertThrows(() => objective.corrupt([documents[0]], key), RangeError, "1 document;");
  assertThrows(() => objective.corrupt([], key), RangeError, "0 document");
  const short = [documents[0], ["d1s0w0"]];
  assertThrows(() => objective.corrupt(short, key), RangeError, "document 1 has 1 sentence");
  const narrow = nextSentence(tokenizer, { maxLength: 2 });
  assertThrows(() => narrow.corrupt(documents, key), RangeError, "maxLength 2");
});

Deno.test("the pairs of next sentence can be masked, too", () => {
  const key = randomKey(1),
    pairs = nextSentence(tokenizer, { maxLength: 24 }).corrupt(documents, key);
  const { batch, targets } = maskedLM(vocabulary).corrupt(pairs.batch, key.derive(1));
  assertEquals(batch.segments, pairs.batch.segments);
  assert(targets.count >= size.documents);
});

onEveryDevice("next sentence's loss is the number worked out by hand", async () => {
  const scores = tensor("B C", [[0, 0], [Math.log(3), 0]]), labels = tensor("B", [0, 1]);
  const loss = classLoss(scores, { labels, count: 2 });
  assertNear(await read(loss), [(Math.LN2 + Math.log(4)) / 2], 1e-6);
});

onEveryDevice("next sentence's losses of parts add up to that of the whole", async () => {
  const scores = some("B C", [3, 2]), labels = tensor("B", [0, 1, 1]);
  const parts = asParts([
    { labels: tensor("B", [0]), count: 1 },
    { labels: tensor("B", [1, 1]), count: 2 },
  ]);
  const values = given(scores);
  const [one] = await read(classLoss(tensor("B C", values.slice(0, 2), [1, 2]), parts[0]));
  const [two] = await read(classLoss(tensor("B C", values.slice(2), [2, 2]), parts[1]));
  assertNear([one + two], await read(classLoss(scores, { labels, count: 3 })), 1e-6);
});

Deno.test("next sentence's gradient is that of differences [reference]", async () => {
  await device("reference");
  const labels = tensor("B", [0, 1, 1]);
  await assertGradients(({ x }) => classLoss(x, { labels, count: 3 }), { x: some("B C", [3, 2]) });
});

onEveryDevice(
  "the trap: a loss that ignores label 0 is content with a constant answer",
  async () => {
    const labels = tensor("B", [0, 1, 0, 0]), scores = tensor("B C", new Array(4).fill([-9, 9]));
    const each = crossEntropy(scores, labels, "C");
    const [buggy] = await read(sum(where(labels, each, 0))); // label 0 taken for padding
    assert(buggy < 1e-6);
    const [right] = await read(classLoss(scores, { labels, count: 4 }));
    assert(right > 10);
  },
);
