/**
 * Loading and saving a T5 in Hugging Face's layout: config.json, model.safetensors, and its tokenizer's files.
 *
 * Idea   As in pretrained.ts: the declaration says which tensors there must be, and the file has exactly those
 *        or nothing is loaded.
 * Maths  none.
 * Differs from the paper: there is none.
 * Trap   A published T5 knows 32,128 tokens, its SentencePiece file 32,000 and 100 sentinels: the last 28 rows of its
 *        vectors are nobody's.
 * @module
 */
import { keep } from "../core/tensor/mod.ts";
import { loadTokenizer } from "../core/text/load_tokenizer.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { FileError, readJSON, writeFolderAtomically } from "../core/training/files.ts";
import { readWeights, safetensorsParts } from "../core/training/safetensors.ts";
import { type EncoderDecoderParameters, encoderDecoderParameters } from "./encoder_decoder.ts";
import { otherKeys } from "./huggingface/families.ts";
import type { Config } from "./huggingface/family.ts";
import { fromStored, toStored } from "./huggingface/stored.ts";
import { readT5Config, type SizedT5, t5Naming, writeT5Config } from "./huggingface/t5.ts";

/** A T5 in hand. */
export interface PretrainedT5 extends SizedT5 {
  /** The parameters, kept on the device. */
  params: EncoderDecoderParameters;
  /** How a text becomes its tokens, if the folder has the files of a tokenizer. */
  tokenizer?: Tokenizer;
  /** What its config.json said besides; it goes where the model goes. */
  config?: Config;
}

/**
 * Load a T5 from a folder. Either all of it is loaded, or an error names file and tensor.
 *
 * @throws {FileError} where a file is missing or broken, the model is no T5, or a tensor is missing, has
 * another shape, has NaN in it, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { loadT5, saveT5 } from "@lineage/lineage/models/pretrained_t5";
 * import { startT5, T5, T5_TINY } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const folder = await Deno.makeTempDir(), params = startT5(T5, T5_TINY, randomKey(1));
 * await saveT5(folder, { spec: T5, sizes: T5_TINY, params });
 * assertEquals((await loadT5(folder)).sizes, T5_TINY);
 * ```
 */
export async function loadT5(folder: string): Promise<PretrainedT5> {
  const weights = await readWeights(folder), path = `${folder}/config.json`;
  const config = await readJSON(path, "the model's configuration") as Config;
  if (config?.model_type !== "t5") {
    throw new FileError(path, `model_type "${config?.model_type}" is not t5`);
  }
  const { spec, sizes } = sizedOf(path, config);
  const declared = encoderDecoderParameters(spec, sizes), naming = t5Naming(spec);
  const params = fromStored(`${folder}/model.safetensors`, weights, naming, declared);
  return {
    spec,
    sizes,
    params: await keep(params),
    tokenizer: await loadTokenizer(folder, sizes.vocabulary),
    config: otherKeys(config),
  };
}

function sizedOf(path: string, config: Config): SizedT5 {
  try {
    return readT5Config(config);
  } catch (error) {
    throw new FileError(path, (error as Error).message.replace("config.json: ", ""));
  }
}

/**
 * Save a T5 so that Hugging Face's library and `loadT5` read it: all files or none.
 *
 * @throws {RangeError} where T5's checkpoints cannot say what the model is.
 * @throws {FileError} where the folder has something else in it or cannot be written.
 *
 * @example
 * ```ts
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { saveT5 } from "@lineage/lineage/models/pretrained_t5";
 * import { startT5, T5_1_1, T5_TINY } from "@lineage/lineage/models/t5";
 * const params = startT5(T5_1_1, T5_TINY, randomKey(1));
 * await saveT5(await Deno.makeTempDir(), { spec: T5_1_1, sizes: T5_TINY, params });
 * ```
 */
export async function saveT5(folder: string, model: PretrainedT5): Promise<void> {
  const said = { ...model.config, ...writeT5Config(model) };
  const tensors = await toStored(model.params, t5Naming(model.spec).names);
  await writeFolderAtomically(folder, {
    "config.json": JSON.stringify(said, null, 2) + "\n",
    "model.safetensors": safetensorsParts(tensors, { format: "pt" }),
    ...model.tokenizer?.files(),
  });
}
