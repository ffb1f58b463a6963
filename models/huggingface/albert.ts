/**
 * ALBERT as Hugging Face stores it: names and config.json.
 *
 * Idea   A file holds each shared layer once, under the number of its group. So a layer's name depends
 *        on how the stack shares.
 * Maths  layer i of L in n groups of m: group ⌊i / (L/n)⌋, inner layer i mod m; their count of layers
 *        is L/m.
 * Differs from the paper: there is none.
 * @module
 */
import { eachItsOwn, groups } from "../../core/layer_sharing.ts";
import { ALBERT, ALBERT_XXLARGE } from "../albert.ts";
import { bertConfig, sizeKeys } from "./bert.ts";
import { configOf, type Family, type Sized } from "./family.ts";
import { type NameTable, norm } from "./names.ts";

const config = configOf({
  ...bertConfig,
  spec: ALBERT,
  defaults: ALBERT_XXLARGE,
  activation: ["hidden_act", "gelu_new"],
  sizes: { ...sizeKeys, embedding_size: "embedding" },
  others: {
    bos_token_id: 2,
    eos_token_id: 3,
    classifier_dropout_prob: 0.1,
    initializer_range: 0.02,
  },
});

/** The groups of a stack. */
function groupsOf({ spec: { stack }, sizes: { layers } }: Sized): { count: number; inner: number } {
  if (stack === eachItsOwn) return { count: layers, inner: 1 };
  if (stack.groups) return stack.groups;
  throw new RangeError("ALBERT's checkpoints know groups of whole layers; this stack shares parts");
}

function layerNames(model: Sized): NameTable {
  const { layers } = model.sizes, { count, inner } = groupsOf(model);
  return Array.from({ length: layers }, (_, i): NameTable => {
    const ours = `encoder.layers.${i}`, group = Math.floor(i / (layers / count));
    const theirs = `albert.encoder.albert_layer_groups.${group}.albert_layers.${i % inner}`;
    return [
      [`${ours}.attention.output`, `${theirs}.attention.dense`],
      [`${ours}.attention`, `${theirs}.attention`],
      ...norm(`${ours}.attentionNorm`, `${theirs}.attention.LayerNorm`),
      [`${ours}.feedForward.up`, `${theirs}.ffn`],
      [`${ours}.feedForward.down`, `${theirs}.ffn_output`],
      ...norm(`${ours}.feedForwardNorm`, `${theirs}.full_layer_layer_norm`),
    ];
  }).flat();
}

const otherNames: NameTable = [
  ["encoder.embedding.word", "albert.embeddings.word_embeddings.weight"],
  ["encoder.embedding.position", "albert.embeddings.position_embeddings.weight"],
  ["encoder.embedding.segment", "albert.embeddings.token_type_embeddings.weight"],
  ...norm("encoder.embedding.norm", "albert.embeddings.LayerNorm"),
  ["encoder.embedding.up", "albert.encoder.embedding_hidden_mapping_in"],
  ["encoder.pooler", "albert.pooler"],
  ["maskedLM.transform", "predictions.dense"],
  ...norm("maskedLM.norm", "predictions.LayerNorm"),
  ["maskedLM.bias", "predictions.bias"],
  ["sentenceOrder", "sop_classifier.classifier"],
  ["classifier", "classifier"],
  ["span", "qa_outputs"],
];

/** `model_type: "albert"`. */
export const albertFamily: Family = {
  ...config,
  prefix: "albert.",
  names: (model) => [...layerNames(model), ...otherNames],
  read(given) {
    const { num_hidden_groups: count = 1, inner_group_num: inner = 1 } = given;
    const { spec, sizes } = config.read(given);
    if (count === 1 && inner === 1) return { spec, sizes };
    const stack = groups(Number(count), Number(inner)), layers = sizes.layers * Number(inner);
    return { spec: { ...spec, stack }, sizes: { ...sizes, layers } };
  },
  write(model) {
    const { count, inner } = groupsOf(model), written = config.write(model);
    const num_hidden_layers = model.sizes.layers / inner;
    return { ...written, num_hidden_layers, num_hidden_groups: count, inner_group_num: inner };
  },
  architectures: {
    AlbertForPreTraining: () => ({ maskedLM: true, sentenceOrder: true }),
    AlbertForMaskedLM: () => ({ maskedLM: true }),
    AlbertForSequenceClassification: (textClasses) => ({ textClasses }),
    AlbertForTokenClassification: (tokenClasses) => ({ tokenClasses }),
    AlbertForQuestionAnswering: () => ({ span: true }),
    AlbertModel: () => ({}),
  },
  redundant: [
    /\.position_ids$/,
    /^predictions\.decoder\.(weight|bias)$/,
    /^sop_classifier\./,
    /^(albert\.)?pooler\./,
  ],
};
