/** Generation: golden continuations, each way to choose, what is held back, what is refused. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { device, keep, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { byteBPE } from "../core/text/byte_bpe.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";
import { searchBeams } from "../generation/beam_search.ts";
import { fillIn, fillText } from "../generation/fill_in.ts";
import { continueAll, generate } from "../generation/generate.ts";
import {
  drawn,
  type GenerationOptions,
  methodOf,
  penalised,
  probabilities,
} from "../generation/options.ts";
import { write } from "../generation/write.ts";
import { beginWriting } from "../generation/writing.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { GPT } from "../models/gpt.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { gpt2Family, gptFamily } from "../models/huggingface/gpt.ts";
import { modelParameters, nameTokens } from "../models/model.ts";
import { loadPretrained, type Pretrained } from "../models/pretrained.ts";
import { encode, type ModelSpec } from "../models/spec.ts";
import { onEveryDevice } from "./devices.ts";
import { type GoldenModel, goldenModels, goldenRoot } from "./golden_models.ts";
import { assertNear } from "./numbers.ts";

const languageModels = [gptFamily, gpt2Family].map(({ spec }) => spec.layout);

for (const name of goldenModels(languageModels)) {
  const folder = `${goldenRoot}/models/${name}`;
  const { greedy }: GoldenModel = JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));
  if (!greedy) continue;
  onEveryDevice(`golden ${name}: the greedy continuation, token by token`, async () => {
    const model = await loadPretrained(folder), prompt = 4;
    for (const wanted of greedy.prompt_and_continuation) {
      const options = { greedy: true, maxTokens: wanted.length - prompt };
      for (const cache of [true, false]) {
        const found = await all(model, wanted.slice(0, prompt), options, cache);
        assertEquals(found, wanted.slice(prompt), `cache: ${cache}`);
      }
    }
    const prompts = greedy.prompt_and_continuation.map((ids) => ids.slice(0, prompt));
    const together = await continueAll(model, prompts, { maxTokens: 8 });
    assertEquals(together, greedy.prompt_and_continuation.map((ids) => ids.slice(prompt)));
  });
}

async function all(
  model: Pretrained,
  prompt: readonly number[],
  options: GenerationOptions = {},
  cache = true,
): Promise<number[]> {
  return await Array.fromAsync(generate(model, prompt, options, { cache }));
}

const sizes = {
  ...GPT2_TINY,
  vocabulary: 7,
  positions: 40,
  width: 16,
  heads: 2,
  inner: 24,
  layers: 2,
};
const heads = { languageModel: true };

async function made(spec: ModelSpec = GPT2, more: Partial<typeof sizes> = {}): Promise<Pretrained> {
  const own = { ...sizes, ...more };
  const params = await keep(initialise(modelParameters(spec, own, heads), randomKey(5), 0.6));
  return { spec, sizes: own, heads, params };
}

onEveryDevice(
  "with and without a cache the same is written, across blocks of positions",
  async () => {
    for (const spec of [GPT, GPT2]) {
      const model = await made(spec), options = { temperature: 1.3, seed: 4, maxTokens: 30 };
      const prompt = [1, 5, 2, 6, 3];
      assertEquals(await all(model, prompt, options), await all(model, prompt, options, false));
    }
  },
);

onEveryDevice("prompts of unequal length together say what each says alone", async () => {
  const model = await made(), prompts = [[1, 5, 2, 6], [3], [4, 4]];
  const alone = await Promise.all(prompts.map((p) => all(model, p, { maxTokens: 6 })));
  assertEquals(await continueAll(model, prompts, { maxTokens: 6 }), alone);
});

onEveryDevice(
  "by chance, a text is written as if it were alone, whatever the others are",
  async () => {
    const model = await made(), options = { temperature: 1.5, topK: 5, topP: 0.95, seed: 3 };
    const some = { ...options, maxTokens: 12, repetitionPenalty: 1.2 };
    const [first, second] = await continueAll(model, [[1, 5, 2, 6], [3]], some);
    assertEquals(first, await all(model, [1, 5, 2, 6], some)); // the first has the key of `generate`
    assertEquals((await continueAll(model, [[2], [3], [4]], some))[1], second);
    const end = first[4],
      until = (ids: number[]) => ids.includes(end) ? ids.slice(0, ids.indexOf(end)) : ids;
    const ended = await continueAll(model, [[1, 5, 2, 6], [3]], { ...some, end: [end] });
    assertEquals(ended, [until(first), until(second)]);
    const alike = await continueAll(model, [[3], [3], [3]], some);
    assert(
      new Set(alike.map(String)).size > 1,
      "texts with the same prompt have chances of their own",
    );
  },
);

onEveryDevice("a continuation ends where the positions end", async () => {
  const model = await made(GPT2, { positions: 12 });
  assertEquals((await all(model, [1, 2, 3])).length, 9);
  assertEquals((await all(model, Array(11).fill(1))).length, 1);
  assertEquals((await all(model, Array(12).fill(1))).length, 0);
});

Deno.test("temperature, top-k and top-p by hand", () => {
  const scores = [0.5, 0.3, 0.15, 0.05].map(Math.log);
  const near = (options: GenerationOptions, wanted: number[]) =>
    assertNear(probabilities(scores, options), wanted, 1e-12, JSON.stringify(options));
  near({}, [0.5, 0.3, 0.15, 0.05]);
  const squares = [0.25, 0.09, 0.0225, 0.0025], sum = squares.reduce((a, b) => a + b);
  near({ temperature: 0.5 }, squares.map((p) => p / sum));
  near({ topK: 2 }, [0.625, 0.375, 0, 0]);
  near({ topK: 9 }, [0.5, 0.3, 0.15, 0.05]);
  near({ topP: 0.5 }, [1, 0, 0, 0]);
  near({ topP: 0.51 }, [0.625, 0.375, 0, 0]);
  near({ topK: 2, topP: 0.6 }, [1, 0, 0, 0]); // top-p is of what top-k left
  near({ topP: 1 }, [0.5, 0.3, 0.15, 0.05]);
});

Deno.test("draws follow the probabilities, and never fall on what was cut off", () => {
  const chances = [0.2, 0, 0.5, 0.3], counts = [0, 0, 0, 0], key = randomKey(3);
  for (let i = 0; i < 20_000; i++) counts[drawn(chances, key.number(i))]++;
  assertEquals(counts[1], 0);
  chances.forEach((p, id) => assert(Math.abs(counts[id] / 20_000 - p) < 0.015));
  assertEquals(drawn([0.3, 0.3, 0], 0.99), 1);
});

Deno.test("a penalty makes what was written less likely, whatever its sign", () => {
  assertEquals([...penalised([3, -3, 3, -3], [0, 1, 1], 1.5)], [2, -4.5, 3, -3]);
});

Deno.test("a repetition penalty breaks a circle", async () => {
  await device("reference");
  const model = await made(GPT2, { vocabulary: 60 });
  const plain = await all(model, [1, 2], { maxTokens: 20 });
  const penalty = await all(model, [1, 2], { maxTokens: 20, repetitionPenalty: 3 });
  assert(new Set(penalty).size > new Set(plain).size, `${penalty} against ${plain}`);
});

Deno.test("one seed writes one text, another another", async () => {
  await device("reference");
  const model = await made(), run = (seed: number) => all(model, [1, 2], { topP: 1, seed });
  assertEquals(await run(1), await run(1));
  assert((await run(1)).join() !== (await run(2)).join());
});

Deno.test("one beam is greedy, all beams find the likeliest text of all", async () => {
  await device("reference");
  const model = await made(), prompt = [1, 2], length = 3;
  const greedy = await all(model, prompt, { maxTokens: 8 });
  assertEquals(await all(model, prompt, { maxTokens: 8, beams: 1 }), greedy);
  const { ids, logProbability } = await searchBeams(model, prompt, {
    beams: 49,
    maxTokens: length,
  });
  const best = await likeliestText(model, prompt, length);
  assertEquals(ids, best.ids);
  assertNear([logProbability], [best.log], 1e-5);
});

/** The likeliest of all texts of a length. */
async function likeliestText(model: Pretrained, prompt: number[], length: number) {
  const { spec, params } = model, { vocabulary: V } = model.sizes, count = V ** length;
  const texts = Array.from(
    { length: count },
    (_, n) => Array.from({ length }, (_, i) => Math.floor(n / V ** i) % V),
  );
  const rows = texts.map((ids) => [...prompt, ...ids]);
  const { last } = encode(spec, model.sizes, params.encoder, { ids: tensor("B T", rows) });
  const flat = await read(nameTokens(spec, model.sizes, params, last)), T = rows[0].length;
  const logs = texts.map((ids, b) =>
    ids.reduce((sum, id, i) => {
      const at = (b * T + prompt.length - 1 + i) * V;
      return sum + Math.log(probabilities(flat.subarray(at, at + V))[id]);
    }, 0)
  );
  const log = Math.max(...logs);
  return { ids: texts[logs.indexOf(log)], log };
}

