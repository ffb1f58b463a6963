/** Randomness: the same everywhere, uniform or normal as promised, and without a pattern. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { randomKey, tensor } from "../core/tensor/mod.ts";
import { assertClose, onReference, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

const N = 4096;
const stream = (key: t.Key, length = N) => Array.from({ length }, (_, i) => key.number(i));
const mean = (xs: ArrayLike<number>) => Array.from(xs).reduce((a, b) => a + b, 0) / xs.length;

/** Of independent streams of n numbers it lies within 5/√n but once in a million. */
function correlation(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const [mx, my] = [mean(xs), mean(ys)];
  const about = (a: ArrayLike<number>, m: number, b: ArrayLike<number>, n: number) =>
    mean(Array.from(a, (x, i) => (x - m) * (b[i] - n)));
  return about(xs, mx, ys, my) / Math.sqrt(about(xs, mx, xs, mx) * about(ys, my, ys, my));
}

onEveryDevice("uniform() gives the numbers of the key's stream, to the last bit", async () => {
  const keys = [randomKey(1), randomKey(-7), randomKey(2 ** 40 + 3, 12), randomKey(5).derive(3)];
  for (const key of keys) {
    const found = await t.read(t.uniform(key, "B T", [7, 13]));
    assertEquals([...found], stream(key, 91));
  }
});

onEveryDevice("a piece of a random tensor has the numbers of the whole", async () => {
  const u = t.uniform(randomKey(4), "B T", [6, 8]);
  const { whole, piece, flipped } = await t.read({
    whole: u,
    piece: t.slice(u, "T", 3, 6),
    flipped: t.scale(t.rearrange(u, "B T -> T B"), 1),
  });
  assertEquals(
    [...piece],
    Array.from({ length: 18 }, (_, i) => whole[Math.floor(i / 3) * 8 + 3 + i % 3]),
  );
  assertEquals(
    [...flipped],
    Array.from({ length: 48 }, (_, i) => whole[(i % 6) * 8 + Math.floor(i / 6)]),
  );
});

onEveryDevice(
  "the stream goes on behind 2²⁴, where single precision cannot count any more",
  async (on) => {
    const from = on.name === "reference" ? 2 ** 10 : 2 ** 24; // the reference counts in double precision
    const u = t.uniform(randomKey(3), "T", [from + 64]);
    const found = await t.read(t.slice(u, "T", from - 4, from + 64));
    assertEquals([...found], [...found].map((_, i) => randomKey(3).number(from - 4 + i)));
  },
);

onEveryDevice("a seed may change without a new program, and changes every number", async () => {
  const drawn = [];
  for (const step of [1, 2, 3]) drawn.push(await t.read(t.uniform(randomKey(8, step), "T", [N])));
  assert(Math.abs(correlation(drawn[0], drawn[1])) < 5 / Math.sqrt(N));
  assert(Math.abs(correlation(drawn[1], drawn[2])) < 5 / Math.sqrt(N));
});

onEveryDevice(
  "normal() has the mean, deviation and tails of the normal distribution",
  async (on) => {
    const x = t.normal(randomKey(3), "T", [20000], 2), found = await t.read(x);
    const share = (limit: number) => found.filter((v) => Math.abs(v) > limit).length / found.length;
    assertNear([mean(found)], [0], 0.06);
    assertNear([Math.sqrt(mean(found.map((v) => v * v)))], [2], 0.05);
    assertNear([share(2), share(4), share(6)], [0.3173, 0.0455, 0.0027], 0.012);
    assertClose(found, await onReference(x, on));
  },
);

onEveryDevice("normal() is finite at both ends of the unit interval", async () => {
  const last = 1 - 2 ** -24, ends = [0, 2 ** -24, 0.5, last];
  const key = { uniform: () => tensor("T", ends) } as unknown as t.Key;
  const found = await t.read(t.normal(key, "T", [4]));
  const quantiles = [-5.41998317, -5.22011306, 7.4703e-8, 5.41998317]; // Φ⁻¹(end + 2⁻²⁵)
  assertNear(found, quantiles, 1e-5);
  assertNear(found.slice(2, 3), quantiles.slice(2, 3), 1e-11);
});

