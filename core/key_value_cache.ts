/**
 * Key–value cache — as the authors of GPT-2 published it (`past`), after Vaswani et al. 2017 (1706.03762).
 * Idea   A model that sees only what was written never changes its mind about it: keys and values of old
 *        positions stay what they were. So they are stored, and a new token costs one position's work
 *        instead of the whole text's.
 * Maths  K[start … start + T) = x·Wk,  V likewise;  A = softmax(qKᵀ/√K + M) over all that is stored
 * Axes   B batch · H heads · T new positions · Tk places of the cache · K head width
 * Differs from the paper: the room is fixed, and the first free place is data. So each step has the same
 *        shapes, is the same program, and costs the same; what is not yet written lies to the right of
 *        every query and is hidden by the model's own sight.
 * Trap   A cache belongs to one model and one text. With another's, nothing fails: the numbers are
 *        wrong. Here other sizes are an error; the same sizes cannot be told apart.
 * @module
 */
import {
  add,
  at,
  broadcast,
  equal,
  gather,
  indices,
  keep,
  maximum,
  minimum,
  rearrange,
  scalar,
  subtract,
  type Tensor,
  where,
  zeros,
} from "./tensor/mod.ts";

/** What one layer remembers. */
export interface KeysAndValues {
  /** Of each place; zeros where nothing was written. */
  keys: Tensor<"B H Tk K">;
  /** Likewise. */
  values: Tensor<"B H Tk K">;
}

/** What a layer remembers, and where it goes on. */
export interface LayerCache extends KeysAndValues {
  /** The place of the first new position. */
  start: Tensor<"">;
}

/** What a model remembers of a text. */
export interface KeyValueCache {
  /** From bottom to top, held on the device. */
  readonly layers: readonly KeysAndValues[];
  /** Places that are written. */
  length: number;
  /** The same number held on the device, for a graph that is built once and run again and again. */
  readonly start?: Tensor<"">;
}

/** The sizes that a cache depends on. */
export interface CacheSizes {
  /** Layers of the model. */
  layers: number;
  /** Its heads. */
  heads: number;
  /** Its width. */
  width: number;
}

/**
 * An empty cache with room for `room` positions of each of `batch` texts.
 *
 * @throws {RangeError} where there is no room.
 *
 * @example
 * ```ts
 * import { emptyCache } from "@lineage/lineage/core/key_value_cache";
 * import { assertEquals } from "@std/assert";
 * const cache = await emptyCache({ layers: 2, heads: 4, width: 32 }, 16);
 * assertEquals(cache.layers[0].keys.shape, [1, 4, 16, 8]);
 * ```
 */
export async function emptyCache(
  { layers, heads, width }: CacheSizes,
  room: number,
  batch = 1,
): Promise<KeyValueCache> {
  if (!(Number.isInteger(room) && room > 0)) {
    throw new RangeError(`a cache needs room for at least one position, not ${room}`);
  }
  const empty = () => zeros("B H Tk K", [batch, heads, room, width / heads]);
  const made = Array.from({ length: layers }, () => ({ keys: empty(), values: empty() }));
  return { layers: await keep(made), length: 0 };
}

/**
 * The cache of a layer with the keys, or values, of new positions written from `start` on.
 *
 * @example
 * ```ts
 * import { written } from "@lineage/lineage/core/key_value_cache";
 * import { read, scalar, tensor, zeros } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const fresh = tensor("B H T K", [[[[7], [8]]]]);
 * const all = written(zeros("B H Tk K", [1, 1, 4, 1]), fresh, scalar(1));
 * assertEquals([...await read(all)], [0, 7, 8, 0]);
 * ```
 */
export function written(
  cache: Tensor<"B H Tk K">,
  fresh: Tensor<"B H T K">,
  start: Tensor<"">,
): Tensor<"B H Tk K"> {
  const size = fresh.size("T"), room = cache.size("Tk"), places = indices("Tk", room);
  const row = maximum(minimum(subtract(places, start), size - 1), 0);
  const moved = size === 1
    ? broadcast(at(fresh, "T", 0), "B H Tk K", { Tk: room }) // its one row, not looked up
    : rearrange(gather(rearrange(fresh, "B H T K -> T B H K"), row), "Tk B H K -> B H Tk K");
  const isNew = equal(add(row, start), places); // elsewhere the row was moved to fit
  return add(where(equal(isNew, 0), cache, 0), where(isNew, moved, 0));
}

/**
 * The parts of a cache for the layers of a model that goes on with `fresh` positions of `batch` texts.
 *
 * @throws {RangeError} where the cache is another model's or batch's, or has no room left.
 *
 * @example
 * ```ts
 * import { emptyCache, partsOf } from "@lineage/lineage/core/key_value_cache";
 * import { assertThrows } from "@std/assert";
 * const sizes = { layers: 2, heads: 4, width: 32 };
 * const cache = await emptyCache(sizes, 16);
 * assertThrows(() => partsOf(cache, { ...sizes, layers: 3 }, 1, 1), RangeError, "2 layers");
 * assertThrows(() => partsOf(cache, sizes, 1, 17), RangeError, "room");
 * ```
 */
export function partsOf(
  { layers, length, start = scalar(length) }: KeyValueCache,
  sizes: CacheSizes,
  batch: number,
  fresh: number,
): LayerCache[] {
  const [rows, heads, room, width] = layers[0]?.keys.shape ?? [batch, 0, 0, 0];
  const found = `${layers.length} layers, ${heads} heads of width ${width}`;
  const wanted = `${sizes.layers} layers, ${sizes.heads} heads of width ${
    sizes.width / sizes.heads
  }`;
  if (found !== wanted) {
    throw new RangeError(
      `the cache has ${found}, the model ${wanted}: it is of another model; begin an empty one`,
    );
  }
  if (rows !== batch) {
    throw new RangeError(
      `the cache is of ${rows} texts, the batch of ${batch}; begin an empty one for as many`,
    );
  }
  if (length + fresh > room) {
    throw new RangeError(
      `the cache has room for ${room} positions: ${length} are written, ${fresh} do not fit;` +
        " begin with more room, or write less",
    );
  }
  return layers.map((layer) => ({ ...layer, start }));
}
