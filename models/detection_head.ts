/**
 * ELECTRA's head: was this token replaced? — Clark et al. 2020 (2003.10555), §2.
 * Idea   The discriminator judges every position, not the hidden 15 %: so each text teaches more. One
 *        number a position; above 0 means replaced.
 * Maths  logit[b,t] = w·f(W·x[b,t] + b) + c,  P(replaced) = σ(logit)
 * Axes   B batch · T positions · D model width · D' the same width, on the way out · C the one class
 * Differs from the paper: the paper has wᵀx only; the linear layer before it is in the authors' code.
 * @module
 */
import type { Activation } from "../core/feed_forward.ts";
import { declare, type Declared, type Parameters } from "../core/parameters.ts";
import { add, at, einsum, rename, type Tensor } from "../core/tensor/mod.ts";
import { type ClassifierDeclared, classifierParameters, classifyTokens } from "./heads.ts";

/** The declared parameters of the head. */
export interface DetectionDeclared {
  /** Linear layer before the judgement. */
  transform: { weight: Declared<"D' D">; bias: Declared<"D'"> };
  /** The judgement. */
  output: ClassifierDeclared;
}

/** The parameters of the head. */
export type DetectionParameters = Parameters<DetectionDeclared>;

/**
 * Declare the head.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { detectionParameters } from "@lineage/lineage/models/detection_head";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(detectionParameters(8)), 8 * 8 + 8 + 8 + 1);
 * ```
 */
export function detectionParameters(width: number): DetectionDeclared {
  return {
    transform: { weight: declare("D' D", [width, width]), bias: declare("D'", [width], "zeros") },
    output: classifierParameters(width, 1),
  };
}

/**
 * How much each position looks replaced: log-odds, 0 for half and half.
 *
 * @example
 * ```ts
 * import { read, relu, tensor } from "@lineage/lineage/core/tensor";
 * import { detectReplaced } from "@lineage/lineage/models/detection_head";
 * import { assertEquals } from "@std/assert";
 * const head = {
 *   transform: { weight: tensor("D' D", [[1]]), bias: tensor("D'", [0]) },
 *   output: { weight: tensor("C D", [[2]]), bias: tensor("C", [-1]) },
 * };
 * const x = tensor("B T D", [[[3], [-3]]]);
 * assertEquals([...await read(detectReplaced(x, head, relu))], [5, -1]);
 * ```
 */
export function detectReplaced(
  x: Tensor<"B T D">,
  { transform, output }: DetectionParameters,
  activation: Activation,
): Tensor<"B T"> {
  const bent = activation(
    add(einsum("B T D, D' D -> B T D'", x, transform.weight), transform.bias),
  );
  return at(classifyTokens(rename(bent, "B T D' -> B T D"), output), "C", 0);
}
