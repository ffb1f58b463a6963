/**
 * Records written out: every key of a model with its value, in place of "its parent's, but for these".
 *
 * Idea   The modules are loaded, so the value of a record is at hand. Numbers and texts print
 *        themselves; a function is found again among all that is exported, and goes by its name.
 * @module
 */
import { codeOf, type Source, wordsOf } from "./modules.ts";

/** Put the value in the place of every record that is made from another: `{ ...BERT, name: "ALBERT" }`. */
export async function writeOut(sources: ReadonlyMap<string, Source>, floor: URL): Promise<void> {
  const modules = new Map<string, Record<string, unknown>>();
  for (const href of sources.keys()) modules.set(href, await import(href));
  const concepts = new Map<unknown, string>();
  for (const exported of [await import(floor.href), ...modules.values()]) {
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value === "function" || isConcept(value)) concepts.set(value, name);
    }
  }
  for (const [href, { statements, imports }] of sources) {
    for (const statement of statements) {
      const [name] = statement.names, code = codeOf(statement.text);
      if (!/^export const \w+: (EncoderDecoder|Model)?(Spec|Sizes) = \{\s*\.\.\./m.test(code)) {
        continue;
      }
      const value = literal(modules.get(href)![name], concepts);
      const [start] = statement.text.match(/^[\s\S]*?export const \w+: \w+ = /)!;
      statement.text = `${start}${value};`;
      for (const word of wordsOf(value)) {
        const known = [...concepts.values()].includes(word);
        if (!known || imports.some((i) => i.name === word)) continue;
        const owner = [...sources.values()].find((s) => declares(s, word));
        imports.push({ name: word, type: false, from: owner?.url ?? floor });
      }
    }
  }
}

const declares = ({ statements }: Source, name: string) =>
  statements.some(({ names }) => names.includes(name));

/** A record with functions, such as an embedding, goes by its name; a model is written out. */
const isConcept = (value: unknown) =>
  typeof value === "object" && value !== null && !("objectives" in value) &&
  Object.values(value).some((x) => typeof x === "function");

/** A value as it would be written. */
function literal(value: unknown, concepts: Map<unknown, string>): string {
  const name = concepts.get(value);
  if (name) return name;
  if (typeof value === "function") throw new Error(`a function without a name: ${value}`);
  if (Array.isArray(value)) return `[${value.map((x) => literal(x, concepts)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const keys = Object.entries(value).map(([key, x]) => `${key}: ${literal(x, concepts)}`);
  const line = `{ ${keys.join(", ")} }`;
  return line.length < 60 ? line : `{\n${keys.join(",\n")},\n}`;
}
