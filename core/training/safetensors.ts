/**
 * Safetensors, the file of named tensors in a checkpoint — github.com/huggingface/safetensors.
 * Idea   A JSON table of contents (`safetensors_header.ts`), then the bare numbers. Nothing in it
 *        can run, and the table is checked against the file's size before a number is read: a
 *        damaged or hostile file gets an error, never half a model, never a huge allocation.
 * Maths  file = n (u64) · header (n bytes: JSON, spaces to a multiple of 8) · data, little-endian
 *        {"name": {"dtype": "F32", "shape": [d₁ … d_r], "data_offsets": [a, b]}, …}
 * Axes   as many as the shape has, row-major; [] is a single number
 * Differs from the paper: there is none. Differs from Hugging Face's library: all types are read as
 *        32-bit floats (F64, I64 and I32 are rounded) and written as F32; NaN and ±∞ are errors.
 * Trap   `new Float32Array(buffer, offset)` throws unless the offset is a multiple of 4, which the
 *        format does not promise, and a view keeps the whole file alive: each tensor gets a copy.
 * @module
 */
import { FileError, readJSON, recoverFolder, writeAtomically } from "./files.ts";
import {
  type Entry,
  formatHeader,
  headerLength,
  LENGTH_BYTES,
  parseHeader,
} from "./safetensors_header.ts";

