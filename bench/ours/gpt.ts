/**
 * The small GPT of the training bench, built from the concepts of this library.
 *
 * @module
 */
import { layerNorm, layerNormParameters } from "../../core/layer_norm.ts";
import { hide } from "../../core/masks.ts";
import { declare, instantiate, type Parameters } from "../../core/parameters.ts";
import { learnedPositions } from "../../core/positions.ts";
import {
  add,
  crossEntropy,
  einsum,
  gather,
  geluTanh,
  mean,
  type Tensor,
  tensor,
} from "../../core/tensor/mod.ts";
import { layerParameters, preNorm } from "../../core/transformer_layer.ts";
import { GPT } from "../workloads/gpt.ts";
import { turned, type Weight } from "../workloads/weight.ts";

const { width, inner, length, vocabulary, heads, epsilon } = GPT;

const declared = {
  word: declare("V D", [vocabulary, width]),
  position: declare("P D", [length, width]),
  layers: Array.from({ length: GPT.layers }, () => layerParameters(width, inner)),
  norm: layerNormParameters(width),
  head: declare("V D", [vocabulary, width]),
};

/** The parameters of the model. */
export type GptParameters = Parameters<typeof declared>;

/** The given weights as this model's parameters. */
export function parametersFrom(weights: Record<string, Weight>): GptParameters {
  return instantiate(
    declared,
    ({ axes, shape }, path) => tensor(axes, valuesOf(path, weights), shape),
  );
}

/** Queries, keys and values share one matrix there; and matrices are stored the other way round. */
function valuesOf(path: string, weights: Record<string, Weight>): Float32Array {
  const third = ["query.", "key.", "value."].findIndex((name) => path.includes(name));
  const weight = weights[path.replace(/query\.|key\.|value\./, "queryKeyValue.")];
  const [from, to] = third < 0 ? [] : [third * width, (third + 1) * width];
  const isLinear = path === "head" || path.endsWith(".weight");
  return isLinear ? turned(weight, from, to) : weight.values.slice(from, to);
}

const visible = Float32Array.from({ length: length ** 2 }, (_, i) => +(i % length <= i / length));
const causal = hide(tensor("Tq Tk", visible, [length, length]));

/** The mean surprise about the next letter, in nats. */
export function gptLoss(
  params: GptParameters,
  ids: Tensor<"B T">,
  next: Tensor<"B T">,
): Tensor<""> {
  let x = add(gather(params.word, ids), learnedPositions(params.position, length));
  const options = { heads, activation: geluTanh, epsilon, bias: causal };
  for (const layer of params.layers) x = preNorm(x, layer, options).out;
  const logits = einsum("B T D, V D -> B T V", layerNorm(x, params.norm, epsilon), params.head);
  const surprise = crossEntropy(logits, next, "V");
  return mean(surprise);
}
