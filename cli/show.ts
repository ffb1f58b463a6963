/** `deno task show`: one text under every objective, what a model is given and what it is to answer. */
import { device, randomKey } from "../core/tensor/mod.ts";
import { loadTokenizer } from "../core/text/load_tokenizer.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { trainWordPiece } from "../core/text/train_wordpiece.ts";
import { parseVocabulary } from "../core/text/vocabulary.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import { FileError, readText } from "../core/training/files.ts";
import { createWorld, documents } from "../data/mod.ts";
import { type AnnotatedText, joinTexts } from "../objectives/annotation.ts";
import { everyObjective, show } from "../objectives/show.ts";
import { termFinder } from "../objectives/word_list.ts";
import { type Command, main, UsageError, whole } from "./command.ts";

const options = {
  model: { about: "folder of a model, whose tokenizer cuts the text", otherwise: undefined },
  vocab: { about: "a WordPiece vocabulary instead, one token a line", otherwise: undefined },
  words: { about: "names and phrases to hide whole, a file with one a line", otherwise: undefined },
  rate: { about: "the part of the tokens that is hidden; BERT's is 0.15", otherwise: 0.3 },
  seed: { about: "of what is hidden", otherwise: 1 },
} as const;

const command: Command<typeof options> = {
  name: "show",
  about:
    "One text under every objective: what the model is given, and after the arrow what it is to\n" +
    "answer. Tokens in ‹ › are asked for although they are seen, or are not the original ones.\n" +
    "Without a text, one of the micro-world, whose names and phrases are known; without a model or\n" +
    "a vocabulary, a tokenizer trained on that world.",
  usage: '["text"] [--model DIR | --vocab FILE]',
  options,
  async run(given, [text, ...more]) {
    if (more.length) throw new UsageError('give one text in quotes: "a text"');
    if (text?.trim() === "") throw new UsageError("the text is empty");
    if (!(given.rate > 0 && given.rate <= 1)) {
      throw new UsageError("--rate is not above 0, up to 1");
    }
    const seed = whole("seed", given.seed, 0);
    const own = await ownTokenizer(given); // what is wrong with files is said before anything is made
    const find = given.words ? await finderOf(given.words) : undefined;
    await device("reference"); // there is next to nothing to compute
    const [elsewhere, other] = tell(2), tokenizer = own ?? trained();
    const wanted: AnnotatedText = text ? { text, spans: [] } : joinTexts(other.slice(0, 3));
    const spans = find ? find(wanted.text) : wanted.spans;
    const views = everyObjective(tokenizer, {
      key: randomKey(seed),
      rate: given.rate,
      elsewhere: elsewhere.slice(0, 2).map((sentence) => sentence.text),
    });
    await show({ text: wanted.text, spans }, views);
  },
};

/** The sentences of the first documents of the micro-world. */
const tell = (count: number) =>
  [...documents(createWorld(1), { seed: 1, count })].map(({ sentences }) => sentences);

/** A tokenizer that has read the micro-world. */
function trained(): Tokenizer {
  const told = tell(2000).flatMap((sentences) => sentences.map(({ text }) => text));
  return wordPiece(trainWordPiece(told, { vocabSize: 2000, minFrequency: 1 }));
}

/** The tokenizer that the options name, if they name one. */
async function ownTokenizer(
  { model, vocab }: { model?: string; vocab?: string },
): Promise<Tokenizer | undefined> {
  if (model && vocab) throw new UsageError("--model has its own vocabulary: give one of the two");
  if (vocab) {
    const text = await readText(vocab, "the vocabulary");
    try {
      return wordPiece(parseVocabulary(text));
    } catch (error) {
      throw FileError.because(vocab, "read the vocabulary", error);
    }
  }
  if (!model) return undefined;
  const tokenizer = await loadTokenizer(model);
  if (!tokenizer) throw new UsageError(`${model} has no files of a tokenizer`);
  return tokenizer;
}

/** Finds the terms of a word list in a text. */
async function finderOf(path: string): Promise<(text: string) => AnnotatedText["spans"]> {
  const lines = (await readText(path, "the word list")).split(/\r?\n/);
  try {
    return termFinder(lines);
  } catch (error) {
    throw FileError.because(path, "use it", error);
  }
}

if (import.meta.main) await main(command);
