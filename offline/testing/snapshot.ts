/**
 * Stand-in for `jsr:@std/testing/snapshot`, for machines that cannot reach JSR: Deno's own
 * snapshots, which have the same file format. `deno test -u` writes them.
 *
 * @module
 */

/** `actual` is what `__snapshots__/FILE.snap` holds for this test. */
export async function assertSnapshot<T>(
  context: Deno.TestContext,
  actual: T,
  message?: string,
): Promise<void> {
  try {
    await context.assertSnapshot(actual);
  } catch (error) {
    throw message ? new Error(message, { cause: error }) : error;
  }
}
