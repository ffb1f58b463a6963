/**
 * What explaining has found: a listing for a terminal, a picture for a notebook.
 *
 * Idea   Given tensors, kernels and results are boxes in the order of time; arcs lead from each to
 *        those that read it.
 * Differs from the paper: there is none.
 * @module
 */
import { arcDiagram } from "../../drawing/arc_diagram.ts";
import { svgImage } from "../../drawing/show.ts";
import { amount } from "./in_words.ts";

/** A tensor that is given, a kernel of one of three kinds, or a tensor that was asked for. */
export type ExplainedKind = "given" | "loop" | "product" | "scatter" | "result";

const KINDS: readonly ExplainedKind[] = ["given", "product", "loop", "scatter", "result"];

/** A tensor or a kernel of a program, in words. */
export interface ExplainedPart {
  /** What it is. */
  readonly kind: ExplainedKind;
  /** A tensor's name and axes, or the sizes of a kernel. */
  readonly title: string;
  /** What a kernel computes: one line for each value. */
  readonly lines: readonly string[];
  /** Operations on numbers. */
  readonly flops: number;
  /** Bytes of a tensor; bytes that a kernel reads and writes. */
  readonly bytes: number;
  /** How long a kernel took, in ms, if it was timed. */
  readonly milliseconds?: number;
}

/** What {@linkcode explain} has found: print it, or let a notebook draw it. */
export class Explanation {
  /** For `explain`. */
  constructor(
    /** One line about the whole. */
    readonly title: string,
    /** One line about what is stored in between. */
    readonly scratch: string,
    /** Given tensors, kernels in the order in which they run, results. */
    readonly parts: readonly ExplainedPart[],
    /** Which part needs which: pairs of places in `parts`. */
    readonly arrows: readonly (readonly [from: number, to: number])[],
  ) {}

  /** The kernels, in the order in which they run. */
  get kernels(): ExplainedPart[] {
    return this.parts.filter(({ kind }) => kind !== "given" && kind !== "result");
  }

  /** The listing. */
  toString(): string {
    const width = Math.max(0, ...this.parts.map(({ title }) => title.length));
    const listed = this.parts.flatMap((part) => [
      `${part.kind.padEnd(9)}${part.title.padEnd(width)}  ${costOf(part)}`,
      ...part.lines.map((line) => " ".repeat(11) + line),
    ]);
    return [this.title, ...listed, this.scratch].join("\n");
  }

  /** How Deno prints it. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** The picture and the listing, for `show`. */
  get media(): Record<string, string> {
    const boxes = this.parts.map((part) => ({ ...part, group: part.kind, note: costOf(part) }));
    const options = { title: this.title, note: this.scratch, groups: KINDS };
    const drawn = svgImage(arcDiagram(boxes, this.arrows, options));
    return { ...drawn.media, "text/plain": this.toString() };
  }

  /** How a notebook shows it. */
  [Symbol.for("Jupyter.display")](): Record<string, string> {
    return this.media;
  }
}

/** The cost of parts, in words. */
export function costOf(
  ...parts: Pick<ExplainedPart, "flops" | "bytes" | "milliseconds">[]
): string {
  const sum = (of: "flops" | "bytes" | "milliseconds") =>
    parts.reduce((total, part) => total + (part[of] ?? 0), 0);
  const time = sum("milliseconds");
  return [
    sum("flops") > 0 ? amount(sum("flops"), "FLOP") : [],
    amount(sum("bytes"), "B"),
    time > 0 ? `${Number(time.toPrecision(3))} ms` : [],
  ].flat().join(", ");
}
