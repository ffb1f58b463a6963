/** `deno task train`: pre-train a BERT or a GPT on text files, with checkpoints that a kill cannot break. */
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
import { kinds } from "./kinds.ts";
import {
  askedIn,
  savedSettings,
  SETTINGS,
  type Settings,
  settingsFor,
  usually,
} from "./settings.ts";

/** An option whose usual value depends on the kind. */
const byKind = (name: Parameters<typeof usually>[0], about: string) => ({
  about: `${about} ${usually(name)}`,
  otherwise: undefined,
});

const options = {
  kind: { about: `${Object.keys(kinds).join(" or ")} (bert)`, otherwise: undefined },
  corpus: { about: "text files; more may follow the options", otherwise: undefined },
  "held-out": { about: "a text file that is not trained on, to judge by", otherwise: undefined },
  steps: byKind("steps", "steps in all, those before a --resume included"),
  out: { about: "folder of the checkpoint", otherwise: undefined },
  resume: { about: "go on from the checkpoint in --out, as it was begun", otherwise: false },
  layers: byKind("layers", "layers of the model"),
  width: byKind("width", "width of the model"),
  heads: byKind("heads", "attention heads"),
  vocabulary: byKind("vocabulary", "most tokens in the vocabulary"),
  length: byKind("length", "tokens in a text"),
  batch: byKind("batch", "texts in a step"),
  rate: byKind("rate", "highest learning rate"),
  "save-every": { about: "steps from checkpoint to checkpoint", otherwise: 100 },
  seed: byKind("seed", "of parameters, batches and dropout"),
  ...deviceOption,
} as const;

const command: Command<typeof options> = {
  name: "train",
  about:
    "Pre-train on plain text: a BERT on masked words and next sentences, a GPT on the next word.\n" +
    "The same seed gives the same losses; a run that was stopped goes on with --resume as if it\n" +
    "had not been. A GPT is judged beside n-grams that count the same tokens; as it comes it is one\n" +
    "for a text of about a megabyte, and takes some three minutes on two cores.",
  usage: "[--kind gpt] --corpus FILES --out DIR [--held-out FILE] [--resume]",
  options,
  async run(given, rest) {
    if (!given.corpus) throw new UsageError("which text? Give --corpus FILES");
    if (!given.out) throw new UsageError("where should the checkpoint go? Give --out DIR");
    const asked = askedIn(given), every = whole("save-every", given["save-every"]);
    const documents = await readCorpus([given.corpus, ...rest]);
    await chooseDevice(given.device);
    const unseen = given["held-out"] ? await readCorpus([given["held-out"]]) : undefined;
    const { model, training, settings } = given.resume
      ? await resume(given.out, asked)
      : await begin(settingsFor(asked), documents);
    const { length } = model.tokenizer!.vocabulary.tokens;
    console.log(`${documents.length} documents, ${length} tokens in the vocabulary`);
    const kind = kinds[settings.kind], { steps, rate } = settings;
    const lessons = kind.lessons(model, documents, settings.batch);
    const save = async () =>
      await savePretrained(given.out!, model, {
        ...await trainingFiles(training),
        [SETTINGS]: JSON.stringify(settings) + "\n",
      });
    if (!given.resume) await save(); // a folder that cannot be written says so before the work
    const report = progress("pre-training", steps);
    const stop = stopOnInterrupt();
    const schedule = linear({ peak: rate, warmup: Math.ceil(steps / 10), steps });
    for await (const { step, loss } of train(training, { steps, ...lessons, rate: schedule })) {
      await report.at(step, `loss ${loss.toFixed(4)}`);
      if (stop.asked || step % every === 0 || step === steps) await save();
      if (stop.asked) break;
    }
    await report.done();
    const { losses } = training;
    console.log(`step ${training.step}: loss ${losses.at(-1)}; checkpoint in ${given.out}`);
    if (unseen) console.log(`held out: ${await kind.judge(model, unseen, documents)}`);
    if (kind.write) console.log(`it writes: ${await kind.write(model, settings.seed)}`);
    if (stop.asked) Deno.exit(130);
  },
};

interface Run {
  model: Pretrained;
  training: Training<ModelParameters>;
  settings: Settings;
}

async function resume(folder: string, asked: Partial<Settings>): Promise<Run> {
  const model = await loadPretrained(folder);
  if (!model.tokenizer) {
    throw new UsageError(`${folder} has no files of a tokenizer: it is not of a training`);
  }
  const training = await readTraining(folder, model.params);
  return { model, training, settings: await savedSettings(folder, asked) };
}

async function begin(settings: Settings, documents: readonly Sentences[]): Promise<Run> {
  const model = await kinds[settings.kind].begin(documents, settings);
  return { model, training: await startTraining(model.params, settings.seed), settings };
}

if (import.meta.main) await main(command);
