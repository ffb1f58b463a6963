/** Golden T5s: outputs, losses, gradients, training steps and greedy answers of Hugging Face's, on every device. */
import { assert, assertEquals } from "@std/assert";
import { countParameters } from "../core/parameters.ts";
import {
  gradients,
  keep,
  leaves,
  read,
  type Tensor,
  tensor,
  valueAndGrad,
  type Values,
} from "../core/tensor/mod.ts";
import { adamw, adamwState } from "../core/training/adamw.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { greedyAnswers } from "../generation/answers.ts";
import {
  type EncoderDecoderParameters,
  encoderDecoderParameters,
} from "../models/encoder_decoder.ts";
import { readSource, scoreTokens, shiftRight, writeAnswer } from "../models/reading_and_writing.ts";
import { theirName } from "../models/huggingface/names.ts";
import { t5Layout } from "../models/huggingface/t5.ts";
import { loadModel, type PretrainedT5 } from "../models/pretrained.ts";
import { onEveryDevice } from "./devices.ts";
import {
  type GoldenCase,
  type GoldenModel,
  goldenModels,
  goldenRoot,
  type GoldenTensor,
  meanLoss,
  type Results,
} from "./golden_models.ts";
import { assertNear } from "./numbers.ts";

const tolerance = { reference: 2e-5, wasm: 2e-5, webgpu: 1e-4 };

interface GoldenT5 extends Omit<GoldenModel, "greedy"> {
  greedy?: { decoder_ids: number[][] };
}

const grid = (rows: unknown) => tensor("B T", rows as number[][]);

/** Run a T5 as Hugging Face's forward would. */
function runT5(model: PretrainedT5, params: EncoderDecoderParameters, given: GoldenCase["inputs"]) {
  const { spec, sizes } = model, labels = given.labels ? grid(given.labels) : undefined;
  const mask = given.attention_mask ? grid(given.attention_mask) : undefined;
  const source = readSource(spec, sizes, params, { ids: grid(given.input_ids), mask });
  const ids = given.decoder_input_ids ? grid(given.decoder_input_ids) : shiftRight(labels!, sizes);
  const limits = given.decoder_attention_mask;
  const written = { ids, mask: limits ? grid(limits) : undefined };
  const answer = writeAnswer(spec, sizes, params, source, written);
  const logits = scoreTokens(spec, params, answer.last);
  const outputs: Results["outputs"] = {
    logits,
    last_hidden_state: answer.last,
    decoder_hidden_states: answer.states,
    decoder_attentions: answer.attentions,
    cross_attentions: answer.crossAttentions,
    encoder_last_hidden_state: source.last,
    encoder_hidden_states: source.states,
    encoder_attentions: source.attentions,
    decoder_input_ids_used: ids,
  };
  return { outputs, loss: labels && meanLoss(logits, labels, "V") };
}

