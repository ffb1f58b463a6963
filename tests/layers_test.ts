import { assert, assertEquals, assertThrows } from "@std/assert";
import { embed, embeddingParameters } from "../core/embedding.ts";
import { feedForward, feedForwardParameters } from "../core/feed_forward.ts";
import { layerNorm } from "../core/layer_norm.ts";
import { hide, lowest, paddingBias } from "../core/masks.ts";
import { countParameters, declare, initialise, instantiate } from "../core/parameters.ts";
import { pool, poolerParameters } from "../core/pooler.ts";
import { learnedPositions, sinusoidalPositions } from "../core/positions.ts";
import {
  add,
  device,
  gelu,
  gradients,
  keep,
  mean,
  multiply,
  randomKey,
  read,
  relu,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { layerParameters, postNorm, preNorm } from "../core/transformer_layer.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

/** Parameters with no zero among them, so that nothing is left out of a gradient by chance. */
const full = <D>(declared: D) =>
  instantiate(declared, ({ axes, shape }, path) => some(axes, [...shape], path.length));

const options = { heads: 2, activation: gelu, epsilon: 1e-12 };

onEveryDevice("layerNorm() gives rows with mean = bias and deviation = gain", async () => {
  const params = { gain: tensor("D", [2, 2, 2, 2]), bias: tensor("D", [3, 3, 3, 3]) };
  const y = layerNorm(some("B T D", [2, 3, 4]), params, 0);
  assertNear(await read(mean(y, "D")), new Array(6).fill(3), 1e-5);
  assertNear(await read(mean(square(subtract(y, 3)), "D")), new Array(6).fill(4), 1e-4);
});

onEveryDevice("layerNorm() divides by D, not by D - 1: the trap", async () => {
  const params = { gain: tensor("D", [1, 1]), bias: tensor("D", [0, 0]) };
  const y = await read(layerNorm(tensor("B T D", [[[1, 3]]]), params, 0));
  assertNear(y, [-1, 1], 1e-6); // D - 1 would give ±1/√2
});

onEveryDevice(
  "feedForward() with relu, up [1 -1] and down [1 1], is the absolute value",
  async () => {
    const params = {
      up: { weight: tensor("F D", [[1], [-1]]), bias: tensor("F", [0, 0]) },
      down: { weight: tensor("D F", [[1, 1]]), bias: tensor("D", [0]) },
    };
    const y = feedForward(tensor("B T D", [[[3], [-2], [0]]]), params, relu);
    assertNear(await read(y), [3, 2, 0], 1e-6);
  },
);

onEveryDevice(
  "postNorm and preNorm with branches of zeros leave the sum to the norms",
  async () => {
    const params = initialise(layerParameters(4, 8), randomKey(1), 0);
    const x = some("B T D", [1, 2, 4]);
    assertNear(await read(preNorm(x, params, options).out), await read(x), 1e-6);
    const twice = layerNorm(
      layerNorm(x, params.attentionNorm, 1e-12),
      params.feedForwardNorm,
      1e-12,
    );
    assertNear(await read(postNorm(x, params, options).out), await read(twice), 1e-5);
  },
);

for (const [name, layer] of Object.entries({ postNorm, preNorm })) {
  Deno.test(`${name} passes the gradients that differences give`, async () => {
    await device("reference");
    const bias = paddingBias(tensor("B T", [[1, 1, 1], [1, 1, 0]]));
    const target = some("B T D", [2, 3, 4], 7);
    await assertGradients(
      (p) => sum(multiply(layer(p.x, p.params, { ...options, bias }).out, target)),
      { x: some("B T D", [2, 3, 4], 3), params: full(layerParameters(4, 6)) },
      2,
    );
  });
}

onEveryDevice("a layer gives real tokens the same output with and without padding", async () => {
  const params = full(layerParameters(4, 6));
  const x = some("B T D", [1, 3, 4]);
  const longer = tensor("B T D", [...await read(x), 9, -9, 9, -9], [1, 4, 4]);
  const bias = paddingBias(tensor("B T", [[1, 1, 1, 0]]));
  const plain = await read(postNorm(x, params, options).out);
  const padded = await read(postNorm(longer, params, { ...options, bias }).out);
  assertNear(padded.slice(0, 12), plain, 2e-5);
});

onEveryDevice(
  "a layer drops the same elements on every device, and none without a key",
  async () => {
    const params = full(layerParameters(4, 6)), x = some("B T D", [1, 3, 4]);
    const dropout = { hidden: 0.5, attention: 0.5, key: randomKey(4) };
    const run = () => read(preNorm(x, params, { ...options, dropout }).out);
    await device("reference");
    const wanted = await run();
    assertNear(await run(), wanted, 0);
    const without = await read(preNorm(x, params, options).out);
    assert(wanted.some((w, i) => Math.abs(w - without[i]) > 0.01));
  },
);

onEveryDevice("embed() adds token, position and segment before its norm", async () => {
  const sizes = { vocabulary: 5, positions: 4, segments: 2, width: 4 };
  const params = full(embeddingParameters(sizes));
  const x = embed(
    { ids: tensor("B T", [[3, 1]]), segments: tensor("B T", [[0, 1]]) },
    params,
    { epsilon: 1e-12 },
  );
  const row = (table: Tensor, i: number) => {
    const values = given(table);
    return values.slice(i * 4, i * 4 + 4);
  };
  const total = [[3, 0, 0], [1, 1, 1]].flatMap(([id, t, s]) =>
    row(params.word, id).map((w, d) => w + row(params.position, t)[d] + row(params.segment!, s)[d])
  );
  const wanted = layerNorm(tensor("B T D", total, [1, 2, 4]), params.norm!, 1e-12);
  assertNear(await read(x), await read(wanted), 1e-5);
});

onEveryDevice("embed() without segments takes segment 0 everywhere", async () => {
  const sizes = { vocabulary: 5, positions: 4, segments: 2, width: 4 };
  const params = full(embeddingParameters(sizes)), ids = tensor("B T", [[3, 1, 2]]);
  const zeros = tensor("B T", [[0, 0, 0]]);
  const plain = await read(embed({ ids }, params, { epsilon: 1e-12 }));
  assertNear(plain, await read(embed({ ids, segments: zeros }, params, { epsilon: 1e-12 })), 1e-6);
});

onEveryDevice("embed() passes no gradient to the padding token's row", async () => {
  const sizes = { vocabulary: 3, positions: 4, segments: 2, width: 4 };
  const params = full(embeddingParameters(sizes)), ids = tensor("B T", [[2, 0, 1]]);
  const loss = sum(multiply(
    embed({ ids }, params, { epsilon: 1e-12, padding: 0 }),
    some("B T D", [1, 3, 4], 5),
  ));
  const found = await read(gradients(loss, { word: params.word }).word);
  assertEquals([...found.slice(0, 4)], [0, 0, 0, 0]);
  assert(found.slice(4).some((g) => g !== 0));
});

Deno.test("embed() refuses a text longer than the positions and an id outside the vocabulary", () => {
  const sizes = { vocabulary: 3, positions: 2, segments: 2, width: 4 };
  const params = full(embeddingParameters(sizes));
  const run = (ids: number[]) => () => embed({ ids: tensor("B T", [ids]) }, params, { epsilon: 1 });
  const long = assertThrows(run([0, 1, 2]), RangeError);
  assert(/3 tokens .* 2 positions/.test(long.message), long.message);
  const outside = assertThrows(run([0, 3]), RangeError);
  assert(/id 3 at place 1/.test(outside.message), outside.message);
});

onEveryDevice("pool() looks at the first position only", async () => {
  const params = full(poolerParameters(3)), x = some("B T D", [2, 3, 3]);
  const values = [...await read(x)];
  const other = tensor("B T D", values.map((v, i) => i % 9 < 3 ? v : 0), [2, 3, 3]);
  assertNear(await read(pool(x, params)), await read(pool(other, params)), 1e-6);
});

onEveryDevice(
  "sinusoidalPositions() turn by the same angle from each position to the next",
  async () => {
    const table = await read(sinusoidalPositions(6, 4));
    assertNear(table.slice(0, 4), [0, 1, 0, 1], 1e-6);
    const angle = (t: number) => Math.atan2(table[t * 4], table[t * 4 + 1]);
    assertNear([angle(1), angle(2), angle(3)], [1, 2, 3], 1e-5);
  },
);

onEveryDevice("learnedPositions() are the first rows of the table", async () => {
  const table = tensor("P D", [[1, 2], [3, 4], [5, 6]]);
  assertEquals([...await read(learnedPositions(table, 2))], [1, 2, 3, 4]);
});

onEveryDevice("hide() is 0 for ones and the lowest float for zeros", async () => {
  assertEquals([...await read(hide(tensor("B Tk", [[1, 0]])))], [0, lowest]);
});

Deno.test("initialise() gives the same values for the same key, and aliases what is shared", async () => {
  await device("wasm");
  const shared = declare("D", [5]), declared = { a: shared, b: shared, c: declare("D", [5]) };
  const first = await keep(initialise(declared, randomKey(1)));
  const again = await keep(initialise(declared, randomKey(1)));
  assert(first.a === first.b);
  assertEquals(await read(first.a), await read(again.a));
  assert((await read(first.a))[0] !== (await read(first.c))[0]);
  assertEquals(countParameters(declared), 10);
});

Deno.test("a shared layer's gradient is the sum of the gradients of its tied copies", async () => {
  await device("reference");
  const one = full(feedForwardParameters(3, 4)), two = full(feedForwardParameters(3, 4));
  const x = some("B T D", [1, 2, 3]);
  const run = (a: typeof one, b: typeof one) =>
    sum(square(feedForward(feedForward(x, a, gelu), b, gelu)));
  const tied = await read(gradients(run(one, one), { w: one.up.weight }).w);
  const apart = await read(add(
    gradients(run(one, two), { w: one.up.weight }).w,
    gradients(run(one, two), { w: two.up.weight }).w,
  ));
  assertNear(tied, apart, 1e-9);
});
