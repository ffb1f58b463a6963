import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { expand, modelNames } from "../cli/expand.ts";
import { codeOf, takeApart, wordsOf } from "../cli/modules.ts";
import { initialise } from "../core/parameters.ts";
import { device, leaves, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { ALBERT, ALBERT_BASE } from "../models/albert.ts";
import { BERT_TINY } from "../models/bert.ts";
import { encode, encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";

const home = new URL("../", import.meta.url);
const floor = new URL("core/tensor/mod.ts", home).href;

Deno.test("every model in one file type-checks, and imports nothing but core/tensor", async () => {
  const folder = await Deno.makeTempDir(), files: string[] = [];
  for (const name of await modelNames()) {
    const text = await expand(name);
    assertEquals([...text.matchAll(/from "([^"]+)";/g)].map(([, from]) => from), [
      "@lineage/lineage/core/tensor",
    ]);
    files.push(`${folder}/${name}.ts`);
    await Deno.writeTextFile(files.at(-1)!, text);
  }
  assert(files.length >= 7);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", `--config=${new URL("deno.json", home).pathname}`, ...files],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});

/** What a file of one model exports, as far as this test needs it. */
interface OneFile {
  initialise: typeof initialise;
  encoderParameters: typeof encoderParameters;
  encode: typeof encode;
}

Deno.test("every model in one file gives the numbers of the modules", async () => {
  await device("wasm");
  const folder = await Deno.makeTempDir();
  for (const name of await modelNames()) {
    const file = `${folder}/${name}.ts`;
    await Deno.writeTextFile(file, await expand(name, floor));
    const one: OneFile & Record<string, unknown> = await import(`file://${file}`);
    const modules: Record<string, unknown> = await import(`../models/${name}.ts`);
    for (const [key, spec] of Object.entries(modules)) {
      if (!isSpec(spec)) continue;
      assertEquals(await numbers(one, one[key] as ModelSpec), await numbers(here, spec), key);
    }
  }
});

const here: OneFile = { initialise, encoderParameters, encode };
const isSpec = (x: unknown): x is ModelSpec =>
  typeof x === "object" && x !== null && "objectives" in x;

async function numbers(from: OneFile, spec: ModelSpec): Promise<Float64Array | unknown> {
  const sizes: Sizes = { ...BERT_TINY, vocabulary: 20, width: 16, embedding: 16, inner: 24 };
  const params = from.initialise(from.encoderParameters(spec, sizes, true), randomKey(5));
  const ids = tensor("B T", [[3, 7, 0], [4, 4, 9]]),
    segments = tensor("B T", [[0, 1, 1], [0, 0, 0]]);
  const { last, pooled } = from.encode(spec, sizes, params, { ids, segments });
  return [leaves(params).length, await read({ last, pooled })];
}

Deno.test("sizes and keys are written out", async () => {
  const folder = await Deno.makeTempDir(),
    file = `${folder}/albert.ts`,
    text = await expand("albert", floor);
  assert(!text.includes("...BERT"), "a parent is left");
  await Deno.writeTextFile(file, text);
  const one = await import(`file://${file}`);
  assertEquals(one.ALBERT_BASE, ALBERT_BASE);
  assertEquals(Object.keys(one.ALBERT), Object.keys(ALBERT));
});

Deno.test("a model that is not there is refused with the names of those that are", async () => {
  const error = await assertRejects(() => expand("albertine"), Error);
  for (const part of ["albertine", "albert, bart, bert", "roberta"]) {
    assertStringIncludes(error.message, part);
  }
});

Deno.test("a module is taken apart into imports and statements with their comments", () => {
  const { header, imports, statements } = takeApart(
    new URL("file:///a/b.ts"),
    `/**\n * Title\n * @module\n */\nimport { one, type Two } from "./c.ts";\nimport type { D } from "../d.ts";\n
/** First. */\nexport const a = 1;\n\n/**\n * Second.\n */\nfunction b(): Two {\n  return one;\n}\n\nexport const { c, d: e } = x;\n`,
  );
  assertEquals(header, "/**\n * Title\n * @module\n */\n");
  assertEquals(imports.map(({ name, type, from }) => `${name} ${type} ${from.pathname}`), [
    "one false /a/c.ts",
    "Two true /a/c.ts",
    "D true /d.ts",
  ]);
  assertEquals(statements.map(({ names }) => names), [["a"], ["b"], ["c", "e"]]);
  assertEquals(statements[1].text, "/**\n * Second.\n */\nfunction b(): Two {\n  return one;\n}");
});

Deno.test("words in comments, in strings and after dots are no references", () => {
  assertEquals([...wordsOf('x.add(y, "B T") // mul\n/* sub */')], ["x", "y"]);
  assertEquals(codeOf('a("/* no comment */") // b'), 'a("") ');
});
