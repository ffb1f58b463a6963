/**
 * Between the tensors of a file and the parameters of a model.
 *
 * Idea   The declaration says which tensors there must be, the table of names how they are called. The
 *        file has exactly those, in those sizes, or nothing is taken from it.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import { instantiate, type Parameters } from "../../core/parameters.ts";
import { read, Tensor, tensor } from "../../core/tensor/mod.ts";
import { FileError } from "../../core/training/files.ts";
import type { StoredTensor } from "../../core/training/safetensors.ts";
import { type NameTable, theirName } from "./names.ts";

/** How the tensors of a file are called. */
export interface Naming {
  /** Our paths and theirs. */
  names: NameTable;
  /** The prefix of names, which published checkpoints may lack. */
  prefix: string;
  /** Names of tensors in published files that say nothing new. */
  redundant: readonly RegExp[];
  /** From tensors as they are stored to one for each parameter, where they are stored otherwise. */
  unpack?: (tensors: Tensors) => Tensors;
  /** And back. */
  pack?: (tensors: Tensors) => Tensors;
}

/** The tensors of a file by name. */
export type Tensors = ReadonlyMap<string, StoredTensor>;

/**
 * Each declared parameter with its stored numbers.
 *
 * @throws {FileError} where a tensor is missing, has another shape, or belongs to no parameter.
 *
 * @example
 * ```ts
 * import { declare } from "@lineage/lineage/core/parameters";
 * import { fromStored } from "@lineage/lineage/models/huggingface/stored";
 * import { assertEquals } from "@std/assert";
 * const file = new Map([["ln.weight", { shape: [2], data: Float32Array.of(1, 2) }]]);
 * const naming = { names: [["norm.gain", "ln.weight"]] as const, prefix: "", redundant: [] };
 * const { norm } = fromStored("model.safetensors", file, naming, { norm: { gain: declare("D", [2]) } });
 * assertEquals(norm.gain.shape, [2]);
 * ```
 */
export function fromStored<D>(
  file: string,
  weights: ReadonlyMap<string, StoredTensor>,
  { names, prefix, redundant, unpack = (tensors) => tensors }: Naming,
  declared: D,
): Parameters<D> {
  const stored = unpack(new Map([...weights].map(([name, x]) => [modernName(name), x])));
  const unused = new Set(stored.keys());
  const take = (name: string): StoredTensor => {
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const found = [name, bare].find((n) => stored.has(n));
    if (found === undefined) throw new FileError(file, `the tensor "${name}" is missing`);
    unused.delete(found);
    return stored.get(found)!;
  };
  const params = instantiate(declared, ({ axes, shape }, path) => {
    const name = theirName(path, names), found = take(name);
    if (found.shape.join() !== shape.join()) {
      const sizes = `${found.shape.join("×")}, not ${shape.join("×")} as config.json has it`;
      throw new FileError(file, `the tensor "${name}" is ${sizes}`);
    }
    return tensor(axes, found.data, shape);
  });
  const extra = [...unused].filter((name) => !redundant.some((r) => r.test(name)));
  if (extra.length) {
    const list = extra.slice(0, 5).join('", "');
    throw new FileError(file, `${extra.length} tensors belong to no parameter: "${list}"`);
  }
  return params;
}

/** Early checkpoints call the gain gamma and the bias beta. */
const modernName = (name: string) =>
  name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(
    /LayerNorm\.beta$/,
    "LayerNorm.bias",
  );

/**
 * The tensors of a file from the parameters of a model; a shared one once for each of its names.
 *
 * @example
 * ```ts
 * import { tensor } from "@lineage/lineage/core/tensor";
 * import { toStored } from "@lineage/lineage/models/huggingface/stored";
 * import { assertEquals } from "@std/assert";
 * const params = { norm: { gain: tensor("D", [1, 2]) } };
 * const stored = await toStored(params, { names: [["norm.gain", "ln.weight"]] });
 * assertEquals([...stored.get("ln.weight")!.data], [1, 2]);
 * ```
 */
export async function toStored(
  params: unknown,
  { names, pack = (tensors) => tensors }: Pick<Naming, "names" | "pack">,
): Promise<Tensors> {
  const stored = [...new Map(places(params).map(([path, x]) => [theirName(path, names), x]))];
  const values = await read(stored.map(([, x]) => x));
  const own = stored.map(([name, { shape }], i): [string, StoredTensor] => [
    name,
    { shape, data: Float32Array.from(values[i]) },
  ]);
  return pack(new Map(own));
}

/** Every place where a tensor stands, also where it stands again. */
function places(nested: unknown, path = ""): [string, Tensor][] {
  if (nested instanceof Tensor) return [[path, nested]];
  if (typeof nested !== "object" || nested === null) return [];
  return Object.entries(nested).flatMap(([name, x]) => places(x, path ? `${path}.${name}` : name));
}
