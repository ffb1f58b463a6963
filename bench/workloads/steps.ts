/**
 * How training steps are timed.
 *
 * @module
 */
import { duration, median, report } from "../measured.ts";

/** How AdamW is told to train. */
export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly adamEpsilon: number;
  readonly weightDecay: number;
}

/**
 * Train and report: a few steps to warm up, then groups of five, of which only the last waits for its
 * loss. `step(i, waits)` gives the loss of the step where `waits`, else anything. The first loss, the fifth
 * and the last are compared.
 */
export async function timeSteps(
  step: (i: number, waits: boolean) => Promise<number>,
  { steps, tokens, flops }: { steps: number; tokens: number; flops?: number },
): Promise<void> {
  const group = 5, times: number[] = [];
  const first = await step(0, true);
  for (let i = 1; i < group - 1; i++) await step(i, true);
  const fifth = await step(group - 1, true);
  let last = NaN;
  for (let done = group; done < steps; done += group) {
    const ms = await duration(async () => {
      for (let i = done; i < done + group - 1; i++) await step(i, false);
      last = await step(done + group - 1, true);
    });
    times.push(ms / group);
  }
  const name = "training step", ms = median(times), check = { first, fifth, last };
  report({ name, value: tokens / ms * 1000, unit: "tokens/s", check });
  if (flops) report({ name, value: flops / ms / 1e6, unit: "GFLOP/s" });
}
