/**
 * The WebGPU device: one GPU, its queue, its buffers and its pipelines.
 *
 * Idea   Work reaches the GPU in the order in which it was asked for. Calls return at once; numbers that
 *        are read arrive when they arrive.
 * Differs from the paper: there is none.
 * Trap   WebGPU reports errors to a listener only: the first is kept and thrown at the next occasion.
 *        Submissions pile up without bounds: beyond some, work waits its turn here.
 * @module
 */
import type { Device, Executable, Precision, Storage, Values } from "../../program/device.ts";
import type { Program } from "../../program/program.ts";
import { collectSoon } from "../collector.ts";
import { findAdapter, openGpu } from "./adapter.ts";
import type { Kernel } from "./kernel.ts";
import { Pool } from "./memory.ts";
import { type ProductTimer, shouldTile, timeProducts } from "./product_choice.ts";
import { GpuProgram } from "./program.ts";

export { findAdapter, type FoundAdapter } from "./adapter.ts";

let shared: Promise<Device | null> | undefined;

/**
 * The WebGPU device of this process, or null where there is no GPU. An adapter in software counts only
 * with `allowSoftware`.
 */
export async function webgpuDevice(
  options: { allowSoftware?: boolean } = {},
): Promise<Device | null> {
  if (!options.allowSoftware && (await findAdapter())?.software !== false) return null;
  return await (shared ??= openWebgpu());
}

/**
 * A device of its own, for tests; `software` chooses the kernels for a software adapter or a GPU, `timer`
 * measures how that GPU should multiply.
 */
export async function openWebgpu(
  options: { software?: boolean; timer?: ProductTimer } = {},
): Promise<Device | null> {
  const found = await findAdapter();
  if (!found) return null;
  const { software = found.software, timer = timeProducts } = options;
  const device = new Gpu(await openGpu(found), found.description, software);
  if (!software) device.tiled = shouldTile(await timer(device));
  return device;
}

/** Submissions under way at one time, and after how many of them the GPU is asked whether it is done. */
const IN_FLIGHT = 32, ASK = 16;
/**
 * Each submission leaves 2 KB outside of JavaScript's heap: after so many the collector is told, if that
 * is so many milliseconds after it was told last. A collection stops the program for 2 to 6 ms.
 */
const TELL = 64, APART = 500;

/** Numbers on the GPU. */
export class Numbers implements Storage {
  /** Whether they were given back. */
  freed = false;
  /** So many, at the start of a buffer; two halves share a word. */
  constructor(readonly elements: number, readonly buffer: GPUBuffer, readonly half: boolean) {}
}

/** What so many numbers take; a copy needs whole words. */
const bytesOf = (elements: number, half: boolean) =>
  4 * (half ? Math.ceil(elements / 2) : elements);

/** Numbers as they lie on the GPU. */
function packed(values: ArrayLike<number>, half: boolean) {
  if (!half) return new Float32Array(values);
  const halves = new Float16Array(bytesOf(values.length, true) / 2);
  halves.set(values);
  return halves;
}

/** A compiled kernel. */
export interface Pipeline {
  /** The pipeline. */
  pipeline: GPUComputePipeline;
  /** What it binds. */
  layout: GPUBindGroupLayout;
}

/** The device. */
export class Gpu implements Device {
  readonly name = "webgpu";
  readonly fuses = true;
  readonly epilogues = true;
  readonly buffersPerLoop: number;
  /** Whether products are tiled by workgroups; set before the first of them is made. */
  tiled: boolean;
  /** Buffers of storages, and scratch for as long as a run is prepared. */
  readonly numbers: Pool;
  /** Buffers through which numbers come to the host. */
  readonly staging: Pool;
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly waiting: (() => void)[] = [];
  private underWay = 0;
  private submitted = 0;
  private told = 0;
  private failure: Error | null = null;
  private lost: Error | null = null;

