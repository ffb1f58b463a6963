/** What the golden model tests share: reading expectations, running a model as Hugging Face's class does. */
import { encode } from "../models/spec.ts";
import { classifyText, classifyTokens, findSpan, maskedLMLogits } from "../models/heads.ts";
import type { ModelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import {
  add,
  crossEntropy,
  equal,
  ignored,
  meanOver,
  scale,
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

/** Run a BERT as Hugging Face's forward would. */
export function runBert(
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
    mask: mask && grid(mask, deep ? "B Tq Tk" : "B T") as Tensor<"B T">,
  });
  const outputs: Results["outputs"] = {
    hidden_states: states,
    attentions,
    last_hidden_state: last,
  };
  if (pooled) outputs.pooler_output = pooled;
  const losses: Tensor<"">[] = [];
  const { embedding } = params.encoder;
  if (params.maskedLM) {
    const logits = maskedLMLogits(
      last,
      params.maskedLM,
      embedding.word,
      spec.activation,
      sizes.epsilon,
    );
    outputs.prediction_logits = outputs.logits = logits;
    if (given.labels) losses.push(outputs.mlm_loss = meanLoss(logits, grid(given.labels), "V"));
  }
  if (params.nextSentence) {
    const logits = classifyText(pooled!, params.nextSentence);
    outputs.seq_relationship_logits = logits;
    if (given.next_sentence_label) {
      const labels = grid(given.next_sentence_label, "B");
      losses.push(outputs.nsp_loss = meanLoss(logits, labels, "C"));
    }
  }
  if (params.classifier) {
    const perToken = model.heads.tokenClasses !== undefined;
    const logits = perToken
      ? classifyTokens(last, params.classifier)
      : classifyText(pooled!, params.classifier);
    outputs.logits = logits;
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
  return { outputs, loss: losses.length ? losses.reduce((a, b) => add(a, b)) : undefined };
}

/** The mean of the cross-entropy over the labels that count. */
export function meanLoss(logits: Tensor, labels: Tensor, axis: string): Tensor<""> {
  const counts = scale(subtract(equal(labels, ignored), 1), -1);
  return meanOver(crossEntropy(logits, labels, axis), counts);
}
