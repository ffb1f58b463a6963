/**
 * Choosing a device.
 *
 * Idea   `auto` takes a real GPU if there is one, else wasm. A GPU imitated in software is slower than wasm:
 *        it is taken only when asked for by name.
 * Differs from the paper: there is none.
 * @module
 */
import type { Device, DeviceName } from "../program/device.ts";

/** A device by name, or `auto`. */
export type DeviceChoice = DeviceName | "auto";

const made = new Map<DeviceChoice, Promise<Device>>();
let chosen: Device | undefined;

/**
 * The device of that name, made once. It becomes the one that computes what is held nowhere yet.
 *
 * @throws {Error} for an unknown name, and for `webgpu` where no adapter is found.
 *
 * @example
 * ```ts
 * import { device } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals((await device("wasm")).name, "wasm");
 * ```
 */
export async function device(choice: DeviceChoice): Promise<Device> {
  let making = made.get(choice);
  if (!making) {
    made.set(choice, making = make(choice));
    making.catch(() => made.delete(choice));
  }
  return chosen = await making;
}

/**
 * The device chosen last, if any.
 *
 * @example
 * ```ts
 * import { chosenDevice, device } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * await device("reference");
 * assertEquals(chosenDevice()?.name, "reference");
 * ```
 */
export const chosenDevice = (): Device | undefined => chosen;

async function make(choice: DeviceChoice): Promise<Device> {
  switch (choice) {
    case "auto": {
      const { webgpuDevice } = await import("./webgpu/device.ts");
      return await webgpuDevice() ?? await device("wasm");
    }
    case "reference":
      return (await import("./reference.ts")).referenceDevice();
    case "wasm":
      return await (await import("./wasm/device.ts")).wasmDevice();
    case "webgpu": {
      const { webgpuDevice } = await import("./webgpu/device.ts");
      const found = await webgpuDevice({ allowSoftware: true });
      if (found) return found;
      throw new Error(
        "webgpu: no adapter found; install a graphics driver (Debian: mesa-vulkan-drivers for a" +
          ' software one) or use device("wasm")',
      );
    }
    default:
      throw new Error(`unknown device "${choice}": use auto, webgpu, wasm or reference`);
  }
}
