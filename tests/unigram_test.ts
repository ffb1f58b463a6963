import { assert, assertEquals, assertThrows } from "@std/assert";
import { encode, encodeBatch } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import {
  ALBERT_STYLE,
  parsePieces,
  type ScoredPiece,
  t5Style,
  unigram,
  type UnigramStyle,
  XLNET_STYLE,
} from "../core/text/unigram.ts";
import { NMT_NFKC, rewrite, withoutAccents } from "../core/text/unigram_text.ts";
import type { Vocabulary } from "../core/text/vocabulary.ts";
import { goldenFolders } from "./golden_tokenizers.ts";

/** Special tokens, then the pieces with their scores; `kinds` of those that are not normal. */
function tokenizerOf(
  scores: Record<string, number>,
  style: UnigramStyle = t5Style(0),
  kinds: Record<string, number> = {},
): Tokenizer {
  const special = Object.values(style.specialTokens).filter((token) =>
    !style.appended?.includes(token)
  );
  const kindOf = (token: string) => token === style.specialTokens.unk ? 2 : 3;
  return unigram([
    ...special.map((token): ScoredPiece => [token, 0, kindOf(token)]),
    ...Object.entries(scores).map(([piece, score]): ScoredPiece => [
      piece,
      score,
      kinds[piece] ?? 1,
    ]),
  ], style);
}

function tokensOf(tokenizer: Tokenizer, text: string): string[] {
  return tokenizer.encode(text).map((piece) => piece.token);
}

// ---- the best cut

Deno.test("the likeliest pieces are taken, not the longest", () => {
  const letters = { "▁a": -1, b: -1, c: -1, "▁ab": -9 };
  assertEquals(tokensOf(tokenizerOf({ ...letters, "▁abc": -2.5 }), "abc"), ["▁abc"]);
  assertEquals(tokensOf(tokenizerOf({ ...letters, "▁abc": -4 }), "abc"), ["▁a", "b", "c"]);
});

Deno.test("no cut of a text is likelier than the one that is found", () => {
  const scores: Record<string, number> = { "▁": -2, "▁a": -3, a: -1.5, b: -1.7, ab: -2.9 };
  Object.assign(scores, { ba: -3.1, aab: -4.3, bb: -3.6 });
  const tokenizer = tokenizerOf(scores);
  const scoreOf = (cut: string[]) => cut.reduce((sum, piece) => sum + scores[piece]!, 0);
  for (let n = 2; n < 2 ** 9; n++) {
    const text = n.toString(2).slice(1).replaceAll("0", "a").replaceAll("1", "b");
    const best = Math.max(...cuts("▁" + text, Object.keys(scores)).map(scoreOf));
    assert(Math.abs(scoreOf(tokensOf(tokenizer, text)) - best) < 1e-5, text);
  }
});

/** Every way to write a text in pieces. */
function cuts(text: string, pieces: readonly string[]): string[][] {
  if (text === "") return [[]];
  return pieces.filter((piece) => text.startsWith(piece)).flatMap((piece) =>
    cuts(text.slice(piece.length), pieces).map((rest) => [piece, ...rest])
  );
}

Deno.test("unknown characters in a row are one token, whatever their code units", () => {
  const tokenizer = tokenizerOf({ "▁": -1, a: -2 });
  const { unk } = tokenizer.vocabulary.special;
  assertEquals(tokensOf(tokenizer, "x河😀a?"), ["▁", "x河😀", "a", "?"]);
  assertEquals(tokenizer.encode("x河😀a?").filter(({ id }) => id === unk).length, 2);
});

Deno.test("a character that a piece can write is not unknown, however unlikely the piece", () => {
  assertEquals(tokensOf(tokenizerOf({ "▁": -1, a: -1, b: -50 }), "aba"), ["▁", "a", "b", "a"]);
});

Deno.test("what the user defined is always found in text, control pieces and unused ones never", () => {
  const scores = { "▁": -1, x: -1, y: -1, xy: -0.01, yx: -0.01, xx: -99 };
  const tokenizer = tokenizerOf(scores, t5Style(0), { xy: 3, yx: 5, xx: 4 });
  assertEquals(tokensOf(tokenizer, "xyx"), ["▁", "x", "y", "x"]);
  assertEquals(tokensOf(tokenizer, "xxy"), ["▁", "xx", "y"]);
});

