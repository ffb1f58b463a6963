/** The encoder of BERT-base. Usage: deno run -A bench/ours/bert.ts wasm|webgpu [half] */
import { device, type DeviceName, keep, read, tensor } from "../../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "../../models/bert.ts";
import { encode, encoderParameters } from "../../models/spec.ts";
import { BERT_BASE as wanted, ids, timeForward, weights } from "../workloads/bert.ts";
import { given } from "./given.ts";

await device(Deno.args[0] as DeviceName);
const sizes = { ...BERT_BASE, positions: wanted.length, vocabulary: wanted.vocabulary };
const params = await keep(
  given(encoderParameters(BERT, sizes, false), weights()),
  Deno.args[1] === "half" ? "half" : "single",
);
const text = tensor("B T", ids(), [1, wanted.length]);
await timeForward(() => read(encode(BERT, sizes, params, { ids: text }).last));
Deno.exit();
