/**
 * The WebAssembly device: programs as SIMD kernels over one memory, run by a few threads.
 *
 * Idea   Compiling writes a kernel for every step that does not look like one already known, and a
 *        block of numbers that tells the kernel about this step. Running fills in where the storages
 *        are, then does one step after the other.
 * Differs from the paper: there is none.
 * @module
 */
import type { Device, Executable, Storage, Values } from "../../program/device.ts";
import type { Program, Step } from "../../program/program.ts";
import { hasRelaxedSimd, hasSimd, Module } from "./assembler.ts";
import { loopJob } from "./loop_kernel.ts";
import { Memory } from "./memory.ts";
import { productJob, SCRATCH_BYTES } from "./product_kernel.ts";
import { scatterJob } from "./scatter_kernel.ts";
import { type Job, Threads } from "./threads.ts";

/** Choices for `wasmDevice`; the defaults suit the machine. */
export interface WasmOptions {
  /** Threads, the main one included. */
  threads?: number;
  /** Whether to use fused multiply-add. */
  fusedMultiplyAdd?: boolean;
  /** Share even the smallest step, and start the workers at once: for tests. */
  eager?: boolean;
}

/** More threads than this do not pay: they share the way to memory. */
const MOST_THREADS = 8;
/** A chunk is not smaller than about so many instructions: some microseconds. */
const CHUNK_WORK = 20000;
const CHUNKS_PER_THREAD = 8;
/** Milliseconds of work that could have been shared before workers are started: that takes 50 itself. */
const PATIENCE = 30;

class Piece implements Storage {
  constructor(readonly elements: number, public at: number, readonly memory: Memory) {}
}

/** What `Threads.run` wants to know of a step: kernel, parameters, units, grain. */
type Call = [kernel: number, parameters: number, units: number, grain: number];

/** The device that needs nothing but a processor. Throws where WebAssembly knows no SIMD. */
export function wasmDevice(options: WasmOptions = {}): Device {
  return new WasmDevice(options);
}

class WasmDevice implements Device {
  readonly name = "wasm";
  readonly fuses = true;
  readonly epilogues = false;
  readonly buffersPerLoop = Infinity;
  readonly description: string;
  readonly #memory: Memory;
  readonly #threads: Threads;
  readonly #fma: boolean;
  readonly #chunkWork: number;
  readonly #kernels = new Map<string, number>();
  /** Room for the scratch slots, shared by all programs: runs follow one another. */
  #arena = { at: 0, bytes: 0 };

  constructor({ threads, fusedMultiplyAdd, eager = false }: WasmOptions) {
    if (!hasSimd()) {
      throw new Error(
        "This WebAssembly engine has no SIMD: update it, or use the reference device.",
      );
    }
    const shared = typeof SharedArrayBuffer !== "undefined" && typeof Worker !== "undefined";
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    const count = shared ? Math.max(1, threads ?? Math.min(cores, MOST_THREADS)) : 1;
    this.#chunkWork = eager ? 1 : CHUNK_WORK;
    this.#fma = fusedMultiplyAdd ?? hasRelaxedSimd();
    this.#memory = new Memory(count > 1);
    this.#threads = new Threads(this.#memory, count, SCRATCH_BYTES, eager ? 0 : PATIENCE);
    this.description = `WebAssembly SIMD${this.#fma ? " with fused multiply-add" : ""}, ` +
      `${count} thread${count > 1 ? "s" : ""}`;
  }

  allocate(elements: number): Storage {
    return new Piece(elements, this.#memory.take(4 * elements), this.#memory);
  }

  upload(storage: Storage, values: ArrayLike<number>): void {
    this.#memory.floats(this.#address(storage), storage.elements).set(values);
  }

  free(storage: Storage): void {
    this.#memory.give(this.#address(storage));
    (storage as Piece).at = -1;
  }

  compile(program: Program): Executable {
    const offsets: number[] = [];
    let bytes = 0;
    for (const elements of program.slots) {
      offsets.push(bytes);
      bytes += Math.ceil(4 * elements / 64) * 64;
    }
    if (bytes > this.#arena.bytes) {
      if (this.#arena.bytes) this.#memory.give(this.#arena.at);
      this.#arena = { at: this.#memory.take(bytes), bytes };
    }
    const table = this.#memory.take(4 * program.buffers.length);
    const pointerTo = (buffer: number) => table + 4 * buffer;
    const { calls, block } = this.#prepare(program.steps.map((s) => this.#plan(s, pointerTo)));
    const place = (storages: readonly Storage[]) => {
      if (storages.length !== program.bindings) {
        throw new Error(`The program needs ${program.bindings} storages, not ${storages.length}.`);
      }
      const words = this.#memory.words(table, program.buffers.length);
      program.buffers.forEach(({ binding, slot }, i) => {
        words[i] = binding < 0 ? this.#arena.at + offsets[slot] : this.#address(storages[binding]);
      });
    };
    return {
      run: (storages, reads) => {
        place(storages);
        for (const call of calls) if (call[2] > 0) this.#threads.run(...call);
        return Promise.resolve(reads.map((i) => this.#copy(storages[i])));
      },
      profile: (storages) => {
        place(storages);
        return Promise.resolve(calls.map((call) => {
          const start = performance.now();
          if (call[2] > 0) this.#threads.run(...call);
          return performance.now() - start;
        }));
      },
      dispose: () => [table, block].forEach((at) => this.#memory.give(at)),
    };
  }

  #plan(step: Step, pointerTo: (buffer: number) => number): Job {
    if (step.kind === "loop") return loopJob(step, pointerTo);
    if (step.kind === "scatter") return scatterJob(step, pointerTo);
    return productJob(step, this.#fma, pointerTo);
  }

  /** Writes the kernels that are new, and the parameters of all. */
  #prepare(jobs: Job[]): { calls: Call[]; block: number } {
    const module = new Module(this.#fma), fresh = new Map<string, number>();
    for (const { key, write } of jobs) {
      if (this.#kernels.has(key) || fresh.has(key)) continue;
      fresh.set(key, this.#kernels.size + fresh.size);
      write(module, `k${fresh.get(key)}`);
    }
    if (fresh.size) this.#threads.add(module.bytes(this.#memory.shared));
    fresh.forEach((number, key) => this.#kernels.set(key, number));
    const words = jobs.flatMap((job) => job.parameters);
    const block = this.#memory.take(4 * words.length);
    this.#memory.words(block, words.length).set(words);
    let at = block;
    const calls = jobs.map((job): Call => {
      at += 4 * job.parameters.length;
      const own = at - 4 * job.parameters.length;
      return [this.#kernels.get(job.key)!, own, job.units, this.#grain(job)];
    });
    return { calls, block };
  }

  /** Units in a chunk: a few chunks for each thread, none of them too small. */
  #grain({ units, together = 1, work }: Job): number {
    const fair = Math.ceil(units / (this.#threads.count * CHUNKS_PER_THREAD));
    return Math.max(together, fair, Math.ceil(this.#chunkWork / work));
  }

  #address(storage: Storage): number {
    const piece = storage as Piece;
    if (piece.memory !== this.#memory) throw new Error("The storage belongs to another device.");
    if (piece.at < 0) throw new Error("The storage was freed: keep it until its last use.");
    return piece.at;
  }

  #copy(storage: Storage): Values {
    return this.#memory.floats(this.#address(storage), storage.elements).slice();
  }
}
