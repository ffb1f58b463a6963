/** Golden XLNet and Transformer-XL: outputs, losses, gradients, memories of Hugging Face's, on every device. */
import { assertEquals } from "@std/assert";
import { countParameters } from "../core/parameters.ts";
import { emptyMemory, type Memory } from "../core/recurrence.ts";
import {
  add,
  gradients,
  keep,
  less,
  meanOver,
  read,
  rearrange,
  scale,
  slice,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { readSafetensors } from "../core/training/safetensors.ts";
import type { Layout } from "../models/huggingface/layout.ts";
import { type Naming, toStored } from "../models/huggingface/stored.ts";
import { transformerXLLayout } from "../models/huggingface/transformer_xl.ts";
import { xlnetLayout } from "../models/huggingface/xlnet.ts";
import { type Kinds, loadModel, savePretrained } from "../models/pretrained.ts";
import { nextWords, nextWordSurprise, transformerXL } from "../models/transformer_xl.ts";
import { nameWords, xlnet, type XLNetInput } from "../models/xlnet.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGolden, assertGoldenGradients, near, tolerance } from "./golden_compare.ts";
import {
  type GoldenCase,
  type GoldenModel,
  goldenModels,
  goldenRoot,
  type GoldenTensor,
  meanLoss,
} from "./golden_models.ts";

type Given = Record<string, unknown>;
type Golden = GoldenModel & { recurrence: Record<string, unknown> };

const expectedOf = (folder: string): Golden =>
  JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));
const foldersOf = (type: string) =>
  goldenModels([type]).map((name) => ({ name, folder: `${goldenRoot}/models/${name}` }));
const grid = (rows: unknown) => tensor("B T", rows as number[][]);
const golden = <S extends string>(axes: S, { shape, data }: GoldenTensor): Tensor<S> =>
  tensor(axes, data, shape);

/** The gradients of a loss, as they would be stored. */
const storedGradients = (loss: Tensor<"">, params: unknown, naming: Naming) =>
  toStored(gradients(loss, params), naming);

/** What every model must do besides computing. */
function testStorage<K extends "xlnet" | "transfo-xl">(
  kind: K,
  layout: Omit<Layout<Kinds[K], unknown>, "read">,
): void {
  for (const { name, folder } of foldersOf(kind)) {
    Deno.test(`golden ${name}: the number of parameters`, async () => {
      const model = await loadModel(folder, kind);
      assertEquals(countParameters(layout.declared(model)), expectedOf(folder).num_parameters);
    });

    Deno.test(`golden ${name}: saved again, it is the same file and the same sizes`, async () => {
      const model = await loadModel(folder, kind), again = await Deno.makeTempDir();
      await savePretrained(again, model);
      const tensors = async (folder: string) =>
        (await readSafetensors(`${folder}/model.safetensors`)).tensors;
      const [theirs, ours] = [await tensors(folder), await tensors(again)];
      for (const [name, { shape, data }] of ours) {
        assertEquals([name, shape, [...data]], [
          name,
          [...theirs.get(name)!.shape],
          [...theirs.get(name)!.data],
        ]);
      }
      const { redundant } = layout.naming(model);
      const missing = [...theirs.keys()].filter((name) => !ours.has(name));
      assertEquals(missing.filter((name) => !redundant.some((r) => r.test(name))), []);
      assertEquals((await loadModel(again, kind)).sizes, model.sizes);
      const config = async (folder: string) =>
        JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
      const { transformers_version: _, ...said } = await config(folder); // theirs did not write ours
      assertEquals(await config(again), { tie_word_embeddings: true, ...said });
    });
  }
}

testStorage("xlnet", xlnetLayout);
testStorage("transfo-xl", transformerXLLayout);

/** Hugging Face's arguments as ours: their masks have 1 for hidden, ours for visible. */
function xlnetInput(given: Given): XLNetInput {
  const rows = (key: string) => given[key] ? grid(given[key]) : undefined;
  const hidden = given.perm_mask as GoldenTensor | undefined;
  const targets = given.target_mapping as GoldenTensor | undefined;
  return {
    ids: grid(given.input_ids),
    segments: rows("token_type_ids"),
    mask: rows("attention_mask"),
    visible: hidden && add(scale(golden("B Tq Tk", hidden), -1), 1),
    targets: targets && golden("B M T", targets),
  };
}

/** Compare the outputs that a case names. */
async function compare(
  one: GoldenCase,
  outputs: Record<string, Tensor | Tensor[] | Tensor[][]>,
  tolerance: number,
): Promise<void> {
  const check = async (what: string, x: unknown, wanted: unknown): Promise<void> => {
    if (!Array.isArray(wanted)) {
      return await assertGolden(
        what,
        x as Tensor,
        wanted as GoldenTensor,
        tolerance,
        one.positions,
      );
    }
    assertEquals((x as unknown[]).length, wanted.length, what);
    for (const [i, w] of wanted.entries()) await check(`${what}[${i}]`, (x as unknown[])[i], w);
  };
  for (const [key, wanted] of Object.entries(one.outputs)) await check(key, outputs[key], wanted);
}

