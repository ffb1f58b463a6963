import { assert, assertEquals } from "@std/assert";
import { randomKey } from "../core/tensor/mod.ts";
import { createWorld } from "../data/mod.ts";
import { experiment as c02 } from "../experiments/c02_next_sentence.ts";
import { experiment as c03 } from "../experiments/c03_static_masks.ts";
import { experiment as c04 } from "../experiments/c04_sentence_order.ts";
import { experiment as c12 } from "../experiments/c12_spans.ts";
import { experiment as c13 } from "../experiments/c13_entity_masking.ts";
import { microWorld } from "../experiments/micro_bert.ts";
import { drawSentences } from "../experiments/sentence_lessons.ts";
import { shortQuestions } from "../experiments/short_questions.ts";
import { around, checkVerdicts } from "./experiments.ts";

Deno.test("C2: no worse means neither less accurate nor more surprised by more than the margins", () => {
  const row = {
    sentimentWith: 0.9,
    sentimentWithout: 0.9,
    sensesWith: 0.8,
    sensesWithout: 0.8,
    meanWith: 0.85,
    meanWithout: 0.85,
    natsWith: 3,
    natsWithout: 3,
  };
  checkVerdicts(c02, {
    holds: around(row),
    opposite: around({ ...row, meanWithout: 0.7 }),
    unclear: around(row, 0.5),
  });
  assertEquals(c02.verdict(around({ ...row, natsWithout: 3.5 })).verdict, "opposite");
});

Deno.test("C3: at least as good allows for a margin, and the single mask does not count", () => {
  const row = { once: 5, tenTimes: 3, anew: 3, toldOnce: 4, toldTenTimes: 2, toldAnew: 2 };
  checkVerdicts(c03, {
    holds: around(row),
    opposite: around({ ...row, anew: 3.2 }),
    unclear: around(row, 0.2),
  });
  assertEquals(c03.verdict(around({ ...row, once: 1 })).verdict, "holds");
});

Deno.test("C4: holds only where next sentence is blind to order and order solves next sentence", () => {
  const row = {
    nextOnNext: 0.9,
    nextOnOrder: 0.52,
    nextOnSubject: 0.9,
    orderOnNext: 0.79,
    orderOnOrder: 0.87,
    orderOnSubject: 0.7,
  };
  checkVerdicts(c04, {
    holds: around(row),
    opposite: around({ ...row, nextOnOrder: 0.9 }),
    unclear: around(row, 0.3),
  });
  assertEquals(c04.verdict(around({ ...row, orderOnNext: 0.5 })).verdict, "opposite");
});

Deno.test("C12: both comparisons must come out as claimed", () => {
  const exact = { entitiesExact: 0.5, spansExact: 0.6, nextExact: 0.6, boundaryExact: 0.7 };
  const row = { entities: 0.5, spans: 0.6, next: 0.6, boundary: 0.7, ...exact };
  checkVerdicts(c12, {
    holds: around(row),
    opposite: around({ ...row, boundary: 0.5 }),
    unclear: around({ ...row, spans: 0.5 }),
  });
});

Deno.test("C13: a gain in told facts is all that counts", () => {
  const row = {
    characters: 0.2,
    names: 0.7,
    untoldCharacters: 0.1,
    untoldNames: 0.1,
    natsCharacters: 4,
    natsNames: 2,
    lossCharacters: 0.2,
    lossNames: 0.5,
  };
  checkVerdicts(c13, {
    holds: around(row),
    opposite: around({ ...row, names: 0.1 }),
    unclear: around({ ...row, names: 0.2 }, 0.1),
  });
});

Deno.test("a short question's answer stands where it says, in two sentences at most", () => {
  for (const { context, answers: [{ text, start }] } of shortQuestions(createWorld(3), 5, 60)) {
    assertEquals(context.slice(start, start + text.length), text);
    assert(context.split(/[.?] /).length <= 3, context);
  }
});

Deno.test("each document gives one of its wanted sentences, the same for the same key", () => {
  const { told } = microWorld(2), few = told.slice(0, 20);
  const facts = drawSentences(few, randomKey(1), ({ fact }) => fact !== undefined);
  assertEquals(facts.length, 20);
  facts.forEach((sentence, i) => assert(sentence.fact && few[i].sentences.includes(sentence)));
  assertEquals(drawSentences(few, randomKey(1), ({ fact }) => fact !== undefined), facts);
});
