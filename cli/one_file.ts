/**
 * Many modules as one: what some names need, and nothing else, in the order of the imports.
 *
 * Idea   From the wanted names follow the words in each statement to the statements that declare them,
 *        through the imports, down to `core/tensor`, which stays an import.
 * @module
 */
import { type Source, type Statement, takeApart, wordsOf } from "./modules.ts";
import { writeOut } from "./written_out.ts";

/** A wanted name. */
export interface Root {
  /** The name. */
  name: string;
  /** The module that declares it. */
  url: URL;
}

/** What is to be put together. */
export interface Wanted {
  /** The first line of the file's comment. */
  title: string;
  /** The names. */
  roots: readonly Root[];
  /** What `core/tensor` is imported as. */
  tensor: string;
}

const home = new URL("../", import.meta.url);
const floor = new URL("core/tensor/", home).href;
const isFloor = (url: URL) => url.href.startsWith(floor);

/** The file. */
export async function oneFile({ title, roots, tensor }: Wanted): Promise<string> {
  const sources = await collect(roots.map(({ url }) => url));
  await writeOut(sources, new URL("mod.ts", floor));
  const { kept, imported } = reach(sources, roots);
  const names = [...imported].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, type]) => type ? `type ${name}` : name);
  const parts = [...sources.values()].flatMap((source) => {
    const own = source.statements.filter((s) => kept.has(s));
    return own.length ? [banner(source), ...own.map(({ text }) => withoutExamples(text))] : [];
  });
  const head = `/**\n * ${title}\n *\n * All it imports is \`core/tensor\`.\n * @module\n */\n`;
  return await formatted(
    `${head}import { ${names.join(", ")} } from "${tensor}";\n\n${parts.join("\n\n")}\n`,
  );
}

/** The modules of these names and all that they import, those imported first. */
async function collect(from: readonly URL[]): Promise<Map<string, Source>> {
  const found = new Map<string, Source>(), seen = new Set<string>();
  const visit = async (url: URL): Promise<void> => {
    if (isFloor(url) || seen.has(url.href)) return;
    seen.add(url.href);
    const source = takeApart(url, await Deno.readTextFile(url));
    for (const { from } of source.imports) await visit(from);
    found.set(url.href, source);
  };
  for (const url of from) await visit(url);
  return found;
}

/** The statements that are needed, and the names imported from the floor: true where as types only. */
function reach(sources: Map<string, Source>, roots: readonly Root[]) {
  const kept = new Set<Statement>(), imported = new Map<string, boolean>();
  const owners = new Map<string, string>();
  const visit = ({ name, url }: Root): void => {
    const source = sources.get(url.href)!;
    const statement = source.statements.find(({ names }) => names.includes(name));
    if (!statement || kept.has(statement)) return;
    kept.add(statement);
    for (const declared of statement.names) claim(owners, declared, url);
    for (const word of wordsOf(statement.text)) {
      const from = source.imports.find((i) => i.name === word);
      if (!from) visit({ name: word, url });
      else if (!isFloor(from.from)) visit({ name: word, url: from.from });
      else imported.set(word, (imported.get(word) ?? true) && from.type);
    }
  };
  roots.forEach(visit);
  for (const name of imported.keys()) claim(owners, name, new URL(floor));
  return { kept, imported };
}

function claim(owners: Map<string, string>, name: string, { href }: URL): void {
  const other = owners.get(name);
  if (other) throw new Error(`${name} is declared by ${other} and ${href}; rename one`);
  owners.set(name, href);
}

/** A module's head as a comment, under its path. */
function banner({ url, header }: Source): string {
  const path = url.href.slice(home.href.length);
  const lines = header.split("\n").filter((line) => !line.includes("@module"));
  return [`// ${`── ${path} `.padEnd(96, "─")}`, lines.join("\n").replace("/**", "/*").trimEnd()]
    .join("\n\n");
}

const withoutExamples = (text: string) =>
  text.replace(/( \*\n)? \*(?= @example| [^\n]*@example)[\s\S]*?\*\//, " */");

/** As `deno fmt` would have it. */
async function formatted(text: string): Promise<string> {
  const args = ["fmt", "--ext=ts", "--line-width=100", "-"];
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await process.output();
  if (!success) throw new Error("the file cannot be formatted: its parts do not fit together");
  return new TextDecoder().decode(stdout);
}
