import { assert, assertEquals, assertRejects } from "@std/assert";
import { oneForAll } from "../core/layer_sharing.ts";
import { countParameters } from "../core/parameters.ts";
import { experiment as c07 } from "../experiments/c07_sharing_and_time.ts";
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
