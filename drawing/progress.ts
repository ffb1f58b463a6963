/**
 * How far a long loop has come: a bar in a terminal, an updating display in a notebook, and a plain
 * line now and then where the output goes to a file.
 *
 * @module
 */
import { escapeText } from "./element.ts";
import { currentNotebook, type Notebook } from "./notebook.ts";

/** Tells a reader how far a loop has come. */
export interface Progress {
  /** `step` steps are done; the note says how it goes, such as `loss 2.31`. */
  at(step: number, note?: string): Promise<void>;
  /** The loop has ended. */
  done(note?: string): Promise<void>;
}

/** Where progress goes, when it should not go where it usually does. */
export interface ProgressOptions {
  /** A bar that is redrawn, or plain lines. Chosen by where the output goes unless given. */
  style?: "bar" | "lines";
  /** Receives the text; the standard error unless given. */
  write?: (text: string) => void;
}

/** One moment of a loop. */
interface Moment {
  label: string;
  step: number;
  total: number;
  note: string;
  seconds: number;
  ended: boolean;
}

type Painter = (moment: Moment) => void | Promise<void>;

/**
 * Report on a loop of `total` steps.
 *
 * @example A training loop
 * ```ts
 * import { progress } from "@lineage/lineage/drawing/progress";
 *
 * const report = progress("pre-training", 30);
 * let loss = 7;
 * for (let step = 1; step <= 30; step++) {
 *   loss *= 0.95;
 *   await report.at(step, `loss ${loss.toFixed(2)}`);
 * }
 * await report.done();
 * ```
 */
export function progress(label: string, total: number, options: ProgressOptions = {}): Progress {
  const paint = painterFor(total, options);
  const start = performance.now();
  let [lastStep, lastNote] = [0, ""];
  const tell = async (step: number, note: string, ended: boolean) => {
    [lastStep, lastNote] = [step, note];
    const seconds = (performance.now() - start) / 1000;
    await paint({ label, step, total, note, seconds, ended });
  };
  return {
    at: (step, note = "") => tell(step, note, false),
    done: (note = lastNote) => tell(lastStep, note, true),
  };
}

function painterFor(total: number, { style, write = writeError }: ProgressOptions): Painter {
  const notebook = currentNotebook();
  if (notebook && !style) return atMostEvery(200, inNotebook(notebook));
  const chosen = style ?? (globalThis.Deno?.stderr.isTerminal() ? "bar" : "lines");
  return chosen === "bar" ? atMostEvery(100, inTerminal(write)) : inLines(total, write);
}

/** Drops moments that follow too quickly; the last one is always painted. */
function atMostEvery(milliseconds: number, paint: Painter): Painter {
  let last = -Infinity;
  return (moment) => {
    const now = performance.now();
    if (!moment.ended && now - last < milliseconds) return;
    last = now;
    return paint(moment);
  };
}

const BAR = 24;

function inTerminal(write: (text: string) => void): Painter {
  return (moment) => {
    const filled = Math.round(BAR * Math.min(1, moment.step / moment.total));
    const bar = "█".repeat(filled) + "░".repeat(BAR - filled);
    write(`\r\x1b[2K${moment.label} ${bar} ${inWords(moment)}${moment.ended ? "\n" : ""}`);
  };
}

/** Ten lines for a whole loop, and one at its end. */
function inLines(total: number, write: (text: string) => void): Painter {
  const every = Math.max(1, Math.ceil(total / 10));
  return (moment) => {
    const due = moment.step % every === 0 && moment.step < total;
    if (due || moment.ended) write(`${moment.label} ${inWords(moment)}\n`);
  };
}

function inNotebook(notebook: Notebook): Painter {
  const display_id = crypto.randomUUID();
  let update = false;
  return async (moment) => {
    const { label, step, total } = moment;
    const bar = `<progress value="${step}" max="${total}"></progress>`;
    const media = {
      "text/html": `${escapeText(label)} ${bar} ${escapeText(inWords(moment))}`,
      "text/plain": `${label} ${inWords(moment)}`,
    };
    await notebook.display(media, { raw: true, display_id, update });
    update = true;
  };
}

/** `120/500 · loss 2.31 · 3 s left`, and at the end the time it took. */
function inWords({ step, total, note, seconds, ended }: Moment): string {
  const left = step > 0 ? `${duration(seconds * (total - step) / step)} left` : "";
  const time = ended ? duration(seconds) : left;
  return [`${step}/${total}`, note, time].filter(Boolean).join(" · ");
}

function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function writeError(text: string): void {
  if (globalThis.Deno) Deno.stderr.writeSync(new TextEncoder().encode(text));
  else console.log(text.trimEnd());
}
