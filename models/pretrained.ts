/**
 * Loading and saving models in Hugging Face's layout: config.json, model.safetensors, and its tokenizer's files.
 *
 * Idea   config.json says `model_type`; the table below says which kind of model that is and how the kind is
 *        stored. So one function loads every folder, and one saves every model.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import type { Precision } from "../core/tensor/mod.ts";
import {
  type Content,
  FileError,
  readJSON,
  recoverFolder,
  writeFolderAtomically,
} from "../core/training/files.ts";
import type { EncoderDecoderDeclared } from "./encoder_decoder.ts";
import type { Config } from "./huggingface/config.ts";
import { families } from "./huggingface/families.ts";
import { filesOf, type InHand, type Layout, readModel } from "./huggingface/layout.ts";
import { type Stack, stackLayout } from "./huggingface/stack.ts";
import { type SizedT5, t5Layout } from "./huggingface/t5.ts";
import { type SizedTransformerXL, transformerXLLayout } from "./huggingface/transformer_xl.ts";
import { type SizedXLNet, xlnetLayout } from "./huggingface/xlnet.ts";
import type { ModelDeclared } from "./model.ts";
import type { TransformerXLDeclared } from "./transformer_xl.ts";
import type { XLNetDeclared } from "./xlnet.ts";

/** A model of one stack in hand, BERT and its kin or a GPT: what it is, its heads, its parameters. */
export type Pretrained = InHand<Stack, ModelDeclared>;
/** A T5 in hand. */
export type PretrainedT5 = InHand<SizedT5, EncoderDecoderDeclared>;
/** A Transformer-XL in hand. */
export type PretrainedTransformerXL = InHand<SizedTransformerXL, TransformerXLDeclared>;
/** An XLNet in hand. */
export type PretrainedXLNet = InHand<SizedXLNet, XLNetDeclared>;

/** The models in hand by their kind. */
export interface Kinds {
  /** BERT and its kin, the GPTs. */
  stack: Pretrained;
  /** T5, of both versions. */
  t5: PretrainedT5;
  /** Transformer-XL. */
  "transfo-xl": PretrainedTransformerXL;
  /** XLNet. */
  xlnet: PretrainedXLNet;
}

/** How a kind is recognised, loaded and written. */
interface Kind<Model> {
  /** What a config.json calls it: `model_type`. */
  types: readonly string[];
  load: (folder: string, config: Config, precision?: Precision) => Promise<Model>;
  files: (model: Model) => Promise<Record<string, Content>>;
}

const asKind = <M extends { sizes: { vocabulary: number } }, D>(
  types: readonly string[],
  layout: Layout<M, D>,
): Kind<InHand<M, D>> => ({
  types,
  load: (folder, config, precision) => readModel(folder, config, layout, precision),
  files: (model) => filesOf(model, layout),
});

/** All that can be loaded. */
const kinds: { [K in keyof Kinds]: Kind<Kinds[K]> } = {
  stack: asKind(Object.keys(families), stackLayout),
  t5: asKind(["t5"], t5Layout),
  "transfo-xl": asKind(["transfo-xl"], transformerXLLayout),
  xlnet: asKind(["xlnet"], xlnetLayout),
};

/**
 * Load whatever model is in a folder; its `kind` tells which. Either all of it is loaded, or an error names
 * file and tensor.
 *
 * @param kind If another is there, say so instead of loading it.
 * @param precision `"half"` rounds the parameters as `keep` does: for reading and writing texts, not for training.
 * @throws {FileError} where a file is missing or broken, the model is not known or of another kind, or a
 * tensor is missing, has another shape, has NaN in it, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { loadModel, savePretrained } from "@lineage/lineage/models/pretrained";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals, assertRejects } from "@std/assert";
 * const folder = await Deno.makeTempDir(), params = startT5(T5, T5_TINY, randomKey(1));
 * await savePretrained(folder, { kind: "t5", spec: T5, sizes: T5_TINY, params });
 * const model = await loadModel(folder);
 * if (model.kind === "t5") assertEquals(model.spec.name, "T5");
 * await assertRejects(() => loadModel(folder, "xlnet"), Error, '"t5" is not what is asked for');
 * ```
 */
export async function loadModel<K extends keyof Kinds = keyof Kinds>(
  folder: string,
  kind?: K,
  precision?: Precision,
): Promise<Kinds[K]> {
  await recoverFolder(folder); // else config.json may be of another checkpoint than the weights
  const config = await readConfig(`${folder}/config.json`);
  return await kinds[kindOf(folder, config, kind)].load(folder, config, precision);
}

async function readConfig(path: string): Promise<Config> {
  const config = await readJSON(path, "the model's configuration");
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new FileError(path, "is not a JSON object; take the config.json of a model");
  }
  return config as Config;
}

function kindOf<K extends keyof Kinds>(
  folder: string,
  { model_type: type }: Config,
  wanted?: K,
): K {
  const names = Object.keys(kinds) as K[];
  const found = names.find((name) => kinds[name].types.includes(String(type)));
  if (found && (wanted ?? found) === found) return found;
  const problem = found ? "not what is asked for" : "not known";
  const right = (wanted ? [wanted] : names).flatMap((name) => kinds[name].types).join(", ");
  throw new FileError(
    `${folder}/config.json`,
    `model_type "${type}" is ${problem}; that would be one of: ${right}`,
  );
}

/**
 * Load a model of one stack, which is what tasks/ and generation/ work with: `loadModel(folder, "stack", precision)`.
 *
 * @throws {FileError} as `loadModel`.
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
export const loadPretrained = (folder: string, precision?: Precision): Promise<Pretrained> =>
  loadModel(folder, "stack", precision);

/**
 * Save a model of any kind so that Hugging Face's library and `loadModel` read it: all files or none.
 *
 * @throws {Error} where the checkpoints of its kind cannot say what the model is.
 * @throws {FileError} where the folder has something else in it or cannot be written.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { loadModel, savePretrained } from "@lineage/lineage/models/pretrained";
 * import { XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * const folder = await Deno.makeTempDir(), sizes = { ...XLNET_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(xlnetParameters(sizes), randomKey(1));
 * await savePretrained(folder, { kind: "xlnet", sizes, params });
 * assertEquals((await loadModel(folder, "xlnet")).sizes, sizes);
 * ```
 */
export async function savePretrained(
  folder: string,
  model: Kinds[keyof Kinds],
  others: Record<string, Content> = {},
): Promise<void> {
  await writeFolderAtomically(folder, { ...await modelFiles(model), ...others });
}

/**
 * The files of a model by name: what `savePretrained` writes.
 *
 * @throws {Error} where the checkpoints of its kind cannot say what the model is.
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
export async function modelFiles(model: Kinds[keyof Kinds]): Promise<Record<string, Content>> {
  return await kinds[model.kind ?? "stack"].files(model as never); // a kind's files take its models
}
