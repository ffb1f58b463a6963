/** Golden tokenizer data: the folders of `GOLDEN_DIR/tokenizers` whose name begins with a word. */

/** A folder, and how to read the files in it. */
export interface GoldenFolder {
  name: string;
  text(file: string): string;
  /** The bytes of a file that not every folder has. */
  bytes(file: string): Uint8Array | undefined;
  // deno-lint-ignore no-explicit-any
  json(file: string): any;
}

/** Finds the folders. Where there is none a test fails: without it, their absence would pass unseen. */
export function goldenFolders(prefix: string): GoldenFolder[] {
  const root = `${Deno.env.get("GOLDEN_DIR") ?? import.meta.dirname + "/golden"}/tokenizers`;
  try {
    const names = [...Deno.readDirSync(root)].map(({ name }) => name);
    const ours = names.filter((name) => name.startsWith(prefix)).sort();
    if (ours.length === 0) throw new Error(`${root} has no folder that begins with "${prefix}"`);
    return ours.map((name) => {
      const text = (file: string) => Deno.readTextFileSync(`${root}/${name}/${file}`);
      const here = new Set([...Deno.readDirSync(`${root}/${name}`)].map((entry) => entry.name));
      const bytes = (file: string) =>
        here.has(file) ? Deno.readFileSync(`${root}/${name}/${file}`) : undefined;
      return { name, text, bytes, json: (file) => JSON.parse(text(file)) };
    });
  } catch (cause) {
    Deno.test(`golden ${prefix}: there is data to test with`, () => {
      throw cause;
    });
    return [];
  }
}