for (const name of goldenModels(["t5"])) {
  const folder = `${goldenRoot}/models/${name}`;
  const expected: GoldenT5 = JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));
  const { cases, train_trace: trace, greedy } = expected;

  Deno.test(`golden ${name}: the number of parameters`, async () => {
    const { spec, sizes } = await loadModel(folder, "t5");
    assertEquals(
      countParameters(encoderDecoderParameters(spec, sizes)),
      expected.num_parameters,
    );
  });

  for (const one of cases) {
    onEveryDevice(`golden ${name}: ${one.name}`, async (device) => {
      const model = await loadModel(folder, "t5");
      const { outputs, loss } = runT5(model, model.params, one.inputs);
      for (const [key, wanted] of Object.entries(one.outputs)) {
        const found = await read(outputs[key]) as Values | Values[];
        const lists: [Values, GoldenTensor][] = Array.isArray(wanted)
          ? typeof wanted[0] === "object" && "data" in wanted[0]
            ? wanted.map((w, i) => [(found as Values[])[i], w as GoldenTensor])
            : [[found as Values, { shape: [], data: wanted.flat() as unknown as number[] }]]
          : [[found as Values, wanted as GoldenTensor]];
        if (Array.isArray(outputs[key])) assertEquals(outputs[key].length, lists.length, key);
        for (const [values, { data }] of lists) {
          const rows = chosen(outputs[key], values, one.positions);
          assertNear(rows, data, tolerance[device.name], key);
        }
      }
      if (one.loss !== undefined) {
        assertNear(await read(loss as Tensor), [one.loss], 2e-5, "loss");
      }
      if (one.grad_norms) await compareGradients(model, one, loss as Tensor<"">);
    });
  }

  if (trace) {
    onEveryDevice(
      `golden ${name}: ${trace.losses_before_each_step.length} steps of AdamW`,
      async () => {
        const model = await loadModel(folder, "t5"), { params } = model;
        const state = await keep(adamwState(params));
        const lossOf = valueAndGrad((p: typeof params) =>
          runT5(model, p, cases[0].inputs).loss as Tensor<"">
        );
        for (const [i, wanted] of trace.losses_before_each_step.entries()) {
          const { value, gradients } = lossOf(params);
          const { norm } = clipByGlobalNorm(gradients, Infinity, params);
          const next = adamw(params, gradients, state, { rate: 1e-3, step: i + 1, decay: 0.01 });
          const found = await read({ value, norm }, [[params, next.params], [state, next.state]]);
          assertNear(found.value, [wanted], 5e-5, `loss before step ${i + 1}`);
          const length = trace.grad_total_norm_each_step[i];
          assertNear(found.norm, [length], 1e-4 * length, `gradient norm of step ${i + 1}`);
        }
        const after = await read(lossOf(params).value);
        assertNear(after, [trace.loss_after_last_step], 5e-5, "loss after");
        for (const [path, x] of leaves(params)) {
          const wanted = trace.params_after[theirName(path, t5Layout.naming(model).names)];
          if (!wanted) continue;
          const values = await read(x), most = 5e-5 * Math.max(1, wanted.norm);
          assertNear([Math.hypot(...values)], [wanted.norm], most, `norm of ${path}`);
          assertNear(values.slice(0, wanted.first8.length), wanted.first8, 5e-5, path);
        }
      },
    );
  }

  if (greedy) {
    onEveryDevice(
      `golden ${name}: the greedy answer, token by token, with and without a cache`,
      async () => {
        const model = await loadModel(folder, "t5"), { sizes } = model;
        const { inputs } = cases.find(({ name }) => name === "padded")!;
        const source = { ids: grid(inputs.input_ids), mask: grid(inputs.attention_mask) };
        const room = greedy.decoder_ids[0].length - 1;
        for (const cache of [true, false]) {
          const answers = await greedyAnswers(model, source, { room, cache, end: [] });
          assertEquals(answers.map((ids) => [sizes.start, ...ids]), greedy.decoder_ids);
        }
      },
    );
  }
}

/** The rows of a 3-d output at some places of axis 1. */
function chosen(x: Tensor | Tensor[], values: Values, positions?: number[]): ArrayLike<number> {
  if (!positions || Array.isArray(x) || x.shape.length !== 3) return values;
  const [batch, length, width] = x.shape;
  return Array.from({ length: batch }, (_, b) =>
    positions.map((t) => [
      ...values.subarray((b * length + t) * width, (b * length + t + 1) * width),
    ])).flat(2);
}

async function compareGradients(
  model: PretrainedT5,
  one: GoldenCase,
  loss: Tensor<"">,
): Promise<void> {
  const { names } = t5Layout.naming(model), paths = leaves(model.params);
  const values = await read(gradients(loss, paths.map(([, x]) => x)));
  const byName = new Map(paths.map(([path], i) => [theirName(path, names), values[i]]));
  for (const [name, wanted] of Object.entries(one.grad_norms!)) {
    const found = byName.get(name);
    assert(found, `no gradient for ${name}`);
    const most = 1e-4 * (wanted ?? 0) + (wanted === null ? 0 : one.float32_noise ?? 0);
    assertNear([Math.hypot(...found)], [wanted ?? 0], most, `norm of the gradient of ${name}`);
  }
  for (const [name, wanted] of Object.entries(one.grads ?? {})) {
    const found = byName.get(name)!, start = wanted.values ?? wanted.first8 ?? [];
    for (const [i, value] of [...start.entries(), ...wanted.at ?? []]) {
      assertNear([found[i]], [value], 1e-4 * wanted.norm, `gradient of ${name} at ${i}`);
    }
  }
}
