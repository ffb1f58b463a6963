/** The encoder of BERT-base by onnxruntime-web. Usage: deno run -A bench/peers/onnxruntime/bert.ts wasm */
import * as ort from "onnxruntime-web";
import { BERT_BASE, ids, timeForward, weights } from "../../workloads/bert.ts";
import { Graph } from "./graph.ts";

const { layers, width, heads, length, epsilon } = BERT_BASE;
const graph = new Graph();
for (const [name, { shape, values }] of Object.entries(weights())) {
  graph.constant(name, shape, values);
}
const number = (value: number) => graph.constant(`${value}`, [], Float32Array.of(value));
const sizes = (...list: number[]) =>
  graph.constant(list.join(" × "), [list.length], BigInt64Array.from(list, BigInt));
const splitSizes = sizes(length, heads, width / heads), mergedSizes = sizes(length, width);
const scale = number((width / heads) ** -0.5);
const [half, one, root] = [0.5, 1, Math.SQRT1_2].map(number);

const layerNorm = (x: string, norm: string) =>
  graph.node("LayerNormalization", [x, `${norm}.gain`, `${norm}.bias`], {
    axis: { whole: -1 },
    epsilon: { fraction: epsilon },
  });
const linear = (x: string, layer: string) =>
  graph.node("Add", [graph.node("MatMul", [x, `${layer}.weight`]), `${layer}.bias`]);
const transpose = (x: string, ...list: number[]) =>
  graph.node("Transpose", [x], { perm: { list } });
const gelu = (x: string) => {
  const error = graph.node("Erf", [graph.node("Mul", [x, root])]);
  const share = graph.node("Add", [error, one]);
  return graph.node("Mul", [graph.node("Mul", [x, share]), half]);
};

const rows = graph.node("Gather", ["embedding.word", "ids"], { axis: { whole: 0 } });
let x = layerNorm(graph.node("Add", [rows, "embedding.position"]), "embedding.norm");
for (let i = 0; i < layers; i++) {
  const name = `layers.${i}`;
  const [q, k, v] = ["query", "key", "value"].map((part) =>
    graph.node("Reshape", [linear(x, `${name}.attention.${part}`), splitSizes])
  );
  const scores = graph.node("MatMul", [transpose(q, 1, 0, 2), transpose(k, 1, 2, 0)]);
  const scaled = graph.node("Mul", [scores, scale]);
  const shares = graph.node("Softmax", [scaled], { axis: { whole: -1 } });
  const mixed = transpose(graph.node("MatMul", [shares, transpose(v, 1, 0, 2)]), 1, 0, 2);
  const merged = graph.node("Reshape", [mixed, mergedSizes]);
  const attended = graph.node("Add", [x, linear(merged, `${name}.attention.output`)]);
  x = layerNorm(attended, `${name}.attentionNorm`);
  const inner = gelu(linear(x, `${name}.feedForward.up`));
  const thought = graph.node("Add", [x, linear(inner, `${name}.feedForward.down`)]);
  x = layerNorm(thought, `${name}.feedForwardNorm`);
}

const threads = navigator.hardwareConcurrency;
ort.env.wasm.numThreads = threads;
ort.env.logLevel = "error";
const model = graph.model({ ids: [length] }, { [x]: [length, width] });
const session = await ort.InferenceSession.create(model, {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
});
const feeds = { ids: new ort.Tensor("int32", ids(), [length]) };
await timeForward(async () => (await session.run(feeds))[x].data as Float32Array);
Deno.exit();
