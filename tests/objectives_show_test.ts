import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createWorld, documents } from "../data/mod.ts";
import { device, randomKey } from "../core/tensor/mod.ts";
import { joinTexts } from "../objectives/annotation.ts";
import { everyObjective, show, type Shown, underEach } from "../objectives/show.ts";
import { locate } from "../objectives/word_list.ts";
import { plainTable } from "../drawing/svg.ts";
import { tokenizerOf } from "./objectives.ts";

const world = createWorld(6);

/** A document of the micro-world, another one's sentences, and a tokenizer for both. */
function told(language: "en" | "zh") {
  const [one, other] = documents(world, { seed: 2, count: 2, language });
  const text = joinTexts(one.sentences, language === "zh" ? "" : " ");
  const pattern = language === "zh" ? /\S/gu : /\w+|[^\w\s]/gu;
  const tokens = `${one.text} ${other.text}`.toLowerCase().match(pattern)!;
  const words = one.sentences.flatMap((sentence) => sentence.words);
  const elsewhere = other.sentences.map((sentence) => sentence.text);
  return { text, tokenizer: tokenizerOf(...new Set(tokens)), words, elsewhere };
}

const by = (rows: Shown[]) =>
  Object.fromEntries(rows.map(({ objective, ...row }) => [objective, row]));

Deno.test("one text is shown under every objective, in both languages", async () => {
  await device("reference");
  for (const language of ["en", "zh"] as const) {
    const { text, tokenizer, words, elsewhere } = told(language);
    const spans = language === "zh" ? [...text.spans, ...locate(text.text, words)] : text.spans;
    const rows = await underEach({ ...text, spans }, everyObjective(tokenizer, { elsewhere }));
    assertEquals(rows.map(({ objective }) => objective), [
      "masked LM",
      "the same, later",
      "static masks",
      "static, later",
      "whole words",
      "names and phrases",
      "spans",
      "sentence order",
      "next sentence",
      "replaced tokens",
      "left to right",
      "right to left",
      "half to be written",
      "gaps of any length",
      "turned",
      "shuffled",
    ]);
    for (const { sees, answers } of rows) assert(sees.startsWith("[CLS] ") && answers !== "", sees);
    const shown = by(rows);
    assertNotEquals(shown["masked LM"], shown["the same, later"]);
    assertEquals(shown["static masks"], shown["static, later"]);
    assert(!shown["replaced tokens"].sees.includes("[MASK]"));
  }
});

Deno.test("what is seen and what is answered make the text again", async () => {
  await device("reference");
  const { text, tokenizer } = told("en");
  const original = tokenizer.encode(text.text).map(({ token }) => token);
  const views = everyObjective(tokenizer, { rate: 0.3 });
  for (const name of ["masked LM", "static masks", "whole words", "names and phrases"]) {
    const { sees, answers } = by(await underEach(text, { [name]: views[name] }))[name];
    const left = answers.split(" ");
    const restored = sees.split(" ").slice(1, -1)
      .map((token) => token === "[MASK]" || /^‹.+›$/.test(token) ? left.shift() : token);
    assertEquals(restored, original);
    assertEquals(left, []);
  }
});

Deno.test("spans by sentinels are shown where the vocabulary has sentinels", async () => {
  await device("reference");
  const tokenizer = tokenizerOf("a", "b", "<extra_id_0>", "<extra_id_1>");
  const [row] = await underEach("a b", {
    corrupted: everyObjective(tokenizer)["spans by sentinels"],
  });
  assertStringIncludes(row.sees, "<extra_id_0>");
  assert(/^<extra_id_0> [ab] <extra_id_1> \[SEP\]$/.test(row.answers), row.answers);
});

Deno.test("another key hides something else, the same key the same", async () => {
  await device("reference");
  const { text, tokenizer } = told("en");
  const rows = (seed: number) =>
    underEach(text, everyObjective(tokenizer, { key: randomKey(seed) }));
  assertEquals(await rows(1), await rows(1));
  assertNotEquals(await rows(1), await rows(2));
});

Deno.test("what an objective refuses is its row; other errors are not hidden", async () => {
  await device("reference");
  const { tokenizer } = told("en");
  const rows = by(await underEach("She left.", everyObjective(tokenizer)));
  assertStringIncludes(rows["sentence order"].answers, "document 0 has 1 sentence");
  assertEquals(rows["next sentence"], undefined);
  const broken = { broken: () => Promise.reject(new TypeError("a mistake")) };
  await assertRejects(() => underEach("She left.", broken), TypeError, "a mistake");
});

Deno.test("the rows are those of a table, and show() prints them", async () => {
  await device("reference");
  const { text, tokenizer } = told("en"), { spans } = everyObjective(tokenizer);
  const [row] = await underEach(text, { spans });
  assertStringIncludes(plainTable([row]), row.sees);
  const printed: string[] = [], log = console.log;
  console.log = (line: string) => printed.push(line);
  try {
    await show(text, { spans });
  } finally {
    console.log = log;
  }
  assertEquals(printed, [`spans  ${row.sees}\n       → ${row.answers}`]);
});
