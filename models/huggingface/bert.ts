/**
 * BERT as Hugging Face stores it: names and config.json.
 *
 * Idea   Their names follow their classes (`bert.encoder.layer.0.attention.self.query`), ours the paper.
 * Maths  none.
 * Differs from the paper: there is none.
 * @module
 */
import { BERT_BASE } from "../bert.ts";
import type { Sizes } from "../spec.ts";
import { type NameTable, norm } from "./names.ts";

const layer = "bert.encoder.layer.{i}";

/** Our paths and theirs. */
export const bertNames: NameTable = [
  ["encoder.embedding.word", "bert.embeddings.word_embeddings.weight"],
  ["encoder.embedding.position", "bert.embeddings.position_embeddings.weight"],
  ["encoder.embedding.segment", "bert.embeddings.token_type_embeddings.weight"],
  ...norm("encoder.embedding.norm", "bert.embeddings.LayerNorm"),
  ["encoder.layers.{i}.attention.output", `${layer}.attention.output.dense`],
  ["encoder.layers.{i}.attention", `${layer}.attention.self`],
  ...norm("encoder.layers.{i}.attentionNorm", `${layer}.attention.output.LayerNorm`),
  ["encoder.layers.{i}.feedForward.up", `${layer}.intermediate.dense`],
  ["encoder.layers.{i}.feedForward.down", `${layer}.output.dense`],
  ...norm("encoder.layers.{i}.feedForwardNorm", `${layer}.output.LayerNorm`),
  ["encoder.pooler", "bert.pooler.dense"],
  ["maskedLM.transform", "cls.predictions.transform.dense"],
  ...norm("maskedLM.norm", "cls.predictions.transform.LayerNorm"),
  ["maskedLM.bias", "cls.predictions.bias"],
  ["nextSentence", "cls.seq_relationship"],
  ["classifier", "classifier"],
  ["span", "qa_outputs"],
];

/** Keys of config.json and the sizes they name. */
const sizeKeys = {
  vocab_size: "vocabulary",
  max_position_embeddings: "positions",
  type_vocab_size: "segments",
  hidden_size: "width",
  num_attention_heads: "heads",
  intermediate_size: "inner",
  num_hidden_layers: "layers",
  layer_norm_eps: "epsilon",
  pad_token_id: "padding",
} as const;

/**
 * The sizes in a config.json; what it leaves out is BERT-base's.
 *
 * @throws {RangeError} where a size is not a number, or the config asks for what BERT here cannot do.
 *
 * @example
 * ```ts
 * import { bertSizes } from "@lineage/lineage/models/huggingface/bert";
 * import { assertEquals } from "@std/assert";
 * assertEquals(bertSizes({ hidden_size: 64, num_attention_heads: 2 }).width, 64);
 * ```
 */
export function bertSizes(config: Record<string, unknown>): Sizes {
  const sizes: Sizes = { ...BERT_BASE, dropout: { ...BERT_BASE.dropout } };
  for (const [theirs, ours] of Object.entries(sizeKeys)) {
    const value = config[theirs] ?? sizes[ours];
    const least = ours === "epsilon" ? Number.MIN_VALUE : ours === "padding" ? 0 : 1;
    const whole = ours === "epsilon" || Number.isInteger(value);
    if (typeof value !== "number" || !(value >= least) || !whole) {
      throw new RangeError(`config.json: ${theirs} is ${JSON.stringify(value)}, not a size`);
    }
    sizes[ours] = value;
  }
  const known = { hidden_act: "gelu", position_embedding_type: "absolute" };
  for (const [key, value] of Object.entries(known)) {
    if ((config[key] ?? value) !== value) {
      throw new RangeError(`config.json: ${key} "${config[key]}" is not BERT's "${value}"`);
    }
  }
  const rate = (key: string, otherwise: number) => Number(config[key] ?? otherwise);
  sizes.dropout = {
    hidden: rate("hidden_dropout_prob", sizes.dropout.hidden),
    attention: rate("attention_probs_dropout_prob", sizes.dropout.attention),
  };
  return sizes;
}

/**
 * The config.json of a BERT of these sizes.
 *
 * @example
 * ```ts
 * import { BERT_TINY } from "@lineage/lineage/models/bert";
 * import { bertConfig, bertSizes } from "@lineage/lineage/models/huggingface/bert";
 * import { assertEquals } from "@std/assert";
 * assertEquals(bertSizes(bertConfig(BERT_TINY)), BERT_TINY);
 * ```
 */
export function bertConfig(sizes: Sizes): Record<string, unknown> {
  const named = Object.entries(sizeKeys).map(([theirs, ours]) => [theirs, sizes[ours]]);
  return {
    model_type: "bert",
    ...Object.fromEntries(named),
    hidden_act: "gelu",
    hidden_dropout_prob: sizes.dropout.hidden,
    attention_probs_dropout_prob: sizes.dropout.attention,
    classifier_dropout: null,
    initializer_range: 0.02,
    position_embedding_type: "absolute",
    torch_dtype: "float32",
    use_cache: true,
  };
}
