/** Memory: what is remembered, who learns, and that two segments with a memory are one text. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { leftToRight } from "../core/masks.ts";
import { countParameters, initialise } from "../core/parameters.ts";
import { afterMemory, emptyMemory, maskAfterMemory, remember } from "../core/recurrence.ts";
import { banded } from "../core/sparse_attention.ts";
import {
  AxisError,
  device,
  gradients,
  keep,
  leaves,
  mapNested,
  randomKey,
  read,
  slice,
  sum,
  tensor,
} from "../core/tensor/mod.ts";
import { loadModel, savePretrained } from "../models/pretrained.ts";
import {
  nextWords,
  nextWordSurprise,
  TRANSFORMER_XL_TINY,
  TRANSFORMER_XL_WT103,
  transformerXL,
  transformerXLParameters,
} from "../models/transformer_xl.ts";
import { xlnet, XLNET_BASE, XLNET_LARGE, XLNET_TINY, xlnetParameters } from "../models/xlnet.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";

const sizes = {
  ...TRANSFORMER_XL_TINY,
  vocabulary: 11,
  cutoffs: [5],
  division: 2,
  embedding: 8,
  tied: [false, true],
  width: 8,
  heads: 2,
  headWidth: 3,
  inner: 12,
  memory: 4,
};
const xl = () => initialise(transformerXLParameters(sizes), randomKey(3), 0.5);
const first = tensor("B T", [[1, 7, 3, 9]]), second = tensor("B T", [[2, 5, 10, 4]]);
const whole = tensor("B T", [[1, 7, 3, 9, 2, 5, 10, 4]]);

onEveryDevice("two segments with a memory are one text, read at once", async () => {
  const params = await keep(xl());
  const one = transformerXL(sizes, params, first);
  const two = transformerXL(sizes, params, second, await keep(one.memory));
  const all = transformerXL(sizes, params, whole);
  assertNear(await read(two.last), await read(slice(all.last, "T", 4, 8)), 2e-5);
  assertNear(await read(one.last), await read(slice(all.last, "T", 0, 4)), 2e-5);
});

onEveryDevice("nothing that is remembered learns", async () => {
  const params = xl(), memory = emptyMemory(sizes, 1, 4).map((m) => some("B T D", [...m.shape]));
  const { last } = transformerXL(sizes, params, second, memory);
  const ofMemory = await read(gradients(weigh(last), memory));
  assert(ofMemory.every((slope) => slope.every((x) => x === 0)));
  const next = transformerXL(sizes, params, first).memory;
  const slopes = leaves(gradients(sum(next[1]), params)).map(([, slope]) => slope);
  assert((await read(slopes)).every((slope) => slope.every((x) => x === 0)));
});

onEveryDevice("Transformer-XL is the same on every device, as are its gradients", async (on) => {
  const params = xl(), memory = [1, 2].map((seed) => some("B T D", [1, 3, 8], seed));
  const { last } = transformerXL(
    { ...sizes, sameLength: true, clamp: 3 },
    params,
    second,
    memory,
  );
  await assertAgrees({ last, slopes: gradients(weigh(last), params) }, on, 1e-4);
});

Deno.test("gradients of a Transformer-XL's surprise are those of differences", async () => {
  await device("reference");
  const one = { ...sizes, layers: 1 };
  const drawn = initialise(transformerXLParameters(one), randomKey(3), 0.5);
  const values = await read(leaves(drawn).map(([, x]) => x)),
    found = new Map(leaves(drawn).map(([path], i) => [path, values[i]]));
  const params = mapNested(
    drawn,
    (x, path) => tensor(x.axes.join(" "), [...found.get(path)!], x.shape),
  );
  await assertGradients(
    (params) => {
      const { last } = transformerXL(one, params, whole);
      return sum(nextWordSurprise(params, last, whole));
    },
    { ...params },
    3,
  );
});

Deno.test("a memory keeps the last of what was and what came", async () => {
  await device("reference");
  const before = [tensor("B T D", [[[1], [2]]])], came = [tensor("B T D", [[[3], [4], [5]]])];
  const kept = async (length?: number) => [...await read(remember(before, came, length)[0])];
  assertEquals(await kept(), [1, 2, 3, 4, 5]);
  assertEquals(await kept(3), [3, 4, 5]);
  assertEquals(await kept(0), []);
  assertEquals([...await read(remember(undefined, came, 2)[0])], [4, 5]);
  assertThrows(() => remember(before, came, -1), RangeError, "-1");
  assertThrows(() => remember(before, came, 1.5), RangeError, "1.5");
});

Deno.test("a memory of another batch or another model is refused", () => {
  const x = some("B T D", [2, 3, 4]);
  for (const shape of [[1, 3, 4], [2, 3, 5]]) {
    const { message } = assertThrows(() => afterMemory(some("B T D", shape), x), AxisError);
    assertStringIncludes(message, shape.join("×"));
  }
  const other = emptyMemory({ layers: sizes.layers + 1, width: sizes.width }, 1, 4);
  assertThrows(() => transformerXL(sizes, xl(), first, other), AxisError, "3 layers");
  const own = { ...XLNET_TINY, vocabulary: 11, width: 8, heads: 2, headWidth: 4, inner: 8 };
  const params = initialise(xlnetParameters(own), randomKey(1));
  const read = () => xlnet(own, params, { ids: first, memory: other.slice(2) });
  assertThrows(read, AxisError, "a memory of 1 layers");
});

Deno.test("the window: everyone looks equally far back, the memory included", async () => {
  const mask = maskAfterMemory(banded(3), 3, 4)!;
  const rows = [...await read(mask)], seen = [0, 1, 2, 3].map((i) => rows.slice(7 * i, 7 * i + 7));
  assertEquals(seen.map((row) => row.reduce((a, b) => a + b)), [3, 3, 3, 3]);
  assertEquals(seen[0], [0, 1, 1, 1, 0, 0, 0]);
  const all = [...await read(maskAfterMemory(leftToRight, 3, 2)!)];
  assertEquals(all, [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]);
});

Deno.test("what lies before the memory is out of reach, but for what the layers carried on", async () => {
  await device("reference");
  const params = xl(), short = { ...sizes, memory: 2 };
  const run = async (a: number) => {
    const one = transformerXL(short, params, tensor("B T", [[a, 7, 3, 9]]));
    const two = transformerXL(short, params, second, one.memory);
    return { before: await read(one.memory), last: await read(two.last) };
  };
  const [left, right] = [await run(1), await run(2)];
  assertEquals(left.before[0], right.before[0]); // the words of the memory are the same
  assert(left.last.some((x, i) => Math.abs(x - right.last[i]) > 1e-6)); // what layer 1 made of them is not
});

Deno.test("XLNet sees both sides and carries on a memory of both", async () => {
  await device("reference");
  const small = { ...XLNET_TINY, vocabulary: 11, width: 8, heads: 2, headWidth: 3, inner: 12 };
  const params = initialise(xlnetParameters(small), randomKey(3), 0.5);
  const one = xlnet(small, params, { ids: first }), memory = one.memory;
  assertEquals(memory.map((m) => m.shape), [[1, 4, 8], [1, 4, 8]]);
  const two = xlnet(small, params, { ids: second, memory });
  assertEquals(two.attentions[0].content.shape, [1, 2, 4, 8]);
  assertEquals(two.memory[0].shape, [1, 8, 8]); // all, as nothing is said of its length
});

const published = [
  ["XLNet-base", xlnetParameters(XLNET_BASE, false), 116_718_336],
  ["XLNet-large", xlnetParameters(XLNET_LARGE, false), 360_268_800],
  ["Transformer-XL", transformerXLParameters(TRANSFORMER_XL_WT103), byHand()],
] as const;

for (const [name, declared, count] of published) {
  Deno.test(`${name} has ${count} parameters`, () =>
    assertEquals(countParameters(declared), count));
}

/** Transformer-XL for WikiText-103, counted by hand. */
function byHand(): number {
  const D = 1024, layer = 5 * D * D + 2 * D + 2 * D * 4 * D + 4 * D + D + 4 * D;
  const tokens = [20_000, 20_000, 160_000, 67_735], widths = [1024, 256, 64, 16];
  const tables = tokens.reduce((sum, n, c) => sum + n * widths[c], 0);
  const ups = widths.reduce((sum, E) => sum + D * E, 0), own = D * D; // the first is not tied
  return 18 * layer + tables + ups + own + 267_735 + 3 * D + 3;
}

