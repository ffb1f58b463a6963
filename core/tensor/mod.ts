/**
 * Tensors with named axes: lazy, differentiable, on three devices.
 *
 * Where a kernel comes from: two arrows. Asked for numbers, run.ts has `schedule` (emit.ts) turn the
 * graph into a program, a list of loops, products and scatters (core/program/program.ts); the device
 * turns each step of the program into a kernel (core/devices: reference.ts runs it as it stands,
 * wasm/…_kernel.ts and webgpu/…_kernel.ts write code). `explain` shows the program, `shaders` the code.
 *
 * @example
 * ```ts
 * import { einsum, read, softmax, tensor } from "@lineage/lineage/core/tensor";
 * const q = tensor("Tq K", [[1, 0], [0, 1]]), k = tensor("Tk K", [[4, 0], [0, 4]]);
 * const weights = softmax(einsum("Tq K, Tk K -> Tq Tk", q, k), "Tk");
 * console.log(await read(weights)); // nothing was computed before this line
 * ```
 * @module
 */
export { AxisError } from "./axes.ts";
export type {
  AxisOf,
  Both,
  Drop,
  Flat,
  Join,
  Left,
  Merged,
  Rest,
  Right,
  SplitBy,
  Within,
  Without,
  Words,
} from "./axes.ts";
export type { Device, DeviceName, Precision, Values } from "../program/device.ts";
export { chosenDevice, device, type DeviceChoice } from "../devices/choice.ts";
export { einsum, type Operands } from "./einsum.ts";
export {
  abs,
  add,
  divide,
  equal,
  exp,
  type Fitting,
  gelu,
  geluTanh,
  less,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  relu,
  scale,
  sigmoid,
  silu,
  sqrt,
  square,
  subtract,
  tanh,
  where,
} from "./elementwise.ts";
export { explain, profile, shaders } from "./explain.ts";
export { type ExplainedKind, type ExplainedPart, Explanation } from "../program/explanation.ts";
export { gather, scatterAdd } from "./gather.ts";
export { gradients, leaves, mapNested, type Nested, valueAndGrad } from "./gradient.ts";
export { crossEntropy, ignored, logSoftmax, meanOver, softmax, standardize } from "./normalize.ts";
export { dropout, Key, normal, randomKey, uniform } from "./random.ts";
export { type AxesOf, max, mean, sum } from "./reduce.ts";
export { keep, type NumbersOf, read, readRows, type Updates } from "./run.ts";
export {
  type Backward,
  full,
  indices,
  isZero,
  type NestedNumbers,
  type Origin,
  sameForm,
  scalar,
  stopGradient,
  Tensor,
  tensor,
  withAxes,
  withGradient,
  zeros,
} from "./tensor.ts";
export { at, broadcast, concat, pad, rearrange, rename, slice, type Source } from "./views.ts";
