/**
 * The pooler — Devlin et al. 2018 (1810.04805), §3.2 and the authors' code.
 * Idea   One vector for the whole text: the last state of the first position, [CLS], through a linear
 *        layer and tanh. The next-sentence task teaches it to mean something. DistilBERT and ELECTRA,
 *        who have no such task, start one with the classifier that needs it, with another bend. A GPT's
 *        first position has seen nothing; there the last token speaks for the text, as in GPT's §3.2.
 * Maths  p = f(W·x[t] + b),  f = tanh,  t = 0 or that of the last token
 * Axes   B batch · T positions · D model width · D' the same width, on the way out
 * Differs from the paper: the paper does not mention the linear layer; the authors' code has it.
 * @module
 */
import type { Activation } from "./feed_forward.ts";
import { declare, type Declared, type Parameters } from "./parameters.ts";
import {
  add,
  at,
  einsum,
  equal,
  indices,
  max,
  multiply,
  rename,
  tanh,
  type Tensor,
} from "./tensor/mod.ts";

/** How a model comes to one vector for a text. */
export interface Pooling {
  /** What bends the vector. */
  activation: Activation;
  /** Whether pre-training has a pooler already; if not, a task on whole texts brings its own. */
  pretrained: boolean;
  /** Which position speaks for the text (default the first). */
  reads?: "first" | "last";
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
 * One vector for each text, from the first position if no other is chosen.
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
  chosen: Tensor<"B D"> = at(x, "T", 0),
): Tensor<"B D"> {
  return rename(activation(add(einsum("B D, D' D -> B D'", chosen, weight), bias)), "B D' -> B D");
}

/**
 * The state of each text's last token: the last position of the mask, or of all.
 *
 * @example
 * ```ts
 * import { lastToken } from "@lineage/lineage/core/pooler";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("B T D", [[[1], [2]], [[3], [4]]]);
 * assertEquals([...await read(lastToken(x, tensor("B T", [[1, 0], [1, 1]])))], [1, 4]);
 * ```
 */
export function lastToken(x: Tensor<"B T D">, mask?: Tensor<"B T">): Tensor<"B D"> {
  const length = x.size("T");
  if (!mask) return at(x, "T", length - 1);
  const places = multiply(mask, add(indices("T", length), 1)); // 0 where padding is
  const isLast = multiply(mask, equal(places, max(places, "T")));
  return einsum("B T, B T D -> B D", isLast, x);
}
