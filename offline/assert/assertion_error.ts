/** The error that every failing assertion throws. */
export class AssertionError extends Error {
  /** @param message What was expected, and what was found instead. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Throw `finding`, closed by the caller's own message when there is one. */
export function failWith(finding: string, message?: string, details = ""): never {
  throw new AssertionError(`${finding}${message ? `: ${message}` : "."}${details}`);
}
