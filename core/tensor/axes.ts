/**
 * Axes have names: in the type, so that the compiler checks them, and at run time, so that a notebook,
 * which nobody type-checks, gets a message instead of a wrong number.
 *
 * Idea   `Tensor<"B T D">` is a tensor with the axes B, T and D. The expression of an operation,
 *        "B T D, F D -> B T F", is both its documentation and its type.
 * Maths  none; strings are taken apart, here by the compiler (types) and there by `words` (run time).
 * Axes   any words; `H·K` is the name of the axis that H and K make when they are merged.
 * Differs from the paper: Vaswani et al. and all after them number their axes; Harvard's
 *        "Tensor Considered Harmful" (Rush 2019) argues for names.
 * @module
 */

/** "B T D" → ["B", "T", "D"] */
export type Words<S extends string> = S extends `${infer Head} ${infer Tail}`
  ? [Head, ...Words<Tail>]
  : S extends "" ? []
  : [S];

/** ["B", "T"] → "B T" */
export type Join<L extends readonly string[]> = L extends
  readonly [infer Head extends string, ...infer Tail extends string[]]
  ? Tail extends [] ? Head : `${Head} ${Join<Tail>}`
  : "";

/** The name of one axis of S. */
export type AxisOf<S extends string> = string extends S ? string : Words<S>[number];

/** Whether every axis of R is one of S. */
export type Within<R extends string, S extends string> = string extends R ? true
  : string extends S ? true
  : [Words<R>[number]] extends [Words<S>[number]] ? true
  : false;

/** L without the names A. */
export type Drop<L extends readonly string[], A> = L extends
  readonly [infer Head extends string, ...infer Tail extends string[]]
  ? Head extends A ? Drop<Tail, A> : [Head, ...Drop<Tail, A>]
  : [];

/** The axes of S without those of A: `Without<"B T D", "T">` is "B D". */
export type Without<S extends string, A extends string> = string extends S ? string
  : string extends A ? string
  : Join<Drop<Words<S>, Words<A>[number]>>;

/** The axes of R after those of S. */
export type Both<S extends string, R extends string> = string extends S ? string
  : string extends R ? string
  : Join<[...Words<S>, ...Words<R>]>;

/** All axes of S but its first. */
export type Rest<S extends string> = string extends S ? string
  : Words<S> extends [string, ...infer Tail extends string[]] ? Join<Tail>
  : never;

/** "a, b" split by ", " → ["a", "b"]. */
export type SplitBy<S extends string, D extends string> = S extends `${infer Head}${D}${infer Tail}`
  ? [Head, ...SplitBy<Tail, D>]
  : [S];

/** The left side of "B T D, F D -> B T F" as a list: ["B T D", "F D"]. */
export type Left<E extends string> = E extends `${infer L} ->${string}` ? SplitBy<L, ", "> : never;

/** The right side of "B T D -> B D". */
export type Right<E extends string> = E extends `${string} -> ${infer R}` ? R
  : E extends `${string} ->` ? ""
  : never;

/** "H K" → "H·K". */
export type Merged<S extends string> = S extends `${infer A} ${infer B}` ? `${A}·${Merged<B>}` : S;

/** "B T (H K)" → "B T H·K": the axes of a side of a rearrangement. */
export type Flat<S extends string> = S extends `${infer X}(${infer G})${infer Y}`
  ? `${X}${Merged<G>}${Flat<Y>}`
  : S;

/** A function of a text, done once for each: the texts of a program are few, and every step repeats them. */
export function rememberedText<T>(f: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let found = known.get(text);
    if (found === undefined) known.set(text, found = f(text));
    return found;
  };
}

/** The axes of "B T D" at run time. */
export const words: (text: string) => readonly string[] = rememberedText((text) =>
  text.split(/\s+/).filter((w) => w !== "")
);

/** Whether two lists hold the same names or sizes in the same order. */
export function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether a name stands in a list twice. */
export const namesTwice = (axes: readonly string[]): boolean =>
  axes.some((axis, i) => axes.indexOf(axis) !== i);

/** Take apart "B T D, F D -> B T F". */
export function parseExpression(operation: string, expression: string): {
  inputs: (readonly string[])[];
  output: readonly string[];
} {
  const sides = expression.split("->");
  if (sides.length !== 2) {
    throw new AxisError(`${operation} "${expression}": write it as "inputs -> output"`);
  }
  return { inputs: sides[0].split(",").map(words), output: words(sides[1]) };
}

/** Take apart one side of a rearrangement, "B T (H K)" → [["B"], ["T"], ["H", "K"]]. */
export function parseGroups(side: string): (readonly string[])[] {
  return [...side.matchAll(/\(([^)]*)\)|(\S+)/g)].map((m) =>
    m[1] === undefined ? [m[2]] : words(m[1])
  );
}

/** Axes or sizes that do not fit an operation. The message has the names and the sizes. */
export class AxisError extends RangeError {
  /** The name errors of this class are printed with. */
  override name = "AxisError";
}

/** "B T D" 2×3×4: how messages show axes with sizes. */
export function describeAxes(axes: readonly string[], shape: readonly number[]): string {
  return axes.length ? `"${axes.join(" ")}" ${shape.join("×")}` : "a scalar";
}
