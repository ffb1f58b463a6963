/**
 * Starting up: from nothing to a first result.
 *
 * @module
 */
import { report } from "../measured.ts";

/** Report the time since the program began (`performance.now()` starts there) and since `start`. */
export function reportStart(start: number): void {
  const now = performance.now();
  report({ name: "import to first result", value: now - start, unit: "ms" });
  report({ name: "process start to first result", value: now, unit: "ms" });
}
