import { assert, assertEquals, assertThrows } from "@std/assert";
import { createWorld, documents } from "../data/mod.ts";
import { randomKey } from "../core/tensor/mod.ts";
import { type AnnotatedText, joinTexts } from "../objectives/annotation.ts";
import { entityMasking, type EntityMaskingOptions } from "../objectives/entity_masking.ts";
import { termFinder } from "../objectives/word_list.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const world = createWorld(4), languages = ["en", "zh"] as const;
const told = (language: "en" | "zh"): AnnotatedText[] =>
  [...documents(world, { seed: 9, count: 8, language })]
    .map(({ sentences }) => joinTexts(sentences, language === "zh" ? "" : " "));
const tokenizers = {
  en: tokenizerOf(
    ...new Set(told("en").flatMap(({ text }) => text.toLowerCase().match(/\w+|[^\w\s]/gu)!)),
  ),
  zh: tokenizerOf(...new Set(told("zh").flatMap(({ text }) => [...text]))),
};

/** The stretches of text that are hidden: what is chosen, as [text, start, end] of each token. */
function hidden(
  language: "en" | "zh",
  texts: AnnotatedText[],
  seed: number,
  options: EntityMaskingOptions,
) {
  const objective = entityMasking(tokenizers[language], options);
  const { targets, batch } = objective.corrupt(texts, randomKey(seed)), T = batch.shape[1];
  return chosenOf(targets).at.map((place) => ({
    b: Math.floor(place / T),
    start: batch.starts[place],
    end: batch.ends[place],
  }));
}

/** For every span how much of it is hidden: 0, 1, or something between, which is wrong. */
function shares(language: "en" | "zh", options: EntityMaskingOptions, kinds?: string[]): number[] {
  const texts = told(language);
  return upTo(20).flatMap((seed) => {
    const tokens = hidden(language, texts, seed, options);
    return texts.flatMap(({ text, spans }, b) =>
      spans.filter(({ kind }) => !kinds || kinds.includes(kind!)).map(({ start, end }) => {
        const mine = tokens.filter((token) =>
          token.b === b && start <= token.start && token.end <= end
        );
        const covered = mine.map((token) => text.slice(token.start, token.end)).join("");
        return covered.length / text.slice(start, end).replaceAll(" ", "").length;
      })
    );
  });
}

Deno.test("entity masking hides every span of the micro-world whole or not at all", () => {
  for (const language of languages) {
    const found = shares(language, { rate: 0.3 });
    assert(found.every((share) => share === 0 || share === 1), `${found.filter((x) => x % 1)}`);
    assert(found.includes(1));
  }
});

Deno.test("entity masking joins only the kinds it is told", () => {
  const phrases = shares("en", { rate: 0.3, kinds: ["phrase"] }, ["phrase"]);
  assert(phrases.every((share) => share === 0 || share === 1) && phrases.includes(1));
  const homes = shares("zh", { rate: 0.3, kinds: ["phrase"] }, ["home", "person"]);
  assert(homes.some((share) => share > 0 && share < 1)); // these come apart, as for masked LM
});

Deno.test("with only, nothing but spans of these kinds is hidden", () => {
  const texts = told("en"), kinds = ["person", "home"];
  for (const seed of upTo(20)) {
    for (const { b, start, end } of hidden("en", texts, seed, { kinds, only: true })) {
      const inside = texts[b].spans.some((span) =>
        kinds.includes(span.kind!) && span.start <= start && end <= span.end
      );
      assert(inside, `${texts[b].text.slice(start, end)} in ${texts[b].text}`);
    }
  }
});

Deno.test("entity masking of user text takes its spans from a word list", () => {
  const find = termFinder(["silver lake", "the morning"]);
  const text = "in the morning she came to silver lake .", spans = find(text);
  const tokenizer = tokenizerOf(...new Set(text.split(" ")));
  const objective = entityMasking(tokenizer, { rate: 0.25, only: true });
  const found = new Set(
    upTo(40).map((seed) =>
      chosenOf(objective.corrupt([{ text, spans }], randomKey(seed)).targets).at.join(" ")
    ),
  );
  assertEquals([...found].sort(), ["2 3", "7 8"]); // one or the other, never half
});

Deno.test("entity masking fits texts as it is told", () => {
  const fit = { maxLength: 16, truncation: "only_first", padTo: 20 } as const;
  const { batch } = entityMasking(tokenizers.en, { fit }).corrupt(told("en"), randomKey(1));
  assertEquals(batch.shape, [8, 20]);
});

Deno.test("entity masking refuses spans longer than the text, and says when there is nothing to hide", () => {
  const objective = entityMasking(tokenizers.en, { kinds: ["phrase"], only: true }),
    key = randomKey(1);
  const long = { text: "she left .", spans: [{ start: 4, end: 11, kind: "phrase" }] };
  assertThrows(() => objective.corrupt([long], key), RangeError, "text 0: the phrase from 4 to 11");
  const other = { text: "she left .", spans: [{ start: 0, end: 3, kind: "person" }] };
  assertThrows(
    () => objective.corrupt([other], key),
    RangeError,
    "no span of phrase in 1 texts; their kinds are: person",
  );
  assertThrows(
    () => objective.corrupt([{ text: "she", spans: [] }], key),
    RangeError,
    "no spans at all",
  );
  assertThrows(() => objective.corrupt([], key), RangeError);
  const any = entityMasking(tokenizers.en);
  assertThrows(() => any.corrupt([{ text: "", spans: [] }], key), RangeError, "no token to choose");
});

Deno.test("the trap: in a short text no longer name is ever hidden", () => {
  const text = "she came from silver lake .", spans = [{ start: 14, end: 25 }];
  const tokenizer = tokenizerOf(...text.split(" "));
  const everHidden = (text: AnnotatedText) =>
    upTo(100).some((seed) => {
      const { targets } = entityMasking(tokenizer).corrupt([text], randomKey(seed));
      return chosenOf(targets).at.includes(4); // silver
    });
  assertEquals(everHidden({ text, spans }), false);
  assertEquals(everHidden(joinTexts(upTo(4).map(() => ({ text, spans })))), true);
});
