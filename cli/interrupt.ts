/**
 * Ctrl-C in a long training: finish the step and save, instead of dying in the middle.
 * @module
 */

/** Ctrl-C once: finish the step and save. Twice: end now; the last checkpoint is whole anyway. */
export function stopOnInterrupt(): { asked: boolean } {
  const stop = { asked: false };
  Deno.addSignalListener("SIGINT", () => {
    if (stop.asked) Deno.exit(130);
    stop.asked = true;
    console.error("\nstopping after this step; press Ctrl-C again to stop at once");
  });
  return stop;
}
