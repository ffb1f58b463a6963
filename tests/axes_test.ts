/**
 * Axes in the type: what must not compile, and the same mistake at run time.
 * `deno check` is the first half of these tests: an unused `@ts-expect-error` is an error.
 */
import { assertEquals } from "@std/assert";
import {
  type AxisOf,
  type Both,
  describeAxes,
  type Flat,
  type Join,
  type Left,
  parseExpression,
  parseGroups,
  type Rest,
  type Right,
  type Within,
  type Without,
  type Words,
  words,
} from "../core/tensor/axes.ts";
import * as t from "../core/tensor/mod.ts";
import type { Tensor } from "../core/tensor/mod.ts";
import { assertRefused } from "./compare.ts";
import { some } from "./numbers.ts";

/** Whether two types are the same, not merely assignable. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends (<X>() => X extends B ? 1 : 2) ? true
  : false;

/** Compiles only where every member is `true`. */
function holds<_T extends Record<string, true>>(): void {}

Deno.test("the algebra of axes gives the types that it names", () => {
  holds<{
    words: Same<Words<"B T D">, ["B", "T", "D"]>;
    noWords: Same<Words<"">, []>;
    join: Same<Join<["B", "T"]>, "B T">;
    axisOf: Same<AxisOf<"B T">, "B" | "T">;
    within: Same<Within<"D B", "B T D">, true>;
    notWithin: Same<Within<"D H", "B T D">, false>;
    without: Same<Without<"B T D", "T">, "B D">;
    withoutTwo: Same<Without<"B T D", "D B">, "T">;
    withoutAll: Same<Without<"T", "T">, "">;
    both: Same<Both<"B T", "D">, "B T D">;
    bothWithNone: Same<Both<"", "D">, "D">;
    rest: Same<Rest<"V D H">, "D H">;
    restOfOne: Same<Rest<"V">, "">;
    left: Same<Left<"B T D, F D -> B T F">, ["B T D", "F D"]>;
    right: Same<Right<"B T D, F D -> B T F">, "B T F">;
    scalar: Same<Right<"T, T -> ">, "">;
    scalarWithoutSpace: Same<Right<"T, T ->">, "">;
    flat: Same<Flat<"B T (H K)">, "B T H·K">;
    flatTwice: Same<Flat<"(B T) (H K V)">, "B·T H·K·V">;
  }>();
});

Deno.test("what is unknown at compile time stays open", () => {
  holds<{
    axisOf: Same<AxisOf<string>, string>;
    within: Same<Within<string, "B">, true>;
    without: Same<Without<string, "B">, string>;
    rest: Same<Rest<string>, string>;
    both: Same<Both<string, "D">, string>;
  }>();
  const open: Tensor = some("B T", [2, 3]);
  const sums: Tensor = t.sum(open, "T");
  assertEquals(sums.axes, ["B"]);
  // @ts-expect-error a tensor of unknown axes is none of known axes; withAxes() checks it
  const known: Tensor<"B T"> = open;
  assertEquals(t.withAxes(known, "B T").axes, ["B", "T"]);
});

const x = some("B T D", [2, 3, 4]), w = some("F D", [5, 4]), bias = some("F", [5]);

Deno.test("every operation gives the type of its axes", () => {
  const linear = t.add(t.einsum("B T D, F D -> B T F", x, w), bias);
  const split = t.rearrange(t.rename(x, "B T D -> B T H·K"), "B T (H K) -> B H T K", { H: 2 });
  const sum = t.sum(x, "T"), two = t.mean(x, "D B"), most = t.max(x, "B"), all = t.sum(x);
  const one = t.at(x, "T", 0), cut = t.slice(x, "T", 0, 1), padded = t.pad(x, "T", 1, 0);
  const found = t.gather(w, t.zeros("B T", [2, 3]));
  const loss = t.crossEntropy(x, t.zeros("B T", [2, 3]), "D");
  const grown = t.broadcast(bias, "B F", { B: 2 }), joined = t.concat([x, cut], "T");
  holds<{
    linear: Same<typeof linear, Tensor<"B T F">>;
    split: Same<typeof split, Tensor<"B H T K">>;
    sum: Same<typeof sum, Tensor<"B D">>;
    two: Same<typeof two, Tensor<"T">>;
    most: Same<typeof most, Tensor<"T D">>;
    all: Same<typeof all, Tensor<"">>;
    one: Same<typeof one, Tensor<"B D">>;
    cut: Same<typeof cut, Tensor<"B T D">>;
    padded: Same<typeof padded, Tensor<"B T D">>;
    found: Same<typeof found, Tensor<"B T D">>;
    loss: Same<typeof loss, Tensor<"B T">>;
    grown: Same<typeof grown, Tensor<"B F">>;
    joined: Same<typeof joined, Tensor<"B T D">>;
  }>();
  const tensors: Tensor[] = [
    linear,
    split,
    sum,
    two,
    most,
    all,
    one,
    cut,
    padded,
    found,
    loss,
    grown,
    joined,
  ];
  assertEquals(
    tensors.map((y) => y.axes.join(" ")),
    [
      "B T F",
      "B H T K",
      "B D",
      "T",
      "T D",
      "",
      "B D",
      "B T D",
      "B T D",
      "B T D",
      "B T",
      "B F",
      "B T D",
    ],
  );
});

