/** BERT-base over a batch. Usage: deno run -A bench/ours/bert_batch.ts wasm|webgpu [layers=2,…] */
import {
  abs,
  crossEntropy,
  device,
  type DeviceName,
  keep,
  mean,
  meanOver,
  read,
  type Tensor,
  tensor,
} from "../../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "../../models/bert.ts";
import { type ModelParameters, modelParameters, nameTokens } from "../../models/model.ts";
import { encode } from "../../models/spec.ts";
import {
  ADAMW,
  BERT_BATCH,
  bertWeights,
  changed,
  idsAndHidden,
  idsAndNext,
  masked,
  timeBatches,
  timeForwards,
} from "../workloads/batches.ts";
import { given } from "./given.ts";
import { stepsOf } from "./steps.ts";

await device(Deno.args[0] as DeviceName);
const told = changed(BERT_BATCH, Deno.args[1]), shape = [told.batch, told.length];
const sizes = { ...BERT_BASE, ...told, positions: told.length, padding: undefined };
const spec = { ...BERT, segmented: false }, heads = { maskedLM: true }; // one segment is none
const params = await keep(given(modelParameters(spec, sizes, heads), bertWeights(told)));
const grid = (values: Int32Array | Float32Array): Tensor<"B T"> => tensor("B T", values, shape);

const ids = grid(idsAndNext(told, 0).ids);
const { last } = encode(spec, sizes, params.encoder, { ids });
const size = mean(abs(last));
await timeForwards(told, async (times) => {
  for (let i = 1; i < times; i++) read(size);
  return (await read(size))[0];
});

const kept = grid(masked(told));
const step = await stepsOf(params, (params: ModelParameters, i) => {
  const { ids, labels } = idsAndHidden(told, i);
  const { last } = encode(spec, sizes, params.encoder, { ids: grid(ids) });
  return meanOver(crossEntropy(nameTokens(spec, sizes, params, last), grid(labels), "V"), kept);
}, ADAMW);
await timeBatches(told, step);
Deno.exit();
