/**
 * Models with parameters of their own as Hugging Face's folders: config.json and model.safetensors.
 *
 * Idea   What is not BERT with some keys changed has its own sizes and its own declaration. A layout says
 *        how both are stored; reading and writing are the same for all.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import { type Parameters } from "../../core/parameters.ts";
import { keep } from "../../core/tensor/mod.ts";
import {
  FileError,
  readJSON,
  recoverFolder,
  writeFolderAtomically,
} from "../../core/training/files.ts";
import {
  readWeights,
  safetensorsParts,
  type StoredTensor,
} from "../../core/training/safetensors.ts";
import type { Config } from "./family.ts";
import type { NameTable } from "./names.ts";
import { fromStored, toStored } from "./stored.ts";

/** How a model with sizes S and a declaration D is stored. */
export interface Layout<S, D> {
  /** The `model_type` of its config.json. */
  type: string;
  /** Hugging Face's class. */
  architecture: string;
  /** The sizes that a config.json means. */
  read: (config: Config) => S;
  /** The config.json of a model. */
  write: (sizes: S) => Config;
  /** What the file must hold. */
  declared: (sizes: S) => D;
  /** Our paths and theirs. */
  names: (sizes: S) => NameTable;
  /** The prefix of names, which published checkpoints may lack. */
  prefix: string;
  /** Names of tensors in published files that say nothing new. */
  redundant: readonly RegExp[];
  /** From tensors as they are stored to one for each parameter. */
  unpack: (tensors: ReadonlyMap<string, StoredTensor>) => ReadonlyMap<string, StoredTensor>;
  /** And back. */
  pack: (tensors: ReadonlyMap<string, StoredTensor>) => ReadonlyMap<string, StoredTensor>;
}

/** A model in hand. */
export interface Stored<S, D> {
  /** How large. */
  sizes: S;
  /** The parameters, kept on the device. */
  params: Parameters<D>;
  /** What its config.json said; it goes where the model goes. */
  config?: Config;
}

/**
 * Load a model from a folder. Either all of it is loaded, or an error names file and tensor.
 *
 * @throws {FileError} where a file is missing or broken, the model is another, or a tensor is missing, has
 * another shape, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { loadFolder } from "@lineage/lineage/models/huggingface/folder";
 * import { xlnetLayout } from "@lineage/lineage/models/huggingface/xlnet";
 * import { assertRejects } from "@std/assert";
 * await assertRejects(() => loadFolder("no/such/folder", xlnetLayout), Error, "no/such/folder");
 * ```
 */
export async function loadFolder<S, D>(
  folder: string,
  layout: Layout<S, D>,
): Promise<Stored<S, D>> {
  await recoverFolder(folder); // else config.json may be of another checkpoint than the weights
  const path = `${folder}/config.json`;
  const config = await readJSON(path, "the model's configuration") as Config;
  const { sizes, declared } = within(path, () => {
    if (config?.model_type !== layout.type) {
      throw new RangeError(`model_type "${config?.model_type}" is not "${layout.type}"`);
    }
    const sizes = layout.read(config);
    return { sizes, declared: layout.declared(sizes) };
  });
  const naming = { ...layout, names: layout.names(sizes) };
  const weights = await readWeights(folder);
  const params = fromStored(`${folder}/model.safetensors`, weights, naming, declared);
  return { sizes, params: await keep(params), config };
}

function within<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw new FileError(path, (error as Error).message);
  }
}

/**
 * Save a model so that Hugging Face's library and `loadFolder` read it: all files or none.
 *
 * @throws {FileError} where the folder has something else in it or cannot be written.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { loadFolder, saveFolder } from "@lineage/lineage/models/huggingface/folder";
 * import { xlnetLayout } from "@lineage/lineage/models/huggingface/xlnet";
 * import { XLNET_TINY, xlnetParameters } from "@lineage/lineage/models/xlnet";
 * import { assertEquals } from "@std/assert";
 * const sizes = { ...XLNET_TINY, vocabulary: 50, layers: 1 };
 * const params = initialise(xlnetParameters(sizes), randomKey(1));
 * const folder = await Deno.makeTempDir();
 * await saveFolder(folder, xlnetLayout, { sizes, params });
 * assertEquals((await loadFolder(folder, xlnetLayout)).sizes, sizes);
 * ```
 */
