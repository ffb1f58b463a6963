/**
 * DistilBERT — Sanh et al. 2019 (1910.01108).
 * Idea   Half of BERT's layers, taught by BERT: the student starts as every other layer of its teacher,
 *        then learns to say what the teacher says, word by word. Segments and pooler are left out.
 * Maths  BERT's, with L/2 layers; the losses are distillation, masked LM and cosine of states.
 * Axes   as in spec.ts.
 * Differs from the paper: the paper takes one layer out of two and does not say which; here it is layers
 *        1, 3, 5 … The authors' script takes 1, 3, 5, 8, 10, 12 of 12: pass `take` for that. Hugging
 *        Face fills masked scores where here the lowest float is added: the outcome is the same.
 * Trap   The teacher's first segment vector, which stood in every sum, is dropped with the segments: the
 *        student's first states are not the teacher's until it has trained.
 * @module
 */
import { relu } from "../core/tensor/mod.ts";
import { BERT, BERT_BASE } from "./bert.ts";
import type { ModelParameters } from "./model.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** BERT with three keys changed. */
export const DISTILBERT: ModelSpec = {
  ...BERT,
  name: "DistilBERT",
  paper: "1910.01108",
  layout: "distilbert",
  segmented: false, // was: true
  pooled: { activation: relu, pretrained: false }, // was: tanh, pretrained
  objectives: ["distilledMaskedLM"], // was: maskedLM, nextSentence
};

/** DistilBERT-base: 66M parameters. */
export const DISTILBERT_BASE: Sizes = { ...BERT_BASE, segments: 0, layers: 6 };

/**
 * A student's first parameters: its teacher's embedding, every other layer (or those of `take`,
 * counted from 0), and masked-LM head. They are the teacher's own tensors until `keep` copies them.
 *
 * @throws {RangeError} where the student's layers are not half of the teacher's and `take` does not say
 * which, where `take` names a layer that is not there, or where the two differ in another size.
 *
 * @example
 * ```ts
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { keep, randomKey } from "@lineage/lineage/core/tensor";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { fromTeacher } from "@lineage/lineage/models/distilbert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { assertEquals } from "@std/assert";
 * const sizes = { ...BERT_TINY, layers: 4 }, heads = { maskedLM: true };
 * const teacher = await keep(initialise(modelParameters(BERT, sizes, heads), randomKey(1)));
 * const student = await keep(fromTeacher(teacher, { ...sizes, layers: 2 }));
 * assertEquals(student.encoder.layers.length, 2);
 * ```
 */
export function fromTeacher(
  teacher: ModelParameters,
  student: Sizes,
  take?: readonly number[],
): ModelParameters {
  const { embedding: { word, position, norm }, layers } = teacher.encoder;
  sameSizes(teacher, student);
  const chosen = take ?? everyOther(layers.length, student.layers);
  if (chosen.length !== student.layers || chosen.some((i) => layers[i] === undefined)) {
    const given = `${layers.length} layers of the teacher, counted from 0`;
    throw new RangeError(`take: ${chosen.join(", ")} are not ${student.layers} of ${given}`);
  }
  return {
    encoder: { embedding: { word, position, norm }, layers: chosen.map((i) => layers[i]) },
    ...teacher.maskedLM && { maskedLM: teacher.maskedLM },
  };
}

function everyOther(all: number, wanted: number): number[] {
  if (all === 2 * wanted) return Array.from({ length: wanted }, (_, i) => 2 * i);
  const half = `every other of the teacher's ${all} layers`;
  throw new RangeError(`a student of ${wanted} layers is not ${half}; say which to take`);
}

function sameSizes({ encoder }: ModelParameters, student: Sizes): void {
  const { word, position, up } = encoder.embedding;
  if (up) throw new RangeError("a teacher with a factorised embedding has no table for DistilBERT");
  const has = {
    vocabulary: word.size("V"),
    positions: position.size("P"),
    width: word.size("E"),
    inner: encoder.layers[0].feedForward.up.weight.size("F"),
  };
  for (const [name, size] of Object.entries(has)) {
    const wanted = student[name as keyof typeof has];
    if (wanted === size) continue;
    throw new RangeError(
      `the teacher's ${name} is ${size}, the student's ${wanted}; make it equal`,
    );
  }
}
