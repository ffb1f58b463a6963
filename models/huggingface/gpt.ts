/**
 * GPT and GPT-2 as Hugging Face stores them: names, layout of the weights, config.json.
 *
 * Idea   Their linear layers are stored the other way round, input axis first, and queries, keys and
 *        values lie side by side in one. A file is unpacked before its tensors are looked at, and packed
 *        before it is written.
 * Maths  c_attn: [D, 3·D] = [Wqᵀ | Wkᵀ | Wvᵀ]
 * Differs from the paper: there is none.
 * Trap   GPT's config.json says "gelu" and means the tanh form. GPT-2's published files lack the prefix
 *        and hold the causal mask (`attn.bias`), which is no bias.
 * @module
 */
import type { StoredTensor } from "../../core/training/safetensors.ts";
import { GPT, GPT_BASE } from "../gpt.ts";
import { GPT2, GPT2_SMALL } from "../gpt2.ts";
import type { Heads } from "../model.ts";
import type { Config } from "./config.ts";
import { type ConfigLayout, configOf, type Family } from "./family.ts";
import { below, transposed } from "./matrices.ts";
import { type NameTable, norm } from "./names.ts";
import type { Tensors } from "./stored.ts";

/** Our paths and theirs; `wte` and `wpe` are what the model calls its tables. */
function names(wte: string, wpe: string): NameTable {
  const ours = "encoder.layers.{i}", theirs = "transformer.h.{i}";
  return [
    ["encoder.embedding.word", `transformer.${wte}.weight`],
    ["encoder.embedding.position", `transformer.${wpe}.weight`],
    [`${ours}.attention.output`, `${theirs}.attn.c_proj`],
    [`${ours}.attention`, `${theirs}.attn.c_attn`],
    ...norm(`${ours}.attentionNorm`, `${theirs}.ln_1`),
    [`${ours}.feedForward.up`, `${theirs}.mlp.c_fc`],
    [`${ours}.feedForward.down`, `${theirs}.mlp.c_proj`],
    ...norm(`${ours}.feedForwardNorm`, `${theirs}.ln_2`),
    ...norm("encoder.norm", "transformer.ln_f"),
  ];
}

const parts = ["query", "key", "value"] as const;
const isLinear = (name: string) => /\.c_(attn|proj|fc)(\.\w+)?\.weight$/.test(name);
const isJoined = (name: string) => /\.c_attn\.(weight|bias)$/.test(name);

/** From their layout: `c_attn.weight` becomes `c_attn.query.weight` and so on, output axis first. */
function unpack(tensors: Tensors): Map<string, StoredTensor> {
  return new Map([...tensors].flatMap(([name, stored]): [string, StoredTensor][] => {
    const { shape, data } = isLinear(name) ? transposed(stored) : stored;
    if (!isJoined(name) || shape[0] % 3 !== 0) return [[name, { shape, data }]];
    const size = data.length / 3, own = [shape[0] / 3, ...shape.slice(1)];
    return parts.map((part, i) => [
      name.replace("c_attn.", `c_attn.${part}.`),
      { shape: own, data: data.slice(i * size, (i + 1) * size) },
    ]);
  }));
}

/** Back to their layout. */
function pack(tensors: Tensors): Map<string, StoredTensor> {
  const packed = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    const joined = name.replace(".c_attn.query.", ".c_attn.");
    if (/\.c_attn\.(key|value)\./.test(name)) continue; // they go where their query goes
    const own = joined === name
      ? stored
      : below(parts.map((part) => tensors.get(name.replace("query", part))!));
    packed.set(joined, isLinear(joined) ? transposed(own) : own);
  }
  return packed;
}

const summary = {
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: "cls_index",
  summary_use_proj: true,
};

const layout: ConfigLayout = {
  spec: GPT,
  defaults: GPT_BASE,
  sizes: {
    vocab_size: "vocabulary",
    n_positions: "positions",
    n_embd: "width",
    n_head: "heads",
    n_layer: "layers",
    layer_norm_epsilon: "epsilon",
  },
  dropout: { hidden: "resid_pdrop", attention: "attn_pdrop" },
  activation: ["afn", "gelu"],
  required: {},
  others: { initializer_range: 0.02, ...summary },
};

/** The embedding's dropout is that of the branches. */
const withEmbeddingDropout = (written: Config): Config => ({
  ...written,
  embd_pdrop: written.resid_pdrop,
});

const heads = { languageModel: true } as const satisfies Heads;
const redundant = [/\.attn\.(masked_)?bias$/, /^lm_head\.weight$/, /\.position_ids$/];

const gptConfig = configOf(layout);

/** `model_type: "openai-gpt"`. */
export const gptFamily: Family = {
  ...gptConfig,
  prefix: "transformer.",
  names: () => names("tokens_embed", "positions_embed"),
  read(config) {
    const afn = config.afn ?? "gelu";
    const { spec, sizes } = gptConfig.read({ ...config, afn: afn === "gelu" ? "gelu_new" : afn });
    return { spec, sizes: { ...sizes, inner: 4 * sizes.width } };
  },
  write(model) {
    const { width, inner } = model.sizes;
    if (inner !== 4 * width) {
      throw new RangeError(`GPT's checkpoints know an inner width of 4·${width}, not ${inner}`);
    }
    const { afn, ...written } = gptConfig.write(model);
    if (afn === "gelu") throw new RangeError('GPT\'s checkpoints mean the tanh form by "gelu"');
    return withEmbeddingDropout({ ...written, afn: afn === "gelu_new" ? "gelu" : afn });
  },
  unpack,
  pack,
  architectures: { OpenAIGPTLMHeadModel: () => heads, OpenAIGPTModel: () => ({}) },
  redundant,
};

const gpt2Config = configOf({
  ...layout,
  spec: GPT2,
  defaults: GPT2_SMALL,
  sizes: { ...layout.sizes, n_inner: "inner" },
  activation: ["activation_function", "gelu_new"],
  required: {
    reorder_and_upcast_attn: false,
    scale_attn_by_inverse_layer_idx: false,
    scale_attn_weights: true,
  },
  others: { ...layout.others, bos_token_id: 50256, eos_token_id: 50256, use_cache: true },
});

/** `model_type: "gpt2"`. */
export const gpt2Family: Family = {
  ...gpt2Config,
  prefix: "transformer.",
  names: () => names("wte", "wpe"),
  read: (config) => {
    const width = Number(config.n_embd ?? GPT2_SMALL.width);
    return gpt2Config.read({ ...config, n_inner: config.n_inner ?? 4 * width });
  },
  write: (model) => withEmbeddingDropout(gpt2Config.write(model)),
  unpack,
  pack,
  architectures: { GPT2LMHeadModel: () => heads, GPT2Model: () => ({}) },
  redundant,
};