  /** On a GPU, or on a `software` adapter that plays one. */
  constructor(readonly gpu: GPUDevice, readonly adapter: string, readonly software: boolean) {
    const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.tiled = !software;
    this.buffersPerLoop = gpu.limits.maxStorageBuffersPerShaderStage;
    this.numbers = new Pool(gpu, STORAGE | COPY_SRC | COPY_DST);
    this.staging = new Pool(gpu, MAP_READ | COPY_DST);
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.failure ??= new Error(`WebGPU: ${(event as GPUUncapturedErrorEvent).error.message}`);
    });
    gpu.lost.then(({ reason, message }) => {
      this.lost = new Error(
        `the GPU device was lost (${reason}: ${message}); start the program again, ` +
          'or take another device, such as device("wasm")',
      );
    });
  }

  get description(): string {
    return `${this.adapter}, products ${this.tiled ? "tiled by workgroups" : "in registers"}`;
  }

  /** Throws what went wrong since the last check. */
  check(): void {
    const error = this.lost ?? this.failure;
    this.failure = null;
    if (error) throw error;
  }

  allocate(elements: number, precision?: Precision): Storage {
    this.check();
    const half = precision === "half", bytes = bytesOf(elements, half);
    const most = this.gpu.limits.maxStorageBufferBindingSize;
    if (bytes <= most) return new Numbers(elements, this.numbers.take(bytes), half);
    throw new RangeError(
      `${elements} numbers are ${bytes} bytes, but this GPU binds at most ${most} at once: ` +
        'make the tensor smaller, or take device("wasm")',
    );
  }

  upload(storage: Storage, values: ArrayLike<number>): void {
    this.check();
    const { buffer, half } = this.valid(storage, values.length), words = packed(values, half);
    if (words.length) this.inOrder(() => this.gpu.queue.writeBuffer(buffer, 0, words));
  }

  free(storage: Storage): void {
    const numbers = this.valid(storage, 0);
    numbers.freed = true;
    this.inOrder(() => this.numbers.give(numbers.buffer));
  }

  compile(program: Program): Executable {
    this.check();
    return new GpuProgram(this, program);
  }

  /** The storage, if it is one of this device and has room for so many numbers. */
  valid(storage: Storage | undefined, elements: number): Numbers {
    if (!(storage instanceof Numbers)) throw new TypeError("webgpu: this is none of its storages");
    if (storage.freed) throw new Error("webgpu: a storage was used after it was freed");
    if (storage.elements >= elements) return storage;
    throw new RangeError(`webgpu: ${elements} numbers do not fit a storage of ${storage.elements}`);
  }

  /** Does something after all that was asked for before; at once if the GPU keeps up. */
  inOrder(action: () => void): void {
    this.waiting.push(action);
    this.proceed();
  }

  private proceed(): void {
    while (this.waiting.length && this.underWay < IN_FLIGHT) this.waiting.shift()!();
  }

  /** Hands work to the GPU. Asking whether it is done can block a software adapter: not every time. */
  submit(encoder: GPUCommandEncoder): void {
    this.gpu.queue.submit([encoder.finish()]);
    this.underWay++;
    this.submitted++;
    if (this.submitted % TELL === 0 && performance.now() > this.told + APART) {
      this.told = performance.now();
      collectSoon();
    }
    if (this.submitted % ASK !== 0) return;
    const done = () => {
      this.underWay -= ASK;
      this.proceed();
    };
    this.gpu.queue.onSubmittedWorkDone().then(done, done);
  }

  /** Adds a copy of a storage to an encoder's work; call the result when that is submitted. */
  copyOut(encoder: GPUCommandEncoder, { buffer, elements, half }: Numbers): () => Promise<Values> {
    const bytes = bytesOf(elements, half);
    if (bytes === 0) return () => Promise.resolve(new Float32Array(0));
    const staging = this.staging.take(bytes);
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
    return async () => {
      try {
        await staging.mapAsync(GPUMapMode.READ, 0, bytes);
        const words = staging.getMappedRange(0, bytes).slice(0);
        if (!half) return new Float32Array(words);
        return new Float32Array(new Float16Array(words, 0, elements));
      } finally {
        staging.unmap();
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
