/**
 * The training loop: batch, loss, gradients, step, log.
 *
 * Idea   A `for` that can be read aloud. What it needs for step n, batch and randomness, comes from
 *        the seed and n alone, so a run that was interrupted goes on as if it had not been.
 * Maths  θₙ = AdamW(θₙ₋₁, clip(∇L(θₙ₋₁; batch n)), rate(n − 1))
 * Axes   those of each parameter
 * Differs from the paper: there is none.
 * Trap   Loss and new parameters come from one run. When the loss is seen to be NaN, the parameters
 *        would be NaN too; so the step itself, on the device, changes nothing unless loss and
 *        gradients are finite.
 * @module
 */
import {
  add,
  keep,
  type Key,
  randomKey,
  read,
  scalar,
  type Tensor,
  type Updates,
  valueAndGrad,
  type Values,
  where,
} from "../tensor/mod.ts";
import { accumulate, gradientSums, type LossAndGradients } from "./accumulate.ts";
import { adamw, type AdamWOptions, type AdamWState, adamwState, finite } from "./adamw.ts";
import { clipByGlobalNorm } from "./clip.ts";
import type { Schedule } from "./learning_rate.ts";

/** A run of training: all that a checkpoint holds. */
export interface Training<P> {
  /** The parameters, held on a device. */
  readonly params: P;
  /** The optimiser's memory, beside them. */
  readonly state: AdamWState<P>;
  /** Where batches and dropout come from. */
  readonly seed: number;
  /** Steps done. */
  step: number;
  /** The loss of each step done. */
  readonly losses: number[];
}

/** How to train. */
export interface TrainOptions<P, Part> {
  /** Go on until this many steps are done, those of earlier runs included. */
  readonly steps: number;
  /**
   * The batch of a step: in one part; or in several, one after another on the device, where the
   * whole does not fit. Then the losses of the parts must add up to that of the whole.
   */
  readonly batch: (key: Key, step: number) => readonly Part[] | Promise<readonly Part[]>;
  /** The loss of a part; the key is for dropout. */
  readonly loss: (params: P, part: Part, key: Key) => Tensor<"">;
  /** The learning rate. */
  readonly rate: Schedule;
  /** The longest gradient that is not clipped (default 1). */
  readonly maximumNorm?: number;
  /** Report after every so many steps and after the last (default 1); in between nobody waits for a GPU. */
  readonly reportEvery?: number;
  /** What else AdamW can be told. */
  readonly adamw?: Omit<AdamWOptions, "rate" | "step" | "guard">;
}

/** What one step did. */
export interface StepReport {
  /** Its number, from 1. */
  readonly step: number;
  /** The loss before the step, in nats. */
  readonly loss: number;
  /** The length of the gradient before it was clipped. */
  readonly norm: number;
  /** The learning rate. */
  readonly rate: number;
}

/** Loss or gradient became NaN or infinite; parameters and state are those of the step before. */
export class DivergedError extends Error {
  /** The name errors of this class are printed with. */
  override name = "DivergedError";

  /** An error about the step that went wrong. */
  constructor(readonly report: StepReport) {
    const { step, loss, norm, rate } = report;
    super(
      `step ${step}: the loss is ${loss}, the gradient's norm ${norm}, at a learning rate of` +
        ` ${rate}; parameters and optimiser are still those of step ${step - 1}.` +
        " Lower the rate, warm up for longer, or look at the batch of this step",
    );
  }
}

/**
 * Begin a run: nothing learned yet, nothing done. The parameters must be kept already.
 *
 * @example
 * ```ts
 * import { startTraining } from "@lineage/lineage/core/training/loop";
 * import { keep, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const training = await startTraining(await keep({ w: tensor("D", [1, 2]) }), 7);
 * assertEquals([training.step, training.seed, training.losses.length], [0, 7, 0]);
 * ```
 */
export async function startTraining<P>(params: P, seed = 0): Promise<Training<P>> {
  return { params, state: await keep(adamwState(params)), seed, step: 0, losses: [] };
}

