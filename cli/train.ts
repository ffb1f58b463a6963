/** `deno task train`: pre-train a BERT or a GPT on text files, with checkpoints that a kill cannot break. */
import { exceptBiasesAndNorms } from "../core/training/adamw.ts";
import { readTraining, trainingFiles } from "../core/training/checkpoint.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train, type Training } from "../core/training/loop.ts";
import { progress } from "../drawing/progress.ts";
import type { ModelParameters } from "../models/model.ts";
import { loadPretrained, type Pretrained, savePretrained } from "../models/pretrained.ts";
import type { Sentences } from "../objectives/next_sentence.ts";
import { chooseDevice, type Command, deviceOption, main, UsageError, whole } from "./command.ts";
import { readCorpus } from "./corpus.ts";
import { stopOnInterrupt } from "./interrupt.ts";
import { kindOf, kinds } from "./kinds.ts";

const options = {
  kind: { about: Object.keys(kinds).join(" or "), otherwise: "bert" },
  corpus: { about: "text files; more may follow the options", otherwise: undefined },
  "held-out": { about: "a text file that is not trained on, to judge by", otherwise: undefined },
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

const command: Command<typeof options> = {
  name: "train",
  about:
    "Pre-train on plain text: a BERT on masked words and next sentences, a GPT on the next word.\n" +
    "The same seed gives the same losses; a run that was stopped goes on with --resume as if it\n" +
    "had not been. A GPT is judged beside an n-gram that counts the same tokens.",
  usage: "[--kind gpt] --corpus FILES --steps N --out DIR [--resume]",
  options,
  async run(given, rest) {
    if (!given.corpus) throw new UsageError("which text? Give --corpus FILES");
    if (!given.out) throw new UsageError("where should the checkpoint go? Give --out DIR");
    const steps = whole("steps", given.steps), every = whole("save-every", given["save-every"]);
    if (!(given.rate > 0)) throw new UsageError(`--rate is ${given.rate}, not above 0`);
    const documents = await readCorpus([given.corpus, ...rest]);
    await chooseDevice(given.device);
    const unseen = given["held-out"] ? await readCorpus([given["held-out"]]) : undefined;
    const { model, training } = given.resume
      ? await resume(given.out)
      : await begin(given, documents);
    const { length } = model.tokenizer!.vocabulary.tokens;
    console.log(`${documents.length} documents, ${length} tokens in the vocabulary`);
    const kind = kinds[kindOf(model)];
    const lessons = kind.lessons(model, documents, whole("batch", given.batch));
    const save = async () => await savePretrained(given.out!, model, await trainingFiles(training));
    if (!given.resume) await save(); // a folder that cannot be written says so before the work
    const report = progress("pre-training", steps);
    const stop = stopOnInterrupt();
    for await (
      const { step, loss } of train(training, {
        steps,
        ...lessons,
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
    if (unseen) console.log(`held out: ${await kind.judge(model, unseen, documents)}`);
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
  documents: readonly Sentences[],
): Promise<Run> {
  if (!Object.hasOwn(kinds, given.kind)) {
    throw new UsageError(`--kind is "${given.kind}", not one of: ${Object.keys(kinds).join(", ")}`);
  }
  const seed = whole("seed", given.seed, 0);
  const model = await kinds[given.kind as keyof typeof kinds].begin(documents, {
    vocabulary: whole("vocabulary", given.vocabulary),
    length: whole("length", given.length, 8),
    layers: whole("layers", given.layers),
    width: whole("width", given.width),
    heads: whole("heads", given.heads),
    seed,
  });
  return { model, training: await startTraining(model.params, seed) };
}

if (import.meta.main) await main(command);
