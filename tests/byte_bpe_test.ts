import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode, encodeBatch } from "../core/text/batch.ts";
import {
  byteBPE,
  type ByteBPEOptions,
  formatByteBPE,
  GPT2_STYLE,
  parseByteBPE,
  ROBERTA_STYLE,
} from "../core/text/byte_bpe.ts";
import { byteWords, CHARACTER_OF_BYTE } from "../core/text/byte_words.ts";
import { createVocabulary } from "../core/text/vocabulary.ts";
import { goldenFolders } from "./golden_tokenizers.ts";

/** The 256 bytes, what the merges give, and the special tokens. */
function modelOf(merges: string[], style = GPT2_STYLE) {
  const joined = merges.map((merge) => merge.replace(" ", ""));
  const tokens = [...CHARACTER_OF_BYTE, ...joined, ...Object.values(style.specialTokens)];
  const vocabulary = createVocabulary([...new Set(tokens)], style.specialTokens);
  const pairs = merges.map((merge) => merge.split(" ") as [string, string]);
  return { vocabulary, merges: pairs, style };
}

function tokensOf(merges: string[], text: string, options: ByteBPEOptions = {}) {
  return byteBPE(modelOf(merges), options).encode(text).map((piece) => piece.token);
}

const wordsOf = (text: string) => [...byteWords(text)].map(([word]) => word);

/** GPT-2's own way: look for the merge of lowest rank, do it everywhere, begin anew. */
function mergedOneByOne(word: string, merges: string[]): string[] {
  let tokens = [...word];
  for (;;) {
    const pairs = tokens.slice(1).map((right, i) => merges.indexOf(`${tokens[i]} ${right}`));
    const rank = Math.min(...pairs.filter((found) => found >= 0));
    if (rank === Infinity) return tokens;
    const [left, right] = merges[rank]!.split(" ");
    const next: string[] = [];
    for (let i = 0; i < tokens.length; i++) {
      const fits = tokens[i] === left && tokens[i + 1] === right;
      next.push(fits ? left! + right! : tokens[i]!);
      if (fits) i++;
    }
    tokens = next;
  }
}

/** Numbers from 0 to below `n`, the same at every run. */
function dice(seed: number) {
  return (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
}

// ---- words

Deno.test("a space goes with the word that follows, all but the last of several stay together", () => {
  assertEquals(wordsOf("the  small   boat "), ["the", " ", " small", "  ", " boat", " "]);
  assertEquals(wordsOf("   \n  x"), ["   \n ", " x"]);
});

Deno.test("letters, digits and other marks are kept apart", () => {
  assertEquals(wordsOf("a1b2 3.5€!?"), ["a", "1", "b", "2", " 3", ".", "5", "€!?"]);
  assertEquals(wordsOf("x²½٣"), ["x", "²½٣"]);
});

Deno.test("contractions are split off in lower case only", () => {
  assertEquals(wordsOf("we've WE'VE it's"), ["we", "'ve", " WE", "'", "VE", " it", "'s"]);
});

Deno.test("U+0085 is a space and U+FEFF is none, the other way round than JavaScript's \\s", () => {
  assertEquals(wordsOf("a\u0085b\uFEFFc"), ["a", "\u0085", "b", "\uFEFF", "c"]);
  assertEquals(wordsOf("!\u0085!"), ["!", "\u0085", "!"]);
  assertEquals(wordsOf("!\uFEFF!"), ["!\uFEFF!"]);
  assert(!/\s/.test("\u0085") && /\s/.test("\uFEFF"));
});

Deno.test("bytes have 256 different characters, all visible; the space is Ġ", () => {
  assertEquals(new Set(CHARACTER_OF_BYTE).size, 256);
  assert(CHARACTER_OF_BYTE.every((character) => /^[^\s\p{C}]$/u.test(character)));
  assertEquals(CHARACTER_OF_BYTE[32], "Ġ");
});

// ---- merges

Deno.test("of the merges that fit the first learnt is done first", () => {
  assertEquals(tokensOf(["b c", "a b"], "abc"), ["a", "bc"]);
  assertEquals(tokensOf(["a b", "b c"], "abc"), ["ab", "c"]);
  assertEquals(tokensOf(["a b", "ab c"], "abc abc"), ["abc", "Ġ", "abc"]);
});

Deno.test("a merge is done from left to right", () => {
  assertEquals(tokensOf(["a a"], "aaa"), ["aa", "a"]);
  assertEquals(tokensOf(["a a", "aa aa"], "aaaaaaa"), ["aaaa", "aa", "a"]);
});

Deno.test("any merges and any word give what GPT-2's slow way gives", () => {
  const roll = dice(1);
  for (let round = 0; round < 300; round++) {
    const tokens = ["a", "b", "c"];
    const merges = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const merge = [tokens[roll(tokens.length)]!, tokens[roll(tokens.length)]!];
      merges.add(merge.join(" "));
      tokens.push(merge.join(""));
    }
    const shuffled = [...merges].sort(() => roll(2) - 0.5);
    const word = Array.from({ length: roll(30) }, () => "abc"[roll(3)]).join("");
    assertEquals(tokensOf(shuffled, word), mergedOneByOne(word, shuffled), `${shuffled} ${word}`);
  }
});

