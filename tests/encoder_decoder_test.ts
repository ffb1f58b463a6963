/** T5, BART and MASS: their concepts, their counts, what they ignore, what they are to each other. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { encoderDecoders } from "../cli/count.ts";
import { attentionParameters, selfAttention } from "../core/attention.ts";
import { crossAttention, keysAndValues, projectionsParameters } from "../core/cross_attention.ts";
import { feedForward, feedForwardParameters } from "../core/feed_forward.ts";
import { gatedFeedForward, gatedParameters } from "../core/gated_feed_forward.ts";
import { emptyCache } from "../core/key_value_cache.ts";
import { countParameters, initialise, instantiate } from "../core/parameters.ts";
import { bucketOf, relativeBias } from "../core/relative_buckets.ts";
import { rmsNorm } from "../core/rms_norm.ts";
import { centredNorm, normFirst, normLast, scaledNorm } from "../core/sublayers.ts";
import {
  add,
  AxisError,
  device,
  geluTanh,
  gradients,
  ignored,
  keep,
  randomKey,
  read,
  relu,
  scale,
  silu,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { type ScoredPiece, t5Style, unigram } from "../core/text/unigram.ts";
import { FileError } from "../core/training/files.ts";
import { BART, BART_BASE, MASS } from "../models/bart.ts";
import {
  changes,
  encoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
} from "../models/encoder_decoder.ts";
import {
  cacheSizes,
  readSource,
  scoreTokens,
  shiftRight,
  writeAnswer,
} from "../models/reading_and_writing.ts";
import { t5Layout } from "../models/huggingface/t5.ts";
import { loadModel, savePretrained } from "../models/pretrained.ts";
import { startT5, T5, T5_1_1, T5_TINY } from "../models/t5.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot, type GoldenTensor } from "./golden_models.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

// ---- RMS norm

onEveryDevice("rmsNorm() of two numbers is the number worked out by hand", async () => {
  const y = rmsNorm(tensor("B T D", [[[3, -4]]]), { gain: tensor("D", [1, 2]) }, 0);
  assertNear(await read(y), [3 / Math.sqrt(12.5), -8 / Math.sqrt(12.5)], 1e-6);
});

onEveryDevice("rmsNorm() does not care how long a vector is, and keeps zeros", async () => {
  const x = some("B T D", [2, 3, 5]), params = { gain: some("D", [5], 2) };
  assertNear(await read(rmsNorm(scale(x, 7), params, 0)), await read(rmsNorm(x, params, 0)), 1e-5);
  assertEquals([...await read(rmsNorm(scale(x, 0), params, 1e-6))], new Array(30).fill(0));
});

Deno.test("rmsNorm() passes the gradients that differences give", async () => {
  await device("reference");
  const params = { x: some("B T D", [2, 2, 3]), gain: some("D", [3], 2) };
  await assertGradients((p) => weigh(rmsNorm(p.x, { gain: p.gain }, 1e-6)), params);
});

Deno.test("the trap: a layer norm without bias is another function", async () => {
  await device("reference");
  const x = tensor("B T D", [[[3, 4]]]), gain = tensor("D", [1, 1]);
  const moved = centredNorm.apply(x, { gain, bias: tensor("D", [0, 0]) }, 0);
  assertNear(await read(moved), [-1, 1]);
  assert((await read(scaledNorm.apply(x, { gain }, 0)))[0] > 0);
});

interface RmsNormFigures {
  x: GoldenTensor;
  weight: GoldenTensor;
  eps: number;
  y: GoldenTensor;
}

onEveryDevice("golden operators: rmsNorm()", async () => {
  const figures = JSON.parse(await Deno.readTextFile(`${goldenRoot}/nonmodel/operators.json`));
  const { x, weight, eps, y }: RmsNormFigures = figures.t5_rms_norm;
  const given = tensor("B T D", x.data, [1, ...x.shape]);
  const found = rmsNorm(given, { gain: tensor("D", weight.data) }, eps);
  assertNear(await read(found), y.data, 2e-5);
});

// ---- buckets

interface BucketFigures {
  num_buckets: number;
  max_distance: number;
  bidirectional: boolean;
  table: number[];
}

const { tables }: { tables: BucketFigures[] } = JSON.parse(
  await Deno.readTextFile(`${goldenRoot}/nonmodel/t5_buckets.json`),
);
for (const { num_buckets, max_distance, bidirectional, table } of tables) {
  const ways = bidirectional ? "both ways" : "one way";
  Deno.test(`golden t5_buckets: ${num_buckets} buckets ${ways} up to ${max_distance}`, () => {
    const rule = { count: num_buckets, furthest: max_distance, bothWays: bidirectional };
    const from = -(table.length - 1) / 2;
    assertEquals(table.map((_, i) => bucketOf(from + i, rule)), table);
  });
}

Deno.test("buckets never fall with distance, and there are exactly so many", () => {
  for (const bothWays of [true, false]) {
    const rule = { count: 32, furthest: 128, bothWays };
    const before = Array.from({ length: 300 }, (_, i) => bucketOf(-i, rule));
    assert(before.every((b, i) => i === 0 || b >= before[i - 1]));
    const all = new Set([...before, ...before.map((_, i) => bucketOf(i, rule))]);
    assertEquals(all.size, bothWays ? 31 : 32); // distance 0 has no twin after it
  }
});

onEveryDevice("relativeBias() is a number for each distance and head", async (on) => {
  const table = tensor("P H", [[0, 0], [1, 10], [2, 20], [3, 30]]);
  const bias = relativeBias(table, 2, 2, { furthest: 8, bothWays: true });
  assertEquals([...await read(bias)], [0, 3, 1, 0, 0, 30, 10, 0]);
  const learned = some("P H", [8, 2]), rule = { furthest: 16, bothWays: false };
  const slopes = gradients(weigh(relativeBias(learned, 4, 5, rule)), { learned });
  await assertAgrees({ bias: relativeBias(learned, 4, 5, rule), slopes }, on);
});

onEveryDevice("relativeBias() from a later start is the rest of the whole", async () => {
  const table = some("P H", [8, 2]), rule = { furthest: 16, bothWays: false };
  const whole = await read(relativeBias(table, 6, 6, rule));
  const last = await read(relativeBias(table, 1, 6, rule, 5));
  assertEquals([...last], [...whole.slice(30, 36), ...whole.slice(66, 72)]);
});

Deno.test("the trap: the encoder's rule in the decoder reads other rows", () => {
  const of = (bothWays: boolean) =>
    [0, -1, -5, -20].map((d) => bucketOf(d, { count: 32, furthest: 128, bothWays }));
  assertEquals(of(false), [0, 1, 5, 17]);
  assertEquals(of(true), [0, 1, 5, 10]);
});

Deno.test("too few buckets for the distances are refused", () => {
  const refused = (count: number, furthest: number, bothWays: boolean) =>
    assertThrows(() => bucketOf(1, { count, furthest, bothWays }), RangeError, "buckets");
  refused(3, 16, true);
  refused(1, 16, false);
  refused(32, 8, true);
});

// ---- cross-attention and the gate

onEveryDevice("crossAttention() of a text with itself is selfAttention()", async () => {
  const params = initialise(attentionParameters(8), randomKey(1), 0.5);
  const x = some("B T D", [2, 3, 8]);
  const found = crossAttention(x, keysAndValues(x, params, 2), params, 2);
  assertNear(await read(found.out), await read(selfAttention(x, params, 2).out), 1e-5);
});

/** Parameters whose numbers are given. */
const given = <D>(declared: D) =>
  instantiate(declared, ({ axes, shape }, path) => some(axes, [...shape], path.length));

