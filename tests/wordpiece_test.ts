import { assert, assertEquals, assertThrows } from "@std/assert";
import { createVocabulary } from "../core/text/vocabulary.ts";
import { longestMatchFirst, wordPiece } from "../core/text/wordpiece.ts";
import { runs, type WordOptions, wordSplitter } from "../core/text/words.ts";
import { type GoldenText, goldenWordPieces } from "./golden_wordpiece.ts";

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

function wordsOf(text: string, options: WordOptions = {}): string[] {
  const split = wordSplitter(options, SPECIAL);
  const words = [...runs(text)].flatMap((run) => split(run.text));
  return words.map((word) => word.map((character) => character.text).join(""));
}

function tokenizerOf(words: string, options: WordOptions = {}) {
  return wordPiece(createVocabulary([...SPECIAL, ...words.split(" ")]), options);
}

function tokensOf(tokenizer: ReturnType<typeof wordPiece>, text: string): string[] {
  return tokenizer.encode(text).map((piece) => piece.token);
}

// ---- words

Deno.test("words end at whitespace and around punctuation", () => {
  assertEquals(wordsOf("He doesn't pay $5."), ["he", "doesn", "'", "t", "pay", "$", "5", "."]);
  assertEquals(wordsOf("  \t\n\r\u00A0\u3000\u2028"), []);
});

Deno.test("control characters vanish and do not part words, though \\s takes some of them for space", () => {
  assertEquals(wordsOf("nel\u0085here vt\u000Bff\f nul\0l"), ["nelhere", "vtff", "null"]);
  assert(/^\s\s$/.test("\u000B\f"));
});

Deno.test("lower-casing goes letter by letter, though toLowerCase of the word ends in another sigma", () => {
  assertEquals(wordsOf("ΟΔΟΣ"), ["οδοσ"]);
  assertEquals("ΟΔΟΣ".toLowerCase(), "οδος");
});

Deno.test("Chinese characters stand alone, also those outside of the basic plane; 々 does not", () => {
  assertEquals(wordsOf("ab河𠀀cd"), ["ab", "河", "𠀀", "cd"]);
  assertEquals(wordsOf("ab河cd", { splitCJK: false }), ["ab河cd"]);
  assertEquals(wordsOf("a々b"), ["a々b"]);
  assert(/\p{Script=Han}/u.test("々"));
});

Deno.test("accents go with lower-casing unless told otherwise", () => {
  assertEquals(wordsOf("É"), ["e"]);
  assertEquals(wordsOf("É", { lowerCase: false }), ["É"]);
  assertEquals(wordsOf("É", { stripAccents: false }), ["é"]);
  assertEquals(wordsOf("É", { lowerCase: false, stripAccents: true }), ["E"]);
});

Deno.test("composed and decomposed text gives the same words", () => {
  const text = "Ångström déjà vu 한국어 Việt ≠";
  for (const lowerCase of [true, false]) {
    for (const stripAccents of [true, false]) {
      const options = { lowerCase, stripAccents };
      assertEquals(wordsOf(text.normalize("NFD"), options), wordsOf(text, options));
    }
  }
});

Deno.test("a character that vanishes between a letter and its accent does not keep them apart", () => {
  assertEquals(wordsOf("e\u00AD\u0301", { stripAccents: false }), ["é"]);
});

Deno.test("special tokens are cut out as they are written, with and without spaces", () => {
  assertEquals(wordsOf("the[MASK]was [CLS]"), ["the", "[MASK]", "was", "[CLS]"]);
  assertEquals(wordsOf("[mask]"), ["[", "mask", "]"]);
});

Deno.test("of two special tokens that fit, the longer is taken", () => {
  const split = wordSplitter({}, ["<x", "<x>"]);
  assertEquals(split("a<x>").map((word) => word.length), [1, 1]);
});

// ---- pieces

Deno.test("the longest piece is taken first, even where a shorter one would save the word", () => {
  const tokenizer = tokenizerOf("ab abc ##cd ##d a");
  assertEquals(tokensOf(tokenizer, "abcd"), ["abc", "##d"]);
  assertEquals(tokensOf(tokenizerOf("ab abc ##cd"), "abcd"), ["[UNK]"]);
});

Deno.test("a letter without a piece makes the whole word unknown, not only itself", () => {
  assertEquals(tokensOf(tokenizerOf("walk ##ing"), "walkings walking"), ["[UNK]", "walk", "##ing"]);
});

Deno.test("no characters, no pieces", () => {
  assertEquals(longestMatchFirst([], () => false), []);
  assertEquals(tokenizerOf("a").encode(""), []);
});

Deno.test("a word of 100 code points is cut, one of 101 is unknown, whatever its code units", () => {
  const tokenizer = tokenizerOf("😀 ##😀");
  assertEquals(tokenizer.encode("😀".repeat(100)).length, 100);
  assertEquals(tokensOf(tokenizer, "😀".repeat(101)), ["[UNK]"]);
});

