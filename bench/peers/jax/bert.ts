/** The encoder of BERT-base by jax-js. Usage: deno run -A bench/peers/jax/bert.ts wasm|webgpu */
import { jit, numpy as np, tree } from "@jax-js/jax";
import { BERT_BASE, ids, timeForward, weights } from "../../workloads/bert.ts";
import { encode } from "./encoder.ts";
import { type Arrays, arraysOf, grid, onDevice } from "./parts.ts";

await onDevice();
const forward = jit((p: Arrays, text: np.Array) =>
  encode(p["embedding.word"].slice(text), p, BERT_BASE, BERT_BASE.epsilon)
);
const params = arraysOf(weights()), text = grid(ids(), [BERT_BASE.length]);
await timeForward(async () =>
  await forward(tree.ref(params), text.ref).data() as Float32Array<ArrayBuffer>
);
Deno.exit();
