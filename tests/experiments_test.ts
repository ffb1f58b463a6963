import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { assertRejects, assertStringIncludes } from "@std/assert";
import { conduct, experiments } from "../cli/experiment.ts";
import { all, type Experiment, gain, inWords, judge } from "../experiments/experiment.ts";
import { verdictOf } from "../experiments/results_page.ts";
import { difference, ratio, studentT, summary } from "../experiments/statistics.ts";
import { around, checkVerdicts } from "./experiments.ts";

Deno.test("mean, deviation and interval of four numbers, worked out by hand", () => {
  const { count, mean, deviation, low, high } = summary([2, 4, 4, 6]);
  assertEquals([count, mean], [4, 4]);
  assertAlmostEquals(deviation, Math.sqrt(8 / 3), 1e-12); // (4 + 0 + 0 + 4) / 3
  assertAlmostEquals(high - mean, 3.1824 * Math.sqrt(8 / 3) / 2, 1e-12);
  assertAlmostEquals(mean - low, high - mean, 1e-12);
});

Deno.test("Student's t is that of the tables, also beyond ten degrees of freedom", () => {
  for (
    const [freedom, t] of [[1, 12.7062], [4, 2.7764], [10, 2.2281], [15, 2.1314], [60, 2.0003]]
  ) {
    assertAlmostEquals(studentT(freedom), t, 1e-4);
  }
  assertThrows(() => studentT(0), RangeError, "two numbers or more");
});

Deno.test("a paired difference does not see what seeds do to both", () => {
  const first = [0.9, 0.5, 0.7], second = [0.88, 0.47, 0.69];
  assert(difference(first, second).low > 0 || difference(first, second).deviation < 0.02);
  assert(summary(first).low < summary(second).high); // unpaired, nothing is seen
  assertAlmostEquals(difference(first, second).mean, 0.02, 1e-12);
  assertThrows(() => difference([1], [1, 2]), RangeError, "paired");
});

Deno.test("a ratio is the mean of the ratios", () => {
  assertAlmostEquals(ratio([2, 9], [1, 3]).mean, 2.5);
  assertThrows(() => ratio([1, 1], [0, 1]), RangeError, "finite");
});

Deno.test("the verdict is the side of the line on which the whole interval lies", () => {
  const at = (mean: number, half: number) => summary([mean - half, mean, mean + half]);
  assertEquals(judge(at(0.1, 0.01)), "holds");
  assertEquals(judge(at(-0.1, 0.01)), "opposite");
  assertEquals(judge(at(0.01, 0.1)), "not visible at this scale");
  assertEquals(judge(at(-0.01, 0.001), -0.02), "holds");
  assertEquals(all(["holds", "holds"]), "holds");
  assertEquals(all(["holds", "not visible at this scale"]), "not visible at this scale");
  assertEquals(all(["not visible at this scale", "opposite"]), "opposite");
});

/** Half a second of nothing, but with numbers. */
const fake: Experiment = {
  name: "c00",
  claim: "Two is more than one",
  sources: ["arithmetic"],
  setting: "no model at all",
  rule: "the interval of two − one lies above 0",
  columns: [{ key: "one", label: "one | first" }, { key: "two", label: "two", digits: 1 }],
  async run(seed, report) {
    await report("counting");
    return { one: 1 + seed / 10, two: 2 + seed / 10 };
  },
  verdict(rows) {
    const difference = gain(rows, "two", "one");
    return { verdict: judge(difference), because: `two − one: ${inWords(difference)}` };
  },
  plot: () => "<svg></svg>",
  reading: "It was to be expected.",
};

Deno.test("an experiment's page has claim, rule, verdict, means and every seed", async () => {
  const out = await Deno.makeTempDir();
  await conduct(fake, [3, 4], out);
  const page = await Deno.readTextFile(`${out}/c00.md`);
  assertEquals(verdictOf(page), "holds");
  for (
    const part of [
      "C00: Two is more than one",
      "arithmetic",
      "fixed before the run: the interval",
      "|  | mean ± sd | seed 3 | seed 4 |",
      "| two | 2.3 ± 0.1 | 2.3 | 2.4 |",
      "one \\| first",
      "c00.svg",
      "It was to be expected.",
      "deno task experiment c00 --seeds 2 --first-seed 3",
      "cores",
    ]
  ) assertStringIncludes(page, part);
  assertEquals(await Deno.readTextFile(`${out}/c00.svg`), "<svg></svg>");
  const names = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
  assertEquals(names, ["c00.md", "c00.svg"], "nothing half-written stays");
});

Deno.test("a number that is none stops the experiment, and nothing is written", async () => {
  const out = await Deno.makeTempDir();
  const broken = { ...fake, run: () => Promise.resolve({ one: NaN, two: 1 }) };
  await assertRejects(() => conduct(broken, [1, 2], out), Error, '"one" is NaN');
  assertEquals([...Deno.readDirSync(out)], []);
});

Deno.test("made-up rows reach every verdict of the usual rule", () => {
  checkVerdicts(fake, {
    holds: around({ one: 1, two: 2 }),
    opposite: around({ one: 2, two: 1 }),
    unclear: around({ one: 1, two: 1 }),
  });
});

Deno.test("every experiment says what it claims, who does, and by which rule it is judged", async () => {
  for (const { name, claim, sources, setting, rule, columns } of await experiments()) {
    assert(/^c\d\d$/.test(name) && claim && setting && rule, name);
    assert(sources.length > 0 && columns.length > 0, name);
    assertEquals(new Set(columns.map(({ key }) => key)).size, columns.length, name);
  }
});

const command = (...args: string[]) =>
  new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("../cli/experiment.ts", import.meta.url).pathname,
      ...args,
    ],
    env: { NO_COLOR: "1" },
  }).output();

Deno.test("bad arguments of the command are named, with a remedy", async () => {
  for (
    const [args, said] of [
      [["c99"], "there is no experiment c99"],
      [["c99", "--seeds", "1"], "--seeds is 1"],
      [["c01", "c02"], "one experiment at a time"],
    ] as const
  ) {
    const { code, stderr } = await command(...args);
    assertEquals(code, 1);
    assertStringIncludes(new TextDecoder().decode(stderr), said);
  }
});

Deno.test("without a name the command lists what there is", async () => {
  const { code } = await command("--out", await Deno.makeTempDir());
  assertEquals(code, 0);
});
