/**
 * Gradients: reverse-mode differentiation over the graph of tensors.
 *
 * Idea   Walk from the loss back to its sources. Each operation knows how a gradient passes back
 *        through it; where a tensor was used twice, the two gradients add. So tied weights need no rule.
 * Maths  ∂L/∂x = Σ over the uses y of x of ∂L/∂y · ∂y/∂x.
 * Axes   a gradient has the axes of its tensor.
 * Differs from the paper: Linnainmaa (1970) and Rumelhart et al. (1986) as everyone has it; gradients are
 *        tensors, so they can be differentiated again.
 * @module
 */
import { AxisError } from "./axes.ts";
import { add } from "./elementwise.ts";
import { full, isZero, Tensor, zeros } from "./tensor.ts";
import { sourcesFirst } from "./walk.ts";

/** A tensor, or records and lists of tensors, nested. */
export type Nested = Tensor | readonly Nested[] | { readonly [name: string]: Nested };

/**
 * Apply `f` to every tensor of a nested record; the same record twice gives the same result twice.
 *
 * @example
 * ```ts
 * import { mapNested, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const nested = { layers: [{ bias: tensor("D", [1, 2]) }] };
 * const paths: string[] = [];
 * mapNested(nested, (x, path) => (paths.push(path), x));
 * assertEquals(paths, ["layers.0.bias"]);
 * ```
 */
export function mapNested<P>(
  nested: P,
  f: (x: Tensor, path: string) => unknown,
): P {
  const done = new Map<unknown, unknown>();
  const visit = (at: unknown, path: string): unknown => {
    if (at === undefined || at === null) return at;
    if (done.has(at)) return done.get(at);
    const here = at instanceof Tensor
      ? f(at, path)
      : Array.isArray(at)
      ? at.map((x, i) => visit(x, join(path, String(i))))
      : typeof at === "object"
      ? mapRecord(at as Record<string, unknown>, (x, name) => visit(x, join(path, name)))
      : at;
    done.set(at, here);
    return here;
  };
  return visit(nested, "") as P;
}

function mapRecord(record: Record<string, unknown>, f: (x: unknown, name: string) => unknown) {
  const mapped = { ...record }; // all names at once, be one of them "__proto__"
  for (const name of Object.keys(mapped)) mapped[name] = f(mapped[name], name);
  return mapped;
}

const join = (path: string, name: string) => path ? `${path}.${name}` : name;

/**
 * Every tensor of a nested record once, with the path by which it was first met.
 *
 * @example
 * ```ts
 * import { leaves, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const shared = tensor("D", [1, 2]);
 * assertEquals(leaves({ first: shared, second: shared }), [["first", shared]]);
 * ```
 */
export function leaves(nested: unknown): [string, Tensor][] {
  const found = new Map<Tensor, string>();
  mapNested(nested, (x, path) => (found.has(x) || found.set(x, path), x));
  return [...found].map(([x, path]) => [path, x]);
}

/**
 * The gradient of a scalar with respect to every tensor of a nested record, as the same record.
 * What the scalar does not depend on has a gradient of zeros.
 *
 * @throws {AxisError} where the loss is no scalar.
 *
 * @example
 * ```ts
 * import { gradients, read, square, sum, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const x = tensor("D", [1, -3]);
 * assertEquals([...await read(gradients(sum(square(x)), { x }).x)], [2, -6]);
 * ```
 */
export function gradients<P>(loss: Tensor<"">, params: P): P {
  if (loss.axes.length > 0) {
    throw new AxisError(`gradients: the loss must be a scalar, not ${loss}; sum or average it`);
  }
  const collected = backpropagate(loss, leaves(params).map(([, x]) => x));
  return mapNested(params, (x) => collected.get(x) ?? zeros(x.axes.join(" "), x.shape));
}

function backpropagate(loss: Tensor, targets: Tensor[]): Map<Tensor, Tensor | undefined> {
  const wanted = new Set(targets), collected = between(wanted, loss);
  const order = [...collected.keys()].reverse();
  collected.set(loss, full("", [], 1));
  for (const x of order) {
    const gradient = collected.get(x);
    if (!gradient || !x.backward) continue;
    x.backward(gradient, x).forEach((g, i) => {
      const parent = x.parents[i];
      if (!g || isZero(g) || !collected.has(parent)) return;
      const before = collected.get(parent);
      collected.set(parent, before ? add(before, g) : g);
    });
    if (!wanted.has(x)) collected.delete(x);
  }
  return collected;
}

/** What lies between the targets and the loss, parents before children; as yet without a gradient. */
function between(targets: Set<Tensor>, loss: Tensor): Map<Tensor, Tensor | undefined> {
  const reached = new Map<Tensor, Tensor | undefined>();
  for (const x of sourcesFirst([loss], (x) => x.parents)) {
    if (targets.has(x) || x.parents.some((p) => reached.has(p))) reached.set(x, undefined);
  }
  return reached;
}

/**
 * Turn a function of parameters into one that gives its value and its gradients.
 *
 * @example
 * ```ts
 * import { read, square, sum, tensor, valueAndGrad } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const w = tensor("D", [1, 2]);
 * const step = valueAndGrad((params: { w: typeof w }) => sum(square(params.w)));
 * const { value, gradients } = step({ w });
 * assertEquals([...await read(value)], [5]);
 * assertEquals([...await read(gradients.w)], [2, 4]);
 * ```
 */
export function valueAndGrad<P, Rest extends unknown[]>(
  f: (params: P, ...rest: Rest) => Tensor<"">,
): (params: P, ...rest: Rest) => { value: Tensor<"">; gradients: P } {
  return (params, ...rest) => {
    const value = f(params, ...rest);
    return { value, gradients: gradients(value, params) };
  };
}
