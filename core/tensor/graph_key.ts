/**
 * A key for a graph: two graphs with the same key need the same program.
 *
 * Idea   Number the tensors in the order in which a walk meets them; write down for each what it is and
 *        the numbers of its inputs. Values are not in the key, shapes are.
 * Differs from the paper: there is none.
 * @module
 */
import type { Request } from "./emit.ts";
import type { Tensor } from "./tensor.ts";

/** The key of a request and the given tensors (data and held) in the order of the walk. */
export function graphKey(request: Request, keeps: boolean): { key: string; leaves: Tensor[] } {
  const numbers = new Map<Tensor, number>(), origins = new Map<unknown, number>();
  const leaves: Tensor[] = [], parts: string[] = [];
  const visit = (x: Tensor): number => {
    const known = numbers.get(x);
    if (known !== undefined) return known;
    let inputs = "";
    for (const i of x.inputs) inputs += visit(i) + ",";
    const number = numbers.size;
    numbers.set(x, number);
    parts.push(describe(x, inputs));
    return number;
  };
  const describe = (x: Tensor, inputs: string): string => {
    const { origin } = x;
    const tail = `${inputs}:${x.axes}:${x.shape}`;
    switch (origin.kind) {
      case "data":
      case "held": {
        const known = origins.get(origin);
        if (known !== undefined) return `=${known}${tail}`;
        origins.set(origin, leaves.push(x) - 1);
        return origin.kind[0] + tail;
      }
      case "map":
        return `m${origin.expression.id}${origin.lookup ? "l" : ""}${tail}`;
      case "reduce":
        return `r${origin.by}${origin.over}${tail}`;
      case "view":
        return `v${origin.strides};${origin.offset};${visit(origin.base)}${tail}`;
      case "assemble":
        return `a${origin.axis}${origin.starts}${tail}`;
      default:
        return origin.kind + tail;
    }
  };
  const outputs = request.outputs.map(visit);
  const updates = request.updates.map(([to, from]) => `${visit(to)}<${visit(from)}`);
  return { key: [keeps, outputs, updates, ...parts].join("|"), leaves };
}
