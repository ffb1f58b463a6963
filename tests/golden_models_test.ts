/** Golden models: outputs, losses, gradients and training steps of Hugging Face's, on every device. */
import { assert, assertEquals } from "@std/assert";
import { countParameters } from "../core/parameters.ts";
import {
  gradients,
  keep,
  read,
  type Tensor,
  valueAndGrad,
  type Values,
} from "../core/tensor/mod.ts";
import { adamw, adamwState } from "../core/training/adamw.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { families } from "../models/huggingface/families.ts";
import { modelParameters } from "../models/model.ts";
import { loadPretrained, type Pretrained } from "../models/pretrained.ts";
import { onEveryDevice } from "./devices.ts";
import {
  asStored,
  type GoldenCase,
  type GoldenGradient,
  type GoldenModel,
  goldenModels,
  goldenRoot,
  type GoldenTensor,
  runModel,
} from "./golden_models.ts";

const tolerance = { reference: 2e-5, wasm: 2e-5, webgpu: 1e-4 };

for (const name of goldenModels(Object.keys(families))) {
  const folder = `${goldenRoot}/models/${name}`;
  const expected: GoldenModel = JSON.parse(Deno.readTextFileSync(`${folder}/expected.json`));

  Deno.test(`golden ${name}: the number of parameters`, async () => {
    const { spec, sizes, heads } = await loadPretrained(folder);
    assertEquals(countParameters(modelParameters(spec, sizes, heads)), expected.num_parameters);
  });

  for (const one of expected.cases) {
    onEveryDevice(`golden ${name}: ${one.name}`, async (device) => {
      const model = await loadPretrained(folder);
      const { outputs, loss } = runModel(model, model.params, one.inputs);
      const found = await read({
        outputs: Object.fromEntries(Object.keys(one.outputs).map((key) => [key, outputs[key]])),
        loss,
      });
      for (const [key, wanted] of Object.entries(one.outputs)) {
        const results = found.outputs[key] as Values | Values[];
        compare(key, outputs[key], results, wanted, one, tolerance[device.name]);
      }
      if (one.loss !== undefined) near("loss", (found.loss as Values)[0], one.loss, 2e-5);
      if (one.grad_norms) await compareGradients(model, one, loss!);
    });
  }
}

for (const name of goldenModels(Object.keys(families))) {
  const folder = `${goldenRoot}/models/${name}`;
  const { cases, train_trace: trace }: GoldenModel = JSON.parse(
    Deno.readTextFileSync(`${folder}/expected.json`),
  );
  if (!trace) continue;
  onEveryDevice(
    `golden ${name}: ${trace.losses_before_each_step.length} steps of AdamW`,
    async () => {
      const model = await loadPretrained(folder), { params } = model;
      const state = await keep(adamwState(params));
      const lossOf = valueAndGrad((p: typeof params) => runModel(model, p, cases[0].inputs).loss!);
      for (const [i, wanted] of trace.losses_before_each_step.entries()) {
        const { value, gradients } = lossOf(params);
        const { norm } = clipByGlobalNorm(gradients, Infinity, params);
        const next = adamw(params, gradients, state, { rate: 1e-3, step: i + 1, decay: 0.01 });
        const found = await read({ value, norm }, [[params, next.params], [state, next.state]]);
        near(`loss before step ${i + 1}`, found.value[0], wanted, 5e-5);
        const length = trace.grad_total_norm_each_step[i];
        near(`gradient norm of step ${i + 1}`, found.norm[0], length, 1e-4 * length);
      }
      near("loss after", (await read(lossOf(params).value))[0], trace.loss_after_last_step, 5e-5);
      for (const [name, { data }] of await asStored(model, params)) {
        const wanted = trace.params_after[name];
        if (!wanted) continue;
        near(`norm of ${name}`, Math.hypot(...data), wanted.norm, 5e-5 * Math.max(1, wanted.norm));
        wanted.first8.forEach((w, i) => near(`${name} at ${i}`, data[i], w, 5e-5));
      }
    },
  );
}

function near(what: string, found: number, wanted: number, tolerance: number): void {
  assert(Math.abs(found - wanted) <= tolerance, `${what}: ${found} instead of ${wanted}`);
}

function compare(
  what: string,
  x: Tensor | Tensor[],
  found: Values | Values[],
  wanted: GoldenTensor | GoldenTensor[] | number,
  one: GoldenCase,
  tolerance: number,
): void {
  if (typeof wanted === "number") return near(what, (found as Values)[0], wanted, tolerance);
  if (Array.isArray(wanted)) {
    assertEquals((x as Tensor[]).length, wanted.length, what);
    return wanted.forEach((w, i) =>
      compare(`${what}[${i}]`, (x as Tensor[])[i], (found as Values[])[i], w, one, tolerance)
    );
  }
  const shape = (x as Tensor).shape, values = pick(found as Values, shape, one.positions);
  assertEquals(values.length, wanted.data.length, `${what}: ${shape} against ${wanted.shape}`);
  const counts = meaningful(one, wanted.shape);
  wanted.data.forEach((w, i) => counts(i) && near(`${what} at ${i}`, values[i], w, tolerance));
}

/** Which numbers of an output mean something: where padding is on the left, those of tokens. */
function meaningful({ inputs, positions }: GoldenCase, shape: number[]): (i: number) => boolean {
  const mask = inputs.attention_mask as number[][] | undefined;
  const onTheLeft = inputs.position_ids && mask?.some((row) => row[0] === 0);
  if (!onTheLeft || shape.length !== 3) return () => true;
  const [, length, width] = shape;
  return (i) => {
    const row = Math.floor(i / width), t = row % length;
    return mask![Math.floor(row / length)][positions?.[t] ?? t] === 1;
  };
}

/** The rows of a 3-d output at some places of axis 1. */
function pick(values: Values, shape: readonly number[], positions?: number[]): number[] {
  if (!positions || shape.length !== 3) return [...values];
  const [batch, length, width] = shape;
  return Array.from(
    { length: batch },
    (_, b) =>
      positions.map((
        t,
      ) => [...values.subarray((b * length + t) * width, (b * length + t + 1) * width)]),
  ).flat(2);
}

async function compareGradients(
  model: Pretrained,
  one: GoldenCase,
  loss: Tensor<"">,
): Promise<void> {
  const found = await asStored(model, gradients(loss, model.params));
  for (const [name, wanted] of Object.entries(one.grad_norms!)) {
    const gradient = found.get(name)?.data;
    assert(gradient, `no gradient for ${name}`);
    // A gradient that is exactly 0 is Hugging Face's own rounding there: it cannot be asked for.
    const tolerance = 1e-4 * (wanted ?? 0) + (wanted === null ? 0 : one.float32_noise ?? 0);
    near(`norm of the gradient of ${name}`, Math.hypot(...gradient), wanted ?? 0, tolerance);
  }
  for (const [name, wanted] of Object.entries(one.grads ?? {})) {
    checkValues(name, found.get(name)!.data, wanted);
  }
}

function checkValues(name: string, found: ArrayLike<number>, wanted: GoldenGradient): void {
  const points = wanted.at ?? [];
  const start = wanted.values ?? wanted.first8 ?? [];
  for (const [i, value] of [...start.entries(), ...points]) {
    near(`gradient of ${name} at ${i}`, found[i], value, 1e-4 * wanted.norm);
  }
}
