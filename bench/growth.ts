/**
 * How cost grows: training steps of GPTs of many sizes, and the roof over them.
 *
 *     deno run -A bench/growth.ts [--device wasm|webgpu] [--out bench/results]
 *
 * Idea   One size is changed at a time: width, layers, length, batch. A step is limited by arithmetic or
 *        by memory; its operations over its bytes tell by which, and the roof how far it is from the limit.
 *        A machine is slower at one minute than at the next: all sizes are visited in five rounds, there
 *        and back, and the best time of each counts, as it does for the roof.
 * Maths  roof(i) = min(peak, bandwidth · i), i the operations for each byte (Williams et al. 2009).
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { initialise } from "../core/parameters.ts";
import {
  add,
  crossEntropy,
  device,
  type DeviceName,
  einsum,
  explain,
  keep,
  mean,
  normal,
  randomKey,
  read,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from "../core/tensor/mod.ts";
import { adamw, adamwState } from "../core/training/adamw.ts";
import { writeAtomically } from "../core/training/files.ts";
import { lineChart } from "../drawing/line_chart.ts";
import { progress } from "../drawing/progress.ts";
import { smallMultiples } from "../drawing/small_multiples.ts";
import { plainTable } from "../drawing/table.ts";
import { GPT2, GPT2_TINY } from "../models/gpt2.ts";
import { type ModelParameters, modelParameters, nameTokens } from "../models/model.ts";
import { encode } from "../models/spec.ts";
import { duration } from "./measured.ts";

interface Size {
  width: number;
  layers: number;
  length: number;
  batch: number;
}

const usual: Size = { width: 128, layers: 4, length: 64, batch: 16 };
const swept: { [S in keyof Size]: number[] } = {
  width: [64, 128, 256, 512, 768],
  layers: [2, 4, 8, 12],
  length: [32, 64, 128, 256, 512],
  batch: [1, 2, 4, 8, 16, 32, 64],
};

const args = parseArgs(Deno.args, {
  string: ["device", "out"],
  default: { device: "wasm", out: "bench/results" },
});
const on = await device(args.device as DeviceName);

const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The best of a few times, in ms: at least one, and no more than fit into so many milliseconds. */
async function best(within: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  do times.push(await duration(work)); while (sumOf(times) < within);
  return Math.min(...times);
}

/** A GPT that is ready to train: a step, its operations and bytes, and the best time that it took so far. */
interface Training {
  step: () => Promise<unknown>;
  flops: number;
  bytes: number;
  ms: number;
}

async function training({ width, layers, length, batch }: Size): Promise<Training> {
  const inner = 4 * width, heads = width / 32, dropout = { hidden: 0, attention: 0 };
  const sizes = { ...GPT2_TINY, width, inner, heads, layers, positions: length, dropout };
  const declared = modelParameters(GPT2, sizes, { languageModel: true });
  const params = await keep(initialise(declared, randomKey(1)));
  const state = await keep(adamwState(params));
  const ids = Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % sizes.vocabulary);
  const x = tensor("B T", ids, [batch, length]);
  const lossOf = (params: ModelParameters): Tensor<""> => {
    const { last } = encode(GPT2, sizes, params.encoder, { ids: x });
    return mean(crossEntropy(nameTokens(GPT2, sizes, params, last), x, "V"));
  };
  const next = (step: number) => {
    const { value, gradients } = valueAndGrad(lossOf)(params);
    return { value, ...adamw(params, gradients, state, { rate: 1e-4, step }) };
  };
  let done = 0;
  const step = async () => {
    const { value, params: after, state: remembered } = next(++done);
    await read(value, [[params, after], [state, remembered]]);
  };
  const { kernels } = await explain(next(1));
  const [flops, bytes] = [sumOf(kernels.map((k) => k.flops)), sumOf(kernels.map((k) => k.bytes))];
  await step(); // its program is made
  return { step, flops, bytes, ms: Infinity };
}

const size = 1024, long = 2 ** 24;
const [a, b, x] = await keep([
  normal(randomKey(1), "M K", [size, size]),
  normal(randomKey(2), "K N", [size, size]),
  normal(randomKey(3), "T", [long]),
]);

