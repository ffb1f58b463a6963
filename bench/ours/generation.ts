/** The next token of GPT-2 small. Usage: deno run -A bench/ours/generation.ts wasm */
import type { KeysAndValues, KeyValueCache } from "../../core/key_value_cache.ts";
import { instantiate } from "../../core/parameters.ts";
import {
  device,
  type DeviceName,
  keep,
  pad,
  read,
  slice,
  type Tensor,
  tensor,
  type Updates,
} from "../../core/tensor/mod.ts";
import { GPT2, GPT2_SMALL } from "../../models/gpt2.ts";
import { nameTokens } from "../../models/model.ts";
import { encode, type EncoderInput, encoderParameters } from "../../models/spec.ts";
import { GPT2_SMALL as given, ids, remembered, timeScores, weights } from "../workloads/gpt2.ts";
import { turned } from "../workloads/weight.ts";

await device(Deno.args[0] as DeviceName);
const { layers, past, length } = given, sizes = GPT2_SMALL;
const all = weights();
const encoder = await keep(
  instantiate(encoderParameters(GPT2, sizes), ({ axes, shape }, path) => {
    const values = path.endsWith(".weight") ? turned(all[path]) : all[path].values;
    return tensor(axes, values, shape);
  }),
);

/** What gives the scores after the last of some ids; with a cache, what it is to hold is written to it. */
function scores(input: EncoderInput): () => Promise<ArrayLike<number>> {
  const { last, cached } = encode(GPT2, sizes, encoder, input), T = last.size("T");
  const named = nameTokens(GPT2, sizes, { encoder, languageModel: {} }, slice(last, "T", T - 1, T));
  const updates: Updates = input.cache ? [[input.cache.layers, cached]] : [];
  return async () => (await read([named], updates))[0];
}

const room = 16; // as much as generation/ leaves for what follows
const part = (layer: number, name: "keys" | "values"): Tensor<"B H Tk K"> => {
  const { shape, values } = remembered(layer, name);
  return pad(tensor("B H Tk K", values, [1, ...shape]), "Tk", 0, room);
};
const cache: KeyValueCache = {
  layers: await keep(
    Array.from({ length: layers }, (_, i): KeysAndValues => ({
      keys: part(i, "keys"),
      values: part(i, "values"),
    })),
  ),
  length: past,
};
const [token, text] = [1, length].map((count) => tensor("B T", ids(count), [1, count]));
await timeScores("token", scores({ ids: token, cache }));
await timeScores("text", scores({ ids: text }));
Deno.exit();
