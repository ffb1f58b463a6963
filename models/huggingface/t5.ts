/**
 * T5 as Hugging Face stores it: names and config.json.
 *
 * Idea   Their sub-layers are numbered: in the decoder 0 looks around, 1 into the source, 2 thinks. The table of
 *        distances lies in layer 0 of each stack.
 * Maths  none.
 * Differs from the paper: there is none. What a config.json says of T5's other relatives (mT5, UMT5) is refused
 *        by its `model_type`.
 * Trap   A published T5 knows 32,128 tokens, its SentencePiece file 32,000 and 100 sentinels: the last 28 rows of its
 *        vectors are nobody's.
 * @module
 */
import { geluTanh, relu } from "../../core/tensor/mod.ts";
import {
  type EncoderDecoderDeclared,
  encoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
} from "../encoder_decoder.ts";
import { ownOutput, T5, T5_1_1, T5_SMALL, tiedSmaller } from "../t5.ts";
import { aboveZero, type Config, dropoutRate, wholeNumber } from "./config.ts";
import type { Layout } from "./layout.ts";
import type { NameTable } from "./names.ts";

/** A T5 and its sizes. */
export interface SizedT5 {
  /** As opposed to the other kinds. */
  kind: "t5";
  /** Which version. */
  spec: EncoderDecoderSpec;
  /** How large. */
  sizes: EncoderDecoderSizes;
}

/** Names of a stack whose thinking has the number `last` in a layer. */
function stack(name: string, gated: boolean, last: number): NameTable {
  const layer = `${name}.block.{i}.layer`, ours = `${name}.layers.{i}`;
  const around = (part: string, theirs: string): NameTable => [
    [`${ours}.${part}.query`, `${theirs}.q`],
    [`${ours}.${part}.key`, `${theirs}.k`],
    [`${ours}.${part}.value`, `${theirs}.v`],
    [`${ours}.${part}.output`, `${theirs}.o`],
  ];
  const think = `${layer}.${last}.DenseReluDense`;
  const table = `${name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;
  return [
    [`${name}.positions`, table],
    ...around("attention", `${layer}.0.SelfAttention`),
    [`${ours}.attentionNorm.gain`, `${layer}.0.layer_norm.weight`],
    ...around("cross", `${layer}.1.EncDecAttention`),
    [`${ours}.crossNorm.gain`, `${layer}.1.layer_norm.weight`],
    [`${ours}.feedForward.gate`, `${think}.wi_0`],
    [`${ours}.feedForward.up`, gated ? `${think}.wi_1` : `${think}.wi`],
    [`${ours}.feedForward.down`, `${think}.wo`],
    [`${ours}.feedForwardNorm.gain`, `${layer}.${last}.layer_norm.weight`],
    [`${name}.norm.gain`, `${name}.final_layer_norm.weight`],
  ];
}

/** Their keys and the sizes that they name. */
const sizeKeys = {
  vocab_size: "vocabulary",
  d_model: "width",
  num_heads: "heads",
  d_kv: "headWidth",
  d_ff: "inner",
  num_layers: "encoderLayers",
  num_decoder_layers: "decoderLayers",
  relative_attention_num_buckets: "positions",
  relative_attention_max_distance: "furthest",
  pad_token_id: "padding",
  decoder_start_token_id: "start",
  eos_token_id: "end",
} as const;

function readSizes(config: Config): EncoderDecoderSizes {
  const sizes: EncoderDecoderSizes = { ...T5_SMALL };
  for (const [theirs, ours] of Object.entries(sizeKeys)) {
    const asMany = theirs === "num_decoder_layers" ? sizes.encoderLayers : sizes[ours];
    sizes[ours] = wholeNumber(config, theirs, asMany, theirs.endsWith("_token_id") ? 0 : 1);
  }
  sizes.epsilon = aboveZero(config, "layer_norm_epsilon", sizes.epsilon);
  sizes.dropout = dropoutRate(config, "dropout_rate", sizes.dropout);
  return sizes;
}

function readSpec(config: Config): EncoderDecoderSpec {
  const way = String(config.feed_forward_proj ?? "relu");
  const activations: Record<string, Partial<EncoderDecoderSpec>> = {
    "relu": { gated: false, activation: relu },
    "gated-relu": { gated: true, activation: relu },
    "gelu_new": { gated: false, activation: geluTanh },
    "gated-gelu": { gated: true, activation: geluTanh },
  };
  if (!Object.hasOwn(activations, way)) {
    const known = Object.keys(activations).join(", ");
    throw new RangeError(`feed_forward_proj "${way}" is not one of: ${known}`);
  }
  const output = config.tie_word_embeddings === false ? ownOutput : tiedSmaller;
  const found = { ...activations[way], output };
  const same = (spec: EncoderDecoderSpec) =>
    Object.entries(found).every(([key, value]) => spec[key as keyof typeof spec] === value);
  return [T5, T5_1_1].find(same) ?? { ...T5, ...found };
}

function write({ spec, sizes }: SizedT5): Config {
  const { gated, activation, output } = spec, isRelu = activation === relu;
  const others = ["positions", "norm", "order", "biases", "scaled"] as const;
  const odd = others.filter((key) => spec[key] !== T5[key]);
  const outputs = [tiedSmaller, ownOutput].includes(output);
  if (odd.length || !outputs || !isRelu && activation !== geluTanh) {
    const what = [...odd, ...outputs ? [] : ["output"]].join(", ") || "activation";
    throw new RangeError(`${spec.name} cannot be saved as T5: it has another ${what}`);
  }
  const name = isRelu ? "relu" : gated ? "gelu" : "gelu_new";
  return {
    model_type: "t5",
    architectures: ["T5ForConditionalGeneration"],
    ...Object.fromEntries(Object.entries(sizeKeys).map(([key, ours]) => [key, sizes[ours]])),
    layer_norm_epsilon: sizes.epsilon,
    dropout_rate: sizes.dropout,
    feed_forward_proj: gated ? `gated-${name}` : name,
    dense_act_fn: isRelu ? "relu" : "gelu_new",
    is_gated_act: gated,
    tie_word_embeddings: !output.own,
    is_encoder_decoder: true,
    initializer_factor: 1,
    use_cache: true,
  };
}

/** `T5ForConditionalGeneration`. */
export const t5Layout: Layout<SizedT5, EncoderDecoderDeclared> = {
  read: (config) => ({ kind: "t5", spec: readSpec(config), sizes: readSizes(config) }),
  write,
  declared: ({ spec, sizes }) => encoderDecoderParameters(spec, sizes),
  naming: ({ spec: { gated, output } }) => ({
    names: [
      ["words", "shared.weight"],
      ...stack("encoder", gated, 1),
      ...stack("decoder", gated, 2),
      ["output", "lm_head"],
    ],
    prefix: "",
    redundant: [
      /^(en|de)coder\.embed_tokens\.weight$/,
      /^decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
      ...output.own ? [] : [/^lm_head\.weight$/],
    ],
  }),
};
