/**
 * Transformer-XL as Hugging Face stores it: names, layout of the weights, config.json.
 *
 * Idea   Queries, keys and values lie below one another in one tensor, heads side by side, output axis
 *        first. A file is unpacked before its tensors are looked at, and packed before it is written.
 * Maths  qkv_net: [3·H·K, D];  r_net: [H·K, D];  o_net: [D, H·K];  r_w_bias = u, r_r_bias = v
 * Differs from the paper: there is none. Not read: norms before the branches (`pre_lnorm`), clusters of
 *        equal width (`div_val` 1) and u, v shared by all layers (`untie_r` false).
 * @module
 */
import type { StoredTensor } from "../../core/training/safetensors.ts";
import {
  TRANSFORMER_XL_WT103,
  type TransformerXLDeclared,
  transformerXLParameters,
  type TransformerXLSizes,
} from "../transformer_xl.ts";
import { aboveZero, checkFixed, type Config, dropoutRate, wholeNumber } from "./config.ts";
import type { Layout } from "./layout.ts";
import { below, transposed } from "./matrices.ts";
import { type NameTable, norm } from "./names.ts";
import type { Tensors } from "./stored.ts";

const layer = "transformer.layers.{i}", attention = `${layer}.dec_attn`;

/** Our paths and theirs; a tied map of a cluster has the name of its way in. */
function names({ tied }: TransformerXLSizes): NameTable {
  const ties = tied.flatMap((is, c): NameTable =>
    is ? [[`words.clusters.${c}.down`, `transformer.word_emb.emb_projs.${c}`]] : []
  );
  return [
    ...ties,
    ["words.clusters.{i}.table", "transformer.word_emb.emb_layers.{i}.weight"],
    ["words.clusters.{i}.up", "transformer.word_emb.emb_projs.{i}"],
    ["words.clusters.{i}.down", "crit.out_projs.{i}"],
    ["words.clusters.{i}.bias", "crit.out_layers.{i}.bias"],
    ["words.gate.weight", "crit.cluster_weight"],
    ["words.gate.bias", "crit.cluster_bias"],
    ["layers.{i}.attention.query", `${attention}.qkv_net.query`],
    ["layers.{i}.attention.key", `${attention}.qkv_net.key`],
    ["layers.{i}.attention.value", `${attention}.qkv_net.value`],
    ["layers.{i}.attention.relative", `${attention}.r_net.weight`],
    ["layers.{i}.attention.output", `${attention}.o_net.weight`],
    ["layers.{i}.attention.content", `${attention}.r_w_bias`],
    ["layers.{i}.attention.position", `${attention}.r_r_bias`],
    ...norm("layers.{i}.attentionNorm", `${attention}.layer_norm`),
    ["layers.{i}.feedForward.up", `${layer}.pos_ff.CoreNet.0`],
    ["layers.{i}.feedForward.down", `${layer}.pos_ff.CoreNet.3`],
    ...norm("layers.{i}.feedForwardNorm", `${layer}.pos_ff.layer_norm`),
  ];
}

const parts = ["query", "key", "value"] as const;

/** Their layout to ours: [D, H, K] each. */
function unpack(tensors: Tensors): Map<string, StoredTensor> {
  return new Map([...tensors].flatMap(([name, x]): [string, StoredTensor][] => {
    const biases = tensors.get(name.replace(/\.\w+_net\.weight$/, ".r_w_bias"));
    if (!biases || !/_net\.weight$/.test(name)) return [[name, x]];
    const [H, K] = biases.shape;
    if (/\.o_net\./.test(name)) return [[name, { shape: [x.shape[0], H, K], data: x.data }]];
    const split = (x: StoredTensor) => {
      const { shape: [D], data } = transposed(x);
      return { shape: [D, H, K], data };
    };
    if (!/\.qkv_net\./.test(name)) return [[name, split(x)]];
    const [rows, D] = [x.shape[0] / 3, x.shape[1]];
    return parts.map((part, i) => [
      name.replace("weight", part),
      split({ shape: [rows, D], data: x.data.slice(i * rows * D, (i + 1) * rows * D) }),
    ]);
  }));
}

