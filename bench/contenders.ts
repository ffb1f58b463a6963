/**
 * Who is measured at what.
 *
 * @module
 */

/** A device that contenders run on. */
export type On = "wasm" | "webgpu";

/** A program that measures one library at one task. */
export interface Contender {
  /** The library. */
  name: string;
  /** The program, relative to this folder. */
  program: string;
  /** Where it can run. */
  devices: readonly On[];
}

/** A task, with all who take part. */
export interface Task {
  name: string;
  /** What is measured, for the help text. */
  about: string;
  /** Ours first. */
  contenders: readonly Contender[];
  /** What every contender must find, to 1e-3; what is not here must be as ours finds it. */
  expected?: Record<string, number>;
  /** Options of `deno run`. */
  flags?: readonly string[];
  /** When it is measured without being asked for by name; without it always. */
  unasked?: "never" | "on a real GPU";
  /** Whether its sizes can be told; then what all must find is what ours finds. */
  resizable?: boolean;
}

const both = ["wasm", "webgpu"] as const;
const ours = (program: string): Contender => ({ name: "lineage", program, devices: both });
const jax = (program: string): Contender => ({ name: "jax-js", program, devices: both });

const tfjs = (program: string): Contender => ({ name: "tfjs", program, devices: both });
const torch = (program: string): Contender => ({ name: "PyTorch", program, devices: ["wasm"] });

/** All tasks. */
export const TASKS: readonly Task[] = [
  {
    name: "matmul",
    about: "matrix products of several sizes",
    contenders: [ours("ours/matmul.ts"), jax("peers/jax/matmul.ts"), tfjs("peers/tfjs/matmul.ts")],
  },
  {
    name: "training",
    about: "steps of a small GPT with AdamW, 1,024 letters each",
    contenders: [
      ours("ours/training.ts"),
      jax("peers/jax/training.ts"),
      tfjs("peers/tfjs/training.ts"),
      torch("peers/torch/training.ts"),
    ],
    expected: { first: 4.2123, last: 3.265 },
  },
  {
    name: "bert",
    about: "a forward pass of BERT-base over 128 tokens",
    contenders: [
      ours("ours/bert.ts"),
      jax("peers/jax/bert.ts"),
      { name: "onnxruntime-web", program: "peers/onnxruntime/bert.ts", devices: ["wasm"] },
      tfjs("peers/tfjs/bert.ts"),
      torch("peers/torch/bert.ts"),
    ],
    expected: { mean: 0.82439 },
  },
  {
    name: "generation",
    about: "GPT-2 small: a token after 256 others, and 128 tokens at once",
    contenders: [
      // Its word table is larger than what some GPUs bind at once.
      { name: "lineage", program: "ours/generation.ts", devices: ["wasm"] },
      { name: "onnxruntime-web", program: "peers/onnxruntime/generation.ts", devices: ["wasm"] },
    ],
    expected: { token: 4.6693, text: 4.37582 },
  },
  {
    name: "startup",
    about: "from nothing to a first result",
    contenders: [ours("ours/startup.ts"), jax("peers/jax/startup.ts")],
  },
  {
    name: "bert-batch",
    about: "BERT-base over 8 × 512 tokens: forward, and training steps",
    contenders: [ours("ours/bert_batch.ts"), jax("peers/jax/bert_batch.ts")],
    expected: { mean: 0.79678, first: 10.51401, fifth: 10.52194 }, // by PyTorch
    unasked: "on a real GPU",
    resizable: true,
  },
  {
    name: "gpt2-batch",
    about: "training steps of GPT-2 small over 8 × 256 tokens",
    contenders: [ours("ours/gpt2_batch.ts"), jax("peers/jax/gpt2_batch.ts")],
    expected: { first: 11.03199, fifth: 11.06113 }, // likewise
    unasked: "on a real GPU",
    resizable: true,
  },
  {
    name: "memory",
    about: "what a process holds over 10,000 small training steps",
    contenders: [ours("ours/memory.ts")],
    flags: ["--v8-flags=--expose-gc"],
    unasked: "never",
  },
];
