import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  constant,
  cosine,
  cosineRestarts,
  inverseSquareRoot,
  linear,
  polynomial,
  type Schedule,
} from "../core/training/learning_rate.ts";
import { goldenRoot } from "./golden_models.ts";

interface GoldenSchedules {
  schedules: Record<string, number[]>;
  schedule_settings: { base_lr: number; warmup_steps: number; total_steps: number };
}
const { schedules, schedule_settings: given }: GoldenSchedules = JSON.parse(
  await Deno.readTextFile(`${goldenRoot}/nonmodel/optim.json`),
);
const settings = { peak: given.base_lr, warmup: given.warmup_steps, steps: given.total_steps };
const ours: Record<string, Schedule> = {
  linear_warmup: linear(settings),
  cosine_warmup: cosine(settings),
  constant_warmup: constant(settings),
  polynomial_warmup_power2: polynomial(settings, { power: 2, end: 1e-7 }),
  cosine_hard_restarts_2: cosineRestarts(settings, 2),
  inverse_sqrt: inverseSquareRoot(settings),
};

for (const [name, wanted] of Object.entries(schedules)) {
  Deno.test(`golden optim: the schedule ${name} gives the rates of the reference`, () => {
    wanted.forEach((rate, done) =>
      assertAlmostEquals(ours[name](done), rate, 1e-9 * settings.peak)
    );
  });
}

Deno.test("a schedule without warm-up begins at its peak", () => {
  for (const schedule of [linear, cosine]) {
    assertEquals(schedule({ peak: 0.5, steps: 10 })(0), 0.5);
  }
  assertEquals(constant({ peak: 0.5 })(0), 0.5);
});

Deno.test("a schedule that is nothing but warm-up ends at its peak", () => {
  assertEquals([0, 1, 2].map(linear({ peak: 1, warmup: 2, steps: 2 })), [0, 0.5, 1]);
});

Deno.test("a warm-up longer than the whole is refused", () => {
  assertThrows(() => linear({ peak: 1, warmup: 5, steps: 4 }), RangeError, "a warm-up of 5");
  assertThrows(() => inverseSquareRoot({ peak: 1, warmup: 0 }), RangeError, "above 0");
});
