/**
 * Models of one stack of layers with the heads of a task, as Hugging Face stores them: BERT's kin and the GPTs.
 *
 * Idea   config.json says the family (families.ts), which says model and sizes, and Hugging Face's class, which
 *        says the heads.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import { type Heads, type ModelDeclared, modelParameters } from "../model.ts";
import type { Config } from "./config.ts";
import { architectureOf, families, familyOf } from "./families.ts";
import type { Family, Sized } from "./family.ts";
import type { Layout } from "./layout.ts";

/** A model of one stack. */
export interface Stack extends Sized {
  /** As opposed to the other kinds; it need not be said. */
  kind?: "stack";
  /** What stands on the encoder. */
  heads: Heads;
  /** Names of the classes in order, if the model has classes. */
  labels?: readonly string[];
}

/** `model_type`: one of `families`. */
export const stackLayout: Layout<Stack, ModelDeclared> = {
  read(config) {
    const family = families[String(config.model_type)], labels = labelsOf(config);
    const heads = headsOf(config, family, labels.length);
    const classes = heads.textClasses ?? heads.tokenClasses;
    return { ...family.read(config), heads, ...classes !== undefined && { labels } };
  },
  write(model) {
    const family = familyOf(model.spec);
    return {
      ...family.others,
      ...model.config,
      ...family.write(model),
      architectures: [architectureOf(family, model.heads)],
      ...labelKeys(model),
    };
  },
  declared: ({ spec, sizes, heads }) => modelParameters(spec, sizes, heads),
  naming(model) {
    const family = familyOf(model.spec);
    return { ...family, names: family.names(model) };
  },
};

function labelsOf(config: Config): string[] {
  const named = config.id2label as Record<string, string> | undefined;
  const count = named ? Object.keys(named).length : Number(config.num_labels ?? 2);
  return Array.from({ length: count }, (_, i) => named?.[i] ?? `LABEL_${i}`);
}

function headsOf(config: Config, { architectures }: Family, classes: number): Heads {
  const [name] = config.architectures as string[] ?? [];
  if (Object.hasOwn(architectures, name)) return architectures[name](classes);
  const known = Object.keys(architectures).join(", ");
  throw new RangeError(`architecture "${name}" is not one of: ${known}`);
}

/** Names of the classes; two classes without names go without saying. */
function labelKeys({ heads, labels }: Stack): Config {
  const classes = heads.textClasses ?? heads.tokenClasses;
  const names = labels ?? Array.from({ length: classes ?? 0 }, (_, i) => `LABEL_${i}`);
  if (names.length === 0 || names.join() === "LABEL_0,LABEL_1") return {};
  return {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}
