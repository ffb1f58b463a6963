/**
 * Scores of entities — Tjong Kim Sang & De Meulder 2003 (cs/0306050), §2: CoNLL's shared task.
 * Idea   A name of three words is found or it is not: half of it is worth nothing, and what is found too
 *        much counts against. Accuracy of tags would praise who says O all the time.
 * Maths  an entity is (type, first word, last word); right where all three agree;
 *        precision, recall and F1 over the entities of all sentences together
 * Axes   none
 * Differs from the paper: nothing. As in its script, I-X also begins an entity after O or another type, so
 *        IOB1 and IOB2 are both read; S-X is read as B-X and E-X as I-X.
 * @module
 */
import { checkLengths, scoreOf, type Scores } from "./metrics.ts";

/** A stretch of words with a type. */
export interface Entity {
  /** For instance PER. */
  readonly type: string;
  /** Its first word. */
  readonly start: number;
  /** One past its last. */
  readonly end: number;
}

/**
 * Whether these tags speak of entities: O, and B-X, I-X and the like.
 *
 * @example
 * ```ts
 * import { areEntityTags } from "@lineage/lineage/tasks/entities";
 * import { assertEquals } from "@std/assert";
 * assertEquals(areEntityTags(["B-PER", "I-PER", "O"]), true);
 * assertEquals(areEntityTags(["NOUN", "VERB"]), false);
 * ```
 */
export const areEntityTags = (tags: readonly string[]): boolean =>
  tags.every((tag) => /^(O|[BIES]-.+)$/.test(tag)) && tags.some((tag) => tag !== "O");

/**
 * The entities of a sentence's tags.
 *
 * @example
 * ```ts
 * import { entities } from "@lineage/lineage/tasks/entities";
 * import { assertEquals } from "@std/assert";
 * assertEquals(entities(["B-PER", "I-PER", "O", "B-LOC"]), [
 *   { type: "PER", start: 0, end: 2 },
 *   { type: "LOC", start: 3, end: 4 },
 * ]);
 * ```
 */
export function entities(tags: readonly string[]): Entity[] {
  const found: { type: string; start: number; end: number }[] = [];
  tags.forEach((tag, i) => {
    const mark = tag[0], type = tag.slice(2), before = found.at(-1);
    if (mark === "O") return;
    const goesOn = "IE".includes(mark) && before?.end === i && before.type === type;
    if (goesOn) before.end++;
    else found.push({ type, start: i, end: i + 1 });
  });
  return found;
}

/**
 * Precision, recall and F1 of the entities in several sentences, and these for each type.
 *
 * @throws {RangeError} where there is nothing to compare, or sentences differ in number.
 *
 * @example
 * ```ts
 * import { entityScores } from "@lineage/lineage/tasks/entities";
 * import { assertEquals } from "@std/assert";
 * const truth = [["B-PER", "I-PER", "O"]];
 * assertEquals(entityScores(truth, [["B-PER", "I-PER", "O"]]).values.F1, 1);
 * assertEquals(entityScores(truth, [["B-PER", "O", "O"]]).values.F1, 0); // half a name
 * ```
 */
export function entityScores(
  truth: readonly (readonly string[])[],
  found: readonly (readonly string[])[],
): Scores {
  checkLengths(truth.length, found.length);
  const name = ({ type, start, end }: Entity, sentence: number) =>
    `${sentence} ${start} ${end} ${type}`;
  const listed = (sentences: typeof truth) =>
    sentences.flatMap((tags, i) => entities(tags).map((one) => ({ ...one, id: name(one, i) })));
  const [there, said] = [listed(truth), listed(found)], ids = new Set(there.map(({ id }) => id));
  const score = (name: string, fits: (one: Entity) => boolean) => {
    const ofType = said.filter(fits);
    const right = ofType.filter(({ id }) => ids.has(id)).length;
    return scoreOf(name, { right, said: ofType.length, count: there.filter(fits).length });
  };
  const types = [...new Set([...there, ...said].map(({ type }) => type))].sort();
  const { precision, recall, f1 } = score("all", () => true);
  return {
    values: { F1: f1, precision, recall },
    classes: types.map((type) => score(type, (one) => one.type === type)),
  };
}