Deno.test("a name of an axis stays itself where another type is asked for", () => {
  const labels = t.zeros("B T", [2, 3]);
  const loss: (x: Tensor<"B T D">) => Tensor = (x) => t.crossEntropy(x, labels, "D");
  const first: (x: Tensor<"B T D">) => Tensor = (x) => t.add(t.at(x, "D", 0), labels);
  const sum: (x: Tensor<"B T D">) => Tensor = (x) => t.add(t.sum(x, "D"), labels);
  for (const f of [loss, first, sum]) assertEquals(f(x).axes, ["B", "T"]);
});

Deno.test("einsum: axes in another order, of another name, and a wrong result", () => {
  // @ts-expect-error the second operand is "F D"
  assertRefused(() => t.einsum("B T D, D F -> B T F", x, w), "operand 2", '"F D" 5×4');
  // @ts-expect-error the first operand is "B T D"
  assertRefused(() => t.einsum("B T K, F K -> B T F", x, w), "operand 1", '"B T D" 2×3×4');
  // @ts-expect-error one operand is missing
  assertRefused(() => t.einsum("B T D, F D -> B T F", x), "expects 2");
  const y = t.einsum("B T D, F D -> B T F", x, w);
  // @ts-expect-error the result is "B T F"
  const wrong: Tensor<"B F T"> = y;
  assertRefused(() => t.withAxes(wrong as Tensor, "B F T"), '"B F T"', '"B T F" 2×3×5');
});

Deno.test("softmax and others over an axis that is not there", () => {
  // @ts-expect-error no axis K
  assertRefused(() => t.softmax(x, "K"), "softmax", '"K"', '"B T D" 2×3×4');
  // @ts-expect-error no axis K
  assertRefused(() => t.logSoftmax(x, "K"), "logSoftmax", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.standardize(x, "K", 0), "standardize", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.sum(x, "K"), "sum", '"K"');
  // @ts-expect-error T is there, K is not
  assertRefused(() => t.mean(x, "T K"), "mean", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.max(x, "K"), "max", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.slice(x, "K", 0, 1), "slice", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.at(x, "K", 0), "at", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.pad(x, "K", 0, 1), "pad", '"K"');
  // @ts-expect-error no axis K
  assertRefused(() => t.concat([x, x], "K"), "concat", '"K"');
  assertEquals(t.max(x, "T B").axes, ["D"]);
});

Deno.test("a broadcast of what does not fit", () => {
  // @ts-expect-error F is no axis of the first operand
  assertRefused(() => t.add(x, bias), "add", '"B T D" 2×3×4', '"F" 5', "F is only in the second");
  // @ts-expect-error F is no axis of the first operand
  assertRefused(() => t.multiply(x, w), "multiply", '"F D" 5×4');
  // @ts-expect-error the first operand is the smaller one
  assertRefused(() => t.subtract(bias, w), "subtract", '"F" 5', '"F D" 5×4');
  // @ts-expect-error the condition has an axis of its own
  assertRefused(() => t.where(bias, x, 0), "where", '"F" 5');
  // @ts-expect-error so has what counts
  assertRefused(() => t.meanOver(x, bias), '"F" 5');
  assertRefused(() => t.broadcast(x, "B T", {}), "broadcast", "D is gone"); // at run time only
});

Deno.test("a rearrangement or renaming of other axes", () => {
  // @ts-expect-error x has the axes "B T D"
  assertRefused(() => t.rearrange(x, "T B D -> B T D"), "rearrange", '"B T D" 2×3×4');
  // @ts-expect-error D is not a merged axis "H·K"
  assertRefused(() => t.rearrange(x, "B T (H K) -> B H T K", { H: 2 }), "rearrange", '"B T D"');
  // @ts-expect-error x has the axes "B T D"
  assertRefused(() => t.rename(x, "B T K -> B S K"), "rename", '"B T D" 2×3×4');
  const y = t.rename(x, "B T D -> B S D");
  // @ts-expect-error T is now S
  assertRefused(() => t.add(x, y), "add", '"B S D" 2×3×4', "S is only in the second");
  assertRefused(() => t.concat([x, y], "B"), "concat", '"B S D" 2×3×4'); // at run time only
});

Deno.test("labels and losses of other axes", () => {
  // @ts-expect-error labels have the axes of the logits but for the classes
  assertRefused(() => t.crossEntropy(x, bias, "D"), "crossEntropy", '"B T D" 2×3×4', '"F" 5');
  const loss = t.mean(x, "B T");
  // @ts-expect-error a loss is a scalar
  assertRefused(() => t.gradients(loss, { x }), "gradients", '"D" 4');
  // @ts-expect-error so is what valueAndGrad() differentiates
  const step = t.valueAndGrad((p: { x: Tensor<"B T D"> }) => t.mean(p.x, "B"));
  assertRefused(() => step({ x }), "gradients", '"T D" 3×4');
});

Deno.test("names and groups are taken apart at run time as by the compiler", () => {
  assertEquals(words(" B  T D "), ["B", "T", "D"]);
  assertEquals(words(""), []);
  assertEquals(parseExpression("einsum", "B T D, F D -> B T F"), {
    inputs: [["B", "T", "D"], ["F", "D"]],
    output: ["B", "T", "F"],
  });
  assertEquals(parseGroups("B (T D) (H K V)"), [["B"], ["T", "D"], ["H", "K", "V"]]);
  assertEquals([describeAxes([], []), describeAxes(["T", "D"], [2, 3])], ["a scalar", '"T D" 2×3']);
});
