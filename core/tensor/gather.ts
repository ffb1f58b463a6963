/**
 * Rows by number, and back: `gather` looks rows up, `scatterAdd` adds rows where they belong.
 *
 * Idea   An embedding is a table and a lookup. The gradient of the lookup adds each position's gradient
 *        to the row it came from; a row looked up twice gets both.
 * Maths  y[i, :] = table[ids[i], :];   ∂L/∂table[v, :] = Σ over i with ids[i] = v of ∂L/∂y[i, :].
 * Axes   `gather(table: "V D", ids: "B T")` is "B T D".
 * Differs from the paper: ids are whole numbers held as floats, exact up to 2²⁴.
 * @module
 */
import { AxisError, type Both, describeAxes, namesTwice, type Rest } from "./axes.ts";
import { mapOver } from "./elementwise.ts";
import { input } from "../program/expression.ts";
import { elementsOf } from "../program/program.ts";
import { Tensor } from "./tensor.ts";

/**
 * The rows of `table` (along its first axis) that `ids` name.
 *
 * @throws {AxisError} where an id is not a whole number from 0 up to the table's size, if the ids are given data.
 *
 * @example
 * ```ts
 * import { gather, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const table = tensor("V D", [[1, 2], [3, 4], [5, 6]]);
 * assertEquals([...await read(gather(table, tensor("T", [2, 0])))], [5, 6, 1, 2]);
 * ```
 */
export function gather<S extends string, I extends string>(
  table: Tensor<S>,
  ids: Tensor<I>,
): Tensor<Both<I, Rest<S>>> {
  const [axis, ...rest] = table.axes, [size, ...width] = table.shape;
  if (axis === undefined) throw new AxisError("gather: the table has no axis to look up");
  checkIds("gather", ids, axis, size);
  const axes = [...ids.axes, ...rest];
  if (namesTwice(axes)) {
    throw new AxisError(`gather: ${table} by ${ids} names an axis twice; rename one`);
  }
  return new Tensor(
    axes,
    [...ids.shape, ...width],
    { kind: "map", expression: input(0), lookup: true },
    [table, ids],
    (g) => [scatterAdd(g, ids, axis, size, rest)],
  ) as unknown as Tensor<Both<I, Rest<S>>>;
}

function checkIds(operation: string, ids: Tensor, axis: string, size: number): void {
  if (ids.origin.kind !== "data") return;
  const { values } = ids.origin;
  for (let i = 0; i < values.length; i++) {
    if (Number.isInteger(values[i]) && values[i] >= 0 && values[i] < size) continue;
    throw new AxisError(
      `${operation}: id ${values[i]} at place ${i} of ${describeAxes(ids.axes, ids.shape)}` +
        ` is not one of the ${size} rows 0 … ${size - 1} of axis ${axis}`,
    );
  }
}

/**
 * Σ of the rows of x whose id is v, for each v: a table with `size` rows along `axis`.
 *
 * @throws {AxisError} where x has not the axes of the ids and `rest`, or an id is no row.
 *
 * @example
 * ```ts
 * import { read, scatterAdd, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("T D", [[1, 2], [3, 4], [5, 6]]), ids = tensor("T", [1, 0, 1]);
 * assertEquals([...await read(scatterAdd(x, ids, "V", 2, ["D"]))], [3, 4, 6, 8]);
 * ```
 */
export function scatterAdd(
  x: Tensor,
  ids: Tensor,
  axis: string,
  size: number,
  rest: readonly string[],
): Tensor {
  checkIds("scatterAdd", ids, axis, size);
  const axes = [...ids.axes, ...rest];
  const fits = axes.length === x.axes.length && axes.every((a) => x.axes.includes(a)) &&
    ids.axes.every((a, i) => x.size(a) === ids.shape[i]);
  if (!fits) {
    throw new AxisError(`scatterAdd: ${x} has not the axes of ${ids} and "${rest.join(" ")}"`);
  }
  const width = rest.map((a) => x.shape[x.axes.indexOf(a)]);
  const rows = mapOver(axes, [...ids.shape, ...width], input(0), [x]);
  const columns = elementsOf(width);
  if (columns === 0) throw new AxisError(`scatterAdd: ${x} has rows without elements`);
  return new Tensor(
    [axis, ...rest],
    [size, ...width],
    { kind: "scatter" },
    [rows, ids],
    (g) => [gather(g, ids)],
  );
}
