/**
 * Tables: for a page as HTML, for a terminal as aligned text.
 *
 * @module
 */
import { escapeText, isSquare } from "./element.ts";

/** A row: a value for each column name. The first row says which columns there are. */
export type Row = Record<string, string | number | boolean | null | undefined>;

/**
 * A table as HTML. Numbers stand at the right of their column, in four digits.
 *
 * @param rows The first row's names become the heading.
 * @param caption Written above the table.
 * @throws {RangeError} When there is no row.
 *
 * @example
 * ```ts
 * import { htmlTable } from "@lineage/lineage/drawing/svg";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const html = htmlTable([{ model: "ALBERT-base", parameters: 11_683_584 }], "Sizes");
 * assertStringIncludes(html, "11,683,584");
 * ```
 */
export function htmlTable(rows: readonly Row[], caption?: string): string {
  const names = columnNames(rows);
  const cell = (tag: string, content: string, number: boolean) =>
    `<${tag} style="text-align:${number ? "right" : "left"};padding:2px 10px">${
      escapeText(content)
    }</${tag}>`;
  const isNumber = (name: string) => typeof rows[0][name] === "number";
  const heading = names.map((name) => cell("th", name, isNumber(name))).join("");
  const body = rows.map((row) =>
    `<tr>${
      names.map((name) => cell("td", cellText(row[name]), typeof row[name] === "number")).join("")
    }</tr>`
  );
  return `<table>${caption ? `<caption>${escapeText(caption)}</caption>` : ""}` +
    `<thead><tr>${heading}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

/**
 * The same table as plain text, its columns aligned; signs of double width count twice.
 *
 * @param rows The first row's names become the heading.
 * @param caption Written above the table.
 * @throws {RangeError} When there is no row.
 *
 * @example
 * ```ts
 * import { plainTable } from "@lineage/lineage/drawing/svg";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   plainTable([{ task: "SOP", score: 0.5 }, { task: "NSP", score: 0.975 }]),
 *   "task  score\n────  ─────\nSOP     0.5\nNSP   0.975",
 * );
 * ```
 */
export function plainTable(rows: readonly Row[], caption?: string): string {
  const names = columnNames(rows);
  const isNumber = names.map((name) => typeof rows[0][name] === "number");
  const lines = [names, ...rows.map((row) => names.map((name) => cellText(row[name])))];
  const widths = names.map((_, i) => Math.max(...lines.map((line) => columns(line[i]))));
  const written = lines.map((line) =>
    line.map((text, i) => {
      const space = " ".repeat(widths[i] - columns(text));
      return isNumber[i] ? space + text : text + space;
    }).join("  ").trimEnd()
  );
  written.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return (caption ? `${caption}\n` : "") + written.join("\n");
}

function columnNames(rows: readonly Row[]): string[] {
  if (rows.length === 0) throw new RangeError("a table needs at least one row");
  return Object.keys(rows[0]);
}

function cellText(value: Row[string]): string {
  if (typeof value !== "number") return String(value ?? "");
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
}

/** Columns of a terminal that a text takes. */
function columns(text: string): number {
  return [...text].reduce((sum, sign) => sum + (isSquare(sign) ? 2 : 1), 0);
}
