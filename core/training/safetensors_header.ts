/**
 * The header of a safetensors file: a table of contents, checked before a number is read.
 * Idea   Names, types, shapes and places of all tensors, as JSON. Every way to lie about them
 *        (sizes that overflow, ranges that overlap or leave the file, a name given twice) is an
 *        error that names file and tensor, raised while only the header is in memory.
 * Maths  b − a = bytes(dtype) · Π d for each tensor; sorted by a, each range [a, b) starts
 *        where the one before it ends, the first at 0, and the last ends where the data end.
 * Axes   none
 * Differs from the paper: there is none; the format's description is followed.
 * Trap   JSON.parse silently keeps the last of two equal names; another reader may take the first.
 * @module
 */
import { FileError } from "./files.ts";

/** A type of number: its size in a file, and how its bytes become 32-bit floats. */
export interface DType {
  /** Bytes a number takes in the file. */
  readonly bytes: number;
  /** The numbers in `raw`, which F32 shares and the other types leave alone. */
  readonly widen: (raw: ArrayBuffer) => Float32Array<ArrayBuffer>;
}

/** One line of the table of contents. */
export interface Entry {
  /** The tensor's name. */
  readonly name: string;
  /** The type of its numbers. */
  readonly dtype: DType;
  /** Its sizes. */
  readonly shape: readonly number[];
  /** Where its bytes begin, counted from the start of the data. */
  readonly begin: number;
  /** Where they end (exclusive). */
  readonly end: number;
}

/** A header found sound. */
export interface Header {
  /** The tensors, in the order of their data, which they tile. */
  readonly entries: readonly Entry[];
  /** The texts under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How many bytes at the start of a file give the length of its header. */
export const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

// Typed arrays use the machine's order of bytes: little-endian wherever Deno or a browser runs.
const DTYPES: ReadonlyMap<unknown, DType> = new Map([
  ["F32", { bytes: 4, widen: (raw) => new Float32Array(raw) }],
  ["F16", { bytes: 2, widen: (raw) => new Float32Array(new Float16Array(raw)) }],
  ["BF16", { bytes: 2, widen: widenBrainFloat }],
  ["F64", { bytes: 8, widen: (raw) => new Float32Array(new Float64Array(raw)) }],
  ["I64", { bytes: 8, widen: (raw) => Float32Array.from(new BigInt64Array(raw), Number) }],
  ["I32", { bytes: 4, widen: (raw) => new Float32Array(new Int32Array(raw)) }],
  ["U8", { bytes: 1, widen: (raw) => new Float32Array(new Uint8Array(raw)) }],
  ["BOOL", { bytes: 1, widen: (raw) => Float32Array.from(new Uint8Array(raw), Math.sign) }],
]);

/** A BF16 number is the upper half of an F32. */
function widenBrainFloat(raw: ArrayBuffer): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(new Uint16Array(raw), (half) => half << 16).buffer);
}

function refuse(file: string, problem: string): never {
  throw new FileError(file, `${problem}; the file is damaged or no safetensors file: get it again`);
}

/**
 * How long the header is (bytes), from the first bytes of a file that holds `fileBytes` in all.
 *
 * @throws {FileError} when no such header fits into the file.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { headerLength } from "@lineage/lineage/core/training/safetensors_header";
 * assertEquals(headerLength(Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0), 24, "model.safetensors"), 16);
 * ```
 */
export function headerLength(start: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < LENGTH_BYTES) {
    refuse(file, `holds ${fileBytes} bytes, and ${LENGTH_BYTES} give the header's length`);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || length > fileBytes - LENGTH_BYTES) {
    const limit = Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES);
    refuse(file, `states a header of ${length} bytes, and at most ${limit} are possible`);
  }
  return Number(length);
}

/**
 * The table of contents in the header's `bytes`, for a file whose data take `dataBytes`.
 *
 * @throws {FileError} naming file and tensor, unless header and size agree in everything.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseHeader } from "@lineage/lineage/core/training/safetensors_header";
 * const json = '{"bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
 * const { entries } = parseHeader(new TextEncoder().encode(json), 8, "model.safetensors");
 * assertEquals(entries[0].shape, [2]);
 * ```
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, file: string): Header {
  const { [METADATA]: metadata = {}, ...fields } = headerFields(bytes, file);
  if (!areTexts(metadata)) refuse(file, `has ${METADATA} that is not an object of texts`);
  const entries = Object.entries(fields).map(([name, field]) => parseEntry(name, field, file));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(entries, dataBytes, file);
  return { entries, metadata };
}

/**
 * The first part of a file, length and header, for F32 tensors whose data follow in the given
 * order.
 *
 * @throws {RangeError} naming the tensor whose shape and number of values (`length`) disagree.
 * @throws {TypeError} when the metadata are not texts.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatHeader } from "@lineage/lineage/core/training/safetensors_header";
 * const start = formatHeader([{ name: "bias", shape: [2], length: 2 }], { format: "pt" });
 * assertEquals(start.length % 8, 0);
 * ```
 */
