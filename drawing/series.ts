/**
 * A series of numbers as a line, as dashes or as points.
 *
 * @module
 */
import { type Area, type Axis, placeOn } from "./axis.ts";
import { element, textWidth, words } from "./element.ts";

/** A list of numbers: an array or a typed array. */
export type Numbers = ArrayLike<number>;

/** One line, or one cloud of points, with a name. */
export interface Series {
  /** Written in the legend. */
  name: string;
  /** Where each item stands from left to right. */
  x: Numbers;
  /** Where each item stands from bottom to top; a `NaN` leaves a gap. */
  y: Numbers;
  /** Half the height of a band around the line, such as a standard deviation. */
  spread?: Numbers;
  /** Drawn as a line (the default), as dashes, or as points. */
  mark?: "line" | "dashes" | "points";
  /** Words beside the items. */
  labels?: readonly string[];
}

/** Points of a line beyond which only the extremes of neighbouring points are drawn. */
const POINTS_DRAWN = 800;

/** One series on its axes: band, line or points, and words beside the items. */
export function drawSeries(
  series: Series,
  colour: string,
  xAxis: Axis,
  yAxis: Axis,
  area: Area,
): string {
  const x = placeOn(xAxis, area.left, area.right);
  const y = placeOn(yAxis, area.bottom, area.top);
  const at = (i: number, shift = 0) => [x(series.x[i]), y(series.y[i] + shift)];
  const runs = unbroken(series).map((run) => thinned(run, series.y));
  const marks = series.mark === "points"
    ? runs.flat().map((i) => dot(at(i), colour))
    : runs.map((run) => path(run.map((i) => at(i)), colour, series.mark === "dashes"));
  const labels = runs.flat().filter((i) => series.labels?.[i])
    .map((i) => label(at(i), series.labels![i], area));
  return [...runs.map((run) => band(series, run, at, colour)), ...marks, ...labels].join("");
}

/** Numbers of the items, cut where a value is missing. */
function unbroken({ x, y }: Series): number[][] {
  const runs: number[][] = [[]];
  for (let i = 0; i < x.length; i++) {
    if (Number.isFinite(x[i]) && Number.isFinite(y[i])) runs.at(-1)!.push(i);
    else runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/** Of a long run the lowest and the highest item of each stretch: no spike is lost. */
function thinned(run: number[], y: Numbers): number[] {
  const length = Math.ceil(run.length / (POINTS_DRAWN / 2));
  if (length <= 2) return run;
  return Array.from({ length: Math.ceil(run.length / length) }, (_, k) => {
    const stretch = run.slice(k * length, (k + 1) * length);
    const low = stretch.reduce((a, b) => y[b] < y[a] ? b : a);
    const high = stretch.reduce((a, b) => y[b] > y[a] ? b : a);
    return low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
  }).flat();
}

function dot([cx, cy]: number[], fill: string): string {
  return element("circle", { cx, cy, r: 3.5, fill, "fill-opacity": 0.8 });
}

/** Words to the right of an item, or to its left where they would leave the picture. */
function label([x, y]: number[], text: string, area: Area): string {
  const leaves = x + 6 + textWidth(text, 11) > area.right + 24;
  const place = leaves ? { "text-anchor": "end" } : {};
  return words(leaves ? x - 6 : x + 6, y - 5, text, { "font-size": 11, ...place });
}

function path(points: number[][], stroke: string, dashed: boolean): string {
  if (points.length === 1) return dot(points[0], stroke);
  return element("polyline", {
    points: pointList(points),
    fill: "none",
    stroke,
    "stroke-width": 1.8,
    "stroke-linejoin": "round",
    "stroke-dasharray": dashed ? "6 4" : undefined,
  });
}

function band(
  { spread }: Series,
  run: number[],
  at: (i: number, shift: number) => number[],
  fill: string,
): string {
  if (!spread) return "";
  const upper = run.map((i) => at(i, spread[i]));
  const lower = run.map((i) => at(i, -spread[i]));
  const points = pointList([...upper, ...lower.toReversed()]);
  return element("polygon", { points, fill, "fill-opacity": 0.15 });
}

function pointList(points: number[][]): string {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}
