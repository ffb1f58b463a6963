/**
 * The settings of a training: what is asked for on the command line, what is usual, what a checkpoint says.
 *
 * Idea   A run that goes on must be the run that began. So its settings lie in the checkpoint; who goes on
 *        need not repeat them, and who contradicts them is told. Only the number of steps may grow.
 * Maths  settings.json: {kind, steps, vocabulary, length, layers, width, heads, batch, rate, seed}
 * Axes   none
 * Differs from the paper: there is none.
 * @module
 */
import { FileError, readJSON } from "../core/training/files.ts";
import { optionalNumber, UsageError, whole } from "./command.ts";
import { type Chosen, kinds } from "./kinds.ts";

/** The name of a kind. */
export type KindName = keyof typeof kinds;

/** All that a run is determined by, but for its text. */
export interface Settings extends Chosen {
  /** What is trained. */
  kind: KindName;
}

/** The file of a checkpoint that holds them. */
export const SETTINGS = "settings.json";

/** The numbers, and the least that each may be; the rate need not be whole. */
const least = {
  steps: 1,
  vocabulary: 1,
  length: 8,
  layers: 1,
  width: 1,
  heads: 1,
  batch: 1,
  rate: 0,
  seed: 0,
} as const satisfies Record<keyof Chosen, number>;

const numbers = Object.keys(least) as (keyof Chosen)[];

/** What is usual, for the help: `(64)`, or `(bert 4, gpt 2)` where the kinds differ. */
export function usually(name: keyof Chosen): string {
  const each = Object.entries(kinds).map(([kind, { usual }]) => [kind, usual[name]] as const);
  const [[, first]] = each, same = each.every(([, value]) => value === first);
  return same ? `(${first})` : `(${each.map((pair) => pair.join(" ")).join(", ")})`;
}

/**
 * What is asked for on the command line.
 *
 * @throws {UsageError} for a kind that is none, and for numbers outside their range.
 */
export function askedIn(given: Partial<Record<keyof Settings, string>>): Partial<Settings> {
  const asked: Partial<Settings> = {};
  if (given.kind !== undefined) asked.kind = kindIn(given.kind);
  for (const name of numbers) {
    const value = optionalNumber(name, given[name]);
    if (value === undefined) continue;
    if (name !== "rate") whole(name, value, least[name]);
    else if (value <= 0) throw new UsageError(`--rate is ${value}, not above 0`);
    asked[name] = value;
  }
  return asked;
}

function kindIn(name: string): KindName {
  if (Object.hasOwn(kinds, name)) return name as KindName;
  throw new UsageError(`--kind is "${name}", not one of: ${Object.keys(kinds).join(", ")}`);
}

/** The settings of a new run. */
export function settingsFor({ kind = "bert", ...asked }: Partial<Settings>): Settings {
  return { kind, ...kinds[kind].usual, ...asked };
}

/**
 * The settings of the run in a folder that goes on, with as many steps as are asked for.
 *
 * @throws {FileError} where the folder has none.
 * @throws {UsageError} where another run is asked for.
 */
export async function savedSettings(folder: string, asked: Partial<Settings>): Promise<Settings> {
  const path = `${folder}/${SETTINGS}`;
  const saved = (await readJSON(path, "the settings of the run") ?? {}) as Settings;
  if (!Object.hasOwn(kinds, saved.kind) || !numbers.every((n) => Number.isFinite(saved[n]))) {
    throw new FileError(path, "is not of a training; take another checkpoint, or start a new run");
  }
  for (const name of Object.keys(asked) as (keyof Settings)[]) {
    if (name === "steps" || asked[name] === saved[name]) continue;
    throw new UsageError(
      `--${name} is ${asked[name]}, but the run in ${folder} has ${
        saved[name]
      }: leave it out to go` +
        " on, or start a new run in another folder",
    );
  }
  return { ...saved, steps: asked.steps ?? saved.steps };
}
