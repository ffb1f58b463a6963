/**
 * The WebGPU device: programs as WGSL kernels.
 *
 * Idea   Compiling turns every step into one or a few kernels. A run is one encoder, one compute pass and
 *        one submission; what it reads is copied in the same submission, and arrives when it arrives.
 * Differs from the paper: there is none.
 * Trap   WebGPU reports errors to a listener only: the device keeps the first and throws it at the next
 *        occasion. Unbounded submissions pile up: beyond a few, work waits its turn here, in order.
 * @module
 */
import type { Device, Executable, Storage, Values } from "../../device.ts";
import type { Program } from "../../program.ts";
import { findAdapter, openGpu } from "./adapter.ts";
import { type Kernel, WIDEST } from "./kernel.ts";
import { lower } from "./lower.ts";
import { Pool, Scratch } from "./memory.ts";

export { findAdapter, type FoundAdapter } from "./adapter.ts";

let shared: Promise<Device | null> | undefined;

/**
 * The WebGPU device of this process, or null where there is no GPU. An adapter in software counts only
 * with `allowSoftware`.
 *
 * @example
 * ```ts
 * import { webgpuDevice } from "@lineage/lineage/core/tensor/devices/webgpu";
 * const device = await webgpuDevice({ allowSoftware: true });
 * console.log(device?.description ?? "no WebGPU here");
 * ```
 */
export async function webgpuDevice(
  options: { allowSoftware?: boolean } = {},
): Promise<Device | null> {
  const found = shared ? null : await findAdapter();
  if (found?.software && !options.allowSoftware) return null;
  return await (shared ??= openWebgpu());
}

/** A device of its own, for tests: `trees` chooses a real GPU's kernels (true) or a software one's. */
export async function openWebgpu(options: { trees?: boolean } = {}): Promise<Device | null> {
  const found = await findAdapter();
  if (!found) return null;
  return new Gpu(await openGpu(found), found.description, options.trees ?? !found.software);
}

/** Submissions under way at one time. */
const IN_FLIGHT = 8;

class Numbers implements Storage {
  freed = false;
  constructor(readonly elements: number, readonly buffer: GPUBuffer) {}
}

interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

class Gpu implements Device {
  readonly name = "webgpu";
  readonly fuses = true;
  readonly buffersPerLoop: number;
  readonly scratch: Scratch;
  private readonly numbers: Pool;
  private readonly staging: Pool;
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly waiting: (() => void)[] = [];
  private underWay = 0;
  private failure: Error | null = null;
  private lost: Error | null = null;

  constructor(readonly gpu: GPUDevice, readonly description: string, readonly trees: boolean) {
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const later = (action: () => void) => this.inOrder(action);
    this.buffersPerLoop = gpu.limits.maxStorageBuffersPerShaderStage;
    this.numbers = new Pool(gpu, STORAGE | COPY_SRC | COPY_DST, later);
    this.staging = new Pool(gpu, MAP_READ | COPY_DST, later);
    this.scratch = new Scratch(gpu, STORAGE, later);
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.failure ??= new Error(`WebGPU: ${(event as GPUUncapturedErrorEvent).error.message}`);
    });
    gpu.lost.then(({ reason, message }) => {
      this.lost = new Error(
        `the GPU device was lost (${reason}: ${message}): start the program again, ` +
          `or take another device, such as "wasm"`,
      );
    });
  }

  /** Throws what went wrong since the last check. */
  check(): void {
    const error = this.lost ?? this.failure;
    this.failure = null;
    if (error) throw error;
  }

  allocate(elements: number): Storage {
    this.check();
    const most = this.gpu.limits.maxStorageBufferBindingSize;
    if (elements * 4 > most) {
      throw new RangeError(
        `${elements} numbers need ${elements * 4} bytes, but this GPU binds at most ${most} at ` +
          `once: make the tensor smaller, or take device("wasm")`,
      );
    }
    return new Numbers(elements, this.numbers.take(elements * 4));
  }

  upload(storage: Storage, values: ArrayLike<number>): void {
    this.check();
    const { buffer } = valid(storage, values.length);
    const single = Float32Array.from(values);
    if (single.length) this.inOrder(() => this.gpu.queue.writeBuffer(buffer, 0, single));
  }

  free(storage: Storage): void {
    const numbers = valid(storage, 0);
    numbers.freed = true;
    this.numbers.give(numbers.buffer);
  }

  compile(program: Program): Executable {
    this.check();
    return new GpuProgram(this, program);
  }

  /** Does something after all that was asked for before; at once if the GPU keeps up. */
  inOrder(action: () => void): void {
    this.waiting.push(action);
    this.proceed();
  }

  private proceed(): void {
    while (this.waiting.length && this.underWay < IN_FLIGHT) this.waiting.shift()!();
  }

  /** Hands work to the GPU. */
  submit(encoder: GPUCommandEncoder): void {
    this.gpu.queue.submit([encoder.finish()]);
    this.underWay++;
    const done = () => {
      this.underWay--;
      this.proceed();
    };
    this.gpu.queue.onSubmittedWorkDone().then(done, done);
  }

  /** Where a storage's numbers will arrive: a copy is added to the encoder's work. */
  copyOut(encoder: GPUCommandEncoder, { buffer, elements }: Numbers): () => Promise<Values> {
    const bytes = elements * 4;
    if (bytes === 0) return () => Promise.resolve(new Float32Array(0));
    const staging = this.staging.take(bytes);
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
    return async () => {
      try {
        await staging.mapAsync(GPUMapMode.READ, 0, bytes);
        const values = new Float32Array(staging.getMappedRange(0, bytes).slice(0));
        staging.unmap();
        return values;
      } finally {
        this.staging.give(staging);
      }
    };
  }

  /** The pipeline of a kernel; kernels of equal text share it. */
  pipeline({ code, label }: Kernel): Pipeline {
    let found = this.pipelines.get(code);
    if (!found) {
      const module = this.gpu.createShaderModule({ label, code });
      const compute = { module, entryPoint: "main" };
      const pipeline = this.gpu.createComputePipeline({ label, layout: "auto", compute });
      this.pipelines.set(code, found = { pipeline, layout: pipeline.getBindGroupLayout(0) });
    }
    return found;
  }
}

