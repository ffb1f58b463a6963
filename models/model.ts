/**
 * A whole model: an encoder with the heads of its task.
 *
 * Idea   What is saved and loaded is an encoder and a set of heads. Hugging Face has a class for each
 *        set; here it is a record, and a task's head is there or not.
 * Maths  none here; encoder in spec.ts, heads in heads.ts.
 * Axes   as in spec.ts.
 * Differs from the paper: there is none.
 * @module
 */
import type { Parameters } from "../core/parameters.ts";
import { BERT } from "./bert.ts";
import {
  type ClassifierDeclared,
  classifierParameters,
  type MaskedLMDeclared,
  maskedLMParameters,
} from "./heads.ts";
import { bertConfig, bertNames, bertSizes } from "./huggingface/bert.ts";
import type { NameTable } from "./huggingface/names.ts";
import { type EncoderDeclared, encoderParameters, type ModelSpec, type Sizes } from "./spec.ts";

/** The heads a model may have. */
export interface Heads {
  /** Names the token at each position. */
  maskedLM?: boolean;
  /** Tells whether the second segment followed the first. */
  nextSentence?: boolean;
  /** Number of classes of a text, from its pooled vector. */
  textClasses?: number;
  /** Number of classes of each token. */
  tokenClasses?: number;
  /** Finds the ends of an answer. */
  span?: boolean;
}

/** The declared parameters of a model. */
export interface ModelDeclared {
  /** The stack of layers. */
  encoder: EncoderDeclared;
  /** Of pre-training. */
  maskedLM?: MaskedLMDeclared;
  /** Of pre-training. */
  nextSentence?: ClassifierDeclared;
  /** Of texts or tokens. */
  classifier?: ClassifierDeclared;
  /** Of answers. */
  span?: ClassifierDeclared;
}

/** The parameters of a model. */
export type ModelParameters = Parameters<ModelDeclared>;

/** What this library knows of a family of checkpoints. */
export interface Family {
  /** The model. */
  spec: ModelSpec;
  /** Names of its parameters. */
  names: NameTable;
  /** The prefix of the encoder's names, which published checkpoints may lack. */
  prefix: string;
  /** Sizes from a config.json. */
  sizes: (config: Record<string, unknown>) => Sizes;
  /** A config.json from sizes. */
  config: (sizes: Sizes) => Record<string, unknown>;
  /** Hugging Face's classes and the heads they mean; `classes` is the number of labels. */
  architectures: Record<string, (classes: number) => Heads>;
  /** Names of tensors in published files that say nothing new. */
  redundant: readonly RegExp[];
}

/** The families by the `model_type` of their config.json. */
export const families: Record<string, Family> = {
  bert: {
    spec: BERT,
    names: bertNames,
    prefix: "bert.",
    sizes: bertSizes,
    config: bertConfig,
    architectures: {
      BertForPreTraining: () => ({ maskedLM: true, nextSentence: true }),
      BertForMaskedLM: () => ({ maskedLM: true }),
      BertForSequenceClassification: (textClasses) => ({ textClasses }),
      BertForTokenClassification: (tokenClasses) => ({ tokenClasses }),
      BertForQuestionAnswering: () => ({ span: true }),
      BertModel: () => ({}),
    },
    redundant: [/\.position_ids$/, /^cls\.predictions\.decoder\.(weight|bias)$/],
  },
};

/** Whether a set of heads needs the pooler: those about the whole text do, a bare encoder has it. */
function needsPooler(heads: Heads): boolean {
  return heads.nextSentence || heads.textClasses !== undefined || Object.keys(heads).length === 0;
}

/**
 * Declare a model; nothing is allocated.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assert } from "@std/assert";
 * const small = modelParameters(BERT, BERT_TINY, { textClasses: 2 });
 * assert(countParameters(small) < 1e6);
 * ```
 */
export function modelParameters(spec: ModelSpec, sizes: Sizes, heads: Heads): ModelDeclared {
  const { width, vocabulary } = sizes;
  const { maskedLM, nextSentence, textClasses, tokenClasses, span } = heads;
  const classes = textClasses ?? tokenClasses;
  return {
    encoder: encoderParameters(spec, sizes, spec.pooled && needsPooler(heads)),
    ...maskedLM && { maskedLM: maskedLMParameters(width, vocabulary) },
    ...nextSentence && { nextSentence: classifierParameters(width, 2) },
    ...classes !== undefined && { classifier: classifierParameters(width, classes) },
    ...span && { span: classifierParameters(width, 2) },
  };
}
