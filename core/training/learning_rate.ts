/**
 * Learning-rate schedules — Vaswani et al. 2017 (1706.03762), §5.3; Devlin et al. 2018
 * (1810.04805), A.2; Loshchilov & Hutter 2016 (1608.03983).
 * Idea   Adam's first steps rest on a handful of gradients: start low and warm up. Later, smaller
 *        steps let the parameters settle: come down again.
 * Maths  rate(k) = peak · k / warmup  for k < warmup
 *        rate(k) = peak · f(p)        then, with the progress p = (k − warmup) / (steps − warmup)
 * Axes   none: k is the number of steps done, so the first step has k = 0
 * Differs from the paper: the shapes are those of Hugging Face's schedules. The first rate is 0,
 *        and beyond `steps` the cosine rises again.
 * @module
 */

/** From the number of steps done to the rate of the next. */
export type Schedule = (done: number) => number;

/** What all schedules are made of. */
export interface ScheduleSettings {
  /** The highest rate. */
  readonly peak: number;
  /** Steps to get there (default 0). */
  readonly warmup?: number;
  /** Steps in all. */
  readonly steps: number;
}

/** Up in a straight line, then as `after` says: from the progress to a part of the peak. */
function warmThen(settings: ScheduleSettings, after: (progress: number) => number): Schedule {
  const { peak, warmup = 0, steps } = settings;
  if (!(warmup >= 0 && steps >= warmup)) {
    throw new RangeError(`schedule: a warm-up of ${warmup} does not fit into ${steps} steps`);
  }
  return (done) =>
    done < warmup
      ? peak * done / warmup
      : peak * after((done - warmup) / Math.max(1, steps - warmup));
}

/**
 * Up, then down to 0 in a straight line: BERT's.
 *
 * @throws {RangeError} where the warm-up is longer than the whole.
 *
 * @example
 * ```ts
 * import { linear } from "@lineage/lineage/core/training/learning_rate";
 * import { assertEquals } from "@std/assert";
 * const rate = linear({ peak: 1, warmup: 2, steps: 6 });
 * assertEquals([0, 1, 2, 3, 4, 5, 6].map(rate), [0, 0.5, 1, 0.75, 0.5, 0.25, 0]);
 * ```
 */
export function linear(settings: ScheduleSettings): Schedule {
  return warmThen(settings, (progress) => Math.max(0, 1 - progress));
}

/**
 * Up, then the same for ever.
 *
 * @example
 * ```ts
 * import { constant } from "@lineage/lineage/core/training/learning_rate";
 * import { assertEquals } from "@std/assert";
 * assertEquals([0, 1, 2, 3].map(constant({ peak: 1, warmup: 2 })), [0, 0.5, 1, 1]);
 * ```
 */
export function constant(settings: Omit<ScheduleSettings, "steps">): Schedule {
  return warmThen({ ...settings, steps: Infinity }, () => 1);
}

/**
 * Up, then down to 0 along half a cosine.
 *
 * @example
 * ```ts
 * import { cosine } from "@lineage/lineage/core/training/learning_rate";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals(cosine({ peak: 1, steps: 4 })(2), 0.5);
 * ```
 */
export function cosine(settings: ScheduleSettings): Schedule {
  return warmThen(settings, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}

/**
 * Up, then `cycles` times down along half a cosine and at once up again.
 *
 * @example
 * ```ts
 * import { cosineRestarts } from "@lineage/lineage/core/training/learning_rate";
 * import { assertAlmostEquals } from "@std/assert";
 * assertAlmostEquals(cosineRestarts({ peak: 1, steps: 4 }, 2)(2), 1);
 * ```
 */
export function cosineRestarts(settings: ScheduleSettings, cycles: number): Schedule {
  return warmThen(
    settings,
    (progress) => progress >= 1 ? 0 : (1 + Math.cos(Math.PI * (cycles * progress % 1))) / 2,
  );
}

/**
 * Up, then down to `end` along a power of what is left.
 *
 * @example
 * ```ts
 * import { polynomial } from "@lineage/lineage/core/training/learning_rate";
 * import { assertEquals } from "@std/assert";
 * assertEquals(polynomial({ peak: 1, steps: 4 }, { power: 2, end: 0 })(2), 0.25);
 * ```
 */
export function polynomial(
  settings: ScheduleSettings,
  { power, end }: { power: number; end: number },
): Schedule {
  const floor = end / settings.peak;
  const left = (progress: number) => Math.max(0, 1 - progress) ** power;
  return warmThen(settings, (progress) => floor + (1 - floor) * left(progress));
}

/**
 * Up, then down as one over the square root of the steps: Vaswani et al.'s.
 *
 * @throws {RangeError} without a warm-up, since the rate after it is measured by it.
 *
 * @example
 * ```ts
 * import { inverseSquareRoot } from "@lineage/lineage/core/training/learning_rate";
 * import { assertEquals } from "@std/assert";
 * assertEquals(inverseSquareRoot({ peak: 1, warmup: 4 })(16), 0.5);
 * ```
 */
export function inverseSquareRoot(settings: { peak: number; warmup: number }): Schedule {
  const { peak, warmup } = settings;
  if (!(warmup > 0)) {
    throw new RangeError(`schedule: its warm-up is ${warmup}, and must be above 0`);
  }
  return (done) => done < warmup ? peak * done / warmup : peak * Math.sqrt(warmup / done);
}
