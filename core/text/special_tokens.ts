/**
 * Special tokens in running text — after Hugging Face's tokenizers; no paper writes of it.
 * Idea   A text may spell out a special token: `I saw a <mask>.` It is cut out before anything else looks at
 *        the text, so that no lower-casing and no merge can touch it; what lies between is text as usual.
 * Maths  at every place the longest token that fits there, from left to right
 * Axes   none
 * Differs from the paper: nothing.
 * @module
 */

/** A special token of a text, or a stretch between two. */
export interface Part {
  /** What is written there. */
  readonly text: string;
  /** Its first code unit in the whole text. */
  readonly start: number;
  /** Whether it is a special token. */
  readonly special: boolean;
}

/** What Python takes for a space where it strips and splits, as the source of a regular expression. */
export const PYTHON_SPACE: string = String.raw`[\p{White_Space}\x1C-\x1F]`;

const SPACE_AT_END = new RegExp(`${PYTHON_SPACE}+$`, "u");

/** Makes the function that cuts a text. Tokens in `takeSpace` also take the spaces that stand before them. */
export function specialCutter(
  tokens: readonly string[],
  takeSpace: readonly string[] = [],
): (text: string) => Part[] {
  const known = new Set(tokens);
  const longestFirst = [...known].sort((a, b) => b.length - a.length).map(RegExp.escape);
  const apart = new RegExp(`(${longestFirst.join("|") || "(?!)"})`, "u");
  return (whole) => {
    let end = 0;
    const texts = whole.split(apart);
    return texts.map((text, i) => {
      const start = end;
      end += text.length;
      const kept = takeSpace.includes(texts[i + 1]!) ? text.replace(SPACE_AT_END, "") : text;
      return { text: kept, start, special: known.has(text) };
    }).filter((part) => part.text !== "");
  };
}
