/** Notebooks: reading their source, building the file, comparing two executions. */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { lostOutputs, outOfStep } from "../tools/notebooks/compare.ts";
import { documentOf, joined, type Output, withOutputs } from "../tools/notebooks/document.ts";
import { readSource } from "../tools/notebooks/source.ts";

const SOURCE = `// %% [markdown]
// # Attention
//
// Words, and code:
//     indented

// %%
import { x } from "y";

x; // %% is no marker here

// %%
x + 1;
`;

const CELLS = readSource(SOURCE, "a.nb.ts");

const shown = (...outputs: Output[]) => withCode(outputs, []);

async function withCode(...outputs: Output[][]) {
  const notebook = await documentOf(CELLS);
  const cells = notebook.cells.filter((cell) => cell.cell_type === "code");
  cells.forEach((cell, i) => cell.outputs = outputs[i]);
  return notebook;
}

Deno.test("a source is read cell by cell, without comment signs in markdown", () => {
  assertEquals(CELLS, [
    { kind: "markdown", text: "# Attention\n\nWords, and code:\n    indented" },
    { kind: "code", text: 'import { x } from "y";\n\nx; // %% is no marker here' },
    { kind: "code", text: "x + 1;" },
  ]);
});

Deno.test("a faulty source is refused with its line", () => {
  const refused = (source: string, message: string) =>
    assertThrows(() => readSource(source, "a.nb.ts"), SyntaxError, message);
  refused("let a;\n// %%\na;", "a.nb.ts:1 stands before the first cell");
  refused("\n// %% [md]\n// a", 'a.nb.ts:2 has an unknown cell marker "[md]"');
  refused("// %% [markdown]\n// a\nlet a;", "a.nb.ts:3 is code in a markdown cell");
  refused("// %%\na;\n// %%\n\n", "a.nb.ts:3 begins an empty cell");
});

Deno.test("cells keep their id when others come before them, and twins have two", async () => {
  const code = (text: string) => ({ kind: "code" as const, text });
  const before = await documentOf([code("a;"), code("b;")]);
  const after = await documentOf([code("new;"), code("a;"), code("b;"), code("a;")]);
  assertEquals(after.cells.slice(1, 3).map((cell) => cell.id), before.cells.map((cell) => cell.id));
  assertNotEquals(after.cells[3].id, after.cells[1].id);
});

Deno.test("lines of a cell keep their ends, so that joining them gives the cell", async () => {
  const { cells } = await documentOf(CELLS);
  assertEquals(cells[0].source, ["# Attention\n", "\n", "Words, and code:\n", "    indented"]);
  assertEquals(cells.map((cell) => joined(cell.source)), CELLS.map((cell) => cell.text));
});

Deno.test("a built notebook takes outputs from the execution, and nothing else", async () => {
  const executed = await shown({ output_type: "stream", name: "stdout" });
  executed.metadata = { version: "changes" };
  const built = withOutputs(await documentOf(CELLS), executed);
  assertEquals(built.cells[1].outputs, [{ output_type: "stream", name: "stdout" }]);
  assertEquals(Object.keys(built.metadata), ["kernelspec", "language_info"]);
});

Deno.test("a notebook that is out of step with its source is noticed", async () => {
  const notebook = await documentOf(CELLS);
  assertEquals(outOfStep(CELLS, notebook), []);
  assertEquals(outOfStep(CELLS.slice(1), notebook).length, 1);
  const edited = CELLS.with(2, { kind: "code", text: "x + 2;" });
  assertEquals(outOfStep(edited, notebook), ["cell 3 differs: x + 2;"]);
  const retyped = CELLS.with(2, { kind: "markdown", text: "x + 1;" });
  assertEquals(outOfStep(retyped, notebook).length, 1);
});

Deno.test("a lost output is noticed, a changed or added one is not", async () => {
  const picture = { output_type: "display_data", data: { "text/html": "a", "text/plain": "a" } };
  const other = { output_type: "display_data", data: { "text/html": "b", "text/plain": "b" } };
  const printed = { output_type: "stream", name: "stdout" };
  assertEquals(lostOutputs(await shown(picture), await shown(other, printed)), []);
  assertEquals(lostOutputs(await shown(picture, printed), await shown(picture)), [
    'cell 2 (import { x } from "y";) shows no stdout any more',
  ]);
  assertEquals(lostOutputs(await shown(picture), await withCode([], [picture])).length, 2);
});

Deno.test("an error in a new execution is noticed", async () => {
  const error = { output_type: "error", ename: "RangeError", evalue: "axis T" };
  const before = await withCode([], []);
  assertEquals(lostOutputs(before, await withCode([], [error])), [
    "cell 3 (x + 1;) fails: RangeError: axis T",
  ]);
});
