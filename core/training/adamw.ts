/**
 * AdamW — Loshchilov & Hutter 2017 (1711.05101), algorithm 2, after Kingma & Ba 2014 (1412.6980).
 * Idea   Each number of a parameter has a step of its own: along the running mean of its gradient,
 *        and the shorter, the more the gradient swings. Weights decay beside that, not by way of
 *        the gradient, which would divide the decay by the swings too.
 * Maths  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²
 *        θ ← θ − η ( m̂ / (√v̂ + ε) + λθ ),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
 * Axes   those of each parameter
 * Differs from the paper: λ is multiplied by the whole rate η (as in PyTorch), not by the
 *        schedule's multiplier alone. BERT's own optimiser lacks the corrections m̂ and v̂
 *        (`biasCorrection: false`).
 * Trap   Adding λθ to the gradient (Adam with L2) decays least where gradients are large.
 * @module
 */
import {
  abs,
  add,
  at,
  divide,
  isZero,
  less,
  mapNested,
  multiply,
  scale,
  sqrt,
  square,
  subtract,
  type Tensor,
  tensor,
  where,
} from "../tensor/mod.ts";
import { together } from "./together.ts";

/** What the optimiser remembers: two records of the parameters' form. */
export interface AdamWState<P> {
  /** Running mean of the gradients, m. */
  mean: P;
  /** Running mean of their squares, v. */
  square: P;
}

/** How to step. */
export interface AdamWOptions {
  /** The learning rate of this step, η. */
  readonly rate: number;
  /** The number of this step, t: 1 for the first. */
  readonly step: number;
  /** How long the mean remembers (default 0.9). */
  readonly beta1?: number;
  /** How long the squares are remembered (default 0.999). */
  readonly beta2?: number;
  /** Keeps the division from blowing up (default 1e-8). */
  readonly epsilon?: number;
  /** Weight decay, λ (default 0.01). */
  readonly decay?: number;
  /** Which parameters decay, by their path (default: all). */
  readonly decays?: (path: string) => boolean;
  /** Whether m and v, which start at 0, are corrected for that (default true). */
  readonly biasCorrection?: boolean;
  /** A number such as the loss: where it is NaN or infinite, this step changes nothing. */
  readonly guard?: Tensor<"">;
}

/**
 * The memory before the first step: zeros, on the device of the parameters. `keep` it.
 *
 * @example
 * ```ts
 * import { adamwState } from "@lineage/lineage/core/training/adamw";
 * import { keep, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = await keep({ w: tensor("D", [1, 2]) });
 * const state = await keep(adamwState(params));
 * assertEquals([...await read(state.mean.w)], [0, 0]);
 * ```
 */
export function adamwState<P>(params: P): AdamWState<P> {
  // Computed from the parameter, since what is kept comes to lie on the device of its sources.
  const zero = (x: Tensor) => subtract(x, x);
  return { mean: mapNested(params, zero), square: mapNested(params, zero) };
}

/**
 * One step: new parameters and a new memory, still to be computed. A parameter that the loss does
 * not depend on is left alone, a shared one is moved once.
 *
 * @throws {RangeError} for a step that is not 1, 2, …, and for numbers outside their range.
 * @throws {AxisError} where the records are not of one form.
 *
 * @example
 * ```ts
 * import { adamw, adamwState } from "@lineage/lineage/core/training/adamw";
 * import { keep, read, square, sum, tensor, valueAndGrad } from "@lineage/lineage/core/tensor";
 * import { assert } from "@std/assert";
 * const params = await keep({ w: tensor("D", [3, -2]) });
 * const state = await keep(adamwState(params));
 * const lossOf = valueAndGrad((p: typeof params) => sum(square(p.w)));
 * for (let step = 1; step <= 100; step++) {
 *   const { value, gradients } = lossOf(params);
 *   const next = adamw(params, gradients, state, { rate: 0.1, step });
 *   await read(value, [[params, next.params], [state, next.state]]);
 * }
 * assert((await read(params.w)).every((w) => Math.abs(w) < 0.1));
 * ```
 */
