import { assert, assertEquals, assertRejects } from "@std/assert";
import { device, keep, leaves, randomKey, read } from "../core/tensor/mod.ts";
import { FileError } from "../core/training/files.ts";
import {
  formatSafetensors,
  readSafetensors,
  type StoredTensor,
} from "../core/training/safetensors.ts";
import { initialise } from "../core/parameters.ts";
import { ALBERT_STYLE, parsePieces, unigram } from "../core/text/unigram.ts";
import { ALBERT } from "../models/albert.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { modelParameters } from "../models/model.ts";
import { families } from "../models/huggingface/families.ts";
import {
  type Kinds,
  loadModel,
  loadPretrained,
  modelFiles,
  savePretrained,
} from "../models/pretrained.ts";
import { goldenModels, goldenRoot } from "./golden_models.ts";
import { goldenFolders } from "./golden_tokenizers.ts";

const golden = new URL("./golden/models/bert-pretraining", import.meta.url).pathname;
const word = "bert.embeddings.word_embeddings.weight";

/** A copy of the golden checkpoint in which something was changed. */
async function changed(change: {
  config?: (config: Record<string, unknown>) => void;
  tensors?: (tensors: Map<string, StoredTensor>) => void;
  bytes?: (bytes: Uint8Array) => Uint8Array;
  vocabulary?: string;
}): Promise<string> {
  await device("wasm");
  const folder = await Deno.makeTempDir();
  const config = JSON.parse(await Deno.readTextFile(`${golden}/config.json`));
  change.config?.(config);
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
  const { tensors } = await readSafetensors(`${golden}/model.safetensors`);
  change.tensors?.(tensors);
  const bytes = formatSafetensors(tensors);
  await Deno.writeFile(`${folder}/model.safetensors`, change.bytes?.(bytes) ?? bytes);
  if (change.vocabulary !== undefined) {
    await Deno.writeTextFile(`${folder}/vocab.txt`, change.vocabulary);
  }
  return folder;
}

async function refuses(change: Parameters<typeof changed>[0], ...said: string[]): Promise<void> {
  const folder = await changed(change);
  const error = await assertRejects(() => loadPretrained(folder), FileError);
  for (const part of said) assert(error.message.includes(part), `${error.message} lacks ${part}`);
}

const without = ({ shape, data }: StoredTensor, rows: number): StoredTensor => ({
  shape: [shape[0] - rows, ...shape.slice(1)],
  data: data.slice(0, data.length - rows * data.length / shape[0]),
});

for (const name of goldenModels(Object.keys(families))) {
  Deno.test(`a saved ${name} has Hugging Face's names, shapes and config, key by key, and loads again`, async () => {
    await device("wasm");
    const golden = `${goldenRoot}/models/${name}`;
    const model = await loadPretrained(golden), folder = `${await Deno.makeTempDir()}/saved`;
    await savePretrained(folder, model);
    const before = await readSafetensors(`${golden}/model.safetensors`);
    const after = await readSafetensors(`${folder}/model.safetensors`);
    assertEquals([...after.tensors.keys()].sort(), [...before.tensors.keys()].sort());
    for (const [name, wanted] of before.tensors) {
      assertEquals(after.tensors.get(name), wanted, name);
    }
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    const theirs = JSON.parse(await Deno.readTextFile(`${golden}/config.json`));
    delete theirs.transformers_version;
    assertEquals(config, theirs);
    const fresh = JSON.parse((await modelFiles({ ...model, config: {} }))["config.json"] as string);
    assertEquals(Object.keys(fresh).sort(), Object.keys(theirs).sort());
    const again = await loadPretrained(folder);
    const values = (m: typeof model) => read(leaves(m.params).map(([, x]) => x));
    assertEquals(await values(again), await values(model));
  });
}

Deno.test("one function loads every folder and tells what it holds", async () => {
  await device("wasm");
  const holds = (name: string) => /^(t5|xlnet|transfo-xl)/.exec(name)?.[0] ?? "stack"; // golden folders begin with their model
  for (const { name } of Deno.readDirSync(`${goldenRoot}/models`)) {
    const { kind = "stack" } = await loadModel(`${goldenRoot}/models/${name}`);
    assertEquals(kind, holds(name), name);
  }
});

Deno.test("a model of another kind than is asked for is refused before its weights are read", async () => {
  const folder = await Deno.makeTempDir(), path = `${folder}/config.json`;
  const says = (type: string) => Deno.writeTextFile(path, JSON.stringify({ model_type: type }));
  const refused = async (kind: keyof Kinds, ...parts: string[]) => {
    const { message } = await assertRejects(() => loadModel(folder, kind), FileError);
    for (const part of [path, ...parts]) assert(message.includes(part), message);
  };
  await says("t5");
  await refused("stack", '"t5" is not what is asked for', "bert, ", ", gpt2");
  await says("bert");
  await refused("xlnet", '"bert" is not what is asked for', "one of: xlnet");
  await says("toString");
  await refused("t5", '"toString" is not known');
  const missing = await assertRejects(() => loadModel(`${folder}/nowhere`), FileError);
  assert(missing.message.includes("nowhere/config.json"), missing.message);
});

