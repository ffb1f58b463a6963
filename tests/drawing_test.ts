/** Pictures: what is drawn, what is said about it, and what is refused. */
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { axisOver, numberLabel, placeOn } from "../drawing/axis.ts";
import { colourScale, scaleOver } from "../drawing/colour_scale.ts";
import { currentNotebook } from "../drawing/notebook.ts";
import { progress } from "../drawing/progress.ts";
import { html, svgImage, table } from "../drawing/show.ts";
import {
  barChart,
  heatMap,
  htmlTable,
  lineChart,
  pictureText,
  plainTable,
  smallMultiples,
  tree,
} from "../drawing/svg.ts";

const labels = (low: number, high: number, kind: "linear" | "log", fit: "tight" | "loose") =>
  axisOver([low, high], kind, fit, "test").ticks.map((tick) => tick.label);

const AXES = { xLabel: "step", yLabel: "loss" };

/** Every tag is closed by its own, and no bare `<`, `&` or NaN is left in the text. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  for (
    const [, close, name, , alone] of svg.matchAll(/<(\/?)(\w+)((?: [\w:-]+="[^"<]*")*)(\/?)>/g)
  ) {
    if (close) assertEquals(open.pop(), name);
    else if (!alone) open.push(name);
  }
  assertEquals(open, []);
  const outside = svg.replace(/<(\/?)(\w+)((?: [\w:-]+="[^"<]*")*)(\/?)>/g, "");
  assertMatch(outside, /^[^<]*$/);
  assert(!/&(?!#\d+;)/.test(svg), "an unescaped &");
  assert(!svg.includes("NaN") && !svg.includes("Infinity") && !svg.includes("undefined"), svg);
}

Deno.test("ticks are round numbers", () => {
  assertEquals(labels(0, 1, "linear", "loose"), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
  assertEquals(labels(0.13, 6.9, "linear", "loose"), ["0", "2", "4", "6", "8"]);
  assertEquals(labels(3, 97, "linear", "tight"), ["20", "40", "60", "80"]);
  assertEquals(labels(-0.3, 0.3, "linear", "loose"), ["-0.4", "-0.2", "0", "0.2", "0.4"]);
  assertEquals(labels(1, 1000, "log", "tight"), ["1", "10", "100", "1000"]);
  assertEquals(labels(0.1, 4, "log", "tight"), ["0.1", "0.2", "0.5", "1", "2"]);
});

Deno.test("an axis of one number has room on both sides", () => {
  for (const kind of ["linear", "log"] as const) {
    const axis = axisOver([5], kind, "loose", "test");
    const place = placeOn(axis, 0, 100)(5);
    assert(place > 10 && place < 90);
  }
});

Deno.test("equal ratios are equally far apart on a logarithmic axis", () => {
  const x = placeOn(axisOver([1, 1e4], "log", "tight", "test"), 0, 100);
  assert(Math.abs((x(100) - x(1)) - (x(1e4) - x(100))) < 1e-9);
});

Deno.test("numbers are written in few signs", () => {
  const written = [0, 0.1 + 0.2, 23_040_000, 12_345, 3e-4, -1.5, 1 / 3, 999.9].map((value) =>
    numberLabel(value)
  );
  assertEquals(written, ["0", "0.3", "23.04M", "12.35K", "3e-4", "-1.5", "0.333", "1000"]);
});

Deno.test("a line chart says where each series begins and ends", () => {
  const svg = lineChart([{ name: 'a <b> & "c"', x: [0, 1, 2], y: [3, NaN, 1] }], {
    title: "Loss",
    ...AXES,
  });
  assertWellFormed(svg);
  assertEquals(pictureText(svg), { title: "Loss", summary: 'a <b> & "c": 3 → 1' });
});

Deno.test("a missing value leaves a gap in the line", () => {
  const chart = (y: number[]) =>
    lineChart([{ name: "a", x: [0, 1, 2, 3, 4], y }], { title: "t", ...AXES });
  const count = (svg: string) => svg.match(/<polyline/g)?.length;
  assertEquals(count(chart([1, 2, 3, 2, 1])), 1);
  assertEquals(count(chart([1, 2, NaN, 2, 1])), 2);
});

Deno.test("a long line is thinned, and keeps its spike", () => {
  const x = Float32Array.from({ length: 50_000 }, (_, i) => i);
  const y = x.map((i) => i === 31_415 ? 10 : Math.sin(i));
  const svg = lineChart([{ name: "a", x, y }], { title: "t", ...AXES, height: 380 });
  assert(svg.length < 30_000, `${svg.length} characters`);
  const heights = svg.match(/points="([^"]*)"/)![1].split(" ").map((pair) => +pair.split(",")[1]);
  const spike = Math.min(...heights);
  assertEquals(heights.filter((height) => height < spike + 50).length, 1);
});

Deno.test("every kind of line chart is well formed", () => {
  const x = [1, 10, 100];
  const y = [3, 2, 1];
  for (const options of [{}, { xAxis: "log" }, { yAxis: "log", note: "five seeds" }] as const) {
    assertWellFormed(lineChart([
      { name: "line", x, y, spread: [0.1, 0.1, 0.1] },
      { name: "dashes", x, y, mark: "dashes" },
      { name: "points", x, y, mark: "points", labels: ["a", "b", "c"] },
      { name: "one", x: [5], y: [2] },
    ], { title: "t", ...AXES, ...options, floors: [{ name: "floor", y: 0.5 }] }));
  }
});

Deno.test("a line chart refuses what it cannot draw, and says why", () => {
  const chart = (x: number[], y: number[], more = {}) => () =>
    lineChart([{ name: "a", x, y }], { title: "t", ...AXES, ...more });
  assertThrows(chart([1, 2], [1]), RangeError, 'series "a" has 2 x but 1 y');
  assertThrows(chart([], []), RangeError, "no finite number for the y (loss) axis");
  assertThrows(chart([1], [NaN]), RangeError, "no finite number");
  assertThrows(chart([1], [0], { yAxis: "log" }), RangeError, "choose a linear axis");
});

Deno.test("a heat map is dark where the number is large", () => {
  const scale = colourScale(0, 1);
  const lightness = [0, 0.25, 0.5, 0.75, 1].map((value) => scale.of(value).reduce((a, b) => a + b));
  assertEquals(lightness, lightness.toSorted((a, b) => b - a));
  assertEquals(scale.of(0), [255, 255, 255]);
  assertEquals(scale.of(-3), scale.of(0));
  assertEquals(scale.of(7), scale.of(1));
});

Deno.test("the colours of a matrix with both signs are white at zero", () => {
  const scale = scaleOver([[-1, 0.5], [NaN, 0.2]]);
  assertEquals([scale.low, scale.high], [-1, 1]);
  assertEquals(scale.of(0), [255, 255, 255]);
  assertEquals(scaleOver([[0, 3]]).low, 0);
  assertEquals(scaleOver([[0, 0]]).high, 1);
});

Deno.test("a heat map names rows and columns, and where each row looks", () => {
  const svg = heatMap([[0.9, 0.1], [0.3, 0.7]], {
    title: "Head",
    rows: ["der", "Hund"],
    columns: ["the", "dog"],
    rowLabel: "query",
    columnLabel: "key",
    numbers: true,
  });
  assertWellFormed(svg);
  for (const word of ["der", "Hund", "the", "dog", "query", "key", ">0.7<"]) {
    assertStringIncludes(svg, word);
  }
  assertEquals(pictureText(svg).summary, "der: most at the (0.9)\nHund: most at dog (0.7)");
});

Deno.test("words beside a point at the right edge stand at its left", () => {
  const points = { name: "points", x: [0, 1], y: [0, 0], mark: "points" as const };
  const svg = lineChart([{ ...points, labels: ["first", "last"] }], { title: "", ...AXES });
  assert(!/text-anchor="end"[^>]*>first</.test(svg));
  assertMatch(svg, /text-anchor="end"[^>]*>last</);
});

Deno.test("a heat map refuses ragged rows and missing labels", () => {
  const title = "t";
  assertThrows(() => heatMap([], { title }), RangeError, "the matrix is empty");
  assertThrows(() => heatMap([[1, 2], [1]], { title }), RangeError, "row 1 has 1 values");
  assertThrows(() => heatMap([[1, 2]], { title, columns: ["a"] }), RangeError, "1 column labels");
});

Deno.test("small multiples keep every picture, each in its own place", () => {
  const bare = (value: number) => heatMap([[value, 0]], { title: `head ${value}`, bare: true });
  const svg = smallMultiples([[bare(1), bare(2)], [bare(3)]], { title: "All", rows: ["a", "b"] });
  assertWellFormed(svg);
  const places = [...svg.matchAll(/<svg x="([\d.]+)" y="([\d.]+)"/g)].map(([, x, y]) =>
    `${x} ${y}`
  );
  assertEquals(new Set(places).size, 3);
  assertEquals(pictureText(svg).summary, "head 1, head 2, head 3");
  assertThrows(() => smallMultiples([], { title: "t" }), RangeError, "no picture");
  assertThrows(() => smallMultiples([["<p>"]], { title: "t" }), RangeError, "not a picture");
});

Deno.test("bars begin at zero and say their value", () => {
  const svg = barChart([
    { name: "up", value: 3, spread: 0.5, group: "a" },
    { name: "down", value: -1, group: "b" },
    { name: "none", value: NaN, group: "b" },
  ], { title: "t", valueLabel: "points", floors: [{ name: "chance", value: 1 }] });
  assertWellFormed(svg);
  const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)];
  const [up, down] = bars.map(([, x, width]) => ({
    from: Number(x),
    to: Number(x) + Number(width),
  }));
  assert(Math.abs(up.from - down.to) < 0.02, "both bars touch the zero line");
  assertStringIncludes(pictureText(svg).summary, "up: 3 ± 0.5");
  assertThrows(() => barChart([], { title: "t", valueLabel: "v" }), RangeError);
});

Deno.test("a tree has a line for each branch, as wide as it is likely, and a text for each leaf", () => {
  const inner = { label: "a<b", probability: 0.5, children: [{ label: "x", probability: 1 }] };
  const leaf = { label: "c", probability: 0.25, taken: true };
  const svg = tree({ label: "root", probability: 1, children: [inner, leaf] }, { title: "t" });
  assertWellFormed(svg);
  const widths = [...svg.matchAll(/stroke-width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assertEquals(widths, [5.5, 3.25, 10]);
  assertEquals(pictureText(svg).summary, "root a<b (50 %) x (100 %)\nroot c (25 %)");
});

Deno.test("tables align numbers, and escape words", () => {
  const rows = [{ name: "a<b", size: 1234567 }, { name: "模型", size: 0.123456 }];
  assertStringIncludes(htmlTable(rows), "a&#60;b");
  assertStringIncludes(htmlTable(rows), "1,234,567");
  assertEquals(
    plainTable(rows, "Sizes"),
    "Sizes\nname       size\n────  ─────────\na<b   1,234,567\n模型     0.1235",
  );
  assertThrows(() => htmlTable([]), RangeError, "at least one row");
});

Deno.test("a displayed picture carries an image for notebooks and words for terminals", () => {
  const svg = heatMap([[1]], { title: 'the "first" – 第一', columns: ["a"] });
  const { media } = svgImage(svg);
  const data = media["text/html"].match(/base64,([^"]*)"/)![1];
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  assertEquals(new TextDecoder().decode(bytes), svg);
  assertEquals(media["text/plain"], 'the "first" – 第一\nrow 0: most at a (1)');
  assertStringIncludes(media["text/html"], 'alt="the &#34;first&#34; – 第一"');
});

Deno.test("what is displayed answers to the kernel's own question", () => {
  for (const content of [html("<b>x</b>", "x"), table([{ a: 1 }])]) {
    const answer = Reflect.get(content, Symbol.for("Jupyter.display")) as () => unknown;
    assertEquals(answer(), content.media);
  }
});

Deno.test("a test is no notebook", () => {
  assertEquals(currentNotebook(), undefined);
});

Deno.test("progress in a file is one line for each tenth, and one at the end", async () => {
  const lines: string[] = [];
  const report = progress("training", 100, { style: "lines", write: (text) => lines.push(text) });
  for (let step = 1; step <= 100; step++) await report.at(step, `loss ${200 - step}`);
  await report.done();
  assertEquals(lines.length, 10);
  assertMatch(lines[0], /^training 10\/100 · loss 190 · [\d.]+ s left\n$/);
  assertMatch(lines[9], /^training 100\/100 · loss 100 · [\d.]+ s\n$/);
});

Deno.test("progress in a terminal redraws one line and ends it", async () => {
  const written: string[] = [];
  const report = progress("training", 2, { style: "bar", write: (text) => written.push(text) });
  for (let step = 1; step <= 2; step++) await report.at(step);
  await report.done();
  assert(written.every((text) => text.startsWith("\r\x1b[2K")));
  assertEquals(written.filter((text) => text.endsWith("\n")).length, 1);
  assertStringIncludes(written.at(-1)!, "█".repeat(24));
});
