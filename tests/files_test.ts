import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Content,
  FileError,
  readJSON,
  readText,
  recoverFolder,
  writeAtomically,
  writeFolderAtomically,
} from "../core/training/files.ts";

const MODULE = new URL("../core/training/files.ts", import.meta.url).href;

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function list(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}

/** The files in the folder as text, without their list and without what a killed writer left. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const names = (await list(folder)).filter((n) => !n.startsWith(".") && n !== "checkpoint.json");
  const texts = names.map(async (name) => [name, await Deno.readTextFile(`${folder}/${name}`)]);
  return Object.fromEntries(await Promise.all(texts));
}

/** Content whose second part the system refuses with `code`. */
function* failingWith(code: string): Generator<Uint8Array> {
  yield new Uint8Array(1000);
  throw Object.assign(new Error("from the system"), { code });
}

const TOO_LARGE_WRITER = `
  import { writeAtomically, writeFolderAtomically } from ${JSON.stringify(MODULE)};
  const [folder] = Deno.args;
  const big = new Uint8Array(100_000);
  const show = (error) => console.log(error.message);
  await writeAtomically(folder + "/file", big).catch(show);
  await writeFolderAtomically(folder + "/out", { "config.json": "new", model: big }).catch(show);`;

/** Runs a program in a Deno of its own that may write some kilobytes to a file, and no more. */
async function runWithFileLimit(program: string, folder: string): Promise<string> {
  const script = `trap "" XFSZ; ulimit -f 8; exec "$0" eval "$1" "$2"`;
  const args = ["-c", script, Deno.execPath(), program, folder];
  const { stdout, stderr } = await new Deno.Command("bash", { args }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("writeAtomically() writes text, bytes and parts, and replaces what was there", () =>
  withFolder(async (folder) => {
    const path = `${folder}/file`;
    const contents: Content[] = ["Zürich", new Uint8Array([0x6f, 0x6b]), [
      new Uint8Array([0x61]),
      new Uint8Array(),
      new Uint8Array([0x62]),
    ]];
    for (const [i, text] of ["Zürich", "ok", "ab"].entries()) {
      await writeAtomically(path, contents[i]);
      assertEquals(await Deno.readTextFile(path), text);
    }
    assertEquals(await list(folder), ["file"]);
  }));

Deno.test("writeAtomically() leaves the old file and no temporary one when the disk is full", () =>
  withFolder(async (folder) => {
    const path = `${folder}/file`;
    await writeAtomically(path, "old");
    const error = await assertRejects(
      () => writeAtomically(path, failingWith("ENOSPC")),
      FileError,
      "the disk is full",
    );
    assert(error.message.startsWith(path));
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(await list(folder), ["file"]);
  }));

Deno.test("a write that the system itself cuts short loses nothing", () =>
  withFolder(async (folder) => {
    await writeAtomically(`${folder}/file`, "old");
    await writeFolderAtomically(`${folder}/out`, { "config.json": "old" });
    const output = await runWithFileLimit(TOO_LARGE_WRITER, folder);
    const limit = "cannot write it: File too large";
    assert(output.includes(`${folder}/file: ${limit}`), output);
    assert(output.includes(`${folder}/out/model: ${limit}`), output);
    assertEquals(await Deno.readTextFile(`${folder}/file`), "old");
    assertEquals(await list(folder), ["file", "out"]);
    assertEquals(await list(`${folder}/out`), ["checkpoint.json", "config.json"]);
    assertEquals(await snapshot(`${folder}/out`), { "config.json": "old" });
  }));

Deno.test("writeAtomically() says which folder is missing, or what is in the way", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/taken`);
    await Deno.writeTextFile(`${folder}/file`, "old");
    const write = (name: string) => () => writeAtomically(`${folder}/${name}`, "x");
    await assertRejects(write("missing/file"), FileError, "missing/file: cannot write it: no such");
    await assertRejects(write("taken"), FileError, "it is a folder; choose");
    await assertRejects(write("file/file"), FileError, "a file is where a folder should be");
    assertEquals(await list(folder), ["file", "taken"]);
  }));

Deno.test({
  name: "without Deno's permission to write, the error names the flag",
  permissions: { read: true, write: false },
  fn: async () => {
    await assertRejects(() => writeAtomically("out.txt", "x"), FileError, "--allow-write");
    await assertRejects(() => writeFolderAtomically("out", { a: "x" }), FileError, "--allow-write");
    await recoverFolder("."); // at rest: nothing to write
  },
});

Deno.test("without the system's permission to write, nothing changes and the error says so", () =>
  withFolder(async (folder) => {
    await Deno.chmod(folder, 0o555);
    // No mode keeps the superuser out of a folder; the system's own does.
    const closed = Deno.uid() === 0 ? "/sys" : folder;
    const before = await list(closed);
    const denied = "permission denied";
    await assertRejects(() => writeAtomically(`${closed}/file`, "x"), FileError, denied);
    await assertRejects(
      () => writeFolderAtomically(`${closed}/out`, { a: "x" }),
      FileError,
      denied,
    );
    assertEquals(await list(closed), before);
    await Deno.chmod(folder, 0o755);
  }));

Deno.test("readText() gives the text without its byte order mark", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "\uFEFF[PAD]\nüß😀");
    assertEquals(await readText(`${folder}/file`), "[PAD]\nüß😀");
    await Deno.writeTextFile(`${folder}/file`, "");
    assertEquals(await readText(`${folder}/file`), "");
  }));

Deno.test("readText() names the byte where the first sequence that is not UTF-8 starts", () =>
  withFolder(async (folder) => {
    const text = (s: string) => [...new TextEncoder().encode(s)];
    const cases: [bytes: number[], offset: number][] = [
      [[0xff], 0],
      [[...text("é"), 0x80, ...text("é")], 2],
      [[...text("\uFEFFab"), 0xc0, 0xaf], 5],
      [[...text("ab"), 0xe2, 0x82], 2],
      [[...text("ab"), 0xe2, 0x82, ...text("cd"), 0xff], 2],
      [[...text("a"), 0xed, 0xa0, 0x80], 1],
      [[...text("😀".repeat(999)), 0xf0, 0x9f, 0x98], 3996],
    ];
    for (const [bytes, offset] of cases) {
      await Deno.writeFile(`${folder}/file`, Uint8Array.from(bytes));
      const reading = () => readText(`${folder}/file`, "the vocabulary");
      await assertRejects(reading, FileError, `file: is not UTF-8: byte ${offset} (`);
    }
  }));

Deno.test("readJSON() gives the value, and names file and purpose when it cannot", () =>
  withFolder(async (folder) => {
    const path = `${folder}/config.json`;
    const reading = () => readJSON(path, "the model's sizes");
    await assertRejects(reading, FileError, "config.json: cannot read the model's sizes: no such");
    await Deno.writeTextFile(path, '{"layers": 2,}');
    await assertRejects(reading, FileError, "config.json: is not valid JSON (");
    await assertRejects(reading, FileError, "the model's sizes");
    await Deno.writeFile(path, new Uint8Array([0x22, 0xff, 0x22]));
    await assertRejects(reading, FileError, "is not UTF-8: byte 1 (0xff)");
    await Deno.writeTextFile(path, '{"layers": 2}');
    assertEquals(await reading(), { layers: 2 });
    await assertRejects(() => readJSON(folder), FileError, "it is a folder; choose");
  }));

Deno.test("an error cannot steer the terminal", () => {
  assertEquals(new FileError("a\x1b[2J", "b\r\x9bc").message, "a·[2J: b··c");
});

Deno.test("a second checkpoint replaces the first: files with no successor go, others stay", () =>
  withFolder(async (folder) => {
    const out = `${folder}/new/out`;
    await writeFolderAtomically(out, { "config.json": "1", "optimizer.safetensors": "1" });
    await Deno.writeTextFile(`${out}/notes.md`, "mine");
    await writeFolderAtomically(out, { "config.json": "2", "vocab.txt": "2" });
    assertEquals(await snapshot(out), { "config.json": "2", "notes.md": "mine", "vocab.txt": "2" });
  }));

Deno.test("a folder with files of another origin is refused and left untouched", () =>
  withFolder(async (folder) => {
    const foreign = { "config.json": "downloaded", "model.safetensors": "downloaded" };
    for (const [name, text] of Object.entries(foreign)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const writing = () => writeFolderAtomically(folder, { "config.json": "new" });
    await assertRejects(writing, FileError, `${folder}: holds config.json, model.safetensors, not`);
    await assertRejects(writing, FileError, "Choose an empty or new folder");
    assertEquals(await snapshot(folder), foreign);
    // A stranger's checkpoint.json makes it no checkpoint of ours.
    for (const text of ["{}", "[1", "null", '{"format":"lineage-checkpoint","files":["../x"]}']) {
      await Deno.writeTextFile(`${folder}/checkpoint.json`, text);
      await assertRejects(writing, FileError, "nothing was touched");
      assertEquals(await Deno.readTextFile(`${folder}/checkpoint.json`), text);
      assertEquals(await snapshot(folder), foreign);
    }
  }));

Deno.test("a list of contents from elsewhere cannot have files outside the folder removed", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/precious`, "mine");
    await Deno.mkdir(`${folder}/out`);
    const contents = { format: "lineage-checkpoint", files: ["../precious"] };
    await Deno.writeTextFile(`${folder}/out/checkpoint.json`, JSON.stringify(contents));
    const writing = () => writeFolderAtomically(`${folder}/out`, { "config.json": "new" });
    await assertRejects(writing, FileError, "holds checkpoint.json");
    assertEquals(await snapshot(folder + "/out"), {});
    assertEquals(await Deno.readTextFile(`${folder}/precious`), "mine");
  }));

