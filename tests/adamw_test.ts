import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  add,
  AxisError,
  keep,
  multiply,
  read,
  scale,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../core/tensor/mod.ts";
import {
  adamw,
  type AdamWOptions,
  adamwState,
  exceptBiasesAndNorms,
} from "../core/training/adamw.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { together } from "../core/training/together.ts";
import { parseSafetensors } from "../core/training/safetensors.ts";
import { loadPretrained, modelFiles } from "../models/pretrained.ts";
import { onEveryDevice } from "./devices.ts";
import {
  type GoldenModel,
  goldenModels,
  goldenRoot,
  type GoldenTensor,
  runModel,
} from "./golden_models.ts";
import { assertNear, some } from "./numbers.ts";

interface GoldenTraces {
  w0: GoldenTensor;
  target: GoldenTensor;
  traces: Record<string, { losses: number[]; w_after_each_step: number[][] }>;
}
const golden: GoldenTraces =
  JSON.parse(await Deno.readTextFile(`${goldenRoot}/nonmodel/optim.json`)).optimizer_traces;

type One = { w: Tensor<"A B"> };
type Options = Omit<AdamWOptions, "step" | "rate">;

/** How the optimisers of the traces are made of `adamw`: options, and what else to do. */
const optimisers: Record<string, {
  options: (step: number) => Options;
  gradient?: (g: One["w"], w: One["w"]) => One["w"];
  after?: (w: One["w"]) => One["w"];
}> = {
  adamw: { options: () => ({ decay: 0.1 }) },
  adam_l2: { options: () => ({ decay: 0 }), gradient: (g, w) => add(g, scale(w, 0.1)) },
  // Hugging Face's optimiser decays what the step has made.
  hf_adamw_no_bias_correction: {
    options: () => ({ decay: 0, epsilon: 1e-6, biasCorrection: false }),
    after: (w) => scale(w, 1 - 0.01 * 0.01),
  },
  hf_adamw_bias_corrected: {
    options: (step) => ({ decay: 0, epsilon: 1e-6 / Math.sqrt(1 - 0.999 ** step) }),
    after: (w) => scale(w, 1 - 0.01 * 0.01),
  },
};

for (const [name, { options, gradient, after }] of Object.entries(optimisers)) {
  onEveryDevice(`golden optim: adamw() takes the steps of ${name}`, async () => {
    const params = await keep({ w: tensor("A B", golden.w0.data, golden.w0.shape) });
    const state = await keep(adamwState(params));
    const target = tensor("A B", golden.target.data, golden.target.shape);
    const lossOf = valueAndGrad(({ w }: One) => {
      const cubes = multiply(square(w), w);
      return add(sum(square(subtract(w, target))), scale(sum(cubes), 0.1));
    });
    const { losses, w_after_each_step } = golden.traces[name];
    for (const [i, wanted] of losses.entries()) {
      const step = i + 1, { value, gradients } = lossOf(params);
      const g = { w: gradient ? gradient(gradients.w, params.w) : gradients.w };
      const next = adamw(params, g, state, { rate: 0.01, step, ...options(step) });
      const w = after ? after(next.params.w) : next.params.w;
      const loss = await read(value, [[params, { w }], [state, next.state]]);
      assertNear(loss, [wanted], 1e-6 * Math.max(1, Math.abs(wanted)), `loss of step ${step}`);
      assertNear(await read(params.w), w_after_each_step[i], 1e-6, `w after step ${step}`);
    }
  });
}

for (const name of goldenModels(["bert"])) {
  const folder = `${goldenRoot}/models/${name}`;
  const { cases, train_trace: trace }: GoldenModel = JSON.parse(
    await Deno.readTextFile(`${folder}/expected.json`),
  );
  if (!trace) continue;
  onEveryDevice(`golden optim: ${name} is trained as by torch.optim.AdamW`, async () => {
    const model = await loadPretrained(folder), { params } = model;
    const state = await keep(adamwState(params));
    const lossOf = valueAndGrad((p: typeof params) => runModel(model, p, cases[0].inputs).loss!);
    for (const [i, wanted] of trace.losses_before_each_step.entries()) {
      const { value, gradients } = lossOf(params);
      const { norm } = clipByGlobalNorm(gradients, 1, params);
      const next = adamw(params, gradients, state, { rate: 1e-3, step: i + 1, decay: 0.01 });
      const found = await read({ value, norm }, [[params, next.params], [state, next.state]]);
      assertNear(found.value, [wanted], 5e-5, `loss before step ${i + 1}`);
      const length = trace.grad_total_norm_each_step[i];
      assertNear(found.norm, [length], 1e-4 * length, `norm in step ${i + 1}`);
    }
    assertNear(await read(lossOf(params).value), [trace.loss_after_last_step], 5e-5, "last loss");
    const parts = (await modelFiles(model))["model.safetensors"] as Uint8Array[];
    const file = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
    const { tensors } = parseSafetensors(file, "model.safetensors");
    for (const [key, { first8, norm }] of Object.entries(trace.params_after)) {
      const { data } = tensors.get(key)!;
      assertNear(data.subarray(0, first8.length), first8, 5e-5, key);
      assertNear([Math.hypot(...data)], [norm], 1e-5 * norm, `norm of ${key}`);
    }
  });
}

