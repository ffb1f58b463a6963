/**
 * Room in one WebAssembly memory: a list of free pieces, the first that fits is taken.
 *
 * Idea   Freed pieces join their neighbours, so a loop that allocates and frees the same sizes never grows.
 * Differs from the paper: there is none.
 * @module
 */

const PAGE = 65536;
const MOST_PAGES = 65536;
const STEP_PAGES = 256;
/** Kernels load whole vectors, up to 60 bytes behind the last number: this much is never handed out. */
const MARGIN = 128;

/** A growing WebAssembly memory that hands out pieces, 64-byte aligned. */
export class Memory {
  /** The memory that kernels import. */
  readonly memory: WebAssembly.Memory;
  /** Whether workers can see it, too. */
  readonly shared: boolean;
  readonly #free: { at: number; size: number }[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;

  constructor(shared: boolean) {
    this.shared = shared;
    this.memory = new WebAssembly.Memory({ initial: STEP_PAGES, maximum: MOST_PAGES, shared });
    // Address 0 is never handed out.
    this.#free.push({ at: 64, size: STEP_PAGES * PAGE - 64 - MARGIN });
    this.#end = STEP_PAGES * PAGE - MARGIN;
  }

  /** The address of `bytes` bytes. */
  take(bytes: number): number {
    const size = Math.max(64, Math.ceil(bytes / 64) * 64);
    let i = this.#free.findIndex((f) => f.size >= size);
    if (i < 0) {
      this.#grow(size);
      i = this.#free.length - 1;
    }
    const piece = this.#free[i], at = piece.at;
    if (piece.size === size) this.#free.splice(i, 1);
    else Object.assign(piece, { at: at + size, size: piece.size - size });
    this.#sizes.set(at, size);
    return at;
  }

  /** Give a piece back. Throws for an address that is not taken. */
  give(at: number): void {
    const size = this.#sizes.get(at);
    if (size === undefined) throw new Error(`Nothing is allocated at ${at}: was it freed twice?`);
    this.#sizes.delete(at);
    const after = this.#free.findIndex((f) => f.at > at);
    const i = after < 0 ? this.#free.length : after;
    this.#free.splice(i, 0, { at, size });
    this.#join(i);
    if (i > 0) this.#join(i - 1);
  }

  /** Bytes handed out at the moment. */
  get used(): number {
    let sum = 0;
    for (const size of this.#sizes.values()) sum += size;
    return sum;
  }

  /** Numbers in memory; valid until the next `take`. */
  floats(at: number, elements: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer, at, elements);
  }

  /** Words in memory; valid until the next `take`. */
  words(at: number, elements: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer, at, elements);
  }

  /** Joins piece i and the next if they touch. */
  #join(i: number): void {
    const [a, b] = [this.#free[i], this.#free[i + 1]];
    if (!b || a.at + a.size !== b.at) return;
    a.size += b.size;
    this.#free.splice(i + 1, 1);
  }

  /** Makes the last free piece at least `size` bytes long. */
  #grow(size: number): void {
    const last = this.#free.at(-1);
    const there = last && last.at + last.size === this.#end ? last.size : 0;
    const pages = Math.max(STEP_PAGES, Math.ceil((size - there) / PAGE));
    const room = MOST_PAGES - (this.#end + MARGIN) / PAGE;
    try {
      this.memory.grow(Math.min(pages, Math.max(room, Math.ceil((size - there) / PAGE))));
    } catch {
      throw new Error(
        `WebAssembly memory is exhausted: ${size} more bytes were asked for, ${this.used} are in use, ` +
          `4 GiB is the limit. Use smaller batches or a smaller model, or free tensors earlier.`,
      );
    }
    const end = this.memory.buffer.byteLength - MARGIN;
    this.#free.push({ at: this.#end, size: end - this.#end });
    this.#end = end;
    if (this.#free.length > 1) this.#join(this.#free.length - 2);
  }
}
