/**
 * C13: hiding names and phrases whole helps to know facts — Sun et al. 2019, ERNIE of Baidu (1904.09223), §3.2 and §4.5.
 * Idea   In Chinese every character is a token. Whoever sees one character of 蜜蜂 (bees) guesses the other
 *        without knowing who keeps bees. Hidden whole, the word can only come from the fact. Two models read
 *        the same texts for as long, with as many hidden characters; then both fill in facts.
 * Maths  right: the most likely character at every place of the answer, all of them hidden at once
 * Axes   B texts · T positions · V characters
 * Differs from the paper: no stages; phrases, names and single characters are hidden side by side from the
 *        first step, and the micro-world's annotation says what they are. No dialogues, no second sentence.
 * Trap   Scored with one character hidden at a time, the questions would answer themselves.
 * @module
 */
import { logSoftmax, read } from "../core/tensor/mod.ts";
import { encodeBatch } from "../core/text/batch.ts";
import { type Cloze, clozeFacts } from "../data/mod.ts";
import { barChart } from "../drawing/svg.ts";
import { nameTokens } from "../models/model.ts";
import type { Pretrained } from "../models/pretrained.ts";
import { encode } from "../models/spec.ts";
import { entityMasking } from "../objectives/entity_masking.ts";
import { asInputs } from "../objectives/objective.ts";
import { bar, type Experiment, gain, inWords, judge } from "./experiment.ts";
import { judgeBy, microSizes, type MicroWorld, microWorld } from "./micro_bert.ts";
import { learnSentences, sentenceFit, sentenceLessons, sentenceShape } from "./sentence_lessons.ts";

const steps = 600;
const rate = 0.3;

/** What is hidden as one. */
const ways = {
  characters: [],
  names: ["phrase", "person", "place", "home", "animal", "job", "food", "thing"],
};

/** The experiment about knowledge masking. */
export const experiment: Experiment = {
  name: "c13",
  claim: "Hiding entities and phrases whole helps knowledge cloze",
  sources: ["D1", "ERNIE of Baidu, 1904.09223, §3.2, §4.5 and figure 4"],
  setting:
    `BERT of 2 layers, width 64, ${steps} steps of ${sentenceShape.batch} Chinese sentences that tell facts, ` +
    `${
      100 * rate
    } % of the characters hidden, in as many steps for both. Facts are asked for in a phrasing that no ` +
    "document uses for them; all characters of the answer are hidden at once.",
  rule:
    "Holds where the 95 % interval of the gain in told facts filled in right, names and phrases against " +
    "characters, paired by seed, lies above 0; opposite where it lies below.",
  columns: [
    { key: "characters", label: "told facts right, characters hidden" },
    { key: "names", label: "told facts right, names and phrases hidden" },
    { key: "untoldCharacters", label: "never told facts right, characters" },
    { key: "untoldNames", label: "never told facts right, names and phrases" },
    { key: "natsCharacters", label: "nats a told answer, characters" },
    { key: "natsNames", label: "nats a told answer, names and phrases" },
    { key: "lossCharacters", label: "nats a hidden character, characters" },
    { key: "lossNames", label: "nats a hidden character, names and phrases" },
  ],
  async run(seed, report) {
    const micro = microWorld(seed, "zh");
    const sizes = microSizes(micro.tokenizer, { positions: sentenceShape.length });
    const lessons = (kinds: readonly string[]) => {
      const { corrupt } = entityMasking(micro.tokenizer, { kinds, rate, fit: sentenceFit });
      return sentenceLessons(sizes, corrupt, ({ fact }) => fact !== undefined);
    };
    const facts = clozeFacts(micro.world, "zh");
    const found = async (kinds: readonly string[]) => {
      const model = await learnSentences(lessons(kinds), { sizes, steps, seed }, micro, report);
      const filled = await fillIn(model, micro, facts);
      const told = filled.filter((_, i) => facts[i].told);
      const untold = filled.filter((_, i) => !facts[i].told);
      const loss = await judgeBy(lessons(ways.characters), model.params, micro.unseen);
      return { told: share(told), untold: share(untold), nats: mean(told), loss };
    };
    const characters = await found(ways.characters), names = await found(ways.names);
    return {
      characters: characters.told,
      names: names.told,
      untoldCharacters: characters.untold,
      untoldNames: names.untold,
      natsCharacters: characters.nats,
      natsNames: names.nats,
      lossCharacters: characters.loss,
      lossNames: names.loss,
    };
  },
  verdict(rows) {
    const more = gain(rows, "names", "characters");
    return { verdict: judge(more), because: `gain in told facts: ${inWords(more)}` };
  },
  plot(rows) {
    return barChart([
      bar(rows, "characters hidden", "characters", "told"),
      bar(rows, "names, phrases hidden", "names", "told"),
      bar(rows, "characters hidden, not told", "untoldCharacters", "never told"),
      bar(rows, "names, phrases, not told", "untoldNames", "never told"),
    ], { title: "Facts filled in", valueLabel: "share right at the first guess" });
  },
  reading:
    "One character of a name betrays the other, so a model of hidden characters can be good at its task without " +
    "knowing who keeps bees: in nats a hidden character it is the better one. When the whole answer is hidden it has " +
    "less to go on. In part the gain is one of speed: in a longer trial (900 steps, one seed, choosing among the " +
    "values of the relation) the two were close. The paper shows single questions, not a rate of right answers. Facts " +
    "that were never told are the control: what is right there is guessed.",
};

/** A fact that was asked for. */
interface Filled {
  /** Whether the first guess was right. */
  readonly right: boolean;
  /** The surprise at the answer. */
  readonly nats: number;
}

const share = (filled: readonly Filled[]) =>
  filled.filter(({ right }) => right).length / filled.length;
const mean = (filled: readonly Filled[]) =>
  filled.reduce((sum, { nats }) => sum + nats, 0) / filled.length;

/** Ask a model for facts, all characters of an answer at once. */
async function fillIn(
  { spec, sizes, params }: Pretrained,
  { tokenizer }: MicroWorld,
  facts: readonly Cloze[],
): Promise<Filled[]> {
  const { mask } = tokenizer.vocabulary.special;
  const answers = facts.map(({ answer }) => tokenizer.encode(answer).map(({ id }) => id));
  const texts = facts.map(({ text }, i) =>
    text.replace("[MASK]", "[MASK]".repeat(answers[i].length))
  );
  const batch = encodeBatch(tokenizer, texts), [, T] = batch.shape, V = sizes.vocabulary;
  const { last } = encode(spec, sizes, params.encoder, asInputs(batch));
  const scores = await read(logSoftmax(nameTokens(spec, sizes, params, last), "V"));
  return answers.map((answer, b) => {
    const places = [...batch.ids.keys()].slice(b * T, (b + 1) * T)
      .filter((place) => batch.ids[place] === mask);
    const rows = places.map((place) => scores.subarray(place * V, (place + 1) * V));
    const right = answer.every((id, i) => rows[i].indexOf(Math.max(...rows[i])) === id);
    return { right, nats: -answer.reduce((sum, id, i) => sum + rows[i][id], 0) };
  });
}