Deno.test("a long text without spaces is no trouble", () => {
  const tokenizer = tokenizerOf({ "▁": -1, a: -1 });
  assertEquals(tokenizer.encode("a".repeat(300_000)).length, 300_001);
  assertEquals(tokenizer.encode("?".repeat(300_000)).length, 2);
  assertEquals(tokenizer.encode("▁ ".repeat(100_000)), []);
});

// ---- the text before it is cut

const textOf = (text: string, how = NMT_NFKC) => rewrite(text, 0, how).text;
const [lower, cased] = [withoutAccents(true), withoutAccents(false)];

Deno.test("spaces in a row become one ▁; one stands before the text, none at its end", () => {
  for (const how of [NMT_NFKC, lower, cased]) {
    assertEquals(textOf(" a \t\n b\u00A0\u3000 ", how), "▁a▁b");
    assertEquals([textOf("", how), textOf(" \n", how)], ["", ""]);
  }
});

Deno.test("ALBERT's spaces are Python's, T5's are SentencePiece's", () => {
  assertEquals(textOf("a\x1Cb\x85c", lower), "▁a▁b▁c");
  assertEquals(textOf("a\u200Bb\uFEFFc", lower), "▁a\u200Bb\uFEFFc");
  assertEquals(textOf("a\x1Cb\x85c"), "▁ab\x85c");
  assertEquals(textOf("a\u200Bb\uFEFFc"), "▁a▁b▁c");
});

Deno.test("a written ▁ is a character to ALBERT and a space to T5", () => {
  assertEquals(textOf("a ▁ b", lower), "▁a▁▁▁b");
  assertEquals(textOf("a ▁ b"), "▁a▁b");
});

Deno.test("ALBERT drops accents and case, XLNet accents only, T5 neither", () => {
  assertEquals(textOf("Café ΟΔΟΣ İ", lower), "▁cafe▁οδοσ▁i");
  assertEquals(textOf("Café ΟΔΟΣ", cased), "▁Cafe▁ΟΔΟΣ");
  assertEquals(textOf("Cafe\u0301"), "▁Café");
});

Deno.test("compatible characters are made alike, but T5 keeps the wide tilde", () => {
  assertEquals(textOf("ﬁ Ａ① ～"), "▁fi▁A1▁～");
  assertEquals(textOf("ﬁ Ａ① ～", lower), "▁fi▁a1▁~");
});

Deno.test("what Unicode composes across characters is composed", () => {
  assertEquals(textOf("ｶﾞ \u1112\u1161\u11AB ㄱㅏ e\u0301x"), "▁ガ▁한▁가▁éx");
});

Deno.test("a mark without combining class stays, though it is of category Mn", () => {
  assert(/^\p{Mn}\p{Mn}$/u.test("\u0941\u094D"));
  assertEquals(textOf("\u0915\u0941\u094D", lower), "▁\u0915\u0941");
});

Deno.test("two backquotes or apostrophes are a quotation mark, T5 leaves them", () => {
  assertEquals(textOf("``a'' '''b`", cased), '▁"a"▁"\'b`');
  assertEquals(textOf("``a''"), "▁``a''");
});

Deno.test("a piece that ends in digit and comma is cut before the comma, and the rest anew", () => {
  const scores = { "▁": -1, "▁9,": -1, "9,": -1, "▁9": -1, "9": -2, "1": -5, "19,": -1, ",": -2 };
  const tokens = (style: UnigramStyle) => tokensOf(tokenizerOf(scores, style), "9, x9, 19,");
  const cut = ["▁9", ",", "▁", "x", "9", ",", "▁", "1", "9", ","];
  assertEquals([tokens(ALBERT_STYLE), tokens(XLNET_STYLE)], [cut, cut]);
  assertEquals(tokens(t5Style()), ["▁9,", "▁", "x", "9,", "▁", "19,"]);
});

// ---- pieces

Deno.test("pieces know their word and their place in the text, spaces before it included", () => {
  const text = " The  Café,[MASK]  😀s9,";
  const scores = { "▁the": -1, "▁ca": -1, fe: -1, ",": -1, "▁": -1, s: -2, "9,": -2, "9": -3 };
  const pieces = tokenizerOf(scores, ALBERT_STYLE).encode(text);
  const seen = pieces.map(({ token, word, start, end }) => [token, word, text.slice(start, end)]);
  assertEquals(seen, [
    ["▁the", 0, " The"],
    ["▁ca", 1, "  Ca"],
    ["fe", 1, "fé"],
    [",", 1, ","],
    ["[MASK]", 2, "[MASK]"],
    ["▁", 3, "  "],
    ["😀", 3, "😀"],
    ["s", 3, "s"],
    ["9", 3, "9"],
    [",", 3, ","],
  ]);
});

