/**
 * Finding the GPU.
 *
 * Idea   Ask once; say what was found; know whether it is a real GPU or a program that plays one.
 * Differs from the paper: there is none.
 * @module
 */

/** What was found. */
export interface FoundAdapter {
  /** The adapter; one device can be asked of it. */
  adapter: GPUAdapter;
  /** Whether a processor plays the GPU (Mesa's lavapipe and llvmpipe, SwiftShader). */
  software: boolean;
  /** One line for people. */
  description: string;
}

/**
 * The best adapter of this machine, or null.
 */
export async function findAdapter(): Promise<FoundAdapter | null> {
  if (!globalThis.navigator?.gpu) return null;
  quietMesa();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return null;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const name = description || [vendor, architecture, device].filter((s) => s).join(" ");
  const software = isFallbackAdapter ||
    /llvmpipe|lavapipe|softpipe|swiftshader|software/i.test(`${name} ${vendor} ${architecture}`);
  return { adapter, software, description: `${name}${software ? ", in software" : ""}` };
}

/** Mesa complains on stderr, in the midst of other output, when XDG_RUNTIME_DIR is not set. */
function quietMesa(): void {
  const { Deno } = globalThis as { Deno?: typeof globalThis.Deno };
  const variable = "XDG_RUNTIME_DIR";
  if (Deno?.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (!Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}

/** The GPU with a clock, if it has one, and the adapter's own limits for storage buffers. */
export function openGpu({ adapter }: FoundAdapter): Promise<GPUDevice> {
  const { maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize } =
    adapter.limits;
  const clock = "timestamp-query" as const;
  return adapter.requestDevice({
    requiredFeatures: adapter.features.has(clock) ? [clock] : [],
    requiredLimits: { maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize },
  });
}
