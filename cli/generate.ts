/** `deno task generate`: a trained language model goes on with a text, as it comes. */
import { fillText } from "../generation/fill_in.ts";
import { type GenerationOptions, methodOf } from "../generation/options.ts";
import { write } from "../generation/write.ts";
import { loadPretrained, type Pretrained } from "../models/pretrained.ts";
import {
  chooseDevice,
  type Command,
  deviceOption,
  main,
  optionalNumber,
  UsageError,
  whole,
} from "./command.ts";

const options = {
  model: {
    about: "folder with config.json, model.safetensors and a tokenizer",
    otherwise: undefined,
  },
  tokens: { about: "most tokens to write", otherwise: 100 },
  greedy: { about: "always the likeliest token", otherwise: false },
  temperature: { about: "by chance: below 1 sharper, above 1 flatter", otherwise: undefined },
  "top-k": { about: "by chance among so many of the likeliest", otherwise: undefined },
  "top-p": { about: "by chance among the likeliest of so much probability", otherwise: undefined },
  beams: { about: "the likeliest text, with so many at a time", otherwise: undefined },
  "repetition-penalty": { about: "above 1: less of what was written", otherwise: 1 },
  stop: { about: "the text ends before this", otherwise: undefined },
  seed: { about: "where chance begins", otherwise: 1 },
  half: { about: "weights in half precision: half the room on WebGPU", otherwise: false },
  ...deviceOption,
} as const;

const command: Command<typeof options> = {
  name: "generate",
  about:
    "Go on with a text, token by token; a masked model fills the masks of a text instead, the one it\n" +
    "is surest of first. Without a choice of method, by chance among the likeliest of 90 % probability\n" +
    "(--top-p 0.9).",
  usage: '--model DIR "text to begin with"',
  options,
  async run(given, [prompt, ...more]) {
    if (!given.model) throw new UsageError("which model? Give --model DIR");
    if (!prompt?.trim() || more.length) {
      throw new UsageError('give one text in quotes to begin with: "Once upon a"');
    }
    const asked = methodFrom(given);
    await chooseDevice(given.device);
    const model = await loadPretrained(given.model, given.half ? "half" : "single");
    if (model.params.maskedLM) return await fillGaps(model, prompt, asked);
    const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
    let unsaid = prompt; // until it is known that the model can go on with it
    for await (const piece of write(model, prompt, asked)) {
      say(unsaid + piece);
      unsaid = "";
    }
    say(unsaid + "\n");
  },
};

type Wanted = GenerationOptions & { stop?: string[] };

/** The text after each gap, a line each. */
async function fillGaps(model: Pretrained, text: string, { stop, ...asked }: Wanted) {
  if (stop) throw new UsageError("a masked model ends where the masks do: leave out --stop");
  if (asked.beams) throw new UsageError("a masked model fills masks one by one: leave out --beams");
  for await (const filled of fillText(model, text, asked)) console.log(filled);
}

/** The method that the options name. */
function methodFrom(given: Parameters<typeof command.run>[0]): Wanted {
  const { greedy, temperature, beams, stop } = given;
  const chosen = {
    greedy: greedy || undefined,
    temperature: optionalNumber("temperature", temperature),
    topK: optionalNumber("top-k", given["top-k"]),
    topP: optionalNumber("top-p", given["top-p"]),
    beams: optionalNumber("beams", beams),
  };
  const none = Object.values(chosen).every((value) => value === undefined);
  const asked: Wanted = {
    ...none ? { topP: 0.9 } : chosen,
    repetitionPenalty: given["repetition-penalty"],
    maxTokens: whole("tokens", given.tokens),
    seed: whole("seed", given.seed, 0),
    ...stop !== undefined && { stop: [stop] },
  };
  try {
    methodOf(asked);
  } catch (error) {
    throw new UsageError(inOptions((error as Error).message));
  }
  return asked;
}

/** A message with the names of the options as they are on the command line. */
const inOptions = (message: string): string =>
  message.replace(
    /\b(greedy|temperature|topK|topP|beams|repetitionPenalty)\b/g,
    (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );

if (import.meta.main) await main(command);