Deno.test("a character that becomes several, and several that become one, keep their place", () => {
  const scores = { "▁": -1, f: -1, i: -1, é: -1, x: -1 };
  const text = "ﬁe\u0301x";
  const pieces = tokenizerOf(scores).encode(text);
  const seen = pieces.map(({ token, start, end }) => [token, text.slice(start, end)]);
  assertEquals(seen, [["▁", ""], ["f", "ﬁ"], ["i", "ﬁ"], ["é", "e\u0301"], ["x", "x"]]);
});

Deno.test("special tokens are cut out as they are written", () => {
  const tokenizer = tokenizerOf({ "▁": -1, a: -1 }, t5Style(2));
  assertEquals(tokensOf(tokenizer, "a<extra_id_1>a</s>"), [
    "▁",
    "a",
    "<extra_id_1>",
    "▁",
    "a",
    "</s>",
  ]);
  assertEquals(tokensOf(tokenizer, "<extra_id_2>")[1], "<extr");
});

Deno.test("T5's sentinels stand at the end, the first of them last", () => {
  const { vocabulary } = tokenizerOf({ "▁": -1 }, t5Style(3));
  assertEquals(vocabulary.tokens.slice(-3), ["<extra_id_2>", "<extra_id_1>", "<extra_id_0>"]);
});

// ---- back to text

Deno.test("decoding makes spaces of ▁, except of the first", () => {
  const tokenizer = tokenizerOf({ "▁a": -1, "▁b": -1, c: -1, "▁": -1, ".": -1 });
  const ids = tokenizer.encode("ac b .").map((piece) => piece.id);
  assertEquals(tokenizer.decode(ids), "ac b.");
  assertEquals(tokenizer.decode(ids, { cleanUp: false }), "ac b .");
});

Deno.test("ALBERT and T5 write a space before the text that a special token follows, XLNet never", () => {
  for (
    const [style, text] of [[ALBERT_STYLE, "[CLS] a b[SEP] a[SEP]"], [
      XLNET_STYLE,
      "<cls> a b<sep> a<sep>",
    ]] as const
  ) {
    const tokenizer = tokenizerOf({ "▁a": -1, "▁b": -1 }, style);
    const { cls, sep } = tokenizer.vocabulary.special;
    const [a, b] = tokenizer.encode("a b").map((piece) => piece.id);
    const ids = [cls, a!, b!, sep, a!, sep];
    assertEquals(tokenizer.decode(ids), text);
    assertEquals(tokenizer.decode(ids, { skipSpecial: true }), "a b a");
  }
});

Deno.test("decoding refuses an id that the vocabulary lacks", () => {
  assertThrows(() => tokenizerOf({ "▁": -1 }).decode([99]), RangeError, "no token 99");
});

// ---- rows

Deno.test("rows of ALBERT, XLNet and T5 have their special tokens and segments where each wants them", () => {
  const row = (style: UnigramStyle) => {
    const tokenizer = tokenizerOf({ "▁a": -1, "▁b": -1 }, style);
    const { ids, segments } = encode(tokenizer, ["a", "b"]);
    return [ids.map((id) => tokenizer.vocabulary.tokens[id]).join(" "), segments.join(" ")];
  };
  assertEquals(row(ALBERT_STYLE), ["[CLS] ▁a [SEP] ▁b [SEP]", "0 0 0 1 1"]);
  assertEquals(row(XLNET_STYLE), ["▁a <sep> ▁b <sep> <cls>", "0 0 1 1 2"]);
  assertEquals(row(t5Style()), ["▁a </s> ▁b </s>", "0 0 0 0"]);
});

Deno.test("XLNet's short rows are filled up at their left end, with segment 3", () => {
  const tokenizer = tokenizerOf({ "▁a": -1 }, XLNET_STYLE);
  const { ids, segments, mask, words } = encodeBatch(tokenizer, ["a a", "a"]);
  const tokens = [...ids].map((id) => tokenizer.vocabulary.tokens[id]);
  assertEquals(tokens, ["▁a", "▁a", "<sep>", "<cls>", "<pad>", "▁a", "<sep>", "<cls>"]);
  assertEquals([...segments], [0, 0, 0, 2, 3, 0, 0, 2]);
  assertEquals([...mask], [1, 1, 1, 1, 0, 1, 1, 1]);
  assertEquals([...words], [0, 1, -1, -1, -1, 0, -1, -1]);
});

