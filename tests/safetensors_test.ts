import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError } from "../core/training/files.ts";
import {
  assertFinite,
  formatSafetensors,
  parseSafetensors,
  readSafetensors,
  readWeights,
  safetensorsParts,
  type StoredTensor,
  streamSafetensors,
  writeSafetensors,
} from "../core/training/safetensors.ts";

const GOLDEN = Deno.env.get("GOLDEN_DIR") ?? `${import.meta.dirname}/golden`;

const tensor = (shape: number[], ...values: number[]): StoredTensor => ({
  shape,
  data: Float32Array.from(values),
});

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function concatenate(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A file with this header (text, bytes, or a value to be written as JSON) and these data. */
function fileOf(header: unknown, data: number | Uint8Array = 0): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const bytes = header instanceof Uint8Array ? header : new TextEncoder().encode(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.length), true);
  return concatenate(length, bytes, typeof data === "number" ? new Uint8Array(data) : data);
}

function headerOf(bytes: Uint8Array): Record<string, { dtype?: string }> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

const bytesOf = (numbers: ArrayBufferView): Uint8Array =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

Deno.test("the bytes of a file are those worked out by hand", () => {
  const bytes = formatSafetensors(new Map([["b", tensor([2], 1, -2)], ["a", tensor([], 0.5)]]));
  const json = '{"__metadata__":{"format":"pt"},' +
    '"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},' +
    '"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}';
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  const data = new Uint8Array([0, 0, 0, 63, 0, 0, 128, 63, 0, 0, 0, 192]);
  assertEquals(bytes, fileOf(padded, data));
});

Deno.test("what was written is read again: names, shapes, bits and metadata", () => {
  const odd = [-0, 1e-45, 3.4028234663852886e38, 1 / 3];
  const tensors = new Map([
    ["", tensor([0, 3])],
    ["10", tensor([2, 2], ...odd)],
    ["9", tensor([], 7)],
    ["__proto__", tensor([1], 3)],
    ["constructor", tensor([1, 1, 1], 4)],
    ['quote" \\ \n é 😀', tensor([1], 5)],
  ]);
  const metadata = { format: "pt", step: "12", "é": "ü" };
  const read = parseSafetensors(formatSafetensors(tensors, metadata), "file");
  assertEquals(read.metadata, metadata);
  assertEquals([...read.tensors].sort(), [...tensors].sort());
  assertEquals(bytesOf(read.tensors.get("10")!.data), bytesOf(Float32Array.from(odd)));
});

Deno.test("the order in which tensors are given does not change the file", () => {
  const entries: [string, StoredTensor][] = [["b", tensor([1], 1)], ["10", tensor([1], 2)], [
    "9",
    tensor([1], 3),
  ]];
  const bytes = formatSafetensors(new Map(entries));
  assertEquals(formatSafetensors(new Map(entries.toReversed())), bytes);
  assertEquals([...parseSafetensors(bytes, "file").tensors.keys()], ["10", "9", "b"]);
});

Deno.test("a file without tensors is a file", () => {
  assertEquals(parseSafetensors(formatSafetensors(new Map()), "file").tensors.size, 0);
  assertEquals(parseSafetensors(fileOf("{}"), "file").metadata, {});
});

Deno.test("every golden checkpoint survives reading and writing, Hugging Face's F32 files bit by bit", async () => {
  let seen = 0;
  for await (const { name } of Deno.readDir(`${GOLDEN}/models`)) {
    const path = `${GOLDEN}/models/${name}/model.safetensors`;
    const bytes = await Deno.readFile(path);
    const { tensors, metadata } = await readSafetensors(path);
    assertEquals(parseSafetensors(bytes, path), { tensors, metadata });
    const written = formatSafetensors(tensors, metadata);
    assertEquals(parseSafetensors(written, path), { tensors, metadata });
    const { __metadata__, ...fields } = headerOf(bytes);
    const onlyF32 = Object.values(fields).every(({ dtype }) => dtype === "F32");
    if (onlyF32) assert(bytes.every((byte, i) => byte === written[i]), path);
    assertEquals(await readWeights(`${GOLDEN}/models/${name}`), tensors);
    seen++;
  }
  assert(seen > 0, `no models in ${GOLDEN}`);
});

