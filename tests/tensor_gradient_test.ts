/** Gradients: nested records, shared tensors, what they stop at, gradients of gradients. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertClose, assertRefused, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

onEveryDevice(
  "valueAndGrad() gives the value, and gradients in the form of the parameters",
  async () => {
    const params = {
      w: tensor("D", [1, -3]),
      more: [tensor("", 2), { unused: tensor("D", [5, 6]) }] as const,
    };
    type Params = typeof params;
    const f = (p: Params, gain: number) =>
      t.scale(t.multiply(t.sum(t.square(p.w)), p.more[0]), gain);
    const { value, gradients } = await t.read(t.valueAndGrad(f)(params, 10));
    assertEquals([...value], [200]);
    assertEquals([...gradients.w], [40, -120]);
    assertEquals([...gradients.more[0]], [100]);
    assertEquals([...gradients.more[1].unused], [0, 0]);
  },
);

onEveryDevice("the gradient of a shared tensor is the sum of its copies' gradients", async () => {
  const w = some("D E", [3, 3], 2), x = some("T D", [4, 3], 3);
  const deep = (layers: Tensor<"D E">[]) =>
    weigh(
      layers.reduce((x, w) => t.rename(t.tanh(t.einsum("T D, D E -> T E", x, w)), "T E -> T D"), x),
    );
  const copies = [w, some("D E", [3, 3], 2), some("D E", [3, 3], 2)];
  const { shared, apart } = await t.read({
    shared: t.gradients(deep([w, w, w]), { w }).w,
    apart: t.gradients(deep(copies), copies),
  });
  assertClose(shared, [...shared].map((_, i) => apart[0][i] + apart[1][i] + apart[2][i]));
});

onEveryDevice("a record used twice gets one gradient twice", async () => {
  const layer = { w: tensor("D", [3]) };
  const params = { layers: [layer, layer] };
  const g = t.gradients(t.sum(t.multiply(params.layers[0].w, params.layers[1].w)), params);
  assertStrictEquals(g.layers[0], g.layers[1]);
  assertEquals([...await t.read(g.layers[0].w)], [6]);
});

onEveryDevice("stopGradient() is the same numbers, through which nothing passes", async () => {
  const x = some("T", [4]);
  const { same, slope } = await t.read({
    same: t.subtract(t.stopGradient(t.tanh(x)), t.tanh(x)),
    slope: t.gradients(t.sum(t.multiply(t.tanh(x), t.stopGradient(t.tanh(x)))), { x }).x,
  });
  assertEquals([...same], [0, 0, 0, 0]);
  const tanh = given(x).map(Math.tanh);
  assertNear(slope, tanh.map((y) => (1 - y * y) * y), 1e-6);
});

onEveryDevice("a gradient may be that of a tensor in the middle", async () => {
  const x = tensor("T", [1, 2]), y = t.square(x), loss = t.sum(t.multiply(y, y));
  const { x: toX, y: toY } = await t.read(t.gradients(loss, { x, y }));
  assertEquals([[...toX], [...toY]], [[4, 32], [2, 8]]);
});

onEveryDevice("the second and third derivative of x⁴ are 12x² and 24x", async () => {
  const x = tensor("T", [2, -1]), slope = (y: Tensor<"T">) => t.gradients(t.sum(y), { x }).x;
  const first = slope(t.square(t.square(x)));
  const { second, third } = await t.read({ second: slope(first), third: slope(slope(first)) });
  assertEquals([[...second], [...third]], [[48, 12], [48, -24]]);
});

Deno.test("a gradient penalty through a product has the gradient that differences give", async () => {
  await t.device("reference");
  const params = { x: some("T D", [3, 4], 2), w: some("F D", [2, 4], 3) };
  const penalty = (p: typeof params) => {
    const y = t.tanh(t.einsum("T D, F D -> T F", p.x, p.w));
    return t.sum(t.square(t.gradients(weigh(y), p).x));
  };
  await assertGradients(penalty, params, 12);
});

Deno.test("withGradient() passes back what it is told", async () => {
  await t.device("reference");
  const x = tensor("T", [0.2, 0.8]);
  const straight = t.withGradient(t.less(t.full("T", [2], 0.5), x), [x], (g) => [g]);
  const { y, slope } = await t.read({ y: straight, slope: t.gradients(weigh(straight), { x }).x });
  assertEquals([...y], [0, 1]);
  assertNear(slope, await t.read(some("T", [2], 99)), 1e-12);
});

Deno.test("what the loss does not depend on has a gradient that is zero by construction", () => {
  const x = some("T", [3]), y = some("T", [3]);
  const g = t.gradients(t.sum(x), { x, y });
  assertEquals([t.isZero(g.x), t.isZero(g.y)], [false, true]);
});

Deno.test("a loss that is no scalar is refused with its axes", () => {
  const x = some("T", [3]);
  assertRefused(
    () => t.gradients(x as Tensor as Tensor<"">, { x }),
    "gradients",
    '"T" 3',
    "sum or",
  );
});

Deno.test("leaves() gives every tensor once, with the path where it is met first", () => {
  const [a, b] = [some("T", [1]), some("T", [2])];
  const found = t.leaves({ one: a, list: [b, { again: a }], number: 3, nothing: undefined });
  assertEquals(found.map(([path]) => path), ["one", "list.0"]);
});

Deno.test("a graph thousands of steps deep is differentiated and scheduled", async () => {
  await t.device("reference");
  const w = tensor("D E", [[0.5, 0.1], [-0.1, 0.5]]);
  let state: Tensor<"D"> = tensor("D", [1, 1]);
  for (let step = 0; step < 1000; step++) {
    state = t.tanh(t.rename(t.einsum("D, D E -> E", t.add(state, 0.1), w), "E -> D"));
  }
  const { value, slope } = await t.read({
    value: state,
    slope: t.gradients(t.sum(state), { w }).w,
  });
  assertEquals([...value, ...slope].every((v) => Number.isFinite(v) && v !== 0), true);
});
