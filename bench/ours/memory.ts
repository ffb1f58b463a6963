/**
 * Memory over 5,000 small training steps. Usage: deno run -A bench/ours/memory.ts wasm|webgpu
 *
 * Idea   Nothing here frees anything. If what the process holds after 5,000 steps is what it held after
 *        100, nothing leaks, neither on the host nor on the device.
 */
import {
  add,
  crossEntropy,
  device,
  type DeviceName,
  einsum,
  gather,
  geluTanh,
  keep,
  mean,
  normal,
  randomKey,
  read,
  tensor,
  valueAndGrad,
} from "../../core/tensor/mod.ts";
import { adamw, adamwState } from "../../core/training/adamw.ts";
import { report } from "../measured.ts";

const [batch, width, inner, vocabulary] = [256, 64, 256, 128];
await device(Deno.args[0] as DeviceName);
const key = randomKey(1);
const params = await keep({
  word: normal(key.derive(0), "V D", [vocabulary, width], 0.1),
  up: normal(key.derive(1), "F D", [inner, width], 0.1),
  down: normal(key.derive(2), "D F", [width, inner], 0.1),
});
const state = await keep(adamwState(params));
const lossOf = valueAndGrad((p: typeof params, ids: Int32Array, next: Int32Array) => {
  const x = gather(p.word, tensor("B", ids, [batch]));
  const hidden = geluTanh(einsum("B D, F D -> B F", x, p.up));
  const y = add(x, einsum("B F, D F -> B D", hidden, p.down));
  const surprise = crossEntropy(
    einsum("B D, V D -> B V", y, p.word),
    tensor("B", next, [batch]),
    "V",
  );
  return mean(surprise);
});

/** Megabytes that the process holds, after the collector has done what it would do sooner or later. */
function held(): number {
  const { gc } = globalThis as { gc?: (options: Record<string, string>) => void };
  gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
  return Deno.memoryUsage().rss / 2 ** 20;
}

const seen: number[] = [];
for (let step = 1; step <= 5000; step++) {
  const ids = Int32Array.from({ length: batch }, (_, i) => (i * 31 + step) % vocabulary);
  const { value, gradients } = lossOf(params, ids, ids.map((id) => (id * 7 + 3) % vocabulary));
  const next = adamw(params, gradients, state, { rate: 1e-3, step });
  const loss = read(value, [[params, next.params], [state, next.state]]);
  if (step % 50 === 0) await loss;
  if ([100, 1000, 5000].includes(step)) {
    seen.push(held());
    report({ name: `after ${step} steps`, value: seen.at(-1)!, unit: "MB" });
  }
}
const growth = 100 * (seen.at(-1)! / seen[0] - 1);
report({ name: "growth from 100 to 5000 steps", value: growth, unit: "%" });
Deno.exit();
