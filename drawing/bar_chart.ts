/**
 * A bar chart: one number for each name, with its deviation.
 *
 * @module
 */
import { axisOver, line, numberLabel, placeOn } from "./axis.ts";
import { element, INK, seriesColour, textWidth, words } from "./element.ts";
import { headHeight, picture, type PictureOptions } from "./picture.ts";

/** One bar. */
export interface Bar {
  /** Written at the left of the bar. */
  name: string;
  /** Where the bar ends. */
  value: number;
  /** Half the length of the whisker at the bar's end, such as a standard deviation. */
  spread?: number;
  /** Bars of one group have one colour. */
  group?: string;
}

/** How a bar chart looks. */
export interface BarChartOptions extends PictureOptions {
  /** Name of the axis of values. */
  valueLabel: string;
  /** Upright lines to compare with, such as the score of guessing. */
  floors?: readonly { name: string; value: number }[];
  /** Width in pixels, 640 unless said otherwise. */
  width?: number;
}

const ROW = 26;

/**
 * Draw bars from zero, one below the other.
 *
 * @param bars At least one bar.
 * @returns The picture as SVG text; its description holds every name with its value.
 * @throws {RangeError} When there is no bar with a finite value.
 *
 * @example Accuracy of two models over five seeds
 * ```ts
 * import { barChart } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const svg = barChart([
 *   { name: "with next sentence", value: 0.81, spread: 0.02 },
 *   { name: "without", value: 0.83, spread: 0.01 },
 * ], { title: "Accuracy", valueLabel: "accuracy", floors: [{ name: "guessing", value: 0.5 }] });
 * assertStringIncludes(svg, "without: 0.83 ± 0.01");
 * ```
 */
export function barChart(bars: readonly Bar[], options: BarChartOptions): string {
  const { width = 640, floors = [] } = options;
  const groups = [...new Set(bars.map((bar) => bar.group ?? ""))];
  const legend = groups.length < 2 ? [] : groups.map((name, i) => (
    { name, colour: seriesColour(i), mark: "points" as const }
  ));
  const ends = bars.flatMap(({ value, spread = 0 }) => [value - spread, value + spread]);
  const reach = [0, ...ends, ...floors.map((floor) => floor.value)];
  const axis = axisOver(
    ends.some(Number.isFinite) ? reach : ends,
    "linear",
    "loose",
    options.valueLabel,
  );
  const names = bars.reduce((most, bar) => Math.max(most, textWidth(bar.name)), 0);
  const top = headHeight(options, legend, width) + (floors.length > 0 ? 22 : 8);
  const area = { left: 26 + names, right: width - 100, top, bottom: top + bars.length * ROW };
  const x = placeOn(axis, area.left, area.right);
  return picture(
    { width, height: area.bottom + 52 },
    options,
    legend,
    bars.map((bar) => `${bar.name}: ${valueText(bar)}`).join("\n"),
    ...axis.ticks.map(({ value, label }) =>
      line(x(value), area.top, x(value), area.bottom, INK.grid) +
      words(x(value), area.bottom + 18, label, { "text-anchor": "middle", fill: INK.quiet })
    ),
    words((area.left + area.right) / 2, area.bottom + 38, options.valueLabel, {
      "text-anchor": "middle",
    }),
    ...bars.map((bar, i) =>
      drawBar(bar, area.top + i * ROW, area.left, x, seriesColour(groups.indexOf(bar.group ?? "")))
    ),
    line(x(0), area.top, x(0), area.bottom, INK.axis),
    ...floors.map((floor) =>
      line(x(floor.value), area.top, x(floor.value), area.bottom, INK.quiet, "6 4") +
      words(x(floor.value), area.top - 7, floor.name, { "text-anchor": "middle", fill: INK.quiet })
    ),
  );
}

function drawBar(
  bar: Bar,
  top: number,
  left: number,
  x: (value: number) => number,
  fill: string,
): string {
  const middle = top + ROW / 2;
  const name = words(left - 8, middle + 4, bar.name, { "text-anchor": "end" });
  if (!Number.isFinite(bar.value)) return name + words(x(0) + 8, middle + 4, valueText(bar));
  const { value, spread = 0 } = bar;
  const [from, to] = [Math.min(x(0), x(value)), Math.max(x(0), x(value))];
  const whisker = line(x(value - spread), middle, x(value + spread), middle, INK.text) +
    line(x(value - spread), middle - 4, x(value - spread), middle + 4, INK.text) +
    line(x(value + spread), middle - 4, x(value + spread), middle + 4, INK.text);
  return name +
    element("rect", {
      x: from,
      y: top + 4,
      width: to - from,
      height: ROW - 8,
      fill,
      "fill-opacity": 0.85,
    }) +
    (spread > 0 ? whisker : "") +
    words(Math.max(to, x(value + spread)) + 8, middle + 4, valueText(bar), { "font-size": 11 });
}

function valueText({ value, spread }: Bar): string {
  if (!Number.isFinite(value)) return "no value";
  return numberLabel(value) + (spread === undefined ? "" : ` ± ${numberLabel(spread)}`);
}
