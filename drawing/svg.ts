/**
 * Pictures as SVG text, and tables as HTML, drawn without any dependency: for notebooks, for the
 * reports of the command line, for a page of one's own.
 *
 * @module
 */
export type { AxisKind } from "./axis.ts";
export { type Bar, barChart, type BarChartOptions } from "./bar_chart.ts";
export { heatMap, type HeatMapOptions } from "./heat_map.ts";
export { lineChart, type LineChartOptions } from "./line_chart.ts";
export { type PictureOptions, pictureText } from "./picture.ts";
export type { Numbers, Series } from "./series.ts";
export { smallMultiples, type SmallMultiplesOptions } from "./small_multiples.ts";
export { type Branch, tree } from "./tree.ts";
export { htmlTable, plainTable, type Row } from "./table.ts";
