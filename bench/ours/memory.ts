/**
 * Memory over 10,000 small training steps.
 * Usage: deno run -A --v8-flags=--expose-gc bench/ours/memory.ts wasm|webgpu
 *
 * Idea   Nothing here frees anything. If what the process holds after 10,000 steps is what it held
 *        before, nothing leaks, neither on the host nor on the device.
 * Trap   Until some thousand steps are done V8 still compiles and makes room for garbage; what it takes for
 *        that outside of its heap the process keeps when it is free again: so what it holds grows in any
 *        program. The growth is also given for the second half alone. And the first line that a program
 *        prints takes memory, too: so all is told at the end.
 */
import { initialise } from "../../core/parameters.ts";
import {
  crossEntropy,
  device,
  type DeviceName,
  einsum,
  keep,
  mean,
  randomKey,
  read,
  rename,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../../core/tensor/mod.ts";
import { adamw, adamwState } from "../../core/training/adamw.ts";
import { BERT, BERT_TINY } from "../../models/bert.ts";
import { encode, encoderParameters } from "../../models/spec.ts";
import { report } from "../measured.ts";

const [batch, length, vocabulary] = [4, 16, 64];
const sizes = { ...BERT_TINY, vocabulary, positions: length, width: 32, heads: 2, inner: 64 };
await device(Deno.args[0] as DeviceName);
const params = await keep(initialise(encoderParameters(BERT, sizes, false), randomKey(1)));
const state = await keep(adamwState(params));
const lossOf = valueAndGrad((p: typeof params, ids: Tensor<"B T">) => {
  const { last } = encode(BERT, sizes, p, { ids });
  const logits = einsum("B T D, V D -> B T V", last, rename(p.embedding.word, "V E -> V D"));
  return mean(crossEntropy(logits, ids, "V"), "B T");
});

/** Megabytes that the process holds, after the collector has done what it would do sooner or later. */
function held(): number {
  const { gc } = globalThis as { gc?: (options: Record<string, string>) => void };
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  return Deno.memoryUsage().rss / 2 ** 20;
}

const seen = new Map<number, number>();
for (let step = 1; step <= 10_000; step++) {
  const values = Int32Array.from(
    { length: batch * length },
    (_, i) => (i * 31 + step) % vocabulary,
  );
  const { value, gradients } = lossOf(params, tensor("B T", values, [batch, length]));
  const next = adamw(params, gradients, state, { rate: 1e-3, step });
  const loss = read(value, [[params, next.params], [state, next.state]]);
  if (step % 50 === 0) await loss;
  if ([100, 5000, 10_000].includes(step)) seen.set(step, held());
}
for (const [step, value] of seen) report({ name: `after ${step} steps`, value, unit: "MB" });
for (const from of [100, 5000]) {
  const value = 100 * (seen.get(10_000)! / seen.get(from)! - 1);
  report({ name: `growth from ${from} to 10000 steps`, value, unit: "%" });
}
Deno.exit();
