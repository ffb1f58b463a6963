/**
 * Numbers as colours: from white to dark blue, or from red over white to blue.
 *
 * @module
 */
import { numberLabel } from "./axis.ts";
import { element, INK, words } from "./element.ts";

/** Red, green and blue, each from 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** A range of numbers and the colours they have. */
export interface ColourScale {
  /** The number with the first colour. */
  low: number;
  /** The number with the last colour. */
  high: number;
  /** The colour of a number; grey for what is no number. */
  of(value: number): Colour;
}

/** For numbers that begin at zero. */
const RISING: readonly Colour[] = [[255, 255, 255], [158, 202, 225], [49, 130, 189], [8, 48, 107]];
/** For numbers on both sides of zero. */
const TWO_SIDED: readonly Colour[] = [
  [103, 0, 31],
  [214, 96, 77],
  [255, 255, 255],
  [67, 147, 195],
  [5, 48, 97],
];
const MISSING: Colour = [203, 210, 217];
/** More shades than the eye tells apart; so few keep a picture of many cells small. */
const SHADES = 96;

/** Colours for the numbers from `low` to `high`; numbers outside get the colour of the end. */
export function colourScale(low: number, high: number): ColourScale {
  const stops = low < 0 && high > 0 ? TWO_SIDED : RISING;
  const of = (value: number): Colour => {
    if (!Number.isFinite(value)) return MISSING;
    const share = Math.max(0, Math.min(1, (value - low) / (high - low)));
    const place = Math.round(share * SHADES) / SHADES * (stops.length - 1);
    const from = Math.min(stops.length - 2, Math.floor(place));
    const mix = (part: 0 | 1 | 2) =>
      Math.round(stops[from][part] + (place - from) * (stops[from + 1][part] - stops[from][part]));
    return [mix(0), mix(1), mix(2)];
  };
  return { low, high, of };
}

/** The scale that fits a matrix: from zero up, or as far below zero as above. */
export function scaleOver(values: readonly ArrayLike<number>[]): ColourScale {
  let [low, high] = [0, 0];
  for (const value of values.flatMap((row) => Array.from(row)).filter(Number.isFinite)) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const size = Math.max(-low, high) || 1;
  return colourScale(low < 0 ? -size : 0, size);
}

/** True where white words are read more easily than dark ones. */
export function isDark([red, green, blue]: Colour): boolean {
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}

/** A colour as SVG writes it. */
export function hex(colour: Colour): string {
  return `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/** An upright bar that shows the colours of a scale with their numbers. */
export function colourBar(scale: ColourScale, x: number, y: number, height: number): string {
  const steps = 40;
  const valueAt = (share: number) => scale.high + share * (scale.low - scale.high);
  const slices = Array.from({ length: steps }, (_, i) =>
    element("rect", {
      x,
      y: y + i * height / steps,
      width: 12,
      height: height / steps + 0.5,
      fill: hex(scale.of(valueAt((i + 0.5) / steps))),
    }));
  const outline = element("rect", { x, y, width: 12, height, fill: "none", stroke: INK.axis });
  const labels = [0, 0.5, 1].map((share) => {
    const label = numberLabel(valueAt(share), scale.high - scale.low);
    return words(x + 18, y + share * height + 4, label, { fill: INK.quiet });
  });
  return [...slices, outline, ...labels].join("");
}
