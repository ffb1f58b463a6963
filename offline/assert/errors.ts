import { failWith } from "./assertion_error.ts";

// deno-lint-ignore no-explicit-any
type ErrorType<E extends Error = Error> = abstract new (...args: any[]) => E;

/** `error` is an error of this class whose message includes or matches `msgMatches`. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: ErrorType<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  if (!(error instanceof Error)) failWith(`Expected "error" to be an Error object`, msg);
  if (ErrorClass && !(error instanceof ErrorClass)) {
    const found = error.constructor.name;
    failWith(`Expected error to be instance of "${ErrorClass.name}", but was "${found}"`, msg);
  }
  const fits = msgMatches instanceof RegExp
    ? msgMatches.test(error.message)
    : error.message.includes(msgMatches ?? "");
  if (fits) return;
  const wanted = msgMatches instanceof RegExp ? msgMatches : JSON.stringify(msgMatches);
  const found = JSON.stringify(error.message);
  failWith(`Expected error message to include ${wanted}, but got ${found}`, msg);
}

/** `fn` throws; what it throws is returned. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` throws an error of this class whose message includes `msgIncludes`; it is returned. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMessage?: ErrorType | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const message = typeof classOrMessage === "string" ? classOrMessage : msg;
  try {
    fn();
  } catch (error) {
    return checked(error, "thrown", classOrMessage, msgIncludes, message);
  }
  failWith("Expected function to throw", message);
}

/** `fn` returns a promise that rejects; the reason is returned. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** `fn` returns a promise that rejects with an error of this class; it is returned. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorType<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMessage?: ErrorType | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const message = typeof classOrMessage === "string" ? classOrMessage : msg;
  const promise = promiseOf(fn, message);
  try {
    await promise;
  } catch (error) {
    return checked(error, "rejected", classOrMessage, msgIncludes, message);
  }
  failWith("Expected function to reject", message);
}

/** A function that throws before it returns a promise does not count as rejecting. */
function promiseOf(fn: () => PromiseLike<unknown>, message?: string): PromiseLike<unknown> {
  try {
    const promise = fn();
    if (typeof promise?.then === "function") return promise;
  } catch { /* reported below */ }
  failWith("Function throws when expected to reject", message);
}

function checked(
  error: unknown,
  how: "thrown" | "rejected",
  classOrMessage?: ErrorType | string,
  msgIncludes?: string,
  message?: string,
): unknown {
  if (typeof classOrMessage !== "function") return error;
  if (!(error instanceof Error)) failWith(`A non-Error object was ${how}`, message);
  assertIsError(error, classOrMessage, msgIncludes, message);
  return error;
}