Deno.test("a published file's older names, missing prefix and buffers are understood", async () => {
  const folder = await changed({
    tensors: (tensors) => {
      for (const [name, x] of [...tensors]) {
        tensors.delete(name);
        const old = name.replace("LayerNorm.weight", "LayerNorm.gamma")
          .replace("LayerNorm.bias", "LayerNorm.beta").replace(/^bert\./, "");
        tensors.set(old, x);
      }
      tensors.set("bert.embeddings.position_ids", { shape: [1, 2], data: Float32Array.of(0, 1) });
      tensors.set("cls.predictions.decoder.weight", tensors.get(word.replace("bert.", ""))!);
    },
  });
  const { params } = await loadPretrained(folder);
  const plain = await loadPretrained(golden);
  assertEquals(
    await read(params.encoder.embedding.norm!.gain),
    await read(plain.params.encoder.embedding.norm!.gain),
  );
});

Deno.test("a model without a known layout or class is refused by name", async () => {
  await refuses({ config: (c) => c.model_type = "mystery" }, "config.json", '"mystery"', "bert");
  await refuses({ config: (c) => c.architectures = ["BertForTea"] }, "BertForTea", "BertModel");
  await refuses({ config: (c) => c.hidden_act = "mish" }, "config.json", "hidden_act", "mish");
  const relative = { config: (c: Record<string, unknown>) => c.position_embedding_type = "rotary" };
  await refuses(relative, "config.json", "position_embedding_type", "rotary", "absolute");
});

Deno.test("a config.json with impossible sizes is refused by key", async () => {
  await refuses({ config: (c) => c.hidden_size = "many" }, "config.json", "hidden_size", "many");
  await refuses({ config: (c) => c.num_hidden_layers = -1 }, "num_hidden_layers", "-1");
  await refuses({ config: (c) => c.num_attention_heads = 5 }, "5 heads do not divide");
  await refuses({ config: (c) => c.hidden_size = 32.5 }, "hidden_size", "32.5");
});

Deno.test("a missing, extra, wrongly shaped or NaN tensor is named, and nothing is loaded", async () => {
  const file = "model.safetensors";
  await refuses({ tensors: (t) => t.delete(word) }, file, word, "missing");
  const stray = { shape: [1], data: Float32Array.of(1) };
  await refuses({ tensors: (t) => t.set("stray", stray) }, file, '"stray"');
  const shorter = (t: Map<string, StoredTensor>) => t.set(word, without(t.get(word)!, 1));
  await refuses({ tensors: shorter }, file, word, "63×32", "64×32");
  const poison = (t: Map<string, StoredTensor>) => t.get(word)!.data[7] = NaN;
  await refuses({ tensors: poison }, file, word, "NaN", "7");
});

Deno.test("a truncated checkpoint is refused by name", async () => {
  await refuses({ bytes: (b) => b.slice(0, b.length - 4) }, "model.safetensors");
  await refuses({ bytes: (b) => b.slice(0, 5) }, "model.safetensors");
});

Deno.test("a vocabulary larger than the model's is refused", async () => {
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  for (let i = 0; i < 64; i++) tokens.push(`w${i}`);
  await refuses({ vocabulary: tokens.join("\n") }, "vocab.txt", "69", "64");
});

for (const { name, text } of goldenFolders("unigram-albert")) {
  Deno.test(`an ALBERT goes with its pieces: ${name}`, async () => {
    await device("wasm");
    const tokenizer = unigram(parsePieces(text("pieces.json")), ALBERT_STYLE);
    const vocabulary = tokenizer.vocabulary.tokens.length;
    const sizes = { ...BERT_TINY, vocabulary, embedding: 8 }, heads = { maskedLM: true };
    const params = await keep(initialise(modelParameters(ALBERT, sizes, heads), randomKey(1)));
    const folder = `${await Deno.makeTempDir()}/albert`;
    await savePretrained(folder, { spec: ALBERT, sizes, heads, params, tokenizer });
    const again = (await loadPretrained(folder)).tokenizer!;
    assertEquals(again.encode("The small boat"), tokenizer.encode("The small boat"));
    assertEquals(again.template, tokenizer.template);
  });
}

Deno.test("saving into a folder that holds something else touches nothing", async () => {
  await device("wasm");
  const model = await loadPretrained(golden), folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/config.json`, "mine");
  await assertRejects(() => savePretrained(folder, model), FileError);
  assertEquals(await Deno.readTextFile(`${folder}/config.json`), "mine");
  assertEquals([...Deno.readDirSync(folder)].length, 1);
});

Deno.test("a model with an unusual set of heads says that it has no class to be saved as", async () => {
  await device("wasm");
  const model = await loadPretrained(golden);
  const odd = { ...model, spec: BERT, sizes: BERT_TINY, heads: { maskedLM: true, textClasses: 3 } };
  const folder = await Deno.makeTempDir();
  const error = await assertRejects(() => savePretrained(folder, odd), Error);
  assert(error.message.includes("textClasses"), error.message);
});
