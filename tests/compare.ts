/** Holding devices to the reference: the same graph computed on two of them. */
import { assert, assertStringIncludes, assertThrows } from "@std/assert";
import {
  AxisError,
  type Device,
  device,
  gradients,
  multiply,
  type NumbersOf,
  read,
  sum,
  type Tensor,
} from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, some } from "./numbers.ts";

/** Single precision against double: differences relative to the largest number of a tensor, or to 1. */
export const SINGLE = 1e-5;

/** What the reference device makes of a graph of given numbers. */
export async function onReference<P>(wanted: P, back: Device): Promise<NumbersOf<P>> {
  await device("reference");
  const found = await read(wanted);
  await device(back.name);
  return found;
}

/** Every number within `tolerance` of the wanted one, relative to the largest wanted one or to 1. */
export function assertClose(
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance = SINGLE,
  what = "value",
): void {
  assert(found.length === wanted.length, `${what}: ${found.length} numbers, not ${wanted.length}`);
  const largest = Math.max(1, ...Array.from(wanted, Math.abs).filter(Number.isFinite));
  for (let i = 0; i < wanted.length; i++) {
    const close = Object.is(found[i], wanted[i]) || found[i] === wanted[i] ||
      Math.abs(found[i] - wanted[i]) <= tolerance * largest;
    assert(close, `${what} at ${i}: ${found[i]}, not ${wanted[i]}`);
  }
}

/** A graph of given numbers has the same values on this device as on the reference. */
export async function assertAgrees(
  wanted: Record<string, unknown>,
  on: Device,
  tolerance = SINGLE,
): Promise<void> {
  const theirs = numbers(await onReference(wanted, on)), ours = numbers(await read(wanted));
  for (const [name, values] of theirs) assertClose(ours.get(name)!, values, tolerance, name);
}

function numbers(nested: unknown, path = ""): Map<string, ArrayLike<number>> {
  if (ArrayBuffer.isView(nested)) return new Map([[path, nested as Float64Array]]);
  const parts = Object.entries((nested ?? {}) as Record<string, unknown>);
  return new Map(parts.flatMap(([name, part]) => [...numbers(part, `${path} ${name}`)]));
}

/** A scalar that depends on every element of x, on each differently. */
export function weigh(x: Tensor): Tensor<""> {
  return sum(multiply<string, string>(x, some(x.axes.join(" "), [...x.shape], 99)));
}

/**
 * The tests that every operation gets: its gradient is the one that differences give on the reference, and
 * the other devices agree with the reference in values and gradients.
 */
export function testOperation<P extends Record<string, Tensor>>(
  name: string,
  operation: (params: P) => Tensor,
  params: P,
  tolerance = SINGLE,
): void {
  onEveryDevice(`${name}: its value and its gradient are right`, async (on) => {
    const loss = (params: P) => weigh(operation(params));
    if (on.name === "reference") return await assertGradients(loss, params, 12);
    const y = operation(params);
    await assertAgrees({ y, gradients: gradients(loss(params), params) }, on, tolerance);
  });
}

/** Something is refused with an `AxisError` whose message holds all these parts. */
export function assertRefused(f: () => unknown, ...parts: string[]): void {
  const { message } = assertThrows(f, AxisError);
  for (const part of parts) assertStringIncludes(message, part);
}
