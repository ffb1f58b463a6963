/**
 * Files that are whole or not there: text, JSON, and checkpoints of several files.
 * Idea   Write beside, then rename: a rename happens or does not, a write can stop in the middle.
 *        One file: a temporary one is synced and renamed over the old. Several: a folder of new
 *        ones in the target is synced and renamed, which commits them all; then they move out.
 * Maths  none. A checkpoint folder is in one of these states, all sound after `recoverFolder`:
 *          .checkpoint-writing-…   being written: the old files count, the next writer removes this
 *          .checkpoint-ready       committed: its files count, whoever comes next moves them on
 *          neither                 at rest: config.json, model.safetensors, … right in the folder
 * Axes   none
 * Differs from the paper: there is none. Differs from swapping two folders, the usual way: the
 *        folder never moves, so it may be a mount point, a link or the working directory, needs no
 *        write permission on its parent, and a stranger's file in it stays. Differs from a pointer
 *        to numbered folders: the files lie where Hugging Face's tools look. The price: from commit
 *        to last move, whoever does not call `recoverFolder` sees files of two checkpoints.
 * Trap   A rename may reach the disk before the bytes it names: without the syncs a power cut
 *        leaves an empty file under the final name. Killing the process alone never shows this.
 * @module
 */

/**
 * A file that cannot be read or written as asked: the message names it, says what is wrong and what
 * helps.
 */
export class FileError extends Error {
  /** The name errors of this class are printed with. */
  override name = "FileError";

  /** An error about `path`, which the message starts with. */
  constructor(readonly path: string, problem: string, options?: ErrorOptions) {
    // What came from a file must not steer the terminal.
    super(`${path}: ${problem}`.replace(/\p{Cc}/gu, "·"), options);
  }

  /**
   * Says in words what the system reported (`cause`) while this program tried to `attempt`
   * something with `path`.
   */
  static because(path: string, attempt: string, cause: unknown): FileError {
    if (cause instanceof FileError) return cause;
    const { name, code, message } = cause as { name?: string; code?: string; message?: string };
    const remedy = REMEDIES.find(([names]) => names.includes(code ?? name ?? ""))?.[1] ??
      message ?? String(cause);
    return new FileError(path, `cannot ${attempt}: ${remedy}`, { cause });
  }
}

const REMEDIES: readonly [names: readonly string[], remedy: string][] = [
  [["ENOSPC"], "the disk is full; free some space or choose another place"],
  [["EACCES", "EPERM"], "permission denied; change the permissions or choose another place"],
  [["EROFS"], "permission denied, the disk is read-only; choose another place"],
  [["NotCapable"], "permission denied; run Deno with --allow-read and --allow-write for this path"],
  [["ENOENT"], "no such file or folder; check the spelling, create a missing folder first"],
  [["EISDIR"], "it is a folder; choose a file in it, or another name"],
  [["ENOTEMPTY"], "another process is writing here; give each run a folder of its own"],
  [["ENOTDIR", "EEXIST"], "a file is where a folder should be; move it or choose another place"],
];

/**
 * What to write: text (as UTF-8), bytes, or bytes in parts, so that large content need not be
 * joined first.
 */
export type Content = string | Uint8Array | Iterable<Uint8Array>;

/**
 * Replaces the file `path` by `content`, or leaves it as it was: no reader ever sees half of it,
 * and a failure (full disk, no permission) removes the temporary file. A killed process may leave
 * `path.….tmp` behind.
 *
 * @throws {FileError} naming `path` and the remedy.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readText, writeAtomically } from "@lineage/lineage/core/training/files";
 * const path = `${await Deno.makeTempDir()}/vocab.txt`;
 * await writeAtomically(path, "[PAD]\n[UNK]\n");
 * assertEquals(await readText(path), "[PAD]\n[UNK]\n");
 * ```
 */
export async function writeAtomically(path: string, content: Content): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeAndSync(temporary, content);
    await Deno.rename(temporary, path);
    await syncFolder(path.replace(/[^/\\]+$/, "") || ".");
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw FileError.because(path, "write it", cause);
  }
}

const CONTENTS = "checkpoint.json";
const READY = ".checkpoint-ready";
const WRITING = ".checkpoint-writing-";
const DISCARDED = ".checkpoint-discarded-";
const FORMAT = "lineage-checkpoint";

