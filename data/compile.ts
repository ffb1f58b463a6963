/**
 * A template becomes a row of places.
 * Idea   A word of the template is a place for one word. A slot is a place for each word of its filler,
 *        so "Silver Lake" takes two. Each place lists, scene by scene, the words that may stand there.
 * Differs from a grammar compiler: templates are flat, and every row has a fixed number of places.
 * Trap   Two places that are filled by one choice are not independent, so a filler of several words
 *        must be the only one of its slot. Anything else throws.
 * @module
 */
import type { Entry, Language } from "./lexicon.ts";
import { createPlace, fixedPlace, type Place } from "./process.ts";
import type { Template } from "./templates.ts";
import type { Scene } from "./world.ts";

/** What may fill a slot: the same in every scene, or depending on it. */
export type Filler = readonly Entry[] | ((scene: Scene) => readonly Entry[]);

/** The fillers of slots, by name. */
export type Slots = Readonly<Record<string, Filler>>;

/** Places `from` up to, not including, `to`, and the slot that they belong to (or "phrase"). */
export interface Stretch {
  readonly slot: string;
  readonly from: number;
  readonly to: number;
}

/** A template as places. */
export interface Compiled {
  readonly places: readonly Place[];
  readonly order: readonly number[];
  readonly stretches: readonly Stretch[];
}

/** What all templates of a process share; places are made once per slot. */
export interface Compiler {
  readonly language: Language;
  readonly scenes: readonly Scene[];
  readonly everyScene: readonly number[];
  readonly places: Map<unknown, readonly Place[]>;
}

/** Compiles a template. */
export function compile(compiler: Compiler, template: Template, slots: Slots): Compiled {
  const places: Place[] = [], stretches: Stretch[] = [], slotOf: string[] = [];
  let phrase = 0;
  for (const token of template[compiler.language].split(" ")) {
    const slot = token.match(/^\{(\w+)\}$/)?.[1];
    const from = places.length;
    if (token.startsWith("[")) phrase = from;
    places.push(...slot ? slotPlaces(compiler, slot, slots[slot]) : wordPlaces(compiler, token));
    if (slot) stretches.push({ slot, from, to: places.length });
    if (token.endsWith("]")) stretches.push({ slot: "phrase", from: phrase, to: places.length });
    while (slotOf.length < places.length) slotOf.push(slot ?? "");
  }
  // English decides in which order slots are filled, so that translations are drawn alike.
  const rank = (position: number) => template.en.indexOf(`{${slotOf[position]}}`);
  const order = places.map((_, position) => position).toSorted((a, b) => rank(a) - rank(b));
  return { places, order, stretches };
}

function wordPlaces({ places, everyScene }: Compiler, token: string): readonly Place[] {
  const word = token.replace(/[[\]]/g, "").toLowerCase();
  return cached(places, word, () => [fixedPlace(everyScene, [word])]);
}

function slotPlaces(
  compiler: Compiler,
  slot: string,
  filler: Filler | undefined,
): readonly Place[] {
  if (!filler) throw new Error(`No slot is called {${slot}}.`);
  const { language, scenes, everyScene } = compiler;
  const split = (list: readonly Entry[]) => list.map((entry) => entry[language].split(" "));
  return cached(compiler.places, filler, () => {
    const lists = typeof filler === "function"
      ? scenes.map((scene) => split(filler(scene)))
      : [split(filler)];
    const length = lengthOf(slot, lists);
    return Array.from({ length }, (_, k) => {
      const options = lists.map((list) => list.map((words) => words[k]));
      return options.length === 1
        ? fixedPlace(everyScene, options[0])
        : createPlace(everyScene, (scene) => options[scene]);
    });
  });
}

/** How many words fill the slot. */
function lengthOf(slot: string, lists: readonly (readonly (readonly string[])[])[]): number {
  const length = lists[0][0].length;
  if (lists.some((list) => list.some((words) => words.length !== length))) {
    throw new Error(`All fillers of {${slot}} must have the same number of words.`);
  }
  if (length > 1 && lists.some((list) => list.length > 1)) {
    throw new Error(`A filler of {${slot}} has several words, so it must be the only one.`);
  }
  return length;
}

function cached<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  if (!map.has(key)) map.set(key, make());
  return map.get(key)!;
}
