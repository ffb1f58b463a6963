/** Steps of the small GPT. Usage: deno run -A bench/ours/training.ts wasm|webgpu */
import { device, type DeviceName, keep, tensor } from "../../core/tensor/mod.ts";
import { batchOf, firstWeights, GPT, readLetters, timeTraining } from "../workloads/gpt.ts";
import { gptLoss, parametersFrom } from "./gpt.ts";
import { stepsOf } from "./steps.ts";

const shape = [GPT.batch, GPT.length];
await device(Deno.args[0] as DeviceName);
const letters = readLetters(Deno.args[1]);
const params = await keep(parametersFrom(firstWeights()));
const step = await stepsOf(params, (params, i) => {
  const { x, y } = batchOf(letters, i);
  return gptLoss(params, tensor("B T", x, shape), tensor("B T", y, shape));
}, GPT);
await timeTraining(step);
Deno.exit();
