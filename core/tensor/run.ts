/**
 * Running: where tensors become numbers.
 *
 * Idea   `read` brings numbers to the host; `keep` leaves them on the device. Both turn the graph into
 *        a program, once for each shape of graph: a training step builds the same graph every time, so
 *        from the second step on its program is found, not made.
 * Maths  none here.
 * Axes   results are flat and row-major in the tensor's own axes.
 * Differs from the paper: there is none.
 * @module
 */
import { AxisError } from "./axes.ts";
import type { Device, Executable, Precision, Storage, Values } from "../program/device.ts";
import { chosenDevice, device } from "../devices/choice.ts";
import { collectSoon } from "../devices/collector.ts";
import { type Request, schedule } from "./emit.ts";
import { leaves, mapNested } from "./gradient.ts";
import { GraphKey } from "./graph_key.ts";
import type { Program } from "../program/program.ts";
import { type Origin, sameForm, scalar, Tensor } from "./tensor.ts";
import { sourcesFirst } from "./walk.ts";

/** A record of tensors with numbers in their place. */
export type NumbersOf<P> = P extends Tensor ? Values
  : P extends object ? { [K in keyof P]: NumbersOf<P[K]> }
  : P;

/** New values for held tensors: pairs of records of the same form. */
export type Updates = readonly (readonly [target: unknown, value: unknown])[];

interface Plan {
  key: Float64Array;
  program: Program;
  executable: Executable;
  /** For each binding: a storage of the plan's own, or undefined where one is given at each run. */
  own: (Storage | undefined)[];
  /** What each own storage holds now. */
  loaded: (Origin | undefined)[];
  /** The leaves' places in the traversal of the graph. */
  leafOrder: number[];
}

/** The plans of each device, the one used last first. */
const plans = new WeakMap<Device, Plan[]>();
const maximumPlans = 256;
/** The key of the graph at hand. */
const key = new GraphKey();

/**
 * Compute tensors and bring their numbers to the host; in the same run, give held tensors new values.
 *
 * All computing happens in order: a value read before an update is that of before. On WebGPU the
 * promise may be awaited later; the next run need not wait for it.
 *
 * @throws {AxisError} where an update's axes or sizes differ from its target's.
 *
 * @example
 * ```ts
 * import { add, keep, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const { w } = await keep({ w: tensor("D", [1, 2]) });
 * const { sum } = await read({ sum: add(w, 10) }, [[w, add(w, 1)]]);
 * assertEquals([...sum], [11, 12]); // computed from the old w
 * assertEquals([...await read(w)], [2, 3]); // the new w
 * ```
 */
export function read<P>(wanted: P, updates: Updates = []): Promise<NumbersOf<P>> {
  return new Promise((resolve) => resolve(begin(wanted, updates)));
}

function begin<P>(wanted: P, updates: Updates): Promise<NumbersOf<P>> {
  const outputs = leaves(wanted).map(([, x]) => x);
  const paired = new Map<Origin, readonly [Tensor, Tensor]>();
  for (const [target, value] of updates) pairUp(target, value, paired);
  const request = { outputs, updates: [...paired.values()] };
  return execute(request, outputs.map((_, i) => i)).then(
    inForm(mapNested(wanted, () => scalar(0))),
  );
}

/** Puts numbers, as they come, in the places of a record's tensors. What waits for numbers holds no graph. */
const inForm = <P>(form: P) => (values: Values[]) => {
  let next = 0;
  return mapNested(form, () => values[next++]) as NumbersOf<P>;
};

/**
 * The numbers of a tensor, row by row along its last axis: for tables and pictures.
 *
 * @example
 * ```ts
 * import { readRows, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * assertEquals(await readRows(tensor("T D", [[1, 2], [3, 4]])), [[1, 2], [3, 4]]);
 * ```
 */
export async function readRows(x: Tensor): Promise<number[][]> {
  const numbers = Array.from(await read(x) as Values), width = x.shape.at(-1) ?? 1;
  return Array.from(
    { length: width && numbers.length / width },
    (_, i) => numbers.slice(i * width, (i + 1) * width),
  );
}

