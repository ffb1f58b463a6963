/** GPT and GPT-2 in Hugging Face's files: what published ones look like, and what is refused. */
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { device, gelu, keep, leaves, randomKey, read } from "../core/tensor/mod.ts";
import {
  formatSafetensors,
  readSafetensors,
  type StoredTensor,
} from "../core/training/safetensors.ts";
import { GPT } from "../models/gpt.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { GPT3 } from "../models/gpt3.ts";
import { familyOf } from "../models/huggingface/families.ts";
import { gpt2Family, gptFamily } from "../models/huggingface/gpt.ts";
import { modelParameters } from "../models/model.ts";
import {
  loadPretrained,
  modelFiles,
  type Pretrained,
  savePretrained,
} from "../models/pretrained.ts";
import type { ModelSpec } from "../models/spec.ts";

const sizes = {
  ...GPT2_TINY,
  vocabulary: 12,
  positions: 8,
  width: 8,
  heads: 2,
  inner: 32,
  layers: 2,
};
const heads = { languageModel: true };

async function made(spec: ModelSpec, inner = sizes.inner): Promise<Pretrained> {
  await device("wasm");
  const own = { ...sizes, inner };
  const params = await keep(initialise(modelParameters(spec, own, heads), randomKey(1), 0.5));
  return { spec, sizes: own, heads, params };
}

/** The folder of a saved model whose tensors and config were changed. */
async function changed(
  model: Pretrained,
  tensors: (stored: Map<string, StoredTensor>) => void,
  config: (config: Record<string, unknown>) => void = () => {},
): Promise<string> {
  const folder = `${await Deno.makeTempDir()}/saved`;
  await savePretrained(folder, model);
  const weights = `${folder}/model.safetensors`, path = `${folder}/config.json`;
  const stored = (await readSafetensors(weights)).tensors;
  tensors(stored);
  await Deno.writeFile(weights, formatSafetensors(stored));
  const said = JSON.parse(await Deno.readTextFile(path));
  config(said);
  await Deno.writeTextFile(path, JSON.stringify(said));
  return folder;
}

const values = (model: Pretrained) => read(leaves(model.params).map(([, x]) => x));

Deno.test("a published GPT-2 lacks the prefix, and holds its masks and the tied output layer", async () => {
  const model = await made(GPT2);
  const folder = await changed(model, (stored) => {
    for (const [name, x] of [...stored]) {
      stored.delete(name);
      stored.set(name.replace("transformer.", ""), x);
    }
    stored.set("h.0.attn.bias", { shape: [1, 1, 2, 2], data: Float32Array.of(1, 0, 1, 1) });
    stored.set("h.0.attn.masked_bias", { shape: [], data: Float32Array.of(-1e4) });
    stored.set("lm_head.weight", stored.get("wte.weight")!);
  }, (config) => config.n_inner = null);
  assertEquals(await values(await loadPretrained(folder)), await values(model));
});

Deno.test("queries, keys and values lie side by side, input axis first", async () => {
  const model = await made(GPT2), folder = await changed(model, () => {});
  const { tensors } = await readSafetensors(`${folder}/model.safetensors`);
  const { shape, data } = tensors.get("transformer.h.1.attn.c_attn.weight")!;
  assertEquals(shape, [8, 24]);
  const { query, key, value } = model.params.encoder.layers[1].attention;
  for (const [part, { weight }] of [query, key, value].entries()) {
    const ours = await read(weight); // output axis first
    for (const [to, from] of [[0, 0], [3, 5], [7, 2]]) {
      assertEquals(data[from * 24 + part * 8 + to], ours[to * 8 + from]);
    }
  }
});

Deno.test("a file that is not packed as it should be is refused by name", async () => {
  const model = await made(GPT2), name = "transformer.h.0.attn.c_attn.weight";
  const refused = async (
    change: (stored: Map<string, StoredTensor>) => void,
    ...said: string[]
  ) => {
    const folder = await changed(model, change);
    const { message } = await assertRejects(() => loadPretrained(folder), Error);
    for (const part of said) assertStringIncludes(message, part);
  };
  await refused((stored) => stored.delete(name), "c_attn.query.weight", "missing");
  await refused(
    (stored) => stored.set(name, { shape: [8, 23], data: new Float32Array(8 * 23) }),
    "c_attn",
    "missing",
  );
  await refused(
    (stored) => stored.set(name, { shape: [9, 24], data: new Float32Array(9 * 24) }),
    "8×9",
  );
});

Deno.test("GPT's gelu is the tanh form in config.json, its inner width four times the width", async () => {
  assertEquals(gptFamily.read({ afn: "gelu" }).spec, GPT);
  assertEquals(gptFamily.read({ n_embd: 24, n_head: 4 }).sizes.inner, 96);
  assertEquals(gptFamily.write({ spec: GPT, sizes }).afn, "gelu");
  assertThrows(() => gptFamily.write({ spec: GPT, sizes: { ...sizes, inner: 30 } }), Error, "4·8");
  const exact = { spec: { ...GPT, activation: gelu }, sizes };
  assertThrows(() => gptFamily.write(exact), RangeError, "tanh form");
  assertEquals(gpt2Family.read({ n_embd: 24, n_head: 4 }).sizes.inner, 96);
  assertEquals(gpt2Family.read({ activation_function: "gelu" }).spec.activation, gelu);
  const scaled = { scale_attn_by_inverse_layer_idx: true };
  assertThrows(() => gpt2Family.read(scaled), RangeError, "scale_attn_by_inverse_layer_idx");
  const files = await modelFiles(await made(GPT2, 12));
  assertEquals(JSON.parse(String(files["config.json"])).n_inner, 12);
});

Deno.test("GPT-3, and a GPT-2 without its last norm, have no layout to be saved in", () => {
  assertThrows(() => familyOf(GPT3), Error, "GPT-3 has no layout");
  assertThrows(() => familyOf({ ...GPT2, finalNorm: false }), Error, "finalNorm");
});
