/**
 * A program on the GPU.
 *
 * Idea   A run is one encoder, one compute pass and one submission; copies of what is read are part of it.
 *        Scratch is taken from the device's pool and given back when the run is submitted: the next
 *        program's work comes after it in the queue, and may overwrite it.
 * Differs from the paper: there is none.
 * @module
 */
import type { Executable, Storage, Values } from "../../device.ts";
import type { BufferPlan, Program } from "../../program.ts";
import type { Gpu, Pipeline } from "./device.ts";
import { type Kernel, WIDEST } from "./kernel.ts";
import { lower } from "./lower.ts";

/** A kernel with what it is bound to. */
interface Bound extends Pipeline {
  kernel: Kernel;
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
  private readonly uniforms: GPUBuffer;

  /** Compiles a program for a device. */
  constructor(private readonly device: Gpu, program: Program) {
    const { kernels, buffers, slots } = lower(program, device.trees, device.buffersPerLoop);
    [this.plans, this.slots] = [buffers, slots];
    let offset = 0;
    this.kernels = kernels.map((kernel) => {
      const at = offset;
      offset += Math.ceil(kernel.parameters.length / 64) * 256; // where a uniform block may begin
      return { ...device.pipeline(kernel), kernel, offset: at, buffers: [], group: null };
    });
    const block = new Int32Array(Math.max(offset, 256) / 4);
    for (const { kernel, offset } of this.kernels) block.set(kernel.parameters, offset / 4);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.uniforms = device.gpu.createBuffer({ size: block.byteLength, usage });
    device.gpu.queue.writeBuffer(this.uniforms, 0, block);
  }

  run(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Values[]>();
    this.device.inOrder(() => this.start(storages, reads).then(resolve, reject));
    return promise;
  }

  /** Everything up to the submission happens before the first await. */
  private async start(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]> {
    const { device } = this;
    device.check();
    const given = storages.map((s) => device.valid(s, 0));
    for (const { binding, elements } of this.plans) {
      if (binding >= 0) device.valid(given[binding], elements);
    }
    const scratch = this.slots.map((elements) => device.numbers.take(elements * 4));
    const encoder = device.gpu.createCommandEncoder(), pass = encoder.beginComputePass();
    for (const bound of this.kernels) {
      this.dispatch(pass, bound, (b) => {
        const { binding, slot } = this.plans[b];
        return binding < 0 ? scratch[slot] : given[binding].buffer;
      });
    }
    pass.end();
    const arrivals = reads.map((i) => device.copyOut(encoder, given[i]));
    device.submit(encoder);
    scratch.reverse().forEach((buffer) => device.numbers.give(buffer)); // the next run takes the same
    if (reads.length === 0) return [];
    // Mapping can block a software adapter until all is done: let the caller submit more before.
    await new Promise((resolve) => setTimeout(resolve));
    const values = await Promise.all(arrivals.map((arrive) => arrive())).catch((error) => error);
    device.check();
    if (values instanceof Error) throw values;
    return values;
  }

  private dispatch(pass: GPUComputePassEncoder, bound: Bound, place: (b: number) => GPUBuffer) {
    const { kernel, pipeline } = bound;
    const buffers = kernel.buffers.map(place);
    if (!bound.group || buffers.some((b, i) => b !== bound.buffers[i])) {
      bound.buffers = buffers;
      bound.group = this.bind(bound);
    }
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bound.group);
    pass.dispatchWorkgroups(Math.min(kernel.groups, WIDEST), Math.ceil(kernel.groups / WIDEST));
  }

  private bind({ kernel: { label, parameters }, layout, offset, buffers }: Bound): GPUBindGroup {
    const uniforms = { buffer: this.uniforms, offset, size: Math.ceil(parameters.length / 4) * 16 };
    const resources = [uniforms, ...buffers.map((buffer) => ({ buffer }))];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    return this.device.gpu.createBindGroup({ label, layout, entries });
  }

  dispose(): void {
    this.device.inOrder(() => {
      this.uniforms.destroy();
      this.device.numbers.relax();
    });
  }
}
