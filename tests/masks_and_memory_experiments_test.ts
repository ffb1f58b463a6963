/** C14 and C15: their rules, and the streams and guesses that they are made of. */
import { assert, assertEquals } from "@std/assert";
import { device, mean, randomKey, read } from "../core/tensor/mod.ts";
import { experiment as c14 } from "../experiments/c14_three_masks.ts";
import { experiment as c15 } from "../experiments/c15_any_order_and_memory.ts";
import { microWorld } from "../experiments/micro_bert.ts";
import { readSegment, streamsOf, trainOnStreams } from "../experiments/micro_recurrence.ts";
import { guesses } from "../experiments/micro_xlnet.ts";
import { continued } from "../experiments/writing_at_masks.ts";
import { initialise } from "../core/parameters.ts";
import { BERT_TINY } from "../models/bert.ts";
import { modelParameters } from "../models/model.ts";
import { TRANSFORMER_XL_TINY, type TransformerXLParameters } from "../models/transformer_xl.ts";
import { UNILM } from "../models/unilm.ts";
import { around, checkVerdicts } from "./experiments.ts";
import { given } from "./numbers.ts";
import { tokenizerOf } from "./objectives.ts";

Deno.test("C14: UniLM must keep nine tenths of what each specialist learned", () => {
  const row = {
    bertBoth: 2,
    unilmBoth: 2.1,
    gptBoth: 4,
    gptLeft: 2,
    unilmLeft: 2.2,
    bertLeft: 4,
    unilmTarget: 2,
    gptWrites: 0.5,
    unilmWrites: 0.5,
    bertWrites: 0,
    guessing: 7,
  };
  checkVerdicts(c14, {
    holds: around(row),
    opposite: around({ ...row, unilmLeft: 4.5 }), // worse than who never practised it
    unclear: around({ ...row, unilmLeft: 3 }), // better, but far from the specialist
  });
  const same = around({ ...row, gptBoth: 2.1 }); // the specialists are no specialists
  assertEquals(c14.verdict(same).verdict, "not visible at this scale");
});

Deno.test("C15: both gains must be above nothing", () => {
  const row = {
    anyOrder: 1,
    leftToRight: 1.2,
    oneSide: 2,
    remembers: 1,
    forgets: 1.1,
    firstRemembers: 1,
    firstForgets: 1.2,
    lastRemembers: 1,
    lastForgets: 1,
  };
  checkVerdicts(c15, {
    holds: around(row),
    opposite: around({ ...row, forgets: 0.9 }),
    unclear: around({ ...row, leftToRight: 1 }),
  });
});

Deno.test("a stream goes on in the next segment where this one stopped, row by row", () => {
  const { told, tokenizer } = microWorld(1), key = randomKey(1);
  const { segment } = streamsOf(told, tokenizer, { batch: 3, length: 5, segments: 4, key });
  const rows = (n: number) => [segment(n).ids, segment(n).next].map((x) => given(x));
  for (const n of [0, 1, 2]) {
    const [ids, next] = rows(n), [after] = rows(n + 1);
    for (const b of [0, 1, 2]) {
      assertEquals(next.slice(5 * b, 5 * b + 4), ids.slice(5 * b + 1, 5 * b + 5));
      assertEquals(next[5 * b + 4], after[5 * b]);
    }
  }
});

Deno.test("training on streams learns, and leaves what was remembered for the next step", async () => {
  await device("wasm");
  const { told, tokenizer } = microWorld(1), vocabulary = tokenizer.vocabulary.tokens.length;
  const sizes = { ...TRANSFORMER_XL_TINY, vocabulary, width: 16, embedding: 16, heads: 2 };
  const tiny = { ...sizes, headWidth: 8, inner: 16, layers: 1, memory: 4 };
  const streams = streamsOf(told, tokenizer, {
    batch: 4,
    length: 8,
    segments: 60,
    key: randomKey(1),
  });
  const nats = async (params: TransformerXLParameters) => {
    return (await read(mean(readSegment(tiny, params, streams.segment(3)).surprise)))[0];
  };
  const quiet = () => {};
  const [early, late] = [
    await trainOnStreams(tiny, streams, { steps: 2, seed: 1 }, quiet),
    await trainOnStreams(tiny, streams, { steps: 60, seed: 1 }, quiet),
  ];
  assert(await nats(late) < await nats(early));
});

Deno.test("both orders guess the same words; only what they may look at differs", () => {
  const { told, tokenizer } = microWorld(1);
  const [any, left] = (["anyOrder", "leftToRight"] as const).map((order) =>
    guesses(told, tokenizer, order, randomKey(3))
  );
  assertEquals(given(any.inputs.ids), given(left.inputs.ids));
  assertEquals(given(any.targets.labels), given(left.targets.labels));
  const T = left.inputs.ids.size("T"), rows = given(left.inputs.visible).slice(0, T * T);
  rows.forEach((seen, n) => assertEquals(seen, n % T < Math.floor(n / T) ? 1 : 0));
});

Deno.test("what is written follows the text and stops at a full stop", async () => {
  await device("reference");
  const tokenizer = tokenizerOf("boat", "ship", "walk", "talk", "sea", ".");
  const sizes = { ...BERT_TINY, vocabulary: 11, segments: 6, width: 8, heads: 2, inner: 12 };
  const heads = { maskedLM: true };
  const params = initialise(modelParameters(UNILM, sizes, heads), randomKey(1), 0.5);
  const texts = ["boat ship", "walk"], room = { length: 12, longest: 3 };
  const model = { spec: UNILM, sizes, params };
  const written = await continued(model, tokenizer, texts, room);
  assertEquals(written.length, 2);
  for (const one of written) assert(one.split(" ").filter(Boolean).length <= 3);
  const [alone] = await continued(model, tokenizer, ["walk"], room);
  assertEquals(alone, written[1]); // a text does not look at the others
});
