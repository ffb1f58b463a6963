/**
 * What a model should know after reading: cloze facts, and facts told in other words.
 * Idea   Each fact has five phrasings and documents use four. Asked in the fifth, a model cannot have
 *        copied the sentence: it must have learned the fact, and the phrasing from other people's facts.
 * Differs from LAMA (1909.01066): every fact has exactly one answer, and some were never told, so that
 *        guessing can be measured.
 * @module
 */
import type { DocumentOptions } from "./documents.ts";
import { type Language, VARIETY } from "./lexicon.ts";
import { createRandom } from "./random.ts";
import { capitalize, join } from "./sentences.ts";
import { FACTS, type Template } from "./templates.ts";
import { type Fact, RELATIONS, type World } from "./world.ts";

/** A sentence with one hole, and what belongs there. */
export interface Cloze {
  /** A sentence with `[MASK]` for one word. */
  readonly text: string;
  /** The word, in lower case. */
  readonly answer: string;
  /** The fact that is asked for. */
  readonly fact: Fact;
  /** Was the fact told in documents, in other words? If not, only guessing is left. */
  readonly told: boolean;
}

/**
 * All facts of a world, person by person.
 *
 * @example
 * ```ts
 * import { createWorld, factsOf } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 * const [first, second] = factsOf(createWorld(1));
 * assertEquals(first.who, second.who); // several facts of the first person
 * ```
 */
export function factsOf(world: World): Fact[] {
  return world.people.flatMap((person) => RELATIONS.map((relation) => person.facts[relation]));
}

/**
 * One cloze a fact, in the phrasing that no document uses, in an order drawn by the seed of the world.
 * Facts with an answer of several words (English homes) are left out.
 *
 * @example
 * ```ts
 * import { clozeFacts, createWorld } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 *
 * const [cloze] = clozeFacts(createWorld(1)).filter((cloze) => cloze.told);
 * assert(cloze.text.includes("[MASK]"));
 * ```
 */
export function clozeFacts(world: World, language: Language = "en"): Cloze[] {
  const facts = factsOf(world).filter(({ what }) => !what[language].includes(" "));
  return createRandom(world.seed, 1).shuffle(facts).map((fact) => ({
    text: phrase(fact, fact.heldOut, language, "[MASK]"),
    answer: fact.what[language],
    fact,
    told: fact.told,
  }));
}

/** The fact in one of its phrasings. */
function phrase(fact: Fact, phrasing: number, language: Language, what?: string): string {
  const { who, relation } = fact;
  const named = relation === "home";
  const name = (words: string) => words.split(" ").map(capitalize).join(" ");
  const value = what ?? (named ? name(fact.what[language]) : fact.what[language]);
  return writeTemplate(
    FACTS[relation][phrasing],
    { who: name(who[language]), what: value },
    language,
  );
}

/**
 * Fills the slots of a template with text.
 *
 * @example
 * ```ts
 * import { writeTemplate } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 * const template = { en: "{who} keeps {what} at home .", zh: "{who} 在 家 里 养 {what} 。" };
 * const text = writeTemplate(template, { who: "Mara", what: "geese" }, "en");
 * assertEquals(text, "Mara keeps geese at home.");
 * ```
 */
export function writeTemplate(
  template: Template,
  fillers: Readonly<Record<string, string>>,
  language: Language,
): string {
  const words = template[language].split(" ").map((token) => {
    const word = token.replace(/[[\]]/g, "");
    return word.replace(/\{(\w+)\}/, (_, slot) => fillers[slot] ?? VARIETY[slot][0][language]);
  });
  return capitalize(join(words, language).text);
}

/** Two sentences, and whether they say the same. */
export interface ParaphrasePair {
  /** A sentence that tells a fact. */
  readonly first: string;
  /** A sentence that tells the same fact, or another. */
  readonly second: string;
  /** Do both tell the same fact? */
  readonly same: boolean;
}

/**
 * Pairs of true sentences in different phrasings: half tell the same fact; the others differ in the person or in the relation.
 *
 * @example
 * ```ts
 * import { createWorld, paraphrases } from "@lineage/lineage/data";
 * import { assert } from "@std/assert";
 *
 * const [pair] = paraphrases(createWorld(1), { seed: 1, count: 1 });
 * assert(pair.first !== pair.second);
 * ```
 */
export function paraphrases(
  world: World,
  { seed, count, language = "en" }: DocumentOptions,
): ParaphrasePair[] {
  const facts = factsOf(world).filter((fact) => fact.told);
  return Array.from({ length: count }, (_, number) => {
    const random = createRandom(seed, number);
    const fact = random.pick(facts);
    const same = random.below(2) === 1;
    const other = same ? fact : random.pick(facts.filter((other) => isNear(fact, other)));
    const [first] = random.shuffle(phrasings(fact));
    const [second] = random.shuffle(phrasings(other)).filter((phrasing) => phrasing !== first);
    return { first: phrase(fact, first, language), second: phrase(other, second, language), same };
  });
}

/** Do the facts share the person or the relation, but not both? */
function isNear(fact: Fact, other: Fact): boolean {
  return (fact.who === other.who) !== (fact.relation === other.relation);
}

/** The phrasings that documents use for the fact. */
function phrasings(fact: Fact): number[] {
  return FACTS[fact.relation].map((_, phrasing) => phrasing).filter((phrasing) =>
    phrasing !== fact.heldOut
  );
}
