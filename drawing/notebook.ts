/**
 * The notebook that this code runs in, if it runs in one.
 *
 * @module
 */

/** Contents by media type, such as `text/html` and `text/plain`. */
export type Media = Record<string, string>;

/** The part of Deno's Jupyter kernel that is used here. */
export interface Notebook {
  /** Show contents below the running cell, or in place of what was shown under that id. */
  display(media: Media, options: DisplayOptions): Promise<void>;
}

/** How contents are shown. */
export interface DisplayOptions {
  /** The contents are given by media type. */
  raw: true;
  /** Name of the display, for replacing it later. */
  display_id?: string;
  /** Replace the display of that name. */
  update?: boolean;
}

/** The notebook, or undefined in a terminal, a test or a browser. */
export function currentNotebook(): Notebook | undefined {
  try {
    const notebook: Notebook | undefined = Reflect.get(globalThis.Deno, "jupyter");
    return notebook && { display: (media, options) => shown(notebook.display(media, options)) };
  } catch {
    return undefined; // outside of a notebook the property throws, in a browser there is no Deno
  }
}

/** The kernel loses a display that it is not given the time to send. */
async function shown(display: Promise<void>): Promise<void> {
  await display;
  await new Promise((resolve) => setTimeout(resolve));
}
