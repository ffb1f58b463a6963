/**
 * From templates to rows: the process that tells documents about a world, in one language.
 * Idea   A slot looks into the scene and gives the words that may stand there. A template whose slots
 *        need something else (a fact, a sense, a feeling) becomes one row for each of these.
 * Maths  In every scene the chances of the rows of a step sum to one.
 * Differs from the general process: a row remembers where it comes from, so that what its sentences
 *        mean can be annotated.
 * @module
 */
import { ADJECTIVES, type Entry, FEELINGS, type Language, type Mood, VARIETY } from "./lexicon.ts";
import { compile, type Compiled, type Slots } from "./compile.ts";
import type { Process, Row } from "./process.ts";
import * as templates from "./templates.ts";
import type { Step, Template } from "./templates.ts";
import { type Sense, TOPICS } from "./topics.ts";
import { type Fact, type Person, RELATIONS, type Scene, type World } from "./world.ts";

/** What a row tells, besides its step. */
export interface Origin {
  readonly template: Template;
  readonly slots: Slots;
  /** The fact that the row tells in a scene. */
  readonly fact?: (scene: Scene) => Fact;
  /** The sense in which its ambiguous word is meant. */
  readonly sense?: Sense;
  /** Is it an opinion? */
  readonly opinion?: boolean;
}

/** A row that knows where it comes from. */
export interface WorldRow extends Row, Origin, Compiled {
  readonly name: Step;
}

/** The slots that need nothing but the scene. */
const SCENE_SLOTS: Slots = {
  ...VARIETY,
  hero: (scene) => [scene.hero.name],
  friend: (scene) => [scene.friend.name],
  she: (scene) => [PRONOUNS[scene.hero.gender]],
  place: (scene) => [scene.topic.place],
  picture: (scene) => [scene.topic.emoji],
  tool: (scene) => [scene.task.tool],
  verb: (scene) => [scene.task.verb],
  thing: (scene) => [scene.task.thing],
  preposition: (scene) => [scene.spot.preposition],
  spot: (scene) => [scene.spot.noun],
  seen: (scene) => scene.topic.seen,
  fitting: (scene) => ADJECTIVES[scene.mood],
  opposite: (scene) => ADJECTIVES[scene.mood === "good" ? "bad" : "good"],
};

const PRONOUNS: Readonly<Record<Person["gender"], Entry>> = {
  she: { en: "she", zh: "她" },
  he: { en: "he", zh: "他" },
};

/** The process that tells documents about the world. */
export function processOf(world: World, language: Language): Process<WorldRow> {
  const processes = PROCESSES.get(world) ?? {};
  PROCESSES.set(world, processes);
  return processes[language] ??= createProcess(world, language);
}
const PROCESSES = new WeakMap<World, Partial<Record<Language, Process<WorldRow>>>>();

function createProcess(world: World, language: Language): Process<WorldRow> {
  const { scenes } = world;
  const compiler = { language, scenes, everyScene: scenes.map((_, n) => n), places: new Map() };
  const rows = templates.STEPS.flatMap(([name], step) =>
    rules(name).map(({ chance, ...origin }): WorldRow => ({
      ...origin,
      ...compile(compiler, origin.template, origin.slots),
      name,
      step,
      chance: (scene) => chance(scenes[scene]),
    }))
  );
  return {
    prior: scenes.map(() => 1 / scenes.length),
    told: templates.STEPS.map(([, told]) => told),
    rows,
  };
}

/** A template with its slots, and its chance in a scene. */
type Rule = Origin & { readonly chance: (scene: Scene) => number };

/** The ways to tell a step. */
function rules(step: Step): readonly Rule[] {
  switch (step) {
    case "fact":
      return RELATIONS.flatMap((relation) => [
        ...factRules(relation, (scene) => scene.hero, 2 / 3),
        ...factRules(relation, (scene) => scene.friend, 1 / 3),
      ]);
    case "aside":
      return [
        ...TOPICS.flatMap((topic) => topic.senses.flatMap((sense) => senseRules(sense, topic))),
        ...share(1 / 6, templates.SEEN),
        ...share(1 / 3, templates.MEETING),
      ];
    case "outcome":
      return [
        ...share(3 / 4, templates.OPINION).map((rule) => ({ ...rule, opinion: true })),
        ...MOODS.flatMap((mood) =>
          share(1 / 4, templates.EVENT[mood], (scene) => scene.mood === mood)
        ),
      ];
    case "evening":
      return [
        ...MOODS.flatMap((mood) =>
          FEELINGS[mood].flatMap(([feeling, face]) => feelingRules(mood, feeling, face))
        ),
        ...share(1 / 5, templates.EVENING_PLACE),
      ];
    default:
      return share(1, templates.STORY[step]);
  }
}

const MOODS: readonly Mood[] = ["good", "bad"];

/** Rules that share a probability equally, in the scenes that fit. */
function share(
  probability: number,
  list: readonly Template[],
  fits: (scene: Scene) => boolean = () => true,
  slots: Slots = {},
): Rule[] {
  return list.map((template) => ({
    template,
    slots: { ...SCENE_SLOTS, ...slots },
    chance: (scene) => fits(scene) ? probability / list.length : 0,
  }));
}

/** A person's told facts are equally likely, and so are the phrasings not held out. */
function factRules(
  relation: Fact["relation"],
  who: (scene: Scene) => Person,
  probability: number,
): Rule[] {
  const fact = (scene: Scene) => who(scene).facts[relation];
  const slots: Slots = {
    ...VARIETY,
    who: (scene) => [who(scene).name],
    what: (scene) => [fact(scene).what],
  };
  const list = templates.FACTS[relation];
  return list.map((template, number) => ({
    template,
    slots,
    fact,
    chance: (scene) => {
      const { told, heldOut } = fact(scene);
      if (!told || heldOut === number) return 0;
      const facts = RELATIONS.filter((relation) => who(scene).facts[relation].told);
      return probability / facts.length / (list.length - 1);
    },
  }));
}

function senseRules(sense: Sense, topic: Scene["topic"]): Rule[] {
  const slots: Slots = { word: [sense.phrase], cue: sense.cues };
  return share(
    1 / 2 / topic.senses.length,
    templates.SENSE,
    (scene) => scene.topic === topic,
    slots,
  )
    .map((rule) => ({ ...rule, sense }));
}

function feelingRules(mood: Mood, feeling: Entry, face: Entry): Rule[] {
  const slots: Slots = { feeling: [feeling], face: [face] };
  const probability = 4 / 5 / FEELINGS[mood].length;
  return share(probability, templates.EVENING, (scene) => scene.mood === mood, slots);
}
