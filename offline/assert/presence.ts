import { AssertionError, failWith } from "./assertion_error.ts";

/** `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Every value that counts as false. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/** `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/** `actual` is neither null nor undefined. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  failWith(`Expected actual: "${actual}" to not be null or undefined`, msg);
}

/** `actual` was made by `expectedType` or by a class below it. */
export function assertInstanceOf<
  // deno-lint-ignore no-explicit-any
  T extends abstract new (...args: any[]) => any,
>(actual: unknown, expectedType: T, msg = ""): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const found = typeof actual === "object" ? actual?.constructor?.name ?? "null" : typeof actual;
  failWith(
    `Expected object to be an instance of "${expectedType.name}" but was "${found}"`,
    msg,
  );
}

/** Fail at once. */
export function fail(msg?: string): never {
  failWith("Failed assertion", msg);
}

/** Fail because this line must never run. */
export function unreachable(msg?: string): never {
  failWith("Unreachable", msg);
}
