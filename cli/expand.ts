/** `deno task expand NAME`: a whole model in one file, for those who read from top to bottom. */
import type { ModelSpec } from "../models/spec.ts";
import { type Command, main, UsageError } from "./command.ts";
import { oneFile, type Root } from "./one_file.ts";

const home = new URL("../", import.meta.url);
const at = (path: string, ...names: string[]): Root[] =>
  names.map((name) => ({ name, url: new URL(path, home) }));

/** Names of the models: files in models/ that declare one. */
export async function modelNames(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(new URL("models/", home))) {
    if (!isFile || !name.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(new URL(`models/${name}`, home));
    if (/^export const \w+: ModelSpec = /m.test(text)) found.push(name.replace(/\.ts$/, ""));
  }
  return found.sort();
}

/**
 * A model in one file that imports nothing but `core/tensor`.
 *
 * @throws {UsageError} where there is no such model.
 */
export async function expand(name: string, tensor?: string): Promise<string> {
  const names = await modelNames();
  if (!names.includes(name)) {
    throw new UsageError(`there is no model "${name}"; there are: ${names.join(", ")}`);
  }
  const path = `models/${name}.ts`;
  const exported: Record<string, unknown> = await import(new URL(path, home).href);
  const specs = Object.values(exported).filter(isSpec);
  const objectives = specs.flatMap((spec) => [...spec.objectives]);
  const ofSentences = objectives.some((o) => ["nextSentence", "sentenceOrder"].includes(o));
  const roots = [
    ...at("core/parameters.ts", "countParameters", "initialise"),
    ...at("models/spec.ts", "encoderParameters", "encode"),
    ...objectives.includes("replacedTokens")
      ? at("models/detection_head.ts", "detectionParameters", "detectReplaced")
      : [],
    ...objectives.includes("nextToken")
      ? at("models/heads.ts", "languageModelLogits")
      : at("models/heads.ts", "maskedLMParameters", "maskedLMLogits"),
    ...ofSentences ? at("models/heads.ts", "classifierParameters", "classifyText") : [],
    ...at(path, ...Object.keys(exported)),
  ];
  return await oneFile({
    title: `${
      specs.map((spec) => spec.name).join(", ")
    } in one file: \`deno task expand ${name}\`.`,
    roots,
    tensor: tensor ?? "@lineage/lineage/core/tensor",
  });
}

const isSpec = (value: unknown): value is ModelSpec =>
  typeof value === "object" && value !== null && "objectives" in value && "layer" in value;

const options = {
  tensor: {
    about: "what the file imports core/tensor as",
    otherwise: "@lineage/lineage/core/tensor",
  },
} as const;

const command: Command<typeof options> = {
  name: "expand",
  about:
    "Print a whole model as one file that imports nothing but core/tensor: its concepts in the\n" +
    "order of their use, then the model with every key and size written out.",
  usage: "NAME > FILE.ts",
  options,
  async run({ tensor }, [name, ...more]) {
    if (!name || more.length) {
      throw new UsageError(`name one model: ${(await modelNames()).join(", ")}`);
    }
    console.log((await expand(name, tensor)).trimEnd());
  },
};

if (import.meta.main) await main(command);
