import { assert, assertEquals, assertThrows } from "@std/assert";
import { type CountedWord, PairCounts } from "../core/text/pair_counts.ts";
import { PriorityQueue } from "../core/text/priority_queue.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { BERT_SPECIAL_TOKENS, createVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";

const SPECIAL = Object.values(BERT_SPECIAL_TOKENS);

/** Numbers from 0 to 1 that are the same at every run. */
function randomNumbers(seed: number): () => number {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

function randomTexts(seed: number, words: number): string[] {
  const random = randomNumbers(seed);
  const word = () => Array.from({ length: 1 + random() * 7 }, () => "abcd"[random() * 4 | 0]);
  return Array.from({ length: words }, () => word().join(""));
}

Deno.test("a vocabulary worked out by hand", () => {
  // ab×5, abc×3, bc×2: a+b 8, b+c 3 inside and 2 at the start; then ab+c 3; then b+c 2.
  const texts = ["ab ab ab ab ab", "abc abc abc", "bc bc"];
  const { tokens } = trainWordPiece(texts, { vocabSize: 100 });
  assertEquals(tokens, [...SPECIAL, "a", "b", "c", "##b", "##c", "ab", "abc", "bc"]);
});

Deno.test("of equally frequent pairs the one with the older pieces comes first", () => {
  const { tokens } = trainWordPiece(["zy xw xv", "zy xw xv"], { vocabSize: 100 });
  assertEquals(tokens.slice(-3), ["xv", "xw", "zy"]);
});

Deno.test("overlapping pairs are joined from the left", () => {
  const word: CountedWord = { pieces: [7, 7, 7], count: 1 };
  const pairs = new PairCounts([word]);
  pairs.join(pairs.mostFrequent()!, 8);
  assertEquals(word.pieces, [8, 7]);
});

Deno.test("keeping the counts up to date gives what counting anew at each step gives", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const texts = randomTexts(seed, 300);
    const options = { vocabSize: 80, minFrequency: 3 };
    assertEquals(trainWordPiece(texts, options).tokens, countingAnew(texts, options));
  }
});

/** The same training without any memory, from its definition. */
function countingAnew(texts: string[], { vocabSize = 0, minFrequency = 0 }): string[] {
  let words = texts.map((word) => Array.from(word, (c, i) => i === 0 ? c : "##" + c));
  const characters = [...new Set(texts.join(""))].sort();
  const continuing = new Set(words.flatMap((word) => word.slice(1)));
  const tokens = [...SPECIAL, ...characters, ...[...continuing].sort()];
  while (tokens.length < vocabSize) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const pair = word[i - 1] + " " + word[i];
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const age = (pair: string) => pair.split(" ").map((token) => tokens.indexOf(token));
    const [best] = [...counts].filter(([, count]) => count >= minFrequency).sort(([a, m], [b, n]) =>
      n - m || age(a)[0]! - age(b)[0]! || age(a)[1]! - age(b)[1]!
    );
    if (!best) break;
    const [left, right] = best[0].split(" ") as [string, string];
    const token = left + right.slice(2);
    if (!tokens.includes(token)) tokens.push(token);
    words = words.map((word) => {
      const out: string[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) out.push(token), i++;
        else out.push(word[i]!);
      }
      return out;
    });
  }
  return tokens;
}

Deno.test("two ways to the same token make one entry", () => {
  for (const seed of [6, 7, 8]) {
    const { tokens } = trainWordPiece(randomTexts(seed, 1000), { vocabSize: 300 });
    assertEquals(new Set(tokens).size, tokens.length);
  }
});

Deno.test("the order of the texts does not matter", () => {
  const texts = randomTexts(9, 500);
  const options = { vocabSize: 120 };
  assertEquals(
    trainWordPiece(texts.toReversed(), options).tokens,
    trainWordPiece(texts, options).tokens,
  );
});