Deno.test("each type of number is widened to the 32-bit float nearest to it", () => {
  const types: [dtype: string, raw: ArrayBufferView, values: number[]][] = [
    ["F32", new Float32Array([1.5, -0]), [1.5, -0]],
    ["F16", new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000]), [
      1,
      -2,
      65504,
      2 ** -24,
      -0,
    ]],
    ["BF16", new Uint16Array([0x3f80, 0xc000, 0x0001, 0x3eab]), [1, -2, 2 ** -133, 0.333984375]],
    ["F64", new Float64Array([0.1, -1e30]), [Math.fround(0.1), Math.fround(-1e30)]],
    ["I64", new BigInt64Array([-1n, 2n ** 40n]), [-1, 2 ** 40]],
    ["I32", new Int32Array([-7, 2 ** 30]), [-7, 2 ** 30]],
    ["U8", new Uint8Array([0, 255]), [0, 255]],
    ["BOOL", new Uint8Array([0, 1, 1]), [0, 1, 1]],
  ];
  for (const [dtype, raw, values] of types) {
    const field = { dtype, shape: [values.length], data_offsets: [0, raw.byteLength] };
    const { tensors } = parseSafetensors(fileOf({ x: field }, bytesOf(raw)), "file");
    assertEquals(tensors.get("x"), tensor([values.length], ...values), dtype);
  }
});

Deno.test("data may start and end at any byte, and the tensors share no memory with the file", () => {
  const raw = concatenate(
    new Uint8Array([1]),
    bytesOf(new Float32Array([2, 3])),
    new Uint8Array([4]),
  );
  for (let padding = 0; padding < 4; padding++) {
    const header = JSON.stringify({
      flag: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] },
      weight: { dtype: "F32", shape: [2], data_offsets: [1, 9] },
      byte: { dtype: "U8", shape: [], data_offsets: [9, 10] },
    }) + " ".repeat(padding);
    const bytes = fileOf(header, raw);
    const { tensors } = parseSafetensors(bytes, "file");
    bytes.fill(0);
    assertEquals(tensors.get("flag"), tensor([1], 1));
    assertEquals(tensors.get("weight"), tensor([2], 2, 3));
    assertEquals(tensors.get("byte"), tensor([], 4));
  }
});

Deno.test("a view into larger memory is parsed and written as what it shows", () => {
  const file = formatSafetensors(new Map([["a", tensor([2], 1, 2)]]));
  const inside = concatenate(new Uint8Array(3), file, new Uint8Array(5));
  const { tensors } = parseSafetensors(inside.subarray(3, 3 + file.length), "file");
  assertEquals(tensors.get("a"), tensor([2], 1, 2));
  const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
  assertEquals(formatSafetensors(new Map([["a", { shape: [2], data: view }]])), file);
  const [, part] = safetensorsParts(new Map([["a", { shape: [2], data: view }]]));
  assertEquals(part.buffer, view.buffer);
});

const F32 = (shape: unknown, begin: unknown, end: unknown) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});
const utf8 = (text: string) => new TextEncoder().encode(text);
const lengthOnly = (length: bigint) => bytesOf(new BigUint64Array([length]));

