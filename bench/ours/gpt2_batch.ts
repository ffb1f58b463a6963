/** Training steps of GPT-2 small. Usage: deno run -A bench/ours/gpt2_batch.ts wasm|webgpu [layers=2,…] */
import {
  crossEntropy,
  device,
  type DeviceName,
  keep,
  mean,
  type Tensor,
  tensor,
} from "../../core/tensor/mod.ts";
import { GPT2, GPT2_SMALL } from "../../models/gpt2.ts";
import { type ModelParameters, modelParameters, nameTokens } from "../../models/model.ts";
import { encode } from "../../models/spec.ts";
import {
  ADAMW,
  changed,
  GPT2_BATCH,
  gpt2Weights,
  idsAndNext,
  timeBatches,
} from "../workloads/batches.ts";
import { given } from "./given.ts";
import { stepsOf } from "./steps.ts";

await device(Deno.args[0] as DeviceName);
const told = changed(GPT2_BATCH, Deno.args[1]), sizes = { ...GPT2_SMALL, ...told };
const declared = modelParameters(GPT2, sizes, { languageModel: true });
const params = await keep(given(declared, gpt2Weights(told)));
const grid = (values: Int32Array): Tensor<"B T"> =>
  tensor("B T", values, [told.batch, told.length]);

const step = await stepsOf(params, (params: ModelParameters, i) => {
  const { ids, labels } = idsAndNext(told, i);
  const { last } = encode(GPT2, sizes, params.encoder, { ids: grid(ids) });
  return mean(crossEntropy(nameTokens(GPT2, sizes, params, last), grid(labels), "V"));
}, ADAMW);
await timeBatches(told, step);
Deno.exit();