onEveryDevice("crossAttention() agrees with the reference, gradients too", async (on) => {
  const params = {
    ...given(projectionsParameters(6, 8, false)),
    x: some("B T D", [2, 3, 6]),
    y: some("B T D", [2, 5, 6], 2),
  };
  const look = (p: typeof params) =>
    crossAttention(p.x, keysAndValues(p.y, p, 2), p, 2, { factor: 1 }).out;
  if (on.name === "reference") await assertGradients((p) => weigh(look(p)), params, 3);
  await assertAgrees({ out: look(params), slopes: gradients(weigh(look(params)), params) }, on);
});

Deno.test("crossAttention() refuses heads that do not divide the inner width", () => {
  const params = initialise(projectionsParameters(8, 9, false), randomKey(1));
  assertThrows(() => keysAndValues(some("B T D", [1, 2, 8]), params, 2), AxisError, "H·K is 9");
});

onEveryDevice("gatedFeedForward() without a gate is feedForward()", async () => {
  const params = initialise(feedForwardParameters(4, 6), randomKey(1), 0.5);
  const x = some("B T D", [2, 3, 4]);
  assertEquals(
    await read(gatedFeedForward(x, params, relu)),
    await read(feedForward(x, params, relu)),
  );
});

onEveryDevice("gatedFeedForward() agrees with the reference, gradients too", async (on) => {
  const declared = gatedParameters(4, 6, { gated: true, biases: true });
  const params = { ...given(declared), x: some("B T D", [2, 3, 4]) };
  const think = (p: typeof params) => gatedFeedForward(p.x, p, geluTanh);
  if (on.name === "reference") await assertGradients((p) => weigh(think(p)), params, 3);
  await assertAgrees({ y: think(params), slopes: gradients(weigh(think(params)), params) }, on);
});