export async function saveFolder<S, D>(
  folder: string,
  layout: Layout<S, D>,
  { sizes, params, config }: Stored<S, D>,
): Promise<void> {
  const said = {
    ...config,
    ...layout.write(sizes),
    model_type: layout.type,
    architectures: [layout.architecture],
    torch_dtype: "float32",
  };
  const tensors = layout.pack(await toStored(params, layout.names(sizes)));
  await writeFolderAtomically(folder, {
    "config.json": JSON.stringify(said, null, 2) + "\n",
    "model.safetensors": safetensorsParts(tensors, { format: "pt" }),
  });
}

/**
 * A whole number that a config.json says, or what is meant where it says none.
 *
 * @throws {RangeError} where it is no whole number from `least`.
 *
 * @example
 * ```ts
 * import { wholeNumber } from "@lineage/lineage/models/huggingface/folder";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(wholeNumber({ n_layer: 2 }, "n_layer", 12), 2);
 * assertThrows(() => wholeNumber({ n_layer: 0 }, "n_layer", 12), RangeError, "n_layer is 0");
 * ```
 */
export function wholeNumber(config: Config, key: string, otherwise: number, least = 1): number {
  const value = config[key] ?? otherwise;
  if (typeof value === "number" && Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`${key} is ${JSON.stringify(value)}, not a whole number from ${least}`);
}

/**
 * A number of an interval that a config.json says, or what is meant where it says none.
 *
 * @throws {RangeError} where it is not from `least` up to below `end`.
 *
 * @example
 * ```ts
 * import { numberWithin } from "@lineage/lineage/models/huggingface/folder";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(numberWithin({}, "dropout", 0.1, 0, 1), 0.1);
 * assertThrows(() => numberWithin({ dropout: 1 }, "dropout", 0.1, 0, 1), RangeError, "dropout");
 * ```
 */
export function numberWithin(
  config: Config,
  key: string,
  otherwise: number,
  least: number,
  end: number,
): number {
  const value = config[key] ?? otherwise;
  if (typeof value === "number" && value >= least && value < end) return value;
  throw new RangeError(`${key} is ${JSON.stringify(value)}, not from ${least} to below ${end}`);
}

/**
 * Refuse a config.json that asks for what the model here does not do.
 *
 * @throws {RangeError} naming the key.
 *
 * @example
 * ```ts
 * import { checkFixed } from "@lineage/lineage/models/huggingface/folder";
 * import { assertThrows } from "@std/assert";
 * checkFixed({ attn_type: "bi" }, { attn_type: "bi", bi_data: false });
 * assertThrows(() => checkFixed({ attn_type: "uni" }, { attn_type: "bi" }), RangeError, "attn_type");
 * ```
 */
export function checkFixed(config: Config, fixed: Config): void {
  for (const [key, value] of Object.entries(fixed)) {
    const said = config[key] ?? value;
    if (said === value) continue;
    throw new RangeError(`${key} is ${JSON.stringify(said)}; only ${value} is known here`);
  }
}

/**
 * A tensor with its axes in another order, such as output axis first.
 *
 * @example
 * ```ts
 * import { transposed } from "@lineage/lineage/models/huggingface/folder";
 * import { assertEquals } from "@std/assert";
 * const stored = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
 * assertEquals([...transposed(stored).data], [1, 4, 2, 5, 3, 6]);
 * ```
 */
export function transposed({ shape: [rows, columns], data }: StoredTensor): StoredTensor {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j];
  }
  return { shape: [columns, rows], data: turned };
}
