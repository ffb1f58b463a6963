/** Matrix products. Usage: deno run -A bench/ours/matmul.ts wasm|webgpu [large] */
import { at, device, type DeviceName, einsum, keep, read, tensor } from "../../core/tensor/mod.ts";
import { operands, shapesFor, timeProduct, verify } from "../workloads/matmul.ts";

const [name, large] = Deno.args;
await device(name as DeviceName);
for (const shape of shapesFor(large === "large")) {
  const { batch, m, k, n } = shape, [left, right] = operands(shape);
  const { a, b } = await keep({
    a: tensor("B M K", left, [batch, m, k]),
    b: tensor("B K N", right, [batch, k, n]),
  });
  const product = () => einsum("B M K, B K N -> B M N", a, b);
  const c = await keep(product());
  verify(await read(c), shape);
  const matrix = at(c, "B", 0), row = at(matrix, "M", 0), corner = at(row, "N", 0);
  await timeProduct(shape, async (times) => {
    for (let i = 0; i < times; i++) read([], [[c, product()]]); // stays on the device
    await read(corner); // what was asked for before is done by then
  });
}
Deno.exit();
