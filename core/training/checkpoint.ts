/**
 * Checkpoints of a run of training, beside those of its model.
 *
 * Idea   A model in Hugging Face's form lacks what training needs to go on: the optimiser's memory,
 *        the number of steps, the seed. They become two more files of the same folder, written with
 *        the others or not at all. Since every step follows from seed and number, the continued run
 *        is the uninterrupted one, digit for digit where the device computes in 32 bits and in one
 *        order (wasm).
 * Maths  optimizer.safetensors: mean.PATH and square.PATH for each distinct parameter
 *        training.json: {format, step, seed, losses}
 * Axes   those of each parameter
 * Differs from the paper: there is none.
 * Trap   Parameters of one step and an optimiser of another look fine and train worse: write all
 *        files of a checkpoint in one `writeFolderAtomically`.
 * @module
 */
import { keep, leaves, mapNested, read, sum, type Tensor, tensor } from "../tensor/mod.ts";
import type { AdamWState } from "./adamw.ts";
import { type Content, FileError, readJSON, recoverFolder } from "./files.ts";
import type { Training } from "./loop.ts";
import {
  assertFinite,
  readSafetensors,
  safetensorsParts,
  type StoredTensor,
} from "./safetensors.ts";

const STATE = "optimizer.safetensors";
const RUN = "training.json";
const FORMAT = "lineage-training";

/**
 * The files that a run adds to those of its model: as it is at the moment of the call.
 *
 * @throws {FileError} when the optimiser's memory is not finite: an earlier checkpoint stays.
 *
 * @example
 * ```ts
 * import { readTraining, trainingFiles } from "@lineage/lineage/core/training/checkpoint";
 * import { writeFolderAtomically } from "@lineage/lineage/core/training/files";
 * import { startTraining } from "@lineage/lineage/core/training/loop";
 * import { keep, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = await keep({ w: tensor("D", [1, 2]) });
 * const folder = await Deno.makeTempDir();
 * const model = {}; // here go config.json, model.safetensors, …
 * await writeFolderAtomically(folder, {
 *   ...model,
 *   ...await trainingFiles(await startTraining(params, 7)),
 * });
 * assertEquals((await readTraining(folder, params)).seed, 7);
 * ```
 */
export async function trainingFiles<P>(training: Training<P>): Promise<Record<string, Content>> {
  const { state, step, seed, losses } = training;
  const run = { format: FORMAT, step, seed, losses: [...losses] };
  const found = leaves(state), values = await read(found.map(([, x]) => x));
  const tensors = new Map(found.map(([path, { shape }], i): [string, StoredTensor] => {
    return [path, { shape, data: Float32Array.from(values[i]) }];
  }));
  assertFinite(tensors, STATE);
  return { [STATE]: safetensorsParts(tensors), [RUN]: JSON.stringify(run) + "\n" };
}

/**
 * The run whose files lie in a folder. Its parameters come from the model's files, which are read
 * elsewhere; keep them first.
 *
 * @throws {FileError} when a file is missing or damaged, or belongs to other parameters.
 *
 * @example
 * ```ts
 * import { readTraining } from "@lineage/lineage/core/training/checkpoint";
 * import { FileError } from "@lineage/lineage/core/training/files";
 * import { keep, tensor } from "@lineage/lineage/core/tensor";
 * import { assertRejects } from "@std/assert";
 * const params = await keep({ w: tensor("D", [1, 2]) }), empty = await Deno.makeTempDir();
 * await assertRejects(() => readTraining(empty, params), FileError, "training.json");
 * ```
 */
export async function readTraining<P>(folder: string, params: P): Promise<Training<P>> {
  await recoverFolder(folder);
  const run = parseRun(await readJSON(`${folder}/${RUN}`, "this run"), `${folder}/${RUN}`);
  const path = `${folder}/${STATE}`;
  const { tensors } = await readSafetensors(path);
  const unused = new Set(tensors.keys());
  const memory = (part: keyof AdamWState<P>) =>
    mapNested(params, (x, place) => {
      const name = place ? `${part}.${place}` : part;
      unused.delete(name);
      return likeParameter(tensors.get(name), x, name, path);
    });
  const state = { mean: memory("mean"), square: memory("square") };
  const [foreign] = unused;
  if (foreign !== undefined) refuse(path, `holds "${foreign}", of which the model knows nothing`);
  // Something computed from a parameter makes `keep` choose the device where the parameters are.
  const beside = leaves(params).slice(0, 1).map(([, x]) => sum(x));
  return { params, state: (await keep({ state, beside })).state, ...run };
}

function parseRun(json: unknown, path: string): Omit<Training<unknown>, "params" | "state"> {
  const { format, step, seed, losses } = (json ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) refuse(path, `is no run of training (its format is not ${FORMAT})`);
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value);
  if (!isCount(step) || step < 0) refuse(path, `has the step ${JSON.stringify(step)}`);
  if (!isCount(seed)) refuse(path, `has the seed ${JSON.stringify(seed)}`);
  if (!Array.isArray(losses) || losses.length !== step || !losses.every(Number.isFinite)) {
    refuse(path, `has no list of losses, one for each of its ${step} steps`);
  }
  return { step, seed, losses };
}

function refuse(path: string, problem: string): never {
  throw new FileError(path, `${problem}; take another checkpoint, or start a new run`);
}

function likeParameter(
  stored: StoredTensor | undefined,
  x: Tensor,
  name: string,
  path: string,
): Tensor {
  if (!stored) refuse(path, `lacks "${name}", which the model's parameters need`);
  const { shape, data } = stored;
  if (shape.join() !== x.shape.join()) {
    refuse(path, `holds "${name}" of ${shape.join("×")}, and the parameter is ${x}`);
  }
  return tensor(x.axes.join(" "), data, shape);
}
