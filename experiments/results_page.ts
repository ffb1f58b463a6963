/**
 * The page of an experiment's result, and the verdict read back from it.
 * Idea   One page says all that is needed to doubt the result: claim, rule, means, every seed's numbers, and
 *        the command that makes them again.
 * Maths  none here; statistics.ts
 * Differs from the papers: the numbers of every seed are there.
 * @module
 */
import type { Experiment, Judgement, Numbers } from "./experiment.ts";
import { summary } from "./statistics.ts";

/** Where and how long a run was. */
export interface Circumstances {
  /** The command, to run it again. */
  readonly command: string;
  /** The day, as `2026-01-31`. */
  readonly date: string;
  /** The device and what it says of itself. */
  readonly device: string;
  /** Processor cores of the machine. */
  readonly cores: number;
  /** Wall-clock time of the run. */
  readonly seconds: number;
  /** The seeds, in the order of the rows. */
  readonly seeds: readonly number[];
}

/** The verdict of a page, or undefined where the text is not such a page. */
export const verdictOf = (page: string): string | undefined =>
  page.match(/^\*\*Verdict: (.+)\*\*$/m)?.[1];

/** The means of an experiment, a line for each column: label, mean ± deviation. */
export function means({ columns }: Experiment, rows: readonly Numbers[]): [string, string][] {
  return columns.map(({ key, label, digits = 3 }) => {
    const { mean, deviation } = summary(rows.map((row) => row[key]));
    return [label, `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`];
  });
}

/** The result as Markdown. */
export function resultsPage(
  experiment: Experiment,
  rows: readonly Numbers[],
  { verdict, because }: Judgement,
  { command, date, device, cores, seconds, seeds }: Circumstances,
): string {
  const { name, claim, sources, setting, rule, reading, columns } = experiment;
  const every = means(experiment, rows).map(([label, mean], i) => {
    const { key, digits = 3 } = columns[i];
    return [label, mean, ...rows.map((row) => row[key].toFixed(digits))];
  });
  const parts = [
    `# ${name.toUpperCase()}: ${claim}`,
    `Source: ${sources.join("; ")}.`,
    `**Verdict: ${verdict}**`,
    because,
    `Rule, fixed before the run: ${rule}`,
    `Setting: ${setting}`,
    experiment.plot ? `![${name}](${name}.svg)` : "",
    reading ?? "",
    table(["", "mean ± sd", ...seeds.map((seed) => `seed ${seed}`)], every),
    "## Again",
    `\`${command}\`, run on ${date}: ${seconds.toFixed(0)} s on ${cores} cores, ${device}.`,
  ];
  return parts.filter(Boolean).join("\n\n") + "\n";
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((x) => x.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = line(heading.map((_, i) => i === 0 ? "---" : "---:"));
  return [line(heading), rule, ...rows.map(line)].join("\n");
}