onEveryDevice("dropout() drops the same elements everywhere and keeps the mean", async () => {
  const key = randomKey(6), found = await t.read(t.dropout(t.full("T", [N], 1), 0.25, key));
  assertNear(found, stream(key).map((u) => u < 0.25 ? 0 : 4 / 3), 1e-6);
  assertNear([mean(found)], [1], 5 * Math.sqrt(1 / 3 / N));
});

onEveryDevice("the gradient of dropout() passes where the value passed", async () => {
  const x = some("T", [50]), y = t.dropout(x, 0.5, randomKey(2));
  const { mask, slope } = await t.read({
    mask: t.dropout(t.full("T", [50], 1), 0.5, randomKey(2)),
    slope: t.gradients(t.sum(y), { x }).x,
  });
  assertEquals(slope, mask);
});

testOperation("dropout()", ({ x }) => t.square(t.dropout(x, 0.3, randomKey(5))), {
  x: some("T D", [5, 4], 2),
});

Deno.test("dropout() without a key or with a rate of 0 is x itself; a bad rate is refused", () => {
  const x = some("T", [3]);
  assertEquals(t.dropout(x, 0.5), x);
  assertEquals(t.dropout(x, 0, randomKey(1)), x);
  for (const rate of [-0.1, 1, 2, NaN]) {
    assertThrows(() => t.dropout(x, rate, randomKey(1)), RangeError, `the rate ${rate}`);
  }
  for (const seed of [0.5, NaN, 2 ** 60]) {
    assertThrows(() => randomKey(seed), RangeError, `not ${seed}`);
  }
});

Deno.test("numbers of one stream are uniform and do not know their neighbours", () => {
  const u = stream(randomKey(11)), counts = new Array(16).fill(0);
  for (const x of u) counts[Math.floor(x * 16)]++;
  const expected = N / 16, chi = counts.reduce((sum, c) => sum + (c - expected) ** 2 / expected, 0);
  assert(chi < 50, `χ² with 15 degrees of freedom: ${chi}`); // beyond 50 once in 80,000
  for (const lag of [1, 2, 3, 16, 64, 256]) {
    assert(Math.abs(correlation(u.slice(lag), u.slice(0, -lag))) < 5 / Math.sqrt(N - lag));
  }
  assertEquals(new Set(u).size > N - 5, true);
});

Deno.test("streams of neighbouring seeds, steps and purposes are independent", () => {
  const key = randomKey(21, 4);
  const others = [randomKey(22, 4), randomKey(21, 5), randomKey(4, 21), randomKey(-21, 4)];
  for (let i = 0; i < 12; i++) {
    others.push(key.derive(i), key.derive(0).derive(i), randomKey(2 ** i));
  }
  const streams = [key, ...others].map((k) => stream(k));
  for (let i = 0; i < streams.length; i++) {
    for (let j = 0; j < i; j++) {
      const c = correlation(streams[i], streams[j]);
      assert(Math.abs(c) < 5.5 / Math.sqrt(N), `streams ${i} and ${j}: ${c}`);
    }
  }
});

Deno.test("the first numbers of successive seeds, steps and purposes are uniform, too", () => {
  const key = randomKey(0);
  const families: ((i: number) => t.Key)[] = [
    (i) => randomKey(i),
    (i) => randomKey(1, i),
    (i) => key.derive(i),
    (i) => randomKey(i).derive(1),
  ];
  for (const family of families) {
    const u = Array.from({ length: N }, (_, i) => family(i).number(0));
    assertNear([mean(u), mean(u.map((x) => x * x))], [1 / 2, 1 / 3], 5 * 0.3 / Math.sqrt(N));
    assert(Math.abs(correlation(u.slice(1), u.slice(0, -1))) < 5 / Math.sqrt(N));
  }
});
