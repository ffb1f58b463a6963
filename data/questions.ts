/**
 * Questions about a document, answered by a stretch of it — after SQuAD (1606.05250).
 * Idea   What a sentence tells can be asked for. The slot that answers is a span of the document, so the
 *        answer is known to the character.
 * Differs from SQuAD: every question has its answer in the text, and in one place that the template names.
 *        Questions about facts can also be answered from memory; those about the day cannot.
 * @module
 */
import { type Document, type DocumentOptions, documents } from "./documents.ts";
import { writeTemplate } from "./facts.ts";
import type { Language } from "./lexicon.ts";
import { createRandom } from "./random.ts";
import { capitalize, type Sentence } from "./sentences.ts";
import { FACT_QUESTIONS, STORY_QUESTIONS } from "./templates.ts";
import type { World } from "./world.ts";

/** A question with its answer: `context.slice(start, end) === answer`. */
export interface Question {
  /** The text of a document. */
  readonly context: string;
  /** The question. */
  readonly question: string;
  /** The answer, as it stands in the context. */
  readonly answer: string;
  /** Its first character. */
  readonly start: number;
  /** The character after its last. */
  readonly end: number;
  /** Is it about a fact of the world, or about the day? */
  readonly about: "fact" | "day";
}

/**
 * One question a document.
 *
 * @example
 * ```ts
 * import { createWorld, questions } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * const [{ context, start, end, answer }] = questions(createWorld(1), { seed: 1, count: 1 });
 * assertEquals(context.slice(start, end), answer);
 * ```
 */
export function questions(world: World, options: DocumentOptions): Question[] {
  return [...documents(world, options)].map((document, number) =>
    createRandom(options.seed, number, QUESTIONS).pick(questionsAbout(document, options.language))
  );
}

/** Sets the streams of questions apart from those of documents. */
const QUESTIONS = 2;

/**
 * Every question that the document answers.
 *
 * @example
 * ```ts
 * import { createWorld, documentNumber, questionsAbout } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 * const document = documentNumber(createWorld(1), 1, 0);
 * assert(questionsAbout(document).every(({ answer }) => document.text.includes(answer)));
 * ```
 */
export function questionsAbout(document: Document, language: Language = "en"): Question[] {
  let offset = 0;
  return document.sentences.flatMap((sentence) => {
    offset = document.text.indexOf(sentence.text, offset);
    const questions = ask(sentence, document, language).map(
      ({ question, slot, about }): Question => {
        const { start, end } = sentence.spans.find((span) => span.slot === slot)!;
        const answer = sentence.text.slice(start, end);
        return {
          context: document.text,
          question,
          answer,
          start: offset + start,
          end: offset + end,
          about,
        };
      },
    );
    offset += sentence.text.length;
    return questions;
  });
}

/** The questions that a sentence answers, each with the slot that does. */
function ask(
  sentence: Sentence,
  { scene }: Document,
  language: Language,
): { question: string; slot: string; about: Question["about"] }[] {
  const name = (text: string) => capitalize(text);
  if (sentence.fact) {
    const { who, relation } = sentence.fact;
    const question = writeTemplate(
      FACT_QUESTIONS[relation],
      { who: name(who[language]) },
      language,
    );
    return [{ question, slot: "what", about: "fact" }];
  }
  const fillers = { hero: name(scene.hero.name[language]), tool: scene.task.tool[language] };
  return STORY_QUESTIONS
    .filter(({ step, answer }) =>
      step === sentence.step && sentence.spans.some(({ slot }) => slot === answer)
    )
    .map(({ template, answer }) => ({
      question: writeTemplate(template, fillers, language),
      slot: answer,
      about: "day",
    }));
}