/** Memories as Hugging Face has them, sequence first. */
const sequenceFirst = (memory: Memory) => memory.map((x) => rearrange(x, "B T D -> T B D"));

const ends = (x: Tensor<"B T V">) =>
  [slice(x, "T", 0, 1), slice(x, "T", x.size("T") - 1, x.size("T"))] as const;

for (const { name, folder } of foldersOf("xlnet")) {
  const expected = expectedOf(folder);
  for (const one of expected.cases) {
    onEveryDevice(`golden ${name}: ${one.name}`, async (device) => {
      const model = await loadModel(folder, "xlnet");
      const { states, attentions, last } = xlnet(model.sizes, model.params, xlnetInput(one.inputs));
      const logits = nameWords(model.params, last);
      const both = <T>({ content, query }: { content: T; query?: T }) =>
        query ? [content, query] : [content];
      await compare(one, {
        logits,
        last_hidden_state: last,
        hidden_states: states.flatMap(both),
        attentions: attentions.map(both),
      }, tolerance[device.name]);
      if (one.loss === undefined) return;
      const loss = meanLoss(logits, grid(one.inputs.labels), "V");
      near("loss", (await read(loss))[0], one.loss, 2e-5);
      assertGoldenGradients(
        await storedGradients(loss, model.params, xlnetLayout.naming(model)),
        one,
      );
    });
  }

  onEveryDevice(`golden ${name}: a segment, its memory, and the next segment`, async (device) => {
    const { sizes, params } = await loadModel(folder, "xlnet"), wanted = expected.recurrence;
    const one = xlnet(sizes, params, { ids: grid(wanted.input_ids_1) });
    const memory = await keep(one.memory);
    const two = xlnet(sizes, params, { ids: grid(wanted.input_ids_2), memory });
    const outputs = {
      logits_1: ends(nameWords(params, one.last))[1],
      mems_1: sequenceFirst(memory),
      last_hidden_state_2: two.last,
      attentions_2_layer0: two.attentions[0].content,
    };
    const figures = Object.fromEntries(Object.keys(outputs).map((key) => [key, wanted[key]]));
    await compare(
      { outputs: figures } as unknown as GoldenCase,
      outputs as unknown as Record<string, Tensor>,
      tolerance[device.name],
    );
    await assertEnds("logits_2", nameWords(params, two.last), wanted, tolerance[device.name]);
  });
}

/** The first and the last position. */
async function assertEnds(
  key: string,
  x: Tensor<"B T V">,
  recurrence: Record<string, unknown>,
  tolerance: number,
): Promise<void> {
  const positions = [0, x.size("T") - 1];
  await assertGolden(key, x, recurrence[key] as GoldenTensor, tolerance, positions);
}

for (const { name, folder } of foldersOf("transfo-xl")) {
  const expected = expectedOf(folder);
  for (const one of expected.cases) {
    onEveryDevice(`golden ${name}: ${one.name}`, async (device) => {
      const model = await loadModel(folder, "transfo-xl"), { sizes, params } = model;
      const ids = grid(one.inputs.input_ids),
        zeros = emptyMemory(sizes, ids.size("B"), sizes.memory);
      const { states, attentions, last } = transformerXL(sizes, params, ids, zeros);
      const { losses, ...outputs } = one.outputs;
      await compare(
        { ...one, outputs },
        {
          prediction_scores: nextWords(params, last),
          hidden_states: states,
          attentions,
          last_hidden_state: last,
        },
        tolerance[device.name],
      );
      if (one.loss === undefined) return;
      const labels = grid(one.inputs.labels), each = nextWordSurprise(params, last, labels);
      const counts = less(slice(scale(labels, -1), "T", 1, labels.size("T")), 1); // not `ignored`
      const loss = meanOver(each, counts);
      const sorted = (values: ArrayLike<number>) => Array.from(values).sort((a, b) => a - b);
      const wanted = sorted((losses as GoldenTensor).data);
      sorted(await read(each)).forEach((x, i) => near(`losses at ${i}`, x, wanted[i], 2e-5));
      near("loss", (await read(loss))[0], one.loss, 2e-5);
      assertGoldenGradients(
        await storedGradients(loss, params, transformerXLLayout.naming(model)),
        one,
      );
    });
  }

  onEveryDevice(`golden ${name}: a segment, its memory, and the next segment`, async (device) => {
    const { sizes, params } = await loadModel(folder, "transfo-xl");
    const wanted = expected.recurrence, ids = grid(wanted.input_ids_1);
    const zeros = emptyMemory(sizes, ids.size("B"), sizes.memory);
    const memory = await keep(transformerXL(sizes, params, ids, zeros).memory);
    const two = transformerXL(sizes, params, grid(wanted.input_ids_2), memory);
    const figures = ["mems_1", "last_hidden_state_2", "attentions_2_layer0"];
    await compare(
      { outputs: Object.fromEntries(figures.map((k) => [k, wanted[k]])) } as unknown as GoldenCase,
      {
        mems_1: sequenceFirst(memory),
        last_hidden_state_2: two.last,
        attentions_2_layer0: two.attentions[0],
      },
      tolerance[device.name],
    );
    await assertEnds("log_probs_2", nextWords(params, two.last), wanted, tolerance[device.name]);
  });
}
