/**
 * ONNX models written by hand: just enough of the format for a graph in memory.
 *
 * Maths  the format is Protocol Buffers: a field is its number times eight plus its kind, then the value.
 * @module
 */

type Bytes = Uint8Array<ArrayBuffer>;

const join = (...parts: Bytes[]): Bytes => {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** A number in groups of seven bits, the lowest first; −1 has all 64 bits set. */
function variable(value: number): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}

const whole = (field: number, value: number) => join(variable(field * 8), variable(value));
const message = (field: number, ...parts: Bytes[]): Bytes => {
  const content = join(...parts);
  return join(variable(field * 8 + 2), variable(content.length), content);
};
const text = (field: number, value: string) => message(field, new TextEncoder().encode(value));

/** An attribute of a node: a fraction, or whole numbers. */
export type Attribute = { fraction: number } | { whole: number } | { list: number[] };

function attribute(name: string, value: Attribute): Bytes {
  if ("fraction" in value) {
    const four = new Uint8Array(Float32Array.of(value.fraction).buffer);
    return message(5, text(1, name), variable(2 * 8 + 5), four, whole(20, 1));
  }
  if ("whole" in value) return message(5, text(1, name), whole(3, value.whole), whole(20, 2));
  return message(5, text(1, name), ...value.list.map((v) => whole(8, v)), whole(20, 7));
}

/** A graph that grows node by node. */
export class Graph {
  readonly #nodes: Bytes[] = [];
  readonly #constants: Bytes[] = [];

  /** A given tensor. */
  constant(name: string, shape: number[], values: Float32Array | BigInt64Array): string {
    const kind = values instanceof BigInt64Array ? 7 : 1;
    const raw = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    const sizes = shape.map((size) => whole(1, size));
    this.#constants.push(message(5, ...sizes, whole(2, kind), text(8, name), message(9, raw)));
    return name;
  }

  /** The result of an operator; it gets a name of its own. */
  node(operator: string, inputs: string[], attributes: Record<string, Attribute> = {}): string {
    const output = `${operator} ${this.#nodes.length}`;
    const given = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    const names = inputs.map((name) => text(1, name));
    this.#nodes.push(message(1, ...names, text(2, output), text(4, operator), ...given));
    return output;
  }

  /** The model with these inputs and outputs; ids are whole numbers of 32 bits, all else fractions. */
  model(inputs: Record<string, number[]>, outputs: Record<string, number[]>): Bytes {
    const value = (field: number, [name, sizes]: [string, number[]]) => {
      const dimensions = message(2, ...sizes.map((size) => message(1, whole(1, size))));
      const kind = whole(1, name === "ids" ? 6 : 1);
      return message(field, text(1, name), message(2, message(1, kind, dimensions)));
    };
    const ends = [
      ...Object.entries(inputs).map((input) => value(11, input)),
      ...Object.entries(outputs).map((output) => value(12, output)),
    ];
    const graph = message(7, ...this.#nodes, text(2, "g"), ...this.#constants, ...ends);
    return join(whole(1, 8), message(8, whole(2, 17)), graph);
  }
}
