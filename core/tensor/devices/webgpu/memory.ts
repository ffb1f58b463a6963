/**
 * Buffers of the GPU: kept and used again, as making them is slow and the collector does not see their size.
 *
 * Idea   Sizes are rounded up so that many needs fit one buffer; what is given back waits for the next
 *        taker, unless too much waits already. Work in the GPU's queue is in order, so a buffer can be
 *        used again at once, and destroyed once all earlier work is submitted.
 * Differs from the paper: there is none.
 * @module
 */

/** Does something when all earlier work is submitted. */
export type Later = (action: () => void) => void;

/** Bytes that may wait however few are in use. */
const SPARE = 64 << 20;

/** The size made for a need: at most a quarter more, and a multiple of 64 so that vec4f fits. */
export function rounded(bytes: number): number {
  const step = Math.max(64, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 2));
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

/** Buffers of one usage. */
export class Pool {
  private readonly waiting = new Map<number, GPUBuffer[]>();
  private bytesWaiting = 0;
  private bytesInUse = 0;

  /** Makes buffers of `usage` on `gpu`; destroys them `later`. */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly usage: number,
    private readonly later: Later,
  ) {}

  /** A buffer of at least so many bytes, not cleared. */
  take(bytes: number): GPUBuffer {
    const size = rounded(bytes);
    this.bytesInUse += size;
    const kept = this.waiting.get(size)?.pop();
    if (!kept) return this.gpu.createBuffer({ size, usage: this.usage });
    this.bytesWaiting -= size;
    return kept;
  }

  /** Back into the pool. */
  give(buffer: GPUBuffer): void {
    this.bytesInUse -= buffer.size;
    if (this.bytesWaiting + buffer.size > Math.max(SPARE, this.bytesInUse)) {
      return this.later(() => buffer.destroy());
    }
    this.bytesWaiting += buffer.size;
    const same = this.waiting.get(buffer.size);
    if (same) same.push(buffer);
    else this.waiting.set(buffer.size, [buffer]);
  }
}

/** Scratch for all programs of a device: they run one after another, so they share it. */
export class Scratch {
  private readonly slots: { buffer: GPUBuffer; users: number }[] = [];

  /** Makes buffers of `usage` on `gpu`; destroys them `later`. */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly usage: number,
    private readonly later: Later,
  ) {}

  /** Room for one program more: its slots' bytes, the largest first. */
  reserve(sizes: number[]): void {
    sizes.forEach((bytes, i) => {
      const slot = this.slots[i];
      const users = (slot?.users ?? 0) + 1;
      const enough = slot && slot.buffer.size >= bytes;
      if (slot && !enough) this.later(() => slot.buffer.destroy());
      const buffer = enough
        ? slot.buffer
        : this.gpu.createBuffer({ size: rounded(bytes), usage: this.usage });
      this.slots[i] = { buffer, users };
    });
  }

  /** The buffer of slot i, if there is one; it may be another one after a `reserve`. */
  buffer(i: number): GPUBuffer | undefined {
    return this.slots[i]?.buffer;
  }

  /** One program less, with so many slots. */
  release(count: number): void {
    for (const slot of this.slots.slice(0, count)) slot.users--;
    while (this.slots.at(-1)?.users === 0) {
      const { buffer } = this.slots.pop()!;
      this.later(() => buffer.destroy());
    }
  }
}