Deno.test("the trap: bending the other way up gives other numbers", async () => {
  await device("reference");
  const params = initialise(gatedParameters(4, 6, { gated: true, biases: false }), randomKey(1), 1);
  const turned = { ...params, gate: params.up, up: params.gate! }, x = some("B T D", [1, 2, 4]);
  const [a, b] = await read([gatedFeedForward(x, params, relu), gatedFeedForward(x, turned, relu)]);
  assert(a.some((y, i) => Math.abs(y - b[i]) > 0.01));
});

onEveryDevice("normFirst and normLast leave what they say", async () => {
  const x = tensor("B T D", [[[1, 2]]]), double = (x: Tensor<"B T D">) => scale(x, 2);
  const first = normFirst.leave(x, normFirst.enter(x, double), double);
  const last = normLast.leave(x, normLast.enter(x, double), double);
  assertEquals([[...await read(first)], [...await read(last)]], [[3, 6], [4, 8]]);
});

// ---- the models

const sizes: EncoderDecoderSizes = {
  ...T5_TINY,
  vocabulary: 17,
  width: 8,
  heads: 2,
  headWidth: 3,
  inner: 12,
  positions: 12,
  furthest: 16,
};
const models: [EncoderDecoderSpec, EncoderDecoderSizes][] = [
  [T5, sizes],
  [T5_1_1, { ...sizes, decoderLayers: 1 }],
  [BART, { ...sizes, padding: 1, start: 2, end: 2 }],
  [MASS, { ...sizes, padding: 1, start: 4, end: 2 }],
];
const started = (spec: EncoderDecoderSpec, sizes: EncoderDecoderSizes) =>
  spec.layout === "t5"
    ? startT5(spec, sizes, randomKey(7))
    : initialise(encoderDecoderParameters(spec, sizes), randomKey(7), 0.4);
const rows = (ids: number[][]) => tensor("B T", ids);

