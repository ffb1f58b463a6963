/**
 * How the stacks of an encoder–decoder tell positions apart: by distance, or by place.
 * Idea   T5 adds a number to each score that depends on the distance alone, the same in all layers of a stack.
 *        BART adds a vector for its place to each word.
 * Maths  distances: score += table[bucket(k − q), h];    places: x[t] = word[t] + table[t + 2]
 * Axes   P rows of the table · H heads · D model width · B batch · T positions · Tq,Tk query,key positions
 * Differs from the paper: nothing. T5's layer 0 holds the table in its authors' files; all layers use it. BART's
 *        places begin at row 2, as its authors' code left room for the padding's row.
 * @module
 */
import { relativeBias } from "../core/relative_buckets.ts";
import { declare, type Declared } from "../core/parameters.ts";
import { lookUp } from "../core/look_up.ts";
import { add, rename, slice, type Tensor, withAxes } from "../core/tensor/mod.ts";

/** The sizes that positions depend on. */
export interface PositionSizes {
  /** Rows of the table. */
  positions: number;
  /** The distance from which on all share a bucket. */
  furthest: number;
  /** Attention heads. */
  heads: number;
  /** Model width. */
  width: number;
}

/** A table of positions: a row for a distance, or for a place. */
export type Table = Tensor<"P H"> | Tensor<"P D">;

/** A way to tell positions apart. */
export interface StackPositions {
  /** The table of a stack. */
  declare(sizes: PositionSizes): Declared<"P H"> | Declared<"P D">;
  /** The longest text. */
  longest(sizes: PositionSizes): number;
  /** The words with what their places add; the places count from 0 unless given. */
  add(
    words: Tensor<"B T D">,
    table: Table,
    sizes: PositionSizes,
    places?: Tensor<"B T">,
  ): Tensor<"B T D">;
  /** What distances add to the scores; queries count from `start`. */
  bias(
    table: Table,
    queries: number,
    keys: number,
    sizes: PositionSizes,
    bothWays: boolean,
    start?: number,
  ): Tensor<"H Tq Tk"> | undefined;
}

/** T5's way. */
export const distances: StackPositions = {
  declare: ({ positions, heads }) => declare("P H", [positions, heads]),
  longest: () => Infinity,
  add: (words) => words,
  bias: (table, queries, keys, { furthest }, bothWays, start) =>
    relativeBias(withAxes(table as Tensor, "P H"), queries, keys, { furthest, bothWays }, start),
};

/** Rows of the table before that of place 0. */
const before = 2;

/** BART's way. */
export const places: StackPositions = {
  declare: ({ positions, width }) => declare("P D", [positions, width]),
  longest: ({ positions }) => positions - before,
  add(words, table, _, places) {
    const rows = withAxes(table as Tensor, "P D"), T = words.size("T");
    if (places) return add(words, lookUp(rows, add(places, before)));
    return add(words, rename(slice(rows, "P", before, before + T), "P D -> T D"));
  },
  bias: () => undefined,
};
