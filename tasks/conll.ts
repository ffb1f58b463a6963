/**
 * Tagged sentences as CoNLL's shared tasks wrote them — Tjong Kim Sang & De Meulder 2003 (cs/0306050).
 *
 * Idea   A word a line, its tag in the last column, an empty line after each sentence. Whatever stands
 *        between word and tag is passed over, so files of the shared tasks can be read as they are.
 * Maths  none.
 * Axes   none
 * Differs from the paper: columns may be separated by tabs or by spaces; where there is a tab, a word
 *        may have spaces in it. Lines with -DOCSTART- are passed over.
 * @module
 */
import { FileError, readText } from "../core/training/files.ts";
import { unseen } from "./tsv.ts";

/** A sentence and a tag for each of its words. */
export interface Tagged {
  /** The words, punctuation marks among them. */
  readonly words: readonly string[];
  /** As many tags; none where they are to be found. */
  readonly tags: readonly string[];
}

/**
 * The sentences of a file. Where `known` is given, no other tag may occur.
 *
 * @throws {FileError} with file and line: a word without a tag, a line with another number of columns, a
 * tag that is not known; and where the file has no sentence, is missing or not UTF-8.
 *
 * @example
 * ```ts
 * import { readCoNLL } from "@lineage/lineage/tasks/conll";
 * import { assertEquals } from "@std/assert";
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "Mara NNP B-PER\nslept VBD O\n\nYes UH O\n");
 * const [first] = await readCoNLL(path);
 * assertEquals(first, { words: ["Mara", "slept"], tags: ["B-PER", "O"] });
 * ```
 */
export async function readCoNLL(path: string, known?: readonly string[]): Promise<Tagged[]> {
  const lines = (await readText(path, "the tagged sentences")).split(/\r?\n/);
  const found: { words: string[]; tags: string[] }[] = [];
  let columns = 0, open = false;
  for (const [i, line] of lines.entries()) {
    const between = line.trim() === "" || line.startsWith("-DOCSTART-");
    if (between) open = false;
    if (between) continue;
    const cells = line.trim().split(line.includes("\t") ? "\t" : / +/);
    columns ||= cells.length;
    const problem = problemOf(cells, columns) ?? unseen(cells.at(-1)!, known);
    if (problem) throw new FileError(path, `line ${i + 1}: ${problem}`);
    if (!open) found.push({ words: [], tags: [] });
    open = true;
    found.at(-1)!.words.push(cells[0]);
    found.at(-1)!.tags.push(cells.at(-1)!);
  }
  if (found.length > 0) return found;
  throw new FileError(path, "has no sentence; write a word and its tag in each line");
}

function problemOf(cells: readonly string[], columns: number): string | undefined {
  const form = "a line is a word, perhaps more columns, and a tag";
  if (cells.length < 2) return `the word "${cells[0]}" has no tag; ${form}`;
  if (cells.includes("")) return `column ${cells.indexOf("") + 1} is empty; ${form}`;
  if (cells.length === columns) return undefined;
  return `${cells.length} columns, and ${columns} in the lines before; ${form}`;
}
