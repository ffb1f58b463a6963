/**
 * tfjs on the chosen device.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgpu";
import { createRequire } from "node:module";
import { dirname } from "node:path";

/** Start the backend; its WASM files lie beside its own module. */
export async function start(name: string): Promise<void> {
  const beside = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(beside)}/`);
  if (await tf.setBackend(name)) return await tf.ready();
  throw new Error(`tfjs has no backend ${name} here`);
}

/** x normalised over its last axis, which has two parameters of its own. */
export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, epsilon: number) {
  const centred = x.sub(x.mean(-1, true)), variance = centred.square().mean(-1, true);
  return centred.mul(variance.add(epsilon).rsqrt()).mul(gain).add(bias);
}
