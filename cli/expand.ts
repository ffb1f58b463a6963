/** `deno task expand NAME`: a whole model in one file, for those who read from top to bottom. */
import type { ModelSpec } from "../models/spec.ts";
import { type Command, main, UsageError } from "./command.ts";
import { oneFile, type Root } from "./one_file.ts";

const home = new URL("../", import.meta.url);
const at = (path: string, ...names: string[]): Root[] =>
  names.map((name) => ({ name, url: new URL(path, home) }));

/** Names of the models of one stack: files in models/ that declare one. */
export const modelNames = (): Promise<string[]> => declaring("ModelSpec");

/** Names of the encoder–decoders. */
export const encoderDecoderNames = (): Promise<string[]> => declaring("EncoderDecoderSpec");

/** Names of the models with sizes and a declaration of their own. */
export const ownNames = ["transformer_xl", "xlnet"];

async function declaring(type: string): Promise<string[]> {
  const found: string[] = [], declaration = new RegExp(`^export const \\w+: ${type} = `, "m");
  for await (const { name, isFile } of Deno.readDir(new URL("models/", home))) {
    if (!isFile || !name.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(new URL(`models/${name}`, home));
    if (declaration.test(text)) found.push(name.replace(/\.ts$/, ""));
  }
  return found.sort();
}

/**
 * A model in one file that imports nothing but `core/tensor`.
 *
 * @throws {UsageError} where there is no such model.
 */
export async function expand(name: string, tensor?: string): Promise<string> {
  const names = [...await modelNames(), ...await encoderDecoderNames(), ...ownNames];
  if (!names.includes(name)) {
    throw new UsageError(`there is no model "${name}"; there are: ${names.sort().join(", ")}`);
  }
  const path = `models/${name}.ts`;
  const exported: Record<string, unknown> = await import(new URL(path, home).href);
  const specs = Object.values(exported).filter(isSpec);
  const parts = ownNames.includes(name)
    ? []
    : specs.some((spec) => "layer" in spec)
    ? ofOneStack(specs)
    : ofTwoStacks;
  const title = specs.map((spec) => spec.name).join(", ") || name;
  const roots = [
    ...at("core/parameters.ts", "countParameters", "initialise"),
    ...parts,
    ...at(path, ...Object.keys(exported)),
  ];
  return await oneFile({
    title: `${title} in one file: \`deno task expand ${name}\`.`,
    roots,
    tensor: tensor ?? "@lineage/lineage/core/tensor",
  });
}

type Named = Pick<ModelSpec, "name" | "objectives">;

const isSpec = (value: unknown): value is Named =>
  typeof value === "object" && value !== null && "objectives" in value;

/** What a model of one stack is made and run with. */
function ofOneStack(specs: readonly Named[]): Root[] {
  const objectives = specs.flatMap((spec) => [...spec.objectives]);
  const ofSentences = objectives.some((o) => ["nextSentence", "sentenceOrder"].includes(o));
  return [
    ...at("models/spec.ts", "encoderParameters", "encode"),
    ...objectives.includes("replacedTokens")
      ? at("models/detection_head.ts", "detectionParameters", "detectReplaced")
      : [],
    ...objectives.includes("nextToken")
      ? at("models/heads.ts", "languageModelLogits")
      : at("models/heads.ts", "maskedLMParameters", "maskedLMLogits"),
    ...ofSentences ? at("models/heads.ts", "classifierParameters", "classifyText") : [],
  ];
}

/** What an encoder–decoder is made and run with. */
const ofTwoStacks = [
  ...at("models/encoder_decoder.ts", "encoderDecoderParameters"),
  ...at("models/reading_and_writing.ts", "readSource", "writeAnswer", "scoreTokens", "shiftRight"),
];

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
      const names = [...await modelNames(), ...await encoderDecoderNames(), ...ownNames];
      throw new UsageError(`name one model: ${names.sort().join(", ")}`);
    }
    console.log((await expand(name, tensor)).trimEnd());
  },
};

if (import.meta.main) await main(command);
