/**
 * Modules taken apart: imports, and top-level statements with the names that they declare.
 *
 * Idea   The sources are formatted, so a statement begins at the left edge, and what stands above it
 *        without a gap is its comment. No parser is needed to take them apart and put them together anew.
 * @module
 */

/** A name that a module imports. */
export interface Imported {
  /** The name. */
  name: string;
  /** Whether only its type is imported. */
  type: boolean;
  /** The module that it comes from. */
  from: URL;
}

/** A top-level statement. */
export interface Statement {
  /** What it declares. */
  names: string[];
  /** Its comment and code. */
  text: string;
}

/** A module taken apart. */
export interface Source {
  /** Where it is. */
  url: URL;
  /** The comment at its head. */
  header: string;
  /** What it imports. */
  imports: Imported[];
  /** What it declares. */
  statements: Statement[];
}

const begin = /^(?:export )?(?:async )?(?:function|const|let|class|interface|type) /;

/** Take a module apart. */
export function takeApart(url: URL, text: string): Source {
  const [header = ""] = text.match(/^\/\*\*[\s\S]*?@module\n \*\/\n/) ?? [];
  const imports: Imported[] = [];
  const body = text.slice(header.length).replace(
    /^import (type )?\{([^}]*)\} from "([^"]+)";\n/gm,
    (_, type: string | undefined, list: string, from: string) => {
      for (const one of list.split(",").map((s) => s.trim()).filter(Boolean)) {
        const name = one.replace(/^type /, "");
        imports.push({ name, type: !!type || name !== one, from: new URL(from, url) });
      }
      return "";
    },
  );
  return { url, header, imports, statements: statementsOf(body) };
}

function statementsOf(body: string): Statement[] {
  const found: Statement[] = [];
  let comment: string[] = [], open: string[] | undefined;
  const close = () => {
    if (open) found.push({ names: declaredBy(codeOf(open.join("\n"))), text: open.join("\n") });
    open = undefined;
  };
  for (const line of body.split("\n")) {
    if (begin.test(line)) {
      close();
      open = [...comment, line];
      comment = [];
    } else if (/^(\/\*\*|\/\/| \*)/.test(line) && (comment.length || !line.startsWith(" *"))) {
      close();
      comment.push(line);
    } else open?.push(line);
  }
  close();
  return found.map(({ names, text }) => ({ names, text: text.trimEnd() }));
}

function declaredBy(code: string): string[] {
  const [, rest = ""] = code.trimStart().match(
    /^(?:export )?(?:async )?(?:function|const|let|class|interface|type) ([\s\S]*)/,
  ) ?? [];
  const [, list] = rest.match(/^[[{]([^=]*)[\]}] =/) ?? [];
  if (list === undefined) return [rest.match(/^[\w$]+/)![0]];
  return list.split(",").map((one) => one.split(":").at(-1)!.trim()).filter(Boolean);
}

/** A text without its comments and the contents of its strings. */
export function codeOf(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|\/\/.*$/gm,
    (found) => found.startsWith('"') ? '""' : "",
  );
}

/** The words of a text's code that may be names of what others declare; `...NAME` is one, `.name` is not. */
export function wordsOf(text: string): Set<string> {
  return new Set(
    [...codeOf(text).matchAll(/(?<!(?<!\.\.)\.|[\w$])[A-Za-z_$][\w$]*/g)].map(([word]) => word),
  );
}