function valid(storage: Storage | undefined, elements: number): Numbers {
  if (!(storage instanceof Numbers)) throw new TypeError("this is no storage of the WebGPU device");
  if (storage.freed) throw new Error("a storage was used after it was freed");
  if (storage.elements < elements) {
    throw new RangeError(
      `a storage of ${storage.elements} numbers is given, ${elements} are needed`,
    );
  }
  return storage;
}

/** A kernel with what it is bound to. */
interface Bound extends Pipeline {
  kernel: Kernel;
  /** Where its parameters begin in the uniform buffer. */
  offset: number;
  buffers: GPUBuffer[];
  group: GPUBindGroup | null;
}

class GpuProgram implements Executable {
  private readonly kernels: Bound[];
  private readonly uniforms: GPUBuffer;
  /** Which of the device's scratch buffers each slot is: the largest slot is number 0. */
  private readonly slots: number[] = [];

  constructor(private readonly device: Gpu, private readonly program: Program) {
    const lowered = lower(program, device.trees, device.buffersPerLoop);
    this.program = lowered.program;
    const { slots } = lowered.program;
    const order = slots.map((_, i) => i).sort((a, b) => slots[b] - slots[a]);
    order.forEach((slot, i) => this.slots[slot] = i);
    device.scratch.reserve(order.map((slot) => slots[slot] * 4));
    let offset = 0;
    this.kernels = lowered.kernels.map((kernel) => {
      const at = offset;
      offset += Math.ceil(kernel.parameters.length / 64) * 256;
      return { ...device.pipeline(kernel), kernel, offset: at, buffers: [], group: null };
    });
    this.uniforms = this.writeParameters(offset);
  }

  private writeParameters(bytes: number): GPUBuffer {
    const { UNIFORM, COPY_DST } = GPUBufferUsage;
    const block = new Int32Array(Math.max(bytes, 256) / 4);
    for (const { kernel, offset } of this.kernels) block.set(kernel.parameters, offset / 4);
    const { gpu } = this.device;
    const buffer = gpu.createBuffer({ size: block.byteLength, usage: UNIFORM | COPY_DST });
    gpu.queue.writeBuffer(buffer, 0, block);
    return buffer;
  }

  run(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]> {
    return new Promise((resolve, reject) => {
      this.device.inOrder(() => this.start(storages, reads).then(resolve, reject));
    });
  }

  /** Everything up to the submission happens before the first await. */
  private async start(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]> {
    const { device, program } = this;
    device.check();
    const given = storages.map((s) => s as Numbers);
    const buffers = program.buffers.map(({ binding, slot, elements }) =>
      binding < 0 ? device.scratch.buffer(this.slots[slot]) : valid(given[binding], elements).buffer
    );
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const bound of this.kernels) this.dispatch(pass, bound, buffers);
    pass.end();
    const arrivals = reads.map((i) => device.copyOut(encoder, valid(given[i], 0)));
    device.submit(encoder);
    try {
      return await Promise.all(arrivals.map((arrive) => arrive()));
    } finally {
      device.check();
    }
  }

  private dispatch(pass: GPUComputePassEncoder, bound: Bound, buffers: (GPUBuffer | undefined)[]): void {
    const { kernel } = bound;
    if (kernel.buffers.some((b, i) => buffers[b] !== bound.buffers[i])) {
      bound.buffers = kernel.buffers.map((b) => buffers[b]!);
      bound.group = null;
    }
    bound.group ??= this.bind(bound);
    pass.setPipeline(bound.pipeline);
    pass.setBindGroup(0, bound.group);
    pass.dispatchWorkgroups(Math.min(kernel.groups, WIDEST), Math.ceil(kernel.groups / WIDEST));
  }

  private bind({ kernel, layout, offset, buffers }: Bound): GPUBindGroup {
    const size = Math.ceil(kernel.parameters.length / 4) * 16;
    const entries = [
      { binding: 0, resource: { buffer: this.uniforms, offset, size } },
      ...buffers.map((buffer, i) => ({ binding: i + 1, resource: { buffer } })),
    ];
    return this.device.gpu.createBindGroup({ label: kernel.label, layout, entries });
  }

  dispose(): void {
    this.device.scratch.release(this.slots.length);
    this.device.inOrder(() => this.uniforms.destroy());
  }
}
