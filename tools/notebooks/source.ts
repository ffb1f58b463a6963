/**
 * The source of a notebook: a TypeScript module whose cells begin with a marker.
 *
 *     // %% [markdown]
 *     // # A heading
 *     //
 *     // Words.
 *
 *     // %%
 *     const answer = 42;
 *
 * As a module it is checked, linted, formatted and run like any other.
 *
 * @module
 */

/** One cell of a notebook. */
export interface Cell {
  /** Words or code. */
  kind: "markdown" | "code";
  /** What stands in the cell, without markers. */
  text: string;
}

const MARKER = /^\/\/ %%(.*)$/;

/**
 * Read the cells of a source file.
 *
 * @throws {SyntaxError} When a marker is unknown, code stands before the first marker or in a
 * markdown cell, or a cell is empty; the message names file and line.
 */
export function readSource(source: string, file: string): Cell[] {
  const cells: { kind: Cell["kind"]; lines: string[]; start: number }[] = [];
  source.split("\n").forEach((line, i) => {
    const where = `${file}:${i + 1}`;
    const marker = MARKER.exec(line);
    if (marker) cells.push({ kind: kindOf(marker[1].trim(), where), lines: [], start: i + 1 });
    else if (cells.length > 0) cells.at(-1)!.lines.push(contents(line, cells.at(-1)!.kind, where));
    else if (line.trim() !== "") fail(where, "stands before the first cell: begin with // %%");
  });
  return cells.map(({ kind, lines, start }) => {
    const text = lines.join("\n").replace(/^\n+/, "").trimEnd();
    if (text === "") fail(`${file}:${start}`, "begins an empty cell: fill it or remove its marker");
    return { kind, text };
  });
}

function kindOf(marker: string, where: string): Cell["kind"] {
  if (marker === "") return "code";
  if (marker === "[markdown]") return "markdown";
  fail(where, `has an unknown cell marker "${marker}": use // %% or // %% [markdown]`);
}

/** A line of markdown loses its comment sign. */
function contents(line: string, kind: Cell["kind"], where: string): string {
  if (kind === "code" || line.trim() === "") return line;
  const words = /^\/\/ ?(.*)$/.exec(line);
  return words ? words[1] : fail(where, "is code in a markdown cell: begin a code cell with // %%");
}

function fail(where: string, what: string): never {
  throw new SyntaxError(`${where} ${what}`);
}
