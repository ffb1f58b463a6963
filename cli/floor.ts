/**
 * The floor of a masked language model on the micro-world.
 *
 * Idea   A perfect reader knows how documents are made. Hide 15 % of the words and ask how surprised even it is.
 * Maths  floor = mean over hidden words of −log p(word | visible words of the document), in nats
 * @module
 */
import { documents, read, type World } from "../data/mod.ts";
import { draws } from "../objectives/objective.ts";
import { randomKey } from "../core/tensor/mod.ts";

/** The mean surprise of a perfect reader at the hidden words of some documents. */
export function maskedFloor(world: World, seed: number, count: number, rate = 0.15): number {
  const draw = draws(randomKey(seed));
  let surprise = 0, hidden = 0;
  for (const { sentences } of documents(world, { seed, count })) {
    const words = sentences.map((s) => s.words);
    const shown = words.map((list) => list.map((word) => draw(1000) < 1000 * rate ? null : word));
    for (const { sentence, position, probabilities } of read(world, shown).hidden) {
      surprise -= Math.log(probabilities.get(words[sentence][position])!);
      hidden++;
    }
  }
  return surprise / hidden;
}
