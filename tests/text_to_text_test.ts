/** The objectives of encoder–decoders: what the source becomes, what is to be written, what is refused. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import { type ScoredPiece, t5Style, unigram } from "../core/text/unigram.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import {
  device,
  gradients,
  ignored,
  randomKey,
  read,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { documentRotation } from "../objectives/document_rotation.ts";
import { maskedSequenceToSequence } from "../objectives/masked_sequence_to_sequence.ts";
import { shuffled } from "../objectives/objective.ts";
import { sentencePermutation } from "../objectives/sentence_permutation.ts";
import { noiseOf, sentinelsOf, spanCorruption } from "../objectives/span_corruption.ts";
import { answerLoss, asAnswers, asPairs, endOf } from "../objectives/text_to_text.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

const special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
const letters = [..."abcdefghijklmnopqrst"];
const sentinels = Array.from({ length: 8 }, (_, i) => `<extra_id_${7 - i}>`); // backwards, as T5 has them
const tokenizer = wordPiece(parseVocabulary(special + [...letters, ...sentinels, ""].join("\n")));
const { vocabulary } = tokenizer, text = letters.join(" "), batch = encodeBatch(tokenizer, [text]);
const tokensOf = (ids: Iterable<number>) => [...ids].map((id) => vocabulary.tokens[id]);
const written = async (answer: Tensor) =>
  tokensOf([...await read(answer)].filter((id) => id !== ignored));
await device("reference");

Deno.test("answerLoss() of two answers is the number worked out by hand", async () => {
  const logits = tensor("B T V", [[[0, Math.log(3)], [0, 0]], [[5, 5], [9, 0]]]);
  const targets = asAnswers([[1, 0], [1]], 2);
  const wanted = (Math.log(4 / 3) + Math.LN2 + Math.LN2) / 3;
  assertNear(await read(answerLoss(logits, targets)), [wanted], 1e-6);
});

onEveryDevice("answerLoss() passes nothing back from padding", async (on) => {
  await device(on.name);
  const logits = some("B T V", [2, 2, 3]), targets = asAnswers([[1, 0], [2]], 2);
  const slopes = await read(gradients(answerLoss(logits, targets), { logits }).logits);
  assertEquals([...slopes.slice(9)], [0, 0, 0]);
  assert(slopes.slice(0, 9).every((g) => g !== 0));
  if (on.name === "reference") {
    await assertGradients((p) => answerLoss(p.logits, targets), { logits });
  }
});

Deno.test("the trap: with padding counted, a model that writes padding seems good", async () => {
  await device("reference");
  const writesPadding = tensor("B T V", [[[9, 0], [9, 0], [9, 0], [9, 0]]]);
  const counted = { answer: tensor("B T", [[1, 0, 0, 0]]), count: 4 };
  const targets = asAnswers([[1]], 4);
  const [wrong, right] = await read([
    answerLoss(writesPadding, counted),
    answerLoss(writesPadding, targets),
  ]);
  assert(wrong[0] < 2.5 && right[0] > 8.5);
});

Deno.test("spanCorruption(): source and answer together are the text, in order", async () => {
  await device("reference");
  for (let seed = 0; seed < 50; seed++) {
    const { corrupt } = spanCorruption(vocabulary, { rate: 0.3 });
    const corrupted = corrupt(batch, randomKey(seed));
    const source = tokensOf(corrupted.batch.ids).filter((t) => !special.includes(t));
    const answer = await written(corrupted.targets.answer);
    assertEquals(answer.at(-1), "[SEP]");
    assertEquals(answer.at(-2), `<extra_id_${source.filter((t) => t.length > 1).length}>`);
    const spans = new Map<string, string[]>();
    let open: string[] = [];
    for (const token of answer.slice(0, -1)) {
      if (token.length > 1) spans.set(token, open = []);
      else open.push(token);
    }
    assertEquals(source.flatMap((t) => spans.get(t) ?? [t]).join(" "), text);
  }
});

Deno.test("spanCorruption() takes 15 % in spans of 3 on average, evenly cut", async () => {
  await device("reference");
  assertEquals(noiseOf(512, { rate: 0.15, meanLength: 3 }), { noise: 77, spans: 26 });
  const lengths: number[] = [], { corrupt } = spanCorruption(vocabulary, { rate: 0.3 });
  for (let seed = 0; seed < 400; seed++) {
    const answer = await written(corrupt(batch, randomKey(seed)).targets.answer);
    const first = answer.findIndex((t, i) => i > 0 && t.length > 1) - 1;
    lengths.push(first);
  }
  // 6 tokens in 2 spans: the first has 1 … 5, each as likely.
  for (let n = 1; n <= 5; n++) {
    const share = lengths.filter((length) => length === n).length / lengths.length;
    assert(Math.abs(share - 0.2) < 0.07, `${n}: ${share}`);
  }
});

Deno.test("the trap: a span may stand anywhere, also at the beginning and not only at the end", () => {
  const { corrupt } = spanCorruption(vocabulary), places = new Set<number>();
  for (let seed = 0; seed < 400; seed++) {
    places.add(tokensOf(corrupt(batch, randomKey(seed)).batch.ids).indexOf("<extra_id_0>"));
  }
  assertEquals(places.size, 18); // 20 tokens, one span of 3
});

Deno.test("the same key takes out the same, another something else", () => {
  const { corrupt } = spanCorruption(vocabulary);
  const ids = (seed: number) => [...corrupt(batch, randomKey(seed)).batch.ids];
  assertEquals(ids(1), ids(1));
  assert([2, 3, 4, 5].some((seed) => ids(seed).join() !== ids(1).join()));
});

Deno.test("the shapes depend on the batch's shape alone, and nothing given is changed", () => {
  const { corrupt } = spanCorruption(vocabulary), before = [...batch.ids];
  const long = encodeBatch(tokenizer, [text, "a b c"], { padTo: 24 });
  const short = encodeBatch(tokenizer, ["a b", "c d"], { padTo: 24 });
  const shapes = [long, short].map((one) => corrupt(one, randomKey(3)).targets.answer.shape);
  assertEquals(shapes[0], shapes[1]);
  corrupt(batch, randomKey(1));
  assertEquals([...batch.ids], before);
});

Deno.test("sentinels are found by name, whatever their ids", () => {
  assertEquals(sentinelsOf(vocabulary).slice(0, 2), [32, 31]);
  const { tokens } = vocabulary;
  assertEquals(sentinelsOf(vocabulary).map((id) => tokens[id])[7], "<extra_id_7>");
});

Deno.test("missing sentinels, spans that cover everything and odd rates are refused", () => {
  const none = parseVocabulary(special + "a\nb\n");
  const error = assertThrows(() => spanCorruption(none), RangeError);
  for (const part of ["0 sentinels", "<extra_id_0>"]) assertStringIncludes(error.message, part);
  const few = wordPiece(parseVocabulary(special + "a\nb\n<extra_id_0>\n<extra_id_1>\n"));
  const many = encodeBatch(few, [Array(60).fill("a").join(" ")]);
  const asked = () => spanCorruption(few.vocabulary).corrupt(many, randomKey(1));
  assertStringIncludes(assertThrows(asked, RangeError).message, "need 4 sentinels");
  const tiny = () =>
    spanCorruption(vocabulary).corrupt(encodeBatch(tokenizer, ["a"]), randomKey(1));
  assertStringIncludes(assertThrows(tiny, RangeError).message, "leaves nothing");
  const most = () => spanCorruption(vocabulary, { rate: 0.99 }).corrupt(batch, randomKey(1));
  assertStringIncludes(assertThrows(most, RangeError).message, "leaves nothing");
  for (const rate of [0, 1, NaN]) {
    assertThrows(() => spanCorruption(vocabulary, { rate }), RangeError);
  }
  assertThrows(() => spanCorruption(vocabulary, { meanLength: 0 }), RangeError);
});

Deno.test("a text without an end token has no answer that ends", () => {
  const bare = { ...tokenizer, template: { single: "cls A", pair: "cls A B" } };
  const batch = encodeBatch(bare, [text]);
  const error = assertThrows(() => endOf(batch, 0, vocabulary.special), RangeError);
  assertStringIncludes(error.message, "row 0 does not end");
});

Deno.test("maskedSequenceToSequence() hides one half in a run, and asks for it", async () => {
  await device("reference");
  const { mask } = vocabulary.special, replace = (ids: readonly number[]) => ids.map(() => mask);
  const { corrupt } = maskedSequenceToSequence(vocabulary, { replace });
  for (let seed = 0; seed < 20; seed++) {
    const corrupted = corrupt(batch, randomKey(seed)), { answer, places } = corrupted.targets;
    const run = await written(answer), source = tokensOf(corrupted.batch.ids);
    const from = source.indexOf("[MASK]"), at = [...await read(places!)].slice(0, 10);
    assertEquals(run, letters.slice(from - 1, from + 9));
    assertEquals(source.filter((t) => t === "[MASK]").length, 10);
    assertEquals(at, run.map((_, i) => from + i));
  }
});

Deno.test("the trap: a run's places are those it had in the text", async () => {
  await device("reference");
  const firsts = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const { targets } = maskedSequenceToSequence(vocabulary).corrupt(batch, randomKey(seed));
    firsts.add((await read(targets.places!))[0]);
  }
  assertEquals([...firsts].sort((a, b) => a - b), Array.from({ length: 11 }, (_, i) => i + 1));
});

Deno.test("maskedSequenceToSequence() refuses rates and texts that hide nothing", () => {
  assertThrows(() => maskedSequenceToSequence(vocabulary, { rate: 0 }), RangeError, "rate 0");
  const empty = () =>
    maskedSequenceToSequence(vocabulary).corrupt(encodeBatch(tokenizer, [""]), randomKey(1));
  assertStringIncludes(assertThrows(empty, RangeError).message, "row 0");
});

Deno.test("documentRotation() turns the text, and any beginning is as likely", async () => {
  await device("reference");
  const { corrupt } = documentRotation(vocabulary), begins = new Map<string, number>();
  for (let seed = 0; seed < 600; seed++) {
    const { batch: turned, targets } = corrupt(encodeBatch(tokenizer, ["a b c"]), randomKey(seed));
    const source = tokensOf(turned.ids);
    assertEquals([source[0], source[4]], ["[CLS]", "[SEP]"]);
    assert("a b c a b".includes(source.slice(1, 4).join(" ")));
    assertEquals(await written(targets.answer), ["a", "b", "c", "[SEP]"]);
    begins.set(source[1], (begins.get(source[1]) ?? 0) + 1);
  }
  for (const count of begins.values()) assert(Math.abs(count - 200) < 50, `${count} of 600`);
  assertEquals(begins.size, 3);
});

Deno.test("sentencePermutation() shuffles the sentences and asks for the document", async () => {
  await device("reference");
  const { corrupt } = sentencePermutation(tokenizer, { maxLength: 12 });
  const orders = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { batch, targets } = corrupt([["a b", "c d", "e f"]], randomKey(seed));
    orders.add(tokensOf(batch.ids).slice(1, 7).join(" "));
    assertEquals(await written(targets.answer), ["a", "b", "c", "d", "e", "f", "[SEP]"]);
  }
  assertEquals(orders.size, 6);
  assert(orders.has("e f a b c d"));
});

Deno.test("shuffled() gives every order as often as any other", () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 2400; seed++) {
    const order = shuffled(["a", "b", "c", "d"], randomKey(seed)).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 24);
  const chi = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
  assert(chi < 49.7, `${chi}`); // of 1000 fair shuffles with 23 degrees of freedom one is above
});

Deno.test("a document that does not fit loses its last sentences, in source and answer", async () => {
  await device("reference");
  const { corrupt } = sentencePermutation(tokenizer, { maxLength: 6 });
  const { batch, targets } = corrupt([["a b", "c d", "e f"]], randomKey(1));
  assertEquals(await written(targets.answer), ["a", "b", "c", "d", "[SEP]"]);
  assert(!tokensOf(batch.ids).includes("e"));
  const none = () => corrupt([["a b c d e"]], randomKey(1));
  assertStringIncludes(assertThrows(none, RangeError).message, "document 0");
});

Deno.test("asPairs(): sources and answers of a tokenizer, refused where they are too long", async () => {
  await device("reference");
  const pairs = [{ source: "a b", answer: "c" }, { source: "d", answer: "e f" }];
  const { inputs, targets } = asPairs(tokenizer, pairs, { source: 5, answer: 4 });
  assertEquals(inputs.ids.shape, [2, 5]);
  assertEquals([targets.answer.shape, targets.count], [[2, 4], 5]);
  assertEquals(await written(targets.answer), ["c", "[SEP]", "e", "f", "[SEP]"]);
  const long = () => asPairs(tokenizer, pairs, { source: 5, answer: 2 });
  assertStringIncludes(
    assertThrows(long, RangeError).message,
    "an answer of 3 tokens has room for 2",
  );
  assertThrows(() => asAnswers([[]], 3), RangeError, "nothing to be written");
});

Deno.test("T5's own pieces: the source and the answer of the paper's figure 2", async () => {
  await device("reference");
  const words = "Thank you for inviting me to your party last week .".split(" ");
  const pieces: ScoredPiece[] = [["<pad>", 0, 3], ["</s>", 0, 3], ["<unk>", 0, 2]];
  const tokenizer = unigram(
    [...pieces, ...words.map((w): ScoredPiece => [`▁${w}`, -1, 1])],
    t5Style(4),
  );
  const { vocabulary } = tokenizer, batch = encodeBatch(tokenizer, [words.join(" ")]);
  const found = new Set<string>(),
    { corrupt } = spanCorruption(vocabulary, { rate: 0.27, meanLength: 1.5 });
  for (let seed = 0; seed < 300; seed++) {
    const { batch: source, targets } = corrupt(batch, randomKey(seed));
    const answer = [...await read(targets.answer)].filter((id) => id !== ignored);
    const text = (ids: Iterable<number>) => [...ids].map((id) => vocabulary.tokens[id]).join(" ");
    found.add(`${text(source.ids).replace(/( <pad>)+$/, "")} | ${text(answer)}`);
  }
  const [x, y, z] = [0, 1, 2].map((i) => `<extra_id_${i}>`);
  const source = `▁Thank ▁you ${x} ▁me ▁to ▁your ▁party ${y} ▁week ▁. </s>`;
  assert(found.has(`${source} | ${x} ▁for ▁inviting ${y} ▁last ${z} </s>`));
});