/** Files that lie, each with what the error must say. */
const HOSTILE: [what: string, file: Uint8Array, message: string][] = [
  ["empty", new Uint8Array(), "holds 0 bytes"],
  ["shorter than the length", new Uint8Array(7), "holds 7 bytes"],
  ["text", utf8("version https://git-lfs.github.com/spec/v1"), "states a header of"],
  ["length 2^63", concatenate(lengthOnly(2n ** 63n), utf8("{}")), "9223372036854775808 bytes"],
  ["length 2^64 - 1", concatenate(lengthOnly(2n ** 64n - 1n), utf8("{}")), "18446744073709551615"],
  ["length beyond the file", concatenate(lengthOnly(3n), utf8("{}")), "3 bytes, and at most 2"],
  ["empty header", fileOf(""), "not JSON"],
  ["header not UTF-8", fileOf(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x30, 0x7d])), "UTF-8"],
  ["header with a byte order mark", fileOf("\uFEFF{}"), "not JSON"],
  ["header not JSON", fileOf('{"a":'), "not JSON"],
  ["header cut by zeros", fileOf("{}\0\0"), "not JSON"],
  ["header an array", fileOf("[]"), "not a JSON object"],
  ["header null", fileOf("null"), "not a JSON object"],
  ["header a number", fileOf("12345678"), "not a JSON object"],
  ["header deeply nested", fileOf("[".repeat(100_000)), "not JSON"],
  ["metadata not an object", fileOf({ __metadata__: [] }), "__metadata__"],
  ["metadata null", fileOf({ __metadata__: null }), "__metadata__"],
  ["metadata not texts", fileOf({ __metadata__: { step: 1 } }), "__metadata__"],
  ["tensor null", fileOf({ w: null }), 'tensor "w" is not described'],
  ["tensor an array", fileOf({ w: [] }), 'tensor "w" is not described'],
  [
    "no dtype",
    fileOf({ w: { shape: [], data_offsets: [0, 4] } }, 4),
    'tensor "w" has dtype missing',
  ],
  [
    "unknown dtype",
    fileOf({ w: { ...F32([], 0, 4), dtype: "F8" } }, 4),
    'tensor "w" has dtype "F8"',
  ],
  ["dtype of a prototype", fileOf({ w: { ...F32([], 0, 4), dtype: "get" } }, 4), 'has dtype "get"'],
  [
    "no shape",
    fileOf({ w: { dtype: "F32", data_offsets: [0, 4] } }, 4),
    'tensor "w" has shape missing',
  ],
  ["shape a number", fileOf({ w: F32(1, 0, 4) }, 4), 'tensor "w" has shape 1'],
  ["negative size", fileOf({ w: F32([-1], 0, 4) }, 4), 'tensor "w" has shape [-1]'],
  ["two negative sizes", fileOf({ w: F32([-1, -1], 0, 4) }, 4), 'tensor "w" has shape [-1,-1]'],
  ["broken size", fileOf({ w: F32([0.5, 2], 0, 4) }, 4), 'tensor "w" has shape [0.5,2]'],
  ["size a text", fileOf({ w: F32(["1"], 0, 4) }, 4), 'tensor "w" has shape ["1"]'],
  [
    "size beyond exact numbers",
    fileOf('{"w":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
    'tensor "w" has shape',
  ],
  ["overflow", fileOf({ w: F32([2 ** 32, 2 ** 32], 0, 0) }), 'tensor "w" of F32 and shape'],
  [
    "overflow of 64 bits to 4",
    fileOf({ w: F32([2 ** 31, 2 ** 31 + 1], 0, 4) }, 4),
    'tensor "w" of F32',
  ],
  [
    "overflow to infinity",
    fileOf({ w: F32(Array(40).fill(2 ** 50), 0, 4) }, 4),
    "needs Infinity bytes",
  ],
  [
    "overflow, then zero",
    fileOf({ w: F32([...Array(40).fill(2 ** 50), 0], 0, 0) }),
    "needs NaN bytes",
  ],
  [
    "no offsets",
    fileOf({ w: { dtype: "F32", shape: [] } }, 4),
    'tensor "w" has data_offsets missing',
  ],
  [
    "one offset",
    fileOf({ w: { dtype: "F32", shape: [], data_offsets: [0] } }, 4),
    "data_offsets [0]",
  ],
  [
    "three offsets",
    fileOf({ w: { dtype: "F32", shape: [], data_offsets: [0, 4, 4] } }, 4),
    "[0,4,4]",
  ],
  ["broken offset", fileOf({ w: F32([1], 0.5, 4.5) }, 8), 'tensor "w" has data_offsets [0.5,4.5]'],
  ["offset a text", fileOf({ w: F32([1], "0", "4") }, 4), 'tensor "w" has data_offsets ["0","4"]'],
  ["negative offset", fileOf({ w: F32([1], -4, 0) }, 4), 'tensor "w" has data_offsets [-4,0]'],
  [
    "reversed offsets",
    fileOf({ w: F32([1], 4, 0) }, 4),
    'tensor "w" has data_offsets [4,0], the wrong',
  ],
  ["offsets beyond the data", fileOf({ w: F32([2], 0, 8) }, 4), 'tensor "w" ends at byte 8'],
  [
    "offsets of terabytes",
    fileOf({ w: F32([2 ** 40], 0, 2 ** 42) }, 4),
    'tensor "w" ends at byte 4398',
  ],
  ["shape too small", fileOf({ w: F32([1], 0, 8) }, 8), "needs 4 bytes, has 8"],
  ["shape too large", fileOf({ w: F32([3], 0, 8) }, 8), "needs 12 bytes, has 8"],
  [
    "overlap",
    fileOf({ v: F32([2], 0, 8), w: F32([2], 4, 12) }, 12),
    'tensor "w" starts at byte 4, inside',
  ],
  [
    "same place twice",
    fileOf({ v: F32([1], 0, 4), w: F32([1], 0, 4) }, 4),
    "inside the tensor before",
  ],
  [
    "nothing inside another",
    fileOf({ v: F32([2], 0, 8), w: F32([0], 4, 4) }, 8),
    'tensor "w" starts at',
  ],
  [
    "hole",
    fileOf({ v: F32([1], 0, 4), w: F32([1], 8, 12) }, 12),
    'tensor "w" starts at byte 8, a hole',
  ],
  ["hole at the start", fileOf({ w: F32([1], 4, 8) }, 8), 'tensor "w" starts at byte 4, a hole'],
  ["rest", fileOf({ w: F32([1], 0, 4) }, 5), "has 1 bytes after the last tensor"],
  ["data without tensors", fileOf("{}", 4), "has 4 bytes after"],
  ["name given twice", fileOf('{"w":1,"v":{},"w":2}'), 'names "w" twice'],
  ["name given twice, once escaped", fileOf('{"w":1,"\\u0077":2}'), 'names "w" twice'],
  ["metadata given twice", fileOf('{"__metadata__":{},"__metadata__":{}}'), 'names "__metadata__"'],
  ["field given twice", fileOf('{"w":{"shape":[],"shape":[1]}}'), 'names "shape" twice'],
];

