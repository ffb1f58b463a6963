/**
 * Training steps with AdamW, as a bench asks for them.
 *
 * @module
 */
import { keep, read, type Tensor, valueAndGrad } from "../../core/tensor/mod.ts";
import { adamw, adamwState } from "../../core/training/adamw.ts";
import type { AdamWSettings } from "../workloads/steps.ts";

/** A function for steps: `step(i, waits)` gives the loss where `waits`, else NaN. */
export async function stepsOf<P>(
  params: P,
  lossOf: (params: P, i: number) => Tensor<"">,
  { learningRate, beta1, beta2, adamEpsilon, weightDecay }: AdamWSettings,
): Promise<(i: number, waits: boolean) => Promise<number>> {
  const state = await keep(adamwState(params)), gradientOf = valueAndGrad(lossOf);
  const options = { rate: learningRate, beta1, beta2, epsilon: adamEpsilon, decay: weightDecay };
  return async (i, waits) => {
    const { value, gradients } = gradientOf(params, i);
    const next = adamw(params, gradients, state, { ...options, step: i + 1 });
    const loss = read(value, [[params, next.params], [state, next.state]]);
    return waits ? (await loss)[0] : NaN;
  };
}
