import { experiment } from "../experiments/c11_teachers.ts";
import { around, checkVerdicts } from "./experiments.ts";

/** A row of what the three ways gain. */
function row(annealing: number, again: number, several: number) {
  const keys = experiment.columns.map(({ key }) => key), second = 0.5 + again;
  return {
    ...Object.fromEntries(keys.map((key) => [key, 0.5])),
    "right annealed": 0.5 + annealing,
    "noisy second": second,
    "noisy many": second + several,
  };
}

Deno.test("C11: the rule of annealing, born again and ensembles gives each verdict", () => {
  checkVerdicts(experiment, {
    holds: around(row(0.1, 0.1, 0.1)),
    opposite: around(row(0.1, -0.1, 0.1)),
    unclear: around(row(0.1, 0.1, 0)),
  });
  checkVerdicts(experiment, {
    holds: around(row(0.01, 0.2, 0.05)),
    opposite: around(row(-0.1, 0.1, 0.1)),
    unclear: around(row(0, 0.1, 0.1)),
  });
});
