/**
 * XLNet as Hugging Face stores it: names and config.json.
 *
 * Idea   Its attention has one tensor for each map, with axes for heads and their width: so have we.
 * Maths  q k v o r: [D, H, K];  r_w_bias = u, r_r_bias = v, r_s_bias = s
 * Differs from the paper: there is none. XLNet from left to right (`attn_type: "uni"`) is not read.
 * Trap   `mem_len` null does not mean no memory but all of it.
 * @module
 */
import { XLNET_BASE, type XLNetDeclared, xlnetParameters, type XLNetSizes } from "../xlnet.ts";
import { aboveZero, checkFixed, type Config, dropoutRate, wholeNumber } from "./config.ts";
import type { Layout } from "./layout.ts";
import { type NameTable, norm } from "./names.ts";

const layer = "transformer.layer.{i}", attention = `${layer}.rel_attn`;

/** Our paths and theirs. */
const names: NameTable = [
  ["word", "transformer.word_embedding.weight"],
  ["query", "transformer.mask_emb"],
  ["layers.{i}.attention.query", `${attention}.q`],
  ["layers.{i}.attention.key", `${attention}.k`],
  ["layers.{i}.attention.value", `${attention}.v`],
  ["layers.{i}.attention.relative", `${attention}.r`],
  ["layers.{i}.attention.output", `${attention}.o`],
  ["layers.{i}.attention.content", `${attention}.r_w_bias`],
  ["layers.{i}.attention.position", `${attention}.r_r_bias`],
  ["layers.{i}.segments.bias", `${attention}.r_s_bias`],
  ["layers.{i}.segments.table", `${attention}.seg_embed`],
  ...norm("layers.{i}.attentionNorm", `${attention}.layer_norm`),
  ["layers.{i}.feedForward.up", `${layer}.ff.layer_1`],
  ["layers.{i}.feedForward.down", `${layer}.ff.layer_2`],
  ...norm("layers.{i}.feedForwardNorm", `${layer}.ff.layer_norm`),
  ["bias", "lm_loss.bias"],
];

/** What a config.json must say, if it says anything of it. */
const fixed = { attn_type: "bi", bi_data: false, ff_activation: "gelu", tie_word_embeddings: true };

/** An XLNet's sizes. */
export interface SizedXLNet {
  /** As opposed to the other kinds. */
  kind: "xlnet";
  /** How large. */
  sizes: XLNetSizes;
}

function readSizes(config: Config): XLNetSizes {
  checkFixed(config, { ...fixed, reuse_len: null }, "XLNet");
  const { memory, clamp: _, ...base } = XLNET_BASE;
  const size = (key: string, ours: number, least?: number) => wholeNumber(config, key, ours, least);
  const width = size("d_model", base.width), heads = size("n_head", base.heads);
  const remembered = config.mem_len ?? memory, clamp = size("clamp_len", -1, -1);
  return {
    vocabulary: size("vocab_size", base.vocabulary),
    width,
    heads,
    headWidth: size("d_head", width / heads),
    inner: size("d_inner", base.inner),
    layers: size("n_layer", base.layers),
    epsilon: aboveZero(config, "layer_norm_eps", base.epsilon),
    padding: size("pad_token_id", base.padding, 0),
    dropout: dropoutRate(config, "dropout", base.dropout),
    ...remembered ? { memory: size("mem_len", 0) } : {},
    ...clamp > 0 && { clamp },
  };
}

/** `XLNetLMHeadModel`. */
export const xlnetLayout: Layout<SizedXLNet, XLNetDeclared> = {
  read: (config) => ({ kind: "xlnet", sizes: readSizes(config) }),
  write: ({ sizes }) => ({
    model_type: "xlnet",
    architectures: ["XLNetLMHeadModel"],
    vocab_size: sizes.vocabulary,
    d_model: sizes.width,
    n_head: sizes.heads,
    d_head: sizes.headWidth,
    d_inner: sizes.inner,
    n_layer: sizes.layers,
    layer_norm_eps: sizes.epsilon,
    pad_token_id: sizes.padding,
    dropout: sizes.dropout,
    mem_len: sizes.memory ?? null,
    clamp_len: sizes.clamp ?? -1,
    ...fixed,
    untie_r: true,
  }),
  declared: ({ sizes }) => xlnetParameters(sizes),
  naming: () => ({ names, prefix: "transformer.", redundant: [/^lm_loss\.weight$/] }),
};
