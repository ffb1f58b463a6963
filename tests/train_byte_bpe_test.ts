import { assert, assertEquals, assertThrows } from "@std/assert";
import { byteBPE, formatByteBPE, parseByteBPE, ROBERTA_STYLE } from "../core/text/byte_bpe.ts";
import { CHARACTER_OF_BYTE } from "../core/text/byte_words.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";

const SMALLEST = 1 + 256;

function mergesOf(text: string, vocabSize = 1000, minFrequency = 1): string[] {
  const { merges } = trainByteBPE([text], { vocabSize, minFrequency });
  return merges.map((merge) => merge.join(" "));
}

Deno.test("special tokens come first, then the bytes in the order of their characters", () => {
  const { vocabulary } = trainByteBPE(["a"], { vocabSize: 300, style: ROBERTA_STYLE });
  assertEquals(vocabulary.tokens.slice(0, 7), [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "<mask>",
    "!",
    '"',
  ]);
  assertEquals(vocabulary.tokens.length, 5 + 256);
  assertEquals(vocabulary.tokens.slice(5), [...CHARACTER_OF_BYTE].sort());
});

Deno.test("the most frequent pair is joined first, over all words, and joins build on joins", () => {
  assertEquals(mergesOf("low low low lowest", SMALLEST + 3), ["l o", "lo w", "Ġ low"]);
});

Deno.test("of equally frequent pairs the older left token wins, then the older right one", () => {
  // the space's Ġ comes after the letters, and whatever is joined after Ġ
  assertEquals(mergesOf("yz\nac\nab"), ["a b", "a c", "y z"]);
  assertEquals(mergesOf("yz ac ab"), ["Ġ a", "y z", "Ġa b", "Ġa c"]);
});

Deno.test("pairs below minFrequency are never joined", () => {
  assertEquals(mergesOf("ab ab cd", 1000, 2), ["a b"]);
  assertEquals(mergesOf("abcd", 1000, 2), []);
});

Deno.test("nothing is joined across words, and a space belongs to the word that follows", () => {
  const merges = mergesOf("a b a b a b");
  assertEquals(merges, ["Ġ b", "Ġ a"]);
});

Deno.test("special tokens in the texts teach nothing", () => {
  assertEquals(mergesOf("ab<|endoftext|>ab"), ["a b"]);
});

Deno.test("the tokenizer cuts the words of its corpus as training left them", () => {
  const text = "the small boat left the small harbour; the boat was small";
  const tokenizer = byteBPE(trainByteBPE([text], { vocabSize: 1000, minFrequency: 1 }));
  const words = tokenizer.encode(text).map((piece) => piece.word);
  assertEquals(words.length, new Set(words).size);
});

Deno.test("what was learnt survives its files", () => {
  const model = trainByteBPE(["we were where were we #### ##"], { vocabSize: 300 });
  const { vocabJSON, mergesText } = formatByteBPE(model);
  assertEquals(parseByteBPE(vocabJSON, mergesText), model);
});

Deno.test("the vocabulary has the size asked for, when there is enough to join, and progress is told", () => {
  const seen: number[] = [];
  const onProgress = (tokens: number) => seen.push(tokens);
  const { vocabulary } = trainByteBPE(["abcdef"], { vocabSize: 260, minFrequency: 1, onProgress });
  assertEquals(vocabulary.tokens.length, 260);
  assertEquals(seen, [258, 259, 260]);
});

Deno.test("a vocabSize that does not hold the bytes is refused with the least that works", () => {
  for (const vocabSize of [0, 256, NaN]) {
    assertThrows(() => trainByteBPE(["a"], { vocabSize }), RangeError, `give ${SMALLEST} or more`);
  }
});

Deno.test("texts without a character are refused", () => {
  for (const texts of [[], [""], ["<|endoftext|>"]]) {
    const error = assertThrows(() => trainByteBPE(texts, { vocabSize: 300 }), Error);
    assert(error.message.includes("nothing to learn from"), error.message);
  }
});
