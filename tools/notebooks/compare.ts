/**
 * Is a committed notebook what its source says, and does it still show what it showed?
 *
 * @module
 */
import { joined, type Notebook, type NotebookCell, type Output } from "./document.ts";
import type { Cell } from "./source.ts";

/** What differs between a source and the notebook built from it; nothing when they agree. */
export function outOfStep(cells: Cell[], notebook: Notebook): string[] {
  if (cells.length !== notebook.cells.length) {
    return [`the source has ${cells.length} cells, the notebook ${notebook.cells.length}`];
  }
  return notebook.cells.flatMap((cell, i) => {
    const same = cell.cell_type === cells[i].kind && joined(cell.source) === cells[i].text;
    return same ? [] : [`cell ${i + 1} differs: ${firstLine(cells[i].text)}`];
  });
}

/** Which outputs a new execution has lost, and which errors it has met. */
export function lostOutputs(before: Notebook, after: Notebook): string[] {
  return before.cells.flatMap((cell, i) => {
    const kinds = kindsOf(after.cells[i]);
    const lost = [...kindsOf(cell)].filter((kind) => !kinds.has(kind));
    const failed = (after.cells[i].outputs ?? []).filter((one) => one.output_type === "error");
    const where = `cell ${i + 1} (${firstLine(joined(cell.source))})`;
    return [
      ...lost.map((kind) => `${where} shows no ${kind} any more`),
      ...failed.map((error) => `${where} fails: ${error.ename}: ${error.evalue}`),
    ];
  });
}

function kindsOf(cell: NotebookCell): Set<string> {
  return new Set((cell.outputs ?? []).flatMap(kindsOfOutput));
}

function kindsOfOutput({ output_type, data, name }: Output): string[] {
  return data ? Object.keys(data) : [name ?? output_type];
}

function firstLine(text: string): string {
  return text.split("\n")[0].slice(0, 60);
}
