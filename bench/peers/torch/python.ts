/**
 * A Python program beside this folder, given the numbers of a workload in one file.
 *
 * @module
 */
import type { Weight } from "../../workloads/weight.ts";
import { fileURLToPath as fromFileUrl } from "node:url";

/** Arrays by name, as the program reads them: the bytes one after another, and where each lies. */
type Arrays = Record<string, Weight | { shape: number[]; values: Int32Array<ArrayBuffer> }>;

/** Run `program` with settings and arrays; the JSON that it prints. */
export async function python<Result>(
  program: string,
  settings: Record<string, unknown>,
  arrays: Arrays,
): Promise<Result> {
  const folder = await Deno.makeTempDir({ prefix: "lineage-bench-" });
  try {
    const entries = Object.entries(arrays).map(([name, { shape, values }]) => {
      const kind = values instanceof Int32Array ? "int32" : "float32";
      return { name, shape, kind, elements: values.length };
    });
    using file = await Deno.open(`${folder}/arrays`, { write: true, create: true });
    for (const { values } of Object.values(arrays)) {
      await write(file, new Uint8Array(values.buffer));
    }
    const threads = navigator.hardwareConcurrency;
    const about = JSON.stringify({ settings: { ...settings, threads }, arrays: entries });
    await Deno.writeTextFile(`${folder}/about.json`, about);
    const { code, stdout, stderr } = await new Deno.Command(Deno.env.get("PYTHON") ?? "python3", {
      args: [fromFileUrl(new URL(program, import.meta.url)), folder],
      env: { OMP_WAIT_POLICY: "passive" }, // else its two thread pools keep each other from running
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(decoder.decode(stderr).trim().split("\n").at(-1));
    return JSON.parse(decoder.decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function write(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