export function adamw<P>(
  params: P,
  gradients: P,
  state: AdamWState<P>,
  options: AdamWOptions,
): { params: P; state: AdamWState<P> } {
  const { decay = 0.01, decays = () => true } = options;
  const move = mover(options);
  const moved = new Map<Tensor, Moved>();
  for (const [path, x, g, m, v] of together(params, gradients, state.mean, state.square)) {
    const still = { x, m, v };
    moved.set(x, isZero(g) ? still : move(g, still, decays(path) ? decay : 0));
  }
  const take = (part: keyof Moved) => mapNested(params, (x) => moved.get(x)![part]);
  return { params: take("x"), state: { mean: take("m"), square: take("v") } };
}

/** A parameter and what is remembered of its gradients. */
type Moved = Record<"x" | "m" | "v", Tensor>;

/**
 * 1 where a number is finite, 0 where it is NaN or infinite.
 *
 * @example
 * ```ts
 * import { finite } from "@lineage/lineage/core/training/adamw";
 * import { read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals([...await read(finite(tensor("D", [1, NaN, -Infinity])))], [1, 0, 0]);
 * ```
 */
export const finite = <S extends string>(x: Tensor<S>): Tensor<S> => less(abs(x), 3.4028234e38);

/** The step of one parameter. */
function mover(options: AdamWOptions): (g: Tensor, at: Moved, decay: number) => Moved {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, guard } = options;
  const [rate, correct1, correct2] = givenNumbers(options, beta1, beta2);
  const sound = guard && finite(guard);
  const only = (change: Tensor) => sound ? where(sound, change, 0) : change;
  return (g, { x, m, v }, decay) => {
    const mean = add(m, only(scale(subtract(g, m), 1 - beta1)));
    const squares = add(v, only(scale(subtract(square(g), v), 1 - beta2)));
    const swing = add(sqrt(multiply(squares, correct2)), epsilon);
    const direction = add(divide(multiply(mean, correct1), swing), scale(x, decay));
    return { x: subtract(x, only(multiply(direction, rate))), m: mean, v: squares };
  };
}

/** η, 1/(1 − β₁ᵗ), 1/(1 − β₂ᵗ): given, not built in, so that every step runs the same program. */
function givenNumbers(options: AdamWOptions, beta1: number, beta2: number): Tensor<"">[] {
  const { rate, step, epsilon = 1e-8, decay = 0.01, biasCorrection = true } = options;
  const check = (name: string, value: number, sound: boolean, wanted: string) => {
    if (!sound) throw new RangeError(`adamw: ${name} is ${value}, and must be ${wanted}`);
  };
  check("the step", step, Number.isInteger(step) && step >= 1, "1 for the first, 2, 3, …");
  check("the rate", rate, rate >= 0 && rate < Infinity, "a number from 0");
  check("beta1", beta1, beta1 >= 0 && beta1 < 1, "from 0 and below 1");
  check("beta2", beta2, beta2 >= 0 && beta2 < 1, "from 0 and below 1");
  check("epsilon", epsilon, epsilon >= 0, "a number from 0");
  check("the decay", decay, decay >= 0 && decay < Infinity, "a number from 0");
  const correction = (beta: number) => biasCorrection ? 1 / (1 - beta ** step) : 1;
  const given = tensor("number", [rate, correction(beta1), correction(beta2)]);
  return [0, 1, 2].map((i) => at(given, "number", i));
}

/**
 * For `decays`: all but biases and norms, which BERT's authors leave out.
 *
 * @example
 * ```ts
 * import { exceptBiasesAndNorms } from "@lineage/lineage/core/training/adamw";
 * import { assert } from "@std/assert";
 * assert(exceptBiasesAndNorms("layers.0.attention.query.weight"));
 * assert(!exceptBiasesAndNorms("layers.0.attention.query.bias"));
 * assert(!exceptBiasesAndNorms("layers.0.attentionNorm.gain"));
 * ```
 */
export const exceptBiasesAndNorms = (path: string): boolean => !/bias|norm/i.test(path);
