/** The encoder of BERT-base. Usage: deno run -A bench/ours/bert.ts wasm|webgpu [half] */
import { instantiate } from "../../core/parameters.ts";
import { device, type DeviceName, keep, read, tensor } from "../../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "../../models/bert.ts";
import { encode, encoderParameters } from "../../models/spec.ts";
import { BERT_BASE as given, ids, timeForward, weights } from "../workloads/bert.ts";
import { turned } from "../workloads/weight.ts";

await device(Deno.args[0] as DeviceName);
const sizes = { ...BERT_BASE, positions: given.length, vocabulary: given.vocabulary };
const all = weights();
const params = await keep(
  instantiate(encoderParameters(BERT, sizes, false), ({ axes, shape }, path) => {
    if (path === "embedding.segment") return tensor(axes, new Float32Array(2 * given.width), shape);
    const values = path.endsWith(".weight") ? turned(all[path]) : all[path].values;
    return tensor(axes, values, shape);
  }),
  Deno.args[1] === "half" ? "half" : "single",
);
const text = tensor("B T", ids(), [1, given.length]);
await timeForward(() => read(encode(BERT, sizes, params, { ids: text }).last));
Deno.exit();
