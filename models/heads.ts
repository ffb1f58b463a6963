/**
 * BERT's heads — Devlin et al. 2018 (1810.04805), §3.1 and §4.
 * Idea   What stands on top of the encoder. For pre-training: every position names its token again
 *        (with the input embedding as output layer, so that a token has one vector), and the pooled
 *        vector says whether the second sentence followed. For tasks: one linear layer.
 * Maths  masked LM: logits = LN(f(xW + b))·wordᵀ + c, with the word table of the embedding.
 *        language model (GPT): logits = x·wordᵀ.
 * Axes   B batch · T positions · D model width · E embedding width, mostly D · V vocabulary · C classes
 * Differs from the paper: nothing; the transform before the output layer is in the authors' code only.
 * Trap   An output layer of its own, not tied to the table, is 23 million parameters that nobody asked for.
 * @module
 */
import type { Activation } from "../core/feed_forward.ts";
import { layerNorm, type LayerNormDeclared, layerNormParameters } from "../core/layer_norm.ts";
import { declare, type Declared, type Parameters } from "../core/parameters.ts";
import { add, at, einsum, rename, type Tensor } from "../core/tensor/mod.ts";

/** The declared parameters of the masked-LM head. */
export interface MaskedLMDeclared {
  /** Linear layer before the norm, to the width of the word table. */
  transform: { weight: Declared<"E D">; bias: Declared<"E"> };
  /** Before the output layer. */
  norm: LayerNormDeclared;
  /** One for each token; the weights are those of the word embedding. */
  bias: Declared<"V">;
}

/** The parameters of the masked-LM head. */
export type MaskedLMParameters = Parameters<MaskedLMDeclared>;

/** The declared parameters of the language-model head: none, as the word table is the embedding's. */
export type LanguageModelDeclared = Record<never, never>;

/** A linear layer from D to classes. */
export interface ClassifierDeclared {
  /** Weights of each class. */
  weight: Declared<"C D">;
  /** Bias of each class. */
  bias: Declared<"C">;
}

/** The parameters of a linear classifier. */
export type ClassifierParameters = Parameters<ClassifierDeclared>;

/**
 * Declare a masked-LM head; the word table is as wide as the model, if no other width is given.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { maskedLMParameters } from "@lineage/lineage/models/heads";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(maskedLMParameters(8, 100)), 8 * 8 + 8 + 16 + 100);
 * ```
 */
export function maskedLMParameters(
  width: number,
  vocabulary: number,
  embedding: number = width,
): MaskedLMDeclared {
  return {
    transform: {
      weight: declare("E D", [embedding, width]),
      bias: declare("E", [embedding], "zeros"),
    },
    norm: layerNormParameters(embedding),
    bias: declare("V", [vocabulary], "zeros"),
  };
}

/**
 * Declare a linear classifier: next sentence, labels of a text, tags of tokens, ends of a span.
 *
 * @example
 * ```ts
 * import { classifierParameters } from "@lineage/lineage/models/heads";
 * import { assertEquals } from "@std/assert";
 * assertEquals(classifierParameters(8, 3).weight.shape, [3, 8]);
 * ```
 */
export function classifierParameters(width: number, classes: number): ClassifierDeclared {
  return { weight: declare("C D", [classes, width]), bias: declare("C", [classes], "zeros") };
}

/**
 * A score for every token of the vocabulary at every position.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { gelu, normal, randomKey } from "@lineage/lineage/core/tensor";
 * import { maskedLMLogits, maskedLMParameters } from "@lineage/lineage/models/heads";
 * import { assertEquals } from "@std/assert";
 * const head = initialise(maskedLMParameters(8, 100), randomKey(1));
 * const words = normal(randomKey(2), "V E", [100, 8]), x = normal(randomKey(3), "B T D", [2, 5, 8]);
 * assertEquals(maskedLMLogits(x, head, words, gelu, 1e-12).shape, [2, 5, 100]);
 * ```
 */
export function maskedLMLogits(
  x: Tensor<"B T D">,
  { transform, norm, bias }: MaskedLMParameters,
  words: Tensor<"V E">,
  activation: Activation,
  epsilon: number,
): Tensor<"B T V"> {
  const bent = activation(add(einsum("B T D, E D -> B T E", x, transform.weight), transform.bias));
  const ready = layerNorm(rename(bent, "B T E -> B T D"), norm, epsilon); // a norm calls its axis D
  return add(einsum("B T E, V E -> B T V", rename(ready, "B T D -> B T E"), words), bias);
}

/**
 * GPT's output layer: the state times the word table, without transform or bias.
 *
 * @example
 * ```ts
 * import { languageModelLogits } from "@lineage/lineage/models/heads";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const words = tensor("V E", [[1, 0], [0, 1], [1, 1]]);
 * const scores = languageModelLogits(tensor("B T D", [[[2, 3]]]), words);
 * assertEquals([...await read(scores)], [2, 3, 5]);
 * ```
 */
export function languageModelLogits(
  x: Tensor<"B T D">,
  words: Tensor<"V E">,
): Tensor<"B T V"> {
  return einsum("B T D, V D -> B T V", x, rename(words, "V E -> V D"));
}

/**
 * Scores of the classes of each text, from its pooled vector.
 *
 * @example
 * ```ts
 * import { classifyText } from "@lineage/lineage/models/heads";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const head = { weight: tensor("C D", [[1, 0], [0, 1]]), bias: tensor("C", [0, 1]) };
 * assertEquals([...await read(classifyText(tensor("B D", [[3, 4]]), head))], [3, 5]);
 * ```
 */
export function classifyText(
  pooled: Tensor<"B D">,
  { weight, bias }: ClassifierParameters,
): Tensor<"B C"> {
  return add(einsum("B D, C D -> B C", pooled, weight), bias);
}

/**
 * Scores of the classes of each token.
 *
 * @example
 * ```ts
 * import { classifyTokens } from "@lineage/lineage/models/heads";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const head = { weight: tensor("C D", [[1, 1]]), bias: tensor("C", [0]) };
 * assertEquals([...await read(classifyTokens(tensor("B T D", [[[3, 4]]]), head))], [7]);
 * ```
 */
export function classifyTokens(
  x: Tensor<"B T D">,
  { weight, bias }: ClassifierParameters,
): Tensor<"B T C"> {
  return add(einsum("B T D, C D -> B T C", x, weight), bias);
}

/**
 * Scores of each position as the first and as the last of an answer: class 0 and class 1.
 *
 * @example
 * ```ts
 * import { findSpan } from "@lineage/lineage/models/heads";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const head = { weight: tensor("C D", [[1], [-1]]), bias: tensor("C", [0, 0]) };
 * const { start, end } = findSpan(tensor("B T D", [[[3], [4]]]), head);
 * assertEquals([[...await read(start)], [...await read(end)]], [[3, 4], [-3, -4]]);
 * ```
 */
export function findSpan(
  x: Tensor<"B T D">,
  head: ClassifierParameters,
): { start: Tensor<"B T">; end: Tensor<"B T"> } {
  const scores = classifyTokens(x, head);
  return { start: at(scores, "C", 0), end: at(scores, "C", 1) };
}
