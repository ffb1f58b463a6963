/**
 * Steps in words: what a kernel computes, as formulas.
 *
 * Idea   A loop is its formulas: one for each fold (`r1 = max of x1`) and each stored value. A part
 *        that occurs twice gets a name of its own (`u1`), so no formula outgrows its line.
 * Maths  as in a paper: `·` and `/` bind before `+` and `−`, `c ? a : b` is a where c is not 0.
 * Axes   are gone; sizes are left.
 * Differs from the paper: there is none.
 * @module
 */
import { type Expression, inOrder, input, type Operator, result } from "./expression.ts";
import { elementsOf, type Loop, type Step } from "./program.ts";

/** Infix signs, and how tightly they bind. */
const INFIX: { [O in Operator]?: readonly [sign: string, tightness: number] } = {
  less: [" < ", 1],
  equal: [" = ", 1],
  add: [" + ", 2],
  subtract: [" − ", 2],
  multiply: ["·", 3],
  divide: ["/", 3],
};

/** An expression as a formula; `names` says how inputs, results and shared parts are called. */
export function formula(
  e: Expression,
  names: ReadonlyMap<Expression, string>,
  tightness = 0,
): string {
  const part = (i: number, inside = 0) => formula(e.operands[i], names, inside);
  const held = (text: string, own: number) => own < tightness ? `(${text})` : text;
  const name = names.get(e), infix = INFIX[e.operator];
  if (name !== undefined) return name;
  if (infix) {
    const [sign, own] = infix, either = e.operator === "add" || e.operator === "multiply";
    return held(part(0, own) + sign + part(1, either ? own : own + 1), own);
  }
  switch (e.operator) {
    case "constant":
      return held(String(Number(e.value.toPrecision(4))).replaceAll("-", "−"), e.value < 0 ? 2 : 9);
    case "negate":
      return held(`−${part(0, 3)}`, 2);
    case "select":
      return held(`${part(0, 1)} ? ${part(1, 1)} : ${part(2)}`, 0.5);
    default:
      return `${e.operator}(${e.operands.map((_, i) => part(i)).join(", ")})`;
  }
}

/** What a step computes: its sizes, and one line for each value. `names` are those of the buffers. */
export function stepInWords(step: Step, names: readonly string[]): {
  title: string;
  lines: string[];
} {
  if (step.kind === "loop") return { title: loopTitle(step), lines: formulas(step, names) };
  if (step.kind === "scatter") {
    const { rows, width, size, ids, from, to } = step;
    const line = `${names[to]}[${names[ids]}] += ${names[from]}`;
    return { title: `${plural(rows, "row")} of ${width} into ${size}`, lines: [line] };
  }
  const { batch, m, n, k, a, b, c, epilogue } = step;
  const count = elementsOf(batch) === 1 ? "" : `${batch.join("×")} times `;
  const line = `${names[c.buffer]} = ${names[a.buffer]} × ${names[b.buffer]}`;
  const after = epilogue ? formulas(epilogue, names) : [];
  return { title: `${count}${m}×${k} by ${k}×${n}`, lines: [line, ...after] };
}

function loopTitle({ outer, inner }: Loop): string {
  if (inner.length === 0) return plural(outer.join("×") || 1, "element");
  return `${plural(outer.join("×") || 1, "row")} of ${inner.join("×")}`;
}

function formulas({ loads, stages }: Loop, buffers: readonly string[]): string[] {
  const names = new Map<Expression, string>();
  const loaded = (i: number): string => {
    const { buffer, lookup } = loads[i];
    const name = buffer < 0 ? "place" : buffers[buffer];
    return lookup ? `${name}[${loaded(lookup.by)}]` : name;
  };
  loads.forEach((_, i) => names.set(input(i), loaded(i)));
  const reductions = stages.filter((stage) => stage.kind === "reduce");
  reductions.forEach((_, i) => names.set(result(i), `r${i + 1}`));
  const shared = sharedParts(stages.map(({ value }) => value));
  const lines: string[] = [];
  for (const stage of stages) {
    const news = inOrder(stage.value).filter((e) => shared.has(e) && !names.has(e));
    for (const e of news) {
      const name = `u${[...shared].indexOf(e) + 1}`;
      lines.push(`${name} = ${formula(e, names)}`);
      names.set(e, name);
    }
    const target = stage.kind === "store"
      ? `${buffers[stage.to.buffer]} = `
      : `r${reductions.indexOf(stage) + 1} = ${stage.by} of `;
    lines.push(target + formula(stage.value, names));
  }
  return lines;
}

/** Parts of more than three nodes that are used more than once, in order. */
function sharedParts(roots: Expression[]): Set<Expression> {
  const all = inOrder(...roots);
  const used = [...roots, ...all.flatMap((e) => [...new Set(e.operands)])];
  return new Set(
    all.filter((e) => inOrder(e).length > 3 && used.filter((u) => u === e).length > 1),
  );
}

/** 3, "row" → "3 rows" */
export const plural = (count: number | string, word: string): string =>
  `${count} ${word}${String(count) === "1" ? "" : "s"}`;

/** 12345, "B" → "12.3 kB" */
export function amount(value: number, unit: string): string {
  const thousands = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const shown = Number((value / 1000 ** thousands).toPrecision(3));
  return `${shown} ${["", "k", "M", "G", "T"][thousands]}${unit}`;
}
