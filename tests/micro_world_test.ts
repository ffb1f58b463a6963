import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import {
  autoregressiveFloor,
  clozeFacts,
  createRandom,
  createWorld,
  documents,
  emojiExamples,
  factsOf,
  type Language,
  logProbability,
  maskedFloor,
  paraphrases,
  questions,
  questionsAbout,
  read,
  senseExamples,
  sentimentExamples,
  singleWordFloor,
  splitWords,
  vocabularyOf,
} from "../data/mod.ts";
import { processOf } from "../data/grammar.ts";
import { FACTS, STEPS } from "../data/templates.ts";

const LANGUAGES: readonly Language[] = ["en", "zh"];
const world = createWorld(1);
const wordsOf = (document: { sentences: readonly { words: readonly string[] }[] }) =>
  document.sentences.map((sentence) => sentence.words);

Deno.test("in every scene the chances of the rows of a step sum to one", () => {
  for (const language of LANGUAGES) {
    const { rows, told } = processOf(world, language);
    for (let scene = 0; scene < world.scenes.length; scene += 37) {
      told.forEach((_, step) => {
        const sum = rows.reduce((sum, row) => row.step === step ? sum + row.chance(scene) : sum, 0);
        assertAlmostEquals(sum, 1, 1e-12, `step ${step}, scene ${scene}`);
      });
    }
  }
});

Deno.test("every drawn document has a probability, the same in both languages", () => {
  const differences: number[] = [];
  const [english, chinese] = LANGUAGES.map((language) => [
    ...documents(world, { seed: 3, count: 200, language }),
  ]);
  english.forEach((document, n) => {
    const en = logProbability(world, wordsOf(document));
    const zh = logProbability(world, wordsOf(chinese[n]), "zh");
    assert(en > -Infinity && en < 0);
    differences.push(Math.abs(en - zh));
    assertEquals(document.sentences.map((s) => s.step), chinese[n].sentences.map((s) => s.step));
    assertEquals(document.scene, chinese[n].scene);
    assertEquals(document.sentences.map((s) => s.fact), chinese[n].sentences.map((s) => s.fact));
  });
  assertAlmostEquals(Math.max(...differences), 0, 1e-9);
});

Deno.test("one hidden word: as if every substitution of the vocabulary had been scored", () => {
  for (const language of LANGUAGES) {
    const vocabulary = vocabularyOf(world, language);
    for (const document of documents(world, { seed: 4, count: 2, language })) {
      const words = wordsOf(document);
      for (let i = 0; i < words.length; i += 2) {
        const j = (3 * i + 1) % words[i].length;
        const put = (word: string | null) =>
          words.map((s, k) => s.map((w, l) => k === i && l === j ? word : w));
        const scores = vocabulary.map((word) =>
          Math.exp(read(world, put(word), language).logProbability)
        );
        const total = scores.reduce((sum, score) => sum + score, 0);
        const [{ probabilities }] = read(world, put(null), language).hidden;
        vocabulary.forEach((word, n) =>
          assertAlmostEquals(probabilities.get(word) ?? 0, scores[n] / total, 1e-9)
        );
      }
    }
  }
});

Deno.test("a document depends on its seed and number only, and other seeds tell other documents", () => {
  const texts = (seed: number, count: number) =>
    [...documents(world, { seed, count })].map((d) => d.text);
  assertEquals(texts(1, 3), texts(1, 30).slice(0, 3));
  assertNotEquals(texts(1, 3), texts(2, 3));
  assertNotEquals(createWorld(2).people[0].facts, createWorld(3).people[0].facts);
});

Deno.test("documents have 4 to 10 sentences of 5 to 12 words, in the order of the day", () => {
  const day = STEPS.map(([step]) => step);
  for (const { sentences } of documents(world, { seed: 5, count: 500 })) {
    assert(sentences.length >= 4 && sentences.length <= 10);
    let at = -1;
    for (const { step, words } of sentences) {
      at = day.indexOf(step, at + 1);
      assert(at >= 0, "a sentence out of order");
      assert(words.length >= 5 && words.length <= 12, words.join(" "));
    }
  }
});

Deno.test("spans lie where their labels stand, and sentences split into their words", () => {
  for (const { sentences, text } of documents(world, { seed: 6, count: 300 })) {
    assertEquals(splitWords(text), sentences.map(({ words }) => words));
    for (const { text, spans } of sentences) {
      for (const { start, end, kind, label } of spans) {
        assert(0 <= start && start < end && end <= text.length);
        if (kind !== "sense") assertEquals(text.slice(start, end), label);
      }
    }
  }
});

Deno.test("the phrasing that is held out of a fact is told by no document", () => {
  const drawn = [...documents(world, { seed: 7, count: 2000 })].flatMap((d) => d.sentences);
  const told = new Set(drawn.filter((s) => s.fact).map((s) => s.text));
  for (const { text, answer } of clozeFacts(world)) {
    const sentence = text.replace("[MASK]", answer);
    assert(!told.has(sentence), sentence);
  }
  const toldFacts = new Set(drawn.flatMap((s) => s.fact ? [s.fact] : []));
  for (const fact of factsOf(world)) assertEquals(toldFacts.has(fact), fact.told);
});