Deno.test("a file that someone else put into a checkpoint's folder is never overwritten", () =>
  withFolder(async (folder) => {
    await writeFolderAtomically(folder, { "config.json": "1" });
    await Deno.writeTextFile(`${folder}/vocab.txt`, "mine");
    const writing = () => writeFolderAtomically(folder, { "config.json": "2", "vocab.txt": "2" });
    await assertRejects(writing, FileError, "holds vocab.txt");
    assertEquals(await snapshot(folder), { "config.json": "1", "vocab.txt": "mine" });
  }));

Deno.test("names that would leave the folder or clash with its own files are refused", () =>
  withFolder(async (folder) => {
    for (
      const name of ["../x", "a/b", "a\\b", "", ".", "..", ".hidden", "c:x", "checkpoint.json"]
    ) {
      const writing = () =>
        writeFolderAtomically(`${folder}/out`, { "config.json": "1", [name]: "1" });
      await assertRejects(writing, FileError, `"${name}" cannot be a file of a checkpoint`);
    }
    assertEquals(await list(folder), []);
  }));

Deno.test("a checkpoint that fails half-way names its file and leaves the one before", () =>
  withFolder(async (folder) => {
    await writeFolderAtomically(folder, { "config.json": "1", "model.safetensors": "1" });
    const next = { "config.json": "2", "model.safetensors": failingWith("ENOSPC") };
    const message = `${folder}/model.safetensors: cannot write it: the disk is full`;
    await assertRejects(() => writeFolderAtomically(folder, next), FileError, message);
    assertEquals(await list(folder), ["checkpoint.json", "config.json", "model.safetensors"]);
    assertEquals(await snapshot(folder), { "config.json": "1", "model.safetensors": "1" });
  }));

