/** `deno task finetune`: teach a pre-trained model a task from files, and say how well it does it. */
import { encode } from "../core/text/batch.ts";
import { FileError } from "../core/training/files.ts";
import { type Progress, progress } from "../drawing/progress.ts";
import { plainTable } from "../drawing/table.ts";
import { loadPretrained, type Pretrained, savePretrained } from "../models/pretrained.ts";
import { readCoNLL, type Tagged } from "../tasks/conll.ts";
import { evaluate, type Report } from "../tasks/evaluate.ts";
import { finetune, type FinetuneOptions, inEpochs, withHeadOf } from "../tasks/finetune.ts";
import type { Scores } from "../tasks/metrics.ts";
import { questionAnswering } from "../tasks/question_answering.ts";
import { type Asked, readSQuAD } from "../tasks/squad.ts";
import { tagging } from "../tasks/tagging.ts";
import type { Task } from "../tasks/task.ts";
import { textClassification } from "../tasks/text_classification.ts";
import { type Labelled, labelsOf, readTSV } from "../tasks/tsv.ts";
import { chooseDevice, type Command, deviceOption, main, UsageError, whole } from "./command.ts";
import { stopOnInterrupt } from "./interrupt.ts";

const options = {
  model: { about: "folder of a pre-trained encoder with its tokenizer", otherwise: undefined },
  task: { about: "classify, tag or answer", otherwise: undefined },
  train: { about: "file of examples to learn from", otherwise: undefined },
  dev: { about: "file of examples that choose the best checkpoint", otherwise: undefined },
  test: { about: "file of examples for the last judgement", otherwise: undefined },
  out: { about: "folder for the fine-tuned model", otherwise: undefined },
  epochs: { about: "how often each example is seen", otherwise: 3 },
  rate: { about: "highest learning rate; small models want more, such as 5e-4", otherwise: 5e-5 },
  batch: { about: "rows in a step", otherwise: 16 },
  length: { about: "most tokens in a row", otherwise: 128 },
  seed: { about: "of the new layer, the order of the examples and dropout", otherwise: 1 },
  ...deviceOption,
} as const;

type Given = Parameters<Command<typeof options>["run"]>[0];

/** A task on the command line: its files, its classes, its record. */
interface Kind<Example, Answer> {
  read: (path: string, known?: readonly string[]) => Promise<Example[]>;
  labels: (examples: readonly Example[]) => string[];
  make: (m: Pretrained, labels: string[], length: number, of: Example[]) => Task<Example, Answer>;
}

const classify: Kind<Labelled, string> = {
  read: readTSV,
  labels: (examples) => labelsOf(examples.map(({ label }) => label)),
  make: textClassification,
};
const tag: Kind<Tagged, string[]> = {
  read: readCoNLL,
  labels: (sentences) => labelsOf(sentences.flatMap(({ tags }) => tags)),
  make: tagging,
};
const answer: Kind<Asked, string> = {
  read: readSQuAD,
  labels: () => [],
  make: (model, _, length, examples) =>
    questionAnswering(model, length, examples.some(({ answers }) => answers.length === 0)),
};
const kinds: Record<string, (given: Given) => Promise<void>> = {
  classify: (given) => tune(given, classify),
  tag: (given) => tune(given, tag),
  answer: (given) => tune(given, answer),
};

const command: Command<typeof options> = {
  name: "finetune",
  about: "Teach a pre-trained encoder a task. The files:\n" +
    "  classify  label, tab, text; or label, tab, text, tab, text\n" +
    "  tag       a word and its tag in each line, an empty line after each sentence (CoNLL)\n" +
    "  answer    questions about texts, in SQuAD's JSON\n" +
    "The folder --out always holds the best model so far, by the score on --dev; without --dev, the last.",
  usage: "--model DIR --task classify --train FILE [--dev FILE] [--test FILE] --out DIR",
  options,
  async run(given, [other]) {
    if (other !== undefined) throw new UsageError(`what is "${other}" for? Options have names`);
    if (!Object.hasOwn(kinds, given.task ?? "")) {
      throw new UsageError(`which task? Give --task ${Object.keys(kinds).join(", ")}`);
    }
    await kinds[given.task!](given);
  },
};

/** An option that must be given. */
function needed(given: Given, name: "model" | "train" | "out"): string {
  const value = given[name];
  if (value === undefined) throw new UsageError(`give --${name}: ${options[name].about}`);
  return value;
}

