/**
 * Build notebooks: read `notebooks/src/NAME.nb.ts`, execute it in the Deno kernel, and write
 * `notebooks/NAME.ipynb` with all outputs.
 *
 *     deno run -A tools/build_notebook.ts NAME ... | --all
 */
import { documentOf, withOutputs } from "./notebooks/document.ts";
import { notebookNames, sourceCells, writeNotebook } from "./notebooks/files.ts";
import { execute } from "./notebooks/kernel.ts";

const names = Deno.args.includes("--all") ? await notebookNames() : Deno.args;
if (names.length === 0) {
  console.error("usage: deno run -A tools/build_notebook.ts NAME ... | --all");
  Deno.exit(2);
}

for (const name of names) {
  const start = performance.now();
  try {
    const notebook = await documentOf(await sourceCells(name));
    await writeNotebook(name, withOutputs(notebook, await execute(notebook)));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name}: ${notebook.cells.length} cells, ${seconds} s`);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    Deno.exitCode = 1;
  }
}
