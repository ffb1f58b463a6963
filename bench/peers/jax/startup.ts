/** From the import to a first product by jax-js. Usage: deno run -A bench/peers/jax/startup.ts wasm|webgpu */
import { reportStart } from "../../workloads/startup.ts";

const start = performance.now();
const { defaultDevice, init, numpy: np } = await import("@jax-js/jax");
const name = Deno.args[0] as "wasm";
await init(name);
defaultDevice(name);
await np.matmul(np.ones([64, 64]), np.ones([64, 64])).data();
reportStart(start);
Deno.exit();
