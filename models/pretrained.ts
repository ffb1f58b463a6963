/**
 * Loading and saving models in Hugging Face's layout: config.json, model.safetensors, and its tokenizer's files.
 *
 * Idea   config.json says which model; its declaration says which tensors there must be; the file either
 *        has exactly those, in those sizes, or nothing is loaded.
 * Maths  none.
 * Differs from the paper: there is none. Differs from Hugging Face's loader, which warns where a tensor is
 *        missing and starts it at random; here that is an error.
 * @module
 */
import { keep } from "../core/tensor/mod.ts";
import { loadTokenizer } from "../core/text/load_tokenizer.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import {
  type Content,
  FileError,
  readJSON,
  writeFolderAtomically,
} from "../core/training/files.ts";
import { readWeights, safetensorsParts } from "../core/training/safetensors.ts";
import { architectureOf, families, familyOf, otherKeys } from "./huggingface/families.ts";
import type { Config, Family } from "./huggingface/family.ts";
import { fromStored, toStored } from "./huggingface/stored.ts";
import { type Heads, type ModelParameters, modelParameters } from "./model.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** A model in hand: what it is, how large, its heads, its parameters and its tokenizer. */
export interface Pretrained {
  /** Which model. */
  spec: ModelSpec;
  /** How large. */
  sizes: Sizes;
  /** What stands on the encoder. */
  heads: Heads;
  /** The parameters, kept on the device. */
  params: ModelParameters;
  /** How a text becomes its tokens, if the folder has the files of a tokenizer. */
  tokenizer?: Tokenizer;
  /** Names of the classes in order, if the model has classes. */
  labels?: readonly string[];
  /** What its config.json said besides; it goes where the model goes. */
  config?: Config;
}

/**
 * Load a model from a folder. Either all of it is loaded, or an error names file and tensor.
 *
 * @throws {FileError} where a file is missing or broken, the model is not known, or a tensor is missing,
 * has another shape, has NaN in it, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { loadPretrained, savePretrained } from "@lineage/lineage/models/pretrained";
 * import { assertEquals } from "@std/assert";
 * const heads = { textClasses: 2 }, sizes = { ...BERT_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const folder = await Deno.makeTempDir();
 * await savePretrained(folder, { spec: BERT, sizes, heads, params });
 * assertEquals((await loadPretrained(folder)).sizes, sizes);
 * ```
 */
export async function loadPretrained(folder: string): Promise<Pretrained> {
  const weights = await readWeights(folder);
  const path = `${folder}/config.json`;
  const config = await readConfig(path);
  const type = String(config.model_type);
  const family = Object.hasOwn(families, type) && families[type];
  if (!family) {
    const known = Object.keys(families).join(", ");
    throw new FileError(path, `model_type "${config.model_type}" is not one of: ${known}`);
  }
  const labels = labelsOf(config);
  const heads = headsOf(path, config, family, labels.length);
  const { spec, sizes } = within(path, () => family.read(config));
  const declared = within(path, () => modelParameters(spec, sizes, heads));
  const names = family.names({ spec, sizes, heads });
  const params = fromStored(`${folder}/model.safetensors`, weights, { ...family, names }, declared);
  const classes = heads.textClasses ?? heads.tokenClasses;
  return {
    spec,
    sizes,
    heads,
    params: await keep(params),
    tokenizer: await loadTokenizer(folder, sizes.vocabulary),
    config: otherKeys(config),
    ...classes !== undefined && { labels },
  };
}

async function readConfig(path: string): Promise<Config> {
  const config = await readJSON(path, "the model's configuration");
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new FileError(path, "is not a JSON object; take the config.json of a model");
  }
  return config as Config;
}

function within<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw new FileError(path, (error as Error).message.replace("config.json: ", ""));
  }
}

function labelsOf(config: Config): string[] {
  const named = config.id2label as Record<string, string> | undefined;
  const count = named ? Object.keys(named).length : Number(config.num_labels ?? 2);
  return Array.from({ length: count }, (_, i) => named?.[i] ?? `LABEL_${i}`);
}

function headsOf(
  path: string,
  config: Config,
  family: Family,
  classes: number,
): Heads {
  const [name] = config.architectures as string[] ?? [];
  const heads = family.architectures[name];
  if (heads) return heads(classes);
  const known = Object.keys(family.architectures).join(", ");
  throw new FileError(path, `architecture "${name}" is not one of: ${known}`);
}

/**
 * Save a model so that Hugging Face's library and `loadPretrained` read it: all files or none.
 *
 * @throws {FileError} where the folder has something else in it or cannot be written.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { savePretrained } from "@lineage/lineage/models/pretrained";
 * const heads = { maskedLM: true }, sizes = { ...BERT_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * await savePretrained(await Deno.makeTempDir(), { spec: BERT, sizes, heads, params });
 * ```
 */
export async function savePretrained(
  folder: string,
  model: Pretrained,
  others: Record<string, Content> = {},
): Promise<void> {
  await writeFolderAtomically(folder, { ...await modelFiles(model), ...others });
}

/**
 * The files of a model by name: what `savePretrained` writes. A parameter that several layers share is
 * stored for each of them, unless the family's checkpoints can say that it is shared.
 *
 * @throws {Error} where the family's checkpoints cannot say what the model is.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { modelFiles } from "@lineage/lineage/models/pretrained";
 * import { assertEquals } from "@std/assert";
 * const heads = { span: true }, sizes = { ...BERT_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const files = await modelFiles({ spec: BERT, sizes, heads, params });
 * const { architectures } = JSON.parse(String(files["config.json"]));
 * assertEquals(architectures, ["BertForQuestionAnswering"]);
 * ```
 */
export async function modelFiles(model: Pretrained): Promise<Record<string, Content>> {
  const { spec, heads, params, tokenizer, config } = model;
  const family = familyOf(spec), { pack = (tensors) => tensors } = family;
  const said = {
    ...family.others,
    ...config,
    ...family.write(model),
    architectures: [architectureOf(family, heads)],
    ...labelKeys(model),
  };
  const tensors = await toStored(params, family.names(model));
  return {
    "config.json": JSON.stringify(said, null, 2) + "\n",
    "model.safetensors": safetensorsParts(pack(tensors), { format: "pt" }),
    ...tokenizer?.files(),
  };
}

/** Names of the classes; two classes without names go without saying. */
function labelKeys({ heads, labels }: Pretrained): Config {
  const classes = heads.textClasses ?? heads.tokenClasses;
  const names = labels ?? Array.from({ length: classes ?? 0 }, (_, i) => `LABEL_${i}`);
  if (names.length === 0 || names.join() === "LABEL_0,LABEL_1") return {};
  return {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}
