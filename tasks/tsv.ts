/**
 * Labelled texts from a file of tab-separated values: a label and a text, or a pair, in each line.
 *
 * Idea   `label<TAB>text` or `label<TAB>first<TAB>second`, as most collections can be exported. What is
 *        wrong is told with the number of its line.
 * Maths  none.
 * Axes   none
 * Differs from the paper: there is none. Differs from a spreadsheet's files: there is no line of headings, and
 *        quotation marks are part of the text.
 * @module
 */
import type { TextInput } from "../core/text/batch.ts";
import { FileError, readText } from "../core/training/files.ts";

/** A text or a pair, and its class. */
export interface Labelled {
  /** What is to be classified. */
  readonly text: TextInput;
  /** The name of its class. */
  readonly label: string;
}

/**
 * The labelled texts of a file. Where `known` is given, no other label may occur.
 *
 * @throws {FileError} with file and line: too few columns, too many, an empty one, a label that is not
 * known; and where the file is empty, missing or not UTF-8.
 *
 * @example
 * ```ts
 * import { readTSV } from "@lineage/lineage/tasks/tsv";
 * import { FileError } from "@lineage/lineage/core/training/files";
 * import { assertEquals, assertRejects } from "@std/assert";
 * const path = await Deno.makeTempFile({ suffix: ".tsv" });
 * await Deno.writeTextFile(path, "good\tA fine boat.\nbad\tIt sank.\n");
 * assertEquals((await readTSV(path))[1], { label: "bad", text: "It sank." });
 * await assertRejects(() => readTSV(path, ["good"]), FileError, "line 2");
 * ```
 */
export async function readTSV(path: string, known?: readonly string[]): Promise<Labelled[]> {
  const lines = (await readText(path, "the labelled texts")).split(/\r?\n/);
  const found: Labelled[] = [];
  let columns = 0;
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const cells = line.split("\t").map((cell) => cell.trim());
    columns ||= cells.length;
    const problem = problemOf(cells, columns) ?? unseen(cells[0], known);
    if (problem) throw new FileError(path, `line ${i + 1}: ${problem}`);
    const [label, first, second] = cells;
    found.push({ label, text: second === undefined ? first : [first, second] });
  }
  if (found.length > 0) return found;
  throw new FileError(path, "is empty; write label, tab, text in each line");
}

function problemOf(cells: readonly string[], columns: number): string | undefined {
  const form = "a line is label, tab, text, or label, tab, text, tab, text";
  if (cells.length < 2) return `1 column, ${JSON.stringify(cells[0].slice(0, 40))}; ${form}`;
  if (cells.length > 3) return `${cells.length} columns; ${form}`;
  const empty = cells.indexOf("");
  if (empty >= 0) return `column ${empty + 1} is empty; ${form}`;
  if (cells.length === columns) return undefined;
  return `${cells.length} columns, and ${columns} in the lines before; ${form}`;
}

/**
 * What is wrong with a label that training has not seen, in words; undefined where nothing is.
 *
 * @example
 * ```ts
 * import { unseen } from "@lineage/lineage/tasks/tsv";
 * import { assertEquals, assertStringIncludes } from "@std/assert";
 * assertEquals(unseen("good", ["bad", "good"]), undefined);
 * assertStringIncludes(unseen("fair", ["bad", "good"])!, '"fair" does not occur');
 * ```
 */
export function unseen(label: string, known?: readonly string[]): string | undefined {
  if (!known || known.includes(label)) return undefined;
  return `the label "${label}" does not occur in the training file, which has ${
    known.join(", ")
  }; correct it, or add examples of it there`;
}

/**
 * The labels that occur, in alphabetical order.
 *
 * @throws {RangeError} where there are fewer than two: then there is nothing to learn.
 *
 * @example
 * ```ts
 * import { labelsOf } from "@lineage/lineage/tasks/tsv";
 * import { assertEquals } from "@std/assert";
 * assertEquals(labelsOf(["good", "bad", "good"]), ["bad", "good"]);
 * ```
 */
export function labelsOf(labels: readonly string[]): string[] {
  const found = [...new Set(labels)].sort();
  if (found.length > 1) return found;
  throw new RangeError(`every label is "${found[0]}"; to learn, there must be two or more`);
}
