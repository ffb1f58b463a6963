/**
 * Execute a notebook in Deno's own Jupyter kernel.
 *
 * The kernel is this very Deno. It is registered in a temporary folder, so nothing is installed.
 * Jupyter's side is Debian's `python3-nbclient` and `jupyter-client`.
 *
 * @module
 */
import type { Notebook } from "./document.ts";
import { written } from "./document.ts";

/** Root folder of the repository: notebooks run here, so that imports by name resolve. */
export const ROOT: string = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/**
 * Run all cells and return the notebook with what they showed.
 *
 * @throws {Error} With the cell and its error when one fails, or when Jupyter is not installed.
 */
export async function execute(notebook: Notebook): Promise<Notebook> {
  const folder = await Deno.makeTempDir({ prefix: "notebook-" });
  try {
    await registerKernel(folder);
    await Deno.writeTextFile(`${folder}/in.ipynb`, written(notebook));
    const { success, stderr } = await new Deno.Command(await python(), {
      args: [`${ROOT}tools/execute_notebook.py`, `${folder}/in.ipynb`, `${folder}/out.ipynb`],
      cwd: ROOT,
      env: {
        JUPYTER_PATH: folder,
        XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? folder,
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
    return JSON.parse(await Deno.readTextFile(`${folder}/out.ipynb`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function registerKernel(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/kernels/deno`, { recursive: true });
  const kernel = {
    argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
    display_name: "Deno",
    language: "typescript",
  };
  await Deno.writeTextFile(`${folder}/kernels/deno/kernel.json`, JSON.stringify(kernel));
}

/** The first Python that has Jupyter's client: the one on the path, or the system's. */
async function python(): Promise<string> {
  for (const command of ["python3", "/usr/bin/python3"]) {
    try {
      const args = ["-c", "import nbclient, nbformat"];
      const options = { args, stdout: "null", stderr: "null" } as const;
      if ((await new Deno.Command(command, options).output()).success) return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(
    "no Python with Jupyter's client: apt-get install python3-nbclient jupyter-client, " +
      "or pip install nbclient ipykernel",
  );
}
