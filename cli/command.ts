/**
 * What every command shares: options, help, and errors that a person can read.
 *
 * Idea   A command lists its options with their defaults; from the list come the help, the reading and
 *        the refusal of what is not in it. An error is one line on the standard error and a code of 1.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { chosenDevice, device, type DeviceChoice } from "../core/tensor/mod.ts";

/** An option: what it is for, and its value when it is not given. */
export interface Option {
  /** One line of help. */
  about: string;
  /** A flag is false, a number a number, a text a text; `undefined`: there is no default. */
  otherwise: string | number | boolean | undefined;
}

/** A command. */
export interface Command<O extends Record<string, Option>> {
  /** As it is called: `deno task NAME`. */
  name: string;
  /** One or two sentences. */
  about: string;
  /** What follows the name, in words: `--model DIR "text with [MASK]"`. */
  usage: string;
  /** The options by name. */
  options: O;
  /** What it does. */
  run: (given: Given<O>, rest: string[]) => Promise<void>;
}

/** The values of the options. */
export type Given<O extends Record<string, Option>> = {
  [K in keyof O]: O[K]["otherwise"] extends boolean ? boolean
    : O[K]["otherwise"] extends number ? number
    : O[K]["otherwise"] extends string ? string
    : string | undefined;
};

/** Something the person who called can mend. */
export class UsageError extends Error {
  /** The name errors of this class are printed with. */
  override name = "UsageError";
}

/** Run a command with the arguments of the process; what goes wrong ends it with code 1. */
export async function main<O extends Record<string, Option>>(command: Command<O>): Promise<void> {
  try {
    if (Deno.args.includes("--help") || Deno.args.includes("-h")) return console.log(help(command));
    const { given, rest } = readArguments(command, Deno.args);
    await command.run(given, rest);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    console.error(`${command.name}: ${said}`);
    if (error instanceof UsageError) console.error(`See: deno task ${command.name} --help`);
    if (Deno.env.get("LINEAGE_STACK") === "1") console.error(error);
    Deno.exit(1);
  }
  Deno.exit(0); // threads and GPUs do not keep the process
}

/** The options and the other arguments of a command line. */
function readArguments<O extends Record<string, Option>>(
  { options }: Command<O>,
  args: readonly string[],
): { given: Given<O>; rest: string[] } {
  const flags = Object.keys(options).filter((name) => options[name].otherwise === false);
  const texts = Object.keys(options).filter((name) => !flags.includes(name));
  const parsed: Record<string, unknown> = parseArgs([...args], {
    boolean: flags,
    string: ["_", ...texts],
    unknown: (argument, name) => {
      if (name === undefined) return true;
      const below = /^-\d/.test(argument)
        ? `; a number below 0 is given as --name=${argument}`
        : "";
      throw new UsageError(`there is no option ${argument}${below}`);
    },
  });
  const given: Record<string, unknown> = {};
  for (const [name, { otherwise }] of Object.entries(options)) {
    given[name] = valueOf(name, parsed[name], otherwise);
  }
  return { given: given as Given<O>, rest: (parsed._ as unknown[]).map(String) };
}

function valueOf(name: string, value: unknown, otherwise: Option["otherwise"]): unknown {
  if (typeof otherwise === "boolean") return value === true;
  if (value === undefined) return otherwise;
  if (Array.isArray(value)) throw new UsageError(`--${name} is given twice`);
  if (value === "") throw new UsageError(`--${name} needs a value: --${name}=…`);
  return typeof otherwise === "number" ? optionalNumber(name, String(value)) : value;
}

function help<O extends Record<string, Option>>(command: Command<O>): string {
  const rows = Object.entries(command.options).map(([name, { about, otherwise }]) => {
    const shown = otherwise === undefined || typeof otherwise === "boolean"
      ? ""
      : ` (${otherwise})`;
    return `  --${name.padEnd(18)} ${about}${shown}`;
  });
  return [
    `deno task ${command.name} ${command.usage}`,
    "",
    command.about,
    "",
    ...rows,
    `  --${"help".padEnd(18)} This text`,
  ].join("\n");
}

/** The option to choose a device; every command that computes has it. */
export const deviceOption = {
  device: { about: "auto, webgpu, wasm or reference", otherwise: "auto" },
} as const satisfies Record<string, Option>;

/** Choose the device by its name and say which it is. */
export async function chooseDevice(name: string): Promise<void> {
  await device(name as DeviceChoice);
  const { name: found, description } = chosenDevice()!;
  console.error(`computing on ${found}: ${description}`);
}

/** The number that an option without a default was given, if it was. */
export function optionalNumber(name: string, value?: string): number | undefined {
  if (value === undefined) return undefined;
  const found = Number(value);
  if (Number.isFinite(found)) return found;
  throw new UsageError(`--${name} is "${value}", not a number`);
}

/** A whole number of at least `least`, or an error that names the option. */
export function whole(name: string, value: number, least = 1): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} is ${value}, not a whole number from ${least}`);
}
