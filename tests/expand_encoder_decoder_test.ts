/** T5, BART and MASS in one file: it type-checks and gives the numbers of the modules. */
import { assert, assertEquals } from "@std/assert";
import { encoderDecoderNames, expand } from "../cli/expand.ts";
import { initialise } from "../core/parameters.ts";
import { device, randomKey, read, tensor } from "../core/tensor/mod.ts";
import { encoderDecoderParameters, type EncoderDecoderSpec } from "../models/encoder_decoder.ts";
import { readSource, scoreTokens, writeAnswer } from "../models/reading_and_writing.ts";
import { T5_TINY } from "../models/t5.ts";

const home = new URL("../", import.meta.url);
const floor = new URL("core/tensor/mod.ts", home).href;
const here = { initialise, encoderDecoderParameters, readSource, writeAnswer, scoreTokens };

async function numbers(from: typeof here, spec: EncoderDecoderSpec) {
  const sizes = { ...T5_TINY, vocabulary: 11, width: 8, heads: 2, headWidth: 3, inner: 12 };
  const params = from.initialise(from.encoderDecoderParameters(spec, sizes), randomKey(5));
  const source = from.readSource(spec, sizes, params, { ids: tensor("B T", [[3, 7, 9]]) });
  const { last } = from.writeAnswer(spec, sizes, params, source, { ids: tensor("B T", [[0, 4]]) });
  return await read(from.scoreTokens(spec, params, last));
}

Deno.test("every encoder-decoder in one file type-checks and gives the numbers of the modules", async () => {
  await device("wasm");
  const folder = await Deno.makeTempDir(), files: string[] = [];
  for (const name of await encoderDecoderNames()) {
    const file = `${folder}/${name}.ts`;
    await Deno.writeTextFile(file, await expand(name, floor));
    files.push(file);
    const one: typeof here & Record<string, unknown> = await import(`file://${file}`);
    const modules: Record<string, unknown> = await import(`../models/${name}.ts`);
    const specs = Object.entries(modules).filter(([, x]) => "objectives" in Object(x));
    assert(specs.length > 0, name);
    for (const [key, spec] of specs as [string, EncoderDecoderSpec][]) {
      assertEquals(await numbers(one, one[key] as EncoderDecoderSpec), await numbers(here, spec));
    }
  }
  assert(files.length >= 2);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", `--config=${new URL("deno.json", home).pathname}`, ...files],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
});
