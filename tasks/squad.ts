/**
 * Questions with answers in a text, in SQuAD's form — Rajpurkar et al. 2016 (1606.05250); questions
 * without an answer: 2018 (1806.03822).
 *
 * Idea   {"data": [{"paragraphs": [{"context": …, "qas": [{"id", "question", "answers": [{"text",
 *        "answer_start"}]}]}]}]}. An answer is a stretch of its context, so it must stand where the file says.
 * Maths  context.slice(start, start + text.length) = text
 * Axes   none
 * Differs from the paper: nothing.
 * Trap   `answer_start` counts characters as Python does, in code points. `slice` counts UTF-16 units: after
 *        an emoji the two differ, and every answer would be found to stand elsewhere.
 * @module
 */
import { FileError, readJSON } from "../core/training/files.ts";

/** A question about a text. */
export interface Asked {
  /** Its name in the file. */
  readonly id: string;
  /** The question. */
  readonly question: string;
  /** Where the answer is looked for. */
  readonly context: string;
  /** What people answered; nothing where the context has no answer. `start` is in units of `slice`. */
  readonly answers: readonly { readonly text: string; readonly start: number }[];
}

/**
 * The questions of a file.
 *
 * @throws {FileError} where the file is missing, not UTF-8, not JSON, not of this form, has no question,
 * or an answer does not stand in its context: with the question's id.
 *
 * @example
 * ```ts
 * import { readSQuAD } from "@lineage/lineage/tasks/squad";
 * import { assertEquals } from "@std/assert";
 * const path = await Deno.makeTempFile({ suffix: ".json" });
 * const answers = [{ text: "boat", answer_start: 4 }], qas = [{ id: "1", question: "?", answers }];
 * const data = [{ paragraphs: [{ context: "⛵ a boat", qas }] }];
 * await Deno.writeTextFile(path, JSON.stringify({ data }));
 * const [{ context, answers: [{ start }] }] = await readSQuAD(path);
 * assertEquals(context.slice(start), "boat");
 * ```
 */
export async function readSQuAD(path: string): Promise<Asked[]> {
  const json = await readJSON(path, "the questions");
  const found = field(path, json, "data", "array").flatMap((article, a) =>
    field(path, article, "paragraphs", "array", `data[${a}]`).flatMap((paragraph, p) => {
      const place = `data[${a}].paragraphs[${p}]`;
      const context = field(path, paragraph, "context", "string", place);
      return field(path, paragraph, "qas", "array", place).map((qa, q) =>
        questionOf(path, context, qa, `${place}.qas[${q}]`)
      );
    })
  );
  if (found.length > 0) return found;
  throw new FileError(path, "has no question in it");
}

function questionOf(path: string, context: string, qa: unknown, place: string): Asked {
  const question = field(path, qa, "question", "string", place);
  const { id = place, is_impossible } = qa as { id?: unknown; is_impossible?: unknown };
  const given = is_impossible === true ? [] : field(path, qa, "answers", "array", place);
  const answers = given.map((answer, i) => {
    const at = `${place}.answers[${i}]`;
    const text = field(path, answer, "text", "string", at);
    const start = unitsOf(context, field(path, answer, "answer_start", "number", at));
    if (text !== "" && start >= 0 && context.startsWith(text, start)) return { text, start };
    const elsewhere = text === "" ? -1 : context.indexOf(text);
    throw new FileError(
      path,
      `question ${id} (${at}): the answer "${text}" does not stand at answer_start; ` +
        (elsewhere < 0
          ? "it is nowhere in the context"
          : `it begins at ${pointsTo(context, elsewhere)}`),
    );
  });
  return { id: String(id), question, context, answers };
}

/** Code points to units of `slice`; −1 for what is no place in the text. */
function unitsOf(text: string, points: number): number {
  if (!Number.isInteger(points) || points < 0 || points > text.length) return -1;
  let unit = 0;
  for (let point = 0; point < points; point++) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  return unit;
}

/** Units of `slice` to code points. */
const pointsTo = (text: string, unit: number): number => [...text.slice(0, unit)].length;

interface Kinds {
  array: unknown[];
  string: string;
  number: number;
}

/** A field of a JSON object that must be there, in the wanted kind. */
function field<K extends keyof Kinds>(
  path: string,
  object: unknown,
  name: string,
  kind: K,
  place?: string,
): Kinds[K] {
  const value = (object as Record<string, unknown> | null)?.[name];
  const found = Array.isArray(value) ? "array" : typeof value;
  if (found === kind) return value as Kinds[K];
  const where = place ? `${place}.${name}` : name;
  throw new FileError(
    path,
    `${where} is ${value === undefined ? "missing" : `no ${kind}`}; see SQuAD's form`,
  );
}
