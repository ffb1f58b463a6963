import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeBatch } from "../core/text/batch.ts";
import {
  add,
  AxisError,
  device,
  exp,
  gradients,
  ignored,
  log,
  logSoftmax,
  mean,
  multiply,
  randomKey,
  read,
  rearrange,
  rename,
  scale,
  softmax,
  stopGradient,
  subtract,
  sum,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import {
  cosineDistance,
  distillationLoss,
  divergence,
  hardAndSoft,
  logitsDistance,
} from "../objectives/distillation.ts";
import {
  distilBertWeights,
  type DistillationOptions,
  distilledMaskedLM,
} from "../objectives/distilled_masked_lm.ts";
import {
  relationDivergence,
  scoresDistance,
  statesDistance,
} from "../objectives/layer_transfer.ts";
import { maskedLMLoss, type MaskedTargets } from "../objectives/masked_language_model.ts";
import { asParts } from "../objectives/objective.ts";
import { assertClose } from "./compare.ts";
import { onEveryDevice } from "./devices.ts";
import { goldenRoot, type GoldenTensor } from "./golden_models.ts";
import { assertGradients, assertNear, given, some } from "./numbers.ts";
import { tokenizerOf } from "./objectives.ts";

interface Golden {
  temperature: number;
  attention_mask: number[][];
  labels: number[][];
  loss_ce: number;
  loss_mlm: number;
  loss_cos: number;
  total: number;
  grad_total_logits_norm: number;
  kl_example: { P: number[]; Q: number[]; "KL(P||Q)": number; "KL(Q||P)": number };
  tinybert: Record<string, GoldenTensor> & { loss_attention: number; loss_hidden: number };
  minilm: Record<string, GoldenTensor> & { loss_attention: number; loss_value_relation: number };
}
type Slopes = Record<"grad_loss_ce" | "grad_loss_mlm" | "grad_loss_cos", { grad: GoldenTensor }>;
type Pair = Record<
  "student_logits" | "teacher_logits" | "student_hidden" | "teacher_hidden",
  GoldenTensor
>;
const golden: Golden & Slopes & Pair = JSON.parse(
  await Deno.readTextFile(`${goldenRoot}/nonmodel/distillation.json`),
);
const { tinybert, minilm, kl_example: example } = golden;

const of = <const S extends string>(axes: S, { data, shape }: GoldenTensor): Tensor<S> =>
  tensor(axes, data, shape);
const logits = {
  student: of("B T V", golden.student_logits),
  teacher: of("B T V", golden.teacher_logits),
};
const states = {
  student: of("B T D", golden.student_hidden),
  teacher: of("B T D", golden.teacher_hidden),
};
const keep = tensor("B T", golden.attention_mask);

/** The labels as masked LM has them. */
function maskedTargets(labels: number[][]): MaskedTargets {
  const flat = labels.flat(), places = [...flat.keys()].filter((i) => flat[i] !== ignored);
  return {
    places: tensor("M", places),
    labels: tensor("M", places.map((place) => flat[place])),
    count: places.length,
    shape: [labels.length, labels[0].length],
  };
}
const masked = maskedTargets(golden.labels);
const { temperature: tau } = golden;

/** A loss and its gradients are the golden ones. */
async function assertGolden(
  loss: Tensor<"">,
  wanted: number,
  params: Record<string, Tensor>,
  slopes: Record<string, number[]>,
): Promise<void> {
  const found = await read({ loss, slopes: gradients(loss, params) });
  assertClose(found.loss, [wanted], 2e-6, "loss");
  for (const [name, values] of Object.entries(slopes)) {
    assertClose(found.slopes[name], values, 1e-6, `gradient of ${name}`);
  }
}

onEveryDevice("golden distillation: soft targets", async () => {
  const { student, teacher } = logits;
  const loss = distillationLoss(student, teacher, keep, tau);
  await assertGolden(loss, golden.loss_ce, { student, teacher }, {
    student: golden.grad_loss_ce.grad.data,
    teacher: golden.teacher_logits.data.map(() => 0),
  });
});

onEveryDevice("golden distillation: masked LM of the student", async () => {
  const { student } = logits;
  const wanted = { student: golden.grad_loss_mlm.grad.data };
  await assertGolden(maskedLMLoss(student, masked), golden.loss_mlm, { student }, wanted);
});

onEveryDevice("golden distillation: cosine of the states", async () => {
  const { student, teacher } = states, apart = cosineDistance(student, teacher, "D");
  const count = golden.attention_mask.flat().reduce((sum, kept) => sum + kept);
  const loss = scale(sum(multiply(apart, keep)), 1 / count);
  await assertGolden(loss, golden.loss_cos, { student, teacher }, {
    student: golden.grad_loss_cos.grad.data,
    teacher: golden.teacher_hidden.data.map(() => 0),
  });
});

onEveryDevice("golden distillation: the three losses of DistilBERT together", async () => {
  const objective = distilledMaskedLM(tokenizerOf("a").vocabulary, { tau });
  const count = golden.attention_mask.flat().reduce((sum, kept) => sum + kept);
  const student = { logits: logits.student, states: states.student };
  const teacher = { logits: logits.teacher, states: states.teacher };
  const loss = objective.loss({ student, teacher }, { masked, tokens: { mask: keep, count } });
  const found = await read({ loss, slope: gradients(loss, { student }).student });
  assertClose(found.loss, [golden.total], 2e-6);
  assertClose([Math.hypot(...found.slope.logits)], [golden.grad_total_logits_norm], 2e-6);
  const ofCosine = golden.grad_loss_cos.grad.data.map((g) => g * distilBertWeights.cosine);
  assertClose(found.slope.states, ofCosine, 1e-6);
});

onEveryDevice("golden distillation: the divergence of the example", async () => {
  const [P, Q] = [example.P, example.Q].map((p) => log(tensor("C", p)));
  assertNear(await read(divergence(Q, P, "C")), [example["KL(P||Q)"]], 1e-6);
  assertNear(await read(divergence(P, Q, "C")), [example["KL(Q||P)"]], 1e-6);
});

onEveryDevice("golden distillation: states and scores of TinyBERT", async () => {
  const student = of("B T D", tinybert.student_hidden),
    teacher = of("B T D'", tinybert.teacher_hidden);
  const W = of("D D'", tinybert.W), toTeacher = rearrange(W, "D D' -> D' D");
  const hidden = statesDistance(student, toTeacher, teacher);
  await assertGolden(hidden, tinybert.loss_hidden, { student, W }, {
    student: tinybert.grad_student_hidden.data,
    W: tinybert.grad_W.data,
  });
  const scores = of("B H Tq Tk", tinybert.student_scores);
  const loss = scoresDistance(scores, of("B H Tq Tk", tinybert.teacher_scores));
  const wanted = { scores: tinybert.grad_student_scores.data };
  await assertGolden(loss, tinybert.loss_attention, { scores }, wanted);
});

onEveryDevice("golden distillation: relations of MiniLM", async () => {
  const from = (name: string) => of("B H Tq K", minilm[name]),
    to = (name: string) => of("B H Tk K", minilm[name]);
  const q = from("student_q"), k = to("student_k"), v = from("student_v");
  const attention = relationDivergence({ from: q, to: k }, {
    from: from("teacher_q"),
    to: to("teacher_k"),
  });
  const slopes = { q: minilm.grad_student_q.data };
  await assertGolden(attention, minilm.loss_attention, { q, k }, slopes);
  const value = relationDivergence(
    { from: v, to: rename(v, "B H Tq K -> B H Tk K") },
    { from: from("teacher_v"), to: to("teacher_v") },
  );
  await assertGolden(value, minilm.loss_value_relation, { v }, { v: minilm.grad_student_v.data });
});

Deno.test("the divergence of [.2 .4 .4] from [.4 .2 .4] is 0.1386294361", async () => {
  await device("reference");
  const [p, q] = [[0.2, 0.4, 0.4], [0.4, 0.2, 0.4]].map((p) => log(tensor("C", p)));
  assertNear(await read(divergence(q, p, "C")), [0.1386294361], 1e-10);
  assertNear(await read(divergence(q, p, "C")), [0.2 * Math.LN2], 1e-12); // by hand
});

onEveryDevice("a student that says what its teacher says has nothing to learn", async () => {
  const teacher = some("B T V", [2, 3, 5]), keep = tensor("B T", [[1, 1, 0], [1, 0, 0]]);
  const student = add(teacher, 7); // a constant more changes no distribution
  for (const tau of [0.5, 1, 2, 10]) {
    const loss = distillationLoss(student, teacher, keep, tau);
    const found = await read({ loss, slope: gradients(loss, { student }).student });
    assertNear(found.loss, [0], 1e-5);
    assertNear(found.slope, new Array(30).fill(0), 1e-5);
  }
});

onEveryDevice("a divergence is never below 0, and grows with the temperature's fall", async () => {
  const [student, teacher] = [some("B T V", [3, 4, 6]), some("B T V", [3, 4, 6], 2)];
  const found = await read([8, 2, 1, 0.5].map((tau) => divergence(student, teacher, "V", tau)));
  for (const row of found) assert(row.every((kl) => kl >= 0));
  const sums = found.map((row) => [...row].reduce((sum, kl) => sum + kl));
  assertEquals(sums, sums.toSorted((a, b) => a - b));
});

onEveryDevice("what is not kept, padding, changes nothing", async () => {
  const pad = (seed: number) => {
    const values = given(some("B T V", [1, 2, 4])), more = given(some("B T V", [1, 1, 4], seed));
    return tensor("B T V", [...values, ...more], [1, 3, 4]);
  };
  const teacher = some("B T V", [1, 3, 4], 5), kept = tensor("B T", [[1, 1, 0]]);
  const [a, b] = [pad(6), pad(7)];
  const found = await read({
    losses: [a, b].map((student) => distillationLoss(student, teacher, kept)),
    slope: gradients(distillationLoss(a, teacher, kept), { a }).a,
  });
  assertEquals(found.losses[0], found.losses[1]);
  assertEquals([...found.slope.slice(8)], [0, 0, 0, 0]);
});

onEveryDevice("tau² gives the gradient back the size that a high temperature takes", async () => {
  const [student, teacher] = [some("B T V", [1, 2, 8]), some("B T V", [1, 2, 8], 2)];
  const kept = tensor("B T", [[1, 1]]);
  const size = async (loss: Tensor<"">) =>
    Math.hypot(...await read(gradients(loss, { student }).student));
  const [cool, hot] = [
    await size(distillationLoss(student, teacher, kept, 4)),
    await size(distillationLoss(student, teacher, kept, 16)),
  ];
  assert(Math.abs(hot / cool - 1) < 0.2, `${hot / cool}`);
  const without = (tau: number) => size(mean(divergence(student, teacher, "V", tau)));
  assert(await without(16) / await without(4) < 1 / 12);
});

onEveryDevice(
  "at a high temperature soft targets become the distance of centred logits",
  async () => {
    const centred = (seed: number) => {
      const x = some("B V", [1, 6], seed);
      return subtract(x, mean(x, "V"));
    };
    const [student, teacher] = [centred(1), centred(2)], tau = 30;
    const soft = scale(mean(divergence(student, teacher, "V", tau)), tau ** 2);
    const found = await read({ soft, distance: mean(logitsDistance(student, teacher, "V")) });
    assertNear([found.soft[0] / found.distance[0]], [0.5], 0.03); // tau² KL → ½ mean (x − y)²
  },
);

onEveryDevice("distances of logits and of states are the numbers worked out by hand", async () => {
  const [x, y] = [tensor("T V", [[1, 2, 3], [0, 0, 0]]), tensor("T V", [[1, 0, 0], [3, 0, 4]])];
  assertNear(await read(logitsDistance(x, y, "V")), [13 / 3, 25 / 3], 1e-6);
  const [a, b] = [
    tensor("T D", [[1, 0], [2, 2], [1, 2]]),
    tensor("T D", [[-3, 0], [5, 5], [-2, 1]]),
  ];
  assertNear(await read(cosineDistance(a, b, "D")), [2, 0, 1], 1e-6);
});

onEveryDevice("states of zeros have no direction: distance 1, and no NaN", async () => {
  const student = tensor("T D", [[0, 0]]), teacher = tensor("T D", [[1, 2]]);
  const loss = sum(cosineDistance(student, teacher, "D"));
  const found = await read({ loss, slope: gradients(loss, { student }).student });
  assertNear(found.loss, [1], 1e-6);
  assert(found.slope.every(Number.isFinite), `${found.slope}`);
});

onEveryDevice("a teacher that rules a token out leaves no NaN", async () => {
  const student = tensor("C", [1, 2, 3]), teacher = tensor("C", [0, 0, -3.4e38]);
  const loss = divergence(student, teacher, "C", 2);
  const found = await read({ loss, slope: gradients(loss, { student }).student });
  assert([...found.loss, ...found.slope].every(Number.isFinite), `${found.loss} ${found.slope}`);
});

onEveryDevice("no gradient reaches the teacher", async () => {
  const [student, teacher] = [some("T V", [2, 4]), some("T V", [2, 4], 2)];
  const losses = [
    divergence(student, teacher, "V", 2),
    logitsDistance(student, teacher, "V"),
    cosineDistance(student, teacher, "V"),
  ];
  for (const loss of losses) {
    const slopes = await read(gradients(sum(loss), { student, teacher }));
    assert(slopes.teacher.every((g) => g === 0) && slopes.student.some((g) => g !== 0));
  }
});

Deno.test("every distance's gradient is that of differences [reference]", async () => {
  await device("reference");
  const student = some("T V", [3, 5]), teacher = some("T V", [3, 5], 2);
  for (const tau of [0.7, 1, 3]) {
    await assertGradients(
      ({ student }) => sum(divergence(student, teacher, "V", tau)),
      { student },
      15,
    );
  }
  await assertGradients(
    ({ student }) => sum(logitsDistance(student, teacher, "V")),
    { student },
    15,
  );
  await assertGradients(
    ({ student }) => sum(cosineDistance(student, teacher, "V")),
    { student },
    15,
  );
});

onEveryDevice("labels and teacher are mixed by their weight", async () => {
  const [hard, soft] = [tensor("", [2], []), tensor("", [10], [])];
  const found = await read([0, 0.25, 1].map((weight) => hardAndSoft(hard, soft, weight)));
  assertNear(found.map(([x]) => x), [10, 8, 2], 1e-6);
});

onEveryDevice("mixing the losses has the gradient of mixing the targets", async () => {
  const student = some("C", [4]), teacher = some("C", [4], 2), share = 0.3;
  const hot = tensor("C", [0, 0, 1, 0]);
  const q = logSoftmax(student, "C");
  const hard = scale(sum(multiply(hot, q)), -1);
  const mixed = hardAndSoft(hard, divergence(student, teacher, "C"), share);
  const targets = add(scale(hot, share), scale(stopGradient(softmax(teacher, "C")), 1 - share));
  const one = scale(sum(multiply(targets, q)), -1);
  const slopes = await read([mixed, one].map((loss) => gradients(loss, { student }).student));
  assertNear(slopes[0], slopes[1], 1e-6);
});

const tokenizer = tokenizerOf("a", "b", "c", "d"), V = tokenizer.vocabulary.tokens.length;

onEveryDevice("distilled masked LM: its loss of parts adds up to that of the whole", async () => {
  const objective = distilledMaskedLM(tokenizer.vocabulary, { rate: 0.4 }), key = randomKey(1);
  const texts = ["a b c d a b", "c d", "b b a d", "d"], batch = encodeBatch(tokenizer, texts);
  const T = batch.shape[1], { targets } = objective.corrupt(batch, key);
  const part = (rows: [number, number]) => {
    const cut = <const S extends string>(axes: S, width: number, seed: number) => {
      const all = given(some(axes, [4, T, width], seed)), size = T * width;
      return tensor(axes, all.slice(rows[0] * size, rows[1] * size), [rows[1] - rows[0], T, width]);
    };
    const made = (seed: number) => ({
      logits: cut("B T V", V, seed),
      states: cut("B T D", 3, seed),
    });
    return { student: made(1), teacher: made(2) };
  };
  const places = given(targets.masked.places).slice(0, targets.masked.count);
  const were = given(targets.masked.labels), mask = given(targets.tokens.mask);
  const halves = ([[0, 2], [2, 4]] as [number, number][]).map(([from, to]) => {
    const mine = [...places.keys()].filter((m) => places[m] >= from * T && places[m] < to * T);
    const real = mask.slice(from * T, to * T);
    return {
      masked: {
        places: tensor("M", mine.map((m) => places[m] - from * T)),
        labels: tensor("M", mine.map((m) => were[m])),
        count: mine.length,
        shape: [to - from, T] as const,
      },
      tokens: {
        mask: tensor("B T", real, [to - from, T]),
        count: real.reduce((sum, x) => sum + x),
      },
    };
  });
  const [ofMasked, ofTokens] = [
    asParts(halves.map((h) => h.masked)),
    asParts(halves.map((h) => h.tokens)),
  ];
  const losses = ([[0, 2], [2, 4]] as [number, number][]).map((rows, i) =>
    objective.loss(part(rows), { masked: ofMasked[i], tokens: ofTokens[i] })
  );
  const [whole] = await read(objective.loss(part([0, 4]), targets));
  assertNear(await read(add(losses[0], losses[1])), [whole], 2e-5);
});

Deno.test("distilled masked LM: all tokens count for the teacher, the hidden ones for the text", () => {
  const batch = encodeBatch(tokenizer, ["a b c d a b c d", "c d"]);
  const { targets, inputs } = distilledMaskedLM(tokenizer.vocabulary).corrupt(batch, randomKey(1));
  assertEquals(targets.tokens, { mask: inputs.mask, count: 14 });
  assertEquals(targets.masked.count, 2);
});

onEveryDevice("distilled masked LM takes its weights as it is told", async () => {
  const batch = encodeBatch(tokenizer, ["a b c d"]),
    made = (seed: number) => ({
      logits: some("B T V", [1, 6, V], seed),
      states: some("B T D", [1, 6, 3], seed),
    });
  const outputs = { student: made(1), teacher: made(2) };
  const loss = (soft: number, hard: number, cosine: number) => {
    const objective = distilledMaskedLM(tokenizer.vocabulary, { weights: { soft, hard, cosine } });
    return objective.loss(outputs, objective.corrupt(batch, randomKey(1)).targets);
  };
  const [[all], [soft], [hard], [cosine]] = await read([
    loss(2, 3, 4),
    loss(1, 0, 0),
    loss(0, 1, 0),
    loss(0, 0, 1),
  ]);
  assertNear([all], [2 * soft + 3 * hard + 4 * cosine], 1e-4);
});

Deno.test("distillation refuses a teacher of another vocabulary, width or batch, and says what to do", () => {
  const refused = (f: () => unknown, ...parts: string[]) => {
    for (const part of parts) assertThrows(f, AxisError, part);
  };
  const kept = tensor("B T", [[1, 1]]), student = some("B T V", [1, 2, 5]);
  refused(
    () => distillationLoss(student, some("B T V", [1, 2, 6]), kept),
    '"B T V" 1×2×5',
    '"B T V" 1×2×6',
    "vocabulary",
  );
  refused(
    () => distillationLoss(student, some("B T V", [1, 3, 5]), kept),
    "differ in T",
    "same batch",
  );
  refused(
    () => divergence(student as Tensor, some("B V T", [1, 5, 2]) as Tensor, "V"),
    "different axes",
  );
  refused(() => logitsDistance(some("B C", [1, 2]), some("B C", [1, 3]), "C"), "same classes");
  refused(() => cosineDistance(some("T D", [1, 2]), some("T D", [1, 3]), "D"), "width");
  refused(
    () => scoresDistance(some("B H Tq Tk", [1, 2, 3, 3]), some("B H Tq Tk", [1, 4, 3, 3])),
    "differ in H; both need as many heads",
  );
  const wide = some("B T D'", [1, 2, 8]);
  refused(
    () => statesDistance(some("B T D", [1, 2, 4]), some("D' D", [6, 4]), wide),
    "differ in D'; the layer",
  );
});

Deno.test("distillation refuses a temperature that is not above 0, and a weight that is no share", () => {
  const one = some("B T V", [1, 1, 2]), kept = tensor("B T", [[1]]);
  for (const tau of [0, -1, NaN, Infinity]) {
    assertThrows(() => distillationLoss(one, one, kept, tau), RangeError, `the temperature ${tau}`);
  }
  const { vocabulary } = tokenizer,
    refused = (options: DistillationOptions, said: string) =>
      assertThrows(() => distilledMaskedLM(vocabulary, options), RangeError, said);
  refused({ tau: 0 }, "the temperature 0");
  refused({ weights: { soft: 5, hard: -2, cosine: 1 } }, "the weight of hard is -2");
  const loss = tensor("", [1], []);
  for (const weight of [-0.1, 1.1, NaN]) {
    assertThrows(() => hardAndSoft(loss, loss, weight), RangeError, `the weight ${weight}`);
  }
});

onEveryDevice(
  "the trap: a mean over V too is V times too small, a sum over positions T times too large",
  async () => {
    const { student, teacher } = logits, [B, T, V] = golden.student_logits.shape;
    const [p, q] = [
      logSoftmax(scale(teacher, 1 / tau), "V"),
      logSoftmax(scale(student, 1 / tau), "V"),
    ];
    const each = multiply(exp(p), subtract(p, q)); // what a KL loss without reduction gives
    const all = tensor("B T", new Array(B * T).fill(1), [B, T]);
    const [right] = await read(distillationLoss(student, teacher, all, tau));
    const [overV] = await read(scale(mean(each), tau ** 2)); // reduction "mean"
    const [overB] = await read(scale(sum(each), tau ** 2 / B)); // "batchmean" of B×T×V
    assertNear([overV * V, overB / T], [right, right], 1e-5);
  },
);

onEveryDevice(
  "the trap: a teacher that sees what is hidden punishes the student for doubt",
  async () => {
    // Two tokens are as likely as each other, and nobody can know which was hidden.
    const doubt = tensor("B T V", [[[0, 0, -9]]]), sees = tensor("B T V", [[[9, 0, -9]]]);
    const kept = tensor("B T", [[1]]);
    const [fair, unfair] = await read([
      distillationLoss(doubt, doubt, kept),
      distillationLoss(doubt, sees, kept),
    ]);
    assertNear(fair, [0], 1e-6);
    assert(unfair[0] > 1, `${unfair}`);
  },
);
