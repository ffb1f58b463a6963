import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { oneForAll } from "../core/layer_sharing.ts";
import { countParameters } from "../core/parameters.ts";
import { countsOfThePaper, experiment as c05 } from "../experiments/c05_factorised_embedding.ts";
import { experiment as c06 } from "../experiments/c06_what_to_share.ts";
import { experiment as c07 } from "../experiments/c07_sharing_and_time.ts";
import { experiment as c08 } from "../experiments/c08_distilbert.ts";
import { inTurn, median } from "../experiments/timing.ts";
import { BERT, BERT_BASE } from "../models/bert.ts";
import { encoderParameters, type ModelSpec } from "../models/spec.ts";
import { around, checkVerdicts } from "./experiments.ts";

Deno.test("things timed in turn run equally often, the first run of each uncounted", async () => {
  const ran: string[] = [];
  const thing = (name: string) => () => Promise.resolve(ran.push(name));
  const timed = await inTurn([thing("a"), thing("b")], 2);
  assertEquals(ran.join(""), "ababab");
  assertEquals(timed[0].ratio, 1);
  await assertRejects(() => inTurn([thing("a")], 0), RangeError, "one at least");
});

Deno.test("a median is not moved by one slow round", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([1, 2, 1000, 1.5]), 1.75);
  assert(Number.isNaN(median([])));
});

Deno.test("C7: sharing that neither shrinks nor leaves time alone is no sharing as claimed", () => {
  const row = {
    ownParameters: 12000,
    sharedParameters: 2000,
    ownTime: 50,
    sharedTime: 50,
    timeRatio: 1,
    halfRatio: 0.5,
    baseOwn: 3,
    baseShared: 1,
  };
  checkVerdicts(c07, {
    holds: around(row),
    opposite: around({ ...row, timeRatio: 0.5 }),
    unclear: around({ ...row, timeRatio: 1 }, 0.5),
  });
  assertEquals(c07.verdict(around({ ...row, sharedParameters: 12000 })).verdict, "opposite");
});

Deno.test("BERT-base has the counts that C7 names, with layers of its own and with one for all", () => {
  const count = (spec: ModelSpec) => countParameters(encoderParameters(spec, BERT_BASE));
  assertEquals(count(BERT), 109_482_240);
  assertEquals(count({ ...BERT, stack: oneForAll }), 31_515_648);
});

Deno.test("C5: not lower by more than the margin holds, and saving nothing does not", () => {
  const row = {
    accuracy48at450: 0.6,
    accuracy48at900: 0.7,
    accuracy16at450: 0.4,
    accuracy16at900: 0.69,
    loss48at450: 1.5,
    loss48at900: 1,
    loss16at450: 3,
    loss16at900: 1.05,
    wholeParameters: 30000,
    narrowParameters: 11000,
    wholeTable: 23_040_000,
    factorised: 3_938_304,
  };
  checkVerdicts(c05, {
    holds: around(row),
    opposite: around({ ...row, accuracy16at900: 0.6 }),
    unclear: around({ ...row, accuracy16at900: 0.67 }),
  });
  assertEquals(c05.verdict(around({ ...row, narrowParameters: 29000 })).verdict, "opposite");
});

Deno.test("the arithmetic of C5 is the paper's", () => {
  assertEquals(countsOfThePaper(), { wholeTable: 23_040_000, factorised: 3_938_304 });
});

Deno.test("C6: what is dearer to share is read from the losses alone", () => {
  const row = {
    ownLoss: 2,
    attentionLoss: 2.5,
    feedForwardLoss: 3.5,
    allLoss: 4.7,
    ownScore: 0.9,
    attentionScore: 0.8,
    feedForwardScore: 0.9, // scores do not decide
    allScore: 0.1,
    ownParameters: 58000,
    attentionParameters: 46000,
    feedForwardParameters: 34000,
    allParameters: 22000,
  };
  checkVerdicts(c06, {
    holds: around(row),
    opposite: around({ ...row, attentionLoss: 3.6 }),
    unclear: around({ ...row, attentionLoss: 3.5 }, 0.5),
  });
  assertStringIncludes(
    c06.verdict(around(row)).because,
    "attention 0.50 nats (0.042 for each 1,000",
  );
});

Deno.test("C8: each of the three promises can be broken", () => {
  const row = {
    parameters: 0.59,
    speed: 1.8,
    teacherScore: 0.9,
    studentScore: 0.89,
    aloneScore: 0.7,
    majorityScore: 0.3,
    teacherLoss: 1.3,
    studentLoss: 1.4,
    aloneLoss: 1.9,
  };
  checkVerdicts(c08, {
    holds: around(row),
    opposite: around({ ...row, studentScore: 0.8 }),
    unclear: around({ ...row, speed: 1.6 }),
  });
  for (const broken of [{ parameters: 0.7 }, { speed: 1.4 }]) {
    assertEquals(c08.verdict(around({ ...row, ...broken })).verdict, "opposite");
  }
  const noisy = [0.9, 0.75, 0.95].map((studentScore) => ({ ...row, studentScore }));
  assertEquals(c08.verdict(noisy).verdict, "not visible at this scale"); // mean below, interval not
});
