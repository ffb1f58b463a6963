import { assert, assertEquals, assertThrows } from "@std/assert";
import { type BatchOptions, encode, encodeBatch, type TextInput } from "../core/text/batch.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { type GoldenRow, goldenWordPieces } from "./golden_wordpiece.ts";

// Special tokens out of their usual order, so that a fixed number would show.
const tokenizer = wordPiece(parseVocabulary("a\nb\nc\n##d\n[MASK]\n[SEP]\n[CLS]\n[UNK]\n[PAD]\n"));
const [A, B, C, SEP, CLS, PAD] = [0, 1, 2, 5, 6, 8];

Deno.test("a text stands between [CLS] and [SEP], a pair has a second [SEP] and a second segment", () => {
  assertEquals(encode(tokenizer, "a b").ids, [CLS, A, B, SEP]);
  const { ids, segments, mask } = encode(tokenizer, ["a b", "c"]);
  assertEquals(ids, [CLS, A, B, SEP, C, SEP]);
  assertEquals(segments, [0, 0, 0, 0, 1, 1]);
  assertEquals(mask, [1, 1, 1, 1, 1, 1]);
});

Deno.test("empty texts are texts", () => {
  assertEquals(encode(tokenizer, "").ids, [CLS, SEP]);
  assertEquals(encode(tokenizer, ["", ""]).ids, [CLS, SEP, SEP]);
});

Deno.test("each position knows its word and its place in its own text, added tokens have none", () => {
  const { words, starts, ends } = encode(tokenizer, ["a bd", "cd"]);
  assertEquals(words, [-1, 0, 1, 1, -1, 0, 0, -1]);
  assertEquals(starts, [0, 0, 2, 3, 0, 0, 1, 0]);
  assertEquals(ends, [0, 1, 3, 4, 0, 1, 2, 0]);
});

Deno.test("longest_first takes from the longer text, from the second at a draw", () => {
  const lengths = (first: number, second: number, maxLength: number) => {
    const pair = ["a ".repeat(first), "b ".repeat(second)] as const;
    const { ids } = encode(tokenizer, pair, { maxLength, truncation: "longest_first" });
    return [A, B].map((token) => ids.filter((id) => id === token).length);
  };
  assertEquals(lengths(9, 2, 8), [3, 2]);
  assertEquals(lengths(3, 3, 8), [3, 2]);
  assertEquals(lengths(2, 9, 8), [2, 3]);
  assertEquals(lengths(4, 4, 3), [0, 0]);
});

Deno.test("only_first and only_second leave the other text alone", () => {
  const pair = ["a a a a", "b b b b"] as const;
  const cut = (truncation: "only_first" | "only_second") =>
    encode(tokenizer, pair, { maxLength: 9, truncation }).ids;
  assertEquals(cut("only_first"), [CLS, A, A, SEP, B, B, B, B, SEP]);
  assertEquals(cut("only_second"), [CLS, A, A, A, A, SEP, B, B, SEP]);
});

Deno.test("a text that fits is not shortened", () => {
  const options = { maxLength: 4, truncation: "longest_first" } as const;
  assertEquals(encode(tokenizer, "a b", options).ids, [CLS, A, B, SEP]);
  assertEquals(encode(tokenizer, "a b", { maxLength: 4 }).ids, [CLS, A, B, SEP]);
});

Deno.test("a text that does not fit is refused unless it may be shortened", () => {
  const error = assertThrows(() => encode(tokenizer, "a b c", { maxLength: 4 }), RangeError);
  assert(error.message.includes("3 tokens"), error.message);
  assert(error.message.includes("set truncation"), error.message);
});

Deno.test("a maxLength without room for the special tokens is refused", () => {
  const truncation = "longest_first";
  for (const maxLength of [2, 0, -1, NaN]) {
    const options = { maxLength, truncation } as const;
    assertThrows(() => encode(tokenizer, ["a", "b"], options), RangeError, "3 special tokens");
  }
  assertThrows(() => encode(tokenizer, "a", { maxLength: 1 }), RangeError, "2 special tokens");
});

Deno.test("a truncation that cannot take enough is refused", () => {
  const cut = (input: TextInput, truncation: "only_first" | "only_second") => () =>
    encode(tokenizer, input, { maxLength: 5, truncation });
  assertThrows(cut(["a", "b b b b"], "only_first"), RangeError, "a text of 1");
  assertThrows(cut("a b c a b", "only_second"), RangeError, "a text of 0");
  assertThrows(cut("a b c a b", "longest" as "only_first"), RangeError, "choose longest_first");
});

Deno.test("three texts are no pair", () => {
  const three = ["a", "b", "c"] as unknown as [string, string];
  assertThrows(() => encode(tokenizer, three), RangeError, "encodeBatch");
});

Deno.test("a batch has the length of its longest row, padding has the file's id and mask 0", () => {
  const batch = encodeBatch(tokenizer, ["a", ["b", "cd"]]);
  assertEquals(batch.shape, [2, 6]);
  assertEquals([...batch.ids], [CLS, A, SEP, PAD, PAD, PAD, CLS, B, SEP, C, 3, SEP]);
  assertEquals([...batch.segments], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
  assertEquals([...batch.mask], [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  assertEquals([...batch.words], [-1, 0, -1, -1, -1, -1, -1, 0, -1, 0, 0, -1]);
});

Deno.test("a batch pads to the length it is told", () => {
  const { shape, ids } = encodeBatch(tokenizer, ["a", "b"], { padTo: 4 });
  assertEquals(shape, [2, 4]);
  assertEquals([...ids], [CLS, A, SEP, PAD, CLS, B, SEP, PAD]);
});

Deno.test("a batch without texts is refused", () => {
  assertThrows(() => encodeBatch(tokenizer, []), RangeError, "batch is empty");
});

Deno.test("a batch refuses rows longer than padTo, and names the row that is too long for maxLength", () => {
  assertThrows(() => encodeBatch(tokenizer, ["a", "a b c"], { padTo: 4 }), RangeError, "5 tokens");
  assertThrows(() => encodeBatch(tokenizer, ["a"], { padTo: 4.5 }), RangeError, "padTo is 4.5");
  const tooLong = () => encodeBatch(tokenizer, ["a", "a b c"], { maxLength: 4 });
  assertThrows(tooLong, RangeError, "Row 1: ");
});

// ---- golden figures

/** Hugging Face's keyword arguments in our words; one that is not known here must not go unnoticed. */
function optionsOf(args: GoldenRow["args"]): BatchOptions {
  const { max_length, truncation, padding, single: _, ...unknown } = args;
  assertEquals(unknown, {}, "the golden data has an argument that this test does not know");
  return {
    maxLength: truncation ? max_length : undefined,
    truncation: truncation === true ? "longest_first" : truncation || undefined,
    padTo: padding === "max_length" ? max_length : undefined,
  };
}

for (const { name, vocabulary, encode: rows } of goldenWordPieces()) {
  const golden = wordPiece(vocabulary);
  for (const [i, { args, text, pair, ...row }] of rows.entries()) {
    Deno.test(`golden wordpiece ${name}: row ${i} with ${JSON.stringify(args)}`, () => {
      const input: TextInput = pair === null ? text : [text, pair];
      const { ids, segments, mask } = encodeBatch(golden, [input], optionsOf(args));
      assertEquals([...ids], row.input_ids);
      assertEquals([...segments], row.token_type_ids);
      assertEquals([...mask], row.attention_mask);
    });
  }
}
