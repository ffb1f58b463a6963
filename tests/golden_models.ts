/** What the golden model tests share: reading expectations, running a model as Hugging Face's class does. */
import type { StoredTensor } from "../core/training/safetensors.ts";
import { encode } from "../models/spec.ts";
import { detectReplaced } from "../models/detection_head.ts";
import { classifyText, classifyTokens, findSpan } from "../models/heads.ts";
import { stackLayout } from "../models/huggingface/stack.ts";
import { toStored } from "../models/huggingface/stored.ts";
import { type ModelParameters, nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import {
  add,
  crossEntropy,
  equal,
  ignored,
  log,
  meanOver,
  multiply,
  scale,
  sigmoid,
  slice,
  subtract,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";

/** A tensor in a golden file. */
export interface GoldenTensor {
  shape: number[];
  data: number[];
}

/** One case of expected.json. */
export interface GoldenCase {
  name: string;
  inputs: Record<string, unknown>;
  positions?: number[];
  outputs: Record<string, GoldenTensor | GoldenTensor[] | number>;
  loss?: number;
  grads?: Record<string, GoldenGradient>;
  grad_norms?: Record<string, number | null>;
  /** Largest difference between Hugging Face's float32 and a float64 run. */
  float32_noise?: number;
}

/** A gradient: its norm and some or all of its values. */
export interface GoldenGradient {
  shape: number[];
  norm: number;
  values?: number[];
  first8?: number[];
  at?: [number, number][];
}

/** expected.json */
export interface GoldenModel {
  num_parameters: number;
  cases: GoldenCase[];
  greedy?: { prompt_and_continuation: number[][] };
  train_trace?: {
    losses_before_each_step: number[];
    loss_after_last_step: number;
    grad_total_norm_each_step: number[];
    params_after: Record<string, { norm: number; first8: number[] }>;
  };
}

/** The root of the golden data. */
export const goldenRoot: string = Deno.env.get("GOLDEN_DIR") ??
  new URL("./golden", import.meta.url).pathname;

/** The golden models whose config.json has one of these types. */
export function goldenModels(types: readonly string[]): string[] {
  const root = `${goldenRoot}/models`;
  return [...Deno.readDirSync(root)].map((entry) => entry.name).sort().filter((name) =>
    types.includes(JSON.parse(Deno.readTextFileSync(`${root}/${name}/config.json`)).model_type)
  );
}

/** What a model gives for the inputs of a case, under Hugging Face's names. */
export interface Results {
  outputs: Record<string, Tensor | Tensor[]>;
  loss?: Tensor<"">;
}

const grid = (values: unknown, axes = "B T") => tensor(axes, values as number[][]) as Tensor;

/** Numbers in the form of a model's parameters, as Hugging Face's file has them. */
export async function asStored(
  model: Pretrained,
  params: ModelParameters,
): Promise<ReadonlyMap<string, StoredTensor>> {
  return await toStored(params, stackLayout.naming(model));
}

/** Run a model as Hugging Face's forward would. */
export function runModel(
  model: Pretrained,
  params: ModelParameters,
  given: Record<string, unknown>,
): Results {
  const { spec, sizes } = model;
  const mask = given.attention_mask as number[][] | number[][][] | undefined;
  const deep = Array.isArray(mask?.[0]?.[0]);
  const { states, attentions, last, pooled } = encode(spec, sizes, params.encoder, {
    ids: grid(given.input_ids) as Tensor<"B T">,
    segments: given.token_type_ids ? grid(given.token_type_ids) as Tensor<"B T"> : undefined,
    places: given.position_ids ? grid(given.position_ids) as Tensor<"B T"> : undefined,
    mask: mask && grid(mask, deep ? "B Tq Tk" : "B T") as Tensor<"B T">,
  });
  const { inner = 1 } = spec.stack.groups ?? {}; // of a group, only the last state is told
  const outputs: Results["outputs"] = {
    hidden_states: states.filter((_, i) => i % inner === 0),
    attentions,
    last_hidden_state: last,
  };
  if (pooled) outputs.pooler_output = pooled;
  const losses = [
    ...ofTokens(model, params, last, given, outputs),
    ...ofTexts(params, pooled, given, outputs),
    ...ofTasks(model, params, last, pooled, given, outputs),
  ];
  return { outputs, loss: losses.length ? losses.reduce((a, b) => add(a, b)) : undefined };
}

type Outputs = Results["outputs"];
type Given = Record<string, unknown>;

/** The heads of pre-training that judge each token. */
function ofTokens(
  { spec, sizes }: Pretrained,
  params: ModelParameters,
  last: Tensor<"B T D">,
  given: Given,
  outputs: Outputs,
): Tensor<"">[] {
  const losses: Tensor<"">[] = [];
  if (params.languageModel) {
    const logits = outputs.logits = nameTokens(spec, sizes, params, last);
    if (given.labels) losses.push(nextTokenLoss(logits, grid(given.labels)));
  }
  if (params.maskedLM) {
    const logits = outputs.prediction_logits = outputs.logits = nameTokens(
      spec,
      sizes,
      params,
      last,
    );
    if (given.labels) losses.push(outputs.mlm_loss = meanLoss(logits, grid(given.labels), "V"));
  }
  if (params.replacedTokens) {
    const logits = outputs.logits = detectReplaced(last, params.replacedTokens, spec.activation);
    if (given.labels) {
      const [labels, keep] = [given.labels, given.attention_mask ?? ones(given.labels)];
      losses.push(binaryLoss(logits, grid(labels), grid(keep)));
    }
  }
  return losses;
}

/** The heads of pre-training that judge two sentences. */
function ofTexts(
  params: ModelParameters,
  pooled: Tensor<"B D"> | undefined,
  given: Given,
  outputs: Outputs,
): Tensor<"">[] {
  const tasks = [
    [params.nextSentence, "seq_relationship_logits", "nsp_loss", given.next_sentence_label],
    [params.sentenceOrder, "sop_logits", "sop_loss", given.sentence_order_label],
  ] as const;
  return tasks.flatMap(([head, scores, loss, labels]) => {
    if (!head) return [];
    const logits = outputs[scores] = classifyText(pooled!, head);
    return labels ? [outputs[loss] = meanLoss(logits, grid(labels, "B"), "C")] : [];
  });
}

/** The heads of tasks. */
function ofTasks(
  model: Pretrained,
  params: ModelParameters,
  last: Tensor<"B T D">,
  pooled: Tensor<"B D"> | undefined,
  given: Given,
  outputs: Outputs,
): Tensor<"">[] {
  const losses: Tensor<"">[] = [];
  if (params.classifier) {
    const perToken = model.heads.tokenClasses !== undefined;
    const logits = outputs.logits = perToken
      ? classifyTokens(last, params.classifier)
      : classifyText(pooled!, params.classifier);
    if (given.labels) {
      losses.push(meanLoss(logits, grid(given.labels, perToken ? "B T" : "B"), "C"));
    }
  }
  if (params.span) {
    const { start, end } = findSpan(last, params.span);
    Object.assign(outputs, { start_logits: start, end_logits: end });
    if (given.start_positions) {
      const ends = [start, end].map((logits, i) => {
        const places = (i ? given.end_positions : given.start_positions) as number[];
        const inside = places.map((p) => p < logits.size("T") ? p : ignored);
        return meanLoss(logits, tensor("B", inside), "T");
      });
      losses.push(scale(add(ends[0], ends[1]), 0.5));
    }
  }
  return losses;
}

const ones = (rows: unknown) => (rows as number[][]).map((row) => row.map(() => 1));

/** The mean of the binary cross-entropy over the places that count, from log-odds. */
export function binaryLoss(logits: Tensor, labels: Tensor, keep: Tensor): Tensor<""> {
  const right = log(sigmoid(multiply(logits, subtract(scale(labels, 2), 1))));
  return scale(meanOver(right, keep), -1);
}

/** The loss of the tokens after the first, each from the logits before it. */
function nextTokenLoss(logits: Tensor, labels: Tensor): Tensor<""> {
  const length = labels.size("T");
  return meanLoss(slice(logits, "T", 0, length - 1), slice(labels, "T", 1, length), "V");
}

/** The mean of the cross-entropy over the labels that count. */
export function meanLoss(logits: Tensor, labels: Tensor, axis: string): Tensor<""> {
  const counts = scale(subtract(equal(labels, ignored), 1), -1);
  return meanOver(crossEntropy(logits, labels, axis), counts);
}
