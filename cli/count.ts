/** `deno task count`: how many parameters the models of the family have, without allocating one. */
import { countParameters } from "../core/parameters.ts";
import { plainTable } from "../drawing/svg.ts";
import type { Row } from "../drawing/table.ts";
import * as albert from "../models/albert.ts";
import * as bart from "../models/bart.ts";
import * as bert from "../models/bert.ts";
import * as distilbert from "../models/distilbert.ts";
import * as electra from "../models/electra.ts";
import * as ernie from "../models/ernie.ts";
import {
  encoderDecoderParameters,
  type EncoderDecoderSizes,
  type EncoderDecoderSpec,
} from "../models/encoder_decoder.ts";
import { GPT, GPT_BASE } from "../models/gpt.ts";
import * as gpt2 from "../models/gpt2.ts";
import { GPT3, GPT3_SIZES } from "../models/gpt3.ts";
import * as roberta from "../models/roberta.ts";
import * as spanbert from "../models/spanbert.ts";
import { encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import * as t5 from "../models/t5.ts";
import {
  TRANSFORMER_XL_WT103,
  transformerXLParameters,
  type TransformerXLSizes,
} from "../models/transformer_xl.ts";
import { UNILM, UNILM_LARGE } from "../models/unilm.ts";
import { XLNET_BASE, XLNET_LARGE, xlnetParameters, type XLNetSizes } from "../models/xlnet.ts";
import { type Command, main, UsageError } from "./command.ts";

const { BERT, BERT_BASE, BERT_LARGE } = bert, { ALBERT } = albert, { ELECTRA } = electra;
const { ROBERTA, CHINESE_ROBERTA } = roberta, { SPANBERT } = spanbert;
const generator = electra.ELECTRA_GENERATOR;

/** The models with the sizes that were published. */
export const family: readonly (readonly [name: string, ModelSpec, Sizes])[] = [
  ["BERT-base", BERT, BERT_BASE],
  ["BERT-large", BERT, BERT_LARGE],
  ["RoBERTa-base", ROBERTA, roberta.ROBERTA_BASE],
  ["RoBERTa-large", ROBERTA, roberta.ROBERTA_LARGE],
  ["Chinese RoBERTa-wwm", CHINESE_ROBERTA, roberta.CHINESE_ROBERTA_BASE],
  ["ALBERT-base", ALBERT, albert.ALBERT_BASE],
  ["ALBERT-large", ALBERT, albert.ALBERT_LARGE],
  ["ALBERT-xlarge", ALBERT, albert.ALBERT_XLARGE],
  ["ALBERT-xxlarge", ALBERT, albert.ALBERT_XXLARGE],
  ["DistilBERT-base", distilbert.DISTILBERT, distilbert.DISTILBERT_BASE],
  ["SpanBERT-base", SPANBERT, spanbert.SPANBERT_BASE],
  ["SpanBERT-large", SPANBERT, spanbert.SPANBERT_LARGE],
  ["ERNIE 1.0", ernie.ERNIE, ernie.ERNIE_BASE],
  ["ELECTRA-small", ELECTRA, electra.ELECTRA_SMALL],
  ["  its generator", generator, electra.generatorSizes(electra.ELECTRA_SMALL, 1 / 4)],
  ["ELECTRA-base", ELECTRA, electra.ELECTRA_BASE],
  ["  its generator", generator, electra.generatorSizes(electra.ELECTRA_BASE, 1 / 3)],
  ["ELECTRA-large", ELECTRA, electra.ELECTRA_LARGE],
  ["  its generator", generator, electra.generatorSizes(electra.ELECTRA_LARGE, 1 / 4)],
  ["UniLM-large", UNILM, UNILM_LARGE],
  ["GPT", GPT, GPT_BASE],
  ["GPT-2 small", gpt2.GPT2, gpt2.GPT2_SMALL],
  ["GPT-2 medium", gpt2.GPT2, gpt2.GPT2_MEDIUM],
  ["GPT-2 large", gpt2.GPT2, gpt2.GPT2_LARGE],
  ["GPT-2 XL", gpt2.GPT2, gpt2.GPT2_XL],
  ...Object.entries(GPT3_SIZES).map(([size, sizes]) => [`GPT-3 ${size}`, GPT3, sizes] as const),
];

const { T5, T5_1_1 } = t5, { BART } = bart;

/** The models that read with one stack and write with another, output layer and all. */
export const encoderDecoders: readonly (readonly [
  name: string,
  EncoderDecoderSpec,
  EncoderDecoderSizes,
])[] = [
  ["T5-small", T5, t5.T5_SMALL],
  ["T5-base", T5, t5.T5_BASE],
  ["T5-large", T5, t5.T5_LARGE],
  ["T5 v1.1-base", T5_1_1, { ...t5.T5_BASE, inner: 2048 }],
  ["BART-base", BART, bart.BART_BASE],
  ["BART-large", BART, bart.BART_LARGE],
];

/** A row of the table for one of them; its layers are those that read and those that write. */
function encoderDecoderRow(
  name: string,
  spec: EncoderDecoderSpec,
  sizes: EncoderDecoderSizes,
): Row {
  const declared = encoderDecoderParameters(spec, sizes), { encoder, decoder } = declared;
  return {
    model: name,
    layers: `${sizes.encoderLayers} + ${sizes.decoderLayers}`,
    width: sizes.width,
    "embedding width": sizes.width,
    heads: sizes.heads,
    embedding: countParameters([declared.words, encoder.positions, decoder.positions]),
    "all layers": countParameters([encoder.layers, decoder.layers]),
    parameters: countParameters(declared),
  };
}

/** A row of the table; `embedding` is what is looked up, and the way up from it. */
function countRow(name: string, spec: ModelSpec, sizes: Sizes): Row {
  const declared = encoderParameters(spec, sizes), { embedding, layers } = declared;
  return {
    model: name,
    layers: sizes.layers,
    width: sizes.width,
    "embedding width": spec.embed.width(sizes),
    heads: sizes.heads,
    embedding: countParameters(embedding),
    "all layers": countParameters(layers),
    parameters: countParameters(declared),
  };
}

/** A row of the table for XLNet, without the bias that names words. */
function xlnetRow(name: string, sizes: XLNetSizes): Row {
  const declared = xlnetParameters(sizes, false), { layers, ...begins } = declared;
  return rowOf(name, sizes, sizes.width, begins, layers, declared);
}

/** A row of the table for Transformer-XL, output layer and all. */
function transformerXLRow(name: string, sizes: TransformerXLSizes): Row {
  const declared = transformerXLParameters(sizes), { layers, words } = declared;
  return rowOf(name, sizes, sizes.embedding, words, layers, declared);
}

function rowOf(
  model: string,
  { layers, width, heads }: XLNetSizes | TransformerXLSizes,
  embedding: number,
  ...[words, stack, whole]: unknown[]
): Row {
  return {
    model,
    layers,
    width,
    "embedding width": embedding,
    heads,
    embedding: countParameters(words),
    "all layers": countParameters(stack),
    parameters: countParameters(whole),
  };
}

/** The models that remember. */
const recurrent: readonly Row[] = [
  transformerXLRow("Transformer-XL", TRANSFORMER_XL_WT103),
  xlnetRow("XLNet-base", XLNET_BASE),
  xlnetRow("XLNet-large", XLNET_LARGE),
];

const command: Command<Record<string, never>> = {
  name: "count",
  about:
    "Parameters of each model without its heads; what is shared counts once. A pooler counts\n" +
    "where pre-training has one.",
  usage: "",
  options: {},
  run(_, rest) {
    if (rest.length) throw new UsageError(`there is nothing to say after the name: ${rest[0]}`);
    const both = encoderDecoders.map((row) => encoderDecoderRow(...row));
    console.log(plainTable([...family.map((row) => countRow(...row)), ...recurrent, ...both]));
    return Promise.resolve();
  },
};

if (import.meta.main) await main(command);
