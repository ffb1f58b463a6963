/**
 * The seam between tensors and what computes them.
 *
 * Idea   A device can keep numbers (a storage) and run programs. That is all: it knows no tensor, no
 *        axis and no model.
 * Differs from the paper: there is none.
 * @module
 */
import type { Program } from "./program.ts";

/** The devices by name. `auto` takes a real GPU if there is one, else wasm. */
export type DeviceName = "reference" | "wasm" | "webgpu";

/**
 * How finely numbers are kept: in 32 bits, or in 16 (IEEE's binary16), with 11 bits of precision, up to
 * 65,504.
 */
export type Precision = "single" | "half";

/** Numbers kept on a device. What is inside is the device's own affair. */
export interface Storage {
  /** Number of elements. */
  readonly elements: number;
}

/** A program made ready to run on one device. */
export interface Executable {
  /**
   * Run once, with one storage for each binding; `reads` names the bindings to bring back when the
   * program is done. Returns as soon as the work is under way: runs follow one another in order.
   */
  run(storages: readonly Storage[], reads: readonly number[]): Promise<Values[]>;
  /** Run once, each step on its own, and say how many milliseconds each of them took. */
  profile(storages: readonly Storage[]): Promise<number[]>;
  /** Give back what the executable holds. */
  dispose(): void;
}

/** Numbers on the host. The reference device works in double precision, the others in single. */
export type Values = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** What computes. */
export interface Device {
  /** Its name. */
  readonly name: DeviceName;
  /** One line for people: hardware, threads, driver. */
  readonly description: string;
  /** Whether the scheduler should fuse operations into loops; the reference runs each on its own. */
  readonly fuses: boolean;
  /**
   * Whether a product's epilogue belongs to its step. A processor is faster with a loop of its own: that
   * walks along memory, while a product jumps from row to row.
   */
  readonly epilogues: boolean;
  /** How many buffers one loop may touch. */
  readonly buffersPerLoop: number;
  /**
   * Room for numbers, not cleared. Throws when there is no more memory. Halves come rounded and are only
   * read, by programs whose plan says so; a device need not keep them in less room.
   */
  allocate(elements: number, precision?: Precision): Storage;
  /** Numbers from the host into a storage, in order with the runs. */
  upload(storage: Storage, values: ArrayLike<number>): void;
  /** Give a storage back; what was already started still sees it. */
  free(storage: Storage): void;
  /** Make a program ready. */
  compile(program: Program): Executable;
}
