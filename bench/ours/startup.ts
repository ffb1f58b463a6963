/** From the import to a first product. Usage: deno run -A bench/ours/startup.ts wasm|webgpu */
import { reportStart } from "../workloads/startup.ts";

const start = performance.now();
const { device, einsum, read, tensor } = await import("../../mod.ts");
await device(Deno.args[0] as "wasm");
const a = tensor("M K", new Float32Array(64 * 64).fill(1), [64, 64]);
await read(
  einsum("M K, N K -> M N", a, tensor("N K", new Float32Array(64 * 64).fill(1), [64, 64])),
);
reportStart(start);
Deno.exit();
