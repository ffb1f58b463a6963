/**
 * The bench: this library beside others, on this machine.
 *
 *     deno task bench [--only TASKS] [--device DEVICES] [--rounds N] [--sizes SIZES] [--text FILE]
 *         [--json]
 *
 * The table or the JSON document goes to the standard output, progress to the standard error.
 */
import { parseArgs } from "@std/cli/parse-args";
import { findAdapter } from "../core/devices/webgpu/device.ts";
import { plainTable } from "../drawing/table.ts";
import { compare, type Comparison, disagreements } from "./compare.ts";
import { type On, type Task, TASKS } from "./contenders.ts";
import { prepare, takeTurns } from "./rounds.ts";

const resizable = TASKS.filter((task) => task.resizable).map(({ name }) => name).join(" and ");
const help = `deno task bench [options]

Measures this library beside others, each in a process of its own, taking turns.

  --only TASKS      a list such as matmul,training; without it all but memory, and those for real
                    GPUs only there:
${TASKS.map(({ name, about }) => `                      ${name.padEnd(12)}${about}`).join("\n")}
  --device DEVICES  wasm, webgpu or both (wasm,webgpu); without it wasm, and webgpu where there is one
  --rounds N        how often each contender takes its turn (3); an odd number
  --sizes SIZES     other sizes for ${resizable}, such as
                    batch=2,length=32,layers=2,width=64,heads=2,inner=256,vocabulary=500
  --text FILE       the text of the GPL, version 3, for the training task, where it does not lie at
                    /usr/share/common-licenses/GPL-3
  --json            one JSON document instead of a table
  --help            this text

A ratio above 1 says how many times better this library did in the same round; the median is shown.
A noisy machine gives noisy times; compare ratios only. GFLOP/s count what a task asks for, whatever
else a library computes: they can be compared with the peak of the chip.`;

const wrong = (problem: string): never => {
  console.error(`bench: ${problem}; see deno task bench --help`);
  Deno.exit(2);
};

const args = parseArgs(Deno.args, {
  string: ["only", "device", "rounds", "sizes", "text"],
  boolean: ["json", "help"],
  unknown: (arg) => wrong(`unknown argument ${arg}`),
});
if (args.help) {
  console.log(help);
  Deno.exit(0);
}
const rounds = Number(args.rounds ?? 3);
if (!Number.isInteger(rounds) || rounds < 1) wrong(`--rounds ${args.rounds} is no number from 1`);

const adapter = await findAdapter(), realGpu = adapter?.software === false;
const tasks = chosenTasks(), devices = chosenDevices();
if (args.sizes !== undefined && !tasks.every((task) => task.resizable)) {
  wrong(`--sizes is for ${resizable} alone: name them with --only`);
}
const say = (line: string) => console.error(line);
await prepare(tasks, say);

const comparisons: Comparison[] = [], problems: string[] = [];
const told = ({ name, resizable }: Task): string[] => {
  const large = name === "matmul" && realGpu ? "large" : undefined;
  const argument = name === "training" ? args.text : resizable ? args.sizes : large;
  return argument === undefined ? [] : [argument];
};
for (const task of tasks) {
  for (const on of devices.filter((on) => runsOn(task, on))) {
    const turns = await takeTurns(task, on, { rounds, told, say });
    if (!turns.has(task.contenders[0])) problems.push(`${task.name}: ours failed on ${on}`);
    problems.push(...disagreements(task, turns));
    comparisons.push(...compare(task, on, turns));
  }
}
if (args.json) console.log(JSON.stringify({ machine: machine(), rounds, comparisons }, null, 2));
else if (comparisons.length > 0) console.log(plainTable(comparisons.map(rowOf), describe()));
for (const problem of problems) console.error(`bench: ${problem}`);
Deno.exit(problems.length > 0 ? 1 : 0);

function chosenTasks(): Task[] {
  if (args.only === undefined) return TASKS.filter((task) => task.unasked !== "never");
  return args.only.split(",").map((name) => {
    const task = TASKS.find((task) => task.name === name) ?? wrong(`no task is called "${name}"`);
    return task.resizable && args.sizes ? { ...task, expected: undefined } : task;
  });
}

function runsOn({ contenders, unasked }: Task, on: On): boolean {
  if (args.only === undefined && unasked && !(realGpu && on === "webgpu")) return false;
  return contenders[0].devices.includes(on);
}

function chosenDevices(): On[] {
  if (args.device === undefined) return adapter ? ["wasm", "webgpu"] : ["wasm"];
  return args.device.split(",").map((name) => {
    if (name !== "wasm" && name !== "webgpu") return wrong(`no device is called "${name}"`);
    if (name === "webgpu" && !adapter) return wrong("there is no WebGPU adapter on this machine");
    return name;
  });
}

function machine() {
  const { os, arch } = Deno.build, cores = navigator.hardwareConcurrency;
  return { os, arch, cores, deno: Deno.version.deno, webgpu: adapter?.description ?? null };
}

function describe(): string {
  const { os, arch, cores, deno, webgpu } = machine();
  return `${os} ${arch}, ${cores} cores, Deno ${deno}, ${webgpu ?? "no WebGPU"}; ` +
    `median of ${rounds} ${
      rounds > 1 ? "rounds" : "round"
    }; ratio: how many times better lineage is\n`;
}

function rowOf({ task, what, device, unit, ours, theirs, ratio }: Comparison) {
  return {
    task,
    what,
    device,
    unit,
    lineage: ours.median,
    theirs: theirs?.median,
    by: theirs?.name ?? "",
    ratio: ratio?.toFixed(2),
  };
}
