import { failWith } from "./assertion_error.ts";
import { format } from "./difference.ts";
import { equal } from "./equal.ts";
import { assertEquals } from "./equality.ts";

/** `expected` occurs in the text `actual`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  failWith(`Expected actual: "${actual}" to contain: "${expected}"`, msg);
}

/** The text `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  failWith(`Expected actual: "${actual}" to match: "${expected}"`, msg);
}

/** The text `actual` does not match `expected`. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) return;
  failWith(`Expected actual: "${actual}" to not match: "${expected}"`, msg);
}

/** A list that is not a text. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** Every item of `expected` is in `actual`, in any order. */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !present.some((x) => equal(x, item)));
  if (missing.length === 0) return;
  failWith(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"`,
    msg,
    `\nmissing: ${format(missing)}`,
  );
}

/** Whatever `expected` names is the same in `actual`, at any depth; `actual` may hold more. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(pick(actual, expected), pick(expected, expected), msg);
}

/** The part of `actual` that `expected` speaks of. */
function pick(actual: unknown, expected: unknown): unknown {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.slice(0, expected.length).map((item, i) => pick(item, expected[i]));
  }
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  const shared = Reflect.ownKeys(expected).filter((key) => key in actual);
  return Object.fromEntries(shared.map((key) => [key, pick(actual[key], expected[key])]));
}

/** Values such as dates, maps and typed arrays are compared whole. */
function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  const whole = value instanceof Date || value instanceof RegExp || value instanceof Map ||
    value instanceof Set || ArrayBuffer.isView(value);
  return typeof value === "object" && value !== null && !Array.isArray(value) && !whole;
}
