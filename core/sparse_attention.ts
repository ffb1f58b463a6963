/**
 * Sparse attention — Child et al. 2019 (1904.10509), §4; in GPT-3: Brown et al. 2020 (2005.14165), §2.1.
 * Idea   Most of what a position looks at is near. So every other layer looks back over a band only, and
 *        the layers between, which see everything, carry what is far. The pattern is a sight like any other.
 * Maths  banded(w):  q − w < k ≤ q;   pairs seen:  T(T + 1)/2 dense,  wT − w(w − 1)/2 banded, w ≤ T
 * Axes   Tq query positions · Tk key positions
 * Differs from the paper: a mask hides, it does not save: the scores outside of the band are computed,
 *        then thrown away. GPT-3's paper does not give the width of its band; 128 is Child et al.'s.
 * Trap   With banded layers alone, layer L sees no further back than L(w − 1): far words are lost.
 * @module
 */
import { leftToRight, type Sight } from "./masks.ts";
import { add, broadcast, less, multiply, type Tensor } from "./tensor/mod.ts";

/**
 * A sight of the last `width` positions, the own one included.
 *
 * @throws {RangeError} where the width is no whole number above 0.
 *
 * @example
 * ```ts
 * import { mask } from "@lineage/lineage/core/masks";
 * import { banded } from "@lineage/lineage/core/sparse_attention";
 * import { read } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(mask(banded(2), 3))], [1, 0, 0, 1, 1, 0, 0, 1, 1]);
 * ```
 */
export function banded(width: number): Sight {
  if (!(Number.isInteger(width) && width > 0)) {
    throw new RangeError(`a band has at least one position, not ${width}`);
  }
  return (queries, keys, layer): Tensor<"Tq Tk"> => {
    const written = leftToRight(queries, keys, layer)!;
    const near = broadcast(add(queries, -width), "Tq Tk", { Tk: keys.size("Tk") });
    return multiply(written, less(near, keys));
  };
}

/**
 * Sights in turn: the first layer has the first, and so on, and again from the first.
 *
 * @throws {RangeError} where there is none.
 *
 * @example
 * ```ts
 * import { leftToRight, mask } from "@lineage/lineage/core/masks";
 * import { alternating, banded } from "@lineage/lineage/core/sparse_attention";
 * import { read, sum } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const sight = alternating(leftToRight, banded(1));
 * const seen = [0, 1, 2].map((layer) => sum(mask(sight, 4, layer)));
 * assertEquals((await read(seen)).map(([n]) => n), [10, 4, 10]);
 * ```
 */
export function alternating(...sights: readonly Sight[]): Sight {
  if (sights.length === 0) throw new RangeError("alternating between no sights: give one or more");
  return (queries, keys, layer) => sights[layer % sights.length](queries, keys, layer);
}

/**
 * GPT-3's pattern: a dense layer, then one with a band of 128.
 *
 * @example
 * ```ts
 * import { mask } from "@lineage/lineage/core/masks";
 * import { denseThenBanded } from "@lineage/lineage/core/sparse_attention";
 * import { read, sum } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const pairs = [0, 1].map((layer) => sum(mask(denseThenBanded, 200, layer)));
 * assertEquals((await read(pairs)).map(([n]) => n), [200 * 201 / 2, 128 * 129 / 2 + 72 * 128]);
 * ```
 */
export const denseThenBanded: Sight = alternating(leftToRight, banded(128));

/**
 * How many pairs of positions a layer looks at: all that were written, or a band of them.
 *
 * @example
 * ```ts
 * import { visiblePairs } from "@lineage/lineage/core/sparse_attention";
 * import { assertEquals } from "@std/assert";
 * assertEquals(visiblePairs(2048), 2_098_176);
 * assertEquals(visiblePairs(2048, 128), 254_016); // an eighth
 * ```
 */
export function visiblePairs(length: number, width: number = length): number {
  const band = Math.min(width, length);
  return band * length - band * (band - 1) / 2;
}