/** Walk through two records side by side; a target that is met twice must be given the same value. */
function pairUp(
  target: unknown,
  value: unknown,
  pairs: Map<Origin, readonly [Tensor, Tensor]>,
  path = "",
): void {
  if (target instanceof Tensor || value instanceof Tensor) {
    const pair = checkPair(target, value, path);
    const [{ origin }] = pair, known = pairs.get(origin);
    if (known && known[1] !== value) {
      throw new AxisError(`update${path}: ${target} gets two values`);
    }
    pairs.set(origin, pair);
    return;
  }
  const parts = (nested: unknown) =>
    typeof nested === "object" && nested !== null ? nested as Record<string, unknown> : {};
  const to = parts(target), from = parts(value);
  const within = (name: string) => pairUp(to[name], from[name], pairs, `${path} ${name}`);
  for (const name of Object.keys(to)) within(name);
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) within(name);
}

function checkPair(to: unknown, from: unknown, path: string): readonly [Tensor, Tensor] {
  const fail = (problem: string): never => {
    throw new AxisError(`update${path}: ${problem}`);
  };
  if (!(to instanceof Tensor)) return fail(`there is no tensor to take the value ${from}`);
  if (!(from instanceof Tensor)) return fail(`there is no value for ${to}`);
  if (to.origin.kind !== "held") fail(`${to} is not held; keep it first`);
  if (to.origin.kind === "held" && to.origin.half) {
    fail(
      `${to} is kept in half precision and only read; keep it again, without "half", to change it`,
    );
  }
  if (!sameForm(to, from)) fail(`${to} cannot take the value ${from}`);
  return [to, from];
}

/**
 * Compute tensors and hold their numbers on the device: parameters, optimiser states, caches.
 * The same tensor twice is held once.
 *
 * With `"half"` the numbers are rounded to IEEE's binary16, to the nearest, as inference allows: 11 bits
 * of precision; beyond 65,504 they become infinite, below 6e-5 they lose bits, below 3e-8 all. Given
 * numbers become the same on every device. On WebGPU halves take half the room and half the way from
 * memory, while computing stays in single precision; other devices store them as before. Halves are only
 * read: an update is refused. What was computed, or kept before, is rounded on the host.
 *
 * @example
 * ```ts
 * import { keep, read, tensor } from "@lineage/lineage/core/tensor";
 * import { assertEquals } from "@std/assert";
 * const params = await keep({ bias: tensor("D", [1, 2]) });
 * assertEquals([...await read(params.bias)], [1, 2]);
 * const { table } = await keep({ table: tensor("V", [1, 0.1, 1e5]) }, "half"); // weights that stay as they are
 * assertEquals([...await read(table)], [1, 0.0999755859375, Infinity]);
 * ```
 */
export async function keep<P>(nested: P, precision: Precision = "single"): Promise<P> {
  const found = leaves(nested).map(([, x]) => x);
  const holder = deviceOf(sourcesFirst(found)), chosen = holder ?? chosenDevice();
  if (!holder) await collected(found); // else an update might come in between: run first, pause then
  const on = chosen ?? await device("auto");
  const held = await (precision === "half" ? keepHalves : keepSingles)(found, on);
  if (holder) await collected(found);
  return mapNested(nested, (x) => held.get(x));
}

/** Given numbers go to the device, all others are computed there. */
async function keepSingles(found: Tensor[], on: Device): Promise<Map<Tensor, Tensor>> {
  const held = new Map<Tensor, Tensor>();
  for (const x of found) {
    if (x.origin.kind !== "data") continue;
    const storage = on.allocate(x.elements);
    on.upload(storage, x.origin.values);
    held.set(x, hold(x, on, storage));
  }
  const computed = found.filter((x) => x.origin.kind !== "data");
  const storages = computed.map((x) => on.allocate(x.elements));
  await execute({ outputs: computed, updates: [] }, [], on, storages);
  computed.forEach((x, i) => held.set(x, hold(x, on, storages[i])));
  return held;
}

/** Numbers are rounded on the host: given ones on their way, others are brought there for it. */
async function keepHalves(found: Tensor[], on: Device): Promise<Map<Tensor, Tensor>> {
  const computed = found.filter(({ origin }) => origin.kind !== "data" && origin.kind !== "held");
  const storages = computed.map((x) => on.allocate(x.elements));
  await execute({ outputs: computed, updates: [] }, [], on, storages);
  const held = found.filter(({ origin }) => origin.kind === "held" && !origin.half);
  const there = held.map(({ origin }) => (origin as Origin & { kind: "held" }).storage);
  const values = await brought(on, [...storages, ...there]);
  for (const storage of storages) on.free(storage);
  return new Map(found.map((x) => {
    const i = [...computed, ...held].indexOf(x);
    const numbers = x.origin.kind === "data" ? x.origin.values : values[i];
    if (!numbers) return [x, x]; // they are halves already
    const storage = on.allocate(x.elements, "half");
    on.upload(storage, new Float16Array(numbers));
    return [x, hold(x, on, storage, true)];
  }));
}

