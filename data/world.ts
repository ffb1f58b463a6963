/**
 * A world: who has what, and every scene that can happen there.
 * Idea   The seed of the world fixes the facts; the seeds of documents only choose what is told.
 *        So training documents and unseen documents speak of the same people.
 *        Of every fact one phrasing is held out: no document uses it, and a cloze test may.
 *        A few facts are never told: a model must be at chance on them.
 * Maths  8 topics × 12 people × 5 tasks × 4 corners × 2 moods = 3,840 scenes, all equally likely.
 * Trap   Every value has two owners, with different phrasings held out. If it had one, a phrasing held out
 *        of its owner would never be seen with it, and a model would learn that it cannot stand there.
 * Differs from the real world: everybody has exactly one animal, one job, one friend to come by.
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
  /** Who comes by at noon, as the number of a person. */
  readonly friend: number;
  /** One fact for each relation. */
  readonly facts: Readonly<Record<Relation, Fact>>;
}

/** A fact: who, relation, what. */
export interface Fact {
  /** Whose fact it is. */
  readonly who: Entry;
  /** What kind of fact. */
  readonly relation: Relation;
  /** The animal, job, food or home. */
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
export const RELATIONS: readonly Relation[] = ["animal", "job", "food", "home"];

/** For how many people a relation is never told (homes always are: everybody has something to tell). */
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
  const ring = random.shuffle(names.map((_, number) => number));
  const columns = RELATIONS.map((relation) => createColumn(relation, names, random));
  return names.map((name, number) => ({
    name,
    gender: NAMES.she.includes(name) ? "she" : "he",
    friend: ring[(ring.indexOf(number) + 1) % ring.length],
    facts: Object.fromEntries(
      columns.map((facts) => [facts[number].relation, facts[number]]),
    ) as Person["facts"],
  }));
}

/** One relation for everybody: values go to pairs of owners. */
function createColumn(relation: Relation, names: readonly Entry[], random: Random): Fact[] {
  const owners = random.shuffle(names);
  const values = random.shuffle(VALUES[relation]);
  const untold = relation === "home"
    ? []
    : random.shuffle(owners.filter((_, n) => n % 2)).slice(0, UNTOLD);
  return names.map((who) => {
    const position = owners.indexOf(who), pair = Math.floor(position / 2);
    const heldOut = (pair + 2 * (position % 2)) % FACTS[relation].length;
    return { who, relation, what: values[pair], told: !untold.includes(who), heldOut };
  });
}

function createScenes(people: readonly Person[]): Scene[] {
  const moods: readonly Mood[] = ["good", "bad"];
  return TOPICS.flatMap((topic) =>
    people.flatMap((hero) => {
      const friend = people[hero.friend];
      return topic.tasks.flatMap((task) =>
        topic.spots.flatMap((spot) =>
          moods.map((mood) => ({ topic, hero, friend, task, spot, mood }))
        )
      );
    })
  );
}
