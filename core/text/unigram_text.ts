/**
 * Text for unigram pieces — Kudo & Richardson 2018, SentencePiece (1808.06226), §3.2; and the code of ALBERT,
 * XLNet and T5.
 * Idea   Characters that look alike become one, spaces in a row become one, and a space is a character like any
 *        other, ▁; one is put before the text. So nothing of the cut text is lost but what was made alike.
 * Maths  T5: NFKC;  ALBERT, XLNet: NFKD without combining marks, ALBERT lower-cased
 * Axes   none
 * Differs from the paper: whose NFKC is a table that joins letters and marks but does not put marks in order;
 *        here it is the JavaScript engine's. A piece that the user defined is rewritten like other text.
 * Trap   "Combining" means a combining class other than 0, which is not category Mn: marks of many Indian
 *        scripts are Mn, have class 0 and stay.
 * @module
 */
import { PYTHON_SPACE } from "./special_tokens.ts";

/** How one kind of model rewrites its text before pieces are looked for. */
export interface Rewriting {
  /** Stretches that are rewritten by themselves; together they have to be the whole text. */
  readonly stretches: RegExp;
  /** What becomes of a stretch; a space may be part of it. */
  readonly rewrite: (stretch: string) => string;
  /** What becomes of the whole; it must not change the length. */
  readonly finish?: (text: string) => string;
}

/** A rewritten text; code unit i of `text` stands for `[starts[i], ends[i])` of the original. */
export interface Rewritten {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Code points that SentencePiece takes for spaces beside those of NFKC. */
const NMT_SPACE = /[\t\n\f\r\u1680\u200B\u200C\u200E\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g;

/** Those that it drops. */
const NMT_DROPPED = new RegExp(String.raw`[\x01-\x08\x0B\x0E-\x1F\x7F\x8F\x9F]`, "g");

/** All that SentencePiece hands to NFKC. */
const NOT_WIDE_TILDE = /[^\uFF5E]+/g;

/** What no rule changes; case comes at the end. */
const PLAIN = /^[!-~]+$/;

/** Marks, and all that Unicode may compose with the character before: vowels and finals of Hangul, voice marks. */
const JOINS = String.raw`[\p{M}\u1160-\u11FF\u3131-\u318E\uFF9E-\uFFDC]`;

/** SentencePiece's own rule, `nmt_nfkc`: T5. A wide tilde stays as it is. */
export const NMT_NFKC: Rewriting = {
  stretches: new RegExp(`[!-~]+(?!${JOINS})|.${JOINS}*`, "gsu"),
  rewrite: (stretch) =>
    PLAIN.test(stretch)
      ? stretch
      : stretch.replace(NMT_SPACE, " ").replace(NMT_DROPPED, "").replace(NOT_WIDE_TILDE, nfkc),
};

const nfkc = (text: string) => text.normalize("NFKC");

const SPACES = new RegExp(`^${PYTHON_SPACE}+$`, "u");

/** Rules of ALBERT (with `lowerCase`) and XLNet (without): Python's spaces, straight quotes, no accents. */
export function withoutAccents(lowerCase: boolean): Rewriting {
  const lower = (text: string) => lowerCase ? text.toLowerCase() : text;
  return {
    stretches: new RegExp(`[!-&(-_a-~]+|${PYTHON_SPACE}+|\`\`|''|.`, "gsu"),
    rewrite: (stretch) => {
      if (SPACES.test(stretch)) return " ";
      if (stretch === "``" || stretch === "''") return '"';
      if (PLAIN.test(stretch)) return stretch;
      return lower(stretch).normalize("NFKD").replace(/\p{M}/gu, (m) => isCombining(m) ? "" : m);
    },
    finish: lower,
  };
}

/** Only what has a combining class changes places with its neighbours. */
function isCombining(mark: string): boolean {
  const between = `\u0301${mark}\u0334`;
  return between.normalize("NFD") !== between;
}

/** Rewrites a text whose first code unit is number `offset` of the original. */
export function rewrite(original: string, offset: number, how: Rewriting): Rewritten {
  const starts = [offset];
  const ends = [offset];
  let text = "▁";
  let afterSpace = true;
  for (const { 0: stretch, index } of original.matchAll(how.stretches)) {
    const units = how.rewrite(stretch);
    const start = offset + index;
    const unitByUnit = units.length === stretch.length;
    // what vanishes, further spaces for instance, belongs to what stands before it
    if (units === "" || units === " " && afterSpace) ends[ends.length - 1] = start + stretch.length;
    for (let i = 0; i < units.length; i++) {
      if (units[i] === " " && afterSpace) continue;
      afterSpace = units[i] === " ";
      text += afterSpace ? "▁" : units[i];
      starts.push(unitByUnit ? start + i : start);
      ends.push(unitByUnit ? start + i + 1 : start + stretch.length);
    }
  }
  let length = text.length;
  while (text[length - 1] === "▁") length--;
  return {
    text: (how.finish?.(text) ?? text).slice(0, length),
    starts: starts.slice(0, length),
    ends: ends.slice(0, length),
  };
}