export function formatHeader(
  tensors: readonly { name: string; shape: readonly number[]; length: number }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  if (!areTexts(metadata)) throw new TypeError("metadata of a safetensors file must be texts");
  // Joined by hand: an object would move names that look like numbers to the front.
  const fields = [`"${METADATA}":${JSON.stringify(metadata)}`];
  let begin = 0;
  for (const { name, shape, length } of tensors) {
    refuseUnwritable(name, shape, length);
    const end = begin + 4 * length;
    const field = { dtype: "F32", shape, data_offsets: [begin, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(field)}`);
    begin = end;
  }
  const header = new TextEncoder().encode(`{${fields.join(",")}}`);
  const start = new Uint8Array(LENGTH_BYTES + Math.ceil(header.length / 8) * 8).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - LENGTH_BYTES), true);
  start.set(header, LENGTH_BYTES);
  return start;
}

function checkTiling(entries: readonly Entry[], dataBytes: number, file: string): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    const bad = (problem: string) => refuse(file, `tensor ${show(name)} ${problem}`);
    if (begin < covered) bad(`starts at byte ${begin}, inside the tensor before it`);
    if (begin > covered) bad(`starts at byte ${begin}, a hole after byte ${covered}`);
    if (end > dataBytes) bad(`ends at byte ${end}, and the data have ${dataBytes}`);
    covered = end;
  }
  if (covered < dataBytes) refuse(file, `has ${dataBytes - covered} bytes after the last tensor`);
}

function headerFields(bytes: Uint8Array, file: string): Record<string, unknown> {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const fields: unknown = JSON.parse(text);
    if (!isObject(fields)) refuse(file, "has a header that is not a JSON object");
    const twice = firstDuplicateKey(text);
    if (twice !== undefined) refuse(file, `names ${show(twice)} twice in its header`);
    return fields;
  } catch (cause) {
    if (cause instanceof FileError) throw cause;
    refuse(file, `has a header that is not JSON in UTF-8 (${(cause as Error).message})`);
  }
}

/** A key that an object in a (valid) JSON text has twice; JSON.parse silently keeps the last. */
function firstDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, key] of json.matchAll(/("(?:[^"\\]+|\\.)*")\s*:|"(?:[^"\\]+|\\.)*"|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (key) {
      const name = JSON.parse(key);
      if (open.at(-1)!.has(name)) return name;
      open.at(-1)!.add(name);
    }
  }
}

function parseEntry(name: string, field: unknown, file: string): Entry {
  const bad = (problem: string) => refuse(file, `tensor ${show(name)} ${problem}`);
  if (!isObject(field)) return bad("is not described by an object");
  const { dtype: type, shape, data_offsets: offsets } = field;
  const dtype = DTYPES.get(type);
  if (!dtype) {
    return bad(`has dtype ${show(type)}, and readable are ${[...DTYPES.keys()].join(" ")}`);
  }
  if (!areCounts(shape)) return bad(`has shape ${show(shape)}`);
  if (!areCounts(offsets) || offsets.length !== 2) return bad(`has data_offsets ${show(offsets)}`);
  const [begin, end] = offsets;
  if (begin > end) return bad(`has data_offsets ${show(offsets)}, the wrong way round`);
  // Too large a product is inexact, but then beyond every end that is an exact number.
  const needed = count(shape) * dtype.bytes;
  if (needed !== end - begin) {
    return bad(`of ${type} and shape ${show(shape)} needs ${needed} bytes, has ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function refuseUnwritable(name: string, shape: readonly number[], length: number): void {
  if (name === METADATA) throw new RangeError(`no tensor can be named ${METADATA}; rename it`);
  if (areCounts(shape) && count(shape) === length) return;
  const problem = `has ${length} values, which is not what shape ${show(shape)} needs`;
  throw new RangeError(`tensor ${show(name)} ${problem}; mend its shape`);
}

const count = (shape: readonly number[]): number => shape.reduce((a, size) => a * size, 1);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const areTexts = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((text) => typeof text === "string");

const areCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** A value from a file, for an error: quoted, and short. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