Deno.test("beams that end early win by their length's mean; the end is not given", async () => {
  await device("reference");
  const model = await made(), options = { beams: 4, maxTokens: 6, end: [0, 3] };
  const { ids } = await searchBeams(model, [1, 2], options);
  assert(!ids.includes(0) && !ids.includes(3));
  assertEquals(ids, (await searchBeams(model, [1, 2], options, { cache: false })).ids);
});

Deno.test("options that contradict each other or are out of range are refused by name", () => {
  const refused = (options: GenerationOptions, ...said: string[]) => {
    const { message } = assertThrows(() => methodOf(options), RangeError);
    for (const part of said) assertStringIncludes(message, part);
  };
  refused({ greedy: true, temperature: 0.5 }, "greedy and temperature");
  refused({ greedy: true, beams: 2 }, "greedy and beams");
  refused({ beams: 3, topP: 0.5 }, "beams and topP");
  refused({ topP: 0 }, "topP is 0");
  refused({ topP: 1.1 }, "topP is 1.1");
  refused({ temperature: 0 }, "temperature is 0", "greedy");
  refused({ temperature: NaN }, "temperature is NaN");
  refused({ topK: 0 }, "topK is 0");
  refused({ topK: 1.5 }, "topK is 1.5");
  refused({ beams: 0 }, "beams is 0");
  refused({ repetitionPenalty: 0 }, "repetitionPenalty is 0");
  refused({ maxTokens: 0 }, "maxTokens is 0");
  assertEquals(methodOf({ greedy: true }), "greedy");
  assertEquals(methodOf({ beams: 2 }), "beams");
});

