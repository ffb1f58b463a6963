/**
 * SVG as text: elements, escaped words, and the few colours that all pictures share.
 *
 * @module
 */

/** Attributes of an element. Undefined ones are left out; numbers are rounded to hundredths. */
export type Attributes = Record<string, string | number | undefined>;

/** Dark on white, in colours that colour-blind readers can tell apart (Okabe and Ito). */
export const INK = { text: "#1f2933", quiet: "#52606d", axis: "#9aa5b1", grid: "#e4e7eb" };
/** Colours of series, in the order in which they are given out. */
const PALETTE: readonly string[] = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#5d3a9b",
  "#7f7f7f",
];

/** The colour of the series with this number; colours repeat after the last. */
export function seriesColour(index: number): string {
  return PALETTE[index % PALETTE.length];
}

/** One element with its children. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeText(rounded(value!))}"`)
    .join("");
  return children.length === 0
    ? `<${name}${written}/>`
    : `<${name}${written}>${children.join("")}</${name}>`;
}

/** Words at a place; `attributes` may turn, align or colour them. */
export function words(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeText(content));
}

/** Text that is safe inside an element and inside an attribute. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** About how wide a text is drawn, in pixels: Chinese, Japanese and Korean signs are square. */
export function textWidth(text: string, size = 12): number {
  return size * [...text].reduce((sum, sign) => sum + signWidth(sign), 0);
}

/** True for signs that take two columns of a terminal. */
export function isSquare(sign: string): boolean {
  return /[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60]/.test(sign);
}

function signWidth(sign: string): number {
  if (isSquare(sign)) return 1;
  if (/[ijltfrI.,:;|'!()\[\] ]/.test(sign)) return 0.36;
  return /[mwMW@%]/.test(sign) ? 0.9 : /[A-Z]/.test(sign) ? 0.68 : 0.6;
}

function rounded(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
}
