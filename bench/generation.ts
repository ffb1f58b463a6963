/**
 * What a token costs, with a key–value cache and without: `deno run -A bench/generation.ts [small] [DEVICE]`.
 *
 * Idea   With the cache a token is one position's work, wherever it stands, but for the attention to what is
 *        stored. Without, all that was written is read again. `small` takes the sizes of GPT-2 small, at which
 *        `deno task bench --only generation` measures a forward beside onnxruntime-web's.
 *
 * @module
 */
import { initialise } from "../core/parameters.ts";
import { chosenDevice, device, type DeviceChoice, keep, randomKey } from "../core/tensor/mod.ts";
import { plainTable } from "../drawing/svg.ts";
import { beginWriting } from "../generation/writing.ts";
import { GPT2, GPT2_SMALL, GPT2_TINY } from "../models/gpt2.ts";
import { modelParameters } from "../models/model.ts";

const small = Deno.args.includes("small"), heads = { languageModel: true };
await device((Deno.args.find((a) => a !== "small") ?? "wasm") as DeviceChoice);
const sizes = small ? GPT2_SMALL : { ...GPT2_TINY, positions: 512, width: 256, inner: 1024 };
const params = await keep(initialise(modelParameters(GPT2, sizes, heads), randomKey(1)));
const model = { spec: GPT2, sizes, heads, params };

/** The median time of a token after `length` others, in milliseconds. */
async function perToken(length: number, cache: boolean, count: number): Promise<number> {
  const prompt = Array.from({ length }, (_, i) => i % sizes.vocabulary);
  const writing = await beginWriting(model, [prompt], { room: count + 2, cache });
  const times: number[] = [];
  await writing.append([1]); // the program is made
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await writing.append([1]);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}

console.log(
  `${sizes.layers} layers, ${sizes.width} wide, ${sizes.vocabulary} tokens;` +
    ` ${chosenDevice()!.name}; a cache is as long as the text, in blocks of 16`,
);
const rows = [];
for (const length of small ? [32, 256] : [32, 64, 128, 256, 448]) {
  const [withCache, without] = [await perToken(length, true, 15), await perToken(length, false, 5)];
  rows.push({
    "tokens before": length,
    "with cache, ms": withCache.toFixed(2),
    "without, ms": without.toFixed(2),
    "times as fast": (without / withCache).toFixed(1),
  });
}
console.log(plainTable(rows));
Deno.exit();
