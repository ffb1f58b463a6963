/**
 * Families of checkpoints: what one needs to know of a model to read and write it as Hugging Face does.
 *
 * Idea   Every model of the family tells the same things of itself under other names. So a family is a
 *        record: names of tensors, names of sizes, values that never change. The code that reads and
 *        writes is one.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import type { Activation } from "../../core/feed_forward.ts";
import { gelu, geluTanh, relu, silu, tanh } from "../../core/tensor/mod.ts";
import type { StoredTensor } from "../../core/training/safetensors.ts";
import type { Heads } from "../model.ts";
import type { ModelSpec, Sizes } from "../spec.ts";
import type { NameTable } from "./names.ts";

/** A config.json. */
export type Config = Readonly<Record<string, unknown>>;

/** A model and its sizes. */
export interface Sized {
  /** Which model. */
  spec: ModelSpec;
  /** How large. */
  sizes: Sizes;
}

/** What the config.json of a family says. */
export interface ConfigLayout {
  /** The model, as far as its config.json does not say otherwise. */
  spec: ModelSpec;
  /** What a config.json means that leaves a size out. */
  defaults: Sizes;
  /** Their keys and the sizes that they name. */
  sizes: Readonly<Record<string, Exclude<keyof Sizes, "dropout">>>;
  /** Their keys of the two rates of dropout. */
  dropout: { readonly hidden: string; readonly attention: string };
  /** Their key of the activation, and which it is where the key is left out. */
  activation: readonly [key: string, otherwise: string];
  /** What a config.json must say, if it says anything of it. */
  required: Config;
  /** What else is in a config.json: for Hugging Face's library, without meaning here. */
  others: Config;
}

/** What this library knows of a family of checkpoints. */
export interface Family {
  /** The model. */
  spec: ModelSpec;
  /** The prefix of the encoder's names, which published checkpoints may lack. */
  prefix: string;
  /** Names of the parameters of a model. */
  names: (model: Sized & { heads: Heads }) => NameTable;
  /** The model and its sizes that a config.json means. */
  read: (config: Config) => Sized;
  /** The config.json of a model, but for its heads. */
  write: (model: Sized) => Config;
  /** What a config.json has besides, where the model did not come with one. */
  others: Config;
  /** Hugging Face's classes and the heads they mean; `classes` is the number of labels. */
  architectures: Readonly<Record<string, (classes: number) => Heads>>;
  /** Names of tensors in published files that say nothing new, or that their class leaves out. */
  redundant: readonly RegExp[];
  /** From tensors as they are stored to one for each parameter, where they are stored otherwise. */
  unpack?: (tensors: ReadonlyMap<string, StoredTensor>) => ReadonlyMap<string, StoredTensor>;
  /** And back. */
  pack?: (tensors: ReadonlyMap<string, StoredTensor>) => ReadonlyMap<string, StoredTensor>;
}

/** Their names of activations. */
const activations: Record<string, Activation> = { gelu, gelu_new: geluTanh, relu, silu, tanh };

/**
 * How the config.json of a family is read and written.
 *
 * @throws {RangeError} from `read`, where a size is no size, or the config asks for what the model cannot
 * do; from `write`, where the model is not what the family's checkpoints are.
 *
 * @example
 * ```ts
 * import { bertFamily } from "@lineage/lineage/models/huggingface/bert";
 * import { assertEquals } from "@std/assert";
 * const { spec, sizes } = bertFamily.read({ hidden_size: 64, num_attention_heads: 2 });
 * assertEquals(sizes.width, 64);
 * assertEquals(bertFamily.write({ spec, sizes }).hidden_size, 64);
 * ```
 */
export function configOf(layout: ConfigLayout): Pick<Family, "spec" | "read" | "write" | "others"> {
  const { spec, others } = layout;
  return {
    spec,
    others: { ...layout.required, ...others },
    read(config) {
      checkRequired(layout, config);
      const activation = readActivation(layout, config);
      const same = activation === spec.activation;
      return { spec: same ? spec : { ...spec, activation }, sizes: readSizes(layout, config) };
    },
    write: (model) => ({
      model_type: spec.layout,
      ...Object.fromEntries(
        Object.entries(layout.sizes).map(([theirs, ours]) => [theirs, model.sizes[ours]]),
      ),
      [layout.activation[0]]: nameOf(model.spec.activation),
      [layout.dropout.hidden]: model.sizes.dropout.hidden,
      [layout.dropout.attention]: model.sizes.dropout.attention,
      torch_dtype: "float32",
    }),
  };
}

function checkRequired({ spec, required }: ConfigLayout, config: Config): void {
  for (const [key, value] of Object.entries(required)) {
    if ((config[key] ?? value) === value) continue;
    throw new RangeError(
      `config.json: ${key} ${JSON.stringify(config[key])} is not ${spec.name}'s ${value}`,
    );
  }
}

function readActivation(
  { activation: [key, otherwise] }: ConfigLayout,
  config: Config,
): Activation {
  const name = String(config[key] ?? otherwise);
  if (Object.hasOwn(activations, name)) return activations[name];
  const known = Object.keys(activations).join(", ");
  throw new RangeError(`config.json: ${key} "${name}" is not one of: ${known}`);
}

function nameOf(activation: Activation): string {
  const found = Object.entries(activations).find(([, f]) => f === activation);
  if (found) return found[0];
  throw new RangeError("this activation has no name of Hugging Face's to be saved under");
}

function readSizes(layout: ConfigLayout, config: Config): Sizes {
  const sizes: Sizes = { ...layout.defaults };
  for (const [theirs, ours] of Object.entries(layout.sizes)) {
    const value = config[theirs] ?? sizes[ours];
    const least = ours === "epsilon" ? Number.MIN_VALUE : ours === "padding" ? 0 : 1;
    const whole = ours === "epsilon" || Number.isInteger(value);
    if (typeof value !== "number" || !(value >= least) || !whole) {
      throw new RangeError(`config.json: ${theirs} is ${JSON.stringify(value)}, not a size`);
    }
    sizes[ours] = value;
  }
  const rate = (key: string, otherwise: number) => {
    const value = config[key] ?? otherwise;
    if (typeof value === "number" && value >= 0 && value < 1) return value;
    throw new RangeError(`config.json: ${key} is ${JSON.stringify(value)}, not a rate below 1`);
  };
  const { hidden, attention } = layout.dropout, { dropout } = layout.defaults;
  sizes.dropout = {
    hidden: rate(hidden, dropout.hidden),
    attention: rate(attention, dropout.attention),
  };
  return sizes;
}
