/** Matrix products by jax-js. Usage: deno run -A bench/peers/jax/matmul.ts wasm|webgpu [large] */
import { blockUntilReady, defaultDevice, type Device, init, numpy as np } from "@jax-js/jax";
import { operands, shapesFor, timeProduct, verify } from "../../workloads/matmul.ts";

const [name, large] = Deno.args;
await init(name as Device);
defaultDevice(name as Device);
for (const shape of shapesFor(large === "large")) {
  const { batch, m, k, n } = shape, [left, right] = operands(shape);
  const a = np.array(left, { shape: [batch, m, k] });
  const b = np.array(right, { shape: [batch, k, n] });
  const product = () => np.matmul(a.ref, b.ref);
  verify(await product().data() as Float32Array, shape);
  await timeProduct(shape, async (times) => {
    // Eight at a time: each result has memory of its own until it is disposed of.
    for (let open = times; open > 0; open -= 8) {
      const several = Array.from({ length: Math.min(open, 8) }, product);
      await blockUntilReady(several);
      several.forEach((one) => one.dispose());
    }
  });
}
Deno.exit();
