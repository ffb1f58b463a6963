/**
 * Where notebooks and their sources lie.
 *
 * @module
 */
import { type Notebook, written } from "./document.ts";
import { ROOT } from "./kernel.ts";
import { type Cell, readSource } from "./source.ts";

const FOLDER = `${ROOT}notebooks`;
const SOURCE = /^(.+)\.nb\.ts$/;

/** Names of all notebooks, in order. */
export async function notebookNames(): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(`${FOLDER}/src`));
  return files.flatMap(({ name }) => SOURCE.exec(name)?.[1] ?? []).sort();
}

/** Cells of the source of this name. */
export async function sourceCells(name: string): Promise<Cell[]> {
  const file = `src/${name}.nb.ts`;
  const names = await notebookNames();
  if (names.includes(name)) return readSource(await Deno.readTextFile(`${FOLDER}/${file}`), file);
  throw new Error(`there is no notebooks/${file}; the names are: ${names.join(", ")}`);
}

/** The built notebook of this name. */
export async function readNotebook(name: string): Promise<Notebook> {
  try {
    return JSON.parse(await Deno.readTextFile(`${FOLDER}/${name}.ipynb`));
  } catch (error) {
    throw new Error(`cannot be read: build it with deno task notebook ${name}`, { cause: error });
  }
}

/** Put a built notebook in its place, whole or not at all. */
export async function writeNotebook(name: string, notebook: Notebook): Promise<void> {
  const text = written(notebook);
  if (text.includes(ROOT)) throw new Error(`an output shows the path of this folder, ${ROOT}`);
  const path = `${FOLDER}/${name}.ipynb`;
  await Deno.writeTextFile(`${path}.tmp`, text);
  await Deno.rename(`${path}.tmp`, path);
}
