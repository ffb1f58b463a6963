/** Steps of the small GPT by PyTorch, if python3 (or $PYTHON) has it. Usage: … bench/peers/torch/training.ts wasm [TEXT] */
import { median, report } from "../../measured.ts";
import { batchOf, firstWeights, GPT, readLetters } from "../../workloads/gpt.ts";
import { python } from "./python.ts";

const letters = readLetters(Deno.args[1]), { batch, length, steps } = GPT;
const x = new Int32Array(steps * batch * length), y = new Int32Array(x.length);
for (let step = 0; step < steps; step++) {
  const from = batchOf(letters, step);
  x.set(from.x, step * batch * length);
  y.set(from.y, step * batch * length);
}
const shape = [steps, batch, length];
const { times, first, last } = await python<{ times: number[]; first: number; last: number }>(
  "training.py",
  GPT,
  { ...firstWeights(), x: { shape, values: x }, y: { shape, values: y } },
);
const value = batch * length / median(times) * 1000;
report({ name: "training step", value, unit: "tokens/s", check: { first, last } });
