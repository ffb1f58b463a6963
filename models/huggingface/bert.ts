/**
 * BERT and ERNIE as Hugging Face stores them: names and config.json.
 *
 * Idea   Their names follow their classes (`bert.encoder.layer.0.attention.self.query`), ours the paper.
 * Maths  none.
 * Differs from the paper: there is none. ERNIE's task vectors, which its second release added, are not
 *        read.
 * @module
 */
import { BERT, BERT_BASE } from "../bert.ts";
import { ERNIE } from "../ernie.ts";
import { type ConfigLayout, configOf, type Family } from "./family.ts";
import { type NameTable, norm } from "./names.ts";

/**
 * Names of an encoder that is called `name` and has BERT's classes in it.
 *
 * @example
 * ```ts
 * import { encoderNames } from "@lineage/lineage/models/huggingface/bert";
 * import { theirName } from "@lineage/lineage/models/huggingface/names";
 * import { assertEquals } from "@std/assert";
 * const names = encoderNames("roberta");
 * const theirs = theirName("encoder.layers.3.feedForward.up.weight", names);
 * assertEquals(theirs, "roberta.encoder.layer.3.intermediate.dense.weight");
 * ```
 */
export function encoderNames(name: string): NameTable {
  const layer = `${name}.encoder.layer.{i}`;
  return [
    ["encoder.embedding.word", `${name}.embeddings.word_embeddings.weight`],
    ["encoder.embedding.position", `${name}.embeddings.position_embeddings.weight`],
    ["encoder.embedding.segment", `${name}.embeddings.token_type_embeddings.weight`],
    ...norm("encoder.embedding.norm", `${name}.embeddings.LayerNorm`),
    ["encoder.layers.{i}.attention.output", `${layer}.attention.output.dense`],
    ["encoder.layers.{i}.attention", `${layer}.attention.self`],
    ...norm("encoder.layers.{i}.attentionNorm", `${layer}.attention.output.LayerNorm`),
    ["encoder.layers.{i}.feedForward.up", `${layer}.intermediate.dense`],
    ["encoder.layers.{i}.feedForward.down", `${layer}.output.dense`],
    ...norm("encoder.layers.{i}.feedForwardNorm", `${layer}.output.LayerNorm`),
  ];
}

/** Our paths and theirs, for BERT or its copy `name`. */
const names = (name: string): NameTable => [
  ...encoderNames(name),
  ["encoder.pooler", `${name}.pooler.dense`],
  ["maskedLM.transform", "cls.predictions.transform.dense"],
  ...norm("maskedLM.norm", "cls.predictions.transform.LayerNorm"),
  ["maskedLM.bias", "cls.predictions.bias"],
  ["nextSentence", "cls.seq_relationship"],
  ["classifier", "classifier"],
  ["span", "qa_outputs"],
];

/** Keys of config.json and the sizes they name: BERT's, and most of its descendants'. */
export const sizeKeys = {
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

/** BERT's config.json. */
export const bertConfig: ConfigLayout = {
  spec: BERT,
  defaults: BERT_BASE,
  sizes: sizeKeys,
  dropout: { hidden: "hidden_dropout_prob", attention: "attention_probs_dropout_prob" },
  activation: ["hidden_act", "gelu"],
  required: { position_embedding_type: "absolute" },
  others: { classifier_dropout: null, initializer_range: 0.02, use_cache: true },
};

/** The classes of BERT or its copy. */
const architectures = (name: string): Family["architectures"] => ({
  [`${name}ForPreTraining`]: () => ({ maskedLM: true, nextSentence: true }),
  [`${name}ForMaskedLM`]: () => ({ maskedLM: true }),
  [`${name}ForSequenceClassification`]: (textClasses) => ({ textClasses }),
  [`${name}ForTokenClassification`]: (tokenClasses) => ({ tokenClasses }),
  [`${name}ForQuestionAnswering`]: () => ({ span: true }),
  [`${name}Model`]: () => ({}),
});

/** What published files of BERT hold too: buffers, the tied output layer, heads that a class leaves out. */
const redundant = [
  /\.position_ids$/,
  /^cls\.predictions\.decoder\.(weight|bias)$/,
  /^cls\.seq_relationship\./,
  /\.pooler\.dense\./,
];

/** `model_type: "bert"`. */
export const bertFamily: Family = {
  ...configOf(bertConfig),
  prefix: "bert.",
  names: () => names("bert"),
  architectures: architectures("Bert"),
  redundant,
};

/** `model_type: "ernie"`: a copy of BERT's classes. */
export const ernieFamily: Family = {
  ...configOf({
    ...bertConfig,
    spec: ERNIE,
    required: { ...bertConfig.required, use_task_id: false },
    others: { ...bertConfig.others, task_type_vocab_size: 3 },
  }),
  prefix: "ernie.",
  names: () => names("ernie"),
  architectures: architectures("Ernie"),
  redundant: [...redundant, /\.task_type_embeddings\.weight$/],
};
