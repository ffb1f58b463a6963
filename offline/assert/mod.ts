/**
 * Stand-in for `jsr:@std/assert`, for machines that cannot reach JSR.
 *
 * It has the names and signatures that this project uses, and passes and fails where the real
 * package does; its messages are plainer. `deno unlink @std/assert` brings the real one back.
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export {
  type ArrayLikeArg,
  assertArrayIncludes,
  assertMatch,
  assertNotMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "./contents.ts";
export { equal } from "./equal.ts";
export {
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertNotStrictEquals,
  assertStrictEquals,
} from "./equality.ts";
export { assertIsError, assertRejects, assertThrows } from "./errors.ts";
export { assertGreater, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "./order.ts";
export {
  assert,
  assertExists,
  assertFalse,
  assertInstanceOf,
  fail,
  unreachable,
} from "./presence.ts";
