/**
 * ELECTRA — Clark et al. 2020 (2003.10555).
 * Idea   A small generator fills masks with plausible words; the discriminator tells for every token
 *        whether it was replaced. The generator is thrown away; the discriminator has learned from
 *        every position, not from 15 % of them.
 * Maths  L = masked LM of the generator + 50 · mean over tokens of BCE(replaced)
 * Axes   as in spec.ts.
 * Differs from the paper: nothing; the numbers are those of Hugging Face's ElectraModel. The two share
 *        all that is looked up, and its norm, as in the authors' code (the paper speaks of tokens and
 *        positions).
 * Trap   Sharing needs one embedding width E: the generator is narrower than E, so its way up is a way
 *        down. No gradient passes from the discriminator to the words that the generator drew.
 * @module
 */
import { projected } from "../core/factorized_embedding.ts";
import { gelu } from "../core/tensor/mod.ts";
import { BERT, BERT_BASE, BERT_LARGE } from "./bert.ts";
import { type ModelDeclared, modelParameters } from "./model.ts";
import type { ModelSpec, Sizes } from "./spec.ts";

/** The discriminator, which is what people call ELECTRA: BERT with three keys changed. */
export const ELECTRA: ModelSpec = {
  ...BERT,
  name: "ELECTRA",
  paper: "2003.10555",
  layout: "electra",
  embed: projected, // was: table
  pooled: { activation: gelu, pretrained: false }, // was: tanh, pretrained
  objectives: ["replacedTokens"], // was: maskedLM, nextSentence
};

/** The generator: the discriminator with one key changed. */
export const ELECTRA_GENERATOR: ModelSpec = {
  ...ELECTRA,
  name: "ELECTRA generator",
  objectives: ["maskedLM"], // was: replacedTokens
};

/** ELECTRA-small: 14M parameters. */
export const ELECTRA_SMALL: Sizes = {
  ...BERT_BASE,
  embedding: 128,
  width: 256,
  heads: 4,
  inner: 1024,
};

/** ELECTRA-base: BERT-base. */
export const ELECTRA_BASE: Sizes = { ...BERT_BASE, embedding: 768 };

/** ELECTRA-large: BERT-large. */
export const ELECTRA_LARGE: Sizes = { ...BERT_LARGE, embedding: 1024 };

/**
 * The generator for a discriminator: the same words and depth, a part of the width, heads and inner
 * width (paper, table 6: a quarter for large and small, a third for base).
 *
 * @throws {RangeError} where the part of a size is not a whole number.
 *
 * @example
 * ```ts
 * import { ELECTRA_BASE, generatorSizes } from "@lineage/lineage/models/electra";
 * import { assertEquals } from "@std/assert";
 * const { width, heads, inner, embedding } = generatorSizes(ELECTRA_BASE, 1 / 3);
 * assertEquals([width, heads, inner, embedding], [256, 4, 1024, 768]);
 * ```
 */
export function generatorSizes(discriminator: Sizes, part: number): Sizes {
  const { width, heads, inner, embedding = width } = discriminator;
  const some = (size: number) => Math.round(size * part * 1e6) / 1e6;
  const sizes = { width: some(width), heads: some(heads), inner: some(inner) };
  const broken = Object.entries(sizes).find(([, size]) => !Number.isInteger(size) || size < 1);
  if (broken) {
    throw new RangeError(`${part} of the discriminator makes a generator of ${broken.join(" ")}`);
  }
  return { ...discriminator, ...sizes, embedding };
}

/** A generator and a discriminator. */
export interface ElectraDeclared {
  /** Fills the masks. */
  generator: ModelDeclared;
  /** Tells what was filled. */
  discriminator: ModelDeclared;
}

/**
 * Declare the two; what both look up is declared once.
 *
 * @throws {RangeError} where the two differ in vocabulary, positions, segments or embedding width.
 *
 * @example
 * ```ts
 * import { ELECTRA_SMALL, electraParameters, generatorSizes } from "@lineage/lineage/models/electra";
 * import { assert } from "@std/assert";
 * const sizes = generatorSizes(ELECTRA_SMALL, 1 / 4);
 * const { generator, discriminator } = electraParameters(sizes, ELECTRA_SMALL);
 * assert(generator.encoder.embedding.word === discriminator.encoder.embedding.word);
 * ```
 */
export function electraParameters(generator: Sizes, discriminator: Sizes): ElectraDeclared {
  const small = modelParameters(ELECTRA_GENERATOR, generator, { maskedLM: true });
  const large = modelParameters(ELECTRA, discriminator, { replacedTokens: true });
  const { up, ...own } = small.encoder.embedding, { up: _, ...shared } = large.encoder.embedding;
  for (const name of ["word", "position", "segment"] as const) {
    const [a, b] = [own[name], shared[name]].map((table) => table?.shape.join("×"));
    if (a === b) continue;
    throw new RangeError(`the generator's ${name} table is ${a}, the discriminator's ${b}`);
  }
  const embedding = { ...shared, ...up && { up } };
  return {
    generator: { ...small, encoder: { ...small.encoder, embedding } },
    discriminator: large,
  };
}