Deno.test("prompts that cannot be gone on with are refused", async () => {
  await device("reference");
  const model = await made();
  await assertRejects(() => all(model, []), RangeError, "prompt is empty");
  await assertRejects(() => all(model, Array(41).fill(1)), RangeError, "41 tokens");
  const beams = { beams: 2, maxTokens: 3 };
  await assertRejects(() => searchBeams(model, [], beams), RangeError, "prompt is empty");
  await assertRejects(() => searchBeams(model, Array(41).fill(1), beams), RangeError, "41 tokens");
  await assertRejects(() => beginWriting(model, []), RangeError, "no prompt");
  await assertRejects(() => continueAll(model, [[1], []], { maxTokens: 1 }), RangeError, "empty");
  await assertRejects(() => continueAll(model, [[1]], beams), RangeError, "one text");
  const writing = await beginWriting(model, [[1], [2]]);
  await writing.append([1, 2]);
  for (
    const [ids, said] of [[[1, 99], "no token 99"], [[1, 0.5], "no token 0.5"], [[1], "1 tokens"]]
  ) {
    await assertRejects(() => writing.append(ids as number[]), RangeError, said as string);
  }
  for (const maxTokens of [0, -1, 1.5]) {
    await assertRejects(() => continueAll(model, [[1]], { maxTokens }), RangeError, "maxTokens is");
  }
  await assertRejects(() => Array.fromAsync(write(model, "a")), Error, "no tokenizer");
  const { languageModel: _, ...bare } = model.params;
  await assertRejects(() => all({ ...model, params: bare }, [1]), Error, "no language-model head");
});

onEveryDevice(
  "texts of unequal length are gone on with, and chosen among, as without a cache",
  async () => {
    const model = await made(), prompts = [[3, 1, 4], [1], [5, 0, 2, 6, 5]];
    const [remembering, rereading] = await Promise.all(
      [true, false].map((cache) => beginWriting(model, prompts, { room: 9, cache })),
    );
    const alike = () => {
      const [found, wanted] = [remembering, rereading].map(({ scores }) =>
        scores.flatMap((s) => [...s])
      );
      assertNear(found, wanted, 1e-5);
    };
    alike();
    for (const ids of [[6, 5, 4], [2, 0, 3], [1, 1, 2]]) {
      for (const writing of [remembering, rereading]) await writing.append(ids);
      alike();
      for (const writing of [remembering, rereading]) await writing.choose([2, 0, 0]);
      alike();
    }
  },
);