Deno.test("a file that lies about itself gets an error that names it, read whole or from disk", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.safetensors`;
    for (const [what, bytes, message] of HOSTILE) {
      const error = assertThrows(() => parseSafetensors(bytes, path), FileError, message, what);
      assert(error.message.startsWith(`${path}: `), what);
      await Deno.writeFile(path, bytes);
      const visit = () => assert(false, `${what}: a tensor was given out`);
      const fromDisk = await assertRejects(() => streamSafetensors(path, visit), FileError);
      assertEquals(fromDisk.message, error.message, what);
    }
  }));

Deno.test("a header of more than 100 MB is refused before it is read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.safetensors`;
    const file = await Deno.open(path, { write: true, create: true });
    await file.write(lengthOnly(100_000_001n));
    await file.truncate(200_000_000);
    file.close();
    await assertRejects(() => readSafetensors(path), FileError, "at most 100000000 are possible");
  }));

Deno.test("a name that occurs as text elsewhere in the header is not a second name", () => {
  const header = {
    __metadata__: { w: "w", shape: '"w":1,"w":2' },
    w: F32([], 0, 4),
    "w:": F32([], 4, 8),
  };
  assertEquals(parseSafetensors(fileOf(header, 8), "file").tensors.size, 2);
});

Deno.test("tensors of size zero lie anywhere between others", () => {
  const header = {
    z: F32([0], 0, 0),
    a: F32([1], 0, 4),
    y: F32([3, 0, 2 ** 40], 4, 4),
    b: F32([1], 4, 8),
    x: F32([0], 8, 8),
  };
  const { tensors } = parseSafetensors(fileOf(header, 8), "file");
  assertEquals(tensors.get("y"), tensor([3, 0, 2 ** 40]));
  assertEquals(tensors.size, 5);
});

