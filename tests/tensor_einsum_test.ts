/** Einstein summation: products by the names of axes. */
import { assertEquals } from "@std/assert";
import * as t from "../core/tensor/mod.ts";
import { einsum, type Tensor, tensor } from "../core/tensor/mod.ts";
import { assertAgrees, assertClose, assertRefused, testOperation } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { Meaning } from "./meaning.ts";
import { assertNear, some } from "./numbers.ts";

const a = tensor("I K", [[1, 2], [3, 4]]), b = tensor("K J", [[5, 6], [7, 8]]);
const u = tensor("I", [2, -1]), v = tensor("J", [1, 10]);

onEveryDevice("products of two come out as worked out by hand", async () => {
  const found = await t.read({
    product: einsum("I K, K J -> I J", a, b),
    transposed: einsum("I K, K J -> J I", a, b),
    folded: einsum("I K, K J -> J", a, b),
    scalar: einsum("I K, K J -> ", a, b),
    outer: einsum("I, J -> I J", u, v),
    dot: einsum("I, I -> ", u, u),
    rows: einsum("I K, I -> I K", a, u),
    vector: einsum("I K, I -> K", a, u),
    hadamard: einsum("I K, I K -> I K", a, a),
  });
  assertEquals(Object.fromEntries(Object.entries(found).map(([k, x]) => [k, [...x]])), {
    product: [19, 22, 43, 50],
    transposed: [19, 43, 22, 50],
    folded: [62, 72],
    scalar: [134],
    outer: [2, 20, -1, -10],
    dot: [5],
    rows: [2, 4, -3, -4],
    vector: [-1, 0],
    hadamard: [1, 4, 9, 16],
  });
});

onEveryDevice("one tensor alone is summed and permuted, three are multiplied in turn", async () => {
  const found = await t.read({
    permuted: einsum("I K -> K I", a),
    summed: einsum("I K -> K", a),
    three: einsum("I, I K, K J -> J", u, a, b),
  });
  assertEquals([...found.permuted], [1, 3, 2, 4]);
  assertEquals([...found.summed], [4, 6]);
  assertEquals([...found.three], [-1 * 5 + 0 * 7, -1 * 6]);
});

onEveryDevice(
  "a product over an axis of size 0 is 0, over one of size 1 the outer one",
  async () => {
    const none = einsum("I K, K J -> I J", tensor("I K", [], [2, 0]), tensor("K J", [], [0, 2]));
    assertEquals([...await t.read(none)], [0, 0, 0, 0]);
    const one = einsum("I K, K J -> I J", tensor("I K", [[2], [3]]), tensor("K J", [[5, 7]]));
    assertEquals([...await t.read(one)], [10, 14, 15, 21]);
  },
);

/** Every arrangement that models use, and some that none does. */
const EXPRESSIONS = [
  "B T D, F D -> B T F",
  "B T D, D F -> B T F",
  "B T D, F D -> F T B",
  "B H T K, B H S K -> B H T S",
  "B H T S, B H S K -> B T H K",
  "B T H K, H K D -> B T D",
  "B T H K, D H K -> B T D",
  "T B K H, H D K -> B D T",
  "B T D, B T F -> D F",
  "B T S, T S D -> B S D",
  "B T D, D -> B T",
  "T H, T S H, S -> H S",
];

const SIZES: Record<string, number> = { B: 2, T: 5, S: 3, D: 6, F: 4, H: 3, K: 2 };

onEveryDevice("every arrangement of axes is the sum of the products it names", async () => {
  const products = EXPRESSIONS.map((e) => {
    const operands = e.split(" -> ")[0].split(", ").map((axes, i) =>
      some(axes, axes.split(" ").map((axis) => SIZES[axis]), i + 1)
    );
    return einsum(e as string, ...operands as never) as Tensor;
  });
  const found = await t.read(products), meaning = new Meaning();
  products.forEach((p, i) => assertClose(found[i], meaning.of(p), 1e-5, EXPRESSIONS[i]));
});

onEveryDevice("factors may be views: cut, permuted and renamed", async () => {
  const x = some("B T D", [3, 4, 6], 2), y = some("H·K T", [8, 5], 3);
  const left = t.at(t.slice(x, "D", 1, 5), "B", 1);
  const right = t.rearrange(t.slice(y, "T", 1, 5), "(H K) T -> K T H", { H: 2 });
  const product = einsum("T D, K T H -> H D K", left, right);
  assertClose(await t.read(product), new Meaning().of(product));
});

onEveryDevice("products of odd sizes are exact to single precision", async (on) => {
  const x = some("T D", [37, 131], 2), w = some("F D", [53, 131], 3);
  const y = einsum("T D, F D -> T F", x, w);
  await assertAgrees({ y, gradients: t.gradients(t.sum(t.square(y)), { x, w }) }, on, 3e-6);
});

onEveryDevice("(A B) C = A (B C)", async () => {
  const [A, B, C] = [some("I J", [5, 6], 1), some("J K", [6, 7], 2), some("K L", [7, 3], 3)];
  const { left, right } = await t.read({
    left: einsum("I K, K L -> I L", einsum("I J, J K -> I K", A, B), C),
    right: einsum("I J, J L -> I L", A, einsum("J K, K L -> J L", B, C)),
  });
  assertNear(left, right, 1e-4);
});

const x = some("B T D", [2, 3, 4], 1);
testOperation("einsum(), a linear layer", ({ x, w }) => einsum("B T D, F D -> B T F", x, w), {
  x,
  w: some("F D", [5, 4], 2),
});
testOperation(
  "einsum(), attention scores and what they gather",
  ({ q, k }) => {
    const scores = einsum("B H T K, B H S K -> B H T S", q, k);
    return einsum("B H T S, B H S K -> B T H K", t.tanh(scores), k);
  },
  { q: some("B H T K", [2, 2, 3, 2], 3), k: some("B H S K", [2, 2, 4, 2], 4) },
);
testOperation(
  "einsum(), two axes summed that lie in another order",
  ({ x, w }) => einsum("B T D, D F T -> F B", x, w),
  { x, w: some("D F T", [4, 2, 3], 5) },
);
testOperation(
  "einsum() of three",
  ({ x, d, w }) => einsum("B T D, D, T -> B D", x, d, w),
  { x, d: some("D", [4], 6), w: some("T", [3], 7) },
);
testOperation("einsum() of a tensor with itself", ({ x }) => einsum("B T D, B T D -> B D", x, x), {
  x,
});

Deno.test("a wrong product is refused with the expression, the axes and the sizes", () => {
  const [x, w]: Tensor[] = [some("T D", [2, 3]), some("F D", [5, 4])];
  const product = einsum as (expression: string, ...xs: Tensor[]) => Tensor;
  const both = ['"T D" 2×3', '"F D" 5×4'];
  assertRefused(
    () => product("T D, F D -> T F", x, w),
    'einsum "T D, F D -> T F"',
    ...both,
    "axis D is 3 and 4",
  );
  assertRefused(() => product("D T, F D -> T F", x, w), "operand 1 has other axes", ...both);
  assertRefused(() => product("T D -> T", x, w), "expects 1", ...both);
  assertRefused(() => product("T D -> T Q", x), "no operand has the axis Q", both[0]);
  assertRefused(() => product("T D -> T T", x), "twice", both[0]);
  assertRefused(() => product("T D", x), "inputs -> output");
});
