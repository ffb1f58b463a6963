/** `deno task train`: pre-train a BERT on text files, with checkpoints that a kill cannot break. */
import { initialise } from "../core/parameters.ts";
import { keep, randomKey } from "../core/tensor/mod.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { readTraining, trainingFiles } from "../core/training/checkpoint.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train, type Training } from "../core/training/loop.ts";
import { progress } from "../drawing/progress.ts";
import { BERT, BERT_BASE } from "../models/bert.ts";
import { type ModelParameters, modelParameters } from "../models/model.ts";
import { loadPretrained, type Pretrained, savePretrained } from "../models/pretrained.ts";
import { chooseDevice, type Command, deviceOption, main, UsageError, whole } from "./command.ts";
import { readCorpus } from "./corpus.ts";
import { stopOnInterrupt } from "./interrupt.ts";
import { pretraining } from "./pretraining.ts";

const options = {
  corpus: { about: "text files; more may follow the options", otherwise: undefined },
  steps: { about: "steps in all, those before a --resume included", otherwise: 1000 },
  out: { about: "folder of the checkpoint", otherwise: undefined },
  resume: { about: "go on from the checkpoint in --out", otherwise: false },
  layers: { about: "layers of the model", otherwise: 4 },
  width: { about: "width of the model", otherwise: 128 },
  heads: { about: "attention heads", otherwise: 4 },
  vocabulary: { about: "most tokens in the vocabulary", otherwise: 4000 },
  length: { about: "tokens in a text", otherwise: 64 },
  batch: { about: "texts in a step", otherwise: 16 },
  rate: { about: "highest learning rate", otherwise: 5e-4 },
  "save-every": { about: "steps from checkpoint to checkpoint", otherwise: 100 },
  seed: { about: "of parameters, batches and dropout", otherwise: 1 },
  ...deviceOption,
} as const;

const heads = { maskedLM: true, nextSentence: true };

const command: Command<typeof options> = {
  name: "train",
  about:
    "Pre-train a BERT on plain text: masked words and next sentences. The same seed gives the\n" +
    "same losses; a run that was stopped goes on with --resume as if it had not been.",
  usage: "--corpus FILES --steps N --out DIR [--resume]",
  options,
  async run(given, rest) {
    if (!given.corpus) throw new UsageError("which text? Give --corpus FILES");
    if (!given.out) throw new UsageError("where should the checkpoint go? Give --out DIR");
    const steps = whole("steps", given.steps), every = whole("save-every", given["save-every"]);
    const documents = await readCorpus([given.corpus, ...rest]);
    await chooseDevice(given.device);
    const { model, training } = given.resume
      ? await resume(given.out)
      : await begin(given, documents.flat());
    const { spec, sizes, tokenizer } = model;
    const { length } = tokenizer!.vocabulary.tokens;
    console.log(`${documents.length} documents, ${length} tokens in the vocabulary`);
    const shape = { batch: whole("batch", given.batch), length: sizes.positions };
    const lessons = pretraining(spec, sizes, tokenizer!, shape);
    const save = async () => await savePretrained(given.out!, model, await trainingFiles(training));
    if (!given.resume) await save(); // a folder that cannot be written says so before the work
    const report = progress("pre-training", steps);
    const stop = stopOnInterrupt();
    for await (
      const { step, loss } of train(training, {
        steps,
        batch: (key) => [lessons.lesson(documents, key)],
        loss: (params, lesson, key) => lessons.loss(params, lesson, key).total,
        rate: linear({ peak: given.rate, warmup: Math.ceil(steps / 10), steps }),
        adamw: { decays: exceptBiasesAndNorms },
      })
    ) {
      await report.at(step, `loss ${loss.toFixed(4)}`);
      if (stop.asked || step % every === 0 || step === steps) await save();
      if (stop.asked) break;
    }
    await report.done();
    const { losses } = training;
    console.log(`step ${training.step}: loss ${losses.at(-1)}; checkpoint in ${given.out}`);
    if (stop.asked) Deno.exit(130);
  },
};

type Run = { model: Pretrained; training: Training<ModelParameters> };

async function resume(folder: string): Promise<Run> {
  const model = await loadPretrained(folder);
  if (!model.tokenizer) {
    throw new UsageError(`${folder} has no files of a tokenizer: it is not of a training`);
  }
  return { model, training: await readTraining(folder, model.params) };
}

async function begin(
  given: Parameters<typeof command.run>[0],
  sentences: readonly string[],
): Promise<Run> {
  const vocabulary = trainWordPiece(sentences, {
    vocabSize: whole("vocabulary", given.vocabulary),
  });
  const sizes = {
    ...BERT_BASE,
    vocabulary: vocabulary.tokens.length,
    positions: whole("length", given.length, 8),
    layers: whole("layers", given.layers),
    width: whole("width", given.width),
    heads: whole("heads", given.heads),
    inner: 4 * given.width,
    padding: vocabulary.special.pad,
  };
  const seed = whole("seed", given.seed, 0);
  const params = await keep(initialise(modelParameters(BERT, sizes, heads), randomKey(seed)));
  const model = { spec: BERT, sizes, heads, params, tokenizer: wordPiece(vocabulary) };
  return { model, training: await startTraining(params, seed) };
}

if (import.meta.main) await main(command);
