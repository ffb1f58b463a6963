/**
 * ELECTRA as Hugging Face stores it: names and config.json.
 *
 * Idea   BERT's encoder under another name and a way up from a narrow table. Generator and discriminator
 *        are two files of one family; the classifier's first layer is our pooler with GELU.
 * Maths  none.
 * Differs from the paper: there is none.
 * Trap   `hidden_act` bends the discriminator's head, but not the generator's: there it is GELU always.
 * @module
 */
import { gelu } from "../../core/tensor/mod.ts";
import { ELECTRA, ELECTRA_SMALL } from "../electra.ts";
import type { Heads } from "../model.ts";
import { bertConfig, encoderNames, sizeKeys } from "./bert.ts";
import { configOf, type Family } from "./family.ts";
import { type NameTable, norm } from "./names.ts";

const config = configOf({
  ...bertConfig,
  spec: ELECTRA,
  defaults: ELECTRA_SMALL,
  sizes: { ...sizeKeys, embedding_size: "embedding" },
  others: {
    ...bertConfig.others,
    summary_activation: "gelu",
    summary_last_dropout: 0.1,
    summary_type: "first",
    summary_use_proj: true,
  },
});

/** Our paths and theirs. */
const names = ({ textClasses }: Heads): NameTable => [
  ...encoderNames("electra"),
  ["encoder.embedding.up", "electra.embeddings_project"],
  ["encoder.pooler", "classifier.dense"],
  ["maskedLM.transform", "generator_predictions.dense"],
  ...norm("maskedLM.norm", "generator_predictions.LayerNorm"),
  ["maskedLM.bias", "generator_lm_head.bias"],
  ["replacedTokens.transform", "discriminator_predictions.dense"],
  ["replacedTokens.output", "discriminator_predictions.dense_prediction"],
  ["classifier", textClasses === undefined ? "classifier" : "classifier.out_proj"],
  ["span", "qa_outputs"],
];

/** `model_type: "electra"`. */
export const electraFamily: Family = {
  ...config,
  prefix: "electra.",
  names: ({ heads }) => names(heads),
  read(given) {
    const { spec, sizes } = config.read(given);
    return { spec: spec === ELECTRA ? spec : { ...spec, headActivation: gelu }, sizes };
  },
  write(model) {
    const { width, embedding = width } = model.sizes;
    return config.write({ ...model, sizes: { ...model.sizes, embedding } });
  },
  architectures: {
    ElectraForPreTraining: () => ({ replacedTokens: true }),
    ElectraForMaskedLM: () => ({ maskedLM: true }),
    ElectraForSequenceClassification: (textClasses) => ({ textClasses }),
    ElectraForTokenClassification: (tokenClasses) => ({ tokenClasses }),
    ElectraForQuestionAnswering: () => ({ span: true }),
    ElectraModel: () => ({}),
  },
  redundant: [/\.position_ids$/, /^generator_lm_head\.weight$/],
};
