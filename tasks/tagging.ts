/**
 * Tagging: a class for each word — Devlin et al. 2018 (1810.04805), §5.3 and figure 4 d.
 * Idea   Names, parts of speech: every word gets a tag. The model sees pieces, so the first piece of a
 *        word speaks for the word, and the others are not asked.
 * Maths  L = 1/n Σ over the n first pieces t of −log softmax(W·x_t + c)[tag]
 * Axes   B rows · T positions · C tags
 * Differs from the paper: nothing; no tag before is an input, and no CRF stands on top. A sentence that
 *        is too long is cut between words into several rows, so that no word is lost.
 * Trap   To give every piece the word's tag counts long words twice, and O-tagged special tokens make a
 *        loss that looks good.
 * @module
 */
import { argmax } from "../core/argmax.ts";
import {
  crossEntropy,
  divide,
  dropout,
  ignored,
  type Key,
  scalar,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { encode as encodeText, type Encoding } from "../core/text/batch.ts";
import { classifyTokens } from "../models/heads.ts";
import type { ModelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import type { ModelInputs } from "../objectives/objective.ts";
import type { Tagged } from "./conll.ts";
import { areEntityTags, entityScores } from "./entities.ts";
import { classScores } from "./metrics.ts";
import { readingOf, type Row, type Task } from "./task.ts";
import { numberOf } from "./text_classification.ts";

/**
 * The task for a model: rows of up to `length` tokens, and these tags. Scored are entities where the
 * tags speak of entities, else the tags.
 *
 * Its `rows` throw a RangeError for a sentence with tags, but not one for each word.
 *
 * @throws {RangeError} where the model has no tokenizer.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey } from "@lineage/lineage/core/tensor";
 * import { initialise } from "@lineage/lineage/core/parameters";
 * import { BERT, BERT_TINY } from "@lineage/lineage/models/bert";
 * import { modelParameters } from "@lineage/lineage/models/model";
 * import { answers } from "@lineage/lineage/tasks/evaluate";
 * import { tagging } from "@lineage/lineage/tasks/tagging";
 * import { assertEquals } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\n##s\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 7, layers: 1 }, heads = { tokenClasses: 2 };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const model = { spec: BERT, sizes, heads, params, tokenizer };
 * const task = tagging(model, ["NOUN", "VERB"], 16);
 * const [said] = await answers(model, task, [{ words: ["boats", "boat"], tags: [] }]);
 * assertEquals(said.length, 2);
 * ```
 */
export function tagging(
  model: Pretrained,
  labels: readonly string[],
  length: number,
): Task<Tagged, string[]> {
  const { spec, sizes } = model, reading = readingOf(model, length);
  const outside = Math.max(0, labels.indexOf("O")); // for a word of which no token is left
  return {
    ...reading,
    heads: { tokenClasses: labels.length },
    labels,
    rows: (example) => {
      checkTags(example);
      return stretches(example.words, reading).map(([from, to]) => (
        { example, text: example.words.slice(from, to).join(" "), from, to }
      ));
    },
    target: (row, { ids, starts, ends }) => {
      const target = Array<number>(ids.length).fill(ignored);
      firstPieces(wordsOf(row), { starts, ends }).forEach((t, i) => {
        if (t !== undefined) target[t] = numberOf(labels, row.example.tags[row.from + i]);
      });
      return target;
    },
    scores: (params: ModelParameters, inputs: ModelInputs, key?: Key): Tensor => {
      const { last } = encode(spec, sizes, params.encoder, inputs, key);
      const kept = dropout(last, sizes.dropout.hidden, key?.derive(sizes.layers + 1));
      return classifyTokens(kept, params.classifier!);
    },
    loss: (scores, targets) => {
      const surprise = crossEntropy(scores as Tensor<"B T C">, tensor("B T", targets), "C");
      const count = targets.flat().filter((label) => label !== ignored).length;
      return divide(sum(surprise), scalar(Math.max(1, count)));
    },
    answer: (_, seen) =>
      seen.flatMap((row) => {
        const of = (t: number) => Array.from(labels, (_, c) => row.scores[t * labels.length + c]);
        return firstPieces(wordsOf(row), row.encoding)
          .map((t) => labels[t === undefined ? outside : argmax(of(t))]);
      }),
    judge: (sentences, found) => {
      const truth = sentences.map(({ tags }) => tags);
      const ofTags = classScores(truth.flat(), found.flat());
      if (!areEntityTags(labels)) return ofTags;
      const { values, classes } = entityScores(truth, found);
      return { values: { ...values, accuracy: ofTags.values.accuracy }, classes };
    },
  };
}

const wordsOf = ({ example, from, to }: Row<Tagged>) => example.words.slice(from, to);

function checkTags({ words, tags }: Tagged): void {
  if (tags.length === 0 || tags.length === words.length) return;
  throw new RangeError(
    `the sentence "${words.slice(0, 8).join(" ")}" has ${words.length} words and ${tags.length}` +
      " tags; give one for each word",
  );
}

/** Where the first piece of each word stands; undefined where a word has none left. */
function firstPieces(
  words: readonly string[],
  { starts, ends }: Pick<Encoding<Int32Array>, "starts" | "ends">,
): (number | undefined)[] {
  const found: (number | undefined)[] = Array(words.length).fill(undefined);
  let word = 0, end = words[0]?.length ?? 0; // of the word, in the words joined by spaces
  for (let t = 0; t < ends.length; t++) {
    if (ends[t] <= starts[t]) continue; // a special token or padding
    // By its last character: byte-level pieces begin with the space before the word.
    while (ends[t] > end && word < words.length - 1) end += 1 + words[++word].length;
    if (ends[t] > end - words[word].length) found[word] ??= t;
  }
  return found;
}

/** Runs of words that fit into a row: from word i up to, but not including, word j. */
function stretches(
  words: readonly string[],
  { tokenizer, length }: Pick<Task<Tagged, string[]>, "tokenizer" | "length">,
): [from: number, to: number][] {
  const room = length - encodeText(tokenizer, "").ids.length;
  const found: [number, number][] = [];
  const count = (text: string) => tokenizer.encode(text).length;
  let used = Infinity;
  words.forEach((word, i) => {
    used += count(` ${word}`); // byte-level pieces differ after a space
    if (used > room) {
      used = count(word);
      found.push([i, i]);
    }
    found.at(-1)![1] = i + 1;
  });
  return found;
}