Deno.test("a merge that comes to fit waits until the one at hand is done everywhere", () => {
  // a bc a bc: the first abc could take the next a, but that a is owed to the second bc
  assertEquals(tokensOf(["b c", "abc a", "a bc"], "abcabc"), ["abc", "abc"]);
});

Deno.test("a long word without spaces is no trouble", () => {
  const text = "ab".repeat(100_000);
  assertEquals(tokensOf(["a b", "ab ab"], text).length, 50_000);
});

// ---- pieces

Deno.test("pieces know their word, and their stretches together are the text", () => {
  const text = "the bath,<|endoftext|> the";
  const pieces = byteBPE(modelOf(["Ġ t", "Ġt h", "t h"])).encode(text);
  assertEquals(pieces.map(({ start, end }) => text.slice(start, end)).join(""), text);
  const seen = pieces.map(({ token, word }) => `${token}${word}`).join(" ");
  assertEquals(seen, "th0 e0 Ġ1 b1 a1 th1 ,2 <|endoftext|>3 Ġth4 e4");
});

Deno.test("all bytes of a character stand for the character", () => {
  const [e, first, second] = byteBPE(modelOf([])).encode("e😀").map((
    { start, end },
  ) => [start, end]);
  assertEquals([e, first, second], [[0, 1], [1, 3], [1, 3]]);
});

Deno.test("a prefixed space has no place in the text", () => {
  const pieces = byteBPE(modelOf(["Ġ a"]), { prefixSpace: true }).encode("ab");
  assertEquals(pieces.map(({ token, start, end }) => [token, start, end]), [["Ġa", 0, 1], [
    "b",
    1,
    2,
  ]]);
});

Deno.test("RoBERTa prefixes no space where there is one, GPT-2 does", () => {
  const first = (style: typeof GPT2_STYLE, text: string) =>
    byteBPE(modelOf([], style), { prefixSpace: true }).encode(text).map((piece) => piece.token);
  assertEquals(first(GPT2_STYLE, " a"), ["Ġ", "Ġ", "a"]);
  assertEquals(first(ROBERTA_STYLE, " a"), ["Ġ", "a"]);
  assertEquals(first(ROBERTA_STYLE, "a"), ["Ġ", "a"]);
  assertEquals([first(GPT2_STYLE, ""), first(ROBERTA_STYLE, "")], [["Ġ"], []]);
});

Deno.test("RoBERTa's mask takes the space before it", () => {
  const pieces = byteBPE(modelOf([], ROBERTA_STYLE)).encode("a <mask> <s>");
  assertEquals(pieces.map(({ token, start }) => [token, start]), [
    ["a", 0],
    ["<mask>", 2],
    ["Ġ", 8],
    ["<s>", 9],
  ]);
});

// ---- back to text

Deno.test("any text comes back as it was, spaces, marks and all", () => {
  const tokenizer = byteBPE(modelOf(["t h", "Ġ t"]));
  const roll = dice(2);
  const some = ["the", " ", "  ", "\n", "é", "e\u0301", "河", "😀", "\uFEFF", "\0", " .", "n't"];
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: roll(12) }, () => some[roll(some.length)]).join("");
    assertEquals(tokenizer.decode(tokenizer.encode(text).map((piece) => piece.id)), text);
  }
});

Deno.test("a character cut short decodes to U+FFFD, a lone surrogate too", () => {
  const tokenizer = byteBPE(modelOf([]));
  const ids = tokenizer.encode("a😀").map((piece) => piece.id);
  assertEquals(tokenizer.decode(ids.slice(0, -1)), "a\uFFFD");
  assertEquals(tokenizer.decode(tokenizer.encode("\uD800").map((piece) => piece.id)), "\uFFFD");
});

Deno.test("decoding leaves special tokens out and closes gaps when told to", () => {
  const tokenizer = byteBPE(modelOf([]));
  const ids = tokenizer.encode("a .<|endoftext|>").map((piece) => piece.id);
  assertEquals(tokenizer.decode(ids), "a .<|endoftext|>");
  assertEquals(tokenizer.decode(ids, { skipSpecial: true, cleanUp: true }), "a.");
});

Deno.test("decoding refuses an id that the vocabulary lacks", () => {
  assertThrows(() => byteBPE(modelOf([])).decode([0, 257]), RangeError, "no token 257");
});

// ---- rows