Deno.test("words come out as probabilities of the whole vocabulary", async () => {
  await device("reference");
  const params = xl(), { last } = transformerXL(sizes, params, whole);
  const p = Array.from(await read(nextWords(params, last)), Math.exp);
  for (let t = 0; t < 8; t++) {
    assertNear([p.slice(11 * t, 11 * t + 11).reduce((a, b) => a + b)], [1], 1e-9);
  }
});

Deno.test("folders that hold something else are refused by what they say", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/config.json`;
  const refused = async (config: unknown, ...parts: string[]) => {
    await Deno.writeTextFile(path, JSON.stringify(config));
    const { message } = await assertRejects(() => loadModel(folder), Error);
    for (const part of [path, ...parts]) assertStringIncludes(message, part);
  };
  await refused({ model_type: "memory" }, '"memory" is not known', "transfo-xl, xlnet");
  await refused({ model_type: "xlnet", attn_type: "uni" }, 'attn_type is "uni"');
  await refused({ model_type: "xlnet", d_model: 0 }, "d_model is 0");
  await refused({ model_type: "transfo-xl", div_val: 1 }, "div_val is 1");
  await refused({ model_type: "transfo-xl", cutoffs: [9, 5] }, "cutoffs 9,5");
});

Deno.test("small models of our own are saved and loaded again", async () => {
  await device("reference");
  const folder = await Deno.makeTempDir(), params = xl(), kind = "transfo-xl";
  await savePretrained(`${folder}/xl`, { kind, sizes, params });
  const again = await loadModel(`${folder}/xl`, kind);
  assertEquals(again.sizes, sizes);
  const last = (params: ReturnType<typeof xl>) => read(transformerXL(sizes, params, whole).last);
  assertNear(await last(again.params), await last(params), 1e-6); // stored in single precision
  const tiny = { ...TRANSFORMER_XL_TINY, vocabulary: 20, layers: 1 };
  const one = initialise(transformerXLParameters(tiny), randomKey(1));
  await savePretrained(`${folder}/tiny`, { kind, sizes: tiny, params: one });
  assertEquals((await loadModel(`${folder}/tiny`, kind)).sizes, tiny);
  // As a kill between commit and last move leaves it: the old files, and the new ones beside them.
  await Deno.rename(`${folder}/tiny`, `${folder}/xl/.checkpoint-ready`);
  assertEquals((await loadModel(`${folder}/xl`, kind)).sizes, tiny);
});
