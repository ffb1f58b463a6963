/**
 * DistilBERT as Hugging Face stores it: names and config.json.
 *
 * Idea   The same layers under other names. The classifier's first layer, `pre_classifier`, is our
 *        pooler with ReLU.
 * Maths  none.
 * Differs from the paper: there is none.
 * Trap   ε of the norms is 10⁻¹² and is not in config.json.
 * @module
 */
import { DISTILBERT, DISTILBERT_BASE } from "../distilbert.ts";
import { configOf, type Family } from "./family.ts";
import { type NameTable, norm } from "./names.ts";

const layer = "distilbert.transformer.layer.{i}";

/** Our paths and theirs. */
const names: NameTable = [
  ["encoder.embedding.word", "distilbert.embeddings.word_embeddings.weight"],
  ["encoder.embedding.position", "distilbert.embeddings.position_embeddings.weight"],
  ...norm("encoder.embedding.norm", "distilbert.embeddings.LayerNorm"),
  ["encoder.layers.{i}.attention.query", `${layer}.attention.q_lin`],
  ["encoder.layers.{i}.attention.key", `${layer}.attention.k_lin`],
  ["encoder.layers.{i}.attention.value", `${layer}.attention.v_lin`],
  ["encoder.layers.{i}.attention.output", `${layer}.attention.out_lin`],
  ...norm("encoder.layers.{i}.attentionNorm", `${layer}.sa_layer_norm`),
  ["encoder.layers.{i}.feedForward.up", `${layer}.ffn.lin1`],
  ["encoder.layers.{i}.feedForward.down", `${layer}.ffn.lin2`],
  ...norm("encoder.layers.{i}.feedForwardNorm", `${layer}.output_layer_norm`),
  ["encoder.pooler", "pre_classifier"],
  ["maskedLM.transform", "vocab_transform"],
  ...norm("maskedLM.norm", "vocab_layer_norm"),
  ["maskedLM.bias", "vocab_projector.bias"],
  ["classifier", "classifier"],
  ["span", "qa_outputs"],
];

/** `model_type: "distilbert"`. */
export const distilbertFamily: Family = {
  ...configOf({
    spec: DISTILBERT,
    defaults: DISTILBERT_BASE,
    sizes: {
      vocab_size: "vocabulary",
      max_position_embeddings: "positions",
      dim: "width",
      n_heads: "heads",
      hidden_dim: "inner",
      n_layers: "layers",
      pad_token_id: "padding",
    },
    dropout: { hidden: "dropout", attention: "attention_dropout" },
    activation: ["activation", "gelu"],
    required: { sinusoidal_pos_embds: false },
    others: { initializer_range: 0.02, qa_dropout: 0.1, seq_classif_dropout: 0.2 },
  }),
  prefix: "distilbert.",
  names: () => names,
  architectures: {
    DistilBertForMaskedLM: () => ({ maskedLM: true }),
    DistilBertForSequenceClassification: (textClasses) => ({ textClasses }),
    DistilBertForTokenClassification: (tokenClasses) => ({ tokenClasses }),
    DistilBertForQuestionAnswering: () => ({ span: true }),
    DistilBertModel: () => ({}),
  },
  redundant: [/\.position_ids$/, /^vocab_projector\.weight$/],
};
