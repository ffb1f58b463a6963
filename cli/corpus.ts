/**
 * Plain text as documents: lists of sentences.
 *
 * Idea   An empty line ends a paragraph; a full stop, question or exclamation mark a sentence. Next sentence
 *        needs two sentences a document, so paragraphs are put together until there are that many.
 * @module
 */
import { readText } from "../core/training/files.ts";
import type { Sentences } from "../objectives/next_sentence.ts";
import { UsageError } from "./command.ts";

/** The sentences of a paragraph, on one line each. */
function splitSentences(paragraph: string): string[] {
  const line = paragraph.replace(/\s+/g, " ").trim();
  return line.split(/(?<=[.!?][)"'”’]?) +(?=\S)|(?<=[。！？])/u).filter((s) =>
    /[\p{L}\p{N}]/u.test(s)
  );
}

/** The documents of a text: paragraphs, with short ones put together until they have `least` sentences. */
function splitDocuments(text: string, least = 4): Sentences[] {
  const documents: string[][] = [];
  let open: string[] = [];
  for (const paragraph of text.split(/\n\s*\n/)) {
    open.push(...splitSentences(paragraph));
    if (open.length < least) continue;
    documents.push(open);
    open = [];
  }
  if (open.length && documents.length) documents.at(-1)!.push(...open);
  return documents;
}

/** The documents of some files. */
export async function readCorpus(paths: readonly string[]): Promise<Sentences[]> {
  const documents: Sentences[] = [];
  for (const path of paths) documents.push(...splitDocuments(await readText(path, "the corpus")));
  if (documents.length >= 2) return documents;
  throw new UsageError(
    `the corpus (${paths.join(", ")}) has ${documents.length} documents of several sentences;` +
      " give text with full stops and paragraphs between empty lines",
  );
}
