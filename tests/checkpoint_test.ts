import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import {
  add,
  device,
  keep,
  type Key,
  multiply,
  normal,
  randomKey,
  read,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { readTraining, trainingFiles } from "../core/training/checkpoint.ts";
import {
  type Content,
  FileError,
  readJSON,
  writeAtomically,
  writeFolderAtomically,
} from "../core/training/files.ts";
import { linear } from "../core/training/learning_rate.ts";
import {
  DivergedError,
  startTraining,
  train,
  type Training,
  type TrainOptions,
} from "../core/training/loop.ts";
import { readSafetensors, safetensorsParts } from "../core/training/safetensors.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { classifyText, maskedLMLogits } from "../models/heads.ts";
import { type ModelParameters, modelParameters } from "../models/model.ts";
import { loadPretrained, type Pretrained, savePretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { maskedLM } from "../objectives/masked_language_model.ts";
import { nextSentence } from "../objectives/next_sentence.ts";
import { atPlaces } from "../objectives/objective.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, some } from "./numbers.ts";

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Two numbers that look for the middle of noise; `tied` is `centre` again. */
type Params = { centre: Tensor<"D">; tied: Tensor<"D">; scale: Tensor<""> };
const options: TrainOptions<Params, Tensor<"B D">> = {
  steps: 6,
  batch: (key) => [normal(key, "B D", [4, 3])],
  loss: ({ centre, tied, scale }, x) => {
    const away = subtract(subtract(x, centre), tied);
    return sum(square(multiply(away, scale)));
  },
  rate: linear({ peak: 0.1, steps: 10 }),
};

async function begin(): Promise<Training<Params>> {
  const centre = some("D", [3]);
  return startTraining(await keep({ centre, tied: centre, scale: tensor("", 0.5, []) }), 3);
}

async function run(training: Training<Params>, steps: number): Promise<Training<Params>> {
  for await (const _ of train(training, { ...options, steps }));
  return training;
}

onEveryDevice("a run that is saved and read goes on as if nothing had happened", async () => {
  await withFolder(async (folder) => {
    const whole = await run(await begin(), 6), half = await run(await begin(), 3);
    await writeFolderAtomically(folder, await trainingFiles(half));
    const resumed = await readTraining(folder, half.params);
    assertEquals([resumed.step, resumed.seed, resumed.losses], [3, 3, half.losses]);
    assert(resumed.state.mean.centre === resumed.state.mean.tied);
    await run(resumed, 6);
    assertNear(resumed.losses, whole.losses, 1e-6); // the reference saves 32 of its 64 bits
    assertNear((await read(resumed.params)).centre, (await read(whole.params)).centre, 1e-6);
  });
});

onEveryDevice("a checkpoint is that of the moment at which it was asked for", async () => {
  const training = await run(await begin(), 2), then = await read(training.state.mean.centre);
  const asked = trainingFiles(training);
  await run(training, 4);
  await withFolder(async (folder) => {
    await writeFolderAtomically(folder, await asked);
    const { step, losses, state } = await readTraining(folder, training.params);
    assertEquals([step, losses.length], [2, 2]);
    assertNear(await read(state.mean.centre), then, 1e-7);
  });
});

onEveryDevice("a run that diverges leaves its last checkpoint as it was", async () => {
  await withFolder(async (folder) => {
    const training = await begin(), files = () => Deno.readFile(`${folder}/optimizer.safetensors`);
    const batch = (key: Key, step: number) => [
      normal(key, "B D", [4, 3], step === 4 ? Infinity : 1),
    ];
    let last: unknown;
    await assertRejects(
      async () => {
        for await (const { step } of train(training, { ...options, batch })) {
          if (step !== 2) continue;
          await writeFolderAtomically(folder, await trainingFiles(training));
          last = await files();
        }
      },
      DivergedError,
      "step 4",
    );
    assertEquals(await files(), last);
    assertEquals((await readTraining(folder, training.params)).step, 2);
    // What is on the device is that of step 3, and can be saved, too.
    await writeFolderAtomically(folder, await trainingFiles(training));
    assertEquals((await readTraining(folder, training.params)).step, 3);
  });
});

Deno.test("a checkpoint lists each distinct parameter once, with its path", async () => {
  await device("wasm");
  await withFolder(async (folder) => {
    await writeFolderAtomically(folder, await trainingFiles(await begin()));
    const { tensors } = await readSafetensors(`${folder}/optimizer.safetensors`);
    assertEquals([...tensors.keys()].sort(), [
      "mean.centre",
      "mean.scale",
      "square.centre",
      "square.scale",
    ]);
  });
});

Deno.test("a memory that is not finite is not saved", async () => {
  await device("wasm");
  const training = await begin();
  await read({}, [[training.state.mean.centre, tensor("D", [1, NaN, 2])]]);
  await assertRejects(
    () => trainingFiles(training),
    FileError,
    '"mean.centre" holds NaN at index 1',
  );
});

Deno.test("a damaged or foreign checkpoint of a run is refused by name", async () => {
  await device("wasm");
  const training = await run(await begin(), 2);
  const sound = await trainingFiles(training);
  const refused = (files: Record<string, Content>, message: string) =>
    withFolder(async (folder) => {
      await writeFolderAtomically(folder, { ...sound, ...files });
      await assertRejects(() => readTraining(folder, training.params), FileError, message);
    });
  const json = JSON.parse(sound["training.json"] as string);
  for (
    const [change, message] of [
      [{ format: "other" }, "is no run of training"],
      [{ step: -1 }, "has the step -1"],
      [{ step: "2" }, 'has the step "2"'],
      [{ seed: 0.5 }, "has the seed 0.5"],
      [{ losses: [1] }, "no list of losses"],
      [{ losses: [1, null] }, "no list of losses"],
    ] as const
  ) await refused({ "training.json": JSON.stringify({ ...json, ...change }) }, message);
  await refused({ "training.json": "null" }, "is no run of training");
  await refused({ "training.json": "{" }, "not valid JSON");
  const zero = { shape: [3], data: new Float32Array(3) };
  const one = { shape: [], data: new Float32Array(1) };
  const names = new Map([["mean.centre", zero], ["mean.scale", one], ["square.centre", zero]]);
  const state = (changed: typeof names) => ({ "optimizer.safetensors": safetensorsParts(changed) });
  await refused(state(names), 'lacks "square.scale"');
  await refused(state(new Map([...names, ["square.scale", zero]])), 'holds "square.scale" of 3');
  const more = new Map([...names, ["square.scale", one], ["mean.else", one]] as const);
  await refused(state(more), 'holds "mean.else"');
  await refused({ "optimizer.safetensors": new Uint8Array(3) }, "optimizer.safetensors");
});

Deno.test("a folder without a run of training is refused by name", async () => {
  await device("wasm");
  const { params } = await begin();
  await withFolder(async (folder) => {
    await assertRejects(() => readTraining(folder, params), FileError, "training.json");
    await writeAtomically(`${folder}/training.json`, "[]");
    await assertRejects(() => readTraining(folder, params), FileError, "is no run");
  });
});

// A small BERT with everything that pre-training has: two tasks, dropout, warm-up, clipping.
const words = [..."abcdefghijklmnopqrstuvwxyz"];
const vocabulary = parseVocabulary(
  ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words].join("\n"),
);
const tasks = {
  words: maskedLM(vocabulary),
  sentences: nextSentence(wordPiece(vocabulary), { maxLength: 24 }),
};
const documents = words.slice(0, 4).map((_, n) =>
  words.slice(n, n + 6).map((_, m) => words.slice(n + m, n + m + 5).join(" "))
);
const sizes = {
  ...BERT_TINY,
  vocabulary: vocabulary.tokens.length,
  positions: 24,
  width: 16,
  inner: 32,
};
const heads = { maskedLM: true, nextSentence: true };

function drawBatch(key: Key) {
  const pairs = tasks.sentences.corrupt(documents, key);
  return [{ pairs, masked: tasks.words.corrupt(pairs.batch, key.derive(documents.length)) }];
}

const pretraining: TrainOptions<ModelParameters, ReturnType<typeof drawBatch>[0]> = {
  steps: 6,
  batch: drawBatch,
  loss: (params, { pairs, masked }, key) => {
    const { encoder, maskedLM: head, nextSentence: classifier } = params;
    const { last, pooled } = encode(BERT, sizes, encoder, masked.inputs, key);
    const picked = atPlaces(last, masked.targets.places), { epsilon } = sizes;
    const scores = maskedLMLogits(picked, head!, encoder.embedding.word, BERT.activation, epsilon);
    const ofWords = tasks.words.loss(scores, masked.targets);
    return add(ofWords, tasks.sentences.loss(classifyText(pooled!, classifier!), pairs.targets));
  },
  rate: linear({ peak: 1e-2, warmup: 3, steps: 10 }),
};

async function freshBert(): Promise<Pretrained> {
  const params = await keep(initialise(modelParameters(BERT, sizes, heads), randomKey(1)));
  return { spec: BERT, sizes, heads, params, tokenizer: wordPiece(vocabulary) };
}

Deno.test("a BERT in pre-training, saved and loaded, has the same losses digit for digit [wasm]", async () => {
  await device("wasm");
  const whole = await startTraining((await freshBert()).params, 9);
  for await (const _ of train(whole, pretraining));
  const model = await freshBert(), half = await startTraining(model.params, 9);
  for await (const _ of train(half, { ...pretraining, steps: 3 }));
  await withFolder(async (folder) => {
    await savePretrained(folder, model, await trainingFiles(half));
    const loaded = await loadPretrained(folder);
    const resumed = await readTraining(folder, loaded.params);
    for await (const _ of train(resumed, pretraining));
    assertEquals(resumed.losses, whole.losses);
    assertEquals(await read(resumed.params), await read(whole.params));
    assertNotEquals(resumed.losses[5], resumed.losses[2]);
    const { losses } = await readJSON(`${folder}/training.json`) as { losses: number[] };
    assertEquals(losses, whole.losses.slice(0, 3));
  });
});
