/**
 * A line chart: losses over steps, sizes against scores, points on a plane.
 *
 * @module
 */
import { type Area, type Axis, type AxisKind, axisOver } from "./axis.ts";
import { labelRoom, levelAxis, line, numberLabel, placeOn, uprightAxis } from "./axis.ts";
import { INK, seriesColour, words } from "./element.ts";
import { headHeight, type LegendEntry, picture, type PictureOptions } from "./picture.ts";
import { drawSeries, type Series } from "./series.ts";

/** How a line chart looks. */
export interface LineChartOptions extends PictureOptions {
  /** Name of the axis from left to right. */
  xLabel: string;
  /** Name of the axis from bottom to top. */
  yLabel: string;
  /** Linear unless said otherwise. */
  xAxis?: AxisKind;
  /** Linear unless said otherwise. */
  yAxis?: AxisKind;
  /** Level lines to compare with: a lowest possible loss, the score of guessing. */
  floors?: readonly { name: string; y: number }[];
  /** Width in pixels, 640 unless said otherwise. */
  width?: number;
  /** Height in pixels, 380 unless said otherwise. */
  height?: number;
}

/**
 * Draw series over a common pair of axes.
 *
 * @param series At least one series, each with one `y` for each `x`.
 * @returns The picture as SVG text; its description holds first and last value of each series.
 * @throws {RangeError} When a series has two lengths, or nothing can be drawn on the axes.
 *
 * @example Two losses and the entropy that no model can beat
 * ```ts
 * import { lineChart } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const svg = lineChart([
 *   { name: "masked LM", x: [0, 100, 200], y: [6.1, 3.2, 2.4] },
 *   { name: "left to right", x: [0, 100, 200], y: [6.2, 3.0, 2.2] },
 * ], { title: "Loss", xLabel: "step", yLabel: "nats", floors: [{ name: "entropy", y: 1.9 }] });
 * assertStringIncludes(svg, "masked LM: 6.1 → 2.4");
 * ```
 */
export function lineChart(series: readonly Series[], options: LineChartOptions): string {
  series.forEach(checkLengths);
  const { width = 640, height = 380, floors = [] } = options;
  const upright = series.flatMap(reach).concat(floors.map((floor) => floor.y));
  const yAxis = axisOver(upright, options.yAxis ?? "linear", "loose", `y (${options.yLabel})`);
  const across = series.flatMap((one) => Array.from(one.x));
  const fit = series.some((one) => one.mark === "points") ? "loose" : "tight";
  const xAxis = axisOver(across, options.xAxis ?? "linear", fit, `x (${options.xLabel})`);
  const legend = series.map((one, i): LegendEntry => (
    { name: one.name, colour: seriesColour(i), mark: one.mark ?? "line" }
  ));
  const area: Area = {
    left: 28 + labelRoom(yAxis),
    right: width - 24,
    top: headHeight(options, legend, width) + 8,
    bottom: height - 52,
  };
  return picture(
    { width, height },
    options,
    legend,
    series.map(inWords).join("\n"),
    uprightAxis(yAxis, area, options.yLabel),
    levelAxis(xAxis, area, options.xLabel),
    ...series.map((one, i) => drawSeries(one, seriesColour(i), xAxis, yAxis, area)),
    ...floors.map((floor) => drawFloor(floor, yAxis, area)),
  );
}

function checkLengths({ name, x, y, spread, labels }: Series): void {
  for (const [what, list] of Object.entries({ y, spread, labels })) {
    if (list === undefined || list.length === x.length) continue;
    throw new RangeError(
      `series "${name}" has ${x.length} x but ${list.length} ${what}: give one for each x`,
    );
  }
}

/** All heights that must find room: the values with their spread. */
function reach({ y, spread }: Series): number[] {
  return Array.from(y).flatMap((value, i) => {
    const half = spread?.[i] ?? 0;
    return [value - half, value + half];
  });
}

function inWords({ name, y }: Series): string {
  const finite = Array.from(y).filter(Number.isFinite);
  return `${name}: ${numberLabel(finite[0])} → ${numberLabel(finite.at(-1)!)}`;
}

/** Quiet words that stay readable on top of lines. */
const HALO = { fill: INK.quiet, stroke: "#ffffff", "stroke-width": 4, "paint-order": "stroke" };

function drawFloor(floor: { name: string; y: number }, axis: Axis, area: Area): string {
  const y = placeOn(axis, area.bottom, area.top)(floor.y);
  return line(area.left, y, area.right, y, INK.quiet, "6 4") +
    words(area.right - 4, y + 22 < area.bottom ? y + 16 : y - 7, floor.name, {
      "text-anchor": "end",
      ...HALO,
    });
}
