import { experiment } from "../experiments/c10_soft_targets.ts";
import { around, checkVerdicts } from "./experiments.ts";

/** A row of which the last and best scores are given. */
function row(hard: { last: number; best: number }, soft: { last: number; best: number }) {
  const keys = experiment.columns.map(({ key }) => key);
  return {
    ...Object.fromEntries(keys.map((key) => [key, 0.5])),
    ...{ "hard last": hard.last, "hard best": hard.best, "hard lost": hard.best - hard.last },
    ...{ "soft last": soft.last, "soft best": soft.best, "soft lost": soft.best - soft.last },
  };
}

Deno.test("C10: the rule of soft targets gives each verdict", () => {
  const sinking = { last: 0.6, best: 0.7 }, steady = { last: 0.8, best: 0.81 };
  checkVerdicts(experiment, {
    holds: around(row(sinking, steady)),
    opposite: around(row(steady, sinking)),
    unclear: around(row({ last: 0.8, best: 0.8 }, { last: 0.8, best: 0.8 })),
  });
  checkVerdicts(experiment, {
    holds: around(row(sinking, steady)),
    opposite: around(row({ last: 0.75, best: 0.9 }, steady)), // early stopping would have won
    unclear: around(row({ last: 0.79, best: 0.8 }, steady)),
  });
});
