/**
 * Buffers of the GPU: kept and used again, as making them is slow and the collector does not see their size.
 *
 * Idea   Sizes are rounded up so that many needs fit one buffer. What is given back waits for the next
 *        taker; together with what is in use it never holds more than was in use at one time.
 * Differs from the paper: there is none.
 * @module
 */

/** Bytes that a pool may hold even if they were never all in use. */
const SPARE = 64 << 20;

/** The size made for a need: at most a quarter more, and a multiple of 64 so that vec4f fits. */
function rounded(bytes: number): number {
  const step = Math.max(64, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 2));
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

/** Buffers of one usage. */
export class Pool {
  /** Given back, the longest waiting first. */
  private readonly waiting: GPUBuffer[] = [];
  private held = 0;
  private inUse = 0;
  private most = SPARE;

  /** Makes buffers of `usage` on `gpu`. */
  constructor(private readonly gpu: GPUDevice, private readonly usage: number) {}

  /** A buffer of at least so many bytes, not cleared. */
  take(bytes: number): GPUBuffer {
    const size = rounded(bytes);
    this.inUse += size;
    this.most = Math.max(this.most, this.inUse);
    const i = this.waiting.findLastIndex((b) => b.size === size);
    if (i >= 0) return this.waiting.splice(i, 1)[0];
    this.held += size;
    this.shrink();
    return this.gpu.createBuffer({ size, usage: this.usage });
  }

  /** Back into the pool, when all work with the buffer is submitted. */
  give(buffer: GPUBuffer): void {
    this.inUse -= buffer.size;
    this.waiting.push(buffer);
    this.shrink();
  }

  /** Forget how much was in use: a program is gone. */
  relax(): void {
    this.most = Math.max(SPARE, this.inUse);
    this.shrink();
  }

  private shrink(): void {
    while (this.waiting.length && this.held > this.most) {
      const oldest = this.waiting.shift()!;
      this.held -= oldest.size;
      oldest.destroy();
    }
  }
}
