/** Answers of encoder–decoders: greedy and beams, with a cache and without, alone and in a batch. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { device, keep, logSoftmax, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { beginAnswers, greedyAnswers, searchAnswer, type Writer } from "../generation/answers.ts";
import { BART } from "../models/bart.ts";
import { readSource, scoreTokens, writeAnswer } from "../models/reading_and_writing.ts";
import { startT5, T5, T5_1_1, T5_TINY } from "../models/t5.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear } from "./numbers.ts";

const sizes = {
  ...T5_TINY,
  vocabulary: 7,
  width: 8,
  heads: 2,
  headWidth: 4,
  inner: 12,
  positions: 16,
  furthest: 20,
};
const rows = (ids: number[][]) => tensor("B T", ids);
const writer = async (spec = T5, seed = 5): Promise<Writer> => (
  { spec, sizes, params: await keep(startT5(spec, sizes, randomKey(seed))) }
);

/** log p of an answer, from one run over all of it. */
async function logProbability({ spec, sizes, params }: Writer, source: number[], answer: number[]) {
  const found = readSource(spec, sizes, params, { ids: rows([source]) });
  const ids = rows([[sizes.start, ...answer.slice(0, -1)]]);
  const { last } = writeAnswer(spec, sizes, params, found, { ids });
  const logs = await read(logSoftmax(scoreTokens(spec, params, last), "V"));
  return answer.reduce((sum, id, t) => sum + logs[t * sizes.vocabulary + id], 0);
}

for (const spec of [T5, T5_1_1, BART]) {
  onEveryDevice(
    `${spec.name}: answers in a batch are those alone, with and without a cache`,
    async () => {
      const model = await writer(spec), given = [[5, 3, 4, 2], [6, 2]];
      const padded = {
        ids: rows([given[0], [...given[1], 0, 0]]),
        mask: rows([[1, 1, 1, 1], [1, 1, 0, 0]]),
      };
      const together = await greedyAnswers(model, padded, { room: 6, end: [] });
      assertEquals(
        await greedyAnswers(model, padded, { room: 6, end: [], cache: false }),
        together,
      );
      for (const [b, ids] of given.entries()) {
        const alone = await greedyAnswers(model, { ids: rows([ids]) }, { room: 6, end: [] });
        assertEquals(alone, [together[b]]);
      }
    },
  );
}

onEveryDevice("an answer ends before the end token, and may be empty", async () => {
  const model = await writer(), source = { ids: rows([[5, 3, 4]]) };
  const [whole] = await greedyAnswers(model, source, { room: 6, end: [] });
  const [cut] = await greedyAnswers(model, source, { room: 6, end: [whole[0]] });
  assertEquals([whole.length, cut.length], [6, 0]);
});

onEveryDevice("one beam is greedy; enough beams find the best answer there is", async () => {
  const model = await writer(T5, 9), ids = [5, 3, 4], source = { ids: rows([ids]) };
  const [greedy] = await greedyAnswers(model, source, { room: 3, end: [] });
  const one = await searchAnswer(model, source, { beams: 1, maxTokens: 3, end: [] });
  assertEquals([...one.ids], greedy);
  const all = await searchAnswer(model, source, { beams: 49, maxTokens: 3, end: [] });
  let best = -Infinity;
  for (let i = 0; i < 343; i += 9) { // every ninth of all answers of three tokens
    const answer = [Math.floor(i / 49), Math.floor(i / 7) % 7, i % 7];
    best = Math.max(best, await logProbability(model, ids, answer));
  }
  assert(all.logProbability >= best - 1e-4);
  const found = await logProbability(model, ids, [...all.ids]);
  assertNear([all.logProbability], [found], 1e-3);
});

onEveryDevice("beams are the same without a cache", async () => {
  const model = await writer(), source = { ids: rows([[5, 3, 0]]), mask: rows([[1, 1, 0]]) };
  const asked = { beams: 3, maxTokens: 5 };
  const [a, b] = [
    await searchAnswer(model, source, asked),
    await searchAnswer(model, source, asked, { cache: false }),
  ];
  assertEquals(a.ids, b.ids);
  assertNear([a.logProbability], [b.logProbability], 1e-4);
});

Deno.test("a chosen row takes its source and its mask along", async () => {
  await device("wasm");
  const model = await writer();
  const padded = { ids: rows([[5, 3, 4], [6, 2, 0]]), mask: rows([[1, 1, 1], [1, 1, 0]]) };
  for (const cache of [true, false]) {
    const writing = await beginAnswers(model, padded, { room: 4, cache });
    await writing.append([3, 4]);
    await writing.choose([1, 1]);
    await writing.append([2, 5]);
    const alone = await beginAnswers(model, { ids: rows([[6, 2]]) }, { room: 4, cache });
    await alone.append([4]);
    await alone.append([2]);
    assertNear(writing.scores[0], alone.scores[0], 1e-5);
  }
});

Deno.test("no room, too many tokens, an empty source, and beams for several are refused", async () => {
  await device("wasm");
  const model = await writer(), source = { ids: rows([[5], [6]]) };
  await assertRejects(() => beginAnswers(model, source, { room: 0 }), RangeError, "room");
  const writing = await beginAnswers(model, source, { room: 1 });
  await writing.append([1, 1]);
  await assertRejects(() => writing.append([1, 1]), RangeError, "1 tokens only");
  await assertRejects(() => searchAnswer(model, source, {}), RangeError, "2 sources");
  const empty = { ids: tensor("B T", [], [1, 0]) };
  await assertRejects(
    () => greedyAnswers(model, empty, { room: 2 }),
    RangeError,
    "without a token",
  );
  const one = { ids: rows([[5]]) };
  await assertRejects(() => searchAnswer(model, one, { temperature: 1 }), RangeError, "contradict");
  await assertRejects(() => searchAnswer(model, one, { beams: 1.5 }), RangeError, "beams is 1.5");
});
