/** Lines of a difference that are shown before the rest is only counted. */
const SHOWN = 20;

/** A value as text, one item to a line, keys in order. */
export function format(value: unknown): string {
  return Deno.inspect(value, {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    getters: true,
    strAbbreviateSize: Infinity,
  });
}

/** The lines in which two values differ, with the line before and after them. */
export function difference(actual: unknown, expected: unknown): string {
  const found = format(actual).split("\n");
  const wanted = format(expected).split("\n");
  const shorter = Math.min(found.length, wanted.length);
  let head = 0;
  while (head < shorter && found[head] === wanted[head]) head++;
  let tail = 0;
  while (tail < shorter - head && found.at(-1 - tail) === wanted.at(-1 - tail)) tail++;
  return [
    "\n\n    [Difference] - actual / + expected\n",
    ...found.slice(Math.max(0, head - 1), head).map((line) => `    ${line}`),
    ...marked("-", found.slice(head, found.length - tail)),
    ...marked("+", wanted.slice(head, wanted.length - tail)),
    ...found.slice(found.length - tail).slice(0, 1).map((line) => `    ${line}`),
  ].join("\n");
}

function marked(sign: string, lines: string[]): string[] {
  const shown = lines.slice(0, SHOWN).map((line) => `${sign}   ${line}`);
  const rest = lines.length - shown.length;
  return rest > 0 ? [...shown, `${sign}   … ${rest} more lines`] : shown;
}