Deno.test("what cannot be read back is not written", () => {
  const write = (name: string, shape: unknown, data: unknown) => () =>
    formatSafetensors(new Map([[name, { shape, data } as StoredTensor]]));
  const three = new Float32Array(3);
  assertThrows(write("w", [2], three), RangeError, 'tensor "w" has 3 values');
  assertThrows(write("w", [-1, -3], three), RangeError, 'tensor "w"');
  assertThrows(write("w", [1.5, 2], three), RangeError, 'tensor "w"');
  assertThrows(write("w", 3, three), RangeError, 'tensor "w"');
  assertThrows(write("__metadata__", [3], three), RangeError, "__metadata__");
  assertThrows(write("w", [3], [1, 2, 3]), TypeError, 'tensor "w": data must be a Float32Array');
  assertThrows(write("w", [3], new Float64Array(3)), TypeError, 'tensor "w"');
  const metadata = { step: 3 } as unknown as Record<string, string>;
  assertThrows(() => formatSafetensors(new Map(), metadata), TypeError, "must be texts");
});

Deno.test("a weight that is NaN or infinite is named with its index, unless it is asked for", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.safetensors`;
    for (const value of [NaN, Infinity, -Infinity]) {
      const tensors = new Map([["good", tensor([1], 1)], [
        "w",
        tensor([2, 2], 1, 2, value, value),
      ]]);
      const message = `${path}: tensor "w" holds ${value} at index 2`;
      assertThrows(() => assertFinite(tensors, path), FileError, message);
      assertThrows(() => parseSafetensors(formatSafetensors(tensors), path), FileError, message);
      await writeSafetensors(path, tensors);
      await assertRejects(() => readSafetensors(path), FileError, message);
      await assertRejects(() => readWeights(folder), FileError, message);
      const { tensors: read } = await readSafetensors(path, { allowNonFinite: true });
      assertEquals(read, tensors);
    }
  }));

Deno.test("an F64 too large for 32 bits counts as infinite", () => {
  const field = { dtype: "F64", shape: [1], data_offsets: [0, 8] };
  const bytes = fileOf({ w: field }, bytesOf(new Float64Array([1e300])));
  assertThrows(() => parseSafetensors(bytes, "file"), FileError, 'tensor "w" holds Infinity');
});

Deno.test("streaming gives one tensor after another, and waits for each visit", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.safetensors`;
    const tensors = new Map([["a", tensor([1], 1)], ["b", tensor([2], 2, 3)]]);
    await writeSafetensors(path, tensors, { format: "pt", step: "5" });
    const seen = new Map<string, StoredTensor>();
    let busy = false;
    const metadata = await streamSafetensors(path, async (name, stored) => {
      assert(!busy);
      busy = true;
      await Promise.resolve();
      seen.set(name, stored);
      busy = false;
    });
    assertEquals(seen, tensors);
    assertEquals(metadata, { format: "pt", step: "5" });
  }));

Deno.test("a missing file, a folder, and a folder without weights are told apart", () =>
  withFolder(async (folder) => {
    const missing = `${folder}/none.safetensors`;
    await assertRejects(
      () => readSafetensors(missing),
      FileError,
      "cannot read these weights: no such",
    );
    await assertRejects(() => readSafetensors(folder), FileError, "is not a file");
    await assertRejects(() => readWeights(`${folder}/none`), FileError, "no such file or folder");
    await Deno.writeTextFile(`${folder}/pytorch_model.bin`, "");
    await assertRejects(
      () => readWeights(folder),
      FileError,
      "holds neither model.safetensors nor",
    );
  }));