for (const [spec, sizes] of models) {
  onEveryDevice(`${spec.name} is the same on every device, as are its gradients`, async (on) => {
    const params = started(spec, sizes), answer = rows([[7, 8, 9], [5, 2, ignored]]);
    const given = { ids: rows([[5, 6, 7], [8, 3, 0]]), mask: rows([[1, 1, 1], [1, 1, 0]]) };
    const source = readSource(spec, sizes, params, given);
    const written = { ids: shiftRight(answer, sizes) };
    const { last } = writeAnswer(spec, sizes, params, source, written);
    const scores = scoreTokens(spec, params, last);
    const slopes = gradients(add(weigh(scores), weigh(source.last)), params);
    await assertAgrees({ scores, slopes }, on, 2e-4);
  });

  onEveryDevice(
    `${spec.name} does not see padding in the source, nor what it writes next`,
    async () => {
      const params = await keep(started(spec, sizes));
      const write = async (source: number[][], mask: number[][], answer: number[][]) => {
        const found = readSource(spec, sizes, params, { ids: rows(source), mask: rows(mask) });
        return await read(writeAnswer(spec, sizes, params, found, { ids: rows(answer) }).last);
      };
      const plain = await write([[5, 6, 7]], [[1, 1, 1]], [[2, 9]]);
      assertNear(await write([[5, 6, 7, 11, 3]], [[1, 1, 1, 0, 0]], [[2, 9]]), plain, 5e-5);
      const longer = await write([[5, 6, 7]], [[1, 1, 1]], [[2, 9, 4, 3]]);
      assertNear(longer.slice(0, plain.length), plain, 5e-5);
      const other = await write([[5, 6, 8]], [[1, 1, 1]], [[2, 9]]);
      assert(other.some((x, i) => Math.abs(x - plain[i]) > 1e-3), "the source is looked at");
    },
  );

  onEveryDevice(`${spec.name} writes with a cache what it writes without`, async () => {
    const params = await keep(started(spec, sizes)), answer = [[2, 9, 4, 3], [2, 5, 5, 6]];
    const given = { ids: rows([[5, 6, 7], [8, 3, 0]]), mask: rows([[1, 1, 1], [1, 1, 0]]) };
    const source = readSource(spec, sizes, params, given);
    const whole = await read(writeAnswer(spec, sizes, params, source, { ids: rows(answer) }).last);
    const cache = await emptyCache(cacheSizes(sizes), 6, 2), found: number[][] = [[], []];
    for (const [from, to] of [[0, 2], [2, 3], [3, 4]]) {
      const ids = rows(answer.map((row) => row.slice(from, to)));
      const { last, cached } = writeAnswer(spec, sizes, params, source, { ids, cache });
      const values = await read(last, [[cache.layers, cached]]);
      cache.length += to - from;
      found.forEach((row, b) =>
        row.push(...values.subarray(b * values.length / 2, (b + 1) * values.length / 2))
      );
    }
    assertNear(found.flat(), whole, 5e-5);
  });
}

const published = {
  "T5-small": 60_506_624,
  "T5-base": 222_903_552,
  "T5-large": 737_668_096,
  "T5 v1.1-base": 247_577_856,
  "BART-base": 139_420_416,
  "BART-large": 406_291_456,
};
for (const [name, count] of Object.entries(published)) {
  Deno.test(`${name} has ${count} parameters`, () => {
    const [, spec, sizes] = encoderDecoders.find(([found]) => found === name)!;
    assertEquals(countParameters(encoderDecoderParameters(spec, sizes)), count);
  });
}

const lineage = [
  [T5, T5_1_1, ["gated", "activation", "output"]],
  [BART, MASS, ["objectives"]],
  [T5, BART, [
    ...["positions", "norm", "order", "biases", "scaled"],
    ...["activation", "output", "objectives"],
  ]],
] as const;
for (const [parent, child, keys] of lineage) {
  Deno.test(`${child.name} differs from ${parent.name} in ${keys.join(", ")}`, () => {
    assertEquals(changes(parent, child), [...keys]);
  });
}

