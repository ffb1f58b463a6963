/**
 * Stand-in for `jsr:@std/cli/parse-args`, for machines that cannot reach JSR.
 *
 * It reads a command line as the real package does: `--name value`, `--name=value`, `--no-name`,
 * `-n value`, `-n5`, `-abc`, `a.b` for nested options, `--` for the end of options. A value that
 * starts with a dash needs the equals sign: `--rate=-3e-4`.
 *
 * @module
 */
import type { Args, ParseOptions, Values } from "./types.ts";

export type { Args, ParseOptions };

type Nested = Record<string, unknown>;

/** The options, each kind with all aliases of its names. */
interface Kinds {
  boolean: Set<string>;
  string: Set<string>;
  collect: Set<string>;
  negatable: Set<string>;
  aliases: (name: string) => string[];
  declared: (name: string) => boolean;
}

/** Read `args` (usually `Deno.args`) as the options say. */
export function parseArgs<
  B extends string | boolean | undefined = undefined,
  S extends string | undefined = undefined,
  C extends string | undefined = undefined,
  N extends string | undefined = undefined,
  D extends Record<string, unknown> | undefined = undefined,
>(
  args: readonly string[],
  options: ParseOptions<B, S, C, N, D> = {},
): Args<Values<B, S, C, N, D>> {
  const kinds = kindsOf(options);
  const result: Args = { _: [] };
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const queue = args.slice(0, end);
  while (queue.length > 0) {
    const arg = queue.shift()!;
    if (/^-./.test(arg)) {
      for (const [name, value] of optionsIn(arg, queue, kinds, options.boolean === true)) {
        const known = kinds.declared(name) || (options.boolean === true && /^--[^=]+$/.test(arg));
        if (!known && options.unknown?.(arg, name, value) === false) continue;
        store(result, name, value, kinds);
      }
      continue;
    }
    if (options.unknown?.(arg) !== false) {
      result._.push(kinds.string.has("_") ? arg : numberOr(arg));
    }
    if (options.stopEarly) result._.push(...queue.splice(0));
  }
  fillIn(result, options.default ?? {}, kinds);
  if (options["--"]) result["--"] = args.slice(end + 1);
  else result._.push(...args.slice(end + 1));
  return result as Args<Values<B, S, C, N, D>>;
}

function kindsOf(options: ParseOptions): Kinds {
  const groups = Object.entries(options.alias ?? {}).map(([name, others]) => [name, others].flat());
  const aliases = (name: string) => groups.find((group) => group.includes(name)) ?? [name];
  const named = (names: unknown) =>
    new Set([names].flat().filter((name) => typeof name === "string").flatMap(aliases));
  const [boolean, string, collect] = [options.boolean, options.string, options.collect].map(named);
  const declared = (name: string) =>
    boolean.has(name) || string.has(name) || collect.has(name) || groups.flat().includes(name);
  return { boolean, string, collect, negatable: named(options.negatable), aliases, declared };
}

type Found = [name: string, value: string | boolean];

/** The options that one argument sets; a value that stands apart is taken off the queue. */
function optionsIn(arg: string, queue: string[], kinds: Kinds, allBoolean: boolean): Found[] {
  if (!arg.startsWith("--")) return shortOptions(arg, queue, kinds);
  const [, name, value] = /^--([^]+?)(?:=([^]*))?$/.exec(arg)!;
  if (value !== undefined) return [[name, kinds.boolean.has(name) ? value !== "false" : value]];
  const negated = name.startsWith("no-") ? name.slice(3) : undefined;
  if (negated && kinds.negatable.has(negated)) return [[negated, false]];
  const takesValue = !allBoolean && !kinds.boolean.has(name);
  return [[name, valueAfter(name, queue, kinds, takesValue && !queue[0]?.startsWith("-"))]];
}

/** `-abc` sets three options, of which the last may take a value; `-n5` and `-n=5` set one. */
function shortOptions(arg: string, queue: string[], kinds: Kinds): Found[] {
  const attached = /^-([A-Za-z])(?:=(.*)|(-?\d+(?:\.\d*)?(?:e-?\d+)?))$/s.exec(arg);
  if (attached) return [[attached[1], attached[2] ?? attached[3]]];
  const letters = arg.slice(1).split("");
  const last = letters.pop()!;
  const takesValue = !kinds.boolean.has(last) && !/^--?[^-]/.test(queue[0] ?? "");
  return [
    ...letters.map((letter): Found => [letter, kinds.string.has(letter) ? "" : true]),
    [last, valueAfter(last, queue, kinds, takesValue)],
  ];
}

function valueAfter(name: string, queue: string[], kinds: Kinds, takesValue: boolean) {
  if (queue[0] && takesValue) return queue.shift()!;
  if (queue[0] === "true" || queue[0] === "false") return queue.shift() === "true";
  return kinds.string.has(name) ? "" : true;
}

function store(result: Nested, name: string, value: unknown, kinds: Kinds): void {
  const typed = typeof value === "string" && !kinds.string.has(name) ? numberOr(value) : value;
  for (const alias of kinds.aliases(name)) {
    const before = at(result, alias);
    const list = kinds.collect.has(alias) && value !== false;
    put(result, alias, list ? [...(before as unknown[] ?? []), typed] : typed);
  }
}

/** Options that were not given: the default, or false, or the empty list. */
function fillIn(result: Nested, defaults: Nested, kinds: Kinds): void {
  const missing = (name: string) => at(result, name) === undefined;
  for (const [name, value] of Object.entries(defaults)) {
    if (missing(name)) kinds.aliases(name).forEach((alias) => put(result, alias, value));
  }
  for (const name of [...kinds.boolean].filter(missing)) {
    put(result, name, kinds.collect.has(name) ? [] : false);
  }
  for (const name of [...kinds.string].filter(missing)) {
    if (kinds.collect.has(name)) put(result, name, []);
  }
}

function numberOr(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function at(record: Nested, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Nested)?.[key], record);
}

function put(record: Nested, path: string, value: unknown): void {
  const keys = path.split(".");
  if (keys.includes("__proto__") || keys.includes("constructor")) return;
  const last = keys.pop()!;
  const parent = keys.reduce((inside, key) => (inside[key] ??= {}) as Nested, record);
  parent[last] = value;
}
