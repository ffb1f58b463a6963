/** The next token of GPT-2 small. Usage: deno run -A bench/ours/generation.ts wasm */
import type { KeysAndValues, KeyValueCache } from "../../core/key_value_cache.ts";
import {
  device,
  type DeviceName,
  keep,
  pad,
  read,
  scalar,
  slice,
  type Tensor,
  tensor,
} from "../../core/tensor/mod.ts";
import { GPT2, GPT2_SMALL } from "../../models/gpt2.ts";
import { nameTokens } from "../../models/model.ts";
import { encode, type EncoderInput, encoderParameters } from "../../models/spec.ts";
import { GPT2_SMALL as wanted, ids, remembered, timeScores, weights } from "../workloads/gpt2.ts";
import { given } from "./given.ts";

await device(Deno.args[0] as DeviceName);
const { layers, past, length } = wanted, sizes = GPT2_SMALL;
const encoder = await keep(given(encoderParameters(GPT2, sizes), weights()));

/** The scores after the last of some ids, and what a cache is to hold then. */
function scoresAfter(input: EncoderInput) {
  const { last, cached } = encode(GPT2, sizes, encoder, input), T = last.size("T");
  const spoken = slice(last, "T", T - 1, T);
  return { scores: nameTokens(GPT2, sizes, { encoder, languageModel: {} }, spoken), cached };
}

const room = 16; // as much as generation/ leaves for what follows
const part = (layer: number, name: "keys" | "values"): Tensor<"B H Tk K"> => {
  const { shape, values } = remembered(layer, name);
  return pad(tensor("B H Tk K", values, [1, ...shape]), "Tk", 0, room);
};
const stored = await keep(
  Array.from({ length: layers }, (_, i): KeysAndValues => ({
    keys: part(i, "keys"),
    values: part(i, "values"),
  })),
);
const some = (count: number) => tensor("B T", ids(count), [1, count]);

// As generation/ does it: what reads a token is built once, and given its id and its place each time.
const fresh = await keep({ ids: some(1), start: scalar(past) });
const cache: KeyValueCache = { layers: stored, length: past, start: fresh.start };
const { scores, cached } = scoresAfter({ ids: fresh.ids, cache });
await timeScores("token", async () => {
  const giving = read([], [[fresh, { ids: some(1), start: scalar(past) }]]);
  const [[found]] = await Promise.all([read([scores], [[stored, cached]]), giving]);
  return found;
});
await timeScores("text", () => read(scoresAfter({ ids: some(length) }).scores));
Deno.exit();
