/**
 * Sharing parameters across layers — Lan et al. 2019 (1909.11942), §3.1 and table 4.
 * Idea   A deep stack of equal layers may as well be one layer, applied again and again. Sharing is
 *        aliasing: the same record stands at several places of the list, and nothing else changes. What
 *        is shared counts once and learns from all its places; it is still computed at each.
 * Maths  layer i has the parameters θ[s(i)];  ∂L/∂θ[j] = Σ over i with s(i) = j of ∂L/∂(its use in layer i)
 *        groups of n:  s(i) = ⌊i / (L/n)⌋
 * Axes   L layers (no tensor's axis)
 * Differs from the paper: groups with several inner layers are the authors' code's; a group must divide
 *        the layers evenly. Each half of a layer is shared together with its norm.
 * Trap   Fewer parameters, not less work (transformers#3052 asks where the sharing happens): a shared
 *        stack of 12 takes as long as one of 12 layers of their own.
 * @module
 */
import { type LayerDeclared, layerParameters } from "./transformer_layer.ts";

/** How a stack of layers is declared: each its own, or shared. */
export interface Stack {
  /** The layers from bottom to top; one that is shared stands there more than once. */
  (declare: () => LayerDeclared, layers: number): LayerDeclared[];
  /** For a stack of groups: how many there are, and how many layers each repeats. */
  readonly groups?: { readonly count: number; readonly inner: number };
}

/**
 * BERT's stack: every layer has parameters of its own.
 *
 * @example
 * ```ts
 * import { drawSharing, eachItsOwn } from "@lineage/lineage/core/layer_sharing";
 * import { assertEquals } from "@std/assert";
 * assertEquals(drawSharing(eachItsOwn, 3).split("\n")[1], "attention     1 2 3");
 * ```
 */
export const eachItsOwn: Stack = (declare, layers): LayerDeclared[] =>
  Array.from({ length: layers }, declare);

/**
 * All layers share their attention; each thinks for itself.
 *
 * @example
 * ```ts
 * import { attentionOnly } from "@lineage/lineage/core/layer_sharing";
 * import { layerParameters } from "@lineage/lineage/core/transformer_layer";
 * import { assert } from "@std/assert";
 * const [first, second] = attentionOnly(() => layerParameters(8, 32), 2);
 * assert(first.attention === second.attention && first.feedForward !== second.feedForward);
 * ```
 */
export const attentionOnly: Stack = (declare, layers): LayerDeclared[] => {
  const { attention, attentionNorm } = declare();
  return eachItsOwn(() => ({ ...declare(), attention, attentionNorm }), layers);
};

/**
 * All layers share their feed-forward network; each looks around for itself.
 *
 * @example
 * ```ts
 * import { feedForwardOnly } from "@lineage/lineage/core/layer_sharing";
 * import { layerParameters } from "@lineage/lineage/core/transformer_layer";
 * import { assert } from "@std/assert";
 * const [first, second] = feedForwardOnly(() => layerParameters(8, 32), 2);
 * assert(first.attention !== second.attention && first.feedForward === second.feedForward);
 * ```
 */
export const feedForwardOnly: Stack = (declare, layers): LayerDeclared[] => {
  const { feedForward, feedForwardNorm } = declare();
  return eachItsOwn(() => ({ ...declare(), feedForward, feedForwardNorm }), layers);
};

/**
 * Groups of neighbouring layers. A group has `inner` layers and repeats them until its part of the
 * stack is full: groups(2, 1) of six layers is a a a b b b, groups(1, 2) is a b a b a b.
 *
 * @throws {RangeError} where the groups and their inner layers do not divide the layers.
 *
 * @example
 * ```ts
 * import { drawSharing, groups } from "@lineage/lineage/core/layer_sharing";
 * import { assertEquals } from "@std/assert";
 * assertEquals(drawSharing(groups(2), 6).split("\n")[1], "attention     1 1 1 4 4 4");
 * assertEquals(drawSharing(groups(1, 2), 6).split("\n")[1], "attention     1 2 1 2 1 2");
 * ```
 */
export function groups(count: number, inner = 1): Stack {
  const stack = (declare: () => LayerDeclared, layers: number) => {
    const whole = [count, inner].every((n) => Number.isInteger(n) && n > 0);
    if (!whole || layers % (count * inner) !== 0) {
      throw new RangeError(
        `${layers} layers cannot be ${count} groups of ${inner} inner layers, once or several times;` +
          ` give whole numbers above 0 whose product divides ${layers}`,
      );
    }
    const own = eachItsOwn(declare, count * inner), each = layers / count;
    return Array.from(
      { length: layers },
      (_, i) => own[Math.floor(i / each) * inner + i % inner],
    );
  };
  return Object.assign(stack, { groups: { count, inner } });
}

/**
 * ALBERT's stack: one layer, again and again.
 *
 * @example
 * ```ts
 * import { oneForAll } from "@lineage/lineage/core/layer_sharing";
 * import { countParameters } from "@lineage/lineage/core/parameters";
 * import { layerParameters } from "@lineage/lineage/core/transformer_layer";
 * import { assertEquals } from "@std/assert";
 * const layers = oneForAll(() => layerParameters(768, 3072), 12);
 * assertEquals(layers.length, 12);
 * assertEquals(countParameters(layers), 7_087_872); // those of one layer
 * ```
 */
export const oneForAll: Stack = groups(1);

/** For each layer, counted from 1, the first layer that has the same part. */
export interface Sharing {
  /** Whose attention. */
  attention: number[];
  /** Whose feed-forward network. */
  feedForward: number[];
}

/**
 * Which layers of a stack share what.
 *
 * @example
 * ```ts
 * import { attentionOnly, sharing } from "@lineage/lineage/core/layer_sharing";
 * import { assertEquals } from "@std/assert";
 * assertEquals(sharing(attentionOnly, 3), { attention: [1, 1, 1], feedForward: [1, 2, 3] });
 * ```
 */
export function sharing(stack: Stack, layers: number): Sharing {
  const declared = stack(() => layerParameters(1, 1), layers);
  const owners = (part: "attention" | "feedForward") => {
    const parts = declared.map((layer) => layer[part]);
    return parts.map((x) => parts.indexOf(x) + 1);
  };
  return { attention: owners("attention"), feedForward: owners("feedForward") };
}

/**
 * A drawing of it: below each layer the first one that has the same attention and feed-forward network.
 *
 * @example
 * ```ts
 * import { drawSharing, feedForwardOnly } from "@lineage/lineage/core/layer_sharing";
 * import { assertEquals } from "@std/assert";
 * assertEquals(
 *   drawSharing(feedForwardOnly, 4),
 *   "layer         1 2 3 4\nattention     1 2 3 4\nfeed-forward  1 1 1 1",
 * );
 * ```
 */
export function drawSharing(stack: Stack, layers: number): string {
  const { attention, feedForward } = sharing(stack, layers);
  const numbers = Array.from({ length: layers }, (_, i) => i + 1);
  const line = (name: string, row: number[]) => {
    const cells = row.map((n) => `${n}`.padStart(`${layers}`.length));
    return `${name.padEnd(13)} ${cells.join(" ")}`;
  };
  return [line("layer", numbers), line("attention", attention), line("feed-forward", feedForward)]
    .join("\n");
}