Deno.test("sharded weights are read as one, and the index must agree with its shards", () =>
  withFolder(async (folder) => {
    const a = tensor([1], 1), b = tensor([2], 2, 3);
    await writeSafetensors(`${folder}/model-1.safetensors`, new Map([["a", a]]));
    await writeSafetensors(`${folder}/model-2.safetensors`, new Map([["b", b]]));
    const reading = (index: unknown) => async () => {
      await Deno.writeTextFile(`${folder}/model.safetensors.index.json`, JSON.stringify(index));
      return await readWeights(folder);
    };
    const [one, two] = ["model-1.safetensors", "model-2.safetensors"];
    const whole = { metadata: { total_size: 12 }, weight_map: { a: one, b: two } };
    assertEquals(await reading(whole)(), new Map([["a", a], ["b", b]]));
    const faults: [index: unknown, message: string][] = [
      [null, "index.json: has no weight_map"],
      [{}, "index.json: has no weight_map"],
      [{ weight_map: [] }, "index.json: has no weight_map"],
      [{ weight_map: { a: 1 } }, "index.json: has no weight_map"],
      [{ weight_map: { a: `../${one}` } }, "index.json: has no weight_map"],
      [{ weight_map: { a: `${folder}/${one}` } }, "index.json: has no weight_map"],
      [{ weight_map: { a: one, b: "model-3.safetensors" } }, "model-3.safetensors: cannot read"],
      [{ weight_map: { a: one, c: one } }, 'index.json: lists tensor "c"'],
      [{ weight_map: { a: two } }, 'model-2.safetensors: holds tensor "b"'],
      [{ weight_map: { a: two, b: two } }, 'index.json: lists tensor "a"'],
    ];
    for (const [index, message] of faults) await assertRejects(reading(index), FileError, message);
  }));

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The file with one to three accidents: other bytes, other digits, a cut, a repetition. */
function mutate(file: Uint8Array, uniform: () => number): Uint8Array<ArrayBuffer> {
  const below = (n: number) => Math.floor(uniform() * n);
  let bytes = Uint8Array.from(file);
  for (let accidents = 1 + below(3); accidents > 0; accidents--) {
    const at = below(bytes.length + 1), kind = below(5);
    const digits = [...bytes.keys()].filter((i) => bytes[i] >= 0x30 && bytes[i] <= 0x39);
    if (kind === 0 && at < bytes.length) bytes[at] = below(256);
    else if (kind === 1 && digits.length > 0) {
      bytes[digits[below(digits.length)]] = 0x30 + below(10);
    } else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = concatenate(bytes.subarray(0, at), bytes.subarray(below(at + 1)));
    else bytes[below(Math.min(8, bytes.length))] ^= 1 << below(8);
  }
  return bytes;
}

Deno.test("a mutated file is refused with a FileError or gives sound tensors of bounded size", () => {
  const data = concatenate(
    bytesOf(new Float32Array([1, 2, 3, 4, 5, 6])),
    bytesOf(new Uint16Array([0x3c00, 0x4000])),
    new Uint8Array([1, 0, 1]),
    bytesOf(new BigInt64Array([1n, 2n])),
  );
  const header = JSON.stringify({
    __metadata__: { format: "pt" },
    a: F32([2, 3], 0, 24),
    b: { dtype: "F16", shape: [2], data_offsets: [24, 28] },
    c: { dtype: "BOOL", shape: [3], data_offsets: [28, 31] },
    d: { dtype: "I64", shape: [2], data_offsets: [31, 47] },
    e: F32([0, 7], 47, 47),
  });
  const file = fileOf(header, data);
  const uniform = random(20240229);
  let refused = 0, accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(file, uniform);
    try {
      const { tensors } = parseSafetensors(bytes, "file");
      const stored = [...tensors.values()];
      for (const { shape, data } of stored) {
        assertEquals(data.length, shape.reduce((product, size) => product * size, 1));
        assert(data.every(Number.isFinite));
      }
      const total = stored.reduce((sum, { data }) => sum + data.byteLength, 0);
      assert(total <= 8 * bytes.length);
      accepted++;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      refused++;
    }
  }
  assert(refused > 1000 && accepted > 100, `${refused} refused, ${accepted} accepted`);
});