/** Ours to theirs. */
function pack(tensors: Tensors): Map<string, StoredTensor> {
  const flat = ({ shape: [D, H, K], data }: StoredTensor) => ({ shape: [D, H * K], data });
  const packed = new Map<string, StoredTensor>();
  for (const [name, x] of tensors) {
    if (/\.qkv_net\.(key|value)$/.test(name)) continue; // they go where their query goes
    if (/\.o_net\./.test(name)) packed.set(name, flat(x));
    else if (/\.r_net\./.test(name)) packed.set(name, transposed(flat(x)));
    else if (/\.qkv_net\./.test(name)) {
      const all = parts.map((part) => transposed(flat(tensors.get(name.replace("query", part))!)));
      packed.set(name.replace("query", "weight"), below(all));
    } else packed.set(name, x);
  }
  return packed;
}

/** What a config.json must say, if it says anything of it. */
const fixed = {
  adaptive: true,
  attn_type: 0,
  pre_lnorm: false,
  untie_r: true,
  tie_word_embeddings: true,
};

function readSizes(config: Config): TransformerXLSizes {
  const base = TRANSFORMER_XL_WT103;
  checkFixed(config, fixed, "Transformer-XL");
  const size = (key: string, ours: number, least?: number) => wholeNumber(config, key, ours, least);
  const cutoffs = (config.cutoffs ?? base.cutoffs) as number[];
  const tied = (config.tie_projs ?? [false, ...cutoffs.map(() => true)]) as boolean[];
  const clamp = size("clamp_len", base.clamp!, -1);
  return {
    vocabulary: size("vocab_size", base.vocabulary),
    cutoffs,
    embedding: size("d_embed", base.embedding),
    division: size("div_val", base.division, 2),
    tied: [...cutoffs, 0].map((_, c) => Boolean(tied[c])),
    width: size("d_model", base.width),
    heads: size("n_head", base.heads),
    headWidth: size("d_head", base.headWidth),
    inner: size("d_inner", base.inner),
    layers: size("n_layer", base.layers),
    memory: size("mem_len", base.memory, 0),
    sameLength: Boolean(config.same_length ?? base.sameLength),
    epsilon: aboveZero(config, "layer_norm_epsilon", base.epsilon),
    dropout: {
      hidden: dropoutRate(config, "dropout", base.dropout.hidden),
      attention: dropoutRate(config, "dropatt", base.dropout.attention),
    },
    ...clamp > 0 && { clamp },
  };
}

/** A Transformer-XL's sizes. */
export interface SizedTransformerXL {
  /** As opposed to the other kinds. */
  kind: "transfo-xl";
  /** How large. */
  sizes: TransformerXLSizes;
}

/** `TransfoXLLMHeadModel`. */
export const transformerXLLayout: Layout<SizedTransformerXL, TransformerXLDeclared> = {
  read: (config) => ({ kind: "transfo-xl", sizes: readSizes(config) }),
  write: ({ sizes }) => ({
    model_type: "transfo-xl",
    architectures: ["TransfoXLLMHeadModel"],
    vocab_size: sizes.vocabulary,
    cutoffs: [...sizes.cutoffs],
    d_embed: sizes.embedding,
    div_val: wholeNumber({ div_val: sizes.division }, "div_val", 2, 2),
    tie_projs: sizes.tied,
    d_model: sizes.width,
    n_head: sizes.heads,
    d_head: sizes.headWidth,
    d_inner: sizes.inner,
    n_layer: sizes.layers,
    mem_len: sizes.memory,
    same_length: sizes.sameLength,
    clamp_len: sizes.clamp ?? -1,
    layer_norm_epsilon: sizes.epsilon,
    dropout: sizes.dropout.hidden,
    dropatt: sizes.dropout.attention,
    ...fixed,
  }),
  declared: ({ sizes }) => transformerXLParameters(sizes),
  naming: ({ sizes }) => ({
    names: names(sizes),
    prefix: "transformer.",
    redundant: [
      /^(transformer\.)?pos_emb\.inv_freq$/,
      /^crit\.out_layers\.\d+\.weight$/,
      /^crit\.out_projs\.\d+$/, // of a tied cluster
    ],
    unpack,
    pack,
  }),
};
