/**
 * A world: who has what, and every scene that can happen there.
 * Idea   The seed of the world fixes the facts; the seeds of documents only choose what is told.
 *        So training documents and unseen documents speak of the same people.
 *        Of every fact one phrasing is held out: no document uses it, and a cloze test may.
 *        A few facts are never told: a model must be at chance on them.
 * Maths  8 topics × 12 people × 5 tasks × 4 corners × 2 moods = 3,840 scenes, all equally likely.
 * Differs from the real world: each value belongs to one person, and each person is the friend of one.
 * @module
 */
import { type Entry, type Mood, NAMES, type Relation, VALUES } from "./lexicon.ts";
import { createRandom, type Random } from "./random.ts";
import { FACTS } from "./templates.ts";
import { type Spot, type Task, type Topic, TOPICS } from "./topics.ts";

/** A person of the world. */
export interface Person {
  /** The name in both languages. */
  readonly name: Entry;
  /** The pronoun. */
  readonly gender: "she" | "he";
  /** One fact for each relation. */
  readonly facts: Readonly<Record<Relation, Fact>>;
}

/** A fact: who, relation, what. */
export interface Fact {
  /** Whose fact it is. */
  readonly who: Entry;
  /** What kind of fact. */
  readonly relation: Relation;
  /** The animal, job, food, instrument, home or friend. */
  readonly what: Entry;
  /** Do documents tell this fact? */
  readonly told: boolean;
  /** The number of the phrasing that no document uses for this fact. */
  readonly heldOut: number;
}

/** What a document is about. */
export interface Scene {
  /** Where the day is spent. */
  readonly topic: Topic;
  /** Who spends it. */
  readonly hero: Person;
  /** Who comes by: the friend of the hero. */
  readonly friend: Person;
  /** What is done. */
  readonly task: Task;
  /** Where the tool lies. */
  readonly spot: Spot;
  /** How the day goes. */
  readonly mood: Mood;
}

/** A world. */
export interface World {
  /** The seed that fixed the facts. */
  readonly seed: number;
  /** Everybody. */
  readonly people: readonly Person[];
  /** Everything that can happen. */
  readonly scenes: readonly Scene[];
}

/** The relations, in a fixed order. */
export const RELATIONS: readonly Relation[] = [
  "animal",
  "job",
  "food",
  "instrument",
  "home",
  "friend",
];

/** For how many people a relation is never told (friends always are). */
const UNTOLD = 2;

/**
 * Creates the world of a seed.
 *
 * @example
 * ```ts
 * import { createWorld } from "@lineage/lineage/data";
 * import { assertEquals } from "@std/assert";
 *
 * const world = createWorld(1);
 * assertEquals(world.people.length, 12);
 * assertEquals(world.people[0].facts.animal, createWorld(1).people[0].facts.animal);
 * ```
 */
export function createWorld(seed: number): World {
  const people = createPeople(createRandom(seed));
  return { seed, people, scenes: createScenes(people) };
}

function createPeople(random: Random): Person[] {
  const names = [...NAMES.she, ...NAMES.he];
  const columns = RELATIONS.map((relation) => createColumn(relation, names, random));
  return names.map((name, number) => ({
    name,
    gender: NAMES.she.includes(name) ? "she" : "he",
    facts: Object.fromEntries(
      columns.map((facts) => [facts[number].relation, facts[number]]),
    ) as Person["facts"],
  }));
}

/** One relation for everybody. */
function createColumn(relation: Relation, names: readonly Entry[], random: Random): Fact[] {
  const values = relation === "friend" ? friends(names, random) : random.shuffle(VALUES[relation]);
  const phrasings = random.shuffle(names.map((_, number) => number % FACTS[relation].length));
  const untold = relation === "friend" ? [] : random.shuffle(names).slice(0, UNTOLD);
  return names.map((who, number) => ({
    who,
    relation,
    what: values[number],
    told: !untold.includes(who),
    heldOut: phrasings[number],
  }));
}

/** Everybody stands in one ring; the friend is the next one. */
function friends(names: readonly Entry[], random: Random): Entry[] {
  const ring = random.shuffle(names);
  return names.map((name) => ring[(ring.indexOf(name) + 1) % ring.length]);
}

function createScenes(people: readonly Person[]): Scene[] {
  const moods: readonly Mood[] = ["good", "bad"];
  return TOPICS.flatMap((topic) =>
    people.flatMap((hero) => {
      const friend = people.find((person) => person.name === hero.facts.friend.what)!;
      return topic.tasks.flatMap((task) =>
        topic.spots.flatMap((spot) =>
          moods.map((mood) => ({ topic, hero, friend, task, spot, mood }))
        )
      );
    })
  );
}
