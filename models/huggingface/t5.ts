/**
 * T5 as Hugging Face stores it: names and config.json.
 *
 * Idea   Their sub-layers are numbered: in the decoder 0 looks around, 1 into the source, 2 thinks. The table of
 *        distances lies in layer 0 of each stack.
 * Maths  none.
 * Differs from the paper: there is none. What a config.json says of T5's other relatives (mT5, UMT5) is refused
 *        by its `model_type`.
 * @module
 */
import { ownOutput, T5, T5_1_1, T5_SMALL, tiedSmaller } from "../t5.ts";
import type { EncoderDecoderSizes, EncoderDecoderSpec } from "../encoder_decoder.ts";
import { geluTanh, relu } from "../../core/tensor/mod.ts";
import type { Config } from "./family.ts";
import type { NameTable } from "./names.ts";
import type { Naming } from "./stored.ts";

/** A T5 and its sizes. */
export interface SizedT5 {
  /** Which version. */
  spec: EncoderDecoderSpec;
  /** How large. */
  sizes: EncoderDecoderSizes;
}

/**
 * Names of the parameters of a T5.
 *
 * @example
 * ```ts
 * import { theirName } from "@lineage/lineage/models/huggingface/names";
 * import { t5Naming } from "@lineage/lineage/models/huggingface/t5";
 * import { T5_1_1 } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const theirs = theirName("decoder.layers.3.feedForward.gate.weight", t5Naming(T5_1_1).names);
 * assertEquals(theirs, "decoder.block.3.layer.2.DenseReluDense.wi_0.weight");
 * ```
 */
export function t5Naming({ gated, output }: EncoderDecoderSpec): Naming {
  return {
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
  };
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
  layer_norm_epsilon: "epsilon",
  pad_token_id: "padding",
  decoder_start_token_id: "start",
  eos_token_id: "end",
  dropout_rate: "dropout",
} as const;

/** Keys whose value may be 0, and those that need not be whole. */
const fromZero = ["pad_token_id", "decoder_start_token_id", "eos_token_id", "dropout_rate"];
const broken = ["layer_norm_epsilon", "dropout_rate"];

/**
 * The T5 and its sizes that a config.json means.
 *
 * @throws {RangeError} where a size is no size, or the config asks for what a T5 cannot do.
 *
 * @example
 * ```ts
 * import { readT5Config } from "@lineage/lineage/models/huggingface/t5";
 * import { T5_1_1 } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * const config = { d_model: 16, feed_forward_proj: "gated-gelu", tie_word_embeddings: false };
 * const { spec, sizes } = readT5Config(config);
 * assertEquals([spec, sizes.width], [T5_1_1, 16]);
 * ```
 */
export function readT5Config(config: Config): SizedT5 {
  const sizes: EncoderDecoderSizes = { ...T5_SMALL };
  for (const [theirs, ours] of Object.entries(sizeKeys)) {
    const missing = theirs === "num_decoder_layers" ? config.num_layers : undefined;
    const value = config[theirs] ?? missing ?? sizes[ours];
    const least = fromZero.includes(theirs) ? 0 : broken.includes(theirs) ? Number.MIN_VALUE : 1;
    const whole = broken.includes(theirs) || Number.isInteger(value);
    if (typeof value !== "number" || !(value >= least) || !whole) {
      throw new RangeError(`config.json: ${theirs} is ${JSON.stringify(value)}, not a size`);
    }
    sizes[ours] = value;
  }
  return { spec: readSpec(config), sizes };
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
    throw new RangeError(`config.json: feed_forward_proj "${way}" is not one of: ${known}`);
  }
  const output = config.tie_word_embeddings === false ? ownOutput : tiedSmaller;
  const found = { ...activations[way], output };
  const same = (spec: EncoderDecoderSpec) =>
    Object.entries(found).every(([key, value]) => spec[key as keyof typeof spec] === value);
  return [T5, T5_1_1].find(same) ?? { ...T5, ...found };
}

/**
 * The config.json of a T5.
 *
 * @throws {RangeError} where it is not what T5's checkpoints can say.
 *
 * @example
 * ```ts
 * import { writeT5Config } from "@lineage/lineage/models/huggingface/t5";
 * import { T5, T5_SMALL } from "@lineage/lineage/models/t5";
 * import { assertEquals } from "@std/assert";
 * assertEquals(writeT5Config({ spec: T5, sizes: T5_SMALL }).feed_forward_proj, "relu");
 * ```
 */
export function writeT5Config({ spec, sizes }: SizedT5): Config {
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
    feed_forward_proj: gated ? `gated-${name}` : name,
    dense_act_fn: isRelu ? "relu" : "gelu_new",
    is_gated_act: gated,
    tie_word_embeddings: !output.own,
    is_encoder_decoder: true,
    initializer_factor: 1,
    use_cache: true,
    torch_dtype: "float32",
  };
}