Deno.test("every word that was learnt from can be encoded, frequent ones as one piece", () => {
  const texts = [...randomTexts(10, 500), ..."the the the the the the".split(" ")];
  const tokenizer = wordPiece(trainWordPiece(texts, { vocabSize: 200 }));
  const { unk } = tokenizer.vocabulary.special;
  assert(tokenizer.encode(texts.join(" ")).every(({ id }) => id !== unk));
  assertEquals(tokenizer.encode("the").length, 1);
});

Deno.test("words are cleaned and cut as in encoding", () => {
  const text = "Café café! 河河 [MASK]";
  const options = { vocabSize: 100 };
  const lower = trainWordPiece([text], options).tokens;
  assertEquals(lower.slice(5, 11), ["!", "a", "c", "e", "f", "河"]);
  assert(lower.includes("cafe") && !lower.includes("##河"));
  const cased = trainWordPiece([text], { ...options, lowerCase: false }).tokens;
  assert(cased.includes("C") && cased.includes("##é"));
  assert(!lower.concat(cased).some((token) => /[[\]]/.test(token) && !SPECIAL.includes(token)));
});

Deno.test("pairs seen less often than minFrequency are not joined", () => {
  const tokens = (minFrequency: number) =>
    trainWordPiece(["ab ab ab cd cd"], { vocabSize: 100, minFrequency }).tokens;
  assertEquals(tokens(2).slice(-2), ["ab", "cd"]);
  assertEquals(tokens(3).at(-1), "ab");
  assertEquals(tokens(4).at(-1), "##d");
});

Deno.test("limitAlphabet keeps the most frequent characters and leaves out words with another", () => {
  const { tokens } = trainWordPiece(["ab ab ab", "xab xab"], { vocabSize: 100, limitAlphabet: 2 });
  assertEquals(tokens.slice(5), ["a", "b", "##b", "ab"]);
});

Deno.test("training stops at vocabSize and tells its progress", () => {
  const seen: [number, number][] = [];
  const { tokens } = trainWordPiece(randomTexts(11, 500), {
    vocabSize: 40,
    onProgress: (done, all) => seen.push([done, all]),
  });
  assertEquals(tokens.length, 40);
  assertEquals(seen[0], [14, 40]);
  assertEquals(seen.at(-1), [40, 40]);
});

Deno.test("special tokens come first and may be written in another way", () => {
  const specialTokens = { pad: "<pad>", unk: "<unk>", cls: "<s>", sep: "</s>", mask: "<mask>" };
  const vocabulary = trainWordPiece(["ab ab <mask> <s>ab"], { vocabSize: 50, specialTokens });
  assertEquals(vocabulary.tokens, [...Object.values(specialTokens), "a", "b", "##b", "ab"]);
  assertEquals(vocabulary, createVocabulary(vocabulary.tokens, specialTokens));
});

Deno.test("one string is one text", () => {
  const options = { vocabSize: 50 };
  assertEquals(trainWordPiece("ab ab", options), trainWordPiece(["ab ab"], options));
});

Deno.test("texts without a word are refused", () => {
  for (const texts of [[], [""], [" \n", "\u200B"], ["[MASK]"]]) {
    assertThrows(() => trainWordPiece(texts, { vocabSize: 100 }), Error, "no word");
  }
  const none = { vocabSize: 100, limitAlphabet: 0 };
  assertThrows(() => trainWordPiece(["ab"], none), Error, "larger limitAlphabet");
});

Deno.test("a vocabSize smaller than special tokens and characters is refused with the least that works", () => {
  const train = (vocabSize: number) => trainWordPiece(["ab ab"], { vocabSize });
  assertThrows(() => train(7), RangeError, "give 8 or more");
  assertThrows(() => train(NaN), RangeError, "give 8 or more");
  assertEquals(train(8).tokens.length, 8);
});

Deno.test("a priority queue gives its items back in order", () => {
  const random = randomNumbers(12);
  const numbers = Array.from({ length: 500 }, () => random() * 50 | 0);
  const queue = new PriorityQueue<number>((a, b) => a < b);
  for (const n of numbers) queue.push(n);
  assertEquals(numbers.map(() => queue.pop()), numbers.toSorted((a, b) => a - b));
  assertEquals(queue.pop(), undefined);
});
