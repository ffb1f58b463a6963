/** Text infilling: how long gaps are, where they stand, what is asked for, what is refused. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { device, ignored, randomKey, read } from "../core/tensor/mod.ts";
import { draws } from "../objectives/objective.ts";
import { spread } from "../objectives/span_corruption.ts";
import { poisson, textInfilling } from "../objectives/text_infilling.ts";
import { upTo } from "./objectives.ts";

const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const words = upTo(200).map((n) => `w${n}`); // each once: what is left tells what is missing
const tokenizer = wordPiece(parseVocabulary([...special, ...words, ""].join("\n")));
const { vocabulary } = tokenizer, long = encodeBatch(tokenizer, [words.join(" ")]);
const short = encodeBatch(tokenizer, [words.slice(0, 20).join(" ")]);
await device("reference");

/** The tokens of a text between [CLS] and [SEP]. */
function between(ids: Iterable<number>): string[] {
  const tokens = [...ids].map((id) => vocabulary.tokens[id]);
  assertEquals(tokens[0], "[CLS]");
  return tokens.slice(1, tokens.indexOf("[SEP]"));
}

/** How many words each [MASK] stands for. */
function gaps(source: readonly string[], n: number): number[] {
  const numbers = source.map((token) => token === "[MASK]" ? -1 : Number(token.slice(1)));
  return numbers.flatMap((number, i) => {
    if (number >= 0) return [];
    const before = numbers[i - 1] ?? -1, after = numbers[i + 1] ?? n;
    return [after - before - 1];
  });
}

Deno.test("poisson() by hand: e⁻³ · 3ⁿ / n!", () => {
  const sums = [0.0498, 0.1991, 0.4232, 0.6472, 0.8153];
  sums.forEach((sum, n) => {
    assertEquals([poisson(3, sum - 1e-3), poisson(3, sum + 1e-3)], [n, n + 1]);
  });
  assert(poisson(3, 1 - 2 ** -53) < 30);
});

Deno.test("one mask for each gap, 30 % of the tokens are missing, and the whole text is asked for", async () => {
  const { corrupt } = textInfilling(vocabulary);
  for (let seed = 0; seed < 50; seed++) {
    const { batch, targets } = corrupt(short, randomKey(seed)), source = between(batch.ids);
    const found = gaps(source, 20), missing = found.reduce((sum, n) => sum + n, 0);
    assertEquals(missing, 6);
    assertEquals(source.filter((token) => token !== "[MASK]").length, 14);
    const answer = [...await read(targets.answer)].filter((id) => id !== ignored);
    assertEquals(answer.map((id) => vocabulary.tokens[id]), [...words.slice(0, 20), "[SEP]"]);
  }
});

Deno.test("the trap: the number of masks does not tell how much is missing", () => {
  const { corrupt } = textInfilling(vocabulary), counts = new Set<number>();
  for (let seed = 0; seed < 100; seed++) {
    const source = between(corrupt(short, randomKey(seed)).batch.ids);
    counts.add(source.filter((token) => token === "[MASK]").length);
  }
  for (const count of [1, 2, 3, 4]) assert(counts.has(count), `never ${count}`); // always 6 missing
});

Deno.test("gaps are as long as a Poisson distribution of mean 3 has them, none among them", () => {
  const { corrupt } = textInfilling(vocabulary), found: number[] = [];
  for (let seed = 0; seed < 200; seed++) {
    found.push(...gaps(between(corrupt(long, randomKey(seed)).batch.ids), 200));
  }
  const chances = [0.0498, 0.1494, 0.224, 0.224, 0.168, 0.1008];
  chances.forEach((chance, n) => { // one in twenty was cut to fit
    const share = found.filter((length) => length === n).length / found.length;
    assert(Math.abs(share - chance) < 0.03, `${n}: ${share} instead of ${chance}`);
  });
});

Deno.test("a gap may stand anywhere, also before the first word and after the last", () => {
  const { corrupt } = textInfilling(vocabulary, { rate: 0.05 }), places = new Map<number, number>();
  for (let seed = 0; seed < 2000; seed++) { // one word of 20 is missing
    const place = between(corrupt(short, randomKey(seed)).batch.ids).indexOf("[MASK]");
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  assertEquals(places.size, 20);
  for (const count of places.values()) assert(Math.abs(count - 100) < 50, `${count} of 2000`);
  const empty = textInfilling(vocabulary, { meanLength: 0.2 }), ends = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const source = between(empty.corrupt(short, randomKey(seed)).batch.ids);
    if (source[0] === "[MASK]" && source[1] === "w0") ends.add("first");
    if (source.at(-1) === "[MASK]" && source.at(-2) === "w19") ends.add("last");
  }
  assertEquals(ends, new Set(["first", "last"]));
});

Deno.test("no source is longer than its text, however many gaps are empty", () => {
  for (const meanLength of [0.01, 3, 100]) {
    const { corrupt } = textInfilling(vocabulary, { meanLength, rate: 0.5 });
    for (let seed = 0; seed < 30; seed++) {
      for (const count of [2, 3, 20]) {
        const text = encodeBatch(tokenizer, [words.slice(0, count).join(" ")]);
        const source = between(corrupt(text, randomKey(seed)).batch.ids);
        assert(source.length <= count && source.includes("[MASK]"));
      }
    }
  }
});

Deno.test("the same key takes out the same, shapes are the batch's, nothing given is changed", () => {
  const { corrupt } = textInfilling(vocabulary), before = [...short.ids];
  const ids = (seed: number) => [...corrupt(short, randomKey(seed)).batch.ids];
  assertEquals(ids(1), ids(1));
  assert([2, 3].some((seed) => ids(seed).join() !== ids(1).join()));
  assertEquals([...short.ids], before);
  const { batch, inputs, targets } = corrupt(short, randomKey(1));
  assertEquals([batch.shape, inputs.ids.shape, targets.answer.shape], Array(3).fill([1, 22]));
  const real = batch.mask.reduce((sum, here) => sum + here, 0);
  assertEquals(batch.ids.slice(real), new Int32Array(22 - real).fill(vocabulary.special.pad));
});

Deno.test("spread() puts spans everywhere they fit, one token between two", () => {
  const found = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    found.add(spread([2, 0], 4, draws(randomKey(seed))).join());
  }
  assertEquals([...found].sort(), ["0,3", "0,4", "1,4"]);
});

Deno.test("gaps that cover everything, odd rates and texts without an end are refused", () => {
  const refused = (run: () => unknown, ...parts: string[]) => {
    const { message } = assertThrows(run, RangeError);
    for (const part of parts) assertStringIncludes(message, part);
  };
  for (const rate of [0, 1, NaN]) {
    refused(() => textInfilling(vocabulary, { rate }), `rate of ${rate}`);
  }
  for (const meanLength of [0, -1, NaN, Infinity]) {
    refused(() => textInfilling(vocabulary, { meanLength }), `mean length of ${meanLength}`);
  }
  const on = (text: string, rate = 0.3) => () =>
    textInfilling(vocabulary, { rate }).corrupt(encodeBatch(tokenizer, [text]), randomKey(1));
  refused(on("w1"), "1 of the 1 tokens of row 0", "leaves nothing");
  refused(on(""), "row 0", "leaves nothing");
  refused(on("w1 w2 w3", 0.9), "3 of the 3 tokens", "a lower rate");
  const bare = { ...tokenizer, template: { single: "cls A", pair: "cls A B" } };
  const endless = encodeBatch(bare, ["w1 w2 w3"]);
  refused(() => textInfilling(vocabulary).corrupt(endless, randomKey(1)), "row 0 does not end");
});
