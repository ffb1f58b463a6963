/** The key–value cache: a model with it says what it says without it, and costs the same at every place. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { emptyCache, type KeyValueCache, partsOf, written } from "../core/key_value_cache.ts";
import { initialise } from "../core/parameters.ts";
import { alternating, banded } from "../core/sparse_attention.ts";
import { leftToRight } from "../core/masks.ts";
import { device, keep, randomKey, read, scalar, tensor } from "../core/tensor/mod.ts";
import { BERT } from "../models/bert.ts";
import { GPT } from "../models/gpt.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { GPT3 } from "../models/gpt3.ts";
import {
  encode,
  type EncoderParameters,
  encoderParameters,
  type ModelSpec,
} from "../models/spec.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

const sizes = {
  ...GPT2_TINY,
  vocabulary: 11,
  positions: 12,
  width: 8,
  heads: 2,
  inner: 12,
  layers: 3,
};
const parameters = (spec: ModelSpec) =>
  keep(initialise(encoderParameters(spec, sizes), randomKey(3), 0.5));

/** The states of new positions; the cache remembers them. */
async function goOn(
  spec: ModelSpec,
  params: EncoderParameters,
  cache: KeyValueCache,
  rows: number[][],
  more: { mask?: number[][]; places?: number[][] } = {},
): Promise<number[]> {
  const grid = (values?: number[][]) => values && tensor("B T", values);
  const { last, cached } = encode(spec, sizes, params, {
    ids: tensor("B T", rows),
    cache,
    mask: grid(more.mask),
    ...more.places && { places: tensor("B T", more.places) },
  });
  const [found] = await read([last], [[cache.layers, cached]]);
  cache.length += rows[0].length;
  return [...found];
}

const text = [3, 7, 1, 9, 4, 4, 2];
const narrow: ModelSpec = { ...GPT3, sight: alternating(leftToRight, banded(2)) };

for (const spec of [GPT, GPT2, narrow]) {
  onEveryDevice(`${spec.name} with a cache says what it says without one`, async () => {
    const params = await parameters(spec);
    const whole = [...await read(encode(spec, sizes, params, { ids: tensor("B T", [text]) }).last)];
    for (const cuts of [[7], [4, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1], [2, 3, 2]]) {
      const cache = await emptyCache(sizes, 10), found: number[] = [];
      for (const cut of cuts) {
        const rest = text.slice(cache.length, cache.length + cut);
        found.push(...await goOn(spec, params, cache, [rest]));
      }
      assertNear(found, whole, 5e-6, `in pieces of ${cuts}`);
    }
  });
}

onEveryDevice("texts with padding on the left go on from a cache, too", async () => {
  const params = await parameters(GPT2), cache = await emptyCache(sizes, 8, 2);
  const short = text.slice(0, 3), long = text.slice(2, 7);
  const mask = [[0, 0, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]];
  const places = [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]];
  await goOn(GPT2, params, cache, [[0, 0, ...short], long], { mask, places });
  const found = await goOn(GPT2, params, cache, [[5], [6]], { mask, places: [[3], [5]] });
  const alone = async (ids: number[]) => {
    const { last } = encode(GPT2, sizes, params, { ids: tensor("B T", [ids]) });
    return [...await read(last)].slice(-sizes.width);
  };
  assertNear(found, [...await alone([...short, 5]), ...await alone([...long, 6])], 5e-6);
});

onEveryDevice("a cache that is set back forgets", async () => {
  const params = await parameters(GPT2), cache = await emptyCache(sizes, 8);
  await goOn(GPT2, params, cache, [[3, 7]]);
  const first = await goOn(GPT2, params, cache, [[1, 9]]);
  await goOn(GPT2, params, cache, [[4]]);
  cache.length = 2;
  assertEquals(await goOn(GPT2, params, cache, [[1, 9]]), first);
});

onEveryDevice("what is written goes to its place and nowhere else", async () => {
  const cache = some("B H Tk K", [2, 1, 4, 2]), before = await read(cache);
  const fresh = some("B H T K", [2, 1, 2, 2], 5), rows = await read(fresh);
  const after = await read(written(cache, fresh, scalar(1)));
  for (let b = 0; b < 2; b++) {
    const part = (x: ArrayLike<number>, from: number, count: number) =>
      Array.from({ length: count }, (_, i) => x[from + i]);
    assertEquals(part(after, 8 * b, 2), part(before, 8 * b, 2));
    assertEquals(part(after, 8 * b + 2, 4), part(rows, 4 * b, 4));
    assertEquals(part(after, 8 * b + 6, 2), part(before, 8 * b + 6, 2));
  }
});

for (const count of [1, 2]) {
  onEveryDevice(
    `of ${count} new rows, one without numbers spoils no other, nor does an old one`,
    async () => {
      const old = [NaN, Infinity, NaN, 4], rows = [7, NaN].slice(0, count);
      const fresh = tensor("B H T K", rows, [1, 1, count, 1]);
      const after = await read(written(tensor("B H Tk K", old, [1, 1, 4, 1]), fresh, scalar(1)));
      assertEquals([...after], [old[0], ...rows, ...old.slice(1 + count)]);
      const none = tensor("B H T K", Array(count).fill(NaN), [1, 1, count, 1]);
      const spoilt = await read(written(some("B H Tk K", [1, 1, 4, 1]), none, scalar(1)));
      assertEquals([...spoilt].map(Number.isNaN), [0, 1, 2, 3].map((i) => i > 0 && i <= count));
    },
  );
}

Deno.test("a token's program is the same at every position", async () => {
  const wasm = await device("wasm");
  const params = await parameters(GPT2), cache = await emptyCache(sizes, 10);
  await goOn(GPT2, params, cache, [[1]]);
  let compiled = 0;
  const compile = wasm.compile.bind(wasm);
  wasm.compile = (program) => (compiled++, compile(program));
  for (const id of text) await goOn(GPT2, params, cache, [[id]]);
  wasm.compile = compile;
  assertEquals(compiled, 0);
});

Deno.test("a cache of another model, of other texts, or that is full, says so", async () => {
  await device("reference");
  const cache = await emptyCache(sizes, 4), params = await parameters(GPT2);
  const refused = (change: Partial<typeof sizes>, batch: number, fresh: number, said: string) =>
    assertThrows(() => partsOf(cache, { ...sizes, ...change }, batch, fresh), RangeError, said);
  assertThrows(() => partsOf({ layers: [], length: 0 }, sizes, 1, 1), RangeError, "0 layers");
  refused({ layers: 2 }, 1, 1, "3 layers");
  refused({ heads: 4 }, 1, 1, "another model; begin an empty one");
  refused({ width: 16 }, 1, 1, "of width 4");
  refused({}, 2, 1, "1 texts, the batch of 2; begin an empty one");
  refused({}, 1, 5, "5 do not fit; begin with more room");
  const large = await emptyCache(sizes, 40);
  large.length = 12;
  const run = (spec: ModelSpec, cache: KeyValueCache) =>
    encode(spec, sizes, params, { ids: tensor("B T", [[1]]), cache });
  assertThrows(() => run(GPT2, large), RangeError, "12 positions of this GPT-2");
  assertThrows(() => run(BERT, cache), RangeError, "both sides");
  const ofAnother = await emptyCache({ ...sizes, layers: 2 }, 4);
  assertThrows(() => run(GPT2, ofAnother), RangeError, "it is of another model");
  await assertRejectsRoom();
});

async function assertRejectsRoom(): Promise<void> {
  const error = await emptyCache(sizes, 0).then(() => undefined, (e) => e);
  assert(error instanceof RangeError && error.message.includes("not 0"));
}
