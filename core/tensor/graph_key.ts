/**
 * A key for a graph: two graphs with the same key need the same program.
 *
 * Idea   Number the tensors in the order in which a walk meets them; write down for each what it is and
 *        the numbers of its inputs. Values are not in the key, shapes are. A key is a list of whole
 *        numbers: every training step writes one, and writes it over that of the step before.
 * Trap   Two graphs must not come to one list by chance: each list within it begins with its length.
 * Differs from the paper: there is none.
 * @module
 */
import type { Request } from "./emit.ts";
import type { Origin, Tensor } from "./tensor.ts";
import { sourcesFirst } from "./walk.ts";

const names = new Map<string, number>();

/** A number for a word, such as the name of an axis. */
function numberOf(name: string): number {
  let number = names.get(name);
  if (number === undefined) names.set(name, number = names.size);
  return number;
}

/** Write the key of a request into `key`; returns the given tensors (data and held) in its order. */
export function writeKey(request: Request, keeps: boolean, key: number[]): Tensor[] {
  const leaves: Tensor[] = [], places = new Map<Origin, number>();
  let end = 0;
  const write = (number: number) => {
    key[end++] = number;
  };
  const writeList = <T>(list: readonly T[], number: (item: T) => number) => {
    write(list.length);
    for (let i = 0; i < list.length; i++) write(number(list[i])); // an iterator would be garbage
  };
  const describe = (origin: Origin) => {
    switch (origin.kind) {
      case "held":
        write(origin.half ? 1 : 0);
        break;
      case "map":
        write(origin.expression.id);
        write(origin.lookup ? 1 : 0);
        break;
      case "reduce":
        write(numberOf(origin.by));
        writeList(origin.over, numberOf);
        break;
      case "view":
        write(origin.base.place);
        write(origin.offset);
        writeList(origin.strides, itself);
        break;
      case "assemble":
        write(numberOf(origin.axis));
        writeList(origin.starts, itself);
    }
  };
  const { outputs } = request, updates = request.updates.flat();
  const order = sourcesFirst([...outputs, ...updates]);
  write(order.length);
  for (const x of order) {
    const { origin } = x;
    write(numberOf(origin.kind));
    describe(origin);
    if (origin.kind === "data" || origin.kind === "held") {
      if (!places.has(origin)) places.set(origin, leaves.push(x) - 1);
      write(places.get(origin)!);
    }
    writeList(x.inputs, place);
    writeList(x.axes, numberOf);
    writeList(x.shape, itself);
  }
  writeList(outputs, place);
  writeList(updates, place);
  write(keeps ? 1 : 0);
  key.length = end;
  return leaves;
}

const place = (x: Tensor) => x.place;
const itself = (n: number) => n;
