/** Hugging Face's layouts: what config.json may say, and what checkpoints in the wild hold. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { attentionOnly, groups, oneForAll } from "../core/layer_sharing.ts";
import { initialise } from "../core/parameters.ts";
import { device, gelu, geluTanh, keep, randomKey, read, relu, tensor } from "../core/tensor/mod.ts";
import { formatSafetensors, readSafetensors } from "../core/training/safetensors.ts";
import { ALBERT } from "../models/albert.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { DISTILBERT } from "../models/distilbert.ts";
import { ELECTRA, ELECTRA_GENERATOR } from "../models/electra.ts";
import { ERNIE } from "../models/ernie.ts";
import { GPT } from "../models/gpt.ts";
import { GPT2 } from "../models/gpt2.ts";
import { families, familyOf } from "../models/huggingface/families.ts";
import { type Heads, modelParameters, nameTokens } from "../models/model.ts";
import {
  loadPretrained,
  modelFiles,
  type Pretrained,
  savePretrained,
} from "../models/pretrained.ts";
import { ROBERTA } from "../models/roberta.ts";
import { SPANBERT } from "../models/spanbert.ts";
import { encode, type ModelSpec, type Sizes } from "../models/spec.ts";

const sizes: Sizes = {
  ...BERT_TINY,
  vocabulary: 12,
  positions: 8,
  width: 8,
  heads: 2,
  inner: 12,
  layers: 2,
};
const narrow = { ...sizes, embedding: 4 };

async function made(spec: ModelSpec, sizes: Sizes, heads: Heads): Promise<Pretrained> {
  await device("wasm");
  const params = await keep(initialise(modelParameters(spec, sizes, heads), randomKey(1), 0.5));
  return { spec, sizes, heads, params };
}

async function savedAndLoaded(model: Pretrained): Promise<Pretrained> {
  const folder = `${await Deno.makeTempDir()}/saved`;
  await savePretrained(folder, model);
  return await loadPretrained(folder);
}

async function statesOf({ spec, sizes, params }: Pretrained) {
  const ids = tensor("B T", [[3, 7, 9], [5, 5, 0]]);
  const { last, pooled } = encode(spec, sizes, params.encoder, { ids });
  return await read({ last, pooled });
}

const headsOfAll: Heads[] = [{ maskedLM: true }, { textClasses: 3 }, { tokenClasses: 4 }, {
  span: true,
}, {}];
const models: [ModelSpec, Sizes, Heads[]][] = [
  [BERT, sizes, headsOfAll],
  [SPANBERT, sizes, [{ maskedLM: true }]],
  [ERNIE, sizes, headsOfAll],
  [ROBERTA, { ...sizes, segments: 1, padding: 1 }, headsOfAll],
  [ALBERT, narrow, headsOfAll],
  [DISTILBERT, { ...sizes, segments: 0 }, headsOfAll],
  [ELECTRA, narrow, [...headsOfAll, { replacedTokens: true }]],
  [ELECTRA_GENERATOR, { ...sizes, embedding: 16 }, [{ maskedLM: true }]],
  [GPT, { ...sizes, segments: 0, inner: 32 }, [{ languageModel: true }, {}]],
  [GPT2, { ...sizes, segments: 0 }, [{ languageModel: true }, {}]],
];
for (const [spec, sizes, heads] of models) {
  Deno.test(`${spec.name} with any of its heads is loaded as it was saved`, async () => {
    for (const one of heads) {
      const model = await made(spec, sizes, one), again = await savedAndLoaded(model);
      assertEquals(again.heads, one);
      assertEquals(again.sizes, spec.layout === "electra" || sizes.embedding ? sizes : again.sizes);
      assertEquals(await statesOf(again), await statesOf(model));
    }
  });
}

Deno.test("groups and inner groups are stored once, under Hugging Face's numbers", async () => {
  const spec = { ...ALBERT, stack: groups(2, 2) }, large = { ...narrow, layers: 8 };
  const model = await made(spec, large, { maskedLM: true }), files = await modelFiles(model);
  const config = JSON.parse(files["config.json"] as string);
  assertEquals(
    [config.num_hidden_layers, config.num_hidden_groups, config.inner_group_num],
    [4, 2, 2],
  );
  const folder = `${await Deno.makeTempDir()}/saved`;
  await savePretrained(folder, model);
  const { tensors } = await readSafetensors(`${folder}/model.safetensors`);
  const stored = [...tensors.keys()].map((name) =>
    /groups\.(\d\.albert_layers\.\d)/.exec(name)?.[1]
  );
  assertEquals([...new Set(stored)].filter(Boolean).sort(), [
    "0.albert_layers.0",
    "0.albert_layers.1",
    "1.albert_layers.0",
    "1.albert_layers.1",
  ]);
  const again = await loadPretrained(folder), { layers } = again.params.encoder;
  assert(layers.length === 8 && layers[1] === layers[3] && layers[3] !== layers[5]);
  assertEquals(await statesOf(again), await statesOf(model));
});

Deno.test("a BERT whose layers share is stored layer by layer: a plain BERT with the same states", async () => {
  for (const stack of [oneForAll, attentionOnly]) {
    const model = await made({ ...BERT, stack }, sizes, {}), again = await savedAndLoaded(model);
    assertEquals(again.spec, BERT);
    assert(again.params.encoder.layers[0] !== again.params.encoder.layers[1]);
    assertEquals(await statesOf(again), await statesOf(model));
  }
});

Deno.test("an ALBERT of its own layers is one of groups of one", async () => {
  const model = await made({ ...ALBERT, stack: BERT.stack }, narrow, {});
  const again = await savedAndLoaded(model);
  assertEquals(again.params.encoder.layers.length, 2);
  assertEquals(await statesOf(again), await statesOf(model));
});

Deno.test("what a family's checkpoints cannot say is refused before a file is written", async () => {
  const halves = await made({ ...ALBERT, stack: attentionOnly }, narrow, {});
  const error = await assertRejects(() => modelFiles(halves), RangeError);
  assertStringIncludes(error.message, "groups of whole layers");
  const said = (spec: ModelSpec) => assertThrows(() => familyOf(spec), Error).message;
  assertStringIncludes(
    said({ ...BERT, embed: ALBERT.embed }),
    "BERT cannot be saved as BERT: it has another embed",
  );
  assertStringIncludes(said({ ...ROBERTA, layout: "bert" }), "positions");
  assertStringIncludes(said({ ...BERT, name: "Mine", layout: "mine" }), "Mine has no layout");
  assertStringIncludes(said({ ...BERT, layout: "toString" }), "no layout");
});

Deno.test("the activation is config.json's: ALBERT's second release has GELU's tanh form", () => {
  const { albert, roberta, electra, distilbert, bert } = families;
  assertEquals(albert.read({ hidden_act: "gelu" }).spec, ALBERT);
  assertEquals(albert.read({}).spec.activation, geluTanh); // as in Hugging Face's default
  assertEquals(bert.read({ hidden_act: "relu" }).spec, { ...BERT, activation: relu });
  assertEquals(distilbert.write(distilbert.read({ activation: "silu" })).activation, "silu");
  for (const family of [roberta, electra]) {
    const { spec } = family.read({ hidden_act: "relu" });
    assertEquals([spec.activation, spec.headActivation], [relu, gelu]);
  }
});

Deno.test("RoBERTa's masked-LM head bends with GELU whatever the layers do: the trap", async () => {
  const { spec } = families.roberta.read({ hidden_act: "relu" });
  const { params } = await made(spec, sizes, { maskedLM: true });
  const { last } = encode(spec, sizes, params.encoder, { ids: tensor("B T", [[3, 4]]) });
  const right = await read(nameTokens({ ...spec, activation: gelu }, sizes, params, last));
  assertEquals(await read(nameTokens(spec, sizes, params, last)), right);
  const wrong = await read(nameTokens({ ...spec, headActivation: undefined }, sizes, params, last));
  assert(wrong.some((x, i) => Math.abs(x - right[i]) > 1e-3));
});

Deno.test("sizes that a config.json leaves out are Hugging Face's defaults", () => {
  const { bert, roberta, albert, distilbert, electra } = families;
  const width = (family: typeof bert) => family.read({}).sizes.width;
  assertEquals([bert, roberta, albert, distilbert, electra].map(width), [768, 768, 4096, 768, 256]);
  const { positions, segments, padding, epsilon } = roberta.read({}).sizes;
  assertEquals([positions, segments, padding, epsilon], [512, 2, 1, 1e-12]);
  assertEquals(albert.read({}).sizes.embedding, 128);
});

Deno.test("a config.json that asks for what a model cannot do is refused by key", () => {
  const refused = (type: string, config: Record<string, unknown>, ...parts: string[]) => {
    const { message } = assertThrows(() => families[type].read(config), RangeError);
    for (const part of parts) assertStringIncludes(message, part);
  };
  refused("distilbert", { sinusoidal_pos_embds: true }, "sinusoidal_pos_embds", "DistilBERT");
  refused("distilbert", { dim: "wide" }, "dim", "wide");
  refused("distilbert", { activation: "constructor" }, "activation", "gelu_new");
  refused("bert", { hidden_dropout_prob: "some" }, "hidden_dropout_prob", "some");
  refused("bert", { attention_probs_dropout_prob: 1.5 }, "attention_probs_dropout_prob", "1.5");
  refused("electra", { embedding_size: 0 }, "embedding_size", "0");
  refused("ernie", { use_task_id: true }, "use_task_id", "ERNIE");
});

Deno.test("groups that do not divide the layers are refused with the file's name", async () => {
  const folder = `${await Deno.makeTempDir()}/saved`;
  await savePretrained(folder, await made(ALBERT, narrow, {}));
  const path = `${folder}/config.json`, config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, num_hidden_groups: 3 }));
  const error = await assertRejects(() => loadPretrained(folder), Error);
  for (const part of ["config.json", "2 layers", "3 groups"]) {
    assertStringIncludes(error.message, part);
  }
});

Deno.test("what a class leaves out of a published file does no harm: pooler, next sentence, tied output", async () => {
  const folder = `${await Deno.makeTempDir()}/saved`;
  const whole = await made(BERT, sizes, { maskedLM: true, nextSentence: true });
  await savePretrained(folder, whole);
  const path = `${folder}/config.json`, config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, architectures: ["BertForMaskedLM"] }));
  const { tensors } = await readSafetensors(`${folder}/model.safetensors`);
  assert(tensors.has("cls.seq_relationship.weight") && tensors.has("bert.pooler.dense.bias"));
  await Deno.writeFile(`${folder}/model.safetensors`, formatSafetensors(tensors));
  const { params } = await loadPretrained(folder);
  assertEquals(
    await read(params.maskedLM!.transform.weight),
    await read(whole.params.maskedLM!.transform.weight),
  );
});

Deno.test("what config.json says besides goes where the model goes", async () => {
  const folder = `${await Deno.makeTempDir()}/saved`;
  await savePretrained(
    folder,
    await made(DISTILBERT, { ...sizes, segments: 0 }, { textClasses: 2 }),
  );
  const path = `${folder}/config.json`, config = JSON.parse(await Deno.readTextFile(path));
  const more = {
    ...config,
    _name_or_path: "mine",
    seq_classif_dropout: 0.5,
    torch_dtype: "float16",
    transformers_version: "4.0.0",
    num_labels: 2,
  };
  await Deno.writeTextFile(path, JSON.stringify(more));
  const files = await modelFiles(await loadPretrained(folder));
  const again = JSON.parse(files["config.json"] as string);
  assertEquals([again._name_or_path, again.seq_classif_dropout], ["mine", 0.5]);
  assertEquals(again.torch_dtype, "float32"); // what was written
  for (const key of ["transformers_version", "num_labels"]) assert(!(key in again), key);
});
