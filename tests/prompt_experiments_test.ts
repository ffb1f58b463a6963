/** C18, C19 and C26: their rules, and the small GPT that they teach. */
import { assert, assertEquals } from "@std/assert";
import { device } from "../core/tensor/mod.ts";
import { experiment as c18 } from "../experiments/c18_examples_in_the_prompt.ts";
import { experiment as c19 } from "../experiments/c19_answers_after_tuning.ts";
import { experiment as c26 } from "../experiments/c26_reversing.ts";
import type { Experiment, Numbers } from "../experiments/experiment.ts";
import { freshGPT, named, type Row, teach } from "../experiments/small_gpt.ts";
import { around, checkVerdicts } from "./experiments.ts";

/** A row of an experiment: the same number everywhere, but where others are given. */
const row = ({ columns }: Experiment, otherwise: number, more: Numbers): Numbers => ({
  ...Object.fromEntries(columns.map(({ key }) => [key, otherwise])),
  ...more,
});

Deno.test("C18: more true examples must help, and lying ones less", () => {
  const curve = { "after 0": 0.1, "after 1": 0.3, "after 4": 0.7, "after 7": 0.9, lying: 0.2 };
  checkVerdicts(c18, {
    holds: around(row(c18, 0.5, curve)),
    opposite: around(row(c18, 0.5, { ...curve, "after 0": 0.95 })),
    unclear: around(row(c18, 0.5, { ...curve, lying: 0.9 })),
  });
});

Deno.test("C19: the tuned model is right nine times of ten, the base goes on", () => {
  const good = { tuned: 0.97, base: 0.02, baseOn: 0.9 };
  checkVerdicts(c19, {
    holds: around(row(c19, 0, good)),
    opposite: around(row(c19, 0, { ...good, base: 0.99 })),
    unclear: around(row(c19, 0, { ...good, tuned: 0.8 })),
  });
  const silent = around(row(c19, 0, { ...good, baseOn: 0.1 })); // a base that stops is no base
  assertEquals(c19.verdict(silent).verdict, "not visible at this scale");
});

Deno.test("C26: reversals fail although copies do not", () => {
  const fails = { "pieces unknown": 0.01, "pieces copied": 0.99, "letters unknown": 0.9 };
  checkVerdicts(c26, {
    holds: around(row(c26, 0.5, fails)),
    opposite: around(row(c26, 0.5, { ...fails, "pieces unknown": 0.97 })),
    unclear: around(row(c26, 0.5, { ...fails, "pieces unknown": 0.4 })),
  });
  const unable = around(row(c26, 0.5, { ...fails, "pieces copied": 0.2 })); // it learnt nothing
  assertEquals(c26.verdict(unable).verdict, "not visible at this scale");
});

Deno.test("a small GPT learns the places that count, and only these", async () => {
  await device("wasm");
  const sizes = { vocabulary: 6, positions: 6, layers: 1, width: 16, heads: 2 };
  const model = await freshGPT(sizes, 1);
  const alternate = (draw: (n: number) => number): Row => {
    const start = draw(2);
    return { ids: [start, 1 - start, start, 1 - start, 2 + draw(4)], counts: (t) => t < 4 };
  };
  const reports: string[] = [], recipe = { steps: 60, batch: 8, peak: 1e-2, seed: 1 };
  await teach(model, alternate, recipe, (text) => void reports.push(text));
  assertEquals(reports.length, 5);
  const [found, other] = await named(model, [0, 1].map((start) => alternate(() => start)));
  assertEquals([...found.slice(1, 4), ...other.slice(1, 4)], Array(6).fill(true));
  assert(!found[0], "nothing names the first token");
});