/**
 * Replaces the files of the checkpoint in `folder` by `files` (name → content), all together:
 * whenever the process dies, `recoverFolder` finds all the old files or all the new ones. Old ones
 * with no successor go. What belongs to the checkpoint is listed in `folder/checkpoint.json`;
 * nothing else in the folder is ever touched. A folder is for one run at a time: if two write at
 * once, one may get an error, and the checkpoint stays whole.
 *
 * @throws {FileError} naming the file and the remedy: full disk, no permission, a name that is not
 * a plain file name, or a folder that holds files which no earlier call wrote.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readJSON, writeFolderAtomically } from "@lineage/lineage/core/training/files";
 * const folder = `${await Deno.makeTempDir()}/out`;
 * await writeFolderAtomically(folder, { "training.json": '{"step": 7}', "vocab.txt": "[PAD]\n" });
 * assertEquals(await readJSON(`${folder}/training.json`), { step: 7 });
 * ```
 */
export async function writeFolderAtomically(
  folder: string,
  files: Readonly<Record<string, Content>>,
): Promise<void> {
  const names = Object.keys(files);
  refuseOddNames(folder, names);
  const staging = `${folder}/${WRITING}${crypto.randomUUID()}`;
  let current = folder;
  try {
    await Deno.mkdir(folder, { recursive: true });
    await recoverFolder(folder);
    await refuseForeignFiles(folder, names);
    await discardLeftovers(folder);
    await Deno.mkdir(staging);
    const contents = JSON.stringify({ format: FORMAT, files: names }, null, 2) + "\n";
    for (const [name, content] of Object.entries({ ...files, [CONTENTS]: contents })) {
      current = `${folder}/${name}`;
      await writeAndSync(`${staging}/${name}`, content);
    }
    current = folder;
    await syncFolder(staging);
    await Deno.rename(staging, `${folder}/${READY}`);
    await syncFolder(folder);
  } catch (cause) {
    await discard(folder, staging).catch(() => {});
    throw FileError.because(current, "write it", cause);
  }
  await recoverFolder(folder);
}

/**
 * Brings the checkpoint in `folder` to rest if its writer was killed after the commit: moves the
 * committed files to their places. Call it before reading a checkpoint; it does nothing (and needs
 * no write permission) when there is nothing to finish, and it may itself be killed and called
 * again. While another process writes, wait for it: files that are read one after another may then
 * be of two checkpoints.
 *
 * @throws {FileError} naming the folder and the remedy, when files cannot be moved.
 *
 * @example
 * ```ts
 * import { recoverFolder } from "@lineage/lineage/core/training/files";
 * await recoverFolder(await Deno.makeTempDir()); // at rest: nothing happens
 * ```
 */
export async function recoverFolder(folder: string): Promise<void> {
  const ready = `${folder}/${READY}`;
  try {
    if (!await ifThere(Deno.lstat(ready))) return;
    const committed = await listedFiles(ready);
    if (committed) {
      const before = await listedFiles(folder) ?? [];
      const stale = before.filter((name) => !committed.includes(name));
      for (const name of stale) await ifThere(Deno.remove(`${folder}/${name}`));
      // The list moves last: while it is here, a recovery that was cut short starts over.
      for (const name of [...committed, CONTENTS]) {
        await ifThere(Deno.rename(`${ready}/${name}`, `${folder}/${name}`));
      }
      await syncFolder(folder);
    }
    await ifThere(Deno.remove(ready));
  } catch (cause) {
    throw FileError.because(folder, "finish the checkpoint of an interrupted run here", cause);
  }
}

/**
 * The text of a UTF-8 file, without a byte order mark.
 *
 * @throws {FileError} when the file is missing or unreadable, or is not UTF-8: then with the offset
 * of the first wrong byte.
 *
 * @example
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { FileError, readText } from "@lineage/lineage/core/training/files";
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, Uint8Array.of(0x6f, 0x6b, 0xff));
 * await assertRejects(() => readText(path), FileError, "byte 2");
 * ```
 */