/** The numbers in storages: what a program without steps reads. */
async function brought(on: Device, storages: Storage[]): Promise<Values[]> {
  if (storages.length === 0) return [];
  const buffers = storages.map(({ elements }, binding) => ({ elements, binding, slot: -1 }));
  const program = { steps: [], buffers, slots: [], bindings: buffers.length };
  const executable = on.compile(program);
  try {
    return await executable.run(storages, buffers.map(({ binding }) => binding));
  } finally {
    executable.dispose();
  }
}

const released = new FinalizationRegistry<[Device, Storage]>(([on, storage]) => on.free(storage));

const elementsBetweenPauses = 2 ** 24;
let keptSincePause = 0;

/** What nobody holds any more is found and given back between tasks only: who keeps much must pause. */
async function collected(kept: readonly Tensor[]): Promise<void> {
  for (const x of kept) keptSincePause += x.elements;
  if (keptSincePause < elementsBetweenPauses) return;
  keptSincePause = 0;
  collectSoon();
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setTimeout(resolve)); // to find; to give back
}

function hold(x: Tensor, device: Device, storage: Storage, half = false): Tensor {
  const origin: Origin = { kind: "held", device, storage, half };
  released.register(origin, [device, storage]);
  return new Tensor(x.axes, x.shape, origin);
}

/** The device that holds some of these tensors, or an error if two do. */
function deviceOf(tensors: readonly Tensor[]): Device | undefined {
  let found: Device | undefined;
  for (const { origin } of tensors) {
    if (origin.kind !== "held") continue;
    found ??= origin.device;
    if (found !== origin.device) {
      throw new Error(
        `tensors on two devices (${found.name} and ${origin.device.name}) meet in one graph;` +
          ` read them from one and keep them on the other`,
      );
    }
  }
  return found;
}

/**
 * Run a request, at once if its device is known, so that runs keep the order of their calls. The outputs
 * go to the given storages, or to the plan's own, and `reads` come back.
 */
function execute(
  request: Request,
  reads: readonly number[],
  holder?: Device,
  storages?: Storage[],
): Promise<Values[]> {
  if (request.outputs.length + request.updates.length === 0) return Promise.resolve([]);
  const given = key.write(request, storages !== undefined);
  const on = holder ?? deviceOf(given) ?? chosenDevice();
  if (!on) return device("auto").then((on) => execute(request, reads, on));
  const plan = planFor(on, request, given, storages !== undefined);
  const bindings = plan.own.map((own, i): Storage => {
    if (i >= plan.leafOrder.length) return own ?? storages![i - plan.leafOrder.length];
    const { origin } = given[plan.leafOrder[i]];
    if (origin.kind === "held") return origin.storage;
    if (plan.loaded[i] !== origin && origin.kind === "data") {
      on.upload(own!, origin.values);
      plan.loaded[i] = origin;
    }
    return own!;
  });
  return plan.executable.run(bindings, reads.map((i) => plan.leafOrder.length + i));
}

/** The plan for the key at hand: known already, or new. */
function planFor(on: Device, request: Request, given: Tensor[], storesElsewhere: boolean): Plan {
  const known = plans.get(on) ?? [];
  plans.set(on, known);
  const at = known.findIndex((plan) => key.equals(plan.key));
  const plan = at < 0 ? newPlan(on, request, given, storesElsewhere) : known.splice(at, 1)[0];
  if (known.unshift(plan) > maximumPlans) forget(on, known.pop()!);
  return plan;
}

function newPlan(on: Device, request: Request, given: Tensor[], storesElsewhere: boolean): Plan {
  const { program, leaves } = schedule(request, on);
  const own = [
    ...leaves.map((x) => x.origin.kind === "data" ? on.allocate(x.elements) : undefined),
    ...request.outputs.map((x) => storesElsewhere ? undefined : on.allocate(x.elements)),
  ];
  const leafOrder = leaves.map((x) => given.findIndex((g) => g.origin === x.origin));
  return {
    key: key.copy(),
    program,
    executable: on.compile(program),
    own,
    loaded: own.map(() => undefined),
    leafOrder,
  };
}

function forget(on: Device, plan: Plan): void {
  plan.executable.dispose();
  for (const storage of plan.own) if (storage) on.free(storage);
}
