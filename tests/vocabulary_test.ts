import { assertEquals, assertThrows } from "@std/assert";
import {
  createVocabulary,
  formatVocabulary,
  idOf,
  parseVocabulary,
  tokenOf,
} from "../core/text/vocabulary.ts";

const LINES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##ing", "河", "😀"];

Deno.test("an id is the number of the line, counted from zero", () => {
  const vocabulary = parseVocabulary(LINES.join("\n"));
  assertEquals(LINES.map((token) => idOf(vocabulary, token)), [...LINES.keys()]);
  assertEquals([...LINES.keys()].map((id) => tokenOf(vocabulary, id)), LINES);
});

Deno.test("special tokens have the ids of the file, in whatever order it lists them", () => {
  const { special } = parseVocabulary("the\n[MASK]\n[SEP]\n[CLS]\n[UNK]\n[PAD]\n");
  assertEquals(special, { pad: 5, unk: 4, cls: 3, sep: 2, mask: 1 });
});

Deno.test("special tokens may be written in another way", () => {
  const names = { pad: "<pad>", unk: "<unk>", cls: "<s>", sep: "</s>", mask: "<mask>" };
  const { special } = parseVocabulary("<s>\n<pad>\n</s>\n<unk>\n<mask>\n", names);
  assertEquals(special, { pad: 1, unk: 3, cls: 0, sep: 2, mask: 4 });
});

Deno.test("line ends may be LF or CRLF, the last one may be absent, and a byte order mark is skipped", () => {
  const sources = [LINES.join("\n"), LINES.join("\n") + "\n", LINES.join("\r\n") + "\r\n"];
  for (const text of sources.flatMap((source) => [source, "\uFEFF" + source])) {
    assertEquals(parseVocabulary(text).tokens, LINES);
    assertEquals(parseVocabulary(new TextEncoder().encode(text)).tokens, LINES);
  }
});

Deno.test("line separators other than LF are part of a token", () => {
  const lines = [...LINES, "\u2028", "\u0085", "a b"];
  assertEquals(parseVocabulary(lines.join("\n")).tokens, lines);
});

Deno.test("what is written can be read back", () => {
  const vocabulary = createVocabulary(LINES);
  assertEquals(parseVocabulary(formatVocabulary(vocabulary)), vocabulary);
});

Deno.test("a token that the vocabulary lacks has the unknown token's id", () => {
  const vocabulary = createVocabulary(LINES);
  assertEquals(idOf(vocabulary, "absent"), vocabulary.special.unk);
  assertEquals(idOf(vocabulary, "constructor"), vocabulary.special.unk);
});

Deno.test("an id that the vocabulary lacks is refused", () => {
  const vocabulary = createVocabulary(LINES);
  for (const id of [-1, LINES.length, 1.5, NaN]) {
    assertThrows(() => tokenOf(vocabulary, id), RangeError, `ids 0 to ${LINES.length - 1}`);
  }
});

Deno.test("a later change of the caller's list does not reach the vocabulary", () => {
  const lines = [...LINES];
  const vocabulary = createVocabulary(lines);
  lines[5] = "changed";
  assertEquals(tokenOf(vocabulary, 5), "the");
});

Deno.test("an empty file is refused", () => {
  for (const source of ["", new Uint8Array()]) {
    assertThrows(() => parseVocabulary(source), Error, "vocabulary is empty");
  }
});

Deno.test("a repeated token is refused with both lines", () => {
  const error = assertThrows(() => parseVocabulary([...LINES, "the"].join("\n")), Error);
  assertEquals(error.message.includes('Line 10 of the vocabulary repeats "the" of line 6'), true);
});

Deno.test("a blank line in the middle is refused with its number", () => {
  assertThrows(() => parseVocabulary([...LINES, "", "x"].join("\n")), Error, "Line 10");
});

Deno.test("a line break inside a token is refused, for the file could not be read back", () => {
  for (const token of ["a\nb", "a\r"]) {
    assertThrows(() => createVocabulary([...LINES, token]), Error, "line break");
  }
});

Deno.test("missing special tokens are refused by name", () => {
  const lines = LINES.filter((token) => token !== "[CLS]" && token !== "[MASK]");
  assertThrows(() => parseVocabulary(lines.join("\n")), Error, "lacks [CLS] [MASK]");
});

Deno.test("bytes that are not UTF-8 are refused", () => {
  const bytes = new Uint8Array([...new TextEncoder().encode(LINES.join("\n")), 0xff]);
  assertThrows(() => parseVocabulary(bytes), Error, "not valid UTF-8");
});
