/**
 * The pooler — Devlin et al. 2018 (1810.04805), §3.2 and the authors' code.
 * Idea   One vector for the whole text: the last state of the first position, [CLS], through a linear
 *        layer and tanh. The next-sentence task teaches it to mean something. DistilBERT and ELECTRA,
 *        who have no such task, start one with the classifier that needs it, with another bend.
 * Maths  p = f(W·x[0] + b),  f = tanh
 * Axes   B batch · T positions · D model width · D' the same width, on the way out
 * Differs from the paper: the paper does not mention the linear layer; the authors' code has it.
 * @module
 */
import type { Activation } from "./feed_forward.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import { add, at, einsum, rename, tanh, type Tensor } from "./tensor/mod.ts";

/** How a model comes to one vector for a text. */
export interface Pooling {
  /** What bends the vector. */
  activation: Activation;
  /** Whether pre-training has a pooler already; if not, a task on whole texts brings its own. */
  pretrained: boolean;
}

/** The declared parameters of a pooler. */
export interface PoolerDeclared {
  /** W */
  weight: Declared<"D' D">;
  /** b */
  bias: Declared<"D'">;
}

/** The parameters of a pooler. */
export type PoolerParameters = Parameters<PoolerDeclared>;

/**
 * Declare a pooler.
 *
 * @example
 * ```ts
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { poolerParameters } from "@lineage/lineage/core/pooler";
 * import { assertEquals } from "@std/assert";
 * assertEquals(countParameters(poolerParameters(8)), 72);
 * ```
 */
export function poolerParameters(width: number): PoolerDeclared {
  return { weight: declare("D' D", [width, width]), bias: declare("D'", [width], "zeros") };
}

/**
 * One vector for each text.
 *
 * @example
 * ```ts
 * import { pool } from "@lineage/lineage/core/pooler";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertAlmostEquals } from "@std/assert";
 * const params = { weight: tensor("D' D", [[1]]), bias: tensor("D'", [0]) };
 * const [p] = await read(pool(tensor("B T D", [[[0.5], [9]]]), params));
 * assertAlmostEquals(p, Math.tanh(0.5), 1e-6);
 * ```
 */
export function pool(
  x: Tensor<"B T D">,
  { weight, bias }: PoolerParameters,
  activation: Activation = tanh,
): Tensor<"B D"> {
  const first = at(x, "T", 0);
  return rename(activation(add(einsum("B D, D' D -> B D'", first, weight), bias)), "B D' -> B D");
}