// ---- files

Deno.test("a pieces.json that is no list of pieces is refused", () => {
  const refused = (json: string, why: string) => assertThrows(() => parsePieces(json), Error, why);
  refused("[", "pieces.json is not JSON");
  refused("{}", "holds no list");
  refused("[]", "has 0 pieces of kind 2");
  refused('[["<unk>", 0, 2], ["<u>", 0, 2]]', "has 2 pieces of kind 2");
  for (const bad of ['["a", 0]', '["", 0, 1]', '["a", "0", 1]', '["a", null, 1]', '["a", 0, 6]']) {
    refused(`[["<unk>", 0, 2], ${bad}]`, "Piece 1 of pieces.json");
  }
});

Deno.test("a repeated piece and a missing special token are refused by name", () => {
  const unknown = ["<unk>", 0, 2] as const;
  const twice = [unknown, ["a", -1, 1], ["a", -2, 1]] as const;
  assertThrows(() => unigram(twice, t5Style()), Error, 'repeats "a"');
  assertThrows(() => unigram([unknown], XLNET_STYLE), Error, "lacks <pad> <cls> <sep> <mask> <s>");
});

// ---- golden figures

function styleOf(name: string, notes: string): UnigramStyle {
  if (name.includes("albert")) return ALBERT_STYLE;
  if (name.includes("xlnet")) return XLNET_STYLE;
  if (name.includes("t5")) return t5Style(Number(/extra_ids=(\d+)/.exec(notes)?.[1] ?? 100));
  throw new Error(`${name}: this test knows folders with albert, xlnet or t5 in their name`);
}

for (const { name, text: read, json } of goldenFolders("unigram-")) {
  const golden = json("cases.json");
  const tokenizer = unigram(parsePieces(read("pieces.json")), styleOf(name, golden.notes));
  const { special } = tokenizer.vocabulary;

  Deno.test(`golden ${name}: the tokens and ids of every text`, () => {
    assert(golden.cases.length > 0);
    for (const { text, tokens, ids } of golden.cases) {
      const pieces = tokenizer.encode(text);
      assertEquals(pieces.map((piece) => piece.token), tokens, JSON.stringify(text));
      assertEquals(pieces.map((piece) => piece.id), ids, JSON.stringify(text));
    }
  });

  for (const form of ["single", "pair"] as const) {
    const { input_ids, token_type_ids } = golden[`${form}_with_specials`];
    const texts = textsOf(input_ids, tokenizer.vocabulary);

    Deno.test(`golden ${name}: special tokens around the pieces of a ${form}`, () => {
      assertEquals(texts.length, form === "single" ? 1 : 2);
      const pieces = (ids: string) =>
        JSON.parse(ids).map((id: number) => ({ token: "", id, word: 0, start: 0, end: 0 }));
      const row = encode(
        { ...tokenizer, encode: pieces },
        input(texts.map((ids) => JSON.stringify(ids))),
      );
      assertEquals(row.ids, input_ids);
      if (token_type_ids) assertEquals(row.segments, token_type_ids);
    });

    Deno.test(`golden ${name}: the text of a ${form} gives its row again`, () => {
      if (input_ids.includes(special.unk)) return; // what was unknown cannot be written again
      const written = texts.map((ids) => tokenizer.decode(ids, { cleanUp: false }));
      assertEquals(encode(tokenizer, input(written)).ids, input_ids);
    });
  }

  Deno.test(`golden ${name}: ids back to text`, () => {
    for (const { ids, text, text_skip_special } of [golden.decode].flat()) {
      assertEquals(tokenizer.decode(ids), text);
      assertEquals(tokenizer.decode(ids, { skipSpecial: true }), text_skip_special);
    }
  });
}

/** What stands between the special tokens of a row. */
function textsOf(row: number[], { special }: Vocabulary): number[][] {
  const added = new Set(Object.values(special).filter((id) => id !== special.unk));
  const texts: number[][] = [];
  row.forEach((id, t) => {
    if (added.has(id)) return;
    if (t === 0 || added.has(row[t - 1]!)) texts.push([]);
    texts.at(-1)!.push(id);
  });
  return texts;
}

function input(texts: string[]): string | [string, string] {
  return texts.length === 1 ? texts[0]! : [texts[0]!, texts[1]!];
}
