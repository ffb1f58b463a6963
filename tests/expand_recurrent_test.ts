/** Transformer-XL and XLNet in one file each: they type-check and compute what the modules do. */
import { assertEquals } from "@std/assert";
import { expand, ownNames } from "../cli/expand.ts";
import { initialise } from "../core/parameters.ts";
import { device, randomKey, read, tensor } from "../core/tensor/mod.ts";
import * as transformerXL from "../models/transformer_xl.ts";
import * as xlnet from "../models/xlnet.ts";

const floor = new URL("../core/tensor/mod.ts", import.meta.url).href;
const ids = tensor("B T", [[1, 5, 2]]);

const runs: Record<string, (from: never) => Promise<ArrayLike<number>>> = {
  async transformer_xl(from: typeof transformerXL & { initialise: typeof initialise }) {
    const sizes = { ...from.TRANSFORMER_XL_TINY, vocabulary: 9, width: 8, embedding: 8, layers: 1 };
    const params = from.initialise(from.transformerXLParameters(sizes), randomKey(1), 0.5);
    return await read(from.transformerXL(sizes, params, ids).last);
  },
  async xlnet(from: typeof xlnet & { initialise: typeof initialise }) {
    const sizes = { ...from.XLNET_TINY, vocabulary: 9, width: 8, layers: 1 };
    const params = from.initialise(from.xlnetParameters(sizes), randomKey(1), 0.5);
    return await read(from.xlnet(sizes, params, { ids }).last);
  },
};

const modules: Record<string, unknown> = {
  transformer_xl: { ...transformerXL, initialise },
  xlnet: { ...xlnet, initialise },
};

for (const name of ownNames) {
  Deno.test(`${name} in one file type-checks and computes the same`, async () => {
    await device("reference");
    const file = `${await Deno.makeTempDir()}/${name}.ts`;
    await Deno.writeTextFile(file, await expand(name, floor));
    const check = new Deno.Command(Deno.execPath(), { args: ["check", "--quiet", file] });
    assertEquals((await check.output()).code, 0);
    const one = await import(`file://${file}`);
    assertEquals(await runs[name](one as never), await runs[name](modules[name] as never));
  });
}
