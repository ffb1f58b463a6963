/** `deno task count`: how many parameters the models of the family have, without allocating one. */
import { countParameters } from "../core/parameters.ts";
import { plainTable } from "../drawing/svg.ts";
import { BERT, BERT_BASE, BERT_LARGE } from "../models/bert.ts";
import { encoderParameters } from "../models/spec.ts";
import { type Command, main } from "./command.ts";

const family = [
  { model: "BERT-base", spec: BERT, sizes: BERT_BASE },
  { model: "BERT-large", spec: BERT, sizes: BERT_LARGE },
];

const command: Command<Record<string, never>> = {
  name: "count",
  about: "Parameters of each model, with its pooler and without heads; shared ones count once.",
  usage: "",
  options: {},
  run() {
    const rows = family.map(({ model, spec, sizes }) => ({
      model,
      layers: sizes.layers,
      width: sizes.width,
      heads: sizes.heads,
      parameters: countParameters(encoderParameters(spec, sizes)),
    }));
    console.log(plainTable(rows));
    return Promise.resolve();
  },
};

if (import.meta.main) await main(command);
