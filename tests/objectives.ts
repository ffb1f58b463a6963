/** What the tests of objectives share. */
import { assert } from "@std/assert";
import { ignored } from "../core/tensor/mod.ts";
import { createVocabulary } from "../core/text/vocabulary.ts";
import { type Tokenizer } from "../core/text/tokenizer.ts";
import { wordPiece } from "../core/text/wordpiece.ts";
import type { MaskedTargets } from "../objectives/masked_language_model.ts";
import { given } from "./numbers.ts";

/** A tokenizer with these tokens; special ones stand in the middle, so that nothing rests on their ids. */
export function tokenizerOf(...tokens: string[]): Tokenizer {
  const special = ["[MASK]", "[SEP]", "[PAD]", "[CLS]", "[UNK]"], half = tokens.length >> 1;
  return wordPiece(createVocabulary([...tokens.slice(0, half), ...special, ...tokens.slice(half)]));
}

/** The chosen places and their labels, without what fills M up. */
export function chosenOf(
  { places, labels, count }: MaskedTargets,
): { at: number[]; were: number[] } {
  const [at, were] = [given(places), given(labels)];
  assert(were.slice(count).every((label) => label === ignored));
  assert(at.slice(count).every((place) => place === 0));
  return { at: at.slice(0, count), were: were.slice(0, count) };
}

/** The first `n` whole numbers. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