onEveryDevice("a gradient reaches every parameter of T5", async () => {
  const params = startT5(T5, sizes, randomKey(7));
  const source = readSource(T5, sizes, params, { ids: rows([[5, 6, 7]]) });
  const { last } = writeAnswer(T5, sizes, params, source, { ids: rows([[0, 5, 9]]) });
  const slopes = await read(gradients(weigh(scoreTokens(T5, params, last)), params));
  for (const stack of [slopes.encoder, slopes.decoder]) {
    assert(stack.positions.some((g) => g !== 0));
    assert(stack.layers.every(({ attention }) => attention.query.weight.some((g) => g !== 0)));
  }
});

onEveryDevice(
  "dropout is there with a key, the same for the same key, and not without",
  async () => {
    const dropping = { ...sizes, dropout: 0.3 },
      params = await keep(startT5(T5, sizes, randomKey(7)));
    const run = async (seed?: number) => {
      const key = seed === undefined ? undefined : randomKey(seed);
      return await read(readSource(T5, dropping, params, { ids: rows([[5, 6, 7]]) }, key).last);
    };
    assertEquals(await run(3), await run(3));
    assert((await run(3)).some((x) => x === 0));
    assert(!(await run()).some((x) => x === 0));
  },
);

Deno.test("the trap: without D^−½ before the tied vectors T5 begins far too sure of itself", async () => {
  await device("reference");
  const params = startT5(T5, T5_TINY, randomKey(1)), x = some("B T D", [1, 4, T5_TINY.width]);
  const spread = async (spec: EncoderDecoderSpec) => {
    const scores = await read(scoreTokens(spec, params, x));
    return Math.hypot(...scores) / Math.sqrt(scores.length);
  };
  assert(await spread(T5) < 2);
  assert(await spread({ ...T5, output: BART.output }) > 8);
});

Deno.test("the trap: a decoder given the answer itself could copy it; shifted, it cannot", async () => {
  await device("reference");
  const answer = rows([[7, 8, 1], [9, 1, ignored]]);
  assertEquals([...await read(shiftRight(answer, { start: 5, padding: 3 }))], [5, 7, 8, 5, 9, 1]);
});

Deno.test("MASS tells the decoder at which places of the sentence it writes", async () => {
  await device("reference");
  const params = started(MASS, sizes), ids = rows([[4, 7]]);
  const source = readSource(MASS, sizes, params, { ids: rows([[5, 6]]) });
  const last = async (places?: Tensor<"B T">) =>
    await read(writeAnswer(MASS, sizes, params, source, { ids, places }).last);
  assertEquals(await last(rows([[0, 1]])), await last());
  assert((await last(rows([[4, 5]]))).some((x, i, all) => i === 0 || x !== all[i - 1]));
  const [moved, plain] = [await last(rows([[4, 5]])), await last()];
  assert(moved.some((x, i) => Math.abs(x - plain[i]) > 1e-3));
});

// ---- bad input

Deno.test("a text longer than BART's places, or empty, or another model's cache, is refused", async () => {
  await device("reference");
  const params = started(BART, sizes), ids = rows([Array(11).fill(5)]);
  const error = assertThrows(() => readSource(BART, sizes, params, { ids }), RangeError);
  assertStringIncludes(error.message, "11 tokens is longer than the 10 places");
  const none = () => readSource(BART, sizes, params, { ids: tensor("B T", [], [1, 0]) });
  assertStringIncludes(assertThrows(none, RangeError).message, "without a token");
  const short = readSource(BART, sizes, params, { ids: rows([[5]]) });
  const filled = await emptyCache(cacheSizes(sizes), 20);
  filled.length = 10;
  const goOn = () => writeAnswer(BART, sizes, params, short, { ids: rows([[5]]), cache: filled });
  assertStringIncludes(assertThrows(goOn, RangeError).message, "10 places of this BART");
  const t5 = startT5(T5, sizes, randomKey(1));
  const source = readSource(T5, sizes, t5, { ids: rows([[5]]) });
  const cache = await emptyCache({ layers: 3, heads: 2, width: 8 }, 4);
  const write = () => writeAnswer(T5, sizes, t5, source, { ids: rows([[0]]), cache });
  assertStringIncludes(assertThrows(write, RangeError).message, "another model");
});

