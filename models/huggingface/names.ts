/**
 * Names of parameters: ours and Hugging Face's.
 *
 * Idea   A checkpoint is a dictionary of names. A table says for each of our paths how theirs begins;
 *        `{i}` stands for a number. The tables of the models are beside this file.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */

/** Our path (up to a dot or its end) and theirs; the first row that fits counts. */
export type NameTable = readonly (readonly [ours: string, theirs: string])[];

/**
 * Hugging Face's name of a parameter of ours.
 *
 * @throws {Error} where the table has no row for the path.
 *
 * @example
 * ```ts
 * import { theirName } from "@lineage/lineage/models/huggingface/names";
 * import { assertEquals } from "@std/assert";
 * const table = [["layers.{i}.norm.gain", "encoder.layer.{i}.LayerNorm.weight"]] as const;
 * assertEquals(theirName("layers.3.norm.gain", table), "encoder.layer.3.LayerNorm.weight");
 * ```
 */
export function theirName(path: string, table: NameTable): string {
  for (const [ours, theirs] of table) {
    const pattern = ours.replaceAll(".", "\\.").replaceAll("{i}", "(\\d+)");
    const match = new RegExp(`^${pattern}(?=\\.|$)`).exec(path);
    if (!match) continue;
    let next = 1;
    const start = theirs.replaceAll("{i}", () => match[next++]);
    return start + path.slice(match[0].length);
  }
  throw new Error(`no Hugging Face name is known for the parameter ${path}`);
}

/**
 * A layer norm of ours and of theirs.
 *
 * @example
 * ```ts
 * import { norm, theirName } from "@lineage/lineage/models/huggingface/names";
 * import { assertEquals } from "@std/assert";
 * assertEquals(theirName("pooler.bias", norm("pooler", "pooler.LayerNorm")), "pooler.LayerNorm.bias");
 * ```
 */
export const norm = (ours: string, theirs: string): NameTable => [
  [`${ours}.gain`, `${theirs}.weight`],
  [`${ours}.bias`, `${theirs}.bias`],
];