/** A tensor as it lies in a file: sizes, and the values in row-major order. */
export interface StoredTensor {
  /** The size of each axis; `[]` for a single number. */
  readonly shape: readonly number[];
  /** The values, as many as the product of the sizes. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** What a safetensors file holds. */
export interface StoredTensors {
  /** The tensors by name, in the order of their data. */
  readonly tensors: Map<string, StoredTensor>;
  /** Free text about the file; Hugging Face's say `{ format: "pt" }`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How to read. */
export interface ReadOptions {
  /** Accept weights that are NaN or infinite, to look at a run that diverged. */
  readonly allowNonFinite?: boolean;
}

/**
 * The tensors in the bytes of a safetensors file; `file` is its name in errors.
 *
 * @throws {FileError} naming file and tensor, when the bytes are not a whole, well-formed file, or
 * a weight is not finite.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatSafetensors, parseSafetensors } from "@lineage/lineage/core/training/safetensors";
 * const bias = { shape: [2], data: new Float32Array([0.5, -1]) };
 * const bytes = formatSafetensors(new Map([["bias", bias]]));
 * const { tensors } = parseSafetensors(bytes, "model.safetensors");
 * assertEquals(tensors.get("bias"), bias);
 * ```
 */
export function parseSafetensors(
  bytes: Uint8Array,
  file: string,
  options: ReadOptions = {},
): StoredTensors {
  const dataStart = LENGTH_BYTES + headerLength(bytes, bytes.length, file);
  const header = bytes.subarray(LENGTH_BYTES, dataStart);
  const { entries, metadata } = parseHeader(header, bytes.length - dataStart, file);
  const tensors = new Map<string, StoredTensor>();
  for (const entry of entries) {
    const raw = new Uint8Array(bytes.subarray(dataStart + entry.begin, dataStart + entry.end));
    tensors.set(entry.name, toTensor(entry, raw.buffer, file, options));
  }
  return { tensors, metadata };
}

/**
 * The bytes of a safetensors file: all values as F32, in the order of the names, as Hugging Face's
 * library writes them.
 *
 * @throws {RangeError} naming the tensor whose shape and number of values disagree.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatSafetensors } from "@lineage/lineage/core/training/safetensors";
 * const bytes = formatSafetensors(new Map([["tau", { shape: [], data: new Float32Array([2]) }]]));
 * assertEquals(bytes.length % 4, 0);
 * ```
 */
export function formatSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array<ArrayBuffer> {
  const parts = safetensorsParts(tensors, metadata);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * The bytes of `formatSafetensors` in parts that share the tensors' memory, for `writeAtomically`
 * and `writeFolderAtomically`: a model of hundreds of megabytes is written without a second copy.
 *
 * @throws {RangeError} naming the tensor whose shape and number of values disagree.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { writeFolderAtomically } from "@lineage/lineage/core/training/files";
 * import { readWeights, safetensorsParts } from "@lineage/lineage/core/training/safetensors";
 * const folder = await Deno.makeTempDir();
 * const weights = new Map([["tau", { shape: [], data: new Float32Array([2]) }]]);
 * await writeFolderAtomically(folder, { "model.safetensors": safetensorsParts(weights) });
 * assertEquals(await readWeights(folder), weights);
 * ```
 */
export function safetensorsParts(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array<ArrayBuffer>[] {
  const sorted = [...tensors].sort(([a], [b]) => a < b ? -1 : 1);
  const sizes = sorted.map(([name, { shape, data }]) => ({ name, shape, length: data.length }));
  const start = formatHeader(sizes, metadata);
  return [start, ...sorted.map(([name, { data }]) => bytesOf(name, data))];
}

/**
 * Reads the file at `path` tensor by tensor, so that it is never in memory twice.
 *
 * @throws {FileError} as `parseSafetensors`, and when the file is missing or unreadable.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readSafetensors, writeSafetensors } from "@lineage/lineage/core/training/safetensors";
 * const path = `${await Deno.makeTempDir()}/model.safetensors`;
 * await writeSafetensors(path, new Map([["tau", { shape: [], data: new Float32Array([2]) }]]));
 * assertEquals((await readSafetensors(path)).metadata, { format: "pt" });
 * ```
 */
export async function readSafetensors(
  path: string,
  options: ReadOptions = {},
): Promise<StoredTensors> {
  const tensors = new Map<string, StoredTensor>();
  const keep = (name: string, tensor: StoredTensor) => void tensors.set(name, tensor);
  const metadata = await streamSafetensors(path, keep, options);
  return { tensors, metadata };
}

/**
 * Gives `visit` one tensor after another, in the order of their data, and resolves to the metadata:
 * for weights that move on at once, to a device for instance. The whole table of contents is
 * checked before the first visit.
 *
 * @throws {FileError} as `readSafetensors`; only a value that is not finite is found after earlier
 * tensors were visited.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { streamSafetensors, writeSafetensors } from "@lineage/lineage/core/training/safetensors";
 * const path = `${await Deno.makeTempDir()}/model.safetensors`;
 * await writeSafetensors(path, new Map([["bias", { shape: [3], data: new Float32Array(3) }]]));
 * let parameters = 0;
 * await streamSafetensors(path, (_name, { data }) => void (parameters += data.length));
 * assertEquals(parameters, 3);
 * ```
 */
export async function streamSafetensors(
  path: string,
  visit: (name: string, tensor: StoredTensor) => void | Promise<void>,
  options: ReadOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const { file, size } = await openFile(path);
  using _closed = file;
  const start = await readBytes(file, Math.min(LENGTH_BYTES, size), path);
  const length = headerLength(start, size, path);
  const header = await readBytes(file, length, path);
  const { entries, metadata } = parseHeader(header, size - LENGTH_BYTES - length, path);
  // The ranges tile the data, so reading on needs no seek.
  for (const entry of entries) {
    const raw = await readBytes(file, entry.end - entry.begin, path);
    await visit(entry.name, toTensor(entry, raw.buffer, path, options));
  }
  return metadata;
}

/**
 * Writes `tensors` as the file `path`, whole or not at all, and without a second copy in memory.
 *
 * @throws {RangeError} as `formatSafetensors`.
 * @throws {FileError} as `writeAtomically`.
 *
 * @example
 * ```ts
 * import { writeSafetensors } from "@lineage/lineage/core/training/safetensors";
 * const path = `${await Deno.makeTempDir()}/model.safetensors`;
 * await writeSafetensors(path, new Map([["tau", { shape: [], data: new Float32Array([2]) }]]));
 * ```
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  await writeAtomically(path, safetensorsParts(tensors, metadata));
}

/**
 * The weights in a checkpoint folder: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` lists.
 *
 * @throws {FileError} as `readSafetensors`, when neither file is there, or when index and shards
 * disagree.
 *
 * @example
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { FileError } from "@lineage/lineage/core/training/files";
 * import { readWeights } from "@lineage/lineage/core/training/safetensors";
 * const empty = await Deno.makeTempDir();
 * await assertRejects(() => readWeights(empty), FileError, "model.safetensors");
 * ```
 */
export async function readWeights(
  folder: string,
  options: ReadOptions = {},
): Promise<Map<string, StoredTensor>> {
  await recoverFolder(folder);
  const names = await namesIn(folder);
  const single = `${folder}/model.safetensors`;
  if (names.has("model.safetensors")) return (await readSafetensors(single, options)).tensors;
  const index = `${single}.index.json`;
  if (names.has("model.safetensors.index.json")) return await readShards(folder, index, options);
  const problem = `holds neither model.safetensors nor model.safetensors.index.json`;
  throw new FileError(folder, `${problem}; convert weights of another format to safetensors first`);
}

/**
 * Checks that no weight is NaN or infinite: one such number makes every output NaN, far from its
 * cause.
 *
 * @throws {FileError} naming the first tensor with such a weight, and its flat (row-major) index.
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { assertFinite } from "@lineage/lineage/core/training/safetensors";
 * const bias = { shape: [2], data: new Float32Array([0, NaN]) };
 * assertThrows(() => assertFinite(new Map([["bias", bias]]), "a file"), Error, "NaN at index 1");
 * ```
 */
export function assertFinite(
  tensors: Iterable<readonly [string, StoredTensor]>,
  file: string,
): void {
  for (const [name, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) {
      if (Number.isFinite(data[i])) continue;
      const remedy = "take an earlier checkpoint, or read with { allowNonFinite: true }";
      throw new FileError(file, `tensor "${name}" holds ${data[i]} at index ${i}; ${remedy}`);
    }
  }
}

function bytesOf(name: string, data: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  // Notebooks are not type-checked, and other numbers would be written as if they were F32.
  if (!(data instanceof Float32Array)) {
    throw new TypeError(`tensor "${name}": data must be a Float32Array`);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function toTensor(
  { name, dtype, shape }: Entry,
  raw: ArrayBuffer,
  file: string,
  { allowNonFinite = false }: ReadOptions,
): StoredTensor {
  const tensor = { shape, data: dtype.widen(raw) };
  if (!allowNonFinite) assertFinite([[name, tensor]], file);
  return tensor;
}

async function openFile(path: string): Promise<{ file: Deno.FsFile; size: number }> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (isFile) return { file: await Deno.open(path), size };
  } catch (cause) {
    throw FileError.because(path, "read these weights", cause);
  }
  throw new FileError(path, "is not a file; name the .safetensors file itself");
}

async function readBytes(
  file: Deno.FsFile,
  count: number,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const bytes = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const got = await file.read(bytes.subarray(filled));
      if (got === null) throw new FileError(path, "became shorter while it was read; try again");
      filled += got;
    }
    return bytes;
  } catch (cause) {
    throw FileError.because(path, `read ${count} bytes of weights`, cause);
  }
}

async function namesIn(folder: string): Promise<Set<string>> {
  try {
    return new Set((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name));
  } catch (cause) {
    throw FileError.because(folder, "read the weights in it", cause);
  }
}

async function readShards(
  folder: string,
  index: string,
  options: ReadOptions,
): Promise<Map<string, StoredTensor>> {
  const shardOf = shardMap(await readJSON(index, "the list of shards"), index);
  const tensors = new Map<string, StoredTensor>();
  for (const shard of new Set(shardOf.values())) {
    const path = `${folder}/${shard}`;
    for (const [name, tensor] of (await readSafetensors(path, options)).tensors) {
      if (shardOf.get(name) === shard) tensors.set(name, tensor);
      else throw new FileError(path, `holds tensor "${name}" against ${index}; get both again`);
    }
  }
  const missing = [...shardOf.keys()].find((name) => !tensors.has(name));
  if (missing === undefined) return tensors;
  throw new FileError(index, `lists tensor "${missing}", which its shard lacks; get both again`);
}

function shardMap(listing: unknown, index: string): Map<string, string> {
  const { weight_map: map } = (listing ?? {}) as { weight_map?: unknown };
  const shardOf = new Map(Object.entries(map ?? {}));
  // A name with a folder in it could read a file from anywhere.
  const isName = (shard: unknown) => typeof shard === "string" && /^[^/\\:]+$/.test(shard);
  if (shardOf.size > 0 && [...shardOf.values()].every(isName)) return shardOf;
  throw new FileError(index, "has no weight_map from tensors to files beside it; get it again");
}
