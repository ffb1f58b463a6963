/** Matrix products by tfjs. Usage: deno run -A bench/peers/tfjs/matmul.ts wasm|webgpu [large] */
import * as tf from "@tensorflow/tfjs";
import { operands, shapesFor, timeProduct, verify } from "../../workloads/matmul.ts";
import { start } from "./backend.ts";

const [name, large] = Deno.args;
await start(name);
for (const shape of shapesFor(large === "large")) {
  const { batch, m, k, n } = shape, [left, right] = operands(shape);
  const a = tf.tensor3d(left, [batch, m, k]), b = tf.tensor3d(right, [batch, k, n]);
  const first = tf.matMul(a, b);
  verify(await first.data(), shape);
  first.dispose();
  await timeProduct(shape, async (times) => {
    let last = tf.matMul(a, b);
    for (let i = 1; i < times; i++) {
      last.dispose();
      last = tf.matMul(a, b);
    }
    const one = tf.tidy(() => last.flatten().slice([0], [1])); // a little of it, to wait for
    await one.data();
    tf.dispose([one, last]);
  });
  tf.dispose([a, b]);
}
Deno.exit();
