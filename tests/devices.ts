/** Tests on every device. */
import { type Device, device } from "../core/tensor/mod.ts";
import { webgpuDevice } from "../core/devices/webgpu/device.ts";

const hasGpu = await webgpuDevice({ allowSoftware: true }) !== null;
const required = Deno.env.get("LINEAGE_REQUIRE_WEBGPU") === "1";

/** Register a test on the reference, wasm and webgpu devices. */
export function onEveryDevice(name: string, test: (on: Device) => void | Promise<void>): void {
  for (const one of ["reference", "wasm", "webgpu"] as const) {
    const ignore = one === "webgpu" && !hasGpu && !required;
    Deno.test({ name: `${name} [${one}]`, ignore, fn: async () => await test(await device(one)) });
  }
}
