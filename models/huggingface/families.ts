/**
 * The families of checkpoints that this library reads and writes.
 *
 * Idea   config.json says `model_type`; a model's record says `layout`. Both name a family here.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import type { Heads } from "../model.ts";
import { differences } from "../spec.ts";
import { albertFamily } from "./albert.ts";
import { bertFamily, ernieFamily } from "./bert.ts";
import { distilbertFamily } from "./distilbert.ts";
import { electraFamily } from "./electra.ts";
import type { Family, Sized } from "./family.ts";
import { gpt2Family, gptFamily } from "./gpt.ts";
import { robertaFamily } from "./roberta.ts";

/** The families by the `model_type` of their config.json. */
export const families: Readonly<Record<string, Family>> = {
  bert: bertFamily,
  roberta: robertaFamily,
  albert: albertFamily,
  distilbert: distilbertFamily,
  electra: electraFamily,
  ernie: ernieFamily,
  "openai-gpt": gptFamily,
  gpt2: gpt2Family,
};

/** Keys of a model that a checkpoint of its family can say, or that no checkpoint says. */
const sayable = ["stack", "activation", "headActivation", "objectives"];

/**
 * The family that a model is stored with.
 *
 * @throws {Error} where it has none, or differs from it in what a checkpoint cannot say.
 *
 * @example
 * ```ts
 * import { BERT } from "@lineage/lineage/models/bert";
 * import { bertFamily } from "@lineage/lineage/models/huggingface/bert";
 * import { familyOf } from "@lineage/lineage/models/huggingface/families";
 * import { SPANBERT } from "@lineage/lineage/models/spanbert";
 * import { assertEquals, assertThrows } from "@std/assert";
 * assertEquals(familyOf(SPANBERT), bertFamily);
 * assertThrows(() => familyOf({ ...BERT, segmented: false }), Error, "segmented");
 * ```
 */
export function familyOf(spec: Sized["spec"]): Family {
  const family = Object.hasOwn(families, spec.layout) && families[spec.layout];
  if (!family) throw new Error(`${spec.name} has no layout of Hugging Face's to be saved in`);
  const odd = differences(family.spec, spec).filter((key) => !sayable.includes(key));
  if (odd.length === 0) return family;
  throw new Error(
    `${spec.name} cannot be saved as ${family.spec.name}: it has another ${odd.join(", ")}`,
  );
}

/**
 * Hugging Face's class for a model with these heads.
 *
 * @throws {Error} where there is none.
 *
 * @example
 * ```ts
 * import { bertFamily } from "@lineage/lineage/models/huggingface/bert";
 * import { architectureOf } from "@lineage/lineage/models/huggingface/families";
 * import { assertEquals } from "@std/assert";
 * assertEquals(architectureOf(bertFamily, { span: true }), "BertForQuestionAnswering");
 * ```
 */
export function architectureOf(family: Family, heads: Heads): string {
  const wanted = JSON.stringify(Object.entries(heads).sort());
  const classes = heads.textClasses ?? heads.tokenClasses ?? 2;
  const found = Object.entries(family.architectures).find(([, of]) =>
    JSON.stringify(Object.entries(of(classes)).sort()) === wanted
  );
  if (found) return found[0];
  throw new Error(`${family.spec.name} with the heads ${wanted} has no class to be saved as`);
}
