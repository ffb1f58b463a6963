import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  AxisError,
  gradients,
  log,
  read,
  scale,
  softmax,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import { distillationLoss, divergence, hardAndSoft } from "../objectives/distillation.ts";
import { bornAgain, ensemble, teacherAnnealing } from "../objectives/teachers.ts";
import { onEveryDevice } from "./devices.ts";
import { assertNear, given, some } from "./numbers.ts";

const softmaxOf = (row: number[], tau = 1) => {
  const e = row.map((x) => Math.exp(x / tau)), total = e.reduce((sum, x) => sum + x);
  return e.map((x) => x / total);
};

Deno.test("annealing goes from the teacher to the labels in a straight line, and stays there", () => {
  assertEquals([-1, 0, 1, 2, 3, 4, 5].map(teacherAnnealing(4)), [0, 0, 0.25, 0.5, 0.75, 1, 1]);
  for (const steps of [0, -3, NaN]) {
    assertThrows(() => teacherAnnealing(steps), RangeError, `${steps} steps`);
  }
});

onEveryDevice("an annealed loss is soft at first and hard at last", async () => {
  const [hard, soft] = [tensor("", [3], []), tensor("", [5], [])], share = teacherAnnealing(10);
  const found = await read([0, 5, 10].map((done) => hardAndSoft(hard, soft, share(done))));
  assertNear(found.map(([x]) => x), [5, 4, 3], 1e-6);
});

onEveryDevice(
  "an ensemble says the mean of what its teachers say, at every temperature",
  async () => {
    const teachers = [1, 2, 3].map((seed) => some("B C", [2, 4], seed));
    for (const tau of [1, 2, 0.5]) {
      const said = await read(softmax(scale(ensemble(teachers, "C", tau), 1 / tau), "C"));
      const rows = teachers.map((one) =>
        [0, 4].map((from) => softmaxOf(given(one).slice(from, from + 4), tau)).flat()
      );
      assertNear(said, rows[0].map((_, i) => (rows[0][i] + rows[1][i] + rows[2][i]) / 3), 1e-6);
    }
  },
);

onEveryDevice("one teacher is its own ensemble, and so are copies of it", async () => {
  const one = some("B T V", [1, 2, 5]), student = some("B T V", [1, 2, 5], 7);
  for (const teachers of [[one], [one, one, one]]) {
    assertNear(await read(divergence(ensemble(teachers, "V", 2), one, "V", 2)), [0, 0], 1e-6);
    const keep = tensor("B T", [[1, 1]]);
    const [wanted] = await read(distillationLoss(student, one, keep, 2));
    assertNear(
      await read(distillationLoss(student, ensemble(teachers, "V", 2), keep, 2)),
      [wanted],
      1e-6,
    );
  }
});

onEveryDevice("teachers that are very sure of different things leave no NaN", async () => {
  const teachers = [[300, 0, 0], [0, 300, 0]].map((row) => tensor("C", row));
  assertNear(await read(softmax(ensemble(teachers, "C"), "C")), [0.5, 0.5, 0], 1e-6);
  const student: Tensor<"C"> = tensor("C", [0, 0, 0]);
  const loss = divergence(student, ensemble(teachers, "C"), "C");
  const found = await read({ loss, slope: gradients(loss, { student }).student });
  assertNear(found.loss, [Math.log(1.5)], 1e-5);
  assertNear(found.slope, [1 / 3 - 1 / 2, 1 / 3 - 1 / 2, 1 / 3], 1e-6);
});

onEveryDevice("the trap: the mean of logits lets one teacher silence all others", async () => {
  const teachers = [[0.45, 0.55], [0.45, 0.55], [1 - 1e-6, 1e-6]].map((p) => log(tensor("C", p)));
  const [buggy] = await read(
    softmax(
      tensor(
        "C",
        [0, 1].map((i) =>
          [[0.45, 0.55], [0.45, 0.55], [1 - 1e-6, 1e-6]].reduce(
            (sum, p) => sum + Math.log(p[i]) / 3,
            0,
          )
        ),
      ),
      "C",
    ),
  );
  const [right] = await read(softmax(ensemble(teachers, "C"), "C"));
  assertNear([right], [(0.45 + 0.45 + 1) / 3], 1e-5);
  assert(buggy > 0.98, `${buggy}`);
});

Deno.test("an ensemble refuses teachers that cannot be averaged", () => {
  const [a, b] = [some("B V", [2, 3]), some("B V", [2, 4])];
  assertThrows(() => ensemble([], "C" as never), AxisError, "no teacher");
  assertThrows(() => ensemble([a, b], "V"), AxisError, "one vocabulary");
  for (const tau of [0, -1, NaN, Infinity]) {
    assertThrows(() => ensemble([a], "V", tau), RangeError, `temperature ${tau}`);
  }
});

Deno.test("each generation is taught by the one before, the first by none", async () => {
  const calls: [unknown, number][] = [];
  const models = await bornAgain(3, (teacher?: { generation: number }, generation = -1) => {
    calls.push([teacher?.generation, generation]);
    return Promise.resolve({ generation });
  });
  assertEquals(calls, [[undefined, 0], [0, 1], [1, 2]]);
  assertEquals(models.map(({ generation }) => generation), [0, 1, 2]);
  for (const n of [0, 1.5, NaN]) {
    await assertRejects(
      () => bornAgain(n, () => Promise.resolve(1)),
      RangeError,
      `${n} generations`,
    );
  }
});
