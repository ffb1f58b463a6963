/**
 * What a config.json says, key by key.
 *
 * Idea   A key is read with what it means where it is left out, and with what it may be. What it may not be is
 *        an error that names it.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */

/** A config.json. */
export type Config = Readonly<Record<string, unknown>>;

/**
 * A whole number that a config.json says, or what is meant where it says none.
 *
 * @throws {RangeError} where it is no whole number from `least`.
 *
 * @example
 * ```ts
 * import { wholeNumber } from "@lineage/lineage/models/huggingface/config";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(wholeNumber({ n_layer: 2 }, "n_layer", 12), 2);
 * assertThrows(() => wholeNumber({ n_layer: 0 }, "n_layer", 12), RangeError, "n_layer is 0");
 * ```
 */
export function wholeNumber(
  config: Config,
  key: string,
  otherwise: number | undefined,
  least = 1,
): number {
  const value = config[key] ?? otherwise;
  if (typeof value === "number" && Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`${key} is ${JSON.stringify(value)}, not a whole number from ${least}`);
}

/**
 * A number above 0 that a config.json says, or what is meant where it says none.
 *
 * @throws {RangeError} where it is no finite number above 0.
 *
 * @example
 * ```ts
 * import { aboveZero } from "@lineage/lineage/models/huggingface/config";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(aboveZero({}, "layer_norm_eps", 1e-12), 1e-12);
 * assertThrows(() => aboveZero({ layer_norm_eps: 0 }, "layer_norm_eps", 1e-12), RangeError, "is 0");
 * ```
 */
export function aboveZero(config: Config, key: string, otherwise: number): number {
  const value = config[key] ?? otherwise;
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(`${key} is ${JSON.stringify(value)}, not a number above 0`);
}

/**
 * A rate of dropout that a config.json says, or what is meant where it says none.
 *
 * @throws {RangeError} where it is not from 0 to below 1.
 *
 * @example
 * ```ts
 * import { dropoutRate } from "@lineage/lineage/models/huggingface/config";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(dropoutRate({}, "dropout", 0.1), 0.1);
 * assertThrows(() => dropoutRate({ dropout: 1 }, "dropout", 0.1), RangeError, "dropout is 1");
 * ```
 */
export function dropoutRate(config: Config, key: string, otherwise: number): number {
  const value = config[key] ?? otherwise;
  if (typeof value === "number" && value >= 0 && value < 1) return value;
  throw new RangeError(`${key} is ${JSON.stringify(value)}, not a rate from 0 to below 1`);
}

/**
 * Refuse a config.json that asks for what the model here does not do.
 *
 * @throws {RangeError} naming key and model.
 *
 * @example
 * ```ts
 * import { checkFixed } from "@lineage/lineage/models/huggingface/config";
 * import { assertThrows } from "@std/assert";
 * checkFixed({ attn_type: "bi" }, { attn_type: "bi", bi_data: false }, "XLNet");
 * const other = { attn_type: "uni" };
 * assertThrows(() => checkFixed(other, { attn_type: "bi" }, "XLNet"), RangeError, "attn_type");
 * ```
 */
export function checkFixed(config: Config, fixed: Config, name: string): void {
  for (const [key, value] of Object.entries(fixed)) {
    const said = config[key] ?? value;
    if (said === value) continue;
    const [theirs, ours] = [said, value].map((x) => JSON.stringify(x));
    throw new RangeError(`${key} is ${theirs}; the ${name} that is known here has ${ours}`);
  }
}

/**
 * What a config.json says besides its classes and who wrote it: kept for the next one.
 *
 * @example
 * ```ts
 * import { otherKeys } from "@lineage/lineage/models/huggingface/config";
 * import { assertEquals } from "@std/assert";
 * const config = { architectures: ["BertModel"], transformers_version: "4.31.0", my_note: "best" };
 * assertEquals(otherKeys(config), { my_note: "best" });
 * ```
 */
export function otherKeys(config: Config): Config {
  const ours = ["architectures", "id2label", "label2id", "num_labels", "transformers_version"];
  return Object.fromEntries(Object.entries(config).filter(([key]) => !ours.includes(key)));
}
