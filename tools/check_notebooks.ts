/**
 * Check notebooks: is each one built from its source as it is now, and does it still run in the
 * kernel without an error and without losing an output?
 *
 *     deno run -A tools/check_notebooks.ts [--quick] [NAME ...]
 *
 * `--quick` compares only source and notebook, and executes nothing.
 */
import { lostOutputs, outOfStep } from "./notebooks/compare.ts";
import { notebookNames, readNotebook, sourceCells } from "./notebooks/files.ts";
import { execute } from "./notebooks/kernel.ts";

const quick = Deno.args.includes("--quick");
const named = Deno.args.filter((arg) => !arg.startsWith("--"));
const names = named.length > 0 ? named : await notebookNames();

/** What is wrong with one notebook; nothing when all is well. */
async function findings(name: string): Promise<string[]> {
  const cells = await sourceCells(name);
  const committed = await readNotebook(name);
  const differences = outOfStep(cells, committed);
  if (differences.length > 0) {
    return [...differences, `build it again: deno task notebook ${name}`];
  }
  return quick ? [] : lostOutputs(committed, await execute(committed));
}

/** Two at a time: while one notebook waits for its kernel or builds graphs, the other computes. */
const atOnce = quick ? 1 : 2;

let failed = 0;
const waiting = [...names];
async function checkAll(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const start = performance.now();
    const found = await findings(name).catch((error: Error) => [error.message]);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name} ... ${found.length === 0 ? "ok" : "FAILED"} (${seconds} s)`);
    for (const line of found) console.log(`  ${line.replaceAll("\n", "\n  ")}`);
    if (found.length > 0) failed++;
  }
}
await Promise.all(Array.from({ length: atOnce }, checkAll));
console.log(`${names.length} notebooks, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);