Deno.test("what is committed but is no checkpoint of ours is not moved", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/.checkpoint-ready`);
    await Deno.writeTextFile(`${folder}/.checkpoint-ready/config.json`, "odd");
    await assertRejects(() => recoverFolder(folder), FileError, "cannot finish the checkpoint");
    assertEquals(await list(folder), [".checkpoint-ready"]);
  }));

Deno.test("writers at the same time leave one whole checkpoint", () =>
  withFolder(async (folder) => {
    const files = (n: number) => Object.fromEntries(["a", "b", "c"].map((name) => [name, `${n}`]));
    const writers = Array.from({ length: 8 }, (_, n) => writeFolderAtomically(folder, files(n)));
    await Promise.allSettled(writers);
    await recoverFolder(folder);
    const { a, b, c } = await snapshot(folder);
    assert(a !== undefined && a === b && b === c);
    await writeFolderAtomically(folder, files(9));
    assertEquals(await list(folder), ["a", "b", "c", "checkpoint.json"]);
  }));

/**
 * Lets `body` change the disk `steps` times. The next change is cut short, and all later ones fail,
 * as for a process that was killed: its clean-up does not run either. True when it was cut short.
 */
async function dieAfter(steps: number, body: () => Promise<void>): Promise<boolean> {
  let done = 0;
  const undo = onChanges(async (change, halfway) => {
    if (done++ < steps) return await change();
    if (done === steps + 1) halfway();
    throw new Error("the process is dead");
  });
  try {
    await body();
  } catch {
    // Judged by what is on the disk.
  } finally {
    undo();
  }
  return done > steps;
}

type Method = (this: unknown, ...args: unknown[]) => Promise<unknown>;
type Handler = (
  change: () => Promise<unknown>,
  halfway: () => void,
  name: string,
  self: unknown,
) => Promise<unknown>;

/** Sends every change to the disk through `handler`, until the function it returns is called. */
function onChanges(handler: Handler): () => void {
  const functions = Deno as unknown as Record<string, Method>;
  const methods = Deno.FsFile.prototype as unknown as Record<string, Method>;
  const undo = ["mkdir", "open", "rename", "remove"].map((name) => patch(functions, name, handler))
    .concat(["write", "sync"].map((name) => patch(methods, name, handler)));
  return () => undo.forEach((restore) => restore());
}

function patch(owner: Record<string, Method>, name: string, handler: Handler): () => void {
  const real = owner[name];
  owner[name] = function (...args) {
    return handler(() => real.apply(this, args), () => doHalf(name, this, args), name, this);
  };
  return () => void (owner[name] = real);
}

/** What a kill can cut in the middle: half of the bytes written, one of the files removed. */
function doHalf(name: string, self: unknown, args: unknown[]): void {
  if (name === "write") {
    const bytes = args[0] as Uint8Array;
    (self as Deno.FsFile).writeSync(bytes.subarray(0, bytes.length >> 1));
  } else if (name === "remove" && args[1]) {
    const [file] = [...Deno.readDirSync(args[0] as string)];
    if (file) Deno.removeSync(`${args[0]}/${file.name}`);
  }
}

const OLD = { "config.json": "old", "model.safetensors": "old", "optimizer.safetensors": "old" };
const NEW = { "config.json": "new", "model.safetensors": "new", "vocab.txt": "new" };

/** Kills a writer of NEW after 0, 1, 2, … changes; gives what a reader then finds each time. */
async function killedAtEachStep(
  before?: Record<string, string>,
): Promise<Record<string, string>[]> {
  const found: Record<string, string>[] = [];
  for (let steps = 0, died = true; died; steps++) {
    await withFolder(async (folder) => {
      if (before) await writeFolderAtomically(folder, before);
      died = await dieAfter(steps, () => writeFolderAtomically(folder, NEW));
      // The reader's recovery is killed as well, ever later.
      for (let more = 0; await dieAfter(more, () => recoverFolder(folder)); more++);
      found.push(await snapshot(folder));
      await writeFolderAtomically(folder, OLD);
      assertEquals(await list(folder), ["checkpoint.json", ...Object.keys(OLD)]);
    });
  }
  return found;
}

Deno.test("a writer killed at any step leaves the whole old or the whole new checkpoint", async () => {
  const found = await killedAtEachStep(OLD);
  const commit = found.findIndex((files) => "vocab.txt" in files);
  assert(commit > 0 && found.length > 20);
  for (const [step, files] of found.entries()) assertEquals(files, step < commit ? OLD : NEW);
});

Deno.test("a writer killed at any step of its first checkpoint leaves nothing or all of it", async () => {
  const found = await killedAtEachStep();
  const commit = found.findIndex((files) => "vocab.txt" in files);
  assert(commit > 0 && found.length > 20);
  for (const [step, files] of found.entries()) assertEquals(files, step < commit ? {} : NEW);
});

Deno.test("a writer finishes what a killed one had committed, and removes what it had not", async () => {
  for (let steps = 0, died = true; died; steps++) {
    await withFolder(async (folder) => {
      await writeFolderAtomically(folder, OLD);
      died = await dieAfter(steps, () => writeFolderAtomically(folder, NEW));
      await writeFolderAtomically(folder, { "config.json": "newest" });
      assertEquals(await list(folder), ["checkpoint.json", "config.json"]);
      assertEquals(await snapshot(folder), { "config.json": "newest" });
    });
  }
});

Deno.test("no file gets its name before its bytes have reached the disk", () =>
  withFolder(async (folder) => {
    const unsynced = new Set<unknown>();
    let renames = 0;
    const undo = onChanges(async (change, _halfway, name, self) => {
      if (name === "write") unsynced.add(self);
      if (name === "rename") {
        assertEquals(unsynced.size, 0);
        renames++;
      }
      const result = await change();
      if (name === "sync") unsynced.delete(self);
      return result;
    });
    try {
      await writeAtomically(`${folder}/file`, "x");
      await writeFolderAtomically(`${folder}/out`, NEW);
    } finally {
      undo();
    }
    assert(renames > 4);
  }));

const ENDLESS_WRITER = `
  import { writeFolderAtomically } from ${JSON.stringify(MODULE)};
  const [folder, first] = Deno.args;
  for (let step = Number(first);; step++) {
    await writeFolderAtomically(folder, {
      "config.json": String(step),
      "model.safetensors": [new Uint8Array(300_000).fill(step), new Uint8Array(77).fill(step)],
      ["only-in-" + step]: "",
      "training.json": String(step),
    });
    console.log(step);
  }`;

/** Kills a writer (-9) `delay` ms after its first checkpoint; gives the last step it reported. */
async function writeUntilKilled(folder: string, first: number, delay: number): Promise<number> {
  const args = ["eval", ENDLESS_WRITER, folder, `${first}`];
  const writer = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  let output = "";
  for await (const text of writer.stdout.pipeThrough(new TextDecoderStream())) {
    if (output === "") setTimeout(() => writer.kill("SIGKILL"), delay);
    output += text;
  }
  assertEquals((await writer.status).signal, "SIGKILL");
  return Number(output.trim().split("\n").at(-1));
}

Deno.test("a process killed with -9 while it writes in a loop leaves its last checkpoint", () =>
  withFolder(async (folder) => {
    let step = 0;
    for (let round = 0; round < 8; round++) {
      const reported = await writeUntilKilled(folder, step + 1, Math.random() * 30);
      await recoverFolder(folder);
      const files = await snapshot(folder);
      step = Number(files["config.json"]);
      assert(step >= reported, `step ${reported} was reported, ${step} found`);
      const names = ["config.json", "model.safetensors", `only-in-${step}`, "training.json"];
      assertEquals(Object.keys(files), names);
      assertEquals(files["training.json"], `${step}`);
      const model = await Deno.readFile(`${folder}/model.safetensors`);
      assertEquals(model.length, 300_077);
      assert(model.every((byte) => byte === step % 256));
    }
  }));
