/** The next token of GPT-2 small by onnxruntime-web. Usage: deno run -A bench/peers/onnxruntime/generation.ts wasm */
import * as ort from "onnxruntime-web";
import { GPT2_SMALL, ids, remembered, timeScores, weights } from "../../workloads/gpt2.ts";
import { Graph } from "./graph.ts";

const { layers, width, heads, vocabulary, past, length, epsilon } = GPT2_SMALL;
const all = weights(), perHead = width / heads;

/** The model for `fresh` ids after `before` that it remembers, of which each layer hands on what is new. */
function modelFor(fresh: number, before: number) {
  const graph = new Graph();
  for (const [name, { shape, values }] of Object.entries(all)) graph.constant(name, shape, values);
  const number = (value: number) => graph.constant(`${value}`, [], Float32Array.of(value));
  const list = (name: string, ...values: number[]) =>
    graph.constant(name, [values.length], BigInt64Array.from(values, BigInt));
  const split = list("split", fresh, heads, perHead), merged = list("merged", fresh, width);
  const places = list("places", ...Array.from({ length: fresh }, (_, t) => before + t));
  const scale = number(perHead ** -0.5), half = number(0.5), one = number(1), three = number(3);
  const [cubic, root] = [number(0.044715), number(Math.sqrt(2 / Math.PI))];

  const node: Graph["node"] = (...given) => graph.node(...given);
  const norm = (x: string, name: string) =>
    node("LayerNormalization", [x, `${name}.gain`, `${name}.bias`], {
      axis: { whole: -1 },
      epsilon: { fraction: epsilon },
    });
  const linear = (x: string, name: string) =>
    node("Add", [node("MatMul", [x, `${name}.weight`]), `${name}.bias`]);
  const transpose = (x: string, ...list: number[]) => node("Transpose", [x], { perm: { list } });
  const gelu = (x: string) => { // written so that the optimiser knows it
    const inner = node("Add", [x, node("Mul", [node("Pow", [x, three]), cubic])]);
    const share = node("Add", [node("Tanh", [node("Mul", [inner, root])]), one]);
    return node("Mul", [node("Mul", [x, half]), share]);
  };

  const later = new Float32Array(fresh * fresh).map((_, i) =>
    i % fresh > Math.floor(i / fresh) ? -1e9 : 0
  );
  const sight = fresh > 1 && graph.constant("sight", [fresh, fresh], later); // one alone sees all

  const inputs: Record<string, number[]> = { ids: [fresh] };
  const outputs: Record<string, number[]> = {};
  const withPast = (x: string, name: string) => {
    if (before === 0) return x;
    inputs[name] = [heads, before, perHead];
    outputs[x] = [heads, fresh, perHead];
    return node("Concat", [name, x], { axis: { whole: 1 } });
  };
  const rows = node("Gather", ["embedding.word", "ids"], { axis: { whole: 0 } });
  const at = node("Gather", ["embedding.position", places], { axis: { whole: 0 } });
  let x = node("Add", [rows, at]);
  for (let i = 0; i < layers; i++) {
    const name = `layers.${i}`, y = norm(x, `${name}.attentionNorm`);
    const [q, k, v] = ["query", "key", "value"].map((part) =>
      transpose(node("Reshape", [linear(y, `${name}.attention.${part}`), split]), 1, 0, 2)
    );
    const [keys, values] = [withPast(k, `${i} keys`), withPast(v, `${i} values`)];
    const scores = node("Mul", [node("MatMul", [q, transpose(keys, 0, 2, 1)]), scale]);
    const shares = node("Softmax", [sight ? node("Add", [scores, sight]) : scores], {
      axis: { whole: -1 },
    });
    const mixed = transpose(node("MatMul", [shares, values]), 1, 0, 2);
    const attended = node("Reshape", [mixed, merged]);
    x = node("Add", [x, linear(attended, `${name}.attention.output`)]);
    const inner = gelu(linear(norm(x, `${name}.feedForwardNorm`), `${name}.feedForward.up`));
    x = node("Add", [x, linear(inner, `${name}.feedForward.down`)]);
  }
  const last = list("last", fresh - 1);
  const spoken = node("Gather", [norm(x, "norm"), last], { axis: { whole: 0 } });
  const named = node("Gemm", [spoken, "embedding.word"], { transB: { whole: 1 } });
  outputs[named] = [1, vocabulary];
  return { bytes: graph.model(inputs, outputs), named };
}

ort.env.wasm.numThreads = navigator.hardwareConcurrency;
ort.env.logLevel = "error";

async function time(work: "token" | "text", fresh: number, before: number): Promise<void> {
  const { bytes, named } = modelFor(fresh, before);
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  const feeds: Record<string, ort.Tensor> = { ids: new ort.Tensor("int32", ids(fresh), [fresh]) };
  for (let i = 0; before > 0 && i < layers; i++) {
    for (const part of ["keys", "values"] as const) {
      const { shape, values } = remembered(i, part);
      feeds[`${i} ${part}`] = new ort.Tensor("float32", values, shape);
    }
  }
  await timeScores(work, async () => (await session.run(feeds))[named].data as Float32Array);
  await session.release();
}

await time("token", 1, past);
await time("text", length, 0);
Deno.exit();