async function tune<Example, Answer>(given: Given, kind: Kind<Example, Answer>): Promise<void> {
  const [folder, path, out] = [
    needed(given, "model"),
    needed(given, "train"),
    needed(given, "out"),
  ];
  const seed = whole("seed", given.seed, 0), batch = whole("batch", given.batch);
  const epochs = whole("epochs", given.epochs), length = whole("length", given.length, 8);
  if (!(given.rate > 0)) throw new UsageError(`--rate is ${given.rate}, not above 0`);
  await refuseSame(folder, out);

  const train = await kind.read(path), labels = about(path, () => kind.labels(train));
  const readOther = async (path?: string) => path ? await kind.read(path, labels) : undefined;
  const dev = await readOther(given.dev), test = await readOther(given.test);
  await chooseDevice(given.device);
  const learned = await loadPretrained(folder);
  const task = kind.make(learned, labels, length, train);
  const rowsOf = (path: string, of: Example[]) => about(path, () => of.flatMap(task.rows));
  const rows = rowsOf(path, train);
  if (dev) rowsOf(given.dev!, dev); // what is wrong there is said before the work
  if (test) rowsOf(given.test!, test);
  describe(train.length, rows, task, length);

  const model = await withHeadOf(task, learned, seed);
  const every = Math.ceil(rows.length / batch);
  const kept = await learn(model, task, out, {
    batches: inEpochs(rows, batch, seed),
    steps: Math.ceil(epochs * rows.length / batch),
    rate: given.rate,
    seed,
    dev: dev && { examples: dev, every, report: whenSlow("judging on dev") },
  });
  const best = { ...model, params: (await loadPretrained(out)).params };
  const judged = test && await evaluate(best, task, test, whenSlow("judging on test"));
  printScores({ dev: kept, test: judged });
}

/** Train, and keep the best model in `out`; gives its scores on dev. */
async function learn<Example, Answer>(
  model: Pretrained,
  task: Task<Example, Answer>,
  out: string,
  settings: FinetuneOptions<Example>,
): Promise<Scores | undefined> {
  await savePretrained(out, model); // a folder that cannot be written says so before the work
  const { steps } = settings, stop = stopOnInterrupt(), bar = progress("fine-tuning", steps);
  const course: Record<string, string | number>[] = [];
  let kept: { step: number; dev?: Scores } | undefined, said = "";
  for await (const { step, loss, dev, best } of finetune(model, task, settings)) {
    if (dev) {
      const [[name, value]] = Object.entries(dev.values);
      said = ` · dev ${name} ${value.toFixed(3)}`;
      course.push({ step, loss, ...dev.values, "": best ? "best so far" : "" });
    }
    await bar.at(step, `loss ${loss.toFixed(3)}${said}`);
    if (best || stop.asked && !kept) {
      await savePretrained(out, model);
      kept = { step, dev };
    }
    if (stop.asked) break;
  }
  await bar.done();
  if (course.length > 1) console.log(plainTable(course, "scores on dev"));
  console.log(`${out}: the model after step ${kept!.step} of ${steps}`);
  if (stop.asked) Deno.exit(130);
  return kept!.dev;
}

/** A fine-tuned model is another model: it must not take the place of the one it came from. */
async function refuseSame(folder: string, out: string): Promise<void> {
  const real = (path: string) => Deno.realPath(path).catch(() => path);
  if (await real(folder) !== await real(out)) return;
  throw new UsageError(
    "--out is the folder of --model; choose another, or the model would be lost",
  );
}

/** What goes wrong with the contents of a file is told with its name. */
function about<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FileError(path, error.message);
  }
}

function describe<Example, Answer>(
  examples: number,
  rows: readonly { text: string | readonly [string, string] }[],
  { tokenizer, length, labels }: Task<Example, Answer>,
  wanted: number,
): void {
  console.log(`${examples} examples${labels ? `; classes: ${labels.join(", ")}` : ""}`);
  if (length < wanted) console.log(`the model reads ${length} tokens at most`);
  if (rows.length > examples) console.log(`long ones are read in parts: ${rows.length} rows`);
  const cut = rows.filter(({ text }) => encode(tokenizer, text).ids.length > length).length;
  if (cut > 0) console.log(`${cut} rows are longer than ${length} tokens and lose their end`);
}

/** Progress of something that is mostly quick: nothing is said in the first two seconds. */
function whenSlow(label: string): Report {
  let begun: { at: number; bar: Progress } | undefined;
  return async (done, of) => {
    const { at, bar } = begun ??= { at: performance.now(), bar: progress(label, of) };
    const slow = performance.now() - at > 2000;
    if (done === of) begun = undefined;
    if (slow) await (done < of ? bar.at(done) : bar.done());
  };
}

function printScores(scores: Record<string, Scores | undefined>): void {
  const given = Object.entries(scores).filter((one): one is [string, Scores] => !!one[1]);
  if (given.length === 0) return;
  const rounded = (values: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(values).map(([name, x]) => [name, x.toFixed(4)]));
  console.log("\n" + plainTable(given.map(([on, { values }]) => ({ on, ...rounded(values) }))));
  const [on, { classes }] = given.at(-1)!;
  if (classes.length === 0) return;
  const rows = classes.map(({ name, precision, recall, f1, count }) => (
    { class: name, ...rounded({ precision, recall, F1: f1 }), examples: count }
  ));
  console.log("\n" + plainTable(rows, `each class on ${on}`));
}

if (import.meta.main) await main(command);
