/**
 * Entity and phrase masking — Sun et al. 2019, ERNIE of Baidu (1904.09223), §3.2.
 * Idea   "Harry [MASK] lives" is filled in by knowing the name, "[MASK] [MASK] has a scar" only by
 *        knowing about him. So names and phrases are hidden whole, and facts are learned. Three
 *        stages: single tokens; then phrases; then names.
 * Maths  as whole-word masking, where each phrase and each name is one word
 * Axes   as for masked LM
 * Differs from the paper: it finds phrases and names by tools of its authors; here they come from an
 *        annotation, such as the micro-world's, or from a word list (`termFinder`). Each token of a
 *        name is [MASK], random or itself on its own; the paper does not say.
 * Trap   In a short text 15 % is one or two tokens: no longer name fits, and none is ever hidden. So
 *        give whole documents, not sentences, or raise the rate.
 * @module
 */
import { encodeBatch, type EncodeOptions } from "../core/text/batch.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import type { Key, Tensor } from "../core/tensor/mod.ts";
import { type AnnotatedText, checkStretch, type Stretch, withWords } from "./annotation.ts";
import type { MaskedLMOptions, MaskedTargets } from "./masked_language_model.ts";
import type { Objective } from "./objective.ts";
import { wholeWordMasking } from "./whole_word_masking.ts";

/** How much is hidden, and what as one. */
export interface EntityMaskingOptions extends Omit<MaskedLMOptions, "choose"> {
  /** The kinds of spans that are hidden as one, such as `phrase` (default: all). */
  readonly kinds?: readonly string[];
  /** Whether nothing else is hidden (default false). */
  readonly only?: boolean;
  /** How texts are fitted into a length. */
  readonly fit?: EncodeOptions & { readonly padTo?: number };
}

/**
 * The objective for annotated texts. Stage 1 is `maskedLM`; stage 2 has the kinds of phrases; stage 3
 * those of names, too.
 *
 * Its `corrupt` throws a RangeError for a span that is not within its text, and where no text has
 * anything to choose.
 *
 * @throws {RangeError} for a rate that is not above 0 and up to 1.
 *
 * @example
 * ```ts
 * import { parseVocabulary } from "@lineage/lineage/core/text/vocabulary";
 * import { wordPiece } from "@lineage/lineage/core/text/wordpiece";
 * import { randomKey, read } from "@lineage/lineage/core/tensor";
 * import { entityMasking } from "@lineage/lineage/objectives/entity_masking";
 * import { assertEquals } from "@std/assert";
 *
 * const list = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nshe\nlives\nin\nsilver\nlake\n";
 * const objective = entityMasking(wordPiece(parseVocabulary(list)), { rate: 0.4, only: true });
 * const spans = [{ start: 13, end: 24, kind: "home" }];
 * const { targets } = objective.corrupt([{ text: "She lives in Silver Lake", spans }], randomKey(1));
 * assertEquals([...await read(targets.places)], [4, 5, 0]); // silver lake, and room for one more
 * ```
 */
export function entityMasking(
  tokenizer: Tokenizer,
  options: EntityMaskingOptions = {},
): Objective<readonly AnnotatedText[], Tensor<"B T V">, MaskedTargets> {
  const { kinds, only = false, fit, ...masking } = options;
  const objective = wholeWordMasking(tokenizer.vocabulary, masking);
  const isOne = ({ kind }: Stretch) => !kinds || kinds.includes(kind ?? "");
  const corrupt = (original: readonly AnnotatedText[], key: Key) => {
    checkSpans(original);
    const wanted = original.map(({ spans }) => spans.filter(isOne));
    if (only && wanted.flat().length === 0) throw nothingOf(original, kinds);
    const batch = encodeBatch(tokenizer, original.map(({ text }) => text), fit);
    return {
      ...objective.corrupt(withWords(batch, (row) => wanted[row], { only }), key),
      original,
    };
  };
  return { name: "entityMasking", corrupt, loss: objective.loss };
}

function checkSpans(texts: readonly AnnotatedText[]): void {
  texts.forEach(({ text, spans }, i) =>
    spans.forEach((span) => checkStretch(span, text.length, `text ${i}`))
  );
}

function nothingOf(texts: readonly AnnotatedText[], kinds?: readonly string[]): RangeError {
  const found = new Set(texts.flatMap(({ spans }) => spans.map(({ kind }) => kind ?? "none")));
  return new RangeError(
    `entity masking: there is nothing to choose, no span of ${kinds?.join(", ") ?? "any kind"} in` +
      ` ${texts.length} texts; their kinds are: ${[...found].join(", ") || "no spans at all"}`,
  );
}
