/** `deno task fill`: what a trained model would write for each mask. */
import { loadPretrained } from "../models/pretrained.ts";
import { chooseDevice, type Command, deviceOption, main, UsageError, whole } from "./command.ts";
import { fillMasks } from "./filling.ts";

const options = {
  model: {
    about: "folder with config.json, model.safetensors and a tokenizer",
    otherwise: undefined,
  },
  top: { about: "words to show for each mask", otherwise: 5 },
  ...deviceOption,
} as const;

const command: Command<typeof options> = {
  name: "fill",
  about:
    "The most likely words for each mask in a text, with their probabilities. A mask is written as\n" +
    "the model's tokenizer has it: [MASK], or <mask> for a RoBERTa.",
  usage: '--model DIR "text with [MASK]"',
  options,
  async run(given, [text, ...more]) {
    if (!given.model) throw new UsageError("which model? Give --model DIR");
    if (!text?.trim() || more.length) {
      throw new UsageError('give one text in quotes: "a [MASK] text"');
    }
    await chooseDevice(given.device);
    const model = await loadPretrained(given.model);
    if (!model.tokenizer) throw new UsageError(`${given.model} has no files of a tokenizer`);
    if (!model.params.maskedLM) throw new UsageError(`${given.model} has no masked-LM head`);
    const { tokens, special } = model.tokenizer.vocabulary;
    const [masks] = await fillMasks(model, [text], whole("top", given.top));
    masks.forEach((guesses, i) => {
      if (masks.length > 1) console.log(`${tokens[special.mask]} ${i + 1}`);
      for (const { token, probability } of guesses) {
        console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${token}`);
      }
    });
  },
};

if (import.meta.main) await main(command);
