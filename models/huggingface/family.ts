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
import type { Heads } from "../model.ts";
import type { ModelSpec, Sizes } from "../spec.ts";
import { aboveZero, checkFixed, type Config, dropoutRate, wholeNumber } from "./config.ts";
import type { NameTable } from "./names.ts";
import type { Naming } from "./stored.ts";

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
export interface Family extends Omit<Naming, "names"> {
  /** The model. */
  spec: ModelSpec;
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
      checkFixed(config, layout.required, spec.name);
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
    }),
  };
}

function readActivation(
  { activation: [key, otherwise] }: ConfigLayout,
  config: Config,
): Activation {
  const name = String(config[key] ?? otherwise);
  if (Object.hasOwn(activations, name)) return activations[name];
  const known = Object.keys(activations).join(", ");
  throw new RangeError(`${key} "${name}" is not one of: ${known}`);
}

function nameOf(activation: Activation): string {
  const found = Object.entries(activations).find(([, f]) => f === activation);
  if (found) return found[0];
  throw new RangeError("this activation has no name of Hugging Face's to be saved under");
}

function readSizes({ sizes: keys, dropout: rates, defaults }: ConfigLayout, config: Config): Sizes {
  const sizes: Sizes = { ...defaults };
  for (const [theirs, ours] of Object.entries(keys)) {
    sizes[ours] = ours === "epsilon"
      ? aboveZero(config, theirs, defaults.epsilon)
      : wholeNumber(config, theirs, defaults[ours], ours === "padding" ? 0 : 1);
  }
  const { hidden, attention } = defaults.dropout;
  sizes.dropout = {
    hidden: dropoutRate(config, rates.hidden, hidden),
    attention: dropoutRate(config, rates.attention, attention),
  };
  return sizes;
}
