/**
 * Timing kernels by the GPU's own clock.
 *
 * Idea   A compute pass can write down when it began and when it ended. What lies between two passes is
 *        not counted, so the sum is less than what a run takes.
 * Maths  the clock counts nanoseconds.
 * Differs from the paper: there is none.
 * @module
 */

/** Times of a number of passes. */
export class Stopwatch {
  private readonly times: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly arrived: GPUBuffer;

  /** For so many passes. Throws where the GPU has no clock. */
  constructor(gpu: GPUDevice, private readonly passes: number) {
    if (!gpu.features.has("timestamp-query")) {
      throw new Error("this GPU tells no time (no timestamp-query): profile on another device");
    }
    const count = Math.max(2, 2 * passes),
      { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.times = gpu.createQuerySet({ type: "timestamp", count });
    this.resolved = gpu.createBuffer({ size: 8 * count, usage: QUERY_RESOLVE | COPY_SRC });
    this.arrived = gpu.createBuffer({ size: 8 * count, usage: COPY_DST | MAP_READ });
  }

  /** What tells pass number `i` to look at the clock. */
  around(i: number): GPUComputePassDescriptor {
    const places = { beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    return { timestampWrites: { querySet: this.times, ...places } };
  }

  /** The last thing before the encoder is submitted. */
  stop(encoder: GPUCommandEncoder): void {
    const { times, resolved, arrived } = this;
    encoder.resolveQuerySet(times, 0, times.count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, arrived, 0, resolved.size);
  }

  /** Milliseconds of each pass. */
  async read(): Promise<number[]> {
    await this.arrived.mapAsync(GPUMapMode.READ);
    const ticks = new BigUint64Array(this.arrived.getMappedRange().slice(0));
    [this.times, this.resolved, this.arrived].forEach((x) => x.destroy());
    return Array.from(
      { length: this.passes },
      (_, i) => Number(ticks[2 * i + 1] - ticks[2 * i]) / 1e6,
    );
  }
}