Deno.test("a config.json that no T5 can be is refused by its key", () => {
  const refused = (config: Record<string, unknown>, part: string) =>
    assertThrows(() => t5Layout.read(config), RangeError, part);
  refused({ feed_forward_proj: "gated-silu" }, "gated-silu");
  refused({ d_model: 0 }, "d_model is 0");
  refused({ num_layers: 1.5 }, "num_layers is 1.5");
  const kind = "t5", odd = { kind, spec: { ...T5, activation: silu }, sizes } as const;
  assertThrows(() => t5Layout.write(odd), RangeError, "another activation");
  assertThrows(
    () => t5Layout.write({ kind, spec: BART, sizes: BART_BASE }),
    RangeError,
    "positions",
  );
});

Deno.test("a config.json that leaves out the decoder's layers means as many as the encoder's", () => {
  assertEquals(t5Layout.read({ num_layers: 5 }).sizes.decoderLayers, 5);
  assertEquals(t5Layout.read({ num_layers: 5, num_decoder_layers: 2 }).sizes.decoderLayers, 2);
  assertEquals(t5Layout.read({ feed_forward_proj: "gated-gelu" }).spec.output, T5.output);
});

for (const [spec, sizes] of models.slice(0, 2)) {
  Deno.test(`${spec.name} is loaded as it was saved, and as Hugging Face's own names it`, async () => {
    await device("wasm");
    const params = await keep(startT5(spec, sizes, randomKey(3)));
    const folder = `${await Deno.makeTempDir()}/t5`;
    await savePretrained(folder, { kind: "t5", spec, sizes, params });
    const again = await loadModel(folder, "t5");
    assertEquals([again.spec, again.sizes], [spec, sizes]);
    const scores = (p: typeof params) => {
      const source = readSource(spec, sizes, p, { ids: rows([[5, 6]]) });
      return read(writeAnswer(spec, sizes, p, source, { ids: rows([[0, 9]]) }).last);
    };
    assertEquals(await scores(again.params), await scores(params));
    await Deno.writeTextFile(`${folder}/config.json`, '{"model_type": "mt5"}');
    await assertRejects(() => loadModel(folder, "t5"), FileError, "mt5");
  });
}

Deno.test("a T5 takes its tokenizer along, sentinels and all", async () => {
  await device("wasm");
  const pieces: ScoredPiece[] = [["<pad>", 0, 3], ["</s>", 0, 3], ["<unk>", 0, 2], ["▁a", -1, 1]];
  const tokenizer = unigram(pieces, t5Style(3)), folder = `${await Deno.makeTempDir()}/t5`;
  await savePretrained(folder, {
    kind: "t5",
    spec: T5,
    sizes,
    params: startT5(T5, sizes, randomKey(3)),
    tokenizer,
  });
  const { vocabulary } = (await loadModel(folder, "t5")).tokenizer!;
  assertEquals(vocabulary.tokens.length, 4 + 3);
  assertEquals(vocabulary.tokens.at(-1), "<extra_id_0>");
});

Deno.test("the attention of an untrained T5 sums to one over the source", async () => {
  await device("reference");
  const params = startT5(T5, sizes, randomKey(1));
  const source = readSource(T5, sizes, params, { ids: rows([[5, 6, 7]]) });
  const { crossAttentions } = writeAnswer(T5, sizes, params, source, { ids: rows([[0, 9]]) });
  for (const weights of crossAttentions) {
    assertNear(await read(sum(weights, "Tk")), Array(4).fill(1), 1e-6);
  }
});
