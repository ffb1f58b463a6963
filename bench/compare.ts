/**
 * Comparing: from what was measured in all rounds to a row for each number and each other library.
 *
 * @module
 */
import type { On, Task } from "./contenders.ts";
import { type Measured, median } from "./measured.ts";
import type { Turns } from "./rounds.ts";

/** What one library reached. */
export interface Reached {
  name: string;
  median: number;
  /** One number for each round. */
  all: number[];
}

/** One number, ours beside another's. */
export interface Comparison {
  task: string;
  what: string;
  device: On;
  unit: Measured["unit"];
  ours: Reached;
  /** Null where there is none to compare with. */
  theirs: Reached | null;
  /** How many times better ours is: the median over the rounds. */
  ratio: number | null;
}

const lessIsBetter = (unit: Measured["unit"]) => ["ms", "MB", "%"].includes(unit);

/** All comparisons of a task on a device; none where ours has failed. */
export function compare(task: Task, device: On, turns: Turns): Comparison[] {
  const [ours, ...others] = task.contenders;
  const first = turns.get(ours)?.[0] ?? [];
  const reached = (turns: Measured[][], name: string, of: Measured): Reached => {
    const same = (m: Measured) => m.name === of.name && m.unit === of.unit;
    const all = turns.map((turn) => turn.find(same)!.value);
    return { name, median: median(all), all };
  };
  return first.flatMap((one) => {
    const { name: what, unit } = one, our = reached(turns.get(ours)!, ours.name, one);
    const row = (theirs: Reached | null): Comparison => {
      const better = (i: number) =>
        lessIsBetter(unit) ? theirs!.all[i] / our.all[i] : our.all[i] / theirs!.all[i];
      const ratio = theirs && median(our.all.map((_, i) => better(i)));
      return { task: task.name, what, device, unit, ours: our, theirs, ratio };
    };
    const rivals = others.filter((other) => turns.has(other));
    if (rivals.length === 0) return [row(null)];
    return rivals.map((other) => row(reached(turns.get(other)!, other.name, one)));
  });
}

/** What is wrong with the results themselves: a contender that computes something else is no rival. */
export function disagreements({ name: task, contenders, expected }: Task, turns: Turns): string[] {
  const checks = (rounds: Measured[][] = []) =>
    rounds.flat().flatMap(({ check }) => Object.entries(check ?? {}));
  const wanted = { ...Object.fromEntries(checks(turns.get(contenders[0]))), ...expected };
  const found: string[] = [];
  for (const [{ name }, rounds] of turns) {
    for (const [what, value] of checks(rounds)) {
      if (Number.isFinite(value) && Math.abs(value - wanted[what]) <= 1e-3) continue;
      found.push(`${task}: ${name} finds ${what} ${value} instead of ${wanted[what]}`);
    }
  }
  return [...new Set(found)];
}