export async function readText(path: string, what = "this file"): Promise<string> {
  const bytes = await Deno.readFile(path).catch((cause) => {
    throw FileError.because(path, `read ${what}`, cause);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const offset = firstInvalidByte(bytes);
    const byte = bytes[offset].toString(16).padStart(2, "0");
    const problem =
      `is not UTF-8: byte ${offset} (0x${byte}) starts no character; save ${what} as UTF-8`;
    throw new FileError(path, problem, { cause });
  }
}

/**
 * The value in a JSON file; `what` says in errors what the file is for.
 *
 * @throws {FileError} when the file is missing, unreadable, not UTF-8 or not JSON.
 *
 * @example
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { FileError, readJSON } from "@lineage/lineage/core/training/files";
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, '{"hidden_size": 768,}');
 * await assertRejects(() => readJSON(path, "the model's sizes"), FileError, "the model's sizes");
 * ```
 */
export async function readJSON(path: string, what = "this file"): Promise<unknown> {
  const text = await readText(path, what);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const problem = `is not valid JSON (${(cause as Error).message}); mend or replace ${what}`;
    throw new FileError(path, problem, { cause });
  }
}

async function writeAndSync(path: string, content: Content): Promise<void> {
  const parts = typeof content === "string"
    ? [new TextEncoder().encode(content)]
    : content instanceof Uint8Array
    ? [content]
    : content;
  using file = await Deno.open(path, { write: true, createNew: true });
  for (const part of parts) {
    for (let written = 0; written < part.length;) {
      written += await file.write(part.subarray(written));
    }
  }
  await file.sync();
}

/**
 * Makes renames in `folder` survive a power cut; systems that cannot open a folder (Windows) do so
 * on their own.
 */
async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // Some systems (Windows) open no folder, and some users may write but not read here.
  }
}

/**
 * Waits for an operation; that its file is gone means that another process was quicker, or an
 * earlier attempt.
 */
async function ifThere<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cause;
  }
}

const isPlainName = (name: unknown): name is string =>
  typeof name === "string" && /^[^./\\:][^/\\:]*$/.test(name) && name !== CONTENTS;

/** The files that `folder/checkpoint.json` lists; undefined when there is no such list of ours. */
async function listedFiles(folder: string): Promise<string[] | undefined> {
  const text = await ifThere(Deno.readTextFile(`${folder}/${CONTENTS}`));
  try {
    const { format, files } = JSON.parse(text ?? "{}");
    // A list from elsewhere could name ../anything, and stale files are removed.
    return format === FORMAT && files.every(isPlainName) ? files : undefined;
  } catch {
    return undefined;
  }
}

function refuseOddNames(folder: string, names: readonly string[]): void {
  const odd = names.find((name) => !isPlainName(name));
  if (odd === undefined) return;
  const problem = `"${odd}" cannot be a file of a checkpoint; use a plain name like config.json`;
  throw new FileError(folder, `${problem} (no folders, no leading dot, not ${CONTENTS})`);
}

async function refuseForeignFiles(folder: string, names: readonly string[]): Promise<void> {
  const ours = await listedFiles(folder);
  const foreign: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(WRITING) || name.startsWith(DISCARDED)) continue;
    if (ours ? names.includes(name) && !ours.includes(name) : true) foreign.push(name);
  }
  if (foreign.length === 0) return;
  const shown = foreign.sort().slice(0, 3).join(", ") + (foreign.length > 3 ? ", …" : "");
  const problem = `holds ${shown}, not written by an earlier checkpoint; nothing was touched`;
  throw new FileError(
    folder,
    `${problem}. Choose an empty or new folder, or move these files away`,
  );
}

async function discardLeftovers(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(WRITING) || name.startsWith(DISCARDED)) {
      await discard(folder, `${folder}/${name}`);
    }
  }
}

/**
 * Removes a staging folder. Renamed first, so that no writer can commit it when half of it is gone.
 */
async function discard(folder: string, staging: string): Promise<void> {
  const discarded = `${folder}/${DISCARDED}${crypto.randomUUID()}`;
  await ifThere(Deno.rename(staging, discarded));
  await ifThere(Deno.remove(discarded, { recursive: true }));
}

/**
 * Where the first wrong UTF-8 sequence starts: after all that the longest decodable prefix holds.
 */
function firstInvalidByte(bytes: Uint8Array): number {
  const decode = (length: number) =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes.subarray(0, length), { stream: true });
  let good = 0;
  for (let bad = bytes.length + 1; bad - good > 1;) {
    const middle = (good + bad) >> 1;
    try {
      decode(middle);
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return new TextEncoder().encode(decode(good)).length;
}