/** What this machine can do at this minute: GFLOP/s of a large product, GB/s of a long sum. */
async function roof(): Promise<{ peak: number; bandwidth: number }> {
  const product = sum(einsum("M K, K N -> M N", a as Tensor<"M K">, b as Tensor<"K N">));
  const added = sum(add(x, 1));
  const peak = 2 * size ** 3 / await best(100, () => read(product)) / 1e6;
  return { peak, bandwidth: 4 * long / await best(100, () => read(added)) / 1e6 };
}

const points = Object.entries(swept).flatMap(([name, values]) =>
  values.map((value) => ({ name: name as keyof Size, value, size: { ...usual, [name]: value } }))
);
const keyOf = (size: Size) => JSON.stringify(size); // the usual size is a point of every sweep
const distinct = [...new Map(points.map((point) => [keyOf(point.size), point]))];
const trainings = new Map<string, Training>();
const rounds = 5, report = progress("training steps", rounds * distinct.length);
let peak = 0, bandwidth = 0, visits = 0;
for (let round = 0; round < rounds; round++) {
  for (const [key, { name, value, size }] of round % 2 ? distinct.toReversed() : distinct) {
    const one = trainings.get(key) ?? await training(size);
    trainings.set(key, one);
    one.ms = Math.min(one.ms, await best(300, one.step));
    const now = await roof();
    [peak, bandwidth] = [Math.max(peak, now.peak), Math.max(bandwidth, now.bandwidth)];
    await report.at(++visits, `${name} ${value}`);
  }
}
await report.done();

const found = points.map((point) => {
  const { flops, bytes, ms } = trainings.get(keyOf(point.size))!;
  const tokens = point.size.batch * point.size.length / ms * 1000;
  return { ...point, tokens, speed: flops / ms / 1e6, intensity: flops / bytes };
});
const machine = `${navigator.hardwareConcurrency} cores, ${on.description}`;
const names = Object.keys(swept) as (keyof Size)[];
const growth = smallMultiples([
  names.map((name) => {
    const own = found.filter((one) => one.name === name);
    return lineChart([{
      name: "tokens/s",
      x: own.map((p) => p.value),
      y: own.map((p) => p.tokens),
    }], {
      title: name,
      xLabel: name,
      yLabel: "tokens/s",
      xAxis: "log",
      yAxis: "log",
    });
  }),
], {
  title: "Tokens a second of training, one size changed at a time",
  note: machine,
  panelWidth: 360,
});
const intensities = [0.25, peak / bandwidth, 256]; // its bend is where both limits meet
const roofline = lineChart([
  {
    name: "roof",
    x: intensities,
    y: intensities.map((i) => Math.min(peak, bandwidth * i)),
  },
  ...names.map((name) => {
    const own = found.filter((one) => one.name === name);
    const [x, y] = [own.map((p) => p.intensity), own.map((p) => p.speed)];
    return { name, x, y, mark: "points" as const };
  }),
], {
  title: "Training steps under the roof",
  note: `${machine}; peak ${peak.toFixed(0)} GFLOP/s, memory ${bandwidth.toFixed(1)} GB/s`,
  xLabel: "operations for each byte",
  yLabel: "GFLOP/s",
  xAxis: "log",
  yAxis: "log",
});
await Deno.mkdir(args.out, { recursive: true });
await writeAtomically(`${args.out}/growth_${on.name}.svg`, growth);
await writeAtomically(`${args.out}/roofline_${on.name}.svg`, roofline);
const rows = found.map(({ name, value, tokens, speed, intensity }) => ({
  changed: name,
  to: value,
  "tokens/s": Math.round(tokens),
  "GFLOP/s": speed.toFixed(1),
  "FLOP/byte": intensity.toFixed(1),
  "of the roof": `${Math.round(100 * speed / Math.min(peak, bandwidth * intensity))} %`,
}));
console.log(plainTable(rows, `${machine}; otherwise ${JSON.stringify(usual)}\n`));
Deno.exit();
