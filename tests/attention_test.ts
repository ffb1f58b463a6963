import { assert, assertEquals, assertThrows } from "@std/assert";
import { attention, attentionParameters, selfAttention } from "../core/attention.ts";
import { paddingBias } from "../core/masks.ts";
import { initialise, instantiate } from "../core/parameters.ts";
import {
  AxisError,
  device,
  einsum,
  multiply,
  randomKey,
  read,
  rename,
  scale,
  softmax,
  sum,
  tensor,
} from "../core/tensor/mod.ts";
import { onEveryDevice } from "./devices.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";

const q = () => some("B H Tq K", [2, 3, 4, 5], 1);
const k = () => some("B H Tk K", [2, 3, 6, 5], 2);
const v = () => some("B H Tk K", [2, 3, 6, 5], 3);

onEveryDevice("attention() of two words is the number worked out by hand", async () => {
  const query = tensor("B H Tq K", [[[[2]]]]);
  const keys = tensor("B H Tk K", [[[[0], [1]]]]), values = tensor("B H Tk K", [[[[10], [20]]]]);
  const { out, weights } = attention(query, keys, values); // scores 0 and 2
  const second = Math.exp(2) / (1 + Math.exp(2));
  assertNear(await read(weights), [1 - second, second], 1e-6);
  assertNear(await read(out), [10 + 10 * second], 1e-4);
});

onEveryDevice("attention() gives weights whose rows sum to 1", async () => {
  const { weights } = attention(q(), k(), v());
  assertNear(await read(sum(weights, "Tk")), new Array(24).fill(1), 1e-6);
});

onEveryDevice(
  "attention() gives a hidden key no weight, and the others what they had alone",
  async () => {
    const bias = paddingBias(tensor("B T", [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]]));
    const { out, weights } = attention(q(), k(), v(), bias);
    const found = await read(weights);
    for (let row = 0; row < 24; row++) {
      assertEquals([found[row * 6 + 4], found[row * 6 + 5]], [
        0,
        0,
      ]);
    }
    const short = (x: ReturnType<typeof k>) => {
      const values = given(x);
      const kept = values.filter((_, i) => Math.floor(i / 5) % 6 < 4);
      return tensor("B H Tk K", kept, [2, 3, 4, 5]);
    };
    assertNear(await read(out), await read(attention(q(), short(k()), short(v())).out), 1e-5);
  },
);

onEveryDevice("attention() looks everywhere alike when every key is hidden", async () => {
  const bias = paddingBias(tensor("B T", new Array(12).fill(0), [2, 6]));
  const { weights } = attention(q(), k(), v(), bias);
  assertNear(await read(weights), new Array(144).fill(1 / 6), 1e-6);
});

Deno.test("attention() passes the gradients that differences give", async () => {
  await device("reference");
  await assertGradients(
    (p) => sum(multiply(attention(p.q, p.k, p.v).out, some("B H Tq K", [2, 3, 4, 5], 9))),
    { q: q(), k: k(), v: v() },
  );
});

onEveryDevice("selfAttention() of shuffled tokens is the shuffled output", async () => {
  const params = initialise(attentionParameters(8), randomKey(1), 0.5);
  const x = some("B T D", [1, 3, 8]);
  const values = given(x);
  const turned = tensor("B T D", [...values.slice(16), ...values.slice(0, 16)], [1, 3, 8]);
  const plain = await read(selfAttention(x, params, 2).out);
  const found = await read(selfAttention(turned, params, 2).out);
  assertNear(found, [...plain.slice(16), ...plain.slice(0, 16)], 1e-5);
});

onEveryDevice("selfAttention() with one head is attention() of the three projections", async () => {
  const params = instantiate(
    attentionParameters(4),
    ({ axes, shape }, path) =>
      path.endsWith("bias")
        ? scale(some(axes, [...shape]), 0)
        : some(axes, [...shape], path.length),
  );
  const x = some("B T D", [2, 3, 4]);
  const project = (w: typeof params.query) => einsum("B T D, H·K D -> B T H·K", x, w.weight);
  const scores = einsum(
    "B Tq K, B Tk K -> B Tq Tk",
    rename(project(params.query), "B T H·K -> B Tq K"),
    rename(project(params.key), "B T H·K -> B Tk K"),
  );
  const weights = softmax(scale(scores, 0.5), "Tk");
  const found = await read(selfAttention(x, params, 1).weights);
  assertNear(found, await read(weights), 1e-5);
});

Deno.test("dividing by √D instead of √K is another function: the trap", async () => {
  await device("reference");
  const scores = einsum("B H Tq K, B H Tk K -> B H Tq Tk", q(), k());
  const wrong = await read(softmax(scale(scores, 1 / Math.sqrt(15)), "Tk"));
  const right = await read(attention(q(), k(), v()).weights);
  assert(right.some((w, i) => Math.abs(w - wrong[i]) > 0.01));
});

Deno.test("selfAttention() refuses a number of heads that does not divide the width", () => {
  const params = initialise(attentionParameters(8), randomKey(1));
  const error = assertThrows(() => selfAttention(some("B T D", [1, 2, 8]), params, 3), AxisError);
  assert(error.message.includes("H·K is 8"), error.message);
});
