/**
 * How models are stored as Hugging Face's folders: config.json, model.safetensors, the tokenizer's files.
 *
 * Idea   A kind of models has a layout: what a config.json means, which tensors there must then be, how they
 *        are called. Reading and writing are the same for all: the file has exactly those tensors, in those
 *        sizes, or nothing is loaded.
 * Maths  none.
 * Differs from the paper: there is none. Differs from Hugging Face's loader, which warns where a tensor is
 *        missing and starts it at random; here that is an error.
 * @module
 */
import type { Parameters } from "../../core/parameters.ts";
import { keep, type Precision } from "../../core/tensor/mod.ts";
import { loadTokenizer } from "../../core/text/load_tokenizer.ts";
import type { Tokenizer } from "../../core/text/tokenizer.ts";
import { type Content, FileError } from "../../core/training/files.ts";
import { readWeights, safetensorsParts } from "../../core/training/safetensors.ts";
import { type Config, otherKeys } from "./config.ts";
import { fromStored, type Naming, toStored } from "./stored.ts";

/** How the models of a kind are stored: M tells which and how large, D declares the parameters. */
export interface Layout<M, D> {
  /** The model that a config.json means; a RangeError where it means none that is known here. */
  read(config: Config): M;
  /** The config.json of a model; an error where none can say what it is. */
  write(model: M & { config?: Config }): Config;
  /** What the file must hold. */
  declared(model: M): D;
  /** How its tensors are called. */
  naming(model: M): Naming;
}

/** A model in hand. */
export type InHand<M, D> = M & {
  /** The parameters, kept on the device. */
  params: Parameters<D>;
  /** How a text becomes its tokens, if the folder has the files of a tokenizer. */
  tokenizer?: Tokenizer;
  /** What its config.json said besides; it goes where the model goes. */
  config?: Config;
};

/**
 * The model in a folder, of which config.json was read; its parameters are kept in a precision.
 *
 * @throws {FileError} where a file is missing or broken, config.json says what the layout does not know, or a
 * tensor is missing, has another shape, has NaN in it, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { readModel } from "@lineage/lineage/models/huggingface/layout";
 * import { xlnetLayout } from "@lineage/lineage/models/huggingface/xlnet";
 * import { assertRejects } from "@std/assert";
 * const odd = { d_model: 0 };
 * await assertRejects(() => readModel("folder", odd, xlnetLayout), Error, "folder/config.json: d_model");
 * ```
 */
export async function readModel<M extends { sizes: { vocabulary: number } }, D>(
  folder: string,
  config: Config,
  layout: Layout<M, D>,
  precision?: Precision,
): Promise<InHand<M, D>> {
  const { model, declared, naming } = meaning(`${folder}/config.json`, config, layout);
  const weights = await readWeights(folder);
  const stored = fromStored(`${folder}/model.safetensors`, weights, naming, declared);
  const params = await keep(stored, precision);
  const tokenizer = await loadTokenizer(folder, model.sizes.vocabulary);
  return { ...model, params, tokenizer, config: otherKeys(config) };
}

function meaning<M, D>(path: string, config: Config, layout: Layout<M, D>) {
  try {
    const model = layout.read(config);
    return { model, declared: layout.declared(model), naming: layout.naming(model) };
  } catch (error) {
    throw new FileError(path, (error as Error).message);
  }
}

/**
 * The files of a model by name. A parameter that several layers share is stored for each of them, unless the
 * layout can say that it is shared.
 *
 * @throws {Error} where the layout cannot say what the model is.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { filesOf } from "@lineage/lineage/models/huggingface/layout";
 * import { xlnetLayout } from "@lineage/lineage/models/huggingface/xlnet";
 * import { XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * const sizes = { ...XLNET_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(xlnetParameters(sizes), randomKey(1));
 * const files = await filesOf({ kind: "xlnet", sizes, params }, xlnetLayout);
 * assertEquals(JSON.parse(String(files["config.json"])).vocab_size, 50);
 * ```
 */
export async function filesOf<M, D>(
  model: InHand<M, D>,
  layout: Layout<M, D>,
): Promise<Record<string, Content>> {
  const said = { ...model.config, ...layout.write(model), torch_dtype: "float32" };
  const tensors = await toStored(model.params, layout.naming(model));
  return {
    "config.json": JSON.stringify(said, null, 2) + "\n",
    "model.safetensors": safetensorsParts(tensors, { format: "pt" }),
    ...model.tokenizer?.files(),
  };
}
