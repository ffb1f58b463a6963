/** T5, BART and MASS learn what they are pre-trained on: a few steps on a few sentences. */
import { assert, assertEquals } from "@std/assert";
import { initialise } from "../core/parameters.ts";
import { device, keep, randomKey, type Tensor } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { constant } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { BART, MASS } from "../models/bart.ts";
import { encoderDecoderParameters, type EncoderDecoderSpec } from "../models/encoder_decoder.ts";
import { readSource, scoreTokens, shiftRight, writeAnswer } from "../models/reading_and_writing.ts";
import { T5, T5_1_1, T5_TINY } from "../models/t5.ts";
import { documentRotation } from "../objectives/document_rotation.ts";
import { maskedSequenceToSequence } from "../objectives/masked_sequence_to_sequence.ts";
import type { ModelInputs } from "../objectives/objective.ts";
import { sentencePermutation } from "../objectives/sentence_permutation.ts";
import { spanCorruption } from "../objectives/span_corruption.ts";
import { textInfilling } from "../objectives/text_infilling.ts";
import type { AnswerTargets } from "../objectives/text_to_text.ts";

const letters = [..."abcdefghijkl"], marks = [0, 1, 2, 3].map((i) => `<extra_id_${i}>`);
const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...letters, ...marks, ""];
const tokenizer = wordPiece(parseVocabulary(words.join("\n"))), { vocabulary } = tokenizer;
const { pad, sep, mask } = vocabulary.special;
const sentences = ["a b c d", "e f g h", "i j k l"];
const texts = encodeBatch(tokenizer, [sentences.join(" "), [...sentences].reverse().join(" ")]);

interface Lesson {
  inputs: ModelInputs;
  targets: AnswerTargets;
}
const rotation = documentRotation(vocabulary), runs = maskedSequenceToSequence(vocabulary);
const spans = spanCorruption(vocabulary, { rate: 0.3 }), gaps = textInfilling(vocabulary);
const shuffles = sentencePermutation(tokenizer, { maxLength: 16 });
const courses: [string, EncoderDecoderSpec, number, (seed: number) => Lesson][] = [
  ["span corruption", T5, pad, (seed) => spans.corrupt(texts, randomKey(seed))],
  ["span corruption", T5_1_1, pad, (seed) => spans.corrupt(texts, randomKey(seed))],
  ["text infilling", BART, sep, (seed) => gaps.corrupt(texts, randomKey(seed))],
  ["document rotation", BART, sep, (seed) => rotation.corrupt(texts, randomKey(seed))],
  ["sentence permutation", BART, sep, (seed) => shuffles.corrupt([sentences], randomKey(seed))],
  ["masked sequence to sequence", MASS, mask, (seed) => runs.corrupt(texts, randomKey(seed))],
];

for (const [name, spec, start, lesson] of courses) {
  Deno.test(`${spec.name} learns ${name}`, async () => {
    await device("wasm");
    const sizes = {
      ...T5_TINY,
      ...{ vocabulary: vocabulary.tokens.length, width: 16, heads: 2, headWidth: 8, inner: 32 },
      ...{ padding: pad, start, end: sep, dropout: 0.05 },
    };
    const params = await keep(initialise(encoderDecoderParameters(spec, sizes), randomKey(1), 0.2));
    const training = await startTraining(params, 1);
    const loss = (
      p: typeof params,
      { inputs, targets }: Lesson,
      key = randomKey(0),
    ): Tensor<""> => {
      const source = readSource(spec, sizes, p, inputs, key.derive(0));
      const written = { ids: shiftRight(targets.answer, sizes), places: targets.places };
      const { last } = writeAnswer(spec, sizes, p, source, written, key.derive(1));
      return spans.loss(scoreTokens(spec, p, last), targets);
    };
    const steps = 60;
    const batch = (_: unknown, step: number) => [lesson(step)];
    for await (
      const report of train(training, { steps, batch, loss, rate: constant({ peak: 1e-2 }) })
    ) assert(Number.isFinite(report.loss));
    const mean = (from: number) =>
      training.losses.slice(from, from + 10).reduce((sum, l) => sum + l / 10, 0);
    assert(mean(50) < 0.8 * mean(0), `${mean(0)} became ${mean(50)}`);
    assertEquals(training.losses.length, steps);
  });
}