Deno.test("long stretches without a space, of punctuation or of nothing, are no trouble", () => {
  const tokenizer = tokenizerOf("a .");
  assertEquals(tokenizer.encode(".".repeat(300_000)).length, 300_000);
  assertEquals(tokensOf(tokenizer, "a" + "\0".repeat(300_000)), ["a"]);
});

Deno.test("lone surrogates vanish like control characters", () => {
  assertEquals(tokensOf(tokenizerOf("a ##b"), "a\uD800b"), ["a", "##b"]);
});

Deno.test("pieces know their word and their place in the text", () => {
  const text = "Walking, the[MASK] 😀Cafés";
  const pieces = tokenizerOf("walk ##ing , the 😀 ##caf ##es").encode(text);
  const seen = pieces.map(({ token, word, start, end }) => [token, word, text.slice(start, end)]);
  assertEquals(seen, [
    ["walk", 0, "Walk"],
    ["##ing", 0, "ing"],
    [",", 1, ","],
    ["the", 2, "the"],
    ["[MASK]", 3, "[MASK]"],
    ["😀", 4, "😀"],
    ["##caf", 4, "Caf"],
    ["##es", 4, "és"],
  ]);
});

Deno.test("a place in the text takes in the accents and skips what vanished before", () => {
  const text = "\u200Bcafe\u0301\u200B zz";
  const [known, unknown] = tokenizerOf("cafe").encode(text);
  assertEquals([known!.start, known!.end], [1, 6]);
  assertEquals([unknown!.start, unknown!.end], [8, 10]);
});

Deno.test("a run met again gives the same pieces at its new place", () => {
  const tokenizer = tokenizerOf("a ##b .");
  const [first, second] = [tokenizer.encode("ab. ab."), tokenizer.encode("ab.")];
  assertEquals(first.slice(0, 3), second);
  const moved = second.map((p) => ({ ...p, word: p.word + 2, start: p.start + 4, end: p.end + 4 }));
  assertEquals(first.slice(3), moved);
});

// ---- back to text

Deno.test("decoding joins the pieces of a word and closes the gaps of English", () => {
  const tokenizer = tokenizerOf("walk ##ing , do n ' t . we ve");
  const ids = tokenizer.encode("walking, we've .").map((piece) => piece.id);
  assertEquals(tokenizer.decode(ids), "walking, we've.");
  assertEquals(tokenizer.decode(ids, { cleanUp: false }), "walking , we ' ve .");
});

Deno.test("decoding leaves special tokens out when told to", () => {
  const tokenizer = tokenizerOf("walk");
  assertEquals(tokenizer.decode([2, 5, 4, 3, 0]), "[CLS] walk [MASK] [SEP] [PAD]");
  assertEquals(tokenizer.decode([2, 5, 4, 3, 0], { skipSpecial: true }), "walk");
});

Deno.test("decoding refuses an id that the vocabulary lacks", () => {
  assertThrows(() => tokenizerOf("walk").decode([5, 6]), RangeError, "no token 6");
});

// ---- golden figures

for (const { name, vocabulary, cases, decode } of goldenWordPieces()) {
  const tokens = (options: WordOptions) => {
    const tokenizer = wordPiece(vocabulary, options);
    return (text: string) => tokensOf(tokenizer, text);
  };

  const settings: [string, WordOptions, (one: GoldenText) => string[]][] = [
    ["lower", { lowerCase: true }, (one) => one.lower],
    ["cased", { lowerCase: false }, (one) => one.cased],
    [
      "lower, accents kept",
      { lowerCase: true, stripAccents: false },
      (one) => one.lower_keep_accents ?? one.lower,
    ],
    [
      "cased, accents stripped",
      { lowerCase: false, stripAccents: true },
      (one) => one.cased_strip_accents ?? one.cased,
    ],
    [
      "lower, Chinese not split",
      { lowerCase: true, splitCJK: false },
      (one) => one.lower_no_cjk ?? one.lower,
    ],
  ];
  for (const [setting, options, expected] of settings) {
    Deno.test(`golden wordpiece ${name}: the tokens of every text, ${setting}`, () => {
      const tokenize = tokens(options);
      for (const one of cases) {
        assertEquals(tokenize(one.text), expected(one), JSON.stringify(one.text));
      }
    });
  }

  Deno.test(`golden wordpiece ${name}: the ids of every text`, () => {
    const tokenizer = wordPiece(vocabulary);
    for (const { text, lower_ids } of cases) {
      assertEquals(tokenizer.encode(text).map(({ id }) => id), lower_ids, JSON.stringify(text));
    }
  });

  Deno.test(`golden wordpiece ${name}: ids back to text`, () => {
    const tokenizer = wordPiece(vocabulary);
    for (const one of decode) {
      assertEquals(tokenizer.decode(one.ids), one.decode);
      assertEquals(tokenizer.decode(one.ids, { skipSpecial: true }), one.decode_skip_special);
    }
  });
}
