/**
 * A program on the GPU.
 *
 * Idea   A run is one encoder, one compute pass and one submission; copies of what is read are part of it.
 *        Scratch is taken from the device's pool and given back when the run is submitted: the next
 *        program's work comes after it in the queue, and may overwrite it.
 * Differs from the paper: there is none.
 * @module
 */
import type { Executable, Storage, Values } from "../../program/device.ts";
import type { BufferPlan, Program } from "../../program/program.ts";
import type { Gpu, Numbers, Pipeline } from "./device.ts";
import { type Kernel, type Ways, WIDEST } from "./kernel.ts";
import { lower } from "./lower.ts";
import { Stopwatch } from "./stopwatch.ts";

/** A kernel with what it is bound to. */
interface Bound extends Pipeline {
  kernel: Kernel;
  /** The step of the program that it belongs to. */
  step: number;
  /** Where its parameters begin in the uniform buffer. */
  offset: number;
  buffers: GPUBuffer[];
  group: GPUBindGroup | null;
}

/** The kernels of a program, ready to run. */
export class GpuProgram implements Executable {
  private readonly plans: BufferPlan[];
  private readonly slots: number[];
  private readonly kernels: Bound[];
  private readonly steps: number;
  private readonly uniforms: GPUBuffer;

  /** Compiles a program for a device, in its ways or in others. */
  constructor(private readonly device: Gpu, program: Program, ways: Ways = device) {
    const { kernels, buffers, slots } = lower(program, ways);
    [this.plans, this.slots, this.steps] = [buffers, slots, kernels.length];
    let offset = 0;
    const prepare = (kernel: Kernel, step: number): Bound => {
      const at = offset;
      offset += Math.ceil(kernel.parameters.length / 64) * 256; // where a uniform block may begin
      return { ...device.pipeline(kernel), kernel, step, offset: at, buffers: [], group: null };
    };
    this.kernels = kernels.flatMap((own, step) => own.map((kernel) => prepare(kernel, step)));
    const block = new Int32Array(Math.max(offset, 256) / 4);
    for (const { kernel, offset } of this.kernels) block.set(kernel.parameters, offset / 4);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.uniforms = device.gpu.createBuffer({ size: block.byteLength, usage });
    device.gpu.queue.writeBuffer(this.uniforms, 0, block);
  }

  run(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]> {
    return new Promise((resolve, reject) => {
      const { device } = this;
      device.check();
      const given = storages.map((s) => device.valid(s, 0)); // it may be freed before its turn comes
      for (const { binding, elements, half = false } of this.plans) {
        if (binding < 0 || device.valid(given[binding], elements).half === half) continue;
        throw new TypeError(`webgpu: storage ${binding} is of another precision than its plan`);
      }
      device.inOrder(() => this.start(given, reads).then(resolve, reject));
    });
  }

  /** Everything up to the submission happens before the first await. */
  private async start(given: Numbers[], reads: readonly number[]): Promise<Values[]> {
    const { device } = this;
    device.check();
    const arrivals = this.submit(given, reads);
    if (reads.length === 0) return [];
    // Mapping blocks a software adapter until all is done: let the caller submit more before.
    if (device.software) await new Promise((resolve) => setTimeout(resolve));
    const values = await Promise.all(arrivals.map((arrive) => arrive())).catch((error) => error);
    device.check();
    if (values instanceof Error) throw values;
    return values;
  }

  /** A pass for each kernel, between two looks at the GPU's clock. */
  profile(storages: readonly Storage[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const given = storages.map((s) => this.device.valid(s, 0));
      this.device.inOrder(() => {
        const stopwatch = new Stopwatch(this.device.gpu, this.kernels.length);
        this.submit(given, [], stopwatch);
        stopwatch.read().then((times) => {
          const ofStep = new Array<number>(this.steps).fill(0);
          this.kernels.forEach(({ step }, i) => ofStep[step] += times[i]);
          return ofStep;
        }).then(resolve, reject);
      });
    });
  }

  private submit(
    given: Numbers[],
    reads: readonly number[],
    stopwatch?: Stopwatch,
  ): (() => Promise<Values>)[] {
    const { gpu, numbers } = this.device;
    const scratch = this.slots.map((elements) => numbers.take(elements * 4));
    const place = (b: number) => {
      const { binding, slot } = this.plans[b];
      return binding < 0 ? scratch[slot] : given[binding].buffer;
    };
    try {
      const encoder = gpu.createCommandEncoder();
      const pass = stopwatch ? undefined : encoder.beginComputePass();
      for (const [i, bound] of this.kernels.entries()) {
        const own = pass ?? encoder.beginComputePass(stopwatch!.around(i));
        this.dispatch(own, bound, bound.kernel.buffers.map(place));
        if (stopwatch) own.end();
      }
      pass?.end();
      stopwatch?.stop(encoder);
      const arrivals = reads.map((i) => this.device.copyOut(encoder, given[i]));
      this.device.submit(encoder);
      return arrivals;
    } finally {
      scratch.reverse().forEach((buffer) => numbers.give(buffer)); // the next run takes the same ones
    }
  }

  private dispatch(pass: GPUComputePassEncoder, bound: Bound, buffers: GPUBuffer[]): void {
    const { kernel: { groups }, pipeline } = bound;
    if (!bound.group || buffers.some((b, i) => b !== bound.buffers[i])) {
      bound.buffers = buffers;
      bound.group = this.bind(bound);
    }
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bound.group);
    pass.dispatchWorkgroups(Math.min(groups, WIDEST), Math.ceil(groups / WIDEST));
  }

  private bind({ kernel, layout, offset, buffers }: Bound): GPUBindGroup {
    const { label, parameters, writes } = kernel;
    const twice = (b: GPUBuffer) => buffers.indexOf(b) !== buffers.lastIndexOf(b);
    if (buffers.some((b, i) => writes[i] && twice(b))) {
      throw new Error(`webgpu: ${label}: a storage that is written is given under two names`);
    }
    const uniforms = { buffer: this.uniforms, offset, size: Math.ceil(parameters.length / 4) * 16 };
    const resources = [uniforms, ...buffers.map((buffer) => ({ buffer }))];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.device.gpu.createBindGroup({ label, layout, entries });
  }

  dispose(): void {
    this.device.inOrder(() => {
      this.uniforms.destroy();
      this.device.numbers.relax();
      this.device.staging.relax();
    });
  }
}
