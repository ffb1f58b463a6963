/**
 * Threads: workers that look for chunks of the step at hand in shared memory.
 *
 * Idea   A step's units of work lie in chunks. `left` counts those that nobody has claimed; whoever
 *        lowers it by one owns that chunk, the main thread as well as the workers. The step is over
 *        when `done` equals the number of chunks, so a worker that sleeps is never waited for.
 * Trap   The words that describe a step may be read only after a claim: while a claimed chunk is not
 *        done they do not change.
 * Differs from the paper: there is none.
 * @module
 */
import type { Module } from "./assembler.ts";
import type { Memory } from "./memory.ts";

/** A kernel: does the units from `begin` to `end`; `scratch` is the thread's own memory. */
export type Kernel = (parameters: number, begin: number, end: number, scratch: number) => void;

/** A step, planned: its kernel, what the kernel is told, and how much there is to do. */
export interface Job {
  /** Jobs with the same key share a kernel. */
  key: string;
  /** Write that kernel, under this name. */
  write(module: Module, name: string): void;
  /** The words that it reads. */
  parameters: number[];
  /** Units of work, for the threads to share. */
  units: number;
  /** Units that a chunk should have at least, since they share what is done for the first (default 1). */
  together?: number;
  /** About how many instructions a unit takes. */
  work: number;
}

/** The control block, in words; what is written often lies in a cache line of its own. */
const word = {
  left: 0,
  done: 16,
  sleeping: 32,
  failed: 33,
  kernel: 48,
  parameters: 49,
  units: 50,
  grain: 51,
  modules: 52,
  chunks: 53,
  waiting: 54,
};
const CONTROL_BYTES = 256;
/** How often a thread looks for what it waits for before it sleeps. */
const LOOKS = 2000;
/** The main thread of a page may not sleep. */
const maySleep = !("document" in globalThis);
/** Milliseconds that a thread takes to wake up: what is done by then calls for no thread. */
const WAKING = 0.02;

interface Start {
  looks: number;
  memory: WebAssembly.Memory;
  control: number;
  scratch: number;
}

/** Do chunks until none is left. Its source is part of the workers', so it uses nothing but `word`. */
function takePart(control: Int32Array, kernel: (number: number) => Kernel, scratch: number): void {
  for (;;) {
    const left = Atomics.load(control, word.left);
    if (left === 0) return;
    if (Atomics.compareExchange(control, word.left, left, left - 1) !== left) continue;
    const grain = control[word.grain], begin = (left - 1) * grain;
    const end = Math.min(begin + grain, control[word.units]);
    kernel(control[word.kernel])(control[word.parameters], begin, end, scratch);
    const chunks = control[word.chunks]; // read before the last chunk is done: then it may change
    const done = Atomics.add(control, word.done, 1) + 1;
    if (done === chunks && Atomics.load(control, word.waiting)) Atomics.notify(control, word.done);
  }
}

/** A worker's whole life. Its source is sent to the worker, so it uses nothing but `takePart`. */
function work({ memory, control: at, scratch, looks }: Start): void {
  const control = new Int32Array(memory.buffer, at, 64);
  const kernels: Kernel[] = [];
  let next = 0;
  // Modules lie in a chain: the next one's address, length, and the bytes.
  const kernel = (number: number): Kernel => {
    while (kernels.length <= number) {
      memory.grow(0);
      const at = next ? new Uint32Array(memory.buffer, next, 1)[0] : control[word.modules] >>> 0;
      const bytes = new Uint8Array(memory.buffer, at + 8, new Uint32Array(memory.buffer, at, 2)[1]);
      const module = new WebAssembly.Module(bytes.slice());
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      kernels.push(...Object.values(exports) as Kernel[]);
      next = at;
    }
    return kernels[number];
  };
  for (let idle = 0;; idle++) {
    if (Atomics.load(control, word.left) !== 0) {
      idle = 0;
      try {
        kernel(control[word.kernel]); // compiled before a chunk is claimed, for which others would wait
        takePart(control, kernel, scratch);
      } catch {
        Atomics.store(control, word.failed, 1);
        return;
      }
    } else if (idle > looks) {
      Atomics.add(control, word.sleeping, 1);
      Atomics.wait(control, word.left, 0);
      Atomics.sub(control, word.sleeping, 1);
      idle = 0;
    }
  }
}

/** The workers' script as text: wherever this module lies, it needs no file and no permission. */
const script = () => `const word = ${JSON.stringify(word)};\n${takePart}\n${work}\n`;

