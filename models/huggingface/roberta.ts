/**
 * RoBERTa as Hugging Face stores it: names and config.json.
 *
 * Idea   BERT's encoder under another name; the heads have names of their own. The classifier's first
 *        layer is our pooler: a linear layer and tanh on the first position.
 * Maths  none.
 * Differs from the paper: there is none.
 * Trap   The masked-LM head bends with GELU whatever `hidden_act` says.
 * @module
 */
import { gelu } from "../../core/tensor/mod.ts";
import type { Heads } from "../model.ts";
import { ROBERTA } from "../roberta.ts";
import { bertConfig, encoderNames } from "./bert.ts";
import { configOf, type Family } from "./family.ts";
import { type NameTable, norm } from "./names.ts";

const config = configOf({
  ...bertConfig,
  spec: ROBERTA,
  defaults: { ...bertConfig.defaults, vocabulary: 50265, padding: 1 },
  others: { ...bertConfig.others, bos_token_id: 0, eos_token_id: 2 },
});

/** Our paths and theirs; the pooler is the encoder's or the classifier's. */
const names = ({ textClasses }: Heads): NameTable => [
  ...encoderNames("roberta"),
  ["encoder.pooler", textClasses === undefined ? "roberta.pooler.dense" : "classifier.dense"],
  ["maskedLM.transform", "lm_head.dense"],
  ...norm("maskedLM.norm", "lm_head.layer_norm"),
  ["maskedLM.bias", "lm_head.bias"],
  ["classifier", textClasses === undefined ? "classifier" : "classifier.out_proj"],
  ["span", "qa_outputs"],
];

/** `model_type: "roberta"`. */
export const robertaFamily: Family = {
  ...config,
  prefix: "roberta.",
  names: ({ heads }) => names(heads),
  read(given) {
    const { spec, sizes } = config.read(given);
    return { spec: spec === ROBERTA ? spec : { ...spec, headActivation: gelu }, sizes };
  },
  architectures: {
    RobertaForMaskedLM: () => ({ maskedLM: true }),
    RobertaForSequenceClassification: (textClasses) => ({ textClasses }),
    RobertaForTokenClassification: (tokenClasses) => ({ tokenClasses }),
    RobertaForQuestionAnswering: () => ({ span: true }),
    RobertaModel: () => ({}),
  },
  redundant: [/\.position_ids$/, /^lm_head\.decoder\.(weight|bias)$/, /\.pooler\.dense\./],
};
