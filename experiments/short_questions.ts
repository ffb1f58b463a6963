/**
 * Questions about two sentences: the quickest task in which a stretch of a text is the answer.
 * Idea   A question of the micro-world, asked about the sentence that answers it and the one beside it.
 * Maths  exact: the share of answers found to the letter;  F1: of the words of answer and guess
 * Axes   none
 * Differs from the papers: SQuAD (1606.05250) asks about a paragraph.
 * @module
 */
import { createRandom, documents, questions, type World } from "../data/mod.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { evaluate } from "../tasks/evaluate.ts";
import { finetune, inEpochs, withHeadOf } from "../tasks/finetune.ts";
import { questionAnswering } from "../tasks/question_answering.ts";
import type { Asked } from "../tasks/squad.ts";

/** Questions about the world of a seed, each with two sentences of its document. */
export function shortQuestions(world: World, seed: number, count: number): Asked[] {
  const asked = questions(world, { seed, count }), told = [...documents(world, { seed, count })];
  return asked.map(({ context, question, answer, start }, i) => {
    const ends: number[] = [];
    for (const { text } of told[i].sentences) {
      ends.push(context.indexOf(text, ends.at(-1) ?? 0) + text.length);
    }
    const at = ends.findIndex((end) => start < end);
    const before = createRandom(seed, i, 9).below(2), first = Math.max(0, at - before);
    const from = first === 0 ? 0 : ends[first - 1] + 1,
      to = ends[Math.min(first + 1, ends.length - 1)];
    return {
      id: String(i),
      question,
      context: context.slice(from, to),
      answers: [{ text: answer, start: start - from }],
    };
  });
}

/** How well a model answers after it was fine-tuned on questions. */
export async function answersAfterTuning(
  model: Pretrained,
  { told, unseen }: { told: readonly Asked[]; unseen: readonly Asked[] },
  { steps, seed, batch = 16, length = 40, rate = 1e-3 }: {
    steps: number;
    seed: number;
    batch?: number;
    length?: number;
    rate?: number;
  },
): Promise<{ exact: number; f1: number }> {
  const tuned = await withHeadOf(questionAnswering(model, length), model, seed);
  const task = questionAnswering(tuned, length), rows = told.flatMap((one) => task.rows(one));
  const running = finetune(tuned, task, {
    batches: inEpochs(rows, batch, seed),
    steps,
    rate,
    seed,
  });
  while (!(await running.next()).done);
  const { F1: f1, "exact match": exact } = (await evaluate(tuned, task, unseen)).values;
  return { exact, f1 };
}
