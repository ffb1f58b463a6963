/**
 * Notebooks in Jupyter's file format (nbformat 4.5), with nothing in them that changes from one
 * build to the next.
 *
 * @module
 */
import type { Cell } from "./source.ts";

/** One output of a code cell. */
export interface Output {
  /** `stream`, `display_data`, `execute_result` or `error`. */
  output_type: string;
  /** Contents by media type. */
  data?: Record<string, string | string[]>;
  /** Of a stream: standard output or error. */
  name?: string;
  /** Of an error: its class and message. */
  ename?: string;
  /** Of an error: its message. */
  evalue?: string;
}

/** A cell as the file has it. */
export interface NotebookCell {
  /** Unique in the notebook, and the same as long as the cell is the same. */
  id: string;
  /** Words or code. */
  cell_type: "markdown" | "code";
  /** Nothing. */
  metadata: Record<string, never>;
  /** Lines with their line ends. */
  source: string | string[];
  /** Of code: what it showed. */
  outputs?: Output[];
  /** Of code: its place in the order of execution. */
  execution_count?: number | null;
}

/** A notebook as the file has it. */
export interface Notebook {
  /** All cells in order. */
  cells: NotebookCell[];
  /** The kernel, and the language of the cells. */
  metadata: Record<string, unknown>;
  /** Version of the format. */
  nbformat: 4;
  /** Revision of the format. */
  nbformat_minor: 5;
}

/** A notebook that has not been executed. */
export async function documentOf(cells: Cell[]): Promise<Notebook> {
  const used = new Map<string, number>();
  const documents: NotebookCell[] = [];
  for (const { kind, text } of cells) {
    const digest = await fingerprint(`${kind}\n${text}`);
    const copies = used.get(digest) ?? 0;
    used.set(digest, copies + 1);
    documents.push({
      id: copies === 0 ? digest : `${digest}-${copies}`,
      cell_type: kind,
      metadata: {},
      source: text.split(/(?<=\n)/),
      ...(kind === "code" ? { outputs: [], execution_count: null } : {}),
    });
  }
  return { cells: documents, metadata: METADATA, nbformat: 4, nbformat_minor: 5 };
}

const METADATA = {
  kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
  language_info: {
    file_extension: ".ts",
    mimetype: "text/x.typescript",
    name: "typescript",
    nbconvert_exporter: "script",
    pygments_lexer: "typescript",
  },
};

/** An executed notebook as it is committed: the built one's cells with the executed one's outputs. */
export function withOutputs(built: Notebook, executed: Notebook): Notebook {
  const cells = built.cells.map((cell, i) => {
    if (cell.cell_type === "markdown") return cell;
    const { outputs, execution_count } = executed.cells[i];
    return { ...cell, outputs, execution_count };
  });
  return { ...built, cells };
}

/** The text of the file. */
export function written(notebook: Notebook): string {
  return JSON.stringify(notebook, null, 1) + "\n";
}

/** The text of a cell, or of an output's contents. */
export function joined(text: string | string[]): string {
  return typeof text === "string" ? text : text.join("");
}

async function fingerprint(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(bytes).toHex().slice(0, 12);
}
