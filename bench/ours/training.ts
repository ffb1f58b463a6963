/** Steps of the small GPT. Usage: deno run -A bench/ours/training.ts wasm|webgpu */
import {
  device,
  type DeviceName,
  keep,
  read,
  tensor,
  valueAndGrad,
} from "../../core/tensor/mod.ts";
import { adamw, adamwState } from "../../core/training/adamw.ts";
import { batchOf, firstWeights, GPT, readLetters, timeTraining } from "../workloads/gpt.ts";
import { gptLoss, parametersFrom } from "./gpt.ts";

const { batch, length, learningRate, beta1, beta2, adamEpsilon, weightDecay } = GPT;
await device(Deno.args[0] as DeviceName);
const letters = readLetters(Deno.args[1]);
const params = await keep(parametersFrom(firstWeights()));
const state = await keep(adamwState(params));
const lossOf = valueAndGrad(gptLoss);
const options = { rate: learningRate, beta1, beta2, epsilon: adamEpsilon, decay: weightDecay };

await timeTraining(async (i, waits) => {
  const { x, y } = batchOf(letters, i), shape = [batch, length];
  const { value, gradients } = lossOf(params, tensor("B T", x, shape), tensor("B T", y, shape));
  const next = adamw(params, gradients, state, { ...options, step: i + 1 });
  const loss = read(value, [[params, next.params], [state, next.state]]);
  return waits ? (await loss)[0] : NaN;
});
Deno.exit();
