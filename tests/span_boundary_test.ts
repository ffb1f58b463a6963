import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import { initialise } from "../core/parameters.ts";
import {
  AxisError,
  type Device,
  device,
  gelu,
  gradients,
  mapNested,
  randomKey,
  read,
  relu,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { maskedLMLoss } from "../objectives/masked_language_model.ts";
import {
  fromBoundaries,
  type SpanBoundaryParameters,
  spanBoundaryParameters,
} from "../objectives/span_boundary.ts";
import { spanMasking } from "../objectives/span_masking.ts";
import { assertAgrees } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, some } from "./numbers.ts";
import { chosenOf, tokenizerOf, upTo } from "./objectives.ts";

const tokenizer = tokenizerOf("a", "b", "c", "d"), { vocabulary } = tokenizer;
const V = vocabulary.tokens.length,
  width = 4,
  sizes = { width, vocabulary: V, offsets: 3, offsetWidth: 2 };
const batch = encodeBatch(tokenizer, ["a b c d d c b a c", "b a c"]), [B, T] = batch.shape;
const { targets } = spanMasking(vocabulary, { rate: 0.5, offsets: 3 }).corrupt(batch, randomKey(3));
const x = some("B T D", [B, T, width]), words = some("V E", [V, width], 2);

/** Parameters that are as large as the states, so that everything matters. */
let seed = 10;
const head = mapNested(
  initialise(spanBoundaryParameters(sizes), randomKey(1)),
  (one) => some(one.axes.join(" "), [...one.shape], seed++),
) as SpanBoundaryParameters;
const logits = (x: Tensor<"B T D">, params = head) =>
  fromBoundaries(x, targets, params, words, gelu, 1e-6);

onEveryDevice("the head's scores are the numbers worked out by hand", async () => {
  // States of one number; after the first layer there are two, so that the norms have something to do.
  const wide = { before: tensor("M", [0]), after: tensor("M", [2]), offsets: tensor("M", [1]) };
  const params = {
    offsets: tensor("O D", [[9], [2]]),
    first: {
      weight: tensor("D I", [[1, 10, 100], [0, 0, 0]]),
      bias: tensor("D", [-151, 0]),
      norm: { gain: tensor("D", [1, 1]), bias: tensor("D", [0, 3]) },
    },
    second: {
      weight: tensor("E D", [[1, 1], [0, 0]]),
      bias: tensor("E", [0, 0]),
      norm: { gain: tensor("D", [1, 1]), bias: tensor("D", [0, 0]) },
    },
    bias: tensor("V", [0.5, 0]),
  };
  const states = tensor("B T D", [[[3], [7], [5]]]);
  const table = tensor("V E", [[1, 0], [0, 2]]);
  // 3·1 + 5·10 + 2·100 − 151 = 102 → (102, 0) → normed (1, −1) + (0, 3) → sum 3 → (3, 0) → normed (1, −1)
  const found = await read(fromBoundaries(states, wide, params, table, relu, 0));
  assertNear(found, [1.5, -2], 1e-5);
});

onEveryDevice("the head sees the boundaries and nothing else of the text", async () => {
  const loss = maskedLMLoss(logits(x), targets), slope = await read(gradients(loss, { x }).x);
  const reached = upTo(B * T).filter((t) =>
    slope.slice(t * width, (t + 1) * width).some((g) => g !== 0)
  );
  const { before, after } = await read({ before: targets.before, after: targets.after });
  const ends = new Set([...before.slice(0, targets.count), ...after.slice(0, targets.count)]);
  assertEquals(reached, [...ends].sort((a, b) => a - b));
  const { at } = chosenOf(targets);
  assert(reached.every((place) => !at.includes(place)));
});

onEveryDevice("tokens of one span differ by their offset alone", async () => {
  const { at } = chosenOf(targets), rows = await read(logits(x));
  const m = at.findIndex((place, m) => at[m + 1] === place + 1);
  const row = (m: number) => [...rows.slice(m * V, (m + 1) * V)];
  assert(row(m).some((score, v) => Math.abs(score - row(m + 1)[v]) > 1e-3));
  const flat = { ...head, offsets: some("O D", [1, 2]) };
  const same = await read(
    fromBoundaries(
      x,
      { ...targets, offsets: tensor("M", upTo(rows.length / V).map(() => 0)) },
      flat,
      words,
      gelu,
      1e-6,
    ),
  );
  assertNear(same.slice(m * V, (m + 1) * V), same.slice((m + 1) * V, (m + 2) * V), 1e-6);
});

onEveryDevice("the head gives the same on every device", async (on: Device) => {
  const y = logits(x);
  await assertAgrees({ y, slopes: gradients(maskedLMLoss(y, targets), head) }, on);
});

Deno.test("the head's gradients are those of differences [reference]", async () => {
  await device("reference");
  await assertGradients(
    ({ x, ...params }) => maskedLMLoss(logits(x, params as SpanBoundaryParameters), targets),
    { x, ...head },
    6,
  );
});

Deno.test("an offset without a vector is refused", () => {
  const few = { ...head, offsets: some("O D", [1, 2]) };
  assertThrows(() => logits(x, few), AxisError, "is not one of the 1 rows");
});