/** A model that says one token after another, whatever it reads: text without training. */
async function saying(text: string) {
  await device("reference");
  const tokenizer = byteBPE(trainByteBPE(["une épée, ein Löffel"], { vocabSize: 257 }));
  const said = tokenizer.encode(text).map(({ id }) => id);
  const own = { ...sizes, vocabulary: 257, width: 64, inner: 8, layers: 1 };
  const model = await made(GPT2, own), { word, position } = model.params.encoder.embedding;
  // Position t points to the token that is said after it: codes by chance, and a network of zeros.
  const code = (n: number) => Array.from({ length: 64 }, (_, d) => randomKey(n).number(d) - 0.5);
  const words = Array.from({ length: 257 }, (_, id) => code(id));
  const places = Array.from({ length: 40 }, (_, t) => code(said[t] ?? 0).map((x) => 1e3 * x));
  const values: [typeof word | typeof position, number[][]][] = [[word, words], [position, places]];
  for (const [target, rows] of values) {
    await read([], [[target, tensor(target.axes.join(" "), rows)]]);
  }
  const [layer] = model.params.encoder.layers;
  for (const { weight } of [layer.attention.output, layer.feedForward.down]) {
    await read([], [[
      weight,
      tensor(weight.axes.join(" "), Array(weight.elements).fill(0), weight.shape),
    ]]);
  }
  return { ...model, tokenizer };
}

Deno.test("text comes whole: letters that are cut are held back", async () => {
  const model = await saying("une épée ici");
  const pieces = await Array.fromAsync(write(model, "x", { maxTokens: 14 }));
  assertEquals(pieces.join("").slice(0, 12), "une épée ici");
  assert(pieces.every((piece) => !piece.includes("\uFFFD")), JSON.stringify(pieces));
  assert(pieces.length > 8);
});

Deno.test("text ends before a stop string, of which nothing is given", async () => {
  const model = await saying("a boat. No, two boats");
  const run = async (...stop: string[]) =>
    (await Array.fromAsync(write(model, "x", { maxTokens: 21, stop }))).join("");
  assertEquals(await run(". N"), "a boat");
  assertEquals(await run("oats", "o, "), "a boat. N");
  assertEquals(await run("boats!"), "a boat. No, two boats");
  await assertRejects(() => run(""), RangeError, "empty stop");
});

Deno.test("a masked model fills its gaps one by one, the surest first", async () => {
  await device("reference");
  const own = { ...BERT_TINY, vocabulary: 9, width: 8, heads: 2, inner: 8, layers: 1 };
  const params = await keep(
    initialise(modelParameters(BERT, own, { maskedLM: true }), randomKey(2), 1),
  );
  const model = { spec: BERT, sizes: own, heads: { maskedLM: true }, params };
  const steps = await Array.fromAsync(
    fillIn(model, [1, 4, 7, 4, 4, 2], { mask: 4, never: [4, 0] }),
  );
  assertEquals(steps.map((s) => s.position).sort(), [1, 3, 4]);
  const { ids } = steps.at(-1)!;
  assert(!ids.includes(4) && !ids.includes(0));
  assertEquals([ids[0], ids[2], ids[5]], [1, 7, 2]);
  const words = async (options: Partial<Parameters<typeof fillIn>[2]>) => {
    const text = [1, 4, 4, 4, 4, 2], asked = { mask: 4, never: [4], ...options };
    return (await Array.fromAsync(fillIn(model, text, asked))).map(({ id }) => id);
  };
  assertEquals((await words({ maxTokens: 2 })).length, 2);
  const [plain, penalty] = [await words({}), await words({ repetitionPenalty: 5 })];
  assert(new Set(penalty).size > new Set(plain).size, `${penalty} against ${plain}`);
  await assertRejects(
    () => Array.fromAsync(fillIn(model, [1, 2], { mask: 4 })),
    RangeError,
    "no gap",
  );
  await assertRejects(
    () => Array.fromAsync(fillIn(model, Array(own.positions + 1).fill(4), { mask: 4 })),
    RangeError,
    `longer than the ${own.positions} positions`,
  );
  const refused = (options: Partial<Parameters<typeof fillIn>[2]>, said: string, of = model) =>
    assertRejects(() => Array.fromAsync(fillIn(of, [4], { mask: 4, ...options })), Error, said);
  await refused({ beams: 2 }, "beams");
  await refused({ never: [...Array(9).keys()] }, "every token");
  await assertRejects(() => Array.fromAsync(fillText(model, "a")), Error, "no tokenizer");
  const { maskedLM: _, ...bare } = params;
  await refused({}, "no masked-LM head", { ...model, params: bare });
});
