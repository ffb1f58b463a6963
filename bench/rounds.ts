/**
 * Rounds: every contender in a process of its own, one after another, again and again.
 *
 * Idea   A machine is faster at one minute than at the next. So the contenders of a task take turns, each
 *        round in the opposite order, and a ratio compares what was measured side by side.
 * @module
 */
import { type Contender, type On, type Task } from "./contenders.ts";
import type { Measured } from "./measured.ts";
import { fileURLToPath as fromFileUrl } from "node:url";

/** A contender's numbers from one process, or why there are none. */
type Outcome = { measured: Measured[] } | { failure: string };

/** What each contender measured: for each round, its numbers. */
export type Turns = Map<Contender, Measured[][]>;

/** Options of all rounds. */
export interface Options {
  rounds: number;
  /** What the programs of a task are told besides the device. */
  told: (task: Task) => readonly string[];
  /** Told how it goes. */
  say: (line: string) => void;
}

const pathOf = (program: string) => fromFileUrl(new URL(program, import.meta.url));

/** Take turns at one task on one device. Who fails is left out from then on. */
export async function takeTurns(task: Task, on: On, options: Options): Promise<Turns> {
  const turns: Turns = new Map();
  let open = task.contenders.filter(({ devices }) => devices.includes(on));
  for (let round = 1; round <= options.rounds; round++) {
    for (const contender of round % 2 ? open : open.toReversed()) {
      const start = performance.now();
      const outcome = await run(contender, task.flags ?? [], [on, ...options.told(task)]);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      const what = `round ${round} of ${options.rounds}: ${task.name}, ${on}, ${contender.name}`;
      if ("failure" in outcome) {
        options.say(`${what} failed and is left out:\n${outcome.failure}`);
        open = open.filter((other) => other !== contender);
        turns.delete(contender);
        continue;
      }
      options.say(`${what}: ${seconds} s`);
      turns.set(contender, [...turns.get(contender) ?? [], outcome.measured]);
    }
  }
  return turns;
}

async function run({ program }: Contender, flags: readonly string[], told: readonly string[]) {
  const { code, stdout, stderr } = await deno(["run", "-A", ...flags, pathOf(program), ...told]);
  if (code !== 0) return { failure: errorIn(stderr) } as Outcome;
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return { measured: lines.map((line) => JSON.parse(line)) } as Outcome;
}

/** The error that ended a program, without what was said before it. */
function errorIn(stderr: string): string {
  const lines = stderr.trim().split("\n"), start = lines.findIndex((l) => l.startsWith("error:"));
  return lines.slice(Math.max(0, start)).slice(0, 6).join("\n");
}

/** Fetch what the contenders import, so that no download is timed. */
export async function prepare(tasks: readonly Task[], say: (line: string) => void): Promise<void> {
  const programs = tasks.flatMap(({ contenders }) => contenders.map(({ program }) => program));
  const peers = programs.filter((program) => program.startsWith("peers/"));
  if (peers.length === 0) return;
  const { code, stderr } = await deno(["cache", ...peers.map(pathOf)]);
  if (code !== 0) say(`the other libraries could not be fetched:\n${stderr.trim()}`);
}

async function deno(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: {
      // Without it the software GPU driver complains; with OpenGL loaded, too, it may abort at the end.
      XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp",
      DENO_WEBGPU_BACKEND: Deno.env.get("DENO_WEBGPU_BACKEND") ??
        (Deno.build.os === "linux" ? "vulkan" : ""),
      NO_COLOR: "1",
    },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
