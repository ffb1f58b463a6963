/**
 * Question answering: the stretch of a text that answers — Devlin et al. 2018 (1810.04805), §4.2, §4.3.
 * Idea   Question and text go in as a pair. Every position scores as the first and as the last of the
 *        answer; the best pair that is a stretch of the text wins. [CLS] stands for "no answer here".
 * Maths  L = ½ (−log softmax_T(start)[i] − log softmax_T(end)[j]);  answer = argmax over i ≤ j of start_i + end_j
 * Axes   B rows · T positions · C = 2: first and last
 * Differs from the paper: nothing. As in the authors' code a long text is read in windows that overlap
 *        by half, a window without the answer has [CLS] for a target, and an answer has at most 30 tokens.
 * Trap   The best start and the best end, each alone, may be no stretch at all: the end before the start,
 *        or one of them in the question.
 * @module
 */
import { crossEntropy, type Key, mean, type Tensor, tensor } from "../core/tensor/mod.ts";
import { encode as encodeText, type Encoding } from "../core/text/batch.ts";
import type { Piece } from "../core/text/tokenizer.ts";
import { classifyTokens } from "../models/heads.ts";
import type { ModelParameters } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import type { ModelInputs } from "../objectives/objective.ts";
import { answerScores } from "./answer_scores.ts";
import type { Asked } from "./squad.ts";
import { readingOf, type Row, type Seen, type Task } from "./task.ts";

/** Most tokens in an answer. */
const longestAnswer = 30;

/**
 * The task for a model: rows of up to `length` tokens. Where `unanswerable`, "" may be the answer.
 *
 * Its `rows` throw a RangeError for a question that leaves no room for the text.
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
 * import { questionAnswering } from "@lineage/lineage/tasks/question_answering";
 * import { assertStringIncludes } from "@std/assert";
 * const tokenizer = wordPiece(parseVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nboat\nred\n"));
 * const sizes = { ...BERT_TINY, vocabulary: 7, layers: 1 }, heads = { span: true };
 * const params = initialise(modelParameters(BERT, sizes, heads), randomKey(1));
 * const model = { spec: BERT, sizes, heads, params, tokenizer };
 * const context = "red boat boat red", asked = { id: "1", question: "boat", context, answers: [] };
 * const [said] = await answers(model, questionAnswering(model, 16), [asked]);
 * assertStringIncludes(context, said);
 * ```
 */
export function questionAnswering(
  model: Pretrained,
  length: number,
  unanswerable = false,
): Task<Asked, string> {
  const { spec, sizes } = model, reading = readingOf(model, length), { tokenizer } = reading;
  const placesOf = ({ question }: Asked, { words }: Encoding<Int32Array>) => {
    const places = [...words.keys()].filter((t) => words[t] >= 0);
    return places.slice(tokenizer.encode(question).length); // the question comes first
  };
  const nowhere = ({ ids }: Encoding<Int32Array>) => ids.indexOf(tokenizer.vocabulary.special.cls);
  return {
    ...reading,
    heads: { span: true },
    rows: (example) => {
      const room = reading.length - encodeText(tokenizer, [example.question, ""]).ids.length;
      checkRoom(example, room, reading.length);
      return windows(tokenizer.encode(example.context), room).map(([from, to]) => (
        { example, text: [example.question, example.context.slice(from, to)], from, to }
      ));
    },
    target: (row, encoding) =>
      placeAnswer(row, encoding, placesOf(row.example, encoding)) ??
        [nowhere(encoding), nowhere(encoding)],
    scores: (params: ModelParameters, inputs: ModelInputs, key?: Key): Tensor => {
      const { last } = encode(spec, sizes, params.encoder, inputs, key);
      return classifyTokens(last, params.span!);
    },
    loss: (scores, targets) =>
      mean(crossEntropy(scores as Tensor<"B T C">, tensor("B C", targets), "T")),
    answer: (example, seen) => {
      const found = seen.map((row) =>
        bestSpan(row, placesOf(example, row.encoding), nowhere(row.encoding))
      );
      const best = found.reduce((a, b) => b.score > a.score ? b : a);
      const none = Math.min(...found.map(({ none }) => none));
      return unanswerable && none > best.score ? "" : best.text;
    },
    judge: (examples, found) =>
      answerScores(examples.map(({ answers }) => answers.map(({ text }) => text)), found),
  };
}

function checkRoom({ id, question }: Asked, room: number, length: number): void {
  if (room > 0) return;
  throw new RangeError(
    `question ${id}, "${question.slice(0, 40)}", leaves no room for the text in ${length} tokens;` +
      " raise the length, or shorten the question",
  );
}

/** Stretches of the text, in units of `slice`, of up to `room` pieces; each begins half a window later. */
function windows(pieces: readonly Piece[], room: number): [from: number, to: number][] {
  const begins = (i: number) => pieces[i].word !== pieces[i - 1].word;
  const atWord = (i: number, least: number) => { // not in the middle of a word, if there is a way
    for (let j = i; j > least; j--) if (begins(j)) return j;
    return i;
  };
  const found: [number, number][] = [], start = (i: number) => i === 0 ? 0 : pieces[i - 1].end;
  for (let first = 0;;) {
    const full = first + room >= pieces.length;
    const end = full ? pieces.length : atWord(first + room, first);
    found.push([start(first), start(end)]);
    if (full) return found;
    first = atWord(first + Math.ceil(room / 2), first);
  }
}

/** The first and last place of the answer; undefined where there is none, or not all of it in this row. */
function placeAnswer(
  { example: { answers: [answer] }, from, to }: Row<Asked>,
  { starts, ends }: Encoding<Int32Array>,
  places: readonly number[],
): [first: number, last: number] | undefined {
  if (!answer || answer.start < from || answer.start + answer.text.length > to) return undefined;
  const start = answer.start - from, end = start + answer.text.length;
  const within = places.filter((t) => ends[t] > start && starts[t] < end);
  return within.length ? [within[0], within.at(-1)!] : undefined;
}

/** The best stretch of a row, its score, and that of no answer. */
function bestSpan(
  { scores, encoding: { starts, ends }, example, from }: Seen<Asked>,
  places: readonly number[],
  nowhere: number,
): { text: string; score: number; none: number } {
  const none = scores[2 * nowhere] + scores[2 * nowhere + 1];
  let best = { text: "", score: -Infinity };
  places.forEach((first, i) => {
    for (const last of places.slice(i, i + longestAnswer)) {
      const score = scores[2 * first] + scores[2 * last + 1];
      if (score <= best.score) continue;
      best = { score, text: example.context.slice(from + starts[first], from + ends[last]).trim() };
    }
  });
  return { ...best, none };
}
