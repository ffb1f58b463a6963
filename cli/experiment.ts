/** `deno task experiment`: test a claim of the literature with several seeds, and write down what came of it. */
import { chosenDevice } from "../core/tensor/mod.ts";
import { FileError, writeAtomically } from "../core/training/files.ts";
import { plainTable } from "../drawing/svg.ts";
import type { Experiment, Numbers } from "../experiments/experiment.ts";
import { means, resultsPage, verdictOf } from "../experiments/results_page.ts";
import { chooseDevice, type Command, deviceOption, main, UsageError, whole } from "./command.ts";

const folder = new URL("../experiments/", import.meta.url);

const options = {
  seeds: { about: "how many seeds; two or more", otherwise: 5 },
  "first-seed": { about: "the first of them", otherwise: 1 },
  out: { about: "folder for the page and the picture", otherwise: "experiments/results" },
  ...deviceOption,
} as const;

/** The experiments there are, in order of their names. */
export async function experiments(): Promise<Experiment[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^c\d\d_\w+\.ts$/.test(name)) files.push(name);
  }
  const loading = files.sort().map((name) => import(new URL(name, folder).href));
  return (await Promise.all(loading)).map((module) => module.experiment);
}

const command: Command<typeof options> = {
  name: "experiment",
  about:
    "Run an experiment with several seeds, print its table and verdict, and write them down. Without\n" +
    "a name: list all experiments with the verdicts written down.",
  usage: "[NAME] [--seeds 5] [--out DIR]",
  options,
  async run(given, [name, ...others]) {
    if (others.length) throw new UsageError(`one experiment at a time: ${others[0]} is too much`);
    const seeds = whole("seeds", given.seeds, 2),
      first = whole("first-seed", given["first-seed"], 0);
    const known = await experiments();
    if (name === undefined) return await list(known, given.out);
    const experiment = known.find((one) => one.name === name.toLowerCase());
    if (!experiment) {
      const names = known.map((one) => one.name).join(", ") || "none";
      throw new UsageError(`there is no experiment ${name}; there are: ${names}`);
    }
    await chooseDevice(given.device);
    await makeFolder(given.out);
    await conduct(experiment, Array.from({ length: seeds }, (_, i) => first + i), given.out);
  },
};

/** The folder of the results; one that cannot be made says so before the work. */
async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw FileError.because(path, "make this folder", error);
  }
}

async function list(known: readonly Experiment[], out: string): Promise<void> {
  const rows = await Promise.all(known.map(async ({ name, claim }) => {
    const page = await Deno.readTextFile(`${out}/${name}.md`).catch(() => "");
    return { name, verdict: verdictOf(page) ?? "not run yet", claim };
  }));
  console.log(rows.length ? plainTable(rows) : "there is no experiment yet");
}

/** Run an experiment with some seeds, print what it finds, write page and picture. */
export async function conduct(
  experiment: Experiment,
  seeds: readonly number[],
  out: string,
): Promise<void> {
  const { name, claim, rule } = experiment, start = performance.now(), rows: Numbers[] = [];
  const seconds = () => (performance.now() - start) / 1000;
  console.log(`${name}: ${claim}\nrule: ${rule}`);
  for (const [i, seed] of seeds.entries()) {
    const tell = (doing: string) =>
      console.error(
        `seed ${seed} (${i + 1} of ${seeds.length}), ${seconds().toFixed(0)} s: ${doing}`,
      );
    rows.push(checked(experiment, seed, await experiment.run(seed, tell)));
    tell(inShort(experiment, rows[i]));
  }
  const judgement = experiment.verdict(rows), device = chosenDevice();
  const page = resultsPage(experiment, rows, judgement, {
    command: `deno task experiment ${name} --seeds ${seeds.length} --first-seed ${seeds[0]}`,
    date: new Date().toISOString().slice(0, 10),
    device: device ? `${device.name}: ${device.description}` : "no device",
    cores: navigator.hardwareConcurrency,
    seconds: seconds(),
    seeds,
  });
  if (experiment.plot) await writeAtomically(`${out}/${name}.svg`, experiment.plot(rows));
  await writeAtomically(`${out}/${name}.md`, page);
  console.log(
    plainTable(means(experiment, rows).map(([what, mean]) => ({ what, "mean ± sd": mean }))),
  );
  console.log(`verdict: ${judgement.verdict}\n${judgement.because}`);
  console.log(`${out}/${name}.md (${seconds().toFixed(0)} s)`);
}

/** The first numbers of a seed; the page has all of them. */
function inShort({ columns }: Experiment, row: Numbers): string {
  const shown = columns.slice(0, 8).map(({ key, label, digits = 3 }) =>
    `${label} ${row[key].toFixed(digits)}`
  );
  return shown.join(", ") + (columns.length > 8 ? ", …" : "");
}

function checked({ name, columns }: Experiment, seed: number, row: Numbers): Numbers {
  const bad = columns.find(({ key }) => !Number.isFinite(row[key]));
  if (!bad) return row;
  throw new Error(`${name}, seed ${seed}: "${bad.key}" is ${row[bad.key]}, not a finite number`);
}

if (import.meta.main) await main(command);
