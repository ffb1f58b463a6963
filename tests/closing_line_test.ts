/** The closing line of a test run counts tests as `deno test` does. */
import { assertEquals } from "@std/assert";
import { closingLine, countTests } from "../tools/junit.ts";

const report = (...cases: string[]) =>
  `<testsuites name="deno test"><testsuite name="./a_test.ts" tests="9">${
    cases.join("\n")
  }</testsuite></testsuites>`;
const passed = (name: string) => `<testcase name="${name}" time="0.001" line="1">\n</testcase>`;
const failed = (name: string) =>
  `<testcase name="${name}" time="0.001"><failure message="x">at &lt;/testcase&gt;</failure></testcase>`;
const ignored = (name: string) => `<testcase name="${name}" time="0.000"><skipped/></testcase>`;
const filtered = (name: string) => `<testcase name="${name}" line="3"><skipped/></testcase>`;

Deno.test("passed, failed and ignored tests are counted apart", () => {
  const tally = countTests(report(passed("a"), failed("b"), ignored("c"), passed("d")));
  assertEquals(tally, { passed: 2, failed: 1, skipped: 1 });
});

Deno.test("steps of a test are not tests", () => {
  const tally = countTests(
    report(failed("a"), passed("a &gt; one"), failed("a &gt; two &gt; deep"), passed("b")),
  );
  assertEquals(tally, { passed: 1, failed: 1, skipped: 0 });
});

Deno.test("a test may have an arrow in its name", () => {
  const tally = countTests(report(passed("x &gt; y"), passed("x &gt; y &gt; a step")));
  assertEquals(tally, { passed: 1, failed: 0, skipped: 0 });
});

Deno.test("steps are looked for in their own file", () => {
  const tally = countTests(report(passed("a")) + report(passed("a &gt; b")));
  assertEquals(tally, { passed: 2, failed: 0, skipped: 0 });
});

Deno.test("tests left out by a filter are not skipped tests", () => {
  const tally = countTests(report(passed("a"), filtered("b")));
  assertEquals(tally, { passed: 1, failed: 0, skipped: 0 });
});

Deno.test("the line names skipped tests only when there are some", () => {
  assertEquals(closingLine({ passed: 12, failed: 0, skipped: 0 }), "12 passed, 0 failed");
  assertEquals(
    closingLine({ passed: 12, failed: 0, skipped: 3 }),
    "12 passed, 0 failed, 3 skipped",
  );
});

Deno.test("an empty report counts nothing", () => {
  assertEquals(countTests(""), { passed: 0, failed: 0, skipped: 0 });
});