Deno.test("every value has two owners, who are asked in different phrasings", () => {
  for (const seed of [1, 2, 3]) {
    const groups = Map.groupBy(factsOf(createWorld(seed)), (f) => `${f.relation} ${f.what.en}`);
    for (const [value, owners] of groups) {
      assertEquals(owners.length, 2, value);
      assert(owners.some(({ told }) => told), value);
      assertNotEquals(owners[0].heldOut, owners[1].heldOut, value);
      for (const { who, what } of owners) assertNotEquals(who.en, what.en);
    }
  }
});

Deno.test("a cloze asks for a word of the vocabulary, and a held-out phrasing is told of somebody else", () => {
  const vocabulary = new Set(vocabularyOf(world));
  const clozes = clozeFacts(world);
  assert(clozes.filter(({ told }) => told).length >= 20);
  assert(clozes.some(({ told }) => !told));
  for (const { text, answer, fact } of clozes) {
    assertEquals(text.split("[MASK]").length, 2);
    assert(vocabulary.has(answer));
    const phrasings = new Set(
      factsOf(world).filter((f) => f.relation === fact.relation).map((f) => f.heldOut),
    );
    assertEquals(phrasings.size, FACTS[fact.relation].length);
  }
});

Deno.test("opinions, emoji and senses carry the labels of the scenes they were drawn from", () => {
  const opinions = sentimentExamples(world, { seed: 8, count: 400 });
  const good = opinions.filter(({ label }) => label === "good").length;
  assert(good > 150 && good < 250);
  for (const { text, label } of opinions) {
    const plain = text.match(/^The \w+ was (really|very|quite|truly) (\w+)\.$/);
    if (plain) assertEquals(label, PRAISE.has(plain[2]) ? "good" : "bad");
    const negated = text.match(/^The \w+ was not (\w+)\.$/);
    if (negated) assertEquals(label, PRAISE.has(negated[1]) ? "bad" : "good");
  }
  for (const { text, emoji } of emojiExamples(world, { seed: 8, count: 50 })) {
    assert(!text.includes(emoji) && /\p{Extended_Pictographic}/u.test(emoji));
  }
  for (const { text, word, span } of senseExamples(world, { seed: 8, count: 100 })) {
    assertEquals(text.slice(span.start, span.end).toLowerCase(), word);
  }
});

const PRAISE = new Set(
  [
    "wonderful",
    "lovely",
    "perfect",
    "excellent",
    "beautiful",
    "pleasant",
    "great",
    "nice",
    "splendid",
    "superb",
  ],
);

Deno.test("ambiguous words have two senses each, and never share a topic", () => {
  const senses = new Map<string, Set<string>>();
  for (const { topic } of world.scenes) {
    assertEquals(new Set(topic.senses.map(({ word }) => word)).size, topic.senses.length);
    for (const { word, sense } of topic.senses) {
      senses.set(word, (senses.get(word) ?? new Set()).add(sense));
    }
  }
  for (const [word, list] of senses) assertEquals(list.size, 2, word);
  assert(senses.size >= 16);
});

Deno.test("paraphrases tell one fact in two phrasings, and other pairs tell two", () => {
  const pairs = paraphrases(world, { seed: 9, count: 300 });
  const same = pairs.filter(({ same }) => same).length;
  assert(same > 110 && same < 190);
  for (const { first, second } of pairs) assertNotEquals(first, second);
});

Deno.test("answers to questions are stretches of the context, in both languages", () => {
  for (const language of LANGUAGES) {
    for (const document of documents(world, { seed: 10, count: 200, language })) {
      for (const { context, start, end, answer } of questionsAbout(document, language)) {
        assertEquals(context.slice(start, end), answer);
        assertEquals(context, document.text);
      }
    }
  }
  const about = new Set(questions(world, { seed: 10, count: 100 }).map(({ about }) => about));
  assertEquals(about, new Set(["fact", "day"]));
});

Deno.test("the floors: hiding more words leaves less to go by, and both lie far below ln V", () => {
  const options = { seed: 11, count: 60 };
  const single = singleWordFloor(world, { ...options, count: 15 });
  const masked = maskedFloor(world, options);
  const most = maskedFloor(world, { ...options, rate: 0.7 });
  const ahead = autoregressiveFloor(world, options);
  assert(single.nats < masked.nats + 4 * (single.standardError + masked.standardError));
  assert(masked.nats < most.nats && masked.nats < ahead.nats);
  assert(ahead.nats < Math.log(vocabularyOf(world).length) / 4);
  assertThrows(() => maskedFloor(world, { ...options, rate: 0 }), RangeError, "rate");
});

Deno.test("the vocabulary is of the size of a class exercise", () => {
  const size = vocabularyOf(world).length;
  assert(size >= 500 && size <= 2000, `${size}`);
});

Deno.test("random numbers are evenly spread, and a seed that is no whole number is refused", () => {
  const random = createRandom(1);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let n = 0; n < 10_000; n++) counts[random.below(10)]++;
  for (const count of counts) assert(Math.abs(count - 1000) < 150);
  assertThrows(() => createRandom(0.5), RangeError, "whole number");
});
