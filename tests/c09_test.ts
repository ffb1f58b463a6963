import { experiment } from "../experiments/c09_temperature.ts";
import { around, checkVerdicts } from "./experiments.ts";

/** A row in which entropies are as given, the gradient shrinks as given, and two widths like two temperatures. */
function row(entropies: number[], without: number, narrow: number, wide: number) {
  const keys = experiment.columns.map(({ key }) => key);
  const numbers = Object.fromEntries(keys.map((key) => [key, 0.5]));
  [1, 2, 4, 8, 16].forEach((tau, i) => numbers[`entropy ${tau}`] = entropies[i]);
  return { ...numbers, without, with: without * 256, "best 4": narrow, "best 32": wide };
}

Deno.test("C9: temperature's rule gives each verdict", () => {
  const up = [0, 1, 2, 3, 4], down = [4, 3, 2, 1, 0];
  checkVerdicts(experiment, {
    holds: around(row(up, 1 / 200, 0, 2), 1e-5),
    opposite: around(row(up, 1 / 200, 3, 1), 1e-5),
    unclear: [...around(row(up, 1 / 200, 0, 2), 1e-5), row(up, 1 / 200, 3, 0)],
  });
  checkVerdicts(experiment, {
    holds: around(row(up, 1 / 200, 0, 2), 1e-5),
    opposite: around(row(down, 1 / 200, 0, 2), 1e-5), // entropy that falls
    unclear: around(row(up, 1 / 70, 0, 2), 1e-5), // a factor that overdoes it
  });
});
