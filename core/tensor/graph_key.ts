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
import { sourcesFirst } from "./walk.ts";

const texts = new WeakMap<readonly unknown[], string>();

/** A list as text; axes and sizes are handed on from tensor to tensor, so few lists are new. */
function textOf(list: readonly unknown[]): string {
  let text = texts.get(list);
  if (text === undefined) texts.set(list, text = list.join());
  return text;
}

/** The key of a request and the given tensors (data and held) in the order of the walk. */
export function graphKey(request: Request, keeps: boolean): { key: string; leaves: Tensor[] } {
  const numbers = new Map<Tensor, number>(), origins = new Map<unknown, number>();
  const leaves: Tensor[] = [];
  const number = (x: Tensor) => numbers.get(x)!;
  const describe = (x: Tensor): string => {
    const { origin } = x;
    const tail = `:${x.inputs.map(number)}:${textOf(x.axes)}:${textOf(x.shape)}`;
    switch (origin.kind) {
      case "data":
      case "held": {
        const known = origins.get(origin);
        if (known !== undefined) return `=${known}${tail}`;
        origins.set(origin, leaves.push(x) - 1);
        return (origin.kind === "held" && origin.half ? "H" : origin.kind[0]) + tail;
      }
      case "map":
        return `m${origin.expression.id}${origin.lookup ? "l" : ""}${tail}`;
      case "reduce":
        return `r${origin.by}${origin.over}${tail}`;
      case "view":
        return `v${origin.strides};${origin.offset};${number(origin.base)}${tail}`;
      case "assemble":
        return `a${origin.axis}${origin.starts}${tail}`;
      default:
        return origin.kind + tail;
    }
  };
  const parts = sourcesFirst([...request.outputs, ...request.updates.flat()]).map((x) => {
    numbers.set(x, numbers.size);
    return describe(x);
  });
  const outputs = request.outputs.map(number);
  const updates = request.updates.map(([to, from]) => `${number(to)}<${number(from)}`);
  return { key: [keeps, outputs, updates, ...parts].join("|"), leaves };
}
