import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  attentionOnly,
  drawSharing,
  eachItsOwn,
  feedForwardOnly,
  groups,
  oneForAll,
  sharing,
  type Stack,
} from "../core/layer_sharing.ts";
import { countParameters, type Declared, instantiate } from "../core/parameters.ts";
import {
  add,
  device,
  explain,
  gradients,
  leaves,
  mapNested,
  read,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { layerParameters } from "../core/transformer_layer.ts";
import { ALBERT, ALBERT_BASE } from "../models/albert.ts";
import { BERT, BERT_TINY } from "../models/bert.ts";
import { encode, encoderParameters, type ModelSpec, type Sizes } from "../models/spec.ts";
import { assertAgrees, weigh } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

const sizes: Sizes = {
  ...BERT_TINY,
  vocabulary: 7,
  positions: 4,
  width: 4,
  heads: 2,
  inner: 6,
  layers: 4,
  epsilon: 1e-3,
};
const ids = tensor("B T", [[3, 1, 6], [2, 5, 4]]), mask = tensor("B T", [[1, 1, 1], [1, 1, 0]]);
const stacks: Record<string, Stack> = {
  oneForAll,
  attentionOnly,
  feedForwardOnly,
  "groups(2)": groups(2),
  "groups(1, 2)": groups(1, 2),
};

const parametersOf = (spec: ModelSpec) =>
  instantiate(
    encoderParameters(spec, sizes),
    ({ axes, shape }: Declared, path) => some(axes, [...shape], path.length + path.charCodeAt(9)),
  );
type Params = ReturnType<typeof parametersOf>;

const lossOf = (params: Params) => weigh(encode(BERT, sizes, params, { ids, mask }).last);

/** The same numbers, each place with a tensor of its own. */
const untied = (params: Params): Params => ({
  ...params,
  layers: params.layers.map((layer) =>
    mapNested(structure(layer), (x) => tensor(x.axes.join(" "), given(x), x.shape))
  ),
});

/** A copy of the record, so that what it shares with other records is met again. */
const structure = <P>(nested: P): P =>
  (typeof nested !== "object" || nested === null || "origin" in nested
    ? nested
    : Object.fromEntries(
      Object.entries(nested).map(([k, x]) => [k, structure(x)]),
    )) as P;

Deno.test("a drawing shows whose attention and feed-forward network each layer has", () => {
  assertEquals(drawSharing(eachItsOwn, 3).split("\n").slice(1), [
    "attention     1 2 3",
    "feed-forward  1 2 3",
  ]);
  assertEquals(drawSharing(oneForAll, 12).split("\n"), [
    "layer          1  2  3  4  5  6  7  8  9 10 11 12",
    "attention      1  1  1  1  1  1  1  1  1  1  1  1",
    "feed-forward   1  1  1  1  1  1  1  1  1  1  1  1",
  ]);
  assertEquals(sharing(attentionOnly, 3), { attention: [1, 1, 1], feedForward: [1, 2, 3] });
  assertEquals(sharing(feedForwardOnly, 3), { attention: [1, 2, 3], feedForward: [1, 1, 1] });
  assertEquals(sharing(groups(3), 6).attention, [1, 1, 3, 3, 5, 5]);
  assertEquals(sharing(groups(2, 2), 8).attention, [1, 2, 1, 2, 5, 6, 5, 6]);
  assertEquals(sharing(groups(4), 4), sharing(eachItsOwn, 4));
});

Deno.test("ALBERT's paper, table 4: 12M, 64M, 38M and 89M parameters, by what is shared", () => {
  const millions = (stack: Stack) =>
    countParameters(encoderParameters({ ...ALBERT, stack }, ALBERT_BASE, false)) / 1e6;
  const found = [oneForAll, attentionOnly, feedForwardOnly, eachItsOwn].map(millions);
  [12, 64, 38, 89].forEach((published, i) => assert(Math.abs(found[i] - published) < 1));
});

Deno.test("the counts of the ways to share add up", () => {
  const count = (stack: Stack) => countParameters(stack(() => layerParameters(8, 32), 6));
  const one = count(oneForAll);
  assertEquals(count(eachItsOwn), 6 * one);
  assertEquals(count(groups(3)), 3 * one);
  assertEquals(count(groups(1, 2)), 2 * one);
  assertEquals(count(attentionOnly) + count(feedForwardOnly), 7 * one);
});

for (const [name, stack] of Object.entries(stacks)) {
  const spec = { ...BERT, stack };
  onEveryDevice(`${name}: sharing is tied copies, its gradient the sum of theirs`, async (on) => {
    const shared = parametersOf(spec), copies = untied(shared);
    assert(leaves(shared).length < leaves(copies).length);
    await assertAgrees({ loss: lossOf(shared) }, on);
    assertNear(await read(lossOf(shared)), await read(lossOf(copies)), 1e-5);
    const together = gradients(lossOf(shared), shared), apart = gradients(lossOf(copies), copies);
    const pick = (layer: Params["layers"][number]): Tensor[] => [
      layer.attention.key.weight,
      layer.feedForward.down.bias,
      layer.feedForwardNorm.gain,
    ];
    for (let part = 0; part < 3; part++) {
      const here = shared.layers.map((l) => pick(l)[part]), first = here[0];
      const sum = apart.layers.filter((_, i) => here[i] === first).map((l) => pick(l)[part])
        .reduce((a, b) => add(a, b));
      assertNear(await read(pick(together.layers[0])[part]), await read(sum), 2e-4);
    }
  });
}

Deno.test("the gradients of shared layers are those of differences", async () => {
  await device("reference");
  for (const stack of [oneForAll, attentionOnly, groups(2)]) {
    await assertGradients(lossOf, parametersOf({ ...BERT, stack }), 2);
  }
});

Deno.test("the trap: a shared stack multiplies as often as one of layers of their own", async () => {
  const products = async (stack: Stack) => {
    const { last } = encode(BERT, sizes, parametersOf({ ...BERT, stack }), { ids, mask });
    return (await explain(last)).kernels.filter(({ kind }) => kind === "product").length;
  };
  assertEquals(await products(oneForAll), await products(eachItsOwn));
});

Deno.test("groups that do not divide the layers are refused with all three numbers", () => {
  for (const [count, inner, layers] of [[5, 1, 12], [2, 2, 6], [0, 1, 4], [1.5, 1, 3], [1, 0, 2]]) {
    const error = assertThrows(
      () => groups(count, inner)(() => layerParameters(4, 4), layers),
      RangeError,
    );
    for (const n of [count, inner, `divides ${layers}`]) {
      assertStringIncludes(error.message, `${n}`);
    }
  }
});
