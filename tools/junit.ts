/** How a run of `deno test` ended, in numbers of tests. */
export interface Tally {
  /** Tests that passed. */
  passed: number;
  /** Tests that failed. */
  failed: number;
  /** Tests that were not run. */
  skipped: number;
}

/** A test case of the report: its name, its other attributes, and what stands inside of it. */
const TEST_CASE = /<testcase name="([^"]*)"([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs;

/**
 * Count the tests of a JUnit report as `deno test` writes it. A step is listed beside its test, as
 * `TEST > STEP`, and is not counted; a test that a filter left out is listed without a time, and
 * is not counted either.
 */
export function countTests(junit: string): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of junit.split("<testsuite ").slice(1)) {
    const cases = [...suite.matchAll(TEST_CASE)];
    const names = new Set(cases.map(([, name]) => name));
    for (const [, name, attributes, body = ""] of cases) {
      const ran = attributes.includes(' time="');
      if (ran && !isStep(name, names)) tally[outcome(body)]++;
    }
  }
  return tally;
}

/** A name is a step's when what stands before one of its `>` is itself a test. */
function isStep(name: string, names: Set<string>): boolean {
  const parts = name.split(" &gt; ");
  return parts.some((_, i) => i > 0 && names.has(parts.slice(0, i).join(" &gt; ")));
}

function outcome(body: string): keyof Tally {
  if (/<(failure|error)\b/.test(body)) return "failed";
  return /<skipped\b/.test(body) ? "skipped" : "passed";
}

/** The closing line, such as `12 passed, 0 failed` or `12 passed, 0 failed, 3 skipped`. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
