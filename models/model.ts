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
import { initialise, type Parameters } from "../core/parameters.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { type DetectionDeclared, detectionParameters } from "./detection_head.ts";
import {
  type ClassifierDeclared,
  classifierParameters,
  type LanguageModelDeclared,
  languageModelLogits,
  type MaskedLMDeclared,
  maskedLMLogits,
  maskedLMParameters,
} from "./heads.ts";
import { type EncoderDeclared, encoderParameters, type ModelSpec, type Sizes } from "./spec.ts";

/** The heads a model may have. */
export interface Heads {
  /** Names the token at each position. */
  maskedLM?: boolean;
  /** Names the next token (or the one before) by the word table; it has no parameters of its own. */
  languageModel?: boolean;
  /** Tells whether the second segment followed the first. */
  nextSentence?: boolean;
  /** Tells whether the two segments are in order. */
  sentenceOrder?: boolean;
  /** Tells of each token whether it was replaced. */
  replacedTokens?: boolean;
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
  /** Of pre-training; empty, as the word table is the embedding's. */
  languageModel?: LanguageModelDeclared;
  /** Of pre-training. */
  nextSentence?: ClassifierDeclared;
  /** Of pre-training. */
  sentenceOrder?: ClassifierDeclared;
  /** Of pre-training. */
  replacedTokens?: DetectionDeclared;
  /** Of texts or tokens. */
  classifier?: ClassifierDeclared;
  /** Of answers. */
  span?: ClassifierDeclared;
}

/** The parameters of a model. */
export type ModelParameters = Parameters<ModelDeclared>;

/** Heads about the whole text need a pooler; a bare encoder has one if pre-training had. */
function needsPooler({ pooled }: ModelSpec, heads: Heads): boolean {
  const bare = Object.keys(heads).length === 0;
  const ofText = heads.nextSentence || heads.sentenceOrder || heads.textClasses !== undefined;
  return ofText || bare && pooled.pretrained;
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
  const { width, vocabulary } = sizes, { textClasses, tokenClasses } = heads;
  const classes = textClasses ?? tokenClasses;
  const ofTwo = () => classifierParameters(width, 2);
  return {
    encoder: encoderParameters(spec, sizes, needsPooler(spec, heads)),
    ...heads.maskedLM && {
      maskedLM: maskedLMParameters(width, vocabulary, spec.embed.width(sizes)),
    },
    ...heads.languageModel && { languageModel: {} },
    ...heads.nextSentence && { nextSentence: ofTwo() },
    ...heads.sentenceOrder && { sentenceOrder: ofTwo() },
    ...heads.replacedTokens && { replacedTokens: detectionParameters(width) },
    ...classes !== undefined && { classifier: classifierParameters(width, classes) },
    ...heads.span && { span: ofTwo() },
  };
}

/**
 * The parameters of a model with other heads: what was learned stays, what is missing starts anew from
 * the key. A classifier and the ends of an answer always start anew. `keep` before use.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters, withHeads } from "@lineage/lineage/models/model";
 * import { assert } from "@std/assert";
 * const sizes = { ...BERT_TINY, vocabulary: 50, layers: 1 };
 * const before = initialise(modelParameters(BERT, sizes, { maskedLM: true }), randomKey(1));
 * const after = withHeads(BERT, sizes, before, { textClasses: 3 }, randomKey(2));
 * assert(after.encoder.layers === before.encoder.layers); // learned
 * assert(after.encoder.pooler && !before.encoder.pooler); // new: nothing pooled before
 * assert(!after.maskedLM && after.classifier);
 * ```
 */
export function withHeads(
  spec: ModelSpec,
  sizes: Sizes,
  learned: ModelParameters,
  heads: Heads,
  key: Key,
): ModelParameters {
  const { encoder, ...others } = initialise(modelParameters(spec, sizes, heads), key);
  const { pooler, ...stack } = learned.encoder;
  const pretrained = [
    "maskedLM",
    "languageModel",
    "nextSentence",
    "sentenceOrder",
    "replacedTokens",
  ] as const;
  const kept = pretrained.filter((name) => others[name] && learned[name]);
  return {
    encoder: { ...stack, ...encoder.pooler && { pooler: pooler ?? encoder.pooler } },
    ...others,
    ...Object.fromEntries(kept.map((name) => [name, learned[name]])),
  };
}

/**
 * The scores of a model's masked-LM or language-model head, with all that it takes from the rest of the model.
 *
 * @throws {Error} where the model has no such head.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { randomKey, tensor } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters, nameTokens } from "@lineage/lineage/models/model";
 * import { encode } from "@lineage/lineage/models/spec";
 * import { assertEquals } from "@std/assert";
 * const params = initialise(modelParameters(BERT, BERT_TINY, { maskedLM: true }), randomKey(1));
 * const { last } = encode(BERT, BERT_TINY, params.encoder, { ids: tensor("B T", [[2, 7, 3]]) });
 * assertEquals(nameTokens(BERT, BERT_TINY, params, last).shape, [1, 3, BERT_TINY.vocabulary]);
 * ```
 */
export function nameTokens(
  spec: ModelSpec,
  sizes: Sizes,
  { encoder, maskedLM, languageModel }: ModelParameters,
  x: Tensor<"B T D">,
): Tensor<"B T V"> {
  if (languageModel) return languageModelLogits(x, encoder.embedding.word);
  if (!maskedLM) throw new Error(`this ${spec.name} has no masked-LM head to name tokens with`);
  const activation = spec.headActivation ?? spec.activation;
  return maskedLMLogits(x, maskedLM, encoder.embedding.word, activation, sizes.epsilon);
}
