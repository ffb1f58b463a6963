import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { read, tensor } from "../core/tensor/mod.ts";
import { createWorld, type Question, questions } from "../data/mod.ts";
import { rowOf } from "../objectives/objective.ts";
import { questionAnswering } from "../tasks/question_answering.ts";
import type { Asked } from "../tasks/squad.ts";
import { asBatch } from "../tasks/task.ts";
import { tokenizerOf } from "./objectives.ts";
import { answerOfTargets, kindsOfTokenizers, smallModel, tokenizerOfKind } from "./task_models.ts";

const asAsked = ({ question, context, answer, start }: Question, i: number): Asked => (
  { id: String(i), question, context, answers: [{ text: answer, start }] }
);

/** Scores of 9 at the first and the last place of an answer; [CLS] gets less. */
const sure = ([first, last]: number[], { ids }: { ids: Int32Array }) => {
  const scores = new Float32Array(2 * ids.length);
  const height = first === 0 ? 1 : 9;
  scores[2 * first] = scores[2 * last + 1] = height;
  return Array.from(scores);
};

for (const kind of kindsOfTokenizers) {
  Deno.test(`an answer to its place and back is the answer, in windows too [${kind}]`, async () => {
    const model = await smallModel(await tokenizerOfKind(kind)), world = createWorld(2);
    let most = 0;
    for (const [length, language] of [[48, "en"], [66, "en"], [66, "zh"]] as const) {
      // English unigram pieces write Chinese as one unknown piece: there is no smaller stretch.
      if (language === "zh" && kind === "unigram-albert") continue;
      const task = questionAnswering(model, length);
      for (const example of questions(world, { seed: 4, count: 25, language }).map(asAsked)) {
        const { answer, rows, longest } = answerOfTargets(task, example, sure);
        // A piece may stand for more than the answer; here pieces end where words do.
        assertEquals(answer, example.answers[0].text);
        assert(longest <= task.length);
        most = Math.max(most, rows);
      }
    }
    assert(most > 2, "no text was longer than a window");
  });
}

Deno.test("windows cover the text, overlap by half, and begin with a word", async () => {
  const tokenizer = tokenizerOf("a", "b", "c", "d", "e", "f", "##x", "q");
  const task = questionAnswering(await smallModel(tokenizer), 9); // [CLS] q [SEP] and [SEP] leave 5
  const rows = task.rows({ id: "1", question: "q", context: "a b cx d e f a b", answers: [] });
  assertEquals(rows.map(({ text }) => text[1]), ["a b cx d", " cx d e f", " e f a b"]);
  assertEquals(rows.map(({ from, to }) => [from, to]), [[0, 8], [3, 12], [8, 16]]);
});

Deno.test("a window without the whole answer has [CLS] for a target", async () => {
  const tokenizer = tokenizerOf("a", "b", "c", "d", "e", "f", "q");
  const task = questionAnswering(await smallModel(tokenizer), 8);
  const answers = [{ text: "d e", start: 6 }];
  const rows = task.rows({ id: "1", question: "q", context: "a b c d e f", answers });
  const batch = asBatch(task, rows);
  const targets = rows.map((row, b) => task.target(row, rowOf(batch, b)));
  assertEquals(rows.map(({ text }) => text[1]), ["a b c d", " c d e f"]);
  assertEquals(targets, [[0, 0], [4, 5]]); // [CLS] q [SEP] c d e f [SEP]
});

/** The answer to "q" in "a b c d" from scores of the positions [CLS] q [SEP] a b c d [SEP]. */
async function answerFrom(start: number[], end: number[], unanswerable = false): Promise<string> {
  const tokenizer = tokenizerOf("a", "b", "c", "d", "q");
  const task = questionAnswering(await smallModel(tokenizer), 8, unanswerable);
  const example = { id: "1", question: "q", context: "a b c d", answers: [] };
  const [row] = task.rows(example), encoding = rowOf(asBatch(task, [row]), 0);
  return task.answer(example, [{ ...row, encoding, scores: start.flatMap((s, t) => [s, end[t]]) }]);
}

Deno.test("the best stretch wins, not the best start and the best end alone", async () => {
  //                              [CLS] q [SEP] a  b  c  d [SEP]
  assertEquals(await answerFrom([0, 0, 0, 0, 5, 0, 0, 0], [0, 0, 0, 0, 0, 4, 0, 0]), "b c");
  // Trap: end before start; the best pair in order is c alone, or a to b.
  assertEquals(await answerFrom([0, 0, 0, 3, 0, 5, 0, 0], [0, 0, 0, 0, 4, 0.5, 0, 0]), "a b");
  // Trap: the question and special tokens score best.
  assertEquals(await answerFrom([9, 9, 9, 0, 0, 0, 1, 9], [9, 9, 9, 0, 0, 0, 1, 9]), "d");
});

Deno.test("no answer is an answer only where the task allows it, and where it scores best", async () => {
  const high = [9, 0, 0, 0, 2, 0, 0, 0], low = [1, 0, 0, 0, 2, 0, 0, 0];
  assertEquals(await answerFrom(high, high), "b");
  assertEquals(await answerFrom(high, high, true), "");
  assertEquals(await answerFrom(low, low, true), "b");
});

Deno.test("of several windows the best stretch of all wins, and the least sure says 'none'", async () => {
  const tokenizer = tokenizerOf("a", "b", "c", "d", "e", "f", "q");
  const example = { id: "1", question: "q", context: "a b c d e f", answers: [] };
  const answerOf = async (none: number[], unanswerable: boolean) => {
    const task = questionAnswering(await smallModel(tokenizer), 8, unanswerable);
    const rows = task.rows(example), batch = asBatch(task, rows);
    const best = [4, 6]; // in the second window f, at position 6, scores more
    return task.answer(
      example,
      rows.map((row, b) => {
        const scores = Array<number>(16).fill(0);
        scores[0] = none[b];
        scores[2 * best[b]] = scores[2 * best[b] + 1] = b + 1;
        return { ...row, encoding: rowOf(batch, b), scores };
      }),
    );
  };
  assertEquals(await answerOf([0, 0], false), "f");
  assertEquals(await answerOf([9, 3], true), "f"); // one window knows that there is something
  assertEquals(await answerOf([9, 8], true), "");
});

Deno.test("the loss is half the surprise at the first place and half at the last, by hand", async () => {
  const task = questionAnswering(await smallModel(tokenizerOf("a")), 8);
  const scores = tensor("B T C", [[[0, 0], [Math.log(3), 0], [0, Math.log(2)]]]);
  const [loss] = await read(task.loss(scores, [[1, 2]]));
  assertAlmostEquals(loss, -0.5 * (Math.log(3 / 5) + Math.log(2 / 4)), 1e-6);
});

Deno.test("a question that leaves no room for the text is refused by its id", async () => {
  const task = questionAnswering(await smallModel(tokenizerOf("a", "q")), 8);
  const example = { id: "q7", question: "q q q q q", context: "a", answers: [] };
  assertThrows(() => task.rows(example), RangeError, "question q7");
});

Deno.test("an empty text has one row, and no answer in it", async () => {
  const task = questionAnswering(await smallModel(tokenizerOf("a", "q")), 8);
  const example = { id: "1", question: "q", context: "", answers: [] };
  const { answer, rows } = answerOfTargets(task, example, sure);
  assertEquals([answer, rows], ["", 1]);
});
