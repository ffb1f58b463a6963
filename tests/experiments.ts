/** Experiments under test. */
import { assert, assertEquals } from "@std/assert";
import type { Experiment, Numbers, Verdict } from "../experiments/experiment.ts";

/** The rule of an experiment gives each verdict for rows that deserve it. */
export function checkVerdicts(
  experiment: Experiment,
  rows: { holds: Numbers[]; opposite: Numbers[]; unclear: Numbers[] },
): void {
  const keys = experiment.columns.map(({ key }) => key).sort();
  const wanted: [Numbers[], Verdict][] = [
    [rows.holds, "holds"],
    [rows.opposite, "opposite"],
    [rows.unclear, "not visible at this scale"],
  ];
  for (const [made, verdict] of wanted) {
    for (const row of made) assertEquals(Object.keys(row).sort(), keys, "a row has all columns");
    const judgement = experiment.verdict(made);
    assertEquals(judgement.verdict, verdict, judgement.because);
    assert(judgement.because.length > 0);
    if (experiment.plot) assert(experiment.plot(made).startsWith("<svg"));
  }
}

/** A few rows around a row: what every seed adds is small, but not nothing. */
export const around = (row: Numbers, spread = 1e-3): Numbers[] =>
  [-1, 0, 1].map((sign) =>
    Object.fromEntries(Object.entries(row).map(([key, x], i) => [key, x + sign * spread * (i % 3)]))
  );