Deno.test("RoBERTa's rows are <s> A </s> and <s> A </s></s> B </s>, all of segment 0", () => {
  const tokenizer = byteBPE(modelOf([], ROBERTA_STYLE));
  const { tokens } = tokenizer.vocabulary;
  const { ids, segments } = encode(tokenizer, ["a", "b"]);
  assertEquals(ids.map((id) => tokens[id]), ["<s>", "a", "</s>", "</s>", "b", "</s>"]);
  assertEquals(segments, [0, 0, 0, 0, 0, 0]);
  assertEquals(encode(tokenizer, "a").ids.map((id) => tokens[id]), ["<s>", "a", "</s>"]);
  assertThrows(() => encode(tokenizer, ["a", "b"], { maxLength: 3 }), RangeError, "4 special");
});

Deno.test("GPT-2's rows are the text alone", () => {
  const tokenizer = byteBPE(modelOf([]));
  const { ids, shape } = encodeBatch(tokenizer, ["ab", "c"]);
  assertEquals([...ids].map((id) => tokenizer.vocabulary.tokens[id]), [
    "a",
    "b",
    "c",
    "<|endoftext|>",
  ]);
  assertEquals(shape, [2, 2]);
});

Deno.test("a part that no special token plays is no number: asking for it says so", () => {
  const { special } = modelOf([]).vocabulary;
  assertThrows(() => special.mask, Error, "no mask token");
  assertEquals(new Set(Object.values(special)), new Set([special.pad]));
});

// ---- files

const JSON_TEXT = '{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}\n';

Deno.test("what is written can be read back", () => {
  const model = modelOf(["a b", "# #", '" ,'], ROBERTA_STYLE);
  const { vocabJSON, mergesText } = formatByteBPE(model);
  assertEquals(parseByteBPE(vocabJSON, mergesText, ROBERTA_STYLE), model);
  assertEquals(parseByteBPE(vocabJSON, mergesText.replaceAll("\n", "\r\n"), ROBERTA_STYLE), model);
});

Deno.test("the line #version is no merge, and may be absent", () => {
  const { merges } = parseByteBPE(JSON_TEXT, "#version: 0.2\na b\n");
  assertEquals(merges, [["a", "b"]]);
  assertEquals(parseByteBPE(JSON_TEXT, "a b").merges, merges);
  assertEquals(parseByteBPE(JSON_TEXT, "").merges, []);
});

Deno.test("a vocab.json that is no numbered list of tokens is refused", () => {
  const refused = (json: string, why: string) =>
    assertThrows(() => parseByteBPE(json, ""), Error, why);
  refused("{", "vocab.json is not JSON");
  refused('["a"]', "holds no object");
  refused("null", "holds no object");
  refused('{"a": 0, "b": 2}', 'gives "b" the id 2');
  refused('{"a": 0, "b": 0}', 'gives "b" the id 0');
  refused('{"a": "0"}', 'gives "a" the id "0"');
  refused('{"a": 0.5}', "ids 0 to 0");
  refused("{}", "empty");
  refused('{"a": 0}', "lacks <|endoftext|>");
  refused('{"a b": 0, "<|endoftext|>": 1}', '"a b", which is not written in byte characters');
});

Deno.test("a merges.txt that does not fit is refused with the line", () => {
  const refused = (text: string, why: string) =>
    assertThrows(() => parseByteBPE(JSON_TEXT, text), Error, why);
  refused("a b\na b c\n", 'Line 2 of merges.txt, "a b c", is not two tokens');
  refused("ab\n", "Line 1");
  refused("a b\n\nb a\n", "Line 2");
  refused("b a\n", "needs ba, which vocab.json lacks");
  refused("a b\na b\n", "Line 2 of merges.txt");
});

// ---- golden figures

for (const { name, text: read, json } of goldenFolders("bytebpe")) {
  const vocabulary = read("vocab.json");
  const style = "<|endoftext|>" in JSON.parse(vocabulary) ? GPT2_STYLE : ROBERTA_STYLE;
  const model = parseByteBPE(vocabulary, read("merges.txt"), style);
  const { cases, invalid_utf8 } = json("cases.json");
  const tokenizer = byteBPE(model);
  const ids = (text: string) => tokenizer.encode(text).map((piece) => piece.id);

  Deno.test(`golden ${name}: the ids of every text`, () => {
    assert(cases.length > 0);
    for (const one of cases) assertEquals(ids(one.text), one.ids, JSON.stringify(one.text));
  });

  Deno.test(`golden ${name}: the ids of every text after a space`, () => {
    const prefixed = byteBPE(model, { prefixSpace: true });
    for (const { text, ids, prefix_space_ids = ids } of cases) {
      const got = prefixed.encode(text).map((piece) => piece.id);
      assertEquals(got, prefix_space_ids, JSON.stringify(text));
    }
  });

  Deno.test(`golden ${name}: ids back to text`, () => {
    for (const { text, ids, decode = text } of cases) assertEquals(tokenizer.decode(ids), decode);
  });

  Deno.test(`golden ${name}: ids whose bytes are no UTF-8`, () => {
    assert(invalid_utf8.length > 0);
    for (const { ids, decode } of invalid_utf8) assertEquals(tokenizer.decode(ids), decode);
  });
}