/**
 * Train, step by step: the body of your `for await` logs, draws, evaluates, saves, or breaks off;
 * in it, `training` is as the step left it.
 *
 * @throws {DivergedError} when loss or gradient is not finite; what was good stays.
 * @throws {RangeError} where `reportEvery` is not a whole number from 1.
 *
 * @example
 * ```ts
 * import { constant } from "@lineage/lineage/core/training/learning_rate";
 * import { startTraining, train } from "@lineage/lineage/core/training/loop";
 * import { keep, mean, normal, square, subtract, tensor } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 *
 * const training = await startTraining(await keep({ centre: tensor("D", [3, -3]) }));
 * const steps = train(training, {
 *   steps: 50,
 *   batch: (key) => [normal(key, "B D", [64, 2], 0.1)],
 *   loss: ({ centre }, x) => mean(square(subtract(x, centre))),
 *   rate: constant({ peak: 0.2 }),
 * });
 * for await (const { step, loss } of steps) if (step % 25 === 0) console.log(step, loss);
 * assert(training.losses[49] < 0.5);
 * ```
 */
export async function* train<P, Part>(
  training: Training<P>,
  options: TrainOptions<P, Part>,
): AsyncGenerator<StepReport, void, void> {
  const { steps, reportEvery = 1 } = options;
  if (!(Number.isInteger(reportEvery) && reportEvery >= 1)) {
    throw new RangeError(`reportEvery is ${reportEvery}: give a whole number from 1`);
  }
  if (training.step >= steps) return;
  const harm = await keep(scalar(0)); // infinite once a step went wrong: those after it do nothing, too
  const build = builder(training, options, harm);
  const running: Promise<StepReport>[] = [];
  let ready = build(training.step + 1);
  for (let step = training.step + 1; step <= steps; step++) {
    const { value, norm, rate, updates } = await ready;
    running.push(quietly(reportOf(step, rate, read({ value, norm }, updates))));
    if (step < steps) ready = build(step + 1); // on the host, while the device computes
    const isDue = step % reportEvery === 0 || step === steps;
    while (running.length > (isDue ? 1 : MOST_RUNNING)) note(training, await running.shift()!);
    if (isDue) yield note(training, await running.shift()!);
  }
}

/** Steps that a GPU may be behind. */
const MOST_RUNNING = 16;

async function reportOf(
  step: number,
  rate: number,
  numbers: Promise<{ value: Values; norm: Values }>,
): Promise<StepReport> {
  const { value: [loss], norm: [norm] } = await numbers;
  return { step, loss, norm, rate };
}

/** Write a step down as done, unless it went wrong. */
function note<P>(training: Training<P>, report: StepReport): StepReport {
  if (!Number.isFinite(report.loss + report.norm)) throw new DivergedError(report);
  training.step = report.step;
  training.losses.push(report.loss);
  return report;
}

/** A promise whose error is told where it is awaited, in its turn, and nowhere before. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** What computes loss, norm and new parameters of a step, once it is run. */
function builder<P, Part>(
  training: Training<P>,
  options: TrainOptions<P, Part>,
  harm: Tensor<"">,
) {
  const { params, state, seed } = training, { loss, maximumNorm = 1 } = options;
  let sums: LossAndGradients<P> | undefined;
  const differentiate = async (parts: readonly Part[], step: number) => {
    const lossOf = (params: P, part: Part, i: number) => loss(params, part, partKey(seed, step, i));
    if (parts.length === 1) return valueAndGrad(lossOf)(params, parts[0], 0);
    return await accumulate(sums ??= await gradientSums(params), params, parts, lossOf);
  };
  const build = async (step: number) => {
    const rate = options.rate(step - 1);
    const parts = await options.batch(randomKey(seed, step).derive(0), step);
    const { value, gradients } = await differentiate(parts, step);
    const clipped = clipByGlobalNorm(gradients, maximumNorm, params);
    const guard = add(add(value, clipped.norm), harm);
    const next = adamw(params, clipped.gradients, state, { ...options.adamw, rate, step, guard });
    const updates: Updates = [
      [params, next.params],
      [state, next.state],
      [harm, where(finite(guard), harm, Infinity)],
    ];
    return { value, norm: clipped.norm, rate, updates };
  };
  return (step: number) => quietly(build(step));
}

/** A key for the dropout of a part; parts run one program, so they do not differ by `derive`. */
const partKey = (seed: number, step: number, part: number): Key =>
  randomKey(seed + part, step).derive(1);
