/** What the tests of tasks share: small models of each family, with tokenizers of all kinds. */
import { initialise } from "../core/parameters.ts";
import { keep, randomKey } from "../core/tensor/mod.ts";
import { byteBPE, ROBERTA_STYLE } from "../core/text/byte_bpe.ts";
import { loadTokenizer } from "../core/text/load_tokenizer.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainByteBPE } from "../core/text/train_byte_bpe.ts";
import { createWorld, documents } from "../data/mod.ts";
import { ALBERT } from "../models/albert.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { DISTILBERT } from "../models/distilbert.ts";
import { ELECTRA } from "../models/electra.ts";
import { ERNIE } from "../models/ernie.ts";
import { modelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { ROBERTA } from "../models/roberta.ts";
import { SPANBERT } from "../models/spanbert.ts";
import type { ModelSpec } from "../models/spec.ts";
import { rowOf } from "../objectives/objective.ts";
import { asBatch, type Task } from "../tasks/task.ts";
import { goldenRoot } from "./golden_models.ts";

/** Tokenizers of all kinds: golden ones by the name of their folder, and a byte-level BPE as RoBERTa has it. */
export const kindsOfTokenizers = ["wordpiece", "bytebpe", "unigram-albert", "roberta"];

/** The encoders, each with the kind of tokenizer that its checkpoints have. */
export const encoders: readonly [spec: ModelSpec, kind: string][] = [
  [BERT, "wordpiece"],
  [ERNIE, "wordpiece"],
  [SPANBERT, "wordpiece"],
  [DISTILBERT, "wordpiece"],
  [ELECTRA, "wordpiece"],
  [ROBERTA, "roberta"],
  [ALBERT, "unigram-albert"],
];

const texts = [...documents(createWorld(1), { seed: 1, count: 50 })].map(({ text }) => text);

export async function tokenizerOfKind(kind: string): Promise<Tokenizer> {
  if (kind === "roberta") {
    return byteBPE(trainByteBPE(texts, { vocabSize: 600, style: ROBERTA_STYLE }));
  }
  return (await loadTokenizer(`${goldenRoot}/tokenizers/${kind}`))!;
}

/** A model with random parameters and no dropout. */
export async function smallModel(
  tokenizer: Tokenizer,
  spec: ModelSpec = BERT,
  width = 16,
): Promise<Pretrained> {
  const { tokens, special } = tokenizer.vocabulary;
  const sizes = {
    ...BERT_TINY,
    vocabulary: tokens.length,
    positions: 66,
    segments: spec === ROBERTA ? 1 : 2,
    width,
    ...(spec === ALBERT || spec === ELECTRA) && { embedding: 8 },
    inner: 2 * width,
    heads: 2,
    layers: 2,
    padding: special.pad,
    dropout: { hidden: 0, attention: 0 },
  };
  const heads = { maskedLM: true };
  const params = await keep(initialise(modelParameters(spec, sizes, heads), randomKey(1), 0.2));
  return { spec, sizes, heads, params, tokenizer };
}

/** What a model that is sure of the targets would answer: from example to target and back. */
export function answerOfTargets<Example, Answer>(
  task: Task<Example, Answer>,
  example: Example,
  sure: (target: number[], encoding: { ids: Int32Array }) => number[],
): { answer: Answer; rows: number; longest: number } {
  const rows = task.rows(example), batch = asBatch(task, rows);
  const seen = rows.map((row, b) => {
    const encoding = rowOf(batch, b);
    return { ...row, encoding, scores: sure(task.target(row, encoding), encoding) };
  });
  return { answer: task.answer(example, seen), rows: rows.length, longest: batch.shape[1] };
}