onEveryDevice("adamw() takes the first step worked out by hand", async () => {
  // m̂ = g and √v̂ = |g|, so the direction is the sign of g, and 2 · 0.5 is added for the decay.
  const params = { w: tensor("D", [2, 2]) }, g = { w: tensor("D", [0.25, -8]) };
  const next = adamw(params, g, adamwState(params), { rate: 0.1, step: 1, decay: 0.5 });
  assertNear(await read(next.params.w), [2 - 0.1 * (1 + 1), 2 - 0.1 * (-1 + 1)], 1e-6);
  assertNear(await read(next.state.mean.w), [0.025, -0.8], 1e-7);
  assertNear(await read(next.state.square.w), [0.0000625, 0.064], 1e-7);
});

onEveryDevice("adamw() leaves alone what the loss does not depend on", async () => {
  const params = { w: some("D", [3]), unused: some("D", [3], 2) };
  const { gradients } = valueAndGrad(({ w }: typeof params) => sum(square(w)))(params);
  const state = adamwState(params);
  const next = adamw(params, gradients, state, { rate: 0.1, step: 1, decay: 0.5 });
  assert(next.params.unused === params.unused);
  assert(next.state.mean.unused === state.mean.unused);
  assertEquals(await read(next.params.unused), await read(params.unused));
  assert(next.params.w !== params.w);
});

onEveryDevice("adamw() moves a shared parameter once, by the sum of its gradients", async () => {
  const w = some("D", [3]);
  const lossOf = valueAndGrad(({ a, b }: { a: typeof w; b: typeof w }) =>
    sum(add(square(a), scale(b, 3)))
  );
  const tied = await keep({ a: w, b: w }), options = { rate: 0.1, step: 1 };
  assert(tied.a === tied.b);
  const state = await keep(adamwState(tied));
  const next = adamw(tied, lossOf(tied).gradients, state, options);
  assert(next.params.a === next.params.b && next.state.mean.a === next.state.mean.b);
  await read({}, [[tied, next.params], [state, next.state]]);
  const alone = { w },
    both = valueAndGrad(({ w }: typeof alone) => sum(add(square(w), scale(w, 3))));
  const wanted = adamw(alone, both(alone).gradients, adamwState(alone), options);
  assertNear(await read(tied.a), await read(wanted.params.w), 1e-6);
});

onEveryDevice("adamw() with a guard changes nothing when the loss is not finite", async () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const params = await keep({ w: some("D", [3]) });
    const state = await keep(adamwState(params));
    const { value: first, gradients } = valueAndGrad((p: typeof params) => sum(square(p.w)))(
      params,
    );
    const step = (g: typeof params, step: number, guard: Tensor<"">) => {
      const next = adamw(params, g, state, { rate: 0.1, step, guard });
      return read({}, [[params, next.params], [state, next.state]]);
    };
    const before = await read(params);
    await step(gradients, 1, first);
    const good = await read({ params, state });
    assert(good.params.w[0] !== before.w[0]);
    const broken = { w: tensor("D", [NaN, bad, 1]) };
    await step(broken, 2, sum(broken.w));
    assertEquals(await read({ params, state }), good);
  }
});

onEveryDevice("adamw() lets only those parameters decay that it is told to", async () => {
  const params = { weight: some("D", [3]), bias: some("D", [3]) };
  const g = { weight: some("D", [3], 2), bias: some("D", [3], 2) };
  const state = adamwState(params), options = { rate: 0.1, step: 1, decay: 0.5 };
  const all = adamw(params, g, state, options).params;
  const none = adamw(params, g, state, { ...options, decay: 0 }).params;
  const some_ = adamw(params, g, state, { ...options, decays: exceptBiasesAndNorms }).params;
  assertEquals(await read(some_.weight), await read(all.weight));
  assertEquals(await read(some_.bias), await read(none.bias));
});

Deno.test("adamw() says what is wrong with its numbers and records", () => {
  const params = { w: some("D", [3]) }, state = adamwState(params);
  const step = (options: Partial<AdamWOptions>) => () =>
    void adamw(params, params, state, { rate: 0.1, step: 1, ...options });
  assertThrows(step({ step: 0 }), RangeError, "the step is 0");
  assertThrows(step({ rate: NaN }), RangeError, "the rate is NaN");
  assertThrows(step({ beta1: 1 }), RangeError, "beta1 is 1");
  assertThrows(step({ beta2: -1 }), RangeError, "beta2 is -1");
  assertThrows(step({ epsilon: -1 }), RangeError, "epsilon");
  assertThrows(step({ decay: Infinity }), RangeError, "the decay is Infinity");
  const other = { w: some("D", [4]) };
  assertThrows(() => adamw(params, other, state, { rate: 0.1, step: 1 }), AxisError, '"w"');
});

Deno.test("together() says which tensor a record lacks", () => {
  const w = some("D", [2]);
  assertThrows(() => together({ layers: [{ w }] }, { layers: [] }), AxisError, '"layers.0.w"');
});
