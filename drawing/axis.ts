/**
 * Axes of numbers: where they begin and end, which ticks they carry, how a tick is written.
 *
 * @module
 */
import { element, INK, textWidth, words } from "./element.ts";

/** How far apart equal steps are: equal differences, or equal ratios. */
export type AxisKind = "linear" | "log";

/** A range of numbers with its ticks. */
export interface Axis {
  /** Linear or logarithmic. */
  kind: AxisKind;
  /** Smallest number on the axis. */
  low: number;
  /** Largest number on the axis. */
  high: number;
  /** Numbers that are written at the axis, and their texts. */
  ticks: { value: number; label: string }[];
}

/** Where the plot lies in the picture, in pixels. */
export interface Area {
  /** Left edge. */
  left: number;
  /** Right edge. */
  right: number;
  /** Upper edge. */
  top: number;
  /** Lower edge. */
  bottom: number;
}

/** An axis over all finite `values`; a loose one is extended to the next ticks. */
export function axisOver(
  values: number[],
  kind: AxisKind,
  fit: "tight" | "loose",
  name: string,
): Axis {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) {
    throw new RangeError(`nothing to draw: no finite number for the ${name} axis`);
  }
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  if (kind === "linear") return linearAxis(low, high, fit);
  if (low > 0) return logAxis(low, high);
  throw new RangeError(
    `${low} has no place on the logarithmic ${name} axis: drop it, or choose a linear axis`,
  );
}

function linearAxis(low: number, high: number, fit: "tight" | "loose"): Axis {
  if (low === high) {
    const half = Math.abs(low) / 2 || 0.5;
    return linearAxis(low - half, high + half, fit);
  }
  const step = roundStep((high - low) / 5);
  const first = fit === "loose" ? Math.floor(low / step + 1e-9) : Math.ceil(low / step - 1e-9);
  const last = fit === "loose" ? Math.ceil(high / step - 1e-9) : Math.floor(high / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step;
    return { value, label: numberLabel(value, step) };
  });
  if (fit === "loose") [low, high] = [first * step, last * step];
  return { kind: "linear", low, high, ticks };
}

/** The next of 1, 2, 5, 10, 20, 50 … that is not smaller. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
}

function logAxis(low: number, high: number): Axis {
  const margin = low === high ? 2 : (high / low) ** 0.03;
  [low, high] = [low / margin, high * margin];
  const decades = Math.log10(high / low);
  const factors = decades < 3 ? [1, 2, 5] : [1];
  const every = Math.ceil(decades / 8);
  const ticks: Axis["ticks"] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    if (power % every !== 0) continue;
    for (const value of factors.map((factor) => factor * 10 ** power)) {
      if (value >= low && value <= high) ticks.push({ value, label: numberLabel(value, value) });
    }
  }
  return { kind: "log", low, high, ticks };
}

/** A number in three digits, or as finely as a step between numbers asks: `0.25`, `10K`, `3e-4`. */
export function numberLabel(value: number, step: number = value): string {
  const size = Math.abs(value);
  const finest = Math.abs(step);
  if (size <= finest * 1e-6) return "0";
  if (size >= 10_000) {
    return value.toLocaleString("en-US", { notation: "compact", maximumSignificantDigits: 4 });
  }
  if (size < 0.001) return Number(value.toPrecision(3)).toExponential();
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(finest)));
  return String(Number(value.toFixed(decimals)));
}

/** The pixel at which a number of the axis stands. */
export function placeOn(axis: Axis, from: number, to: number): (value: number) => number {
  const measure = axis.kind === "log" ? Math.log10 : (value: number) => value;
  const [low, high] = [measure(axis.low), measure(axis.high)];
  return (value) => from + (to - from) * (measure(value) - low) / (high - low);
}

/** Room that the labels of an upright axis need at its left. */
export function labelRoom(axis: Axis): number {
  return axis.ticks.reduce((room, tick) => Math.max(room, textWidth(tick.label)), 0) + 8;
}

/** Grid lines and labels of an upright axis. */
export function uprightAxis(axis: Axis, area: Area, name?: string): string {
  const y = placeOn(axis, area.bottom, area.top);
  const middle = (area.top + area.bottom) / 2;
  return [
    ...axis.ticks.map(({ value, label }) =>
      line(area.left, y(value), area.right, y(value), INK.grid) +
      words(area.left - 8, y(value) + 4, label, { "text-anchor": "end", fill: INK.quiet })
    ),
    name
      ? words(18, middle, name, { "text-anchor": "middle", transform: `rotate(-90 18 ${middle})` })
      : "",
  ].join("");
}

/** Ticks and labels of a level axis, below the plot. */
export function levelAxis(axis: Axis, area: Area, name?: string): string {
  const x = placeOn(axis, area.left, area.right);
  return [
    line(area.left, area.bottom, area.right, area.bottom, INK.axis),
    ...axis.ticks.map(({ value, label }) =>
      line(x(value), area.bottom, x(value), area.bottom + 5, INK.axis) +
      words(x(value), area.bottom + 19, label, { "text-anchor": "middle", fill: INK.quiet })
    ),
    name
      ? words((area.left + area.right) / 2, area.bottom + 39, name, { "text-anchor": "middle" })
      : "",
  ].join("");
}

/** A straight line. */
export function line(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  dashes?: string,
): string {
  return element("line", { x1, y1, x2, y2, stroke, "stroke-dasharray": dashes });
}
