/**
 * Parameters: declared first, made later.
 *
 * Idea   A concept declares which parameters it has: axes, sizes, how they start. From the declaration
 *        come the count (without a byte allocated), the first values, the check of a checkpoint,
 *        and the type of the record of tensors. Sharing is aliasing: one declaration used twice
 *        is one parameter.
 * Maths  BERT starts weights from a normal distribution with deviation 0.02, biases at 0, gains at 1.
 * Axes   those of each parameter.
 * Differs from the paper: Devlin et al. 2018 truncate the normal at two deviations; here it is whole,
 *        as in Hugging Face's models.
 * @module
 */
import { full, type Key, normal, type Tensor } from "./tensor/mod.ts";

/** How a parameter starts. */
export type Start = "normal" | "zeros" | "ones";

/** A parameter to be. */
export class Declared<out S extends string = string> {
  /** For `declare`. */
  constructor(
    /** Names of its axes. */
    readonly axes: S,
    /** Sizes of its axes. */
    readonly shape: readonly number[],
    /** Its first values. */
    readonly start: Start,
  ) {}
}

/** The record of tensors that a record of declarations becomes. */
export type Parameters<D> = D extends Declared<infer S> ? Tensor<S>
  : D extends object ? { [K in keyof D]: Parameters<D[K]> }
  : D;

/**
 * Declare a parameter.
 *
 * @throws {RangeError} where a size is not a whole number above 0.
 *
 * @example
 * ```ts
 * import { countParameters, declare } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const linear = { weight: declare("F D", [3, 2]), bias: declare("F", [3], "zeros") };
 * assertEquals(countParameters(linear), 9);
 * ```
 */
export function declare<const S extends string>(
  axes: S,
  shape: readonly number[],
  start: Start = "normal",
): Declared<S> {
  const names = axes.split(" ").filter(Boolean);
  if (names.length !== shape.length || !shape.every((s) => Number.isInteger(s) && s > 0)) {
    throw new RangeError(`a parameter "${axes}" cannot have the sizes ${shape.join("×")}`);
  }
  return new Declared(axes, shape, start);
}

/** Visit every declaration once, with the path by which it was first met. */
function declarations(nested: unknown): Map<Declared, string> {
  const found = new Map<Declared, string>();
  const visit = (at: unknown, path: string): void => {
    if (at instanceof Declared) {
      if (!found.has(at)) found.set(at, path);
    } else if (at && typeof at === "object") {
      for (const [name, x] of Object.entries(at)) visit(x, path ? `${path}.${name}` : name);
    }
  };
  visit(nested, "");
  return found;
}

/**
 * The number of distinct parameters: what is shared counts once, nothing is allocated.
 *
 * @example
 * ```ts
 * import { countParameters, declare } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * const layer = declare("D", [768], "ones");
 * assertEquals(countParameters([layer, layer, layer]), 768);
 * ```
 */
export function countParameters(declared: unknown): number {
  let count = 0;
  for (const { shape } of declarations(declared).keys()) count += shape.reduce((n, s) => n * s, 1);
  return count;
}

/**
 * The deviation of first weights for a model narrower than BERT: its 0.02 is for a width of 768, and
 * narrower sums need larger terms.
 *
 * @example
 * ```ts
 * import { deviationFor } from "@lineage/lineage/core/parameters";
 * import { assertEquals } from "@std/assert";
 * assertEquals([768, 192].map(deviationFor), [0.02, 0.04]);
 * ```
 */
export const deviationFor = (width: number): number => 0.02 * Math.sqrt(768 / width);

/**
 * The first values of declared parameters, as tensors still to be computed: `keep` them before use.
 * The same key gives the same values.
 *
 * @example
 * ```ts
 * import { declare, initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = await keep(initialise({ gain: declare("D", [4], "ones") }, randomKey(1)));
 * assertEquals(params.gain.shape, [4]);
 * ```
 */
export function initialise<D>(declared: D, key: Key, deviation = 0.02): Parameters<D> {
  const order = [...declarations(declared).keys()];
  return instantiate(
    declared,
    (one) =>
      one.start === "normal"
        ? normal(key.derive(order.indexOf(one)), one.axes, one.shape, deviation)
        : full(one.axes, one.shape, one.start === "ones" ? 1 : 0),
  );
}

/**
 * Put a tensor in the place of every declaration; a declaration used twice gets one tensor.
 *
 * @example
 * ```ts
 * import { declare, instantiate } from "@lineage/lineage/core/parameters";
 * import { zeros } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 * const shared = declare("D", [4]);
 * const { a, b } = instantiate({ a: shared, b: shared }, (d) => zeros(d.axes, d.shape));
 * assert(a === b);
 * ```
 */
export function instantiate<D>(
  declared: D,
  make: (declared: Declared, path: string) => Tensor,
): Parameters<D> {
  const made = new Map<unknown, unknown>();
  const visit = (at: unknown, path: string): unknown => {
    if (at === null || typeof at !== "object") return at;
    if (made.has(at)) return made.get(at);
    const inner = (name: string) => path ? `${path}.${name}` : name;
    const here = at instanceof Declared
      ? make(at, path)
      : Array.isArray(at)
      ? at.map((x, i) => visit(x, inner(String(i))))
      : Object.fromEntries(Object.entries(at).map(([k, x]) => [k, visit(x, inner(k))]));
    made.set(at, here);
    return here;
  };
  return visit(declared, "") as Parameters<D>;
}
