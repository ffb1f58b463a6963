/** Deep equality: same prototypes, same contents; `NaN` equals `NaN`, and `0` equals `-0`. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** `seen` holds the pairs under comparison, so that a cycle ends. */
function compare(a: unknown, b: unknown, seen: Map<object, object>): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || prototypeOf(a) !== prototypeOf(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof ArrayBuffer || a instanceof SharedArrayBuffer) {
    return sameNumbers(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  }
  if (ArrayBuffer.isView(a)) return sameNumbers(items(a), items(b as ArrayBufferView));
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (a instanceof Set) return sameMembers(a, b as Set<unknown>, seen);
  if (a instanceof Map) return sameEntries(a, b as Map<unknown, unknown>, seen);
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  return [...new Set([...keysOf(a), ...keysOf(b)])].every((key) =>
    key in a && key in b && compare(Reflect.get(a, key), Reflect.get(b, key), seen)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** An object without a prototype counts as a plain object. */
function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function items(view: ArrayBufferView): ArrayLike<number> {
  if (!(view instanceof DataView)) return view as unknown as ArrayLike<number>;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !Object.is(a[i], b[i])) return false;
  }
  return true;
}

function sameMembers(a: Set<unknown>, b: Set<unknown>, seen: Map<object, object>): boolean {
  return a.size === b.size &&
    [...a].every((item) =>
      b.has(item) || [...b].some((other) => compare(item, other, new Map(seen)))
    );
}

function sameEntries(
  a: Map<unknown, unknown>,
  b: Map<unknown, unknown>,
  seen: Map<object, object>,
): boolean {
  return a.size === b.size &&
    [...a].every(([key, value]) =>
      b.has(key)
        ? compare(value, b.get(key), seen)
        : [...b].some((entry) => compare([key, value], entry, new Map(seen)))
    );
}

/** Own and inherited names: a getter of a class is part of what its objects are. */
function keysOf(value: object): PropertyKey[] {
  const keys: PropertyKey[] = [];
  let at: object | null = value;
  while (at && at !== Object.prototype && at !== Array.prototype) {
    keys.push(...Reflect.ownKeys(at));
    at = Object.getPrototypeOf(at);
  }
  return keys;
}
