/**
 * What a tensor means, spelled out element by element: no strides, no fusion, no device.
 * The scheduler is held to this.
 */
import { evaluate } from "../core/program/expression.ts";
import type { Tensor } from "../core/tensor/mod.ts";

type Place = ReadonlyMap<string, number>;

/** The numbers of a tensor, row-major; `held` gives those of tensors that are kept on a device. */
export class Meaning {
  private readonly known = new Map<Tensor, number[]>();

  constructor(private readonly held: (x: Tensor) => ArrayLike<number> = () => []) {}

  of(x: Tensor): number[] {
    let found = this.known.get(x);
    if (!found) this.known.set(x, found = this.compute(x));
    return found;
  }

  private compute(x: Tensor): number[] {
    const { origin, inputs } = x;
    const all = places(x.axes, x.shape);
    switch (origin.kind) {
      case "data":
        return Array.from(origin.values);
      case "held":
        return Array.from(this.held(x));
      case "position":
        return all.map((_, i) => i);
      case "view":
        return all.map((place) => {
          const steps = x.axes.map((axis, d) => origin.strides[d] * place.get(axis)!);
          return this.of(origin.base)[steps.reduce((a, b) => a + b, origin.offset)];
        });
      case "map":
        if (origin.lookup) return all.map((place) => this.row(inputs[0], inputs[1], place));
        return all.map((place) => evaluate(origin.expression, (i) => this.at(inputs[i], place)));
      case "reduce":
        return this.fold(
          x,
          inputs,
          (values) => origin.by === "sum" ? values.reduce((a, b) => a + b, 0) : Math.max(...values),
        );
      case "contraction":
        return this.fold(x, inputs, (values) => values.reduce((a, b) => a + b, 0));
      case "scatter":
        return this.scatter(x, inputs[0], inputs[1]);
      case "assemble":
        return all.map((place) => {
          const here = place.get(origin.axis)!;
          const i = inputs.findIndex((part, i) => {
            const from = here - origin.starts[i];
            return from >= 0 && from < part.size(origin.axis);
          });
          if (i < 0) return 0;
          return this.at(inputs[i], new Map([...place, [origin.axis, here - origin.starts[i]]]));
        });
    }
  }

  private at(x: Tensor, place: Place): number {
    let index = 0;
    x.axes.forEach((axis, d) => index = index * x.shape[d] + place.get(axis)!);
    return this.of(x)[index];
  }

  private row(table: Tensor, ids: Tensor, place: Place): number {
    const last = table.shape[0] - 1;
    const id = Math.min(Math.max(this.at(ids, place), 0), last);
    return this.at(table, new Map([...place, [table.axes[0], id]]));
  }

  /** For each place of x, the products of the inputs at all places of the axes that x lacks. */
  private fold(x: Tensor, inputs: readonly Tensor[], by: (values: number[]) => number): number[] {
    const sizes = new Map(inputs.flatMap((i) => i.axes.map((axis, d) => [axis, i.shape[d]])));
    const gone = [...sizes.keys()].filter((axis) => !x.axes.includes(axis));
    const inner = places(gone, gone.map((axis) => sizes.get(axis)!));
    return places(x.axes, x.shape).map((outer) =>
      by(inner.map((place) => {
        const both = new Map([...outer, ...place]);
        return inputs.reduce((product, i) => product * this.at(i, both), 1);
      }))
    );
  }

  private scatter(x: Tensor, rows: Tensor, ids: Tensor): number[] {
    const [size, ...width] = x.shape;
    const columns = width.reduce((a, b) => a * b, 1);
    const table = new Array(size * columns).fill(0);
    this.of(ids).forEach((id, r) => {
      const to = Math.min(Math.max(id, 0), size - 1);
      for (let c = 0; c < columns; c++) {
        table[to * columns + c] += this.of(rows)[r * columns + c];
      }
    });
    return table;
  }
}

/** Every place of a box, row-major. */
function places(axes: readonly string[], shape: readonly number[]): Place[] {
  let all: Place[] = [new Map()];
  axes.forEach((axis, d) => {
    all = all.flatMap((place) =>
      Array.from({ length: shape[d] }, (_, i) => new Map([...place, [axis, i]]))
    );
  });
  return all;
}