function startWorker(start: Start): void {
  const { process } = globalThis as unknown as {
    process?: { getBuiltinModule?: (name: string) => typeof import("node:worker_threads") };
  };
  // Unlike a worker of the web, such a one does not keep the process alive.
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  if (threads) {
    const begin = 'work(process.getBuiltinModule("node:worker_threads").workerData)';
    new threads.Worker(script() + begin, { eval: true, workerData: start }).unref();
  } else {
    const begin = "onmessage = (event) => work(event.data)";
    const url = URL.createObjectURL(new Blob([script() + begin], { type: "text/javascript" }));
    new Worker(url, { type: "module" }).postMessage(start);
  }
}

/** Kernels, and the threads that run them. */
export class Threads {
  readonly #kernels: Kernel[] = [];
  readonly #kernel = (number: number): Kernel => this.#kernels[number];
  readonly #control: Int32Array;
  readonly #at: number;
  readonly #scratch: number;
  #lastModule = 0;
  #started = false;
  #patience: number;

  /**
   * So many threads with so many bytes of scratch memory each, a multiple of 16; `patience`: milliseconds
   * to work alone before the others are started.
   */
  constructor(
    readonly memory: Memory,
    readonly count: number,
    private readonly scratchBytes: number,
    private readonly patience: number,
  ) {
    this.#patience = patience;
    this.#at = memory.take(CONTROL_BYTES);
    this.#scratch = memory.take(count * scratchBytes);
    this.#control = memory.words(this.#at, CONTROL_BYTES / 4).fill(0);
  }

  /** Makes the functions that the module exports known, under the next numbers. */
  add(bytes: Uint8Array<ArrayBuffer>): void {
    const module = new WebAssembly.Module(bytes), env = { memory: this.memory.memory };
    this.#kernels.push(
      ...Object.values(new WebAssembly.Instance(module, { env }).exports) as Kernel[],
    );
    if (this.count > 1) this.#publish(bytes);
  }

  #publish(bytes: Uint8Array): void {
    const at = this.memory.take(bytes.length + 8);
    this.memory.words(at, 2).set([0, bytes.length]);
    new Uint8Array(this.memory.memory.buffer).set(bytes, at + 8);
    if (this.#lastModule) this.memory.words(this.#lastModule, 1)[0] = at;
    else this.#control[word.modules] = at;
    this.#lastModule = at;
  }

  /** Run a kernel; all of it is done on return. At most one chunk of `grain` units: on this thread alone. */
  run(kernel: number, parameters: number, units: number, grain: number): void {
    if (units <= grain || this.count === 1) {
      return this.#kernels[kernel](parameters, 0, units, this.#scratch);
    }
    if (!this.#started) {
      if (this.#patience <= 0) this.#start();
      const begin = performance.now();
      this.#kernels[kernel](parameters, 0, units, this.#scratch);
      const left = this.#patience + begin + WAKING - performance.now();
      this.#patience = Math.min(left, this.patience);
      return;
    }
    const control = this.#control, chunks = Math.ceil(units / grain);
    control[word.kernel] = kernel;
    control[word.parameters] = parameters;
    control[word.units] = units;
    control[word.grain] = grain;
    control[word.chunks] = chunks;
    Atomics.store(control, word.done, 0);
    Atomics.store(control, word.left, chunks);
    if (Atomics.load(control, word.sleeping) > 0) Atomics.notify(control, word.left);
    takePart(control, this.#kernel, this.#scratch);
    this.#join(chunks);
  }

  /** Wait for the last chunk: briefly by looking, then asleep, since the other may need this very core. */
  #join(chunks: number): void {
    const control = this.#control;
    for (let looks = 0;; looks++) {
      const done = Atomics.load(control, word.done);
      if (done >= chunks) return;
      if (Atomics.load(control, word.failed)) {
        throw new Error("A worker thread failed in a kernel.");
      }
      if (looks < LOOKS || !maySleep) continue;
      Atomics.store(control, word.waiting, 1);
      Atomics.wait(control, word.done, done, 5);
      Atomics.store(control, word.waiting, 0);
    }
  }

  #start(): void {
    this.#started = true;
    for (let i = 1; i < this.count; i++) {
      const scratch = this.#scratch + i * this.scratchBytes;
      startWorker({ memory: this.memory.memory, control: this.#at, scratch, looks: LOOKS });
    }
  }
}
