import { assert, assertThrows } from "@std/assert";
import { leaves, read, type Tensor, tensor, zeros } from "../core/tensor/mod.ts";
import { clipByGlobalNorm } from "../core/training/clip.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot, type GoldenTensor } from "./golden_models.ts";
import { assertNear, some } from "./numbers.ts";

interface GoldenClip {
  max_norm: number;
  grads: GoldenTensor[];
  total_norm: number;
  clipped: GoldenTensor[];
}
const { cases }: { cases: GoldenClip[] } =
  JSON.parse(await Deno.readTextFile(`${goldenRoot}/nonmodel/optim.json`)).clip_grad_norm;

for (const { max_norm, grads, total_norm, clipped } of cases) {
  onEveryDevice(`golden optim: gradients are clipped to the norm ${max_norm}`, async () => {
    const axes = (shape: number[]) => shape.map((_, d) => `A${d}`).join(" ");
    const given = grads.map(({ shape, data }): Tensor => tensor(axes(shape), data, shape));
    const { norm, gradients } = await read(clipByGlobalNorm(given, max_norm));
    assertNear(norm, [total_norm], 1e-6 * total_norm, "norm");
    clipped.forEach(({ data }, i) => assertNear(gradients[i], data, 1e-6, `gradient ${i}`));
  });
}

onEveryDevice("clipByGlobalNorm() leaves short gradients alone", async () => {
  const g = { a: some("D", [3]), b: some("E", [4], 2) };
  const { gradients } = await read(clipByGlobalNorm(g, 1000));
  const wanted = await read(g);
  assertNear(gradients.a, wanted.a, 0);
  assertNear(gradients.b, wanted.b, 0);
});

onEveryDevice("clipByGlobalNorm() counts a shared gradient once", async () => {
  const g = tensor("D", [3, 4]);
  assertNear(await read(clipByGlobalNorm({ a: g, b: g }, 1).norm), [5], 1e-6);
});

onEveryDevice(
  "clipByGlobalNorm() counts the same gradient of two parameters twice, if told whose it is",
  async () => {
    const g = tensor("D", [3, 4]), params = { a: some("D", [2]), b: some("D", [2], 2) };
    const { norm } = clipByGlobalNorm({ a: g, b: g }, 1, params);
    assertNear(await read(norm), [5 * Math.SQRT2], 1e-5);
  },
);

onEveryDevice("clipByGlobalNorm() takes any gradient that is not finite to the norm", async () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    const { norm } = clipByGlobalNorm({ a: tensor("D", [1, bad]), b: tensor("D", [1, 2]) }, 1);
    assert(!Number.isFinite((await read(norm))[0]));
  }
});

Deno.test("clipByGlobalNorm() leaves zeros by construction as they are", () => {
  const g = { a: some("D", [3]), none: zeros("D", [3]) };
  const { gradients } = clipByGlobalNorm(g, 1);
  assert(gradients.none === g.none);
  assert(leaves(gradients).length === 2);
});

Deno.test("clipByGlobalNorm() refuses a maximum that is not above 0", () => {
  assertThrows(() => clipByGlobalNorm({ a: some("D", [3]) }, 0), RangeError, "the maximum 0");
});
