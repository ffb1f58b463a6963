/**
 * The micro-world: small documents whose truth is known, told by a random process whose probabilities are exact.
 *
 * Idea   Twelve people spend their days in eight places. A seed fixes the facts of their world (who keeps bees,
 *        who works as a tailor); other seeds choose the documents that tell of it, in English or in Chinese.
 *        Because the process is known, so is the loss of a perfect reader, and that is a line in a plot.
 * Maths  p(document) = Σ_scene p(scene) Σ_steps Π p(sentence | step, scene): process.ts and inference.ts
 * Differs from a real corpus: 566 English words, short sentences, no errors. The first document of seed 1 in world 1:
 *
 *        > In the morning Ravi strolled to the garden. Oona often feeds the geese. With the shears he
 *        > trimmed the hedge. He saw some butterflies. Ravi sometimes sleeps in Port Amber. The hedge was
 *        > not excellent. In the evening the garden was poor. 🌻
 *
 *        Read in this order: process.ts, inference.ts, templates.ts, grammar.ts, documents.ts.
 * @module
 */
export * from "./documents.ts";
export * from "./examples.ts";
export * from "./facts.ts";
export * from "./floors.ts";
export * from "./forward_backward.ts";
export type { Excerpt, HiddenWord, Reading, Words } from "./inference.ts";
export * from "./questions.ts";
export * from "./random.ts";
export { type Sentence, type Span, splitWords } from "./sentences.ts";
export * from "./world.ts";
export type { Entry, Language, Mood, Relation } from "./lexicon.ts";
export type { Step, Template } from "./templates.ts";
export type { Sense, Spot, Task, Topic } from "./topics.ts";
